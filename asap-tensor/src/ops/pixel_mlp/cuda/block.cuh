// A block takes a tile, or its share of a large tile's pixels, through all layers and back, `pixels` at a time.
//
// It stores activations as rows, one per channel: row k of a layer's inputs starts at (layer.from + k)·pitch. These rows
// and the parameters are in shared memory. In a WIDE network, which does not fit there, the rows are in the block's part
// of a scratch array, and the parameters stay in device memory.
//
// `Products` computes a layer's three products: fma.cuh, tensor_cores.cuh.

// The label of pixels whose id is outside the classes.
#define NO_LABEL 256

// What a block works on.
struct Block {
    float* rows;        // activations
    float* weights;     // parameters in shared memory, all or one layer's
    int* labels;        // of the current pixels
    const float* tile;  // the tile's laid-out parameters
    int index;          // the tile's index
    int first, last;    // pixels of the tile: the first current one, and the end of this block's share
    int pixel, group;   // the thread's pixel among the current ones, and its index among the threads with this pixel
    int groups;         // the number of these threads
};

template <bool WIDE>
__device__ __forceinline__ Block open_block(const Network& network, float* scratch) {
    extern __shared__ float4 memory[];
    float* shared = (float*)memory;
    size_t rows = (size_t)network.rows * network.pitch;
    Block block = {};
    block.labels = (int*)shared;
    block.rows = WIDE ? scratch + blockIdx.x * rows : shared + network.pixels;
    block.weights = WIDE ? nullptr : shared + network.pixels + rows;
    block.pixel = threadIdx.x % network.pixels;
    block.group = threadIdx.x / network.pixels;
    block.groups = blockDim.x / network.pixels;
    return block;
}

// Switches to share `item` of all tiles' shares.
template <bool WIDE>
__device__ __forceinline__ void open_tile(Block& block, const Network& network, const float* params, int item) {
    block.index = item / network.splits;
    block.first = item % network.splits * network.share;
    block.last = min(block.first + network.share, network.tile * network.tile);
    block.tile = params + (size_t)block.index * network.laid_out;
    if (!WIDE && network.resident) {
        __syncthreads();
        copy4(block.weights, block.tile, network.laid_out);
    }
}

// Loads a layer's rows of parameters: the biases, the look-up weights, those of the product. All threads must call it,
// once none reads another layer's any more.
template <bool WIDE>
__device__ __forceinline__ const float* parameters(const Block& block, const Network& network, const Layer& layer) {
    if (WIDE) return block.tile + layer.start;
    if (network.resident) return block.weights + layer.start;
    copy4(block.weights, block.tile + layer.start, layer.end - layer.start);
    __syncthreads();
    return block.weights;
}

// Loads the first layer's inputs and the labels of the current pixels; zeros beyond the block's share.
__device__ __forceinline__ void load_features(const Block& block, const Network& network, const Layer& layer,
                                              const uint8_t* ids, const float* dense, const float* positions) {
    Tile tile(network, block.index);
    int pixel = block.first + block.pixel;
    bool inside = pixel < block.last;
    float* row = block.rows + layer.from * network.pitch + block.pixel;
    #pragma unroll 1
    for (int k = block.group; k < layer.depth; k += block.groups) {
        float feature = 0.0f;
        if (inside && k < layer.inputs) feature = feature_of(network, dense, positions, tile, pixel, k);
        row[k * network.pitch] = feature;
    }
    if (ids && block.group == 0) {
        int label = inside ? ids[tile.at(1, 0, pixel)] : NO_LABEL;
        block.labels[block.pixel] = label < network.channels ? label : NO_LABEL;
    }
}

// Runs all layers up to the last one's z, for the current pixels, whose features are being loaded.
template <class Products, bool WIDE>
__device__ __forceinline__ void run_layers(const Block& block, const Layer* layers, const Network& network) {
    for (int n = 0; n < network.layers; n++) {
        Layer layer = layers[n];
        __syncthreads();
        const float* params = parameters<WIDE>(block, network, layer);
        float* to = block.rows + layer.to * network.pitch;
        float slope = n + 1 < network.layers ? SLOPE : 1.0f;
        Products::forward(block.rows + layer.from * network.pitch, block.labels, params, layer, network,
                          [&](int o, int p, float z) { to[o * network.pitch + p] = z > 0.0f ? z : slope * z; });
    }
    __syncthreads();
}

// Calls `work(number, at)` for each value of some channels of the current pixels, in `rows`; `at` is the value's
// position in an image.
template <class Work>
__device__ __forceinline__ void for_each_number(const Block& block, const Network& network, float* rows, int channels,
                                                Work work) {
    int pixel = block.first + block.pixel;
    if (pixel >= block.last) return;
    Tile tile(network, block.index);
    #pragma unroll 1
    for (int c = block.group; c < channels; c += block.groups) {
        work(rows[c * network.pitch + block.pixel], tile.at(channels, c, pixel));
    }
}

template <class Products, bool WIDE>
__device__ __forceinline__ void forward(float* image, const float* params, const uint8_t* ids, const float* dense,
                                        const float* positions, const Layer* layers, const Network& network,
                                        float* scratch) {
    Block block = open_block<WIDE>(network, scratch);
    for (int item = blockIdx.x; item < network.tiles * network.splits; item += gridDim.x) {
        open_tile<WIDE>(block, network, params, item);
        for (; block.first < block.last; block.first += network.pixels) {
            __syncthreads();
            load_features(block, network, layers[0], ids, dense, positions);
            run_layers<Products, WIDE>(block, layers, network);
            float* z = block.rows + layers[network.layers - 1].to * network.pitch;
            for_each_number(block, network, z, network.outputs, [&](float z, size_t at) { image[at] = tanhf(z); });
        }
    }
}

// ∂L/∂b = Σ Δ, stored in or added to the block's sums: four threads walk along one row.
__device__ __forceinline__ void bias_gradient(const float* delta, const Layer& layer, const Network& network,
                                              bool first, float* sums) {
    int g = threadIdx.x % WARP / 4, t = threadIdx.x % 4, warp = threadIdx.x / WARP;
    for (int start = warp * 8; start < layer.outputs; start += blockDim.x / WARP * 8) {
        int o = start + g;
        float sum = 0.0f;
        if (o < layer.outputs) {
            for (int p = 2 * t; p < network.pixels; p += 8) {
                float2 two = *(const float2*)(delta + o * network.pitch + p);
                sum += two.x + two.y;
            }
        }
        sum += __shfl_xor_sync(FULL_WARP, sum, 1);
        sum += __shfl_xor_sync(FULL_WARP, sum, 2);
        if (t == 0 && o < layer.outputs) sums[o] = first ? sum : sums[o] + sum;
    }
}

// ∂L/∂W of the look-up weights, stored in or added to the block's sums: a thread walks along one row of Δ. Adjacent
// pixels often have the same label, so a label's sum is stored when the label changes. Rows start at different pixels,
// so that adjacent threads read from different banks.
__device__ __forceinline__ void label_gradient(const Block& block, const float* delta, const Layer& layer,
                                               const Network& network, bool first, float* sums) {
    for (int o = threadIdx.x; o < layer.outputs; o += blockDim.x) {
        const float* row = delta + o * network.pitch;
        float* weights = sums + layer.stride + o;
        if (first) {
            for (int label = 0; label < layer.looked_up; label++) weights[label * layer.stride] = 0.0f;
        }
        int label = NO_LABEL, p = o / 4 % network.pixels;
        float sum = 0.0f;
        for (int i = 0; i < network.pixels; i++) {
            int next = block.labels[p];
            if (next != label) {
                if (label != NO_LABEL) weights[label * layer.stride] += sum;
                label = next;
                sum = 0.0f;
            }
            sum += row[p];
            p = p + 1 < network.pixels ? p + 1 : 0;
        }
        if (label != NO_LABEL) weights[label * layer.stride] += sum;
    }
}

// sums (N·h·w, splits, laid_out): each block's part of the gradient of the parameters.
template <class Products, bool WIDE>
__device__ __forceinline__ void backward(float* sums, float* grad_dense, const float* params, const uint8_t* ids,
                                         const float* dense, const float* positions, const float* grad_image,
                                         const Layer* layers, const Network& network, float* scratch) {
    Block block = open_block<WIDE>(network, scratch);
    int pitch = network.pitch;
    for (int item = blockIdx.x; item < network.tiles * network.splits; item += gridDim.x) {
        open_tile<WIDE>(block, network, params, item);
        float* tile_sums = sums + (size_t)item * network.laid_out;
        for (bool first = true; block.first < block.last; block.first += network.pixels, first = false) {
            __syncthreads();
            load_features(block, network, layers[0], ids, dense, positions);
            run_layers<Products, WIDE>(block, layers, network);
            // At the tanh, Δ replaces z. Pixels beyond the share have none.
            float* z = block.rows + layers[network.layers - 1].to * pitch;
            for_each_number(block, network, z, network.outputs, [&](float& z, size_t at) {
                float y = tanhf(z);
                z = grad_image[at] * (1.0f - y * y);
            });
            if (block.first + block.pixel >= block.last) {
                for (int o = block.group; o < network.outputs; o += block.groups) z[o * pitch + block.pixel] = 0.0f;
            }
            for (int n = network.layers - 1; n >= 0; n--) {
                Layer layer = layers[n];
                __syncthreads();
                float* h = block.rows + layer.from * pitch;
                const float* delta = block.rows + layer.to * pitch;
                Products::weights(h, delta, layer, network, first, tile_sums + layer.start);
                bias_gradient(delta, layer, network, first, tile_sums + layer.start);
                if (layer.looked_up > 0) label_gradient(block, delta, layer, network, first, tile_sums + layer.start);
                if (n == 0 && !grad_dense) break;
                __syncthreads();
                // Only the sign of h is still needed, element by element: the gradient replaces it.
                float slope = n > 0 ? SLOPE : 1.0f;
                const float* weights = parameters<WIDE>(block, network, layer);
                Products::backward(delta, weights, layer, n > 0 ? layer.inputs : network.channels, network,
                                   [&](int i, int p, float g) {
                                       float* at = h + i * pitch + p;
                                       *at = *at > 0.0f ? g : slope * g;
                                   });
                if (n > 0) continue;
                __syncthreads();
                for_each_number(block, network, h, network.channels, [&](float g, size_t at) { grad_dense[at] = g; });
            }
        }
    }
}
