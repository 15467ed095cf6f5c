// Converts between the parameters (N, P, h, w) and each tile's contiguous parameters, as the kernels read them. In both
// directions a block moves a square of 32 cells by 32 elements through shared memory, so that it accesses whole lines.

#define SQUARE 32

// A square: 32 adjacent cells of one image, and 32 elements of each.
struct Square {
    int image, cell, number, cells;

    __device__ __forceinline__ Square(const Network& network, int numbers) {
        int across = ceil_div(numbers, SQUARE);
        cells = network.grid_height * network.grid_width;
        int down = ceil_div(cells, SQUARE);
        number = blockIdx.x % across * SQUARE;
        cell = blockIdx.x / across % down * SQUARE;
        image = blockIdx.x / across / down;
    }
};

// The parameter in row `row`, column `column` of a layer, row 0 being the biases; zero beyond the last.
__device__ __forceinline__ float parameter(const float* tile, int cells, const Layer& layer, int row, int column) {
    int rows = 1 + layer.looked_up + layer.inputs;
    if (row >= rows || column >= layer.outputs) return 0.0f;
    return tile[(size_t)(layer.source + row * layer.outputs + column) * cells];
}

// Element q of a tile's laid-out parameters: rows of `stride` elements, then the fragments that lanes hold of a
// product's B (see mma.cuh): for each K rows, each 8 columns and each lane, its two registers.
template <class Fragment>
__device__ __forceinline__ float laid_out(const float* tile, int cells, const Layer* layers, int count, int q,
                                          Fragment fragment) {
    int n = 0;
    while (n + 1 < count && q >= layers[n].end) n++;
    const Layer& layer = layers[n];
    if (q < layer.fragments) {
        int at = q - layer.start;
        return parameter(tile, cells, layer, at / layer.stride, at % layer.stride);
    }
    int at = q - layer.fragments, tiles = layer.stride / 8;
    int reg = at % 2, lane = at / 2 % WARP, step = at / (2 * WARP) / tiles;
    int column = at / (2 * WARP) % tiles * 8 + lane / 4;
    auto weight = [&](int k) {
        return k < layer.inputs ? parameter(tile, cells, layer, 1 + layer.looked_up + k, column) : 0.0f;
    };
    return __uint_as_float(fragment(step, lane % 4, reg, weight));
}

// params (N, P, h, w) → y (N·h·w, laid_out)
template <class Fragment>
__device__ __forceinline__ void lay_out(float* y, const float* params, const Layer* layers, const Network& network,
                                        Fragment fragment) {
    __shared__ float numbers[SQUARE][SQUARE + 1];
    Square square(network, network.laid_out);
    int cell = square.cell + threadIdx.x;
    for (int i = threadIdx.y; i < SQUARE; i += blockDim.y) {
        int q = square.number + i;
        if (q < network.laid_out && cell < square.cells) {
            const float* tile = params + (size_t)square.image * network.parameters * square.cells + cell;
            numbers[i][threadIdx.x] = laid_out(tile, square.cells, layers, network.layers, q, fragment);
        }
    }
    __syncthreads();
    int q = square.number + threadIdx.x;
    for (int i = threadIdx.y; i < SQUARE; i += blockDim.y) {
        if (q < network.laid_out && square.cell + i < square.cells) {
            size_t tile = (size_t)square.image * square.cells + square.cell + i;
            y[tile * network.laid_out + q] = numbers[threadIdx.x][i];
        }
    }
}

struct NoFragments {
    template <class Weight>
    __device__ __forceinline__ uint32_t operator()(int, int, int, Weight) const {
        return 0;
    }
};

// Register r of position t holds row 8·step + 2t + r: the order in which a sum becomes the next product's A.
struct Tf32Fragments {
    template <class Weight>
    __device__ __forceinline__ uint32_t operator()(int step, int t, int r, Weight weight) const {
        return to_tf32(weight(8 * step + 2 * t + r));
    }
};

// Register r of position t holds rows 16·step + 8r + 2t and the next.
struct Bf16Fragments {
    template <class Weight>
    __device__ __forceinline__ uint32_t operator()(int step, int t, int r, Weight weight) const {
        int k = 16 * step + 8 * r + 2 * t;
        return to_bf16x2(weight(k), weight(k + 1));
    }
};

extern "C" __global__ void lay_out_rows(float* y, const float* params, const Layer* layers, Network network) {
    lay_out(y, params, layers, network, NoFragments());
}

extern "C" __global__ void lay_out_tf32(float* y, const float* params, const Layer* layers, Network network) {
    lay_out(y, params, layers, network, Tf32Fragments());
}

extern "C" __global__ void lay_out_bf16(float* y, const float* params, const Layer* layers, Network network) {
    lay_out(y, params, layers, network, Bf16Fragments());
}

// x (N·h·w, splits, laid_out), all of it rows → grad (N, P, h, w): the sums over the splits, in order.
extern "C" __global__ void gather_gradient(float* grad, const float* x, const Layer* layers, Network network) {
    __shared__ float numbers[SQUARE][SQUARE + 1];
    Square square(network, network.parameters);
    int p = square.number + threadIdx.x;
    int n = 0;
    while (n + 1 < network.layers && p >= layers[n + 1].source) n++;
    int at = p - layers[n].source;
    size_t q = layers[n].start + (size_t)(at / layers[n].outputs) * layers[n].stride + at % layers[n].outputs;
    for (int i = threadIdx.y; i < SQUARE; i += blockDim.y) {
        if (p < network.parameters && square.cell + i < square.cells) {
            size_t tile = (size_t)square.image * square.cells + square.cell + i;
            float sum = 0.0f;
            for (int split = 0; split < network.splits; split++) {
                sum += x[(tile * network.splits + split) * network.laid_out + q];
            }
            numbers[i][threadIdx.x] = sum;
        }
    }
    __syncthreads();
    int cell = square.cell + threadIdx.x;
    for (int i = threadIdx.y; i < SQUARE; i += blockDim.y) {
        if (square.number + i < network.parameters && cell < square.cells) {
            size_t p = (size_t)square.image * network.parameters + square.number + i;
            grad[p * square.cells + cell] = numbers[threadIdx.x][i];
        }
    }
}
