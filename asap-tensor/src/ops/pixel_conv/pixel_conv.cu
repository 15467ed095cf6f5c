// Convolutions by kernels of 3×3 that each pixel of each plane has for itself: kernels (planes, 9, height, width). Nine
// numbers are read or written for each that is computed, so the kernels' memory is what takes the time; neighbouring
// threads read neighbouring numbers of it, and a pixel's neighbours are in the cache.

enum { TAPS = 9 };

// The place in its plane of the pixel that tap t of pixel (p, q) meets, or −1 beyond the border.
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

// Each number of grad gathers what its neighbours owe it: tap 8 − t of the pixel that tap t meets looks back.
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
