// Sums in two steps, both in an order that depends only on the sizes: each block sums one chunk of a row, then one block
// sums the chunks.

// partial[r, k] = the sum of chunk k of row r of x, (rows, length). One block per chunk.
extern "C" __global__ void chunk_sums(float* __restrict__ partial, const float* __restrict__ x, size_t rows,
                                      size_t length, size_t chunk, int chunks) {
    __shared__ float warps[WARP];
    FOR_EACH_PLANE(r, rows) {
        size_t start = blockIdx.x * chunk, end = start + chunk < length ? start + chunk : length;
        float total = 0.0f;
        for (size_t i = start + threadIdx.x; i < end; i += blockDim.x) total += x[r * length + i];
        total = block_sum(total, warps);
        if (threadIdx.x == 0) partial[r * chunks + blockIdx.x] = total;
    }
}

// y[c] = Σ over n and k of partial[n, c, k]. One block per c.
extern "C" __global__ void channel_totals(float* __restrict__ y, const float* __restrict__ partial, size_t batch,
                                          int channels, int chunks) {
    __shared__ float warps[WARP];
    size_t c = blockIdx.x, count = batch * chunks;
    float total = 0.0f;
    for (size_t i = threadIdx.x; i < count; i += blockDim.x) {
        total += partial[(i / chunks * channels + c) * chunks + i % chunks];
    }
    total = block_sum(total, warps);
    if (threadIdx.x == 0) y[c] = total;
}
