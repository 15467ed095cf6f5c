// What all kernels of pixel_mlp share: how a tile's parameters are laid out, and what a pixel's features are.

#define SLOPE 0.01f

// One layer of a tile's network. Where pixels are labels, the first layer's weights for these are looked up, and its
// product takes the position features alone.
struct Layer {
    int looked_up;  // rows of weights in front of the product's, one a label
    int inputs;     // rows of weights in the product
    int depth;      // the same with zero rows that fill up the product's last step
    int outputs;    // C_n
    int stride;     // numbers in a laid-out row: C_n, and zeros
    int source;     // where the layer begins in a tile's parameters: the biases, then the weights [in][out]
    int start;      // where it begins in a tile's laid-out parameters
    int fragments;  // where its rows end there; the tensor cores' fragments follow, if any
    int end;        // where it ends there
    int from, to;   // the first rows of its inputs and its outputs among a block's activations
};

// What a call's kernels share.
struct Network {
    int tiles;        // N·h·w
    int grid_height;  // h
    int grid_width;   // w
    int tile;         // S
    int channels;     // label classes or colour channels
    int outputs;      // C_n of the last layer
    int layers;       // n
    int parameters;   // P
    int laid_out;     // numbers that a tile's parameters take when laid out
    int splits;       // blocks that share a tile's pixels
    int share;        // pixels of each of them; the last may have fewer
    int pixels;       // pixels that a block takes at a time
    int pitch;        // numbers from one row of activations to the next
    int rows;         // rows of a block's activations
    int resident;     // are all parameters in shared memory, or one layer's at a time?
};

// A pixel of a tile.
struct Place {
    int x, y;      // within the tile
    int image;     // n
    size_t plane;  // numbers of one channel of the image
    size_t pixel;  // its place in such a channel

    __device__ __forceinline__ Place(const Network& network, int tile, int pixel_of_tile) {
        int column = tile % network.grid_width, line = tile / network.grid_width;
        int row = line % network.grid_height;
        size_t width = (size_t)network.grid_width * network.tile;
        image = line / network.grid_height;
        x = pixel_of_tile % network.tile;
        y = pixel_of_tile / network.tile;
        plane = width * network.grid_height * network.tile;
        pixel = ((size_t)row * network.tile + y) * width + (size_t)column * network.tile + x;
    }

    // Where this pixel's number of channel c is in images of `channels` channels.
    __device__ __forceinline__ size_t at(int channels, int c) const {
        return ((size_t)image * channels + c) * plane + pixel;
    }
};

// Feature number `feature` of the first layer's product: a colour channel, or cos x, sin x, cos y, sin y of a period.
__device__ __forceinline__ float feature_of(const Network& network, const float* dense, const float* positions,
                                            const Place& place, int feature) {
    int position = feature;
    if (dense) {
        if (feature < network.channels) return dense[place.at(network.channels, feature)];
        position -= network.channels;
    }
    int period = position / 4, which = position % 4;
    return positions[(period * 2 + which % 2) * network.tile + (which < 2 ? place.x : place.y)];
}

__device__ __forceinline__ float leaky_relu(float z) { return z > 0.0f ? z : SLOPE * z; }

__device__ __forceinline__ float4 load4(const float* x) { return *(const float4*)x; }

// Copies `count` numbers, a multiple of four, by all threads of the block.
__device__ __forceinline__ void copy4(float* to, const float* from, int count) {
    for (int i = threadIdx.x * 4; i < count; i += blockDim.x * 4) *(float4*)(to + i) = load4(from + i);
}
