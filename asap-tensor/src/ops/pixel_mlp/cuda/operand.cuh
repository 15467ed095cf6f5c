// The rounded operands of a product on the tensor cores. One step is K of its depth, in pieces of 8 of which a lane holds
// values 2t and 2t + 1: as neighbors they are read together, and a sum's columns are already in this order. In a TF32
// register they correspond to k = t and t + 4, for A and B alike. See mma.cuh for the letters.

struct Tf32 {
    static const int K = 8;

    // A from values of its rows g (x[0] and x[1] of each piece) and g + 8 (x[2] and x[3]).
    static __device__ __forceinline__ void operand(uint32_t (&a)[4], const float (*x)[4]) {
        a[0] = to_tf32(x[0][0]), a[1] = to_tf32(x[0][2]), a[2] = to_tf32(x[0][1]), a[3] = to_tf32(x[0][3]);
    }
    // B from values of its column g.
    static __device__ __forceinline__ void operand(uint32_t (&b)[2], const float (*x)[2]) {
        b[0] = to_tf32(x[0][0]), b[1] = to_tf32(x[0][1]);
    }
    static __device__ __forceinline__ void mma(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
        mma_tf32_m16n8k8(d, a, b);
    }
};

struct Bf16 {
    static const int K = 16;

    static __device__ __forceinline__ void operand(uint32_t (&a)[4], const float (*x)[4]) {
        a[0] = to_bf16x2(x[0][0], x[0][1]), a[1] = to_bf16x2(x[0][2], x[0][3]);
        a[2] = to_bf16x2(x[1][0], x[1][1]), a[3] = to_bf16x2(x[1][2], x[1][3]);
    }
    static __device__ __forceinline__ void operand(uint32_t (&b)[2], const float (*x)[2]) {
        b[0] = to_bf16x2(x[0][0], x[0][1]), b[1] = to_bf16x2(x[1][0], x[1][1]);
    }
    static __device__ __forceinline__ void mma(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
        mma_bf16_m16n8k16(d, a, b);
    }
};
