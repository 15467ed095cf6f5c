// Shared by all kernels of pixel_mlp: the layout of a tile's parameters, and a pixel's features.

#define SLOPE 0.01f

// One layer of a tile's network. If pixels are labels, the first layer's weights for them are looked up, and its product
// takes only the position features.
struct Layer {
    int looked_up;  // rows of weights before the product's, one per label
    int inputs;     // rows of weights in the product
    int depth;      // the same plus zero rows that fill the product's last step
    int outputs;    // C_n
    int stride;     // elements per laid-out row: C_n, and zeros
    int source;     // where the layer starts in a tile's parameters: the biases, then the weights [in][out]
    int start;      // where it starts in a tile's laid-out parameters
    int fragments;  // where its rows end there; the tensor cores' fragments follow, if any
    int end;        // where it ends there
    int from, to;   // the first rows of its inputs and its outputs among a block's activations
};

// Parameters shared by a call's kernels.
struct Network {
    int tiles;        // N·h·w
    int grid_height;  // h
    int grid_width;   // w
    int tile;         // S
    int channels;     // label classes or color channels
    int outputs;      // C_n of the last layer
    int layers;       // n
    int parameters;   // P
    int laid_out;     // elements of a tile's laid-out parameters
    int splits;       // blocks that share a tile's pixels
    int share;        // pixels of each of them; the last may have fewer
    int pixels;       // pixels that a block processes at a time
    int pitch;        // elements from one row of activations to the next
    int rows;         // rows of a block's activations
    int resident;     // whether all parameters are in shared memory, or one layer's at a time
};

// Where a tile's pixels are in images.
struct Tile {
    int side;       // S
    int image;      // n
    size_t width;   // of the image
    size_t plane;   // elements of one channel
    size_t corner;  // the tile's first pixel in such a channel

    __device__ __forceinline__ Tile(const Network& network, int index) {
        int column = index % network.grid_width, line = index / network.grid_width;
        side = network.tile;
        image = line / network.grid_height;
        width = (size_t)network.grid_width * side;
        plane = width * network.grid_height * side;
        corner = (size_t)(line % network.grid_height) * side * width + (size_t)column * side;
    }

    // The index of channel c of the tile's pixel in images of `channels` channels.
    __device__ __forceinline__ size_t at(int channels, int c, int pixel) const {
        int y = pixel / side, x = pixel - y * side;
        return ((size_t)image * channels + c) * plane + corner + y * width + x;
    }
};

// Feature `feature` of the first layer's product: a color channel, or cos x, sin x, cos y, sin y of a period.
__device__ __forceinline__ float feature_of(const Network& network, const float* dense, const float* positions,
                                            const Tile& tile, int pixel, int feature) {
    int position = feature;
    if (dense) {
        if (feature < network.channels) return dense[tile.at(network.channels, feature, pixel)];
        position -= network.channels;
    }
    int period = position / 4, which = position % 4;
    int y = pixel / tile.side, x = pixel - y * tile.side;
    return positions[(period * 2 + which % 2) * tile.side + (which < 2 ? x : y)];
}

__device__ __forceinline__ float leaky_relu(float z) { return z > 0.0f ? z : SLOPE * z; }

__device__ __forceinline__ float4 load4(const float* x) { return *(const float4*)x; }

// Copies `count` elements, a multiple of four, with all threads of the block.
__device__ __forceinline__ void copy4(float* to, const float* from, int count) {
    for (int i = threadIdx.x * 4; i < count; i += blockDim.x * 4) *(float4*)(to + i) = load4(from + i);
}
