// Moving elements: each thread computes where its element comes from.

#define MAX_RANK 6
struct Permutation {
    long long rank;
    long long sizes[MAX_RANK];    // of the result
    long long strides[MAX_RANK];  // of x, in the order of the result's axes
};

// y[i…] = the same element of x, with the axes reordered.
extern "C" __global__ void permute(float* __restrict__ y, const float* __restrict__ x, size_t count, Permutation p) {
    FOR_EACH(i, count) {
        size_t rest = i, from = 0;
        #pragma unroll
        for (int axis = MAX_RANK - 1; axis >= 0; axis--) {
            if (axis >= p.rank) continue;
            from += rest % p.sizes[axis] * p.strides[axis];
            rest /= p.sizes[axis];
        }
        y[i] = x[from];
    }
}

// Copies rows of `length` elements from x, with a stride of `x_row`, to y, with a stride of `y_row`.
extern "C" __global__ void copy_rows(float* __restrict__ y, const float* __restrict__ x, size_t rows, size_t length,
                                     size_t y_row, size_t y_start, size_t x_row, size_t x_start) {
    FOR_EACH_PLANE(r, rows) {
        FOR_EACH(i, length) y[r * y_row + y_start + i] = x[r * x_row + x_start + i];
    }
}

struct Padding {
    int height, width, top, bottom, left, right, reflect;
};

// The input that padded position `at` copies, or −1 for a zero.
__device__ __forceinline__ int source(int at, int before, int size, int reflect) {
    int i = at - before;
    if (i >= 0 && i < size) return i;
    if (!reflect) return -1;
    return i < 0 ? -i : 2 * (size - 1) - i;
}

template <class T>
__device__ __forceinline__ void pad(T* __restrict__ y, const T* __restrict__ x, size_t planes, const Padding& p) {
    int out_width = p.width + p.left + p.right, out_plane = (p.height + p.top + p.bottom) * out_width;
    FOR_EACH_PLANE(n, planes) {
        FOR_EACH_INSIDE(i, out_plane) {
            int row = source(i / out_width, p.top, p.height, p.reflect);
            int column = source(i % out_width, p.left, p.width, p.reflect);
            bool inside = row >= 0 && column >= 0;
            y[n * out_plane + i] = inside ? x[n * p.height * p.width + row * p.width + column] : T(0);
        }
    }
}

extern "C" __global__ void pad2d(float* __restrict__ y, const float* __restrict__ x, size_t planes, Padding p) {
    pad(y, x, planes, p);
}

extern "C" __global__ void pad_ids(uint8_t* __restrict__ y, const uint8_t* __restrict__ x, size_t planes, Padding p) {
    pad(y, x, planes, p);
}

// The padded positions that copy input i: itself, and its mirror images before and after, if the padding is wide
// enough. Returns how many.
__device__ __forceinline__ int shown_at(int* at, int i, int before, int behind, int size, int reflect) {
    int count = 0;
    at[count++] = before + i;
    if (reflect && i > 0 && i <= before) at[count++] = before - i;
    if (reflect && i < size - 1 && size - 1 - i <= behind) at[count++] = before + 2 * (size - 1) - i;
    return count;
}

// grad[i] = the sum of the gradients of all positions where pad2d copies input i.
extern "C" __global__ void pad2d_grad(float* __restrict__ grad, const float* __restrict__ grad_output, size_t planes,
                                      Padding p) {
    int out_width = p.width + p.left + p.right, out_height = p.height + p.top + p.bottom;
    FOR_EACH_PLANE(n, planes) {
        const float* g = grad_output + n * out_height * out_width;
        FOR_EACH_INSIDE(i, p.height * p.width) {
            int rows[3], columns[3];
            int row_count = shown_at(rows, i / p.width, p.top, p.bottom, p.height, p.reflect);
            int column_count = shown_at(columns, i % p.width, p.left, p.right, p.width, p.reflect);
            float total = 0.0f;
            for (int r = 0; r < row_count; r++) {
                for (int s = 0; s < column_count; s++) total += g[rows[r] * out_width + columns[s]];
            }
            grad[n * p.height * p.width + i] = total;
        }
    }
}

// y[n, c, i] = 1 if the id of pixel i is c.
extern "C" __global__ void one_hot(float* __restrict__ y, const uint8_t* __restrict__ ids, size_t planes, int classes,
                                   int plane) {
    FOR_EACH_PLANE(p, planes) {
        const uint8_t* labels = ids + p / classes * plane;
        int c = p % classes;
        FOR_EACH_INSIDE(i, plane) y[p * plane + i] = labels[i] == c ? 1.0f : 0.0f;
    }
}
