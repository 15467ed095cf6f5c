// y = w·u(x) + b as one product whose operands are read in place from weight and image (implicit GEMM):
// rows o, columns (n, p, q), summed over (i, r, s). The loop over tiles is in gemm.cuh.

// w, (O, I·R·S).
struct Weights {
    static constexpr bool ALONG_K = true;
    using Row = int;
    using Step = int;
    const float* weight;
    int patch;

    __device__ int row(int o) const { return o * patch; }
    __device__ int step(int k) const { return k; }
    __device__ float at(int row, int step, bool inside) const { return inside ? weight[row + step] : 0.0f; }
};

// u: adjacent threads read adjacent pixels with one weight.
struct PatchColumns : Patches {
    static constexpr bool ALONG_K = false;
    using Row = Place;
    using Step = Tap;
    using Patches::Patches;

    __device__ Place row(int pixel) const { return place(pixel); }
    __device__ Tap step(int k) const { return tap(k); }
};

struct StoreOutput {
    float* y;
    const float* bias;
    int row, channels;
    Divisor pixels;

    __device__ StoreOutput(float* y, const float* bias, const Size& size)
        : y(y), bias(bias), row(size.out_height * size.out_width), channels(size.out_channels), pixels(row) {}

    __device__ float* column(int pixel) const {
        const int n = pixels.split(pixel);
        return y + (size_t)n * channels * row + pixel;
    }
};

template <class Tile>
__device__ __forceinline__ void forward(const float* x, const float* weight, const float* bias, float* y, float* sums,
                                        const Size& size, const Problem& problem) {
    gemm<Tile>(problem, blockIdx.x, Weights{weight, problem.depth}, PatchColumns(x, size), sums,
               StoreOutput(y, bias, size));
}

extern "C" __global__ void __launch_bounds__(256, 1) conv2d_128(const float* x, const float* weight, const float* bias,
                                                             float* y, float* sums, Size size, Problem problem) {
    forward<Large>(x, weight, bias, y, sums, size, problem);
}

extern "C" __global__ void __launch_bounds__(128, 1) conv2d_64(const float* x, const float* weight, const float* bias,
                                                            float* y, float* sums, Size size, Problem problem) {
    forward<Medium>(x, weight, bias, y, sums, size, problem);
}

extern "C" __global__ void __launch_bounds__(128, 1) conv2d_16(const float* x, const float* weight, const float* bias,
                                                            float* y, float* sums, Size size, Problem problem) {
    forward<Small>(x, weight, bias, y, sums, size, problem);
}

extern "C" __global__ void conv2d_sum(const float* sums, const float* bias, float* y, Size size,
                                      Problem problem) {
    add_parts(problem, sums, StoreOutput(y, bias, size));
}
