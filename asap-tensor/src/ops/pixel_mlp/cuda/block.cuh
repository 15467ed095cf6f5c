// A block takes a tile, or its share of a large tile's pixels, `pixels` of them at a time, through all layers, and back.
//
// It keeps their numbers as rows, one a channel: row k of a layer's inputs begins at (layer.from + k)·pitch. These rows
// and the parameters are in shared memory. In a WIDE network, which finds no room there, the rows are in the block's
// part of a scratch array, and the parameters stay where they are.
//
// `Products` computes a layer's three products: fma.cuh, tensor_cores.cuh.

// The label of pixels whose id is outside the classes.
#define NO_LABEL 256

// What a block works on.
struct Block {
    float* rows;        // activations
    float* weights;     // parameters in shared memory, all or one layer's
    int* labels;        // of the pixels at hand
    const float* tile;  // the tile's laid-out parameters
    int index;          // the tile
    int first, last;    // pixels of the tile: the first at hand, and the end of this block's share
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
    return block;
}

// Turns to share `item` of all tiles' shares.
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

// A layer's rows of parameters: the biases, the looked-up weights, those of the product. All threads must call it,
// when none reads another layer's any more.
template <bool WIDE>
__device__ __forceinline__ const float* parameters(const Block& block, const Network& network, const Layer& layer) {
    if (WIDE) return block.tile + layer.start;
    if (network.resident) return block.weights + layer.start;
    copy4(block.weights, block.tile + layer.start, layer.end - layer.start);
    __syncthreads();
    return block.weights;
}

// The first layer's inputs and the labels of the pixels at hand; zeros beyond the block's share.
__device__ __forceinline__ void load_features(const Block& block, const Network& network, const Layer& layer,
                                              const uint8_t* ids, const float* dense, const float* positions) {
    #pragma unroll 1
    for (int i = threadIdx.x; i < layer.depth * network.pixels; i += blockDim.x) {
        int k = i / network.pixels, p = i % network.pixels;
        float feature = 0.0f;
        if (block.first + p < block.last && k < layer.inputs) {
            feature = feature_of(network, dense, positions, Place(network, block.index, block.first + p), k);
        }
        block.rows[(layer.from + k) * network.pitch + p] = feature;
    }
    if (!ids) return;
    for (int p = threadIdx.x; p < network.pixels; p += blockDim.x) {
        int label = NO_LABEL;
        if (block.first + p < block.last) label = ids[Place(network, block.index, block.first + p).at(1, 0)];
        block.labels[p] = label < network.channels ? label : NO_LABEL;
    }
}

// All layers up to the last one's z, for the pixels at hand, whose features are being loaded.
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

// Calls `work(c, p, at)` for each of some channels and each pixel at hand; `at` is the number's place in an image.
template <class Work>
__device__ __forceinline__ void for_each_channel(const Block& block, const Network& network, int channels, Work work) {
    #pragma unroll 1
    for (int i = threadIdx.x; i < channels * network.pixels; i += blockDim.x) {
        int c = i / network.pixels, p = i % network.pixels;
        if (block.first + p < block.last) {
            work(c, p, Place(network, block.index, block.first + p).at(channels, c));
        }
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
            const float* z = block.rows + layers[network.layers - 1].to * network.pitch;
            for_each_channel(block, network, network.outputs,
                             [&](int o, int p, size_t at) { image[at] = tanhf(z[o * network.pitch + p]); });
        }
    }
}

// ∂L/∂b, and ∂L/∂W of the weights that were looked up, set or added to the block's sums: a thread walks along one row
// of Δ. Neighbouring pixels often have the same label, so a label's sum is stored where the label changes.
__device__ __forceinline__ void bias_gradient(const Block& block, const float* delta, const Layer& layer,
                                              const Network& network, bool first, float* sums) {
    // The last threads have the least to do in the products.
    for (int o = blockDim.x - 1 - threadIdx.x; o < layer.outputs; o += blockDim.x) {
        const float* row = delta + o * network.pitch;
        float* looked_up = sums + layer.stride + o;
        if (first) {
            sums[o] = 0.0f;
            for (int label = 0; label < layer.looked_up; label++) looked_up[label * layer.stride] = 0.0f;
        }
        float all = 0.0f, of_label = 0.0f;
        int label = NO_LABEL;
        for (int p = 0; p < network.pixels; p++) {
            int next = layer.looked_up > 0 ? block.labels[p] : NO_LABEL;
            if (next != label) {
                if (label != NO_LABEL) looked_up[label * layer.stride] += of_label;
                label = next;
                of_label = 0.0f;
            }
            all += row[p];
            of_label += row[p];
        }
        if (label != NO_LABEL) looked_up[label * layer.stride] += of_label;
        sums[o] += all;
    }
}

// sums (N·h·w, splits, laid_out): each block's part of the gradient in the parameters.
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
            // Behind the tanh: Δ takes z's place. Pixels beyond the share have none.
            float* z = block.rows + layers[network.layers - 1].to * pitch;
            for (int i = threadIdx.x; i < network.outputs * network.pixels; i += blockDim.x) {
                if (block.first + i % network.pixels >= block.last) z[i / network.pixels * pitch + i % network.pixels] = 0.0f;
            }
            for_each_channel(block, network, network.outputs, [&](int o, int p, size_t at) {
                float y = tanhf(z[o * pitch + p]);
                z[o * pitch + p] = grad_image[at] * (1.0f - y * y);
            });
            for (int n = network.layers - 1; n >= 0; n--) {
                Layer layer = layers[n];
                __syncthreads();
                float* h = block.rows + layer.from * pitch;
                const float* delta = block.rows + layer.to * pitch;
                Products::weights(h, delta, layer, network, first, tile_sums + layer.start);
                bias_gradient(block, delta, layer, network, first, tile_sums + layer.start);
                if (n == 0 && !grad_dense) break;
                __syncthreads();
                // h is needed no more but for its sign, number by number: the gradient takes its place.
                float slope = n > 0 ? SLOPE : 1.0f;
                const float* weights = parameters<WIDE>(block, network, layer);
                Products::backward(delta, weights, layer, n > 0 ? layer.inputs : network.channels, network,
                                   [&](int i, int p, float g) {
                                       float* at = h + i * pitch + p;
                                       *at = *at > 0.0f ? g : slope * g;
                                   });
                if (n > 0) continue;
                __syncthreads();
                for_each_channel(block, network, network.channels,
                                 [&](int c, int p, size_t at) { grad_dense[at] = h[c * pitch + p]; });
            }
        }
    }
}
