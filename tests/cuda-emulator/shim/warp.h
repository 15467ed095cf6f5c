// Warp collectives: each is one exchange, in which every lane named by the mask gives a value and reads the others'.
#define __EMULATOR_SLOT 64

static inline __EMULATOR_OUTSIDE const char* __emulator_exchange(unsigned mask, const char* operation, const void* value, unsigned size,
                                              const char* file, unsigned line) {
  return __emulator->warp_exchange(__emulator_self(), mask, operation, value, size, file, line);
}

static inline __EMULATOR_OUTSIDE void __syncwarp(unsigned mask = 0xffffffffu, __EMULATOR_PLACE) {
  __emulator_exchange(mask, "__syncwarp", &mask, 4, file, line);
}
static inline unsigned __activemask() { return 0xffffffffu; }

template <class T>
static inline __EMULATOR_OUTSIDE T __emulator_shuffle(unsigned mask, const char* operation, T value, int source, const char* file, unsigned line) {
  static_assert(sizeof(T) <= __EMULATOR_SLOT, "a shuffle takes at most 64 bytes");
  const char* slots = __emulator_exchange(mask, operation, &value, sizeof(T), file, line);
  // Reading a lane that doesn't take part is undefined: not a number, so that it shows.
  if (mask >> source & 1) __builtin_memcpy(&value, slots + __EMULATOR_SLOT * source, sizeof(T));
  else __builtin_memset(&value, 0xff, sizeof(T));
  return value;
}
template <class T> static inline T __shfl_sync(unsigned mask, T value, int source, int width = 32, __EMULATOR_PLACE) {
  int lane = __emulator_self()->lane, first = lane & ~(width - 1);
  return __emulator_shuffle(mask, "__shfl_sync", value, first + (source & (width - 1)), file, line);
}
template <class T> static inline T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32, __EMULATOR_PLACE) {
  int lane = __emulator_self()->lane, source = lane ^ bits;
  if (source >= (lane & ~(width - 1)) + width) source = lane;
  return __emulator_shuffle(mask, "__shfl_xor_sync", value, source, file, line);
}
template <class T> static inline T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, __EMULATOR_PLACE) {
  int lane = __emulator_self()->lane, source = lane + (int)delta;
  if (source > (lane | (width - 1))) source = lane;
  return __emulator_shuffle(mask, "__shfl_down_sync", value, source, file, line);
}
template <class T> static inline T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, __EMULATOR_PLACE) {
  int lane = __emulator_self()->lane, source = lane - (int)delta;
  if (source < (lane & ~(width - 1))) source = lane;
  return __emulator_shuffle(mask, "__shfl_up_sync", value, source, file, line);
}

static inline __EMULATOR_OUTSIDE unsigned __emulator_ballot(unsigned mask, const char* operation, int predicate, const char* file, unsigned line) {
  const char* slots = __emulator_exchange(mask, operation, &predicate, 4, file, line);
  unsigned votes = 0;
  for (int lane = 0; lane < 32; lane++) {
    int vote;
    __builtin_memcpy(&vote, slots + __EMULATOR_SLOT * lane, 4);
    if ((mask >> lane & 1) && vote != 0) votes |= 1u << lane;
  }
  return votes;
}
static inline unsigned __ballot_sync(unsigned mask, int predicate, __EMULATOR_PLACE) {
  return __emulator_ballot(mask, "__ballot_sync", predicate, file, line);
}
static inline int __any_sync(unsigned mask, int predicate, __EMULATOR_PLACE) {
  return __emulator_ballot(mask, "__any_sync", predicate, file, line) != 0;
}
static inline int __all_sync(unsigned mask, int predicate, __EMULATOR_PLACE) {
  return __emulator_ballot(mask, "__all_sync", predicate, file, line) == mask;
}

template <class T> static inline __EMULATOR_OUTSIDE unsigned __match_any_sync(unsigned mask, T value, __EMULATOR_PLACE) {
  const char* slots = __emulator_exchange(mask, "__match_any_sync", &value, sizeof(T), file, line);
  unsigned equal = 0;
  for (int lane = 0; lane < 32; lane++)
    if ((mask >> lane & 1) && __builtin_memcmp(&value, slots + __EMULATOR_SLOT * lane, sizeof(T)) == 0) equal |= 1u << lane;
  return equal;
}
template <class T> static inline unsigned __match_all_sync(unsigned mask, T value, int* all, __EMULATOR_PLACE) {
  unsigned equal = __match_any_sync(mask, value, file, line);
  *all = equal == mask;
  return *all ? mask : 0;
}

template <class T, class F>
static inline __EMULATOR_OUTSIDE T __emulator_reduce(unsigned mask, const char* operation, T value, F combine, const char* file, unsigned line) {
  const char* slots = __emulator_exchange(mask, operation, &value, sizeof(T), file, line);
  bool first = true;
  T result = value;
  for (int lane = 0; lane < 32; lane++) {
    if (!(mask >> lane & 1)) continue;
    T other;
    __builtin_memcpy(&other, slots + __EMULATOR_SLOT * lane, sizeof(T));
    result = first ? other : combine(result, other);
    first = false;
  }
  return result;
}
#define __EMULATOR_REDUCE(T, name, expression)                                                          \
  static inline T name(unsigned mask, T value, __EMULATOR_PLACE) {                                       \
    return __emulator_reduce(mask, #name, value, [](T a, T b) -> T { return expression; }, file, line);  \
  }
__EMULATOR_REDUCE(int, __reduce_add_sync, (int)((unsigned)a + (unsigned)b))
__EMULATOR_REDUCE(unsigned, __reduce_add_sync, a + b)
__EMULATOR_REDUCE(int, __reduce_min_sync, a < b ? a : b)
__EMULATOR_REDUCE(unsigned, __reduce_min_sync, a < b ? a : b)
__EMULATOR_REDUCE(int, __reduce_max_sync, a > b ? a : b)
__EMULATOR_REDUCE(unsigned, __reduce_max_sync, a > b ? a : b)
__EMULATOR_REDUCE(unsigned, __reduce_and_sync, a & b)
__EMULATOR_REDUCE(unsigned, __reduce_or_sync, a | b)
__EMULATOR_REDUCE(unsigned, __reduce_xor_sync, a ^ b)

// Not CUDA's: every lane of a full warp gives up to 64 bytes and sees all 32. For twins of inline assembly that works on a whole
// warp, such as mma.sync.
template <class T> static inline __EMULATOR_OUTSIDE void __emulator_gather(const T& mine, T (&all)[32], __EMULATOR_PLACE) {
  static_assert(sizeof(T) <= __EMULATOR_SLOT, "a gather takes at most 64 bytes a lane");
  const char* slots = __emulator_exchange(0xffffffffu, "__emulator_gather", &mine, sizeof(T), file, line);
  for (int lane = 0; lane < 32; lane++) __builtin_memcpy(&all[lane], slots + __EMULATOR_SLOT * lane, sizeof(T));
}
