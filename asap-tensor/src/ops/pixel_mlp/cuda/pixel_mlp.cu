// The networks, forward and backward. PRODUCTS and IS_WIDE select how; see block.cuh. One of `ids` and `dense` is null.

#define THREADS 256

extern "C" __global__ void __launch_bounds__(THREADS, 1)
    pixel_mlp(float* image, const float* params, const uint8_t* ids, const float* dense, const float* positions,
              const Layer* layers, Network network, float* scratch) {
    forward<PRODUCTS, IS_WIDE>(image, params, ids, dense, positions, layers, network, scratch);
}

extern "C" __global__ void __launch_bounds__(THREADS, 1)
    pixel_mlp_grad(float* sums, float* grad_dense, const float* params, const uint8_t* ids, const float* dense,
                   const float* positions, const float* grad_image, const Layer* layers, Network network,
                   float* scratch) {
    backward<PRODUCTS, IS_WIDE>(sums, grad_dense, params, ids, dense, positions, grad_image, layers, network, scratch);
}
