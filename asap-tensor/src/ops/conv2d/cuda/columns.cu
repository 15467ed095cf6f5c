// Materializes the patch matrix u of x, and the reverse, for products that cuBLAS computes (explicit GEMM).
//
// Both process output pixels first … first + width of images n … n + images at a time, so that the matrix stays small:
// columns[image][(i, r, s)][pixel].

// The part of the patch matrix that is materialized.
struct Part {
    int image, images, first, width;
};

// columns = u(x)
extern "C" __global__ void conv2d_columns(const float* x, float* columns, int count, Size size, Part part) {
    const Patches patches(x, size);
    const Divisor width(part.width), patch(size.in_channels * size.kernel_height * size.kernel_width);
    FOR_EACH_INSIDE(index, count) {
        int pixel = index, row = width.split(pixel);
        const int image = patch.split(row);
        const Place place = patches.place((part.image + image) * size.out_height * size.out_width + part.first + pixel);
        columns[index] = patches.at(place, patches.tap(row), true);
    }
}

// grad = uᵀ(columns): each pixel of x sums the patches that contain it, in order. If `more`, the sum is added to what
// other parts have stored.
extern "C" __global__ void conv2d_add_columns(const float* columns, float* grad, Size size, Part part, int more) {
    const Divisor in_width(size.in_width), stride(size.stride);
    const int plane = size.in_height * size.in_width, taps = size.kernel_height * size.kernel_width;
    // A plane is a channel of one of the part's images, in the order of both x and the columns.
    FOR_EACH_PLANE(channel, size_t(part.images) * size.in_channels) FOR_EACH_INSIDE(pixel, plane) {
        int k = pixel;
        const int j = in_width.split(k);
        // As in grad_input.cu: kernel rows φ + stride·r′ read row j, for output rows p − r′.
        int first_r = j + size.padding, first_s = k + size.padding;
        const int p = stride.split(first_r), q = stride.split(first_s);
        const float* from = columns + channel * taps * part.width;
        float sum = 0.0f;
        for (int r = first_r, row = p; r < size.kernel_height && row >= 0; r += size.stride, --row) {
            for (int s = first_s, column = q; s < size.kernel_width && column >= 0; s += size.stride, --column) {
                const int output = row * size.out_width + column - part.first;
                if (row < size.out_height && column < size.out_width && unsigned(output) < unsigned(part.width)) {
                    sum += from[(size_t)(r * size.kernel_width + s) * part.width + output];
                }
            }
        }
        float& to = grad[((size_t)part.image * size.in_channels + channel) * plane + pixel];
        to = more ? to + sum : sum;
    }
}

// y[n][o][p][q] = bias[o], to which a product is added.
extern "C" __global__ void conv2d_bias(const float* bias, float* y, size_t planes, int channels, int pixels) {
    FOR_EACH_PLANE(plane, planes) {
        const float b = bias[plane % channels];
        FOR_EACH_INSIDE(i, pixels) y[plane * pixels + i] = b;
    }
}
