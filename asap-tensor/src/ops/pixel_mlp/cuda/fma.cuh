// A layer's products in single precision, for any widths. Rows of weights and of outputs are zero-padded to multiples
// of four; depth is not.

// The position of a thread's pixel j: with 8 pixels, two groups of 4 in either half of the block's pixels, so that
// adjacent threads read adjacent memory.
template <int PIXELS>
__device__ __forceinline__ int pixel_of(int group, int j, int pixels) {
    return PIXELS == 1 ? group : j / 4 * (pixels / 2) + group * 4 + j % 4;
}

template <int PIXELS>
__device__ __forceinline__ void load_pixels(float (&x)[PIXELS], const float* row, int group, int pixels) {
    if constexpr (PIXELS == 1) {
        x[0] = row[group];
    } else {
        #pragma unroll
        for (int j = 0; j < PIXELS; j += 4) {
            float4 four = load4(row + pixel_of<PIXELS>(group, j, pixels));
            x[j] = four.x, x[j + 1] = four.y, x[j + 2] = four.z, x[j + 3] = four.w;
        }
    }
}

// Z = b + W[label] + H·W, 4 outputs of a thread's pixels at a time.
template <int PIXELS, class Finish>
__device__ __forceinline__ void forward_product(const float* rows, const int* labels, const float* params,
                                                const Layer& layer, const Network& network, Finish finish) {
    int groups = network.pixels / PIXELS, stride = layer.stride;
    for (int item = threadIdx.x; item < groups * (stride / 4); item += blockDim.x) {
        int group = item % groups, o = item / groups * 4;
        float4 bias = load4(params + o);
        float z[4][PIXELS];
        #pragma unroll
        for (int j = 0; j < PIXELS; j++) {
            float4 sum = bias;
            if (layer.looked_up > 0) {
                int label = labels[pixel_of<PIXELS>(group, j, network.pixels)];
                if (label != NO_LABEL) {
                    float4 weight = load4(params + (1 + label) * stride + o);
                    sum.x += weight.x, sum.y += weight.y, sum.z += weight.z, sum.w += weight.w;
                }
            }
            z[0][j] = sum.x, z[1][j] = sum.y, z[2][j] = sum.z, z[3][j] = sum.w;
        }
        const float* weight = params + (1 + layer.looked_up) * stride + o;
        const float* h = rows;
        #pragma unroll 2
        for (int k = 0; k < layer.inputs; k++, weight += stride, h += network.pitch) {
            float4 w = load4(weight);
            float x[PIXELS];
            load_pixels(x, h, group, network.pixels);
            #pragma unroll
            for (int j = 0; j < PIXELS; j++) {
                z[0][j] += w.x * x[j], z[1][j] += w.y * x[j], z[2][j] += w.z * x[j], z[3][j] += w.w * x[j];
            }
        }
        #pragma unroll
        for (int r = 0; r < 4; r++) {
            #pragma unroll
            for (int j = 0; j < PIXELS; j++) finish(o + r, pixel_of<PIXELS>(group, j, network.pixels), z[r][j]);
        }
    }
}

// G = Δ·Wᵀ for the first `inputs` rows of the product's weights, 4 of them for a thread's pixels at a time.
template <int PIXELS, class Finish>
__device__ __forceinline__ void backward_product(const float* delta, const float* params, const Layer& layer,
                                                 int inputs, const Network& network, Finish finish) {
    int groups = network.pixels / PIXELS, stride = layer.stride, pitch = network.pitch;
    const float* weights = params + (1 + layer.looked_up) * stride;
    for (int item = threadIdx.x; item < groups * ceil_div(inputs, 4); item += blockDim.x) {
        int group = item % groups, i = item / groups * 4;
        float g[4][PIXELS] = {};
        // Beyond the last row, the last is read again and the result discarded.
        const float* weight[4];
        #pragma unroll
        for (int r = 0; r < 4; r++) weight[r] = weights + min(i + r, inputs - 1) * stride;
        for (int k = 0; k < stride; k += 4) {
            float w[4][4];
            #pragma unroll
            for (int r = 0; r < 4; r++) {
                float4 four = load4(weight[r] + k);
                w[r][0] = four.x, w[r][1] = four.y, w[r][2] = four.z, w[r][3] = four.w;
            }
            #pragma unroll
            for (int c = 0; c < 4; c++) {
                float x[PIXELS];
                load_pixels(x, delta + (k + c) * pitch, group, network.pixels);
                #pragma unroll
                for (int j = 0; j < PIXELS; j++) {
                    #pragma unroll
                    for (int r = 0; r < 4; r++) g[r][j] += w[r][c] * x[j];
                }
            }
        }
        #pragma unroll
        for (int r = 0; r < 4; r++) {
            if (i + r >= inputs) break;
            #pragma unroll
            for (int j = 0; j < PIXELS; j++) finish(i + r, pixel_of<PIXELS>(group, j, network.pixels), g[r][j]);
        }
    }
}

// ∂L/∂W = Hᵀ·Δ over the current pixels, INPUTS rows by 4 columns per thread, stored in or added to the block's sums.
// The columns are stride / 4 apart, so that adjacent threads read adjacent rows.
template <int INPUTS>
__device__ __forceinline__ void weight_gradient(const float* rows, const float* delta, const Layer& layer,
                                                const Network& network, bool first, float* sums) {
    int groups = layer.stride / 4, pitch = network.pitch;
    for (int item = threadIdx.x; item < ceil_div(layer.inputs, INPUTS) * groups; item += blockDim.x) {
        int group = item % groups, i = item / groups * INPUTS;
        const float *h[INPUTS], *d[4];
        #pragma unroll
        for (int r = 0; r < INPUTS; r++) h[r] = rows + min(i + r, layer.inputs - 1) * pitch;
        #pragma unroll
        for (int c = 0; c < 4; c++) d[c] = delta + (group + c * groups) * pitch;
        float sum[INPUTS][4] = {};
        for (int p = 0; p < network.pixels; p += 4) {
            float4 x[4];
            #pragma unroll
            for (int c = 0; c < 4; c++) x[c] = load4(d[c] + p);
            #pragma unroll
            for (int r = 0; r < INPUTS; r++) {
                float4 y = load4(h[r] + p);
                #pragma unroll
                for (int c = 0; c < 4; c++) {
                    sum[r][c] += y.x * x[c].x, sum[r][c] += y.y * x[c].y;
                    sum[r][c] += y.z * x[c].z, sum[r][c] += y.w * x[c].w;
                }
            }
        }
        #pragma unroll
        for (int r = 0; r < INPUTS; r++) {
            if (i + r >= layer.inputs) break;
            #pragma unroll
            for (int c = 0; c < 4; c++) {
                float* to = sums + (1 + layer.looked_up + i + r) * layer.stride + group + c * groups;
                *to = first ? sum[r][c] : *to + sum[r][c];
            }
        }
    }
}

// The products, in the largest pieces that leave no thread idle.
struct Fma {
    template <class Finish>
    static __device__ __forceinline__ void forward(const float* rows, const int* labels, const float* params,
                                                   const Layer& layer, const Network& network, Finish finish) {
        if (network.pixels / 8 * (layer.stride / 4) >= (int)blockDim.x) {
            forward_product<8>(rows, labels, params, layer, network, finish);
        } else {
            forward_product<1>(rows, labels, params, layer, network, finish);
        }
    }

    template <class Finish>
    static __device__ __forceinline__ void backward(const float* delta, const float* params, const Layer& layer,
                                                    int inputs, const Network& network, Finish finish) {
        if (network.pixels / 8 * ceil_div(inputs, 4) >= (int)blockDim.x) {
            backward_product<8>(delta, params, layer, inputs, network, finish);
        } else {
            backward_product<1>(delta, params, layer, inputs, network, finish);
        }
    }

    static __device__ __forceinline__ void weights(const float* rows, const float* delta, const Layer& layer,
                                                   const Network& network, bool first, float* sums) {
        if (ceil_div(layer.inputs, 4) * (layer.stride / 4) >= (int)blockDim.x) {
            weight_gradient<4>(rows, delta, layer, network, first, sums);
        } else {
            weight_gradient<1>(rows, delta, layer, network, first, sums);
        }
    }
};
