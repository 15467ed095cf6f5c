// The maximum of each 2×2 block.

// The index, in a plane of that width, of the first maximum of block (p, q) in row-major order.
__device__ __forceinline__ int argmax(const float* __restrict__ x, int width, int p, int q) {
    int first = 2 * p * width + 2 * q, largest = first;
    int others[3] = {first + 1, first + width, first + width + 1};
    for (int k = 0; k < 3; k++) {
        if (x[others[k]] > x[largest]) largest = others[k];
    }
    return largest;
}

extern "C" __global__ void max_pool2(float* __restrict__ y, const float* __restrict__ x, size_t planes, int height,
                                     int width) {
    int out_width = width / 2, out_plane = height / 2 * out_width;
    FOR_EACH_PLANE(n, planes) {
        const float* image = x + n * height * width;
        FOR_EACH_INSIDE(i, out_plane) {
            y[n * out_plane + i] = image[argmax(image, width, i / out_width, i % out_width)];
        }
    }
}

// Each element of grad finds its block and checks whether it is the maximum there.
extern "C" __global__ void max_pool2_grad(float* __restrict__ grad, const float* __restrict__ x,
                                          const float* __restrict__ grad_output, size_t planes, int height, int width) {
    int out_height = height / 2, out_width = width / 2;
    FOR_EACH_PLANE(n, planes) {
        const float* image = x + n * height * width;
        FOR_EACH_INSIDE(i, height * width) {
            int p = i / width / 2, q = i % width / 2;
            bool inside = p < out_height && q < out_width;
            bool largest = inside && argmax(image, width, p, q) == i;
            grad[n * height * width + i] = largest ? grad_output[(n * out_height + p) * out_width + q] : 0.0f;
        }
    }
}
