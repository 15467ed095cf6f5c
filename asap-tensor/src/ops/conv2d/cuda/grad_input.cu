// ∂L/∂x as products whose operands are read in place from weight and gradient (implicit GEMM):
// rows i, columns (n, j, k), summed over (o, r, s). The loop over tiles is in gemm.cuh.
//
// Output row p reads pixel row j of x with kernel row r if j + padding = p·stride + r. So only every stride-th kernel
// row applies: r = φ + stride·r′ with the phase φ = (j + padding) mod stride, and p = (j + padding − φ)/stride − r′.
// Within one phase of rows and one of columns this is a convolution of g at stride 1: a separate product.

// The rows or columns of x in one phase, and the kernel's rows or columns that apply to them.
struct Phase {
    int phase;
    int first, count;  // pixels first, first + stride, …
    int base;          // the first pixel's (j + padding − φ)/stride
    int taps;          // the number of r′

    __device__ Phase(int phase, int pixels, int kernel, int stride, int padding) : phase(phase) {
        first = (phase + stride - padding % stride) % stride;
        count = first < pixels ? (pixels - 1 - first) / stride + 1 : 0;
        base = (first + padding - phase) / stride;
        taps = phase < kernel ? (kernel - 1 - phase) / stride + 1 : 0;
    }
};

// wᵀ for one phase: (I, (o, r′, s′)).
struct PhaseWeights {
    static constexpr bool ALONG_K = true;
    using Row = int;
    using Step = int;
    const float* weight;
    Size size;
    Phase rows, columns;
    Divisor taps, taps_x;

    __device__ int row(int i) const { return i * size.kernel_height * size.kernel_width; }
    __device__ int step(int k) const {
        const int o = taps.split(k), r = taps_x.split(k), s = k;
        const int kernel_row = o * size.in_channels * size.kernel_height + rows.phase + size.stride * r;
        return kernel_row * size.kernel_width + columns.phase + size.stride * s;
    }
    __device__ float at(int row, int step, bool inside) const { return inside ? weight[row + step] : 0.0f; }
};

// The outputs that read the pixels of one phase: ((o, r′, s′), (n, j, k)).
struct PhaseOutputs {
    static constexpr bool ALONG_K = false;
    using Row = Place;
    using Step = Tap;
    const float* grad;
    Size size;
    Phase rows, columns;
    Divisor taps, taps_x, pixels, pixels_x;

    __device__ Place row(int pixel) const {
        const int n = pixels.split(pixel), j = pixels_x.split(pixel), k = pixel;
        const size_t image = (size_t)size.out_channels * size.out_height * size.out_width;
        const int row = rows.base + j, column = columns.base + k;
        return {grad + n * image + row * size.out_width + column, row, column};
    }
    __device__ Tap step(int k) const {
        const int o = taps.split(k), r = taps_x.split(k), s = k;
        return {(o * size.out_height - r) * size.out_width - s, -r, -s};
    }
    __device__ float at(const Place& place, const Tap& tap, bool inside) const {
        return read(place, tap, size.out_height, size.out_width, inside);
    }
};

struct StoreInput {
    float* grad;
    Size size;
    Phase rows, columns;
    Divisor pixels, pixels_x;
    int row;
    static constexpr const float* bias = nullptr;

    __device__ float* column(int pixel) const {
        const int n = pixels.split(pixel), j = pixels_x.split(pixel), k = pixel;
        const int y = rows.first + j * size.stride, x = columns.first + k * size.stride;
        return grad + (size_t)n * size.in_channels * row + y * size.in_width + x;
    }
};

// The product for one phase. `whole.columns` counts the pixels of the largest phase, `whole.depth` is not used.
struct PhaseProduct {
    Size size;
    Phase rows, columns;
    Divisor pixels, pixels_x;
    Problem problem;

    __device__ PhaseProduct(int phase, const Size& size, const Problem& whole)
        : size(size),
          rows(phase / size.stride, size.in_height, size.kernel_height, size.stride, size.padding),
          columns(phase % size.stride, size.in_width, size.kernel_width, size.stride, size.padding),
          pixels(rows.count * columns.count), pixels_x(columns.count),
          problem{whole.rows, size.batch * rows.count * columns.count, size.out_channels * rows.taps * columns.taps,
                  whole.parts} {}

    __device__ StoreInput store(float* grad) const { 
        return {grad, size, rows, columns, pixels, pixels_x, size.in_height * size.in_width};
    }

    template <class Tile>
    __device__ __forceinline__ void run(unsigned block, const float* grad_output, const float* weight, float* grad,
                                        float* sums) const {
        const Divisor taps(rows.taps * columns.taps), taps_x(columns.taps);
        gemm<Tile>(problem, block, PhaseWeights{weight, size, rows, columns, taps, taps_x},
                   PhaseOutputs{grad_output, size, rows, columns, taps, taps_x, pixels, pixels_x}, sums, store(grad));
    }
};

template <class Tile>
__device__ __forceinline__ void grad_input(const float* grad_output, const float* weight, float* grad, float* sums,
                                           const Size& size, const Problem& whole) {
    const unsigned blocks = whole.blocks<Tile>();
    const int phase = blockIdx.x / blocks;
    float* phase_sums = sums + (size_t)phase * whole.parts * whole.rows * whole.columns;
    PhaseProduct(phase, size, whole).run<Tile>(blockIdx.x % blocks, grad_output, weight, grad, phase_sums);
}

extern "C" __global__ void __launch_bounds__(256, 1) conv2d_grad_input_128(const float* grad_output, const float* weight,
                                                                        float* grad, float* sums, Size size,
                                                                        Problem whole) {
    grad_input<Large>(grad_output, weight, grad, sums, size, whole);
}

extern "C" __global__ void __launch_bounds__(128, 1) conv2d_grad_input_64(const float* grad_output, const float* weight,
                                                                       float* grad, float* sums, Size size,
                                                                       Problem whole) {
    grad_input<Medium>(grad_output, weight, grad, sums, size, whole);
}

extern "C" __global__ void __launch_bounds__(128, 1) conv2d_grad_input_16(const float* grad_output, const float* weight,
                                                                       float* grad, float* sums, Size size,
                                                                       Problem whole) {
    grad_input<Small>(grad_output, weight, grad, sums, size, whole);
}

extern "C" __global__ void conv2d_grad_input_sum(const float* sums, float* grad, Size size, Problem whole) {
    FOR_EACH_PLANE(phase, size.stride * size.stride) {
        const PhaseProduct product(int(phase), size, whole);
        const float* phase_sums = sums + phase * whole.parts * whole.rows * whole.columns;
        add_parts(product.problem, phase_sums, product.store(grad));
    }
}
