// 3×3 convolutions with a separate kernel for each pixel of each plane: kernels (planes, 9, height, width). Every value
// computed takes nine kernel values, so reading or writing the kernels dominates the time. Adjacent threads access
// adjacent elements of it, and a pixel's neighbors are in the cache.

enum { TAPS = 9 };

// The index in its plane of the pixel that tap t of pixel (p, q) reads, or −1 outside the image.
__device__ __forceinline__ int met(int t, int p, int q, int height, int width) {
    int row = p + t / 3 - 1, column = q + t % 3 - 1;
    return row >= 0 && row < height && column >= 0 && column < width ? row * width + column : -1;
}

extern "C" __global__ void pixel_conv(float* __restrict__ y, const float* __restrict__ x,
                                      const float* __restrict__ kernels, size_t planes, int height, int width) {
    size_t plane = (size_t)height * width;
    FOR_EACH_PLANE(n, planes) {
        FOR_EACH_INSIDE(i, height * width) {
            float sum = 0.0f;
            #pragma unroll
            for (int t = 0; t < TAPS; t++) {
                int at = met(t, i / width, i % width, height, width);
                if (at >= 0) sum += kernels[(n * TAPS + t) * plane + i] * x[n * plane + at];
            }
            y[n * plane + i] = sum;
        }
    }
}

// Each element of grad gathers from its neighbors: tap 8 − t of the pixel that tap t reads refers back to it.
extern "C" __global__ void pixel_conv_grad_input(float* __restrict__ grad, const float* __restrict__ grad_output,
                                                 const float* __restrict__ kernels, size_t planes, int height,
                                                 int width) {
    size_t plane = (size_t)height * width;
    FOR_EACH_PLANE(n, planes) {
        FOR_EACH_INSIDE(i, height * width) {
            float sum = 0.0f;
            #pragma unroll
            for (int t = 0; t < TAPS; t++) {
                int at = met(t, i / width, i % width, height, width);
                if (at >= 0) sum += kernels[(n * TAPS + TAPS - 1 - t) * plane + at] * grad_output[n * plane + at];
            }
            grad[n * plane + i] = sum;
        }
    }
}

extern "C" __global__ void pixel_conv_grad_kernels(float* __restrict__ grad, const float* __restrict__ x,
                                                   const float* __restrict__ grad_output, size_t planes, int height,
                                                   int width) {
    size_t plane = (size_t)height * width;
    FOR_EACH_PLANE(n, planes) {
        FOR_EACH_INSIDE(i, height * width) {
            float g = grad_output[n * plane + i];
            #pragma unroll
            for (int t = 0; t < TAPS; t++) {
                int at = met(t, i / width, i % width, height, width);
                grad[(n * TAPS + t) * plane + i] = at >= 0 ? g * x[n * plane + at] : 0.0f;
            }
        }
    }
}
