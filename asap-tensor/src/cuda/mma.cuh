// One warp's products on the tensor cores: D += A·B with A (16, K), B (K, 8) and D (16, 8), sums in single precision.
// Cards have them from compute capability 8.0.
//
// Lane l holds the values of row or column g = l / 4 and position t = l % 4. K is 8 for TF32, 16 for bf16, where a
// register holds two values with adjacent k, the first in its lower half.
//
//   TF32   A          k = t     t + 4        B    n = g         D        n = 2t   2t + 1
//          row g       a[0]     a[2]        k = t      b[0]     row g      d[0]    d[1]
//          row g + 8   a[1]     a[3]        k = t + 4  b[1]     row g + 8  d[2]    d[3]
//
//   bf16   A          k = 2t, 2t + 1   2t + 8, 2t + 9       B    n = g                  D as above
//          row g           a[0]            a[2]       k = 2t, 2t + 1      b[0]
//          row g + 8       a[1]            a[3]       k = 2t + 8, 2t + 9  b[1]
//
// D's columns 2t and 2t + 1 are in the lane that holds columns 2t and 2t + 1 (bf16) or t and t + 4 (TF32) of the next
// product's A. So packing turns a bf16 D into an A. A TF32 D already is one if the rows of the next product's B are taken
// in the order 0, 2, 4, 6, 1, 3, 5, 7: the order of a sum over k does not matter.

// The value of a bf16.
__device__ __forceinline__ float from_bf16(uint32_t half) { return __uint_as_float(half << 16); }

// Rounds to TF32, ties away from zero. The lower 13 bits are zero.
__device__ __forceinline__ uint32_t to_tf32_twin(float x) { return (__float_as_uint(x) + 0x1000u) & 0xffffe000u; }

// Rounds to bf16, ties to even.
__device__ __forceinline__ uint32_t to_bf16_twin(float x) {
    uint32_t bits = __float_as_uint(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fffu;
    return (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
}

// Packs two bf16 values into one register.
__device__ __forceinline__ uint32_t to_bf16x2_twin(float lower, float upper) {
    return to_bf16_twin(lower) | to_bf16_twin(upper) << 16;
}

// The six registers that each lane of the warp contributes to a product: A's four, B's two.
struct WarpOperands {
#ifdef __CUDA_EMULATOR__
    uint32_t all[WARP][6];
#else
    uint32_t own[6];
#endif

    __device__ __forceinline__ WarpOperands(const uint32_t (&a)[4], const uint32_t (&b)[2]) {
        uint32_t own[6] = {a[0], a[1], a[2], a[3], b[0], b[1]};
#ifdef __CUDA_EMULATOR__
        __emulator_gather(own, all);
#else
        for (int r = 0; r < 6; r++) this->own[r] = own[r];
#endif
    }

    // Register r of a lane. All lanes must call it with the same r; each may choose its lane.
    __device__ __forceinline__ uint32_t get(int lane, int r) const {
#ifdef __CUDA_EMULATOR__
        return all[lane][r];
#else
        return __shfl_sync(FULL_WARP, own[r], lane);
#endif
    }
};

// The product by its definition. `number(register, half)` is the value in a register.
template <int K, class Number>
__device__ __forceinline__ void mma_twin(float (&d)[4], const WarpOperands& operands, Number number) {
    int lane = threadIdx.x % WARP, g = lane / 4, t = lane % 4;
    for (int i = 0; i < 4; i++) {
        for (int k = 0; k < K; k++) {
            // K consists of two pieces; a piece is four lanes of one value or of two.
            int piece = k / (K / 2), place = k % (K / 2) / (K / 8), half = k % (K / 8);
            uint32_t a = operands.get(g * 4 + place, i / 2 + 2 * piece);
            uint32_t b = operands.get((2 * t + i % 2) * 4 + place, 4 + piece);
            d[i] += number(a, half) * number(b, half);
        }
    }
}

__device__ __forceinline__ void mma_tf32_twin(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    mma_twin<8>(d, WarpOperands(a, b), [](uint32_t x, int) { return __uint_as_float(x & 0xffffe000u); });
}

__device__ __forceinline__ void mma_bf16_twin(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    mma_twin<16>(d, WarpOperands(a, b), [](uint32_t x, int half) { return from_bf16(half ? x >> 16 : x & 0xffffu); });
}

#if defined(__CUDA_EMULATOR__) || __CUDA_ARCH__ < 800

__device__ __forceinline__ uint32_t to_tf32(float x) { return to_tf32_twin(x); }
__device__ __forceinline__ uint32_t to_bf16x2(float lower, float upper) { return to_bf16x2_twin(lower, upper); }

#ifdef __CUDA_EMULATOR__
__device__ __forceinline__ void mma_tf32_m16n8k8(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    mma_tf32_twin(d, a, b);
}
__device__ __forceinline__ void mma_bf16_m16n8k16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    mma_bf16_twin(d, a, b);
}
#else
// Turing has neither format. Kernels that use them compile for it, but never run there.
__device__ __forceinline__ void mma_tf32_m16n8k8(float (&)[4], const uint32_t (&)[4], const uint32_t (&)[2]) { __trap(); }
__device__ __forceinline__ void mma_bf16_m16n8k16(float (&)[4], const uint32_t (&)[4], const uint32_t (&)[2]) { __trap(); }
#endif

#else

__device__ __forceinline__ uint32_t to_tf32(float x) {
    uint32_t y;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(y) : "f"(x));
    return y;
}

__device__ __forceinline__ uint32_t to_bf16x2(float lower, float upper) {
    uint32_t y;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(upper), "f"(lower));
    return y;
}

__device__ __forceinline__ void mma_tf32_m16n8k8(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

__device__ __forceinline__ void mma_bf16_m16n8k16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

#endif
