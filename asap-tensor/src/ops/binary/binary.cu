// y = a ∘ b. `op` is the index of the operation in the enum `Binary`.
enum { ADD, SUB, MUL, DIV };

__device__ __forceinline__ float apply(int op, float a, float b) {
    switch (op) {
        case ADD: return a + b;
        case SUB: return a - b;
        case MUL: return a * b;
        default: return a / b;
    }
}

// b has a's shape (`spread` is 0) or is a scalar.
extern "C" __global__ void binary(float* __restrict__ y, const float* __restrict__ a, const float* __restrict__ b,
                                  size_t count, int op, int spread) {
    FOR_EACH(i, count) y[i] = apply(op, a[i], spread ? b[0] : b[i]);
}

// ANCHOR: channel
// b has one value per channel; a is (N, C, plane), with N·C = `planes` planes.
extern "C" __global__ void binary_channel(float* __restrict__ y, const float* __restrict__ a,
                                          const float* __restrict__ b, size_t planes, int channels, int plane, int op) {
    FOR_EACH_PLANE(p, planes) {
        float of_channel = b[p % channels];
        FOR_EACH_INSIDE(i, plane) y[p * plane + i] = apply(op, a[p * plane + i], of_channel);
    }
}
// ANCHOR_END: channel
