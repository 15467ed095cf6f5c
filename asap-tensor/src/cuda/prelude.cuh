// What every kernel may use. It stands in front of each source; no CUDA header is included anywhere, so that kernels
// compile on machines that have NVRTC and nothing else of the toolkit.

typedef unsigned char uint8_t;
typedef unsigned short uint16_t;
typedef unsigned int uint32_t;

#define FULL_WARP 0xffffffffu
#define WARP 32

// Threads of a kernel that treats each of `count` numbers alone: as many as there are, or each thread strides on.
#define FOR_EACH(i, count)                                                            \
    for (size_t i = blockIdx.x * (size_t)blockDim.x + threadIdx.x; i < (size_t)(count); \
         i += gridDim.x * (size_t)blockDim.x)

// Threads of a kernel that treats each of `size` numbers of each of `planes` planes alone: the grid's x covers a plane,
// its y the planes. A plane's numbers each have a thread of their own, so that no index goes beyond an int.
#define FOR_EACH_PLANE(p, planes) for (size_t p = blockIdx.y; p < (size_t)(planes); p += gridDim.y)
#define FOR_EACH_INSIDE(i, size) \
    for (int i = blockIdx.x * blockDim.x + threadIdx.x, size_##i = (size); i < size_##i; i = size_##i)

__device__ __forceinline__ int ceil_div(int a, int b) { return (a + b - 1) / b; }

// The sum over the lanes of a warp, the same in every lane.
__device__ __forceinline__ float warp_sum(float v) {
    for (int offset = WARP / 2; offset > 0; offset /= 2) v += __shfl_xor_sync(FULL_WARP, v, offset);
    return v;
}

// The sum over the threads of a block of a multiple of 32 threads, the same in every thread. All must call it.
// `partial` is shared memory for one number a warp.
__device__ __forceinline__ float block_sum(float v, float* partial) {
    int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, warps = blockDim.x / WARP;
    v = warp_sum(v);
    __syncthreads();  // an earlier sum may still be being read
    if (lane == 0) partial[warp] = v;
    __syncthreads();
    return warp_sum(lane < warps ? partial[lane] : 0.0f);
}
