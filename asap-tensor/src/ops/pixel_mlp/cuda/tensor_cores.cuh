// A layer's products on the tensor cores, for any widths, from and to shared memory. Depth and outputs are zero-padded to
// multiples of 16.
//
// A warp computes 32 × 32 elements at a time: 2 tiles of 16 rows by 4 tiles of 8 columns, so that each operand it loads
// is used in several products. A row of weights has an odd multiple of 8 elements, and so does a row of activations:
// lanes that read from four rows at once then read from different banks.

#define ROW_TILES 2
#define COLUMN_TILES 4

// D = A·B for `row_tiles` × `column_tiles` tiles. `load_a(tile, k, x)` loads rows g, g + 8 of a tile at k, k + 1;
// `load_b(tile, k, x)` loads column g at k, k + 1; `finish(row_tile, column_tile, d)` receives the sums.
template <class Operand, class LoadA, class LoadB, class Finish>
__device__ __forceinline__ void warp_products(int row_tiles, int column_tiles, int depth, LoadA load_a, LoadB load_b,
                                              Finish finish) {
    int t = threadIdx.x % 4, warp = threadIdx.x / WARP, warps = blockDim.x / WARP;
    int across = ceil_div(column_tiles, COLUMN_TILES);
    for (int piece = warp; piece < ceil_div(row_tiles, ROW_TILES) * across; piece += warps) {
        int row_tile = piece / across * ROW_TILES, column_tile = piece % across * COLUMN_TILES;
        float d[ROW_TILES][COLUMN_TILES][4] = {};
        for (int k = 0; k < depth; k += Operand::K) {
            // Beyond the last tile, the last is read again and the result discarded.
            uint32_t a[ROW_TILES][4];
            #pragma unroll
            for (int i = 0; i < ROW_TILES; i++) {
                float x[Operand::K / 8][4];
                #pragma unroll
                for (int s = 0; s < Operand::K / 8; s++) {
                    load_a(min(row_tile + i, row_tiles - 1), k + 8 * s + 2 * t, x[s]);
                }
                Operand::operand(a[i], x);
            }
            #pragma unroll
            for (int j = 0; j < COLUMN_TILES; j++) {
                float x[Operand::K / 8][2];
                #pragma unroll
                for (int s = 0; s < Operand::K / 8; s++) {
                    load_b(min(column_tile + j, column_tiles - 1), k + 8 * s + 2 * t, x[s]);
                }
                uint32_t b[2];
                Operand::operand(b, x);
                #pragma unroll
                for (int i = 0; i < ROW_TILES; i++) Operand::mma(d[i][j], a[i], b);
            }
        }
        #pragma unroll
        for (int i = 0; i < ROW_TILES; i++) {
            #pragma unroll
            for (int j = 0; j < COLUMN_TILES; j++) {
                if (row_tile + i < row_tiles && column_tile + j < column_tiles) {
                    finish(row_tile + i, column_tile + j, d[i][j]);
                }
            }
        }
    }
}

// x[0], x[1] = two adjacent values
__device__ __forceinline__ void load2(float* x, const float* from) {
    float2 two = *(const float2*)from;
    x[0] = two.x, x[1] = two.y;
}

// Rows g and g + 8 of a tile of pixels are pixels 2g and 2g + 1 of its 16: adjacent, read together.
__device__ __forceinline__ void load_pixels_of(float (&x)[4], const float* rows, int pitch, int tile, int k) {
    const float* from = rows + k * pitch + tile * 16 + threadIdx.x % WARP / 4 * 2;
    float2 even = *(const float2*)from, odd = *(const float2*)(from + pitch);
    x[0] = even.x, x[2] = even.y, x[1] = odd.x, x[3] = odd.y;
}

template <class Operand>
struct TensorCores {
    // Z = b + W[label] + H·W
    template <class Finish>
    static __device__ __forceinline__ void forward(const float* rows, const int* labels, const float* params,
                                                   const Layer& layer, const Network& network, Finish finish) {
        int g = threadIdx.x % WARP / 4, t = threadIdx.x % 4, stride = layer.stride, pitch = network.pitch;
        const float* weights = params + (1 + layer.looked_up) * stride + g;
        warp_products<Operand>(
            network.pixels / 16, stride / 16 * 2, layer.depth,
            [&](int tile, int k, float (&x)[4]) { load_pixels_of(x, rows, pitch, tile, k); },
            [&](int tile, int k, float (&x)[2]) {
                x[0] = weights[k * stride + tile * 8];
                x[1] = weights[(k + 1) * stride + tile * 8];
            },
            [&](int row_tile, int column_tile, float (&d)[4]) {
                #pragma unroll
                for (int i = 0; i < 4; i++) {
                    int o = column_tile * 8 + 2 * t + i % 2, p = row_tile * 16 + 2 * g + i / 2;
                    float z = d[i] + params[o];
                    if (layer.looked_up > 0 && labels[p] != NO_LABEL) z += params[(1 + labels[p]) * stride + o];
                    finish(o, p, z);
                }
            });
    }

    // G = Δ·Wᵀ for the first `inputs` rows of the product's weights
    template <class Finish>
    static __device__ __forceinline__ void backward(const float* delta, const float* params, const Layer& layer,
                                                    int inputs, const Network& network, Finish finish) {
        int g = threadIdx.x % WARP / 4, t = threadIdx.x % 4, stride = layer.stride, pitch = network.pitch;
        const float* weights = params + (1 + layer.looked_up + g) * stride;
        warp_products<Operand>(
            network.pixels / 16, ceil_div(inputs, 8), stride / 16 * 16,
            [&](int tile, int k, float (&x)[4]) { load_pixels_of(x, delta, pitch, tile, k); },
            [&](int tile, int k, float (&x)[2]) { load2(x, weights + tile * 8 * stride + k); },
            [&](int row_tile, int column_tile, float (&d)[4]) {
                #pragma unroll
                for (int i = 0; i < 4; i++) {
                    int input = column_tile * 8 + 2 * t + i % 2;
                    if (input < inputs) finish(input, row_tile * 16 + 2 * g + i / 2, d[i]);
                }
            });
    }

    // ∂L/∂W = Hᵀ·Δ over the current pixels, stored in or added to the block's sums
    static __device__ __forceinline__ void weights(const float* rows, const float* delta, const Layer& layer,
                                                   const Network& network, bool first, float* sums) {
        int g = threadIdx.x % WARP / 4, t = threadIdx.x % 4, stride = layer.stride, pitch = network.pitch;
        warp_products<Operand>(
            layer.depth / 16, ceil_div(layer.outputs, 8), network.pixels,
            [&](int tile, int k, float (&x)[4]) {
                const float* from = rows + (tile * 16 + g) * pitch + k;
                load2(x, from);
                load2(x + 2, from + 8 * pitch);
            },
            [&](int tile, int k, float (&x)[2]) { load2(x, delta + (tile * 8 + g) * pitch + k); },
            [&](int row_tile, int column_tile, float (&d)[4]) {
                #pragma unroll
                for (int i = 0; i < 4; i++) {
                    int input = row_tile * 16 + g + i / 2 * 8, o = column_tile * 8 + 2 * t + i % 2;
                    if (input < layer.inputs && o < layer.outputs) {
                        float* to = sums + (1 + layer.looked_up + input) * stride + o;
                        *to = first ? d[i] : *to + d[i];
                    }
                }
            });
    }
};
