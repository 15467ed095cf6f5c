// The cross entropy of each pixel: a thread per pixel, which reads its logits twice; a thread per logit for the gradient.

extern "C" __global__ void cross_entropy(float* __restrict__ losses, float* __restrict__ log_sums,
                                         const float* __restrict__ logits, const uint8_t* __restrict__ ids,
                                         size_t batch, int classes, int plane) {
    FOR_EACH_PLANE(n, batch) {
        FOR_EACH_INSIDE(i, plane) {
            const float* x = logits + n * classes * plane + i;
            float largest = x[0];
            for (int c = 1; c < classes; c++) {
                float v = x[(size_t)c * plane];
                if (v > largest) largest = v;
            }
            float sum = 0.0f;
            for (int c = 0; c < classes; c++) sum += expf(x[(size_t)c * plane] - largest);
            float log = logf(sum);
            size_t at = n * plane + i;
            int id = ids[at];
            losses[at] = id < classes ? (largest - x[(size_t)id * plane]) + log : 0.0f;
            log_sums[at] = largest + log;
        }
    }
}

// grad = g·(softmax(logits) − one-hot(id))
extern "C" __global__ void cross_entropy_grad(float* __restrict__ grad, const float* __restrict__ logits,
                                              const float* __restrict__ log_sums, const uint8_t* __restrict__ ids,
                                              const float* __restrict__ grad_output, size_t planes, int classes,
                                              int plane) {
    FOR_EACH_PLANE(p, planes) {
        size_t image = p / classes * plane;
        int c = p % classes;
        FOR_EACH_INSIDE(i, plane) {
            int id = ids[image + i];
            float share = expf(logits[p * plane + i] - log_sums[image + i]);
            float y = grad_output[image + i] * (share - (id == c ? 1.0f : 0.0f));
            grad[p * plane + i] = id < classes ? y : 0.0f;
        }
    }
}
