// One warp runs each helper of mma.cuh and its emulation on the same registers. Operands are 32 lanes of 6 registers,
// sums are 32 lanes of 4 values.

template <class Product>
__device__ __forceinline__ void check(const uint32_t* operands, const float* sums, float* result, Product product) {
    int lane = threadIdx.x;
    const uint32_t* own = operands + lane * 6;
    uint32_t a[4] = {own[0], own[1], own[2], own[3]}, b[2] = {own[4], own[5]};
    float d[4];
    for (int i = 0; i < 4; i++) d[i] = sums[lane * 4 + i];
    product(d, a, b);
    for (int i = 0; i < 4; i++) result[lane * 4 + i] = d[i];
}

extern "C" __global__ void mma_tf32_check(const uint32_t* operands, const float* sums, float* device, float* twin) {
    check(operands, sums, device, mma_tf32_m16n8k8);
    check(operands, sums, twin, mma_tf32_twin);
}

extern "C" __global__ void mma_bf16_check(const uint32_t* operands, const float* sums, float* device, float* twin) {
    check(operands, sums, device, mma_bf16_m16n8k16);
    check(operands, sums, twin, mma_bf16_twin);
}

// Adjacent values x[2i], x[2i + 1] rounded: to TF32 each, and to a pair of bf16.
extern "C" __global__ void rounding_check(const float* x, uint32_t* tf32, uint32_t* tf32_twin, uint32_t* bf16x2,
                                          uint32_t* bf16x2_twin, size_t pairs) {
    FOR_EACH(i, pairs) {
        for (size_t j = 2 * i; j < 2 * i + 2; j++) {
            tf32[j] = to_tf32(x[j]);
            tf32_twin[j] = to_tf32_twin(x[j]);
        }
        bf16x2[i] = to_bf16x2(x[2 * i], x[2 * i + 1]);
        bf16x2_twin[i] = to_bf16x2_twin(x[2 * i], x[2 * i + 1]);
    }
}
