// The table of a module's kernels, which src/compile/kernels.rs writes after the source. Mirrors src/driver/module.rs.
struct __emulator_kernel {
  const char* name;
  const void* function;
  void (*call)(void** arguments);
  unsigned max_threads;
  unsigned parameters;
  const int* sizes;  // of each parameter in bytes; minus 8 for a pointer
};

template <class T> struct __emulator_size { static constexpr int value = sizeof(T); };
template <class T> struct __emulator_size<T*> { static constexpr int value = -8; };
template <class T> struct __emulator_plain { typedef T type; };
template <class T> struct __emulator_plain<const T> { typedef T type; };

template <int... I> struct __emulator_indices {};
template <int N, int... I> struct __emulator_count : __emulator_count<N - 1, N - 1, I...> {};
template <int... I> struct __emulator_count<0, I...> { typedef __emulator_indices<I...> type; };

template <class T> static inline __attribute__((always_inline)) T __emulator_argument(void* at) { return *(typename __emulator_plain<T>::type*)at; }

template <class F, F* kernel> struct __emulator_entry;
template <class... A, void (*kernel)(A...)> struct __emulator_entry<void(A...), kernel> {
  template <int... I> __EMULATOR_OUTSIDE static void spread(void** arguments, __emulator_indices<I...>) {
    kernel(__emulator_argument<A>(arguments[I])...);
  }
  __EMULATOR_OUTSIDE static void call(void** arguments) { spread(arguments, typename __emulator_count<sizeof...(A)>::type()); }
  static constexpr int sizes[] = {__emulator_size<typename __emulator_plain<A>::type>::value..., 0};
  static constexpr unsigned parameters = sizeof...(A);
};

#define __EMULATOR_KERNEL(name, kernel, max_threads)                                                    \
  {name, (const void*)&kernel, &__emulator_entry<decltype(kernel), kernel>::call, (unsigned)(max_threads), \
   __emulator_entry<decltype(kernel), kernel>::parameters, __emulator_entry<decltype(kernel), kernel>::sizes}

// What the loader of a module calls and reads, outside of any thread.
#define __EMULATOR_EXPORT extern "C" __attribute__((visibility("default"))) __EMULATOR_OUTSIDE
static thread_local char __emulator_anchor;
__EMULATOR_EXPORT void __emulator_bind(const __emulator_calls* calls) { __emulator = calls; }
__EMULATOR_EXPORT void* __emulator_shared() { return &__emulator_anchor; }
