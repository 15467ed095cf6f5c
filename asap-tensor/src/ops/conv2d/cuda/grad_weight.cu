// ∂L/∂w = g·u(x)ᵀ as one product whose operands are read in place from the images (implicit GEMM):
// rows o, columns (i, r, s), summed over (n, p, q). The loop over tiles is in gemm.cuh.

// g, (O, (n, p, q)).
struct GradOutputs {
    static constexpr bool ALONG_K = true;
    using Row = int;
    using Step = const float*;
    const float* grad;
    int channels;
    Divisor pixels;

    __device__ int row(int o) const { return o * int(pixels.divisor); }
    __device__ const float* step(int k) const {
        const int n = pixels.split(k);
        return grad + (size_t)n * channels * pixels.divisor + k;
    }
    __device__ float at(int row, const float* step, bool inside) const { return inside ? step[row] : 0.0f; }
};

// uᵀ: adjacent threads read adjacent pixels, which here lie along k.
struct PatchRows : Patches {
    static constexpr bool ALONG_K = true;
    using Row = Tap;
    using Step = Place;
    using Patches::Patches;

    __device__ Tap row(int column) const { return tap(column); }
    __device__ Place step(int k) const { return place(k); }
    __device__ float at(const Tap& tap, const Place& place, bool inside) const {
        return Patches::at(place, tap, inside);
    }
};

struct StoreWeight {
    float* grad;
    int row;
    static constexpr const float* bias = nullptr;

    __device__ float* column(int weight) const { return grad + weight; }
};

template <class Tile>
__device__ __forceinline__ void grad_weight(const float* x, const float* grad_output, float* grad, float* sums,
                                            const Size& size, const Problem& problem) {
    const GradOutputs outputs{grad_output, size.out_channels, Divisor(size.out_height * size.out_width)};
    gemm<Tile>(problem, blockIdx.x, outputs, PatchRows(x, size), sums, StoreWeight{grad, problem.columns});
}

extern "C" __global__ void __launch_bounds__(256, 1) conv2d_grad_weight_128(const float* x, const float* grad_output,
                                                                         float* grad, float* sums, Size size,
                                                                         Problem problem) {
    grad_weight<Large>(x, grad_output, grad, sums, size, problem);
}

extern "C" __global__ void __launch_bounds__(128, 1) conv2d_grad_weight_64(const float* x, const float* grad_output,
                                                                        float* grad, float* sums, Size size,
                                                                        Problem problem) {
    grad_weight<Medium>(x, grad_output, grad, sums, size, problem);
}

extern "C" __global__ void __launch_bounds__(128, 1) conv2d_grad_weight_16(const float* x, const float* grad_output,
                                                                        float* grad, float* sums, Size size,
                                                                        Problem problem) {
    grad_weight<Small>(x, grad_output, grad, sums, size, problem);
}

extern "C" __global__ void conv2d_grad_weight_sum(const float* sums, float* grad, Size, Problem problem) {
    add_parts(problem, sums, StoreWeight{grad, problem.columns});
}
