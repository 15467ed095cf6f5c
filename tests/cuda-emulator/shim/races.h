// What the compiler's thread instrumentation calls (g++ -fsanitize=thread), in builds that look for data races.
#ifdef __CUDA_EMULATOR_RACES__
static inline __attribute__((always_inline)) void __emulator_access(void* address, unsigned long bytes, unsigned kind, void* from) {
  unsigned long pointer;
  asm("mov %%rsp, %0" : "=r"(pointer));
  // The thread's own variables, and its record.
  if (((unsigned long)address ^ pointer) < (128 << 10)) return;
  __emulator->access(__emulator_self(), address, bytes, kind, from);
}

#define __EMULATOR_HOOK extern "C" __EMULATOR_OUTSIDE __attribute__((noinline, used)) void
#define __EMULATOR_ACCESS(name, bytes, kind) \
  __EMULATOR_HOOK name(void* p) { __emulator_access(p, bytes, kind, __builtin_return_address(0)); }
#define __EMULATOR_WIDTH(bytes)                                 \
  __EMULATOR_ACCESS(__tsan_read##bytes, bytes, 0)               \
  __EMULATOR_ACCESS(__tsan_write##bytes, bytes, 1)              \
  __EMULATOR_ACCESS(__tsan_volatile_read##bytes, bytes, 0)      \
  __EMULATOR_ACCESS(__tsan_volatile_write##bytes, bytes, 1)
__EMULATOR_WIDTH(1)
__EMULATOR_WIDTH(2)
__EMULATOR_WIDTH(4)
__EMULATOR_WIDTH(8)
__EMULATOR_WIDTH(16)
#define __EMULATOR_UNALIGNED(bytes)                             \
  __EMULATOR_ACCESS(__tsan_unaligned_read##bytes, bytes, 0)     \
  __EMULATOR_ACCESS(__tsan_unaligned_write##bytes, bytes, 1)
__EMULATOR_UNALIGNED(2)
__EMULATOR_UNALIGNED(4)
__EMULATOR_UNALIGNED(8)
__EMULATOR_UNALIGNED(16)
__EMULATOR_HOOK __tsan_read_range(void* p, long bytes) { __emulator_access(p, bytes, 0, __builtin_return_address(0)); }
__EMULATOR_HOOK __tsan_write_range(void* p, long bytes) { __emulator_access(p, bytes, 1, __builtin_return_address(0)); }
__EMULATOR_HOOK __tsan_vptr_read(void* p) { __emulator_access(p, 8, 0, __builtin_return_address(0)); }
__EMULATOR_HOOK __tsan_vptr_update(void* p, void*) { __emulator_access(p, 8, 1, __builtin_return_address(0)); }
__EMULATOR_HOOK __tsan_func_entry(void*) {}
__EMULATOR_HOOK __tsan_func_exit(void*) {}
__EMULATOR_HOOK __tsan_init() {}

// Calls of these aren't instrumented by themselves.
static __EMULATOR_OUTSIDE __attribute__((noinline)) void* __emulator_memcpy(void* to, const void* from, size_t bytes) {
  __emulator_access((void*)from, bytes, 0, __builtin_return_address(0));
  __emulator_access(to, bytes, 1, __builtin_return_address(0));
  return memcpy(to, from, bytes);
}
static __EMULATOR_OUTSIDE __attribute__((noinline)) void* __emulator_memset(void* to, int value, size_t bytes) {
  __emulator_access(to, bytes, 1, __builtin_return_address(0));
  return memset(to, value, bytes);
}
#define memcpy __emulator_memcpy
#define memset __emulator_memset
#endif
