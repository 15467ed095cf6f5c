// A CUDA thread's view of itself, and the calls into the scheduler. Mirrors src/fiber/mod.rs and src/schedule/calls.rs.
struct __emulator_dim { unsigned x, y, z; operator dim3() const { return dim3(x, y, z); } };

struct __emulator_thread {
  uint3 thread_index, block_index;
  __emulator_dim block_dim, grid_dim;
  char* dynamic_shared;
  unsigned linear, lane, warp;
};

struct __emulator_calls {
  int (*block_barrier)(__emulator_thread*, unsigned variant, int predicate, const char* file, unsigned line);
  const char* (*warp_exchange)(__emulator_thread*, unsigned mask, const char* operation, const void* value, unsigned size,
                               const char* file, unsigned line);
  // Kinds: 0 read, 1 write, 2 atomic. Called in builds that look for data races.
  void (*access)(__emulator_thread*, void* address, unsigned long bytes, unsigned kind, void* from);
};
static const __emulator_calls* __emulator;

// The thread's record lies at the top of its stack, and a stack is aligned to its size.
static inline __attribute__((always_inline)) __emulator_thread* __emulator_self() {
  const unsigned long stack = 128 << 10, top = 512;
  unsigned long pointer;
  asm("mov %%rsp, %0" : "=r"(pointer));
  return (__emulator_thread*)((pointer & ~(stack - 1)) + stack - top);
}
#define threadIdx (__emulator_self()->thread_index)
#define blockIdx (__emulator_self()->block_index)
#define blockDim (__emulator_self()->block_dim)
#define gridDim (__emulator_self()->grid_dim)
#define warpSize 32

// What `extern __shared__ T name[]` becomes outside of functions.
template <class T> struct __emulator_dynamic_shared {
  operator T*() const { return (T*)__emulator_self()->dynamic_shared; }
  template <class U> explicit operator U*() const { return (U*)__emulator_self()->dynamic_shared; }
};

// Where a call stands in the kernel's source: default arguments are evaluated at the caller.
#define __EMULATOR_PLACE const char *file = __builtin_FILE(), unsigned line = __builtin_LINE()

static inline __EMULATOR_OUTSIDE void __syncthreads(__EMULATOR_PLACE) { __emulator->block_barrier(__emulator_self(), 0, 0, file, line); }
static inline __EMULATOR_OUTSIDE int __syncthreads_count(int predicate, __EMULATOR_PLACE) {
  return __emulator->block_barrier(__emulator_self(), 1, predicate, file, line);
}
static inline __EMULATOR_OUTSIDE int __syncthreads_and(int predicate, __EMULATOR_PLACE) {
  return __emulator->block_barrier(__emulator_self(), 2, predicate, file, line);
}
static inline __EMULATOR_OUTSIDE int __syncthreads_or(int predicate, __EMULATOR_PLACE) {
  return __emulator->block_barrier(__emulator_self(), 3, predicate, file, line);
}
static inline void __threadfence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
static inline void __threadfence_block() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
static inline void __threadfence_system() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

static inline long long clock64() { return (long long)__builtin_ia32_rdtsc(); }
static inline int clock() { return (int)__builtin_ia32_rdtsc(); }
static inline void __nanosleep(unsigned) {}
