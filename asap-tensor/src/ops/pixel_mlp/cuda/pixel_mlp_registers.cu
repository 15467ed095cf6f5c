// The forward pass on the tensor cores, for layers of up to 64 outputs: a warp takes 32 pixels through all layers within
// its registers. A layer's sums become the next layer's operand in place (see mma.cuh); the weights are in shared memory
// in the order in which lanes need them. Between the start and the end of a tile, no thread waits for another.

#define THREADS 128
#define BANDS 2  // of 16 pixels a warp
#define TILES 8  // of 8 channels

// Sums of a warp's 16 pixels by 64 channels: tile j's values as in D.
typedef float Sums[TILES][4];

// z += A·B of one step; tile j's fragment of B is `fragments[j]`.
template <bool ALL>
__device__ __forceinline__ void add_step(Sums (&z)[BANDS], const uint32_t (&a)[BANDS][4], const uint2* fragments,
                                         int tiles) {
    #pragma unroll
    for (int j = 0; j < TILES; j++) {
        if (!ALL && j >= tiles) break;
        uint2 pair = fragments[j * WARP + threadIdx.x % WARP];
        uint32_t b[2] = {pair.x, pair.y};
        #pragma unroll
        for (int band = 0; band < BANDS; band++) OPERAND::mma(z[band][j], a[band], b);
    }
}

// z += φ(h)·W for a layer after the first.
template <bool ALL>
__device__ __forceinline__ void add_product(Sums (&z)[BANDS], const uint32_t (&h)[TILES * 8 / OPERAND::K][BANDS][4],
                                            const uint2* fragments, int steps, int tiles) {
    #pragma unroll
    for (int s = 0; s < TILES * 8 / OPERAND::K; s++) {
        if (s >= steps) break;
        add_step<ALL>(z, h[s], fragments + s * tiles * WARP, tiles);
    }
}

extern "C" __global__ void __launch_bounds__(THREADS, 2)
    pixel_mlp_registers(float* image, const float* params, const uint8_t* ids, const float* dense,
                        const float* positions, const Layer* layers, Network network, float*) {
    extern __shared__ float4 memory[];
    float* shared = (float*)memory;
    int g = threadIdx.x % WARP / 4, t = threadIdx.x % 4;
    int index = blockIdx.x / network.splits;
    int start = blockIdx.x % network.splits * network.share;
    int end = min(start + network.share, network.tile * network.tile);
    Tile tile(network, index);
    copy4(shared, params + (size_t)index * network.laid_out, network.laid_out);
    __syncthreads();
    for (int first = start + threadIdx.x / WARP * (BANDS * 16); first < end; first += blockDim.x / WARP * (BANDS * 16)) {
        // The lane's pixels: rows g and g + 8 of each band; beyond the last, the last again.
        auto pixel = [&](int band, int i) { return first + band * 16 + g + i / 2 * 8; };
        auto inside = [&](int band, int i) { return min(pixel(band, i), end - 1); };
        Sums z[BANDS];
        #pragma unroll 1
        for (int n = 0; n < network.layers; n++) {
            Layer layer = layers[n];
            int tiles = layer.stride / 8, steps = ceil_div(layer.inputs, OPERAND::K);
            const float* row = shared + layer.start;
            const uint2* fragments = (const uint2*)(shared + layer.fragments);
            uint32_t h[TILES * 8 / OPERAND::K][BANDS][4];
            if (n > 0) {
                #pragma unroll
                for (int band = 0; band < BANDS; band++) {
                    #pragma unroll
                    for (int j = 0; j < TILES; j++) {
                        #pragma unroll
                        for (int i = 0; i < 4; i++) z[band][j][i] = leaky_relu(z[band][j][i]);
                    }
                    #pragma unroll
                    for (int s = 0; s < TILES * 8 / OPERAND::K; s++) {
                        OPERAND::operand(h[s][band], z[band] + s * (OPERAND::K / 8));
                    }
                }
            }
            #pragma unroll
            for (int j = 0; j < TILES; j++) {
                float2 bias = make_float2(0.0f, 0.0f);
                if (j < tiles) bias = *(const float2*)(row + 8 * j + 2 * t);
                #pragma unroll
                for (int band = 0; band < BANDS; band++) {
                    z[band][j][0] = z[band][j][2] = bias.x;
                    z[band][j][1] = z[band][j][3] = bias.y;
                }
            }
            if (n > 0) {
                if (tiles == TILES) add_product<true>(z, h, fragments, steps, TILES);
                else add_product<false>(z, h, fragments, steps, tiles);
                continue;
            }
            #pragma unroll
            for (int band = 0; band < BANDS; band++) {
                if (!ids) break;
                #pragma unroll
                for (int i = 0; i < 4; i += 2) {
                    int label = ids[tile.at(1, 0, inside(band, i))];
                    if (label >= network.channels) continue;
                    #pragma unroll
                    for (int j = 0; j < TILES; j++) {
                        if (j >= tiles) break;
                        float2 weight = *(const float2*)(row + (1 + label) * layer.stride + 8 * j + 2 * t);
                        z[band][j][i] += weight.x, z[band][j][i + 1] += weight.y;
                    }
                }
            }
            #pragma unroll 1
            for (int s = 0; s < steps; s++) {
                uint32_t a[BANDS][4];
                #pragma unroll
                for (int band = 0; band < BANDS; band++) {
                    float x[OPERAND::K / 8][4];
                    #pragma unroll
                    for (int i = 0; i < 4; i++) {
                        #pragma unroll
                        for (int j = 0; j < OPERAND::K / 8; j++) {
                            int feature = OPERAND::K * s + 8 * j + 2 * t + i % 2;
                            bool is = feature < layer.inputs;
                            x[j][i] = is ? feature_of(network, dense, positions, tile, inside(band, i), feature) : 0.0f;
                        }
                    }
                    OPERAND::operand(a[band], x);
                }
                add_step<false>(z, a, fragments + s * tiles * WARP, tiles);
            }
        }
        #pragma unroll
        for (int band = 0; band < BANDS; band++) {
            #pragma unroll
            for (int i = 0; i < 4; i += 2) {
                if (pixel(band, i) >= end) continue;
                float* at = image + tile.at(network.outputs, 0, pixel(band, i));
                #pragma unroll
                for (int j = 0; j < TILES; j++) {
                    if (8 * j >= network.outputs) break;
                    int o = 8 * j + 2 * t;
                    if (o < network.outputs) at[o * tile.plane] = tanhf(z[band][j][i]);
                    if (o + 1 < network.outputs) at[(o + 1) * tile.plane] = tanhf(z[band][j][i + 1]);
                }
            }
        }
    }
}
