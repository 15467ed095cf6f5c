// Where a convolution reads. Letters as in the README: n, p, q index outputs, i, r, s the weights of a patch.

// The sizes of a convolution, field by field as in Conv2dSize.
struct Size {
    int batch, in_channels, in_height, in_width;
    int out_channels, kernel_height, kernel_width, stride, padding;
    int out_height, out_width;
};

// Divides by a divisor known only at run time, without a division instruction:
// ⌊n / d⌋ = (⌊n·m / 2³²⌋ + n) >> s for 0 ≤ n < 2³¹, where 2ˢ is the smallest power of two ≥ d and
// m = ⌊2³²·(2ˢ − d) / d⌋ + 1 (Granlund and Montgomery, "Division by invariant integers using multiplication", 1994).
struct Divisor {
    unsigned divisor, multiplier;
    int shift;

    explicit __device__ Divisor(int d) : divisor(max(d, 1)), shift(d > 1 ? 32 - __clz(d - 1) : 0) {
        multiplier = unsigned(((unsigned long long)((1u << shift) - divisor) << 32) / divisor) + 1;
    }

    __device__ __forceinline__ int quotient(int n) const { return (__umulhi(n, multiplier) + unsigned(n)) >> shift; }

    // Returns ⌊n / d⌋ and leaves n mod d in n.
    __device__ __forceinline__ int split(int& n) const {
        const int q = quotient(n);
        n -= q * int(divisor);
        return q;
    }
};

// A pixel of an image's first channel, in row y and column x; it may lie outside.
struct __align__(16) Place {
    const float* pixel;
    int y, x;
};

// What to read relative to a pixel: the element `offset` further on, y rows and x columns away, in some channel.
struct __align__(16) Tap {
    int offset, y, x;
};

// The element at a tap of a pixel, for images of height × width; zero outside the image, or if not `inside`.
__device__ __forceinline__ float read(const Place& place, const Tap& tap, int height, int width, bool inside) {
    inside &= unsigned(place.y + tap.y) < unsigned(height);
    inside &= unsigned(place.x + tap.x) < unsigned(width);
    return inside ? place.pixel[tap.offset] : 0.0f;
}

// The patch matrix u of x: row (i, r, s) and column (n, p, q) hold what that output reads with that weight.
struct Patches {
    const float* x;
    Size size;
    Divisor pixels, out_width, kernel, kernel_width;

    __device__ Patches(const float* x, const Size& size)
        : x(x), size(size), pixels(size.out_height * size.out_width), out_width(size.out_width),
          kernel(size.kernel_height * size.kernel_width), kernel_width(size.kernel_width) {}

    // The first pixel of the patch of output `pixel`, counted over (n, p, q).
    __device__ __forceinline__ Place place(int pixel) const {
        const int n = pixels.split(pixel), p = out_width.split(pixel), q = pixel;
        const size_t image = (size_t)size.in_channels * size.in_height * size.in_width;
        const int row = p * size.stride - size.padding, column = q * size.stride - size.padding;
        return {x + n * image + row * size.in_width + column, row, column};
    }

    // The position in a patch of weight `row`, counted over (i, r, s).
    __device__ __forceinline__ Tap tap(int row) const {
        const int i = kernel.split(row), r = kernel_width.split(row), s = row;
        return {(i * size.in_height + r) * size.in_width + s, r, s};
    }

    __device__ __forceinline__ float at(const Place& place, const Tap& tap, bool inside) const {
        return read(place, tap, size.in_height, size.in_width, inside);
    }
};
