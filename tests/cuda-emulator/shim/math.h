// CUDA's arithmetic: the C library's functions under their usual names for both widths, and CUDA's own.
#define __EMULATOR_MATH1(name)                                            \
  extern "C" { double name(double); float name##f(float); }               \
  static inline float name(float x) { return name##f(x); }
#define __EMULATOR_MATH2(name)                                            \
  extern "C" { double name(double, double); float name##f(float, float); } \
  static inline float name(float x, float y) { return name##f(x, y); }
__EMULATOR_MATH1(sin) __EMULATOR_MATH1(cos) __EMULATOR_MATH1(tan) __EMULATOR_MATH1(asin) __EMULATOR_MATH1(acos)
__EMULATOR_MATH1(atan) __EMULATOR_MATH1(sinh) __EMULATOR_MATH1(cosh) __EMULATOR_MATH1(tanh) __EMULATOR_MATH1(asinh)
__EMULATOR_MATH1(acosh) __EMULATOR_MATH1(atanh) __EMULATOR_MATH1(exp) __EMULATOR_MATH1(exp2) __EMULATOR_MATH1(expm1)
__EMULATOR_MATH1(log) __EMULATOR_MATH1(log2) __EMULATOR_MATH1(log10) __EMULATOR_MATH1(log1p) __EMULATOR_MATH1(sqrt)
__EMULATOR_MATH1(cbrt) __EMULATOR_MATH1(fabs) __EMULATOR_MATH1(floor) __EMULATOR_MATH1(ceil) __EMULATOR_MATH1(trunc)
__EMULATOR_MATH1(round) __EMULATOR_MATH1(rint) __EMULATOR_MATH1(nearbyint) __EMULATOR_MATH1(erf) __EMULATOR_MATH1(erfc)
__EMULATOR_MATH1(lgamma) __EMULATOR_MATH1(tgamma)
__EMULATOR_MATH2(pow) __EMULATOR_MATH2(atan2) __EMULATOR_MATH2(fmod) __EMULATOR_MATH2(fmin) __EMULATOR_MATH2(fmax)
__EMULATOR_MATH2(hypot) __EMULATOR_MATH2(copysign) __EMULATOR_MATH2(fdim) __EMULATOR_MATH2(remainder)
extern "C" {
double fma(double, double, double);
float fmaf(float, float, float);
float ldexpf(float, int);
double ldexp(double, int);
void sincosf(float, float*, float*);
void sincos(double, double*, double*);
}
static inline float fma(float x, float y, float z) { return fmaf(x, y, z); }
static inline float ldexp(float x, int e) { return ldexpf(x, e); }
#define isnan(x) __builtin_isnan(x)
#define isinf(x) __builtin_isinf_sign(x)
#define isfinite(x) __builtin_isfinite(x)
#define signbit(x) __builtin_signbit(x)
#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")

static inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
static inline double rsqrt(double x) { return 1.0 / sqrt(x); }
static inline float rsqrt(float x) { return rsqrtf(x); }
static inline float rcbrtf(float x) { return 1.0f / cbrtf(x); }
static inline float exp10f(float x) { return powf(10.0f, x); }
static inline float sinpif(float x) { return (float)sin(3.14159265358979323846 * (double)fmodf(x, 2.0f)); }
static inline float cospif(float x) { return (float)cos(3.14159265358979323846 * (double)fmodf(x, 2.0f)); }
static inline float normcdff(float x) { return 0.5f * erfcf(-0.70710678f * x); }

#define __EMULATOR_MIN_MAX(T)                              \
  static inline T min(T a, T b) { return a < b ? a : b; }  \
  static inline T max(T a, T b) { return a > b ? a : b; }
__EMULATOR_MIN_MAX(int) __EMULATOR_MIN_MAX(unsigned) __EMULATOR_MIN_MAX(long) __EMULATOR_MIN_MAX(unsigned long)
__EMULATOR_MIN_MAX(long long) __EMULATOR_MIN_MAX(unsigned long long)
static inline float min(float a, float b) { return fminf(a, b); }
static inline float max(float a, float b) { return fmaxf(a, b); }
static inline double min(double a, double b) { return fmin(a, b); }
static inline double max(double a, double b) { return fmax(a, b); }
static inline unsigned min(int a, unsigned b) { return min((unsigned)a, b); }
static inline unsigned min(unsigned a, int b) { return min(a, (unsigned)b); }
static inline unsigned max(int a, unsigned b) { return max((unsigned)a, b); }
static inline unsigned max(unsigned a, int b) { return max(a, (unsigned)b); }
static inline int abs(int x) { return x < 0 ? -x : x; }
static inline long long abs(long long x) { return x < 0 ? -x : x; }
static inline float abs(float x) { return fabsf(x); }
static inline double abs(double x) { return fabs(x); }

template <class To, class From> static inline To __emulator_cast(From from) {
  static_assert(sizeof(To) == sizeof(From), "a reinterpretation keeps the size");
  To to;
  __builtin_memcpy(&to, &from, sizeof(To));
  return to;
}
static inline float __uint_as_float(unsigned x) { return __emulator_cast<float>(x); }
static inline float __int_as_float(int x) { return __emulator_cast<float>(x); }
static inline unsigned __float_as_uint(float x) { return __emulator_cast<unsigned>(x); }
static inline int __float_as_int(float x) { return __emulator_cast<int>(x); }
static inline double __longlong_as_double(long long x) { return __emulator_cast<double>(x); }
static inline long long __double_as_longlong(double x) { return __emulator_cast<long long>(x); }

// Rounding to nearest, with and without contraction; compiler options disable contraction elsewhere.
static inline float __fmaf_rn(float x, float y, float z) { return __builtin_fmaf(x, y, z); }
static inline double __fma_rn(double x, double y, double z) { return __builtin_fma(x, y, z); }
static inline float __fadd_rn(float x, float y) { return x + y; }
static inline float __fsub_rn(float x, float y) { return x - y; }
static inline float __fmul_rn(float x, float y) { return x * y; }
static inline float __fdiv_rn(float x, float y) { return x / y; }
static inline float __fsqrt_rn(float x) { return sqrtf(x); }
static inline float __frcp_rn(float x) { return 1.0f / x; }
static inline float __frsqrt_rn(float x) { return rsqrtf(x); }
static inline double __dadd_rn(double x, double y) { return x + y; }
static inline double __dmul_rn(double x, double y) { return x * y; }

// The fast versions are as precise as the others here: a test's tolerance has to allow for the hardware's.
static inline float __expf(float x) { return expf(x); }
static inline float __exp10f(float x) { return exp10f(x); }
static inline float __logf(float x) { return logf(x); }
static inline float __log2f(float x) { return log2f(x); }
static inline float __log10f(float x) { return log10f(x); }
static inline float __powf(float x, float y) { return powf(x, y); }
static inline float __sinf(float x) { return sinf(x); }
static inline float __cosf(float x) { return cosf(x); }
static inline float __tanf(float x) { return tanf(x); }
static inline float __fdividef(float x, float y) { return x / y; }
static inline float fdividef(float x, float y) { return x / y; }
static inline float __saturatef(float x) { return x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f; }

static inline int __float2int_rn(float x) { return (int)nearbyintf(x); }
static inline int __float2int_rz(float x) { return (int)x; }
static inline int __float2int_rd(float x) { return (int)floorf(x); }
static inline int __float2int_ru(float x) { return (int)ceilf(x); }
static inline unsigned __float2uint_rn(float x) { return (unsigned)nearbyintf(x); }
static inline unsigned __float2uint_rz(float x) { return (unsigned)x; }
static inline float __int2float_rn(int x) { return (float)x; }
static inline float __uint2float_rn(unsigned x) { return (float)x; }

static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
static inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz((unsigned)x); }
static inline int __clzll(long long x) { return x == 0 ? 64 : __builtin_clzll((unsigned long long)x); }
static inline int __ffs(int x) { return __builtin_ffs(x); }
static inline int __ffsll(long long x) { return __builtin_ffsll(x); }
static inline unsigned __brev(unsigned x) {
  unsigned r = 0;
  for (int i = 0; i < 32; i++) r |= (x >> i & 1) << (31 - i);
  return r;
}
static inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((unsigned long long)a * b >> 32); }
static inline int __mulhi(int a, int b) { return (int)((long long)a * b >> 32); }
static inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return (unsigned long long)((unsigned __int128)a * b >> 64);
}
static inline int __mul24(int a, int b) { return a * b; }
static inline unsigned __byte_perm(unsigned x, unsigned y, unsigned selector) {
  unsigned long long bytes = (unsigned long long)y << 32 | x;
  unsigned result = 0;
  for (int i = 0; i < 4; i++) result |= (unsigned)(bytes >> 8 * (selector >> 4 * i & 7) & 0xff) << 8 * i;
  return result;
}
static inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift) {
  return (unsigned)(((unsigned long long)high << 32 | low) << (shift & 31) >> 32);
}
static inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift) {
  return (unsigned)(((unsigned long long)high << 32 | low) >> (shift & 31));
}

// Loads and stores that differ in caching only.
template <class T> static inline T __ldg(const T* p) { return *p; }
template <class T> static inline T __ldca(const T* p) { return *p; }
template <class T> static inline T __ldcg(const T* p) { return *p; }
template <class T> static inline T __ldcs(const T* p) { return *p; }
template <class T> static inline void __stcg(T* p, T v) { *p = v; }
template <class T> static inline void __stcs(T* p, T v) { *p = v; }
