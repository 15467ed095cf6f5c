// C = A·B by tiles. The matrices are described rather than stored: a loader returns the element in row m and column k
// of A (or in row k and column n of B), and a store says where an element of C goes.
//
//                     B: K × N         A thread block computes a tile of ROWS × 128 elements of C. It walks along k,
//                   +----+----+        DEPTH words at a time: all threads copy these columns of A and rows of B to
//                   |    | ## |        shared memory, then each multiplies what its elements of C need. While one step
//                   |    | ## |        is multiplied, the elements of the next are being loaded into registers. Shared
//    A: M × K       +----+----+        memory has two buffers, so that one barrier per step is enough.
//   +---------+     +----+----+
//   | ####### |     |    | () |        A word is one value in f32 and TF32, and two values with adjacent k in bf16.
//   +---------+     +----+----+        Sums are always f32.

// Words of k per step.
constexpr int DEPTH = 16;

// The tile of a block: ROWS × 128 elements of C, of which each warp computes WARP_ROWS × 32.
template <int ROWS_, int WARP_ROWS_>
struct Tile {
    static constexpr int ROWS = ROWS_, COLUMNS = 128;
    static constexpr int WARP_ROWS = WARP_ROWS_, WARP_COLUMNS = 32;
    static constexpr int THREADS = 32 * (ROWS / WARP_ROWS) * (COLUMNS / WARP_COLUMNS);

    // Where the calling thread's warp starts in the tile.
    static __device__ int warp_row() { return int(threadIdx.x) / 32 / (COLUMNS / WARP_COLUMNS) * WARP_ROWS; }
    static __device__ int warp_column() { return int(threadIdx.x) / 32 % (COLUMNS / WARP_COLUMNS) * WARP_COLUMNS; }
};

using Large = Tile<128, 64>;
using Medium = Tile<64, 64>;
using Small = Tile<16, 16>;

#if defined(PRODUCTS_F32) || __CUDA_ARCH__ < 800

// Values of k per word.
constexpr int VALUES = 1;

__device__ __forceinline__ unsigned to_word(const float (&values)[VALUES]) { return __float_as_uint(values[0]); }

// Where a word of an operand's tile is in shared memory: rows are contiguous, so that a thread reads four at once. The
// four words of padding between columns keep adjacent k in different banks, for loaders that write along k.
template <int ROWS, bool ALONG_K>
struct Layout {
    static constexpr int WORDS = DEPTH * (ROWS + 4);
    static __device__ int at(int row, int word) { return word * (ROWS + 4) + row; }
};

// A thread's elements of C and how they are multiplied: 4×4 blocks, in steps of four rows per lane and four columns per
// lane, so that each value read from shared memory is used in eight (or four) products.
template <class Tile>
struct Product {
    static constexpr int LANES_M = Tile::WARP_ROWS >= 32 ? 8 : 4, LANES_N = 32 / LANES_M;
    static constexpr int BLOCKS_M = Tile::WARP_ROWS / (4 * LANES_M), BLOCKS_N = Tile::WARP_COLUMNS / (4 * LANES_N);
    float sums[4 * BLOCKS_M][4 * BLOCKS_N] = {};

    // The row and column, within the tile, of sums[i][j].
    static __device__ int row(int i) {
        int lane = int(threadIdx.x) % 32 / LANES_N;
        return Tile::warp_row() + (i / 4 * LANES_M + lane) * 4 + i % 4;
    }
    static __device__ int column(int j) {
        int lane = int(threadIdx.x) % LANES_N;
        return Tile::warp_column() + (j / 4 * LANES_N + lane) * 4 + j % 4;
    }

    template <class LayoutA, class LayoutB>
    __device__ __forceinline__ void add(const unsigned* a, const unsigned* b) {
#pragma unroll
        for (int k = 0; k < DEPTH; ++k) {
            __align__(16) float left[4 * BLOCKS_M], right[4 * BLOCKS_N];
#pragma unroll
            for (int i = 0; i < 4 * BLOCKS_M; i += 4) {
                *reinterpret_cast<float4*>(left + i) = *reinterpret_cast<const float4*>(a + LayoutA::at(row(i), k));
            }
#pragma unroll
            for (int j = 0; j < 4 * BLOCKS_N; j += 4) {
                *reinterpret_cast<float4*>(right + j) = *reinterpret_cast<const float4*>(b + LayoutB::at(column(j), k));
            }
#pragma unroll
            for (int i = 0; i < 4 * BLOCKS_M; ++i) {
#pragma unroll
                for (int j = 0; j < 4 * BLOCKS_N; ++j) sums[i][j] = fmaf(left[i], right[j], sums[i][j]);
            }
        }
    }

    static constexpr int ROWS = 4 * BLOCKS_M, COLUMNS = 4 * BLOCKS_N;
    __device__ float sum(int i, int j) const { return sums[i][j]; }
};

#else

#ifdef PRODUCTS_TF32
constexpr int VALUES = 1;
__device__ __forceinline__ unsigned to_word(const float (&values)[VALUES]) { return to_tf32(values[0]); }
#else
constexpr int VALUES = 2;
__device__ __forceinline__ unsigned to_word(const float (&values)[VALUES]) { return to_bf16x2(values[0], values[1]); }
#endif

// Where a word of an operand's tile is in shared memory: in the order in which its loader writes. The padding makes
// the 8 rows × 4 words that a warp reads at once for its fragments fall into 32 different banks.
template <int ROWS, bool ALONG_K>
struct Layout {
    static constexpr int WORDS = ALONG_K ? ROWS * (DEPTH + 4) : DEPTH * (ROWS + 8);
    static __device__ int at(int row, int word) { return ALONG_K ? row * (DEPTH + 4) + word : word * (ROWS + 8) + row; }
};

// A warp's elements of C and how they are multiplied: by tensor cores, 16 rows × 8 columns × 8 words at a time. Counted
// in words, the fragments of both precisions have the same layout. With lane = 4·group + t:
//   a0: row group, word t    a1: row group + 8    a2, a3: the same rows, word t + 4
//   b0: column group, word t    b1: word t + 4
//   sums 0, 1: row group, columns 2t and 2t + 1    sums 2, 3: row group + 8
template <class Tile>
struct Product {
    static constexpr int BLOCKS_M = Tile::WARP_ROWS / 16, BLOCKS_N = Tile::WARP_COLUMNS / 8;
    float sums[BLOCKS_M][BLOCKS_N][4] = {};

    template <class LayoutA, class LayoutB>
    __device__ __forceinline__ void add(const unsigned* a, const unsigned* b) {
        const int group = int(threadIdx.x) % 32 / 4, t = int(threadIdx.x) % 4;
#pragma unroll
        for (int word = t; word < t + DEPTH; word += 8) {
            unsigned right[BLOCKS_N][2];
#pragma unroll
            for (int j = 0; j < BLOCKS_N; ++j) {
                const int column = Tile::warp_column() + 8 * j + group;
                right[j][0] = b[LayoutB::at(column, word)];
                right[j][1] = b[LayoutB::at(column, word + 4)];
            }
#pragma unroll
            for (int i = 0; i < BLOCKS_M; ++i) {
                const int row = Tile::warp_row() + 16 * i + group;
                unsigned left[4] = {a[LayoutA::at(row, word)], a[LayoutA::at(row + 8, word)], a[LayoutA::at(row, word + 4)],
                            a[LayoutA::at(row + 8, word + 4)]};
#pragma unroll
                for (int j = 0; j < BLOCKS_N; ++j) {
#ifdef PRODUCTS_TF32
                    mma_tf32_m16n8k8(sums[i][j], left, right[j]);
#else
                    mma_bf16_m16n8k16(sums[i][j], left, right[j]);
#endif
                }
            }
        }
    }

    // The thread's elements as rows and columns of the tile.
    static constexpr int ROWS = 2 * BLOCKS_M, COLUMNS = 2 * BLOCKS_N;
    static __device__ int row(int i) { return Tile::warp_row() + 8 * i + int(threadIdx.x) % 32 / 4; }
    static __device__ int column(int j) {
        return Tile::warp_column() + 8 * (j / 2) + 2 * (int(threadIdx.x) % 4) + j % 2;
    }
    __device__ float sum(int i, int j) const { return sums[i / 2][j / 2][2 * (i % 2) + j % 2]; }
};

#endif

// Copies one operand to shared memory: SIZE rows of A (or columns of B, called rows here too), DEPTH words of k.
//
// A loader has `Row row(int m)`, what depends only on the row; `Step step(int k)`, what depends only on k; and
// `float at(Row, Step, bool inside)`, the element, or 0 if not `inside`. Adjacent threads load adjacent k if the loader's
// `ALONG_K` is true, else adjacent rows: whichever is contiguous in memory.
//
// So a thread has either one k and many rows, or one row and many k. The many are computed once per block and kept in
// shared memory: the rows for the whole product, the steps of k one step ahead of the threads that read them.
template <class Loader, int SIZE, int THREADS, bool ALONG_K = Loader::ALONG_K>
struct Operand;

template <class Loader, int SIZE, int THREADS>
struct Operand<Loader, SIZE, THREADS, true> {
    using Places = Layout<SIZE, true>;
    static constexpr int COUNT = SIZE * DEPTH / THREADS;
    using Known = typename Loader::Row;
    static constexpr int KNOWN = SIZE;

    const Loader& loader;
    Known* rows;
    int count, end;  // numbers of rows and of k, from the tile's first row on
    float values[COUNT][VALUES];

    __device__ __forceinline__ Operand(const Loader& loader, Known* rows, int first, int count, int end)
        : loader(loader), rows(rows), count(count - first), end(end) {
        for (int i = threadIdx.x; i < SIZE; i += THREADS) rows[i] = loader.row(first + i);
    }

    __device__ __forceinline__ void prepare(int) {}

    static __device__ int row(int i) { return int(threadIdx.x) / DEPTH + i * (THREADS / DEPTH); }
    static __device__ int word() { return int(threadIdx.x) % DEPTH; }

    // Reads the step that starts at k into registers.
    __device__ __forceinline__ void fetch(int k) {
        const int at = k + word() * VALUES;
        typename Loader::Step steps[VALUES];
#pragma unroll
        for (int v = 0; v < VALUES; ++v) steps[v] = loader.step(at + v);
#pragma unroll
        for (int i = 0; i < COUNT; ++i) {
            const Known known = rows[row(i)];
#pragma unroll
            for (int v = 0; v < VALUES; ++v) {
                values[i][v] = loader.at(known, steps[v], (row(i) < count) & (at + v < end));
            }
        }
    }

    // Writes the registers to shared memory.
    __device__ __forceinline__ void put(unsigned* tile) const {
#pragma unroll
        for (int i = 0; i < COUNT; ++i) tile[Places::at(row(i), word())] = to_word(values[i]);
    }
};

template <class Loader, int SIZE, int THREADS>
struct Operand<Loader, SIZE, THREADS, false> {
    using Places = Layout<SIZE, false>;
    static constexpr int COUNT = SIZE * DEPTH / THREADS;
    static constexpr int STEP = DEPTH * VALUES;
    using Known = typename Loader::Step;
    static constexpr int KNOWN = 2 * STEP;

    const Loader& loader;
    Known* steps;
    int end;
    bool inside;
    typename Loader::Row my_row;
    float values[COUNT][VALUES];

    __device__ __forceinline__ Operand(const Loader& loader, Known* steps, int first, int count, int end)
        : loader(loader), steps(steps), end(end), inside(first + row() < count), my_row(loader.row(first + row())) {}

    // Computes the step that starts at k, while others may still read the previous one.
    __device__ __forceinline__ void prepare(int k) {
        if (threadIdx.x < STEP) steps[k / STEP % 2 * STEP + threadIdx.x] = loader.step(k + int(threadIdx.x));
    }

    static __device__ int row() { return int(threadIdx.x) % SIZE; }
    static __device__ int word(int i) { return int(threadIdx.x) / SIZE + i * (THREADS / SIZE); }

    // Reads the step that starts at k into registers.
    __device__ __forceinline__ void fetch(int k) {
        const Known* known = steps + k / STEP % 2 * STEP;
#pragma unroll
        for (int i = 0; i < COUNT; ++i) {
#pragma unroll
            for (int v = 0; v < VALUES; ++v) {
                const int at = word(i) * VALUES + v;
                values[i][v] = loader.at(my_row, known[at], inside & (k + at < end));
            }
        }
    }

    // Writes the registers to shared memory.
    __device__ __forceinline__ void put(unsigned* tile) const {
#pragma unroll
        for (int i = 0; i < COUNT; ++i) tile[Places::at(row(), word(i))] = to_word(values[i]);
    }
};

// A product's sizes, and into how many parts k is split if the tiles alone would leave multiprocessors idle.
struct Problem {
    int rows, columns, depth, parts;

    // The number of blocks that compute it.
    template <class Tile>
    __device__ unsigned blocks() const {
        return unsigned(ceil_div(rows, Tile::ROWS)) * ceil_div(columns, Tile::COLUMNS) * parts;
    }

    // The tile and part of block `block`: vertically adjacent tiles run together and share the columns of B.
    template <class Tile>
    __device__ void find(unsigned block, int& row, int& column, int& part) const {
        const unsigned down = ceil_div(rows, Tile::ROWS), across = max(ceil_div(columns, Tile::COLUMNS), 1);
        row = int(block % down) * Tile::ROWS;
        column = int(block / down % across) * Tile::COLUMNS;
        part = int(block / down / across);
    }
};

// Computes the tile of C that belongs to block number `block` of this product.
//
// A store has `float* column(int n)`, where element (0, n) of C goes, `row`, the distance in elements to the next row,
// and `bias`, one value per row to add, or null. If k is split, sums[part][m][n] takes the partial sum instead, for
// `add_parts` to add up.
template <class Tile, class A, class B, class Store>
__device__ __forceinline__ void gemm(const Problem& problem, unsigned block, const A& a, const B& b, float* sums,
                                     const Store& store) {
    using OperandA = Operand<A, Tile::ROWS, Tile::THREADS>;
    using OperandB = Operand<B, Tile::COLUMNS, Tile::THREADS>;
    using LayoutA = typename OperandA::Places;
    using LayoutB = typename OperandB::Places;
    __shared__ __align__(16) unsigned tiles_a[2][LayoutA::WORDS];
    __shared__ __align__(16) unsigned tiles_b[2][LayoutB::WORDS];
    __shared__ typename OperandA::Known known_a[OperandA::KNOWN];
    __shared__ typename OperandB::Known known_b[OperandB::KNOWN];

    int row, column, part;
    problem.find<Tile>(block, row, column, part);
    if (part >= problem.parts) return;
    constexpr int STEP = DEPTH * VALUES;
    const int steps = ceil_div(problem.depth, STEP);
    const int first = int((size_t)steps * part / problem.parts) * STEP;
    const int last = int((size_t)steps * (part + 1) / problem.parts) * STEP;

    Product<Tile> product;
    OperandA operand_a(a, known_a, row, problem.rows, problem.depth);
    OperandB operand_b(b, known_b, column, problem.columns, problem.depth);
    const auto prepare = [&](int k) {
        operand_a.prepare(k);
        operand_b.prepare(k);
    };
    const auto fetch = [&](int k) {
        operand_a.fetch(k);
        operand_b.fetch(k);
    };
    const auto put = [&](int buffer) {
        operand_a.put(tiles_a[buffer]);
        operand_b.put(tiles_b[buffer]);
    };

    prepare(first);
    prepare(first + STEP);
    __syncthreads();
    fetch(first);
    put(0);
    __syncthreads();
    int now = 0;
#pragma unroll 1
    for (int k = first; k < last; k += STEP) {
        const bool more = k + STEP < last;
        if (more) fetch(k + STEP);
        product.template add<LayoutA, LayoutB>(tiles_a[now], tiles_b[now]);
        now = 1 - now;
        if (more) put(now);
        prepare(k + 2 * STEP);
        __syncthreads();
    }

    const bool whole = problem.parts == 1;
    float* partial = sums + (size_t)part * problem.rows * problem.columns;
    const int to_next_row = whole ? store.row : problem.columns;
    const float* bias = whole ? store.bias : nullptr;
    float added[Product<Tile>::ROWS];
#pragma unroll
    for (int i = 0; i < Product<Tile>::ROWS; ++i) {
        const int m = row + product.row(i);
        added[i] = bias && m < problem.rows ? bias[m] : 0.0f;
    }
#pragma unroll
    for (int j = 0; j < Product<Tile>::COLUMNS; ++j) {
        const int n = column + product.column(j);
        if (n >= problem.columns) continue;
        float* to = whole ? store.column(n) : partial + n;
#pragma unroll
        for (int i = 0; i < Product<Tile>::ROWS; ++i) {
            const int m = row + product.row(i);
            if (m < problem.rows) to[m * to_next_row] = product.sum(i, j) + added[i];
        }
    }
}

// C from its partial sums, added in order, whatever the order in which they were computed. For the grid's x.
template <class Store>
__device__ __forceinline__ void add_parts(const Problem& problem, const float* sums, const Store& store) {
    const int count = problem.rows * problem.columns;
    FOR_EACH_INSIDE(index, count) {
        const int m = index / problem.columns, n = index - m * problem.columns;
        float sum = 0.0f;
        for (int part = 0; part < problem.parts; ++part) sum += sums[(size_t)part * count + index];
        store.column(n)[m * store.row] = store.bias ? sum + store.bias[m] : sum;
    }
}
