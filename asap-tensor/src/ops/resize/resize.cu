// Separable resampling, y = (R·x)·Cᵀ: one kernel per direction. An axis's taps are `index` and `weight`, (outputs, taps).

// y[n, p, j] = Σ over taps of weight · x[n, index, j]: a weighted sum of rows.
extern "C" __global__ void resize_rows(float* __restrict__ y, const float* __restrict__ x,
                                       const uint32_t* __restrict__ index, const float* __restrict__ weight,
                                       size_t planes, int inputs, int outputs, int width, int taps) {
    FOR_EACH_PLANE(n, planes) {
        const float* image = x + n * inputs * width;
        FOR_EACH_INSIDE(i, outputs * width) {
            int p = i / width, j = i % width;
            float total = 0.0f;
            for (int t = p * taps; t < (p + 1) * taps; t++) {
                if (weight[t] != 0.0f) total += weight[t] * image[index[t] * width + j];
            }
            y[n * outputs * width + i] = total;
        }
    }
}

// y[n, i, q] = Σ over taps of weight · x[n, i, index]: along each row.
extern "C" __global__ void resize_columns(float* __restrict__ y, const float* __restrict__ x,
                                          const uint32_t* __restrict__ index, const float* __restrict__ weight,
                                          size_t planes, int inputs, int outputs, int height, int taps) {
    FOR_EACH_PLANE(n, planes) {
        const float* image = x + n * height * inputs;
        FOR_EACH_INSIDE(i, height * outputs) {
            int row = i / outputs, q = i % outputs;
            float total = 0.0f;
            for (int t = q * taps; t < (q + 1) * taps; t++) {
                if (weight[t] != 0.0f) total += weight[t] * image[row * inputs + index[t]];
            }
            y[n * height * outputs + i] = total;
        }
    }
}

// Both at once for the one-hot form of ids, which is never materialized: y[n, c, p, q] = Σ row weight · column weight
// over the taps whose id is c.
extern "C" __global__ void resize_ids(float* __restrict__ y, const uint8_t* __restrict__ ids,
                                      const uint32_t* __restrict__ row_index, const float* __restrict__ row_weight,
                                      const uint32_t* __restrict__ column_index,
                                      const float* __restrict__ column_weight, size_t planes, int classes,
                                      size_t in_plane, int in_width, int out_height, int out_width, int row_taps,
                                      int column_taps) {
    int out_plane = out_height * out_width;
    FOR_EACH_PLANE(plane, planes) {
        const uint8_t* labels = ids + plane / classes * in_plane;
        int c = plane % classes;
        FOR_EACH_INSIDE(i, out_plane) {
            int p = i / out_width, q = i % out_width;
            float total = 0.0f;
            for (int r = p * row_taps; r < (p + 1) * row_taps; r++) {
                const uint8_t* row = labels + (size_t)row_index[r] * in_width;
                float of_row = 0.0f;
                for (int s = q * column_taps; s < (q + 1) * column_taps; s++) {
                    if (row[column_index[s]] == c) of_row += column_weight[s];
                }
                total += row_weight[r] * of_row;
            }
            y[plane * out_plane + i] = total;
        }
    }
}

// y[n, p, q] = ids[n, first row tap, first column tap]
extern "C" __global__ void pick_ids(uint8_t* __restrict__ y, const uint8_t* __restrict__ ids,
                                    const uint32_t* __restrict__ row_index, const uint32_t* __restrict__ column_index,
                                    size_t planes, size_t in_plane, int in_width, int out_height, int out_width,
                                    int row_taps, int column_taps) {
    int out_plane = out_height * out_width;
    FOR_EACH_PLANE(n, planes) {
        FOR_EACH_INSIDE(i, out_plane) {
            size_t row = row_index[i / out_width * row_taps], column = column_index[i % out_width * column_taps];
            y[n * out_plane + i] = ids[n * in_plane + row * in_width + column];
        }
    }
}
