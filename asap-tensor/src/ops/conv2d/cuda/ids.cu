// Convolution of label ids: each tap of an output adds the weight of the class at its pixel.

// The row of the weight table that tap number `tap` of output `pixel` looks up: class·R·S + tap, or -1 if the tap is
// outside the image or the id outside the classes.
struct Lookup {
    const uint8_t* ids;
    Size size;
    int classes, taps, total;
    Divisor pixels, out_width, kernel_width;

    __device__ Lookup(const uint8_t* ids, const Size& size)
        : ids(ids), size(size), classes(size.in_channels), taps(size.kernel_height * size.kernel_width),
          total(size.batch * size.out_height * size.out_width), pixels(size.out_height * size.out_width),
          out_width(size.out_width), kernel_width(size.kernel_width) {}

    // The class, or -1.
    __device__ int id(int pixel, int tap) const {
        if (pixel >= total || tap >= taps) return -1;
        const int n = pixels.split(pixel), p = out_width.split(pixel), q = pixel;
        const int r = kernel_width.split(tap), s = tap;
        const int y = p * size.stride + r - size.padding, x = q * size.stride + s - size.padding;
        if (unsigned(y) >= unsigned(size.in_height) || unsigned(x) >= unsigned(size.in_width)) return -1;
        const int id = ids[((size_t)n * size.in_height + y) * size.in_width + x];
        return id < classes ? id : -1;
    }
};

// table[(class, tap)][o] = w[o][class][tap], so that adjacent threads, which compute adjacent o, read adjacent
// elements.
extern "C" __global__ void conv2d_ids_table(const float* weight, float* table, int channels, int patch) {
    FOR_EACH_PLANE(row, patch) FOR_EACH_INSIDE(o, channels) table[row * channels + o] = weight[o * patch + row];
}

constexpr int PIXELS = 64;    // outputs per block
constexpr int CHANNELS = 32;  // o per block: one per lane
constexpr int WARPS = 8;
constexpr int TAPS = 32;      // taps looked up at a time

// y[n, o, p, q] = b[o] + Σ over taps of table[(class, tap)][o]
extern "C" __global__ void __launch_bounds__(WARP * WARPS)
    conv2d_ids(const uint8_t* ids, const float* table, const float* bias, float* y, Size size) {
    __shared__ int rows[TAPS][PIXELS];
    __shared__ float tile[CHANNELS][PIXELS + 1];
    const Lookup lookup(ids, size);
    const int channels = size.out_channels, tiles = ceil_div(channels, CHANNELS);
    const int first_channel = blockIdx.x % tiles * CHANNELS, first_pixel = blockIdx.x / tiles * PIXELS;
    const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    const int o = first_channel + lane;

    float sums[PIXELS / WARPS];
    const float start = bias && o < channels ? bias[o] : 0.0f;
    for (float& sum : sums) sum = start;
    for (int first_tap = 0; first_tap < lookup.taps; first_tap += TAPS) {
        const int taps = min(TAPS, lookup.taps - first_tap);
        __syncthreads();  // the previous taps may still be in use
        for (int i = threadIdx.x; i < taps * PIXELS; i += WARP * WARPS) {
            const int tap = i / PIXELS, pixel = i % PIXELS;
            const int id = lookup.id(first_pixel + pixel, first_tap + tap);
            rows[tap][pixel] = id < 0 ? -1 : id * lookup.taps + first_tap + tap;
        }
        __syncthreads();
        for (int tap = 0; tap < taps; ++tap) {
#pragma unroll
            for (int i = 0; i < PIXELS / WARPS; ++i) {
                const int row = rows[tap][warp + i * WARPS];
                if (row >= 0 && o < channels) sums[i] += table[row * channels + o];
            }
        }
    }

    // Switches from one channel per lane to one pixel per lane, so that both reading the table and writing y are coalesced.
#pragma unroll
    for (int i = 0; i < PIXELS / WARPS; ++i) tile[lane][warp + i * WARPS] = sums[i];
    __syncthreads();
    const int my_pixel = int(threadIdx.x) % PIXELS;
    int pixel = first_pixel + my_pixel;
    if (pixel >= lookup.total) return;
    const int n = lookup.pixels.split(pixel);
    const int plane = size.out_height * size.out_width;
    for (int channel = threadIdx.x / PIXELS; channel < min(CHANNELS, channels - first_channel);
         channel += WARP * WARPS / PIXELS) {
        y[((size_t)n * channels + first_channel + channel) * plane + pixel] = tile[channel][my_pixel];
    }
}

// How the gradient is split: a block sums `run` outputs for CHANNELS channels and `taps` taps, one warp per tap.
struct Split {
    int classes, taps, groups, parts, run;
};

// sums[part][(class, tap)][o] = Σ of g[o] over the part's outputs whose tap reads the class
//
// Each lane sums one channel for each class in shared memory that no other lane touches, so the order is fixed. Labels
// come in runs of one class: the sum of a run is kept in a register, and added to the class's sum when the run ends.
extern "C" __global__ void conv2d_ids_grad_weight(const uint8_t* ids, const float* grad_output, float* sums, Size size,
                                                  Split split) {
    __shared__ float tile[CHANNELS][WARP + 1];
    extern __shared__ float class_sums[];
    const Lookup lookup(ids, size);
    const int channels = size.out_channels, tiles = ceil_div(channels, CHANNELS);
    const int first_channel = blockIdx.x % tiles * CHANNELS;
    const int group = blockIdx.x / tiles % split.groups, part = blockIdx.x / tiles / split.groups;
    const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    const int tap = group * split.taps + warp;
    const int plane = size.out_height * size.out_width;

    float* my_sums = class_sums + warp * split.classes * CHANNELS + lane;
    for (int id = 0; id < split.classes; ++id) my_sums[id * CHANNELS] = 0.0f;
    const int first = part * split.run, end = min(first + split.run, lookup.total);
    int run_id = -1;
    float run_sum = 0.0f;
    for (int start = first; start < end; start += WARP) {
        __syncthreads();  // the previous tile may still be in use
        int pixel = start + lane;
        const int my_id = pixel < end ? lookup.id(pixel, tap) : -1;
        const int n = lookup.pixels.split(pixel);
        for (int channel = warp; channel < CHANNELS; channel += split.taps) {
            const bool inside = start + lane < end && first_channel + channel < channels;
            const size_t from = ((size_t)n * channels + first_channel + channel) * plane + pixel;
            tile[channel][lane] = inside ? grad_output[from] : 0.0f;
        }
        __syncthreads();
        for (int i = 0; i < WARP; ++i) {
            const int id = __shfl_sync(FULL_WARP, my_id, i);
            if (id != run_id) {
                if (run_id >= 0) my_sums[run_id * CHANNELS] += run_sum;
                run_id = id;
                run_sum = 0.0f;
            }
            run_sum += tile[lane][i];
        }
    }
    if (run_id >= 0) my_sums[run_id * CHANNELS] += run_sum;

    if (tap >= lookup.taps || first_channel + lane >= channels) return;
    for (int id = 0; id < split.classes; ++id) {
        const size_t row = ((size_t)part * split.classes + id) * lookup.taps + tap;
        sums[row * channels + first_channel + lane] = my_sums[id * CHANNELS];
    }
}

// grad[o][class][tap] = Σ of sums over the parts, in order; 0 for classes that no id can have.
extern "C" __global__ void conv2d_ids_grad_weight_sum(const float* sums, float* grad, Size size, Split split) {
    const int taps = size.kernel_height * size.kernel_width, patch = size.in_channels * taps;
    const int rows = split.classes * taps, channels = size.out_channels;
    FOR_EACH_PLANE(row, patch) FOR_EACH_INSIDE(o, channels) {
        float sum = 0.0f;
        for (int part = 0; row < rows && part < split.parts; ++part) {
            sum += sums[((size_t)part * rows + row) * channels + o];
        }
        grad[o * patch + row] = sum;
    }
}
