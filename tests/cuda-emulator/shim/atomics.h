// Atomics. A block's threads never run at the same moment, but other host threads' launches may.
template <class T> struct __emulator_bits;
template <> struct __emulator_bits<float> { typedef unsigned type; };
template <> struct __emulator_bits<double> { typedef unsigned long long type; };

// With race detection, an atomic is reported as such, and its own instructions aren't instrumented.
#ifdef __CUDA_EMULATOR_RACES__
#define __EMULATOR_ATOMIC(address, bytes) __emulator_access(address, bytes, 2, __builtin_return_address(0))
#define __EMULATOR_UNINSTRUMENTED __EMULATOR_OUTSIDE __attribute__((noinline))
#else
#define __EMULATOR_ATOMIC(address, bytes)
#define __EMULATOR_UNINSTRUMENTED inline
#endif

// Integers have the processor's own compare-and-swap; a float's goes by its bits.
template <class T, class F> static __EMULATOR_UNINSTRUMENTED T __emulator_update(T* address, F change) {
  __EMULATOR_ATOMIC(address, sizeof(T));
  T old = __atomic_load_n(address, __ATOMIC_RELAXED);
  while (!__atomic_compare_exchange_n(address, &old, (T)change(old), false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {}
  return old;
}
template <class T, class F> static inline T __emulator_update_float(T* address, F change) {
  typedef typename __emulator_bits<T>::type bits;
  T value;
  __emulator_update((bits*)address, [&](bits old) {
    __builtin_memcpy(&value, &old, sizeof(T));
    T next = change(value);
    bits result;
    __builtin_memcpy(&result, &next, sizeof(T));
    return result;
  });
  return value;
}

#define __EMULATOR_ATOMIC_INTEGER(T)                                                                                        \
  static inline T atomicAdd(T* p, T v) { return __emulator_update(p, [=](T old) { return old + v; }); }                     \
  static inline T atomicExch(T* p, T v) { return __emulator_update(p, [=](T) { return v; }); }                              \
  static inline T atomicMin(T* p, T v) { return __emulator_update(p, [=](T old) { return old < v ? old : v; }); }           \
  static inline T atomicMax(T* p, T v) { return __emulator_update(p, [=](T old) { return old > v ? old : v; }); }           \
  static inline T atomicAnd(T* p, T v) { return __emulator_update(p, [=](T old) { return old & v; }); }                     \
  static inline T atomicOr(T* p, T v) { return __emulator_update(p, [=](T old) { return old | v; }); }                      \
  static inline T atomicXor(T* p, T v) { return __emulator_update(p, [=](T old) { return old ^ v; }); }                     \
  static inline T atomicCAS(T* p, T compare, T v) { return __emulator_update(p, [=](T old) { return old == compare ? v : old; }); }
__EMULATOR_ATOMIC_INTEGER(int)
__EMULATOR_ATOMIC_INTEGER(unsigned)
__EMULATOR_ATOMIC_INTEGER(unsigned long long)
static inline unsigned short atomicCAS(unsigned short* p, unsigned short compare, unsigned short v) {
  return __emulator_update(p, [=](unsigned short old) { return old == compare ? v : old; });
}
static inline int atomicSub(int* p, int v) { return __emulator_update(p, [=](int old) { return old - v; }); }
static inline unsigned atomicSub(unsigned* p, unsigned v) { return __emulator_update(p, [=](unsigned old) { return old - v; }); }
static inline unsigned atomicInc(unsigned* p, unsigned limit) {
  return __emulator_update(p, [=](unsigned old) { return old >= limit ? 0 : old + 1; });
}
static inline unsigned atomicDec(unsigned* p, unsigned limit) {
  return __emulator_update(p, [=](unsigned old) { return old == 0 || old > limit ? limit : old - 1; });
}
static inline float atomicAdd(float* p, float v) { return __emulator_update_float(p, [=](float old) { return old + v; }); }
static inline double atomicAdd(double* p, double v) { return __emulator_update_float(p, [=](double old) { return old + v; }); }
static inline float atomicExch(float* p, float v) { return __emulator_update_float(p, [=](float) { return v; }); }
#define atomicAdd_block atomicAdd
#define atomicAdd_system atomicAdd
