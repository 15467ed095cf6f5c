// Helpers for all kernels, prepended to each source. No CUDA header is included anywhere, so that kernels compile on
// machines that have only NVRTC.

typedef unsigned char uint8_t;
typedef unsigned short uint16_t;
typedef unsigned int uint32_t;

#define FULL_WARP 0xffffffffu
#define WARP 32

// Loops over `count` independent elements: one per thread, or more with a grid-sized stride.
#define FOR_EACH(i, count)                                                            \
    for (size_t i = blockIdx.x * (size_t)blockDim.x + threadIdx.x; i < (size_t)(count); \
         i += gridDim.x * (size_t)blockDim.x)

// Loops over `planes` planes of `size` independent elements each: the grid's x covers a plane, its y the planes. Each
// element of a plane has its own thread, so indices within a plane fit an int.
#define FOR_EACH_PLANE(p, planes) for (size_t p = blockIdx.y; p < (size_t)(planes); p += gridDim.y)
#define FOR_EACH_INSIDE(i, size) \
    for (int i = blockIdx.x * blockDim.x + threadIdx.x, size_##i = (size); i < size_##i; i = size_##i)

__device__ __forceinline__ int ceil_div(int a, int b) { return (a + b - 1) / b; }

// The sum over the lanes of a warp, returned to every lane.
__device__ __forceinline__ float warp_sum(float v) {
    for (int offset = WARP / 2; offset > 0; offset /= 2) v += __shfl_xor_sync(FULL_WARP, v, offset);
    return v;
}

// The sum over all threads of a block, returned to every thread. The block size must be a multiple of 32, and all
// threads must call it. `partial` is shared memory for one value per warp.
__device__ __forceinline__ float block_sum(float v, float* partial) {
    int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, warps = blockDim.x / WARP;
    v = warp_sum(v);
    __syncthreads();  // an earlier sum may still be in use
    if (lane == 0) partial[warp] = v;
    __syncthreads();
    return warp_sum(lane < warps ? partial[lane] : 0.0f);
}
