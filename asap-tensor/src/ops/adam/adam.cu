// Adam's update in place, unless `guard` is given and not finite: m = β₁m + (1 − β₁)g, v = β₂v + (1 − β₂)g², w = w − a·m/(b·√v + ε).
extern "C" __global__ void adam(float* __restrict__ w, float* __restrict__ m, float* __restrict__ v,
                                const float* __restrict__ grad, const float* __restrict__ guard, size_t count, float beta1, float rest1, float beta2,
                                float rest2, float a, float b, float epsilon) {
    if (guard && !isfinite(*guard)) return;
    FOR_EACH(i, count) {
        float g = grad[i];
        float first = beta1 * m[i] + rest1 * g;
        float second = beta2 * v[i] + rest2 * g * g;
        m[i] = first;
        v[i] = second;
        w[i] -= a * first / (b * sqrtf(second) + epsilon);
    }
}
