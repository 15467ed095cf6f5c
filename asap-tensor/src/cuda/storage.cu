// Filling device memory.

// y[i] = value
extern "C" __global__ void fill(float* y, size_t count, float value) {
    FOR_EACH(i, count) y[i] = value;
}
