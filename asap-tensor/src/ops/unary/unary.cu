// Elementwise functions. `op` is the index of the function in the enum `Unary`; a and b are its constants.
enum { ABS, SQRT, TANH, SIGMOID, LEAKY_RELU, AFFINE };
// The result for a function that has no case below.
#define NAN_OF_NO_FUNCTION __int_as_float(0x7fffffff)

// y = f(x)
extern "C" __global__ void unary(float* __restrict__ y, const float* __restrict__ x, size_t count, int op, float a,
                                 float b) {
    FOR_EACH(i, count) {
        float v = x[i];
        switch (op) {
            case ABS: v = fabsf(v); break;
            case SQRT: v = sqrtf(v); break;
            case TANH: v = tanhf(v); break;
            case SIGMOID: v = 1.0f / (1.0f + expf(-v)); break;
            case LEAKY_RELU: v = v > 0.0f ? v : v * a; break;
            case AFFINE: v = v * a + b; break;
            default: v = NAN_OF_NO_FUNCTION;
        }
        y[i] = v;
    }
}

// grad = g · f′(x)
extern "C" __global__ void unary_grad(float* __restrict__ grad, const float* __restrict__ x,
                                      const float* __restrict__ y, const float* __restrict__ grad_output, size_t count,
                                      int op, float a) {
    FOR_EACH(i, count) {
        float v = x[i], derivative;
        switch (op) {
            case ABS: derivative = v == 0.0f ? 0.0f : v > 0.0f ? 1.0f : v < 0.0f ? -1.0f : v; break;
            case SQRT: derivative = 0.5f / y[i]; break;
            case TANH: derivative = 1.0f - y[i] * y[i]; break;
            case SIGMOID: derivative = y[i] * (1.0f - y[i]); break;
            case LEAKY_RELU: derivative = v > 0.0f ? 1.0f : a; break;
            case AFFINE: derivative = a; break;
            default: derivative = NAN_OF_NO_FUNCTION;
        }
        grad[i] = grad_output[i] * derivative;
    }
}
