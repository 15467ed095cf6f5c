// Instance norm with its activation. A plane that fits into a block's shared memory is read once, by one block, in each
// direction. A larger plane is split into chunks, one per block: the chunks' statistics are combined (Chan, Golub and
// LeVeque 1979), then each chunk is read once more.

// The number of values, their mean, and the sum of squared deviations from it.
struct Statistics {
    float count, mean, squares;
};

// ANCHOR: join
// Combines the statistics of two sets of values.
__device__ __forceinline__ Statistics join(Statistics a, Statistics b) {
    float count = a.count + b.count;
    if (count == 0.0f) return a;
    float share = b.count / count, distance = b.mean - a.mean;
    return {count, a.mean + distance * share, a.squares + b.squares + distance * distance * a.count * share};
}
// ANCHOR_END: join

// The statistics over all threads of a block, returned to every thread. `warps` is shared memory for one per warp.
__device__ __forceinline__ Statistics block_join(Statistics s, Statistics* warps) {
    int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    for (int offset = WARP / 2; offset > 0; offset /= 2) {
        Statistics other = {__shfl_xor_sync(FULL_WARP, s.count, offset), __shfl_xor_sync(FULL_WARP, s.mean, offset),
                            __shfl_xor_sync(FULL_WARP, s.squares, offset)};
        // The lower lane goes first, so that both of a pair get the same bits.
        s = lane & offset ? join(other, s) : join(s, other);
    }
    if (lane == 0) warps[warp] = s;
    __syncthreads();
    s = warps[0];
    for (int w = 1; w < blockDim.x / WARP; w++) s = join(s, warps[w]);
    return s;
}

struct Norm {
    int channels, plane, chunks, chunk;
    float epsilon, slope;
};

__device__ __forceinline__ float rstd_of(Statistics s, const Norm& p) {
    return 1.0f / sqrtf(s.squares / s.count + p.epsilon);
}

// φ(γ·(x − μ)·rstd + β)
__device__ __forceinline__ float normalize(float x, float mean, float rstd, float scale, float shift, float slope) {
    float z = scale * (x - mean) * rstd + shift;
    return z > 0.0f ? z : z * slope;
}

// One block per plane, which stays in shared memory.
extern "C" __global__ void __launch_bounds__(1024)
    norm_plane(float* __restrict__ y, float* __restrict__ mean, float* __restrict__ rstd, const float* __restrict__ x,
               const float* __restrict__ scale, const float* __restrict__ shift, Norm p) {
    extern __shared__ float values[];
    __shared__ float warps[WARP];
    size_t plane = blockIdx.x;
    int c = plane % p.channels;
    float gamma = scale ? scale[c] : 1.0f, beta = shift ? shift[c] : 0.0f;
    x += plane * p.plane;
    y += plane * p.plane;
    float total = 0.0f;
    for (int i = threadIdx.x; i < p.plane; i += blockDim.x) {
        values[i] = x[i];
        total += values[i];
    }
    float mu = block_sum(total, warps) / p.plane;
    float squares = 0.0f;
    for (int i = threadIdx.x; i < p.plane; i += blockDim.x) squares += (values[i] - mu) * (values[i] - mu);
    float r = rstd_of({(float)p.plane, mu, block_sum(squares, warps)}, p);
    for (int i = threadIdx.x; i < p.plane; i += blockDim.x) y[i] = normalize(values[i], mu, r, gamma, beta, p.slope);
    if (threadIdx.x == 0) {
        mean[plane] = mu;
        rstd[plane] = r;
    }
}

// The statistics of each chunk of each plane, (planes, chunks). One block per chunk.
extern "C" __global__ void norm_chunks(Statistics* __restrict__ partial, const float* __restrict__ x, Norm p) {
    __shared__ Statistics warps[WARP];
    size_t plane = blockIdx.y + (size_t)gridDim.y * blockIdx.z;
    int start = blockIdx.x * p.chunk, end = min(start + p.chunk, p.plane);
    Statistics s = {0.0f, 0.0f, 0.0f};
    for (int i = start + threadIdx.x; i < end; i += blockDim.x) {
        // Welford's step.
        float v = x[plane * p.plane + i], distance = v - s.mean;
        s.count += 1.0f;
        s.mean += distance / s.count;
        s.squares += distance * (v - s.mean);
    }
    s = block_join(s, warps);
    if (threadIdx.x == 0) partial[plane * p.chunks + blockIdx.x] = s;
}

// Each block combines its plane's chunks and normalizes one of them.
extern "C" __global__ void norm_apply(float* __restrict__ y, float* __restrict__ mean, float* __restrict__ rstd,
                                      const float* __restrict__ x, const Statistics* __restrict__ partial,
                                      const float* __restrict__ scale, const float* __restrict__ shift, Norm p) {
    size_t plane = blockIdx.y + (size_t)gridDim.y * blockIdx.z;
    int c = plane % p.channels;
    Statistics s = partial[plane * p.chunks];
    for (int k = 1; k < p.chunks; k++) s = join(s, partial[plane * p.chunks + k]);
    float r = rstd_of(s, p), gamma = scale ? scale[c] : 1.0f, beta = shift ? shift[c] : 0.0f;
    int start = blockIdx.x * p.chunk, end = min(start + p.chunk, p.plane);
    for (int i = start + threadIdx.x; i < end; i += blockDim.x) {
        y[plane * p.plane + i] = normalize(x[plane * p.plane + i], s.mean, r, gamma, beta, p.slope);
    }
    if (blockIdx.x == 0 && threadIdx.x == 0) {
        mean[plane] = s.mean;
        rstd[plane] = r;
    }
}

// One plane's constants for the gradient.
struct Plane {
    float mean, rstd, scale, shift, slope;
};

__device__ __forceinline__ Plane plane_of(const float* mean, const float* rstd, const float* scale,
                                          const float* shift, size_t plane, const Norm& p) {
    int c = plane % p.channels;
    return {mean[plane], rstd[plane], scale ? scale[c] : 1.0f, shift ? shift[c] : 0.0f, p.slope};
}

// The gradient with respect to z = γ·x̂ + β, the activation's input.
__device__ __forceinline__ float grad_z(float g, float x, const Plane& p) {
    return p.scale * (x - p.mean) * p.rstd + p.shift > 0.0f ? g : g * p.slope;
}

// γ·rstd·(d − mean(d) − x̂·mean(d·x̂)), given the two means.
__device__ __forceinline__ float grad_x(float g, float x, const Plane& p, float mean_d, float mean_dx) {
    float normalized = (x - p.mean) * p.rstd;
    return p.scale * p.rstd * (grad_z(g, x, p) - mean_d - normalized * mean_dx);
}

// One block per plane; x and the gradient stay in shared memory. sum_d and sum_dx are Σ d and Σ d·x̂ of each plane.
extern "C" __global__ void __launch_bounds__(1024)
    norm_grad_plane(float* __restrict__ grad, float* __restrict__ sum_d, float* __restrict__ sum_dx,
                    const float* __restrict__ x, const float* __restrict__ mean, const float* __restrict__ rstd,
                    const float* __restrict__ scale, const float* __restrict__ shift,
                    const float* __restrict__ grad_output, Norm p) {
    extern __shared__ float values[];
    __shared__ float warps[WARP];
    float* grads = values + p.plane;
    size_t plane = blockIdx.x;
    Plane constants = plane_of(mean, rstd, scale, shift, plane, p);
    float total = 0.0f, total_normalized = 0.0f;
    for (int i = threadIdx.x; i < p.plane; i += blockDim.x) {
        float v = values[i] = x[plane * p.plane + i], g = grads[i] = grad_output[plane * p.plane + i];
        float d = grad_z(g, v, constants);
        total += d;
        total_normalized += d * ((v - constants.mean) * constants.rstd);
    }
    total = block_sum(total, warps);
    total_normalized = block_sum(total_normalized, warps);
    for (int i = threadIdx.x; i < p.plane; i += blockDim.x) {
        grad[plane * p.plane + i] = grad_x(grads[i], values[i], constants, total / p.plane, total_normalized / p.plane);
    }
    if (threadIdx.x == 0) {
        sum_d[plane] = total;
        sum_dx[plane] = total_normalized;
    }
}

// Σ d and Σ d·x̂ of each chunk of each plane, (planes, chunks). One block per chunk.
extern "C" __global__ void norm_grad_chunks(float* __restrict__ sum_d, float* __restrict__ sum_dx,
                                            const float* __restrict__ x, const float* __restrict__ mean,
                                            const float* __restrict__ rstd, const float* __restrict__ scale,
                                            const float* __restrict__ shift, const float* __restrict__ grad_output,
                                            Norm p) {
    __shared__ float warps[WARP];
    size_t plane = blockIdx.y + (size_t)gridDim.y * blockIdx.z;
    Plane constants = plane_of(mean, rstd, scale, shift, plane, p);
    int start = blockIdx.x * p.chunk, end = min(start + p.chunk, p.plane);
    float total = 0.0f, total_normalized = 0.0f;
    for (int i = start + threadIdx.x; i < end; i += blockDim.x) {
        float v = x[plane * p.plane + i], d = grad_z(grad_output[plane * p.plane + i], v, constants);
        total += d;
        total_normalized += d * ((v - constants.mean) * constants.rstd);
    }
    total = block_sum(total, warps);
    total_normalized = block_sum(total_normalized, warps);
    if (threadIdx.x == 0) {
        sum_d[plane * p.chunks + blockIdx.x] = total;
        sum_dx[plane * p.chunks + blockIdx.x] = total_normalized;
    }
}

// Each block adds its plane's chunks and computes the gradient of one of them.
extern "C" __global__ void norm_grad_apply(float* __restrict__ grad, const float* __restrict__ sum_d,
                                           const float* __restrict__ sum_dx, const float* __restrict__ x,
                                           const float* __restrict__ mean, const float* __restrict__ rstd,
                                           const float* __restrict__ scale, const float* __restrict__ shift,
                                           const float* __restrict__ grad_output, Norm p) {
    size_t plane = blockIdx.y + (size_t)gridDim.y * blockIdx.z;
    Plane constants = plane_of(mean, rstd, scale, shift, plane, p);
    float total = 0.0f, total_normalized = 0.0f;
    for (int k = 0; k < p.chunks; k++) {
        total += sum_d[plane * p.chunks + k];
        total_normalized += sum_dx[plane * p.chunks + k];
    }
    int start = blockIdx.x * p.chunk, end = min(start + p.chunk, p.plane);
    for (int i = start + threadIdx.x; i < end; i += blockDim.x) {
        size_t at = plane * p.plane + i;
        grad[at] = grad_x(grad_output[at], x[at], constants, total / p.plane, total_normalized / p.plane);
    }
}

// The gradients of γ and β: the sums over batch and chunks, (N, C, chunks) → (C).
extern "C" __global__ void norm_grad_affine(float* __restrict__ grad_scale, float* __restrict__ grad_shift,
                                            const float* __restrict__ sum_dx, const float* __restrict__ sum_d,
                                            int batch, int channels, int chunks) {
    FOR_EACH(c, channels) {
        float of_scale = 0.0f, of_shift = 0.0f;
        for (int n = 0; n < batch; n++) {
            for (int k = 0; k < chunks; k++) {
                size_t at = ((size_t)n * channels + c) * chunks + k;
                of_scale += sum_dx[at];
                of_shift += sum_d[at];
            }
        }
        grad_scale[c] = of_scale;
        grad_shift[c] = of_shift;
    }
}
