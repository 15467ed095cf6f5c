// CUDA's vector types and keywords for a C++ compiler. No header of the system is included, as under NVRTC.
typedef decltype(sizeof 0) size_t;
#define NULL __null

// Protected: found by name from outside, and never taken for a function of that name in another library.
#define __global__ __attribute__((visibility("protected")))
#define __device__
#define __host__
#define __constant__
#define __managed__
#define __grid_constant__
#define __shared__ static thread_local
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __restrict__ __restrict
#define __launch_bounds__(...)
#define __maxnreg__(...)
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __builtin_align__(bytes) __align__(bytes)
#define __CUDACC__ 1
#define __CUDACC_RTC__ 1

// What touches the emulator's own memory: not for the race detector.
#define __EMULATOR_OUTSIDE __attribute__((no_sanitize("thread")))

#define __EMULATOR_VECTOR(T, name, align2, align4)                                                       \
  struct name##1 { T x; };                                                                               \
  struct __align__(align2) name##2 { T x, y; };                                                          \
  struct name##3 { T x, y, z; };                                                                         \
  struct __align__(align4) name##4 { T x, y, z, w; };                                                    \
  static inline name##1 make_##name##1(T x) { return {x}; }                                              \
  static inline name##2 make_##name##2(T x, T y) { return {x, y}; }                                      \
  static inline name##3 make_##name##3(T x, T y, T z) { return {x, y, z}; }                              \
  static inline name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }
__EMULATOR_VECTOR(signed char, char, 2, 4)
__EMULATOR_VECTOR(unsigned char, uchar, 2, 4)
__EMULATOR_VECTOR(short, short, 4, 8)
__EMULATOR_VECTOR(unsigned short, ushort, 4, 8)
__EMULATOR_VECTOR(int, int, 8, 16)
__EMULATOR_VECTOR(unsigned, uint, 8, 16)
__EMULATOR_VECTOR(long long, longlong, 16, 16)
__EMULATOR_VECTOR(unsigned long long, ulonglong, 16, 16)
__EMULATOR_VECTOR(float, float, 8, 16)
__EMULATOR_VECTOR(double, double, 16, 16)

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
  constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
};

extern "C" {
void* memcpy(void*, const void*, size_t);
void* memset(void*, int, size_t);
int printf(const char*, ...);
}
static inline __attribute__((noreturn)) void __trap() { __asm__ volatile("int3"); __builtin_unreachable(); }
