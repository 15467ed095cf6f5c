// Elementwise functions. `op` is the index of the function in the table, FUNCTIONS and DERIVATIVES are the table's
// cases, a and b the function's constants.

// y = f(x)
extern "C" __global__ void unary(float* __restrict__ ys, const float* __restrict__ xs, size_t count, int op, float a,
                                 float b) {
    FOR_EACH(i, count) {
        float x = xs[i], y = x;
        switch (op) { FUNCTIONS }
        ys[i] = y;
    }
}

// grad = g · f′(x)
extern "C" __global__ void unary_grad(float* __restrict__ grad, const float* __restrict__ xs,
                                      const float* __restrict__ ys, const float* __restrict__ grad_output, size_t count,
                                      int op, float a, float b) {
    FOR_EACH(i, count) {
        float derivative = 0.0f;
        switch (op) { DERIVATIVES }
        grad[i] = grad_output[i] * derivative;
    }
}
