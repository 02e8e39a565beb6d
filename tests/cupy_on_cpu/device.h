/* Runtime of translated kernels: memory, arithmetic that C lacks, and threads of a block that take turns. */

#include <fenv.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef __FLT16_MAX__ /* gcc supports half precision from version 12 on x86-64 */
typedef _Float16 half;
#endif

/* ---- values ---- */

#define BITS(to, value) ({ __typeof__(value) from_ = (value); to to_; \
    _Static_assert(sizeof from_ == sizeof to_, "the same bits"); memcpy(&to_, &from_, sizeof to_); to_; })
#define LOAD(type, address) ({ type loaded_; memcpy(&loaded_, (const void *)(uintptr_t)(address), sizeof loaded_); loaded_; })
#define STORE(type, address, value) ({ type stored_ = (value); memcpy((void *)(uintptr_t)(address), &stored_, sizeof stored_); })

/* -ftz: a subnormal float becomes a zero of its sign, as operand and as result */
static inline float flush(float x) { return fabsf(x) < 0x1p-126f ? copysignf(0.0f, x) : x; }

static inline float saturate(float x) { return x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f; /* NaN becomes 0 */ }

/* arithmetic that rounds up, down or towards zero; volatile, so that gcc computes while the mode is set */
#define DEFINE_DIRECTED(name, type, expression) \
    static __attribute__((noinline)) type name(int mode, type a_, type b_, type c_) { \
        volatile type a = a_, b = b_, c = c_; \
        fesetround(mode); \
        volatile type result = (expression); \
        fesetround(FE_TONEAREST); \
        return result; \
    }
DEFINE_DIRECTED(add_directedf, float, a + b)
DEFINE_DIRECTED(add_directed, double, a + b)
DEFINE_DIRECTED(multiply_directedf, float, a * b)
DEFINE_DIRECTED(multiply_directed, double, a * b)
DEFINE_DIRECTED(fma_directedf, float, fmaf(a, b, c))
DEFINE_DIRECTED(fma_directed, double, fma(a, b, c))

/* unlike fmin and fmax these distinguish -0 and +0 */
#define SMALLER(a, b) ({ __typeof__(a) a_ = (a), b_ = (b); \
    a_ != a_ ? b_ : b_ != b_ ? a_ : a_ < b_ ? a_ : b_ < a_ ? b_ : signbit((double)a_) ? a_ : b_; })
#define LARGER(a, b) ({ __typeof__(a) a_ = (a), b_ = (b); \
    a_ != a_ ? b_ : b_ != b_ ? a_ : a_ > b_ ? a_ : b_ > a_ ? b_ : signbit((double)a_) ? b_ : a_; })
#define UNORDERED(a, b) ({ __typeof__(a) a_ = (a), b_ = (b); a_ != a_ || b_ != b_; })

/* on a GPU, division by zero and the smallest integer divided by -1 are no errors */
#define QUOTIENT(type, is_signed, a, b) ({ type a_ = (a), b_ = (b); \
    b_ == 0 ? (type)-1 : is_signed && b_ == (type)-1 ? (type)-a_ : (type)(a_ / b_); })
#define REMAINDER(type, is_signed, a, b) ({ type a_ = (a), b_ = (b); \
    b_ == 0 ? a_ : is_signed && b_ == (type)-1 ? (type)0 : (type)(a_ % b_); })

/* a number outside the range of an integer type becomes its nearest end; `limit` is the first number above */
#define TO_INTEGER(type, value, smallest, largest, limit, of_nan) ({ double x_ = (value); \
    x_ != x_ ? (type)(of_nan) : x_ < (double)(smallest) ? (type)(smallest) : x_ >= (limit) ? (type)(largest) : (type)x_; })

static inline uint64_t low_bits(unsigned count) { return count >= 64 ? ~0ull : (1ull << count) - 1; }

static inline uint64_t extract_bits(uint64_t a, unsigned start, unsigned length, bool is_signed, unsigned width) {
    start &= 255, length &= 255;
    uint64_t field = start >= width ? 0 : (a & low_bits(width)) >> start;
    unsigned top = start + length < width ? start + length : width; /* one above the highest bit of the field */
    bool negative = is_signed && length && (a >> (top - 1) & 1);
    field &= low_bits(length);
    unsigned kept = top > start ? top - start : 0;
    return negative ? field | ~low_bits(kept) : field;
}

static inline uint64_t insert_bits(uint64_t a, uint64_t b, unsigned start, unsigned length, unsigned width) {
    start &= 255, length &= 255;
    uint64_t mask = start >= width ? 0 : low_bits(length) << start;
    return (b & ~mask) | (start >= width ? 0 : a << start & mask);
}

static inline uint32_t reverse_bits(uint32_t a) {
    uint32_t reversed = 0;
    for (int i = 0; i < 32; i++) reversed |= (a >> i & 1) << (31 - i);
    return reversed;
}

/* byte i of the result is one of the eight of b:a, or that byte's sign eight times */
static inline uint32_t permute_bytes(uint32_t a, uint32_t b, uint32_t selectors) {
    uint64_t bytes = (uint64_t)b << 32 | a;
    uint32_t permuted = 0;
    for (int i = 0; i < 4; i++) {
        unsigned selector = selectors >> 4 * i & 15;
        uint32_t byte = bytes >> 8 * (selector & 7) & 255;
        if (selector & 8) byte = byte & 128 ? 255 : 0;
        permuted |= byte << 8 * i;
    }
    return permuted;
}

/* any logical function of three bits, given as its table of eight */
static inline uint32_t logic_of_three(uint32_t a, uint32_t b, uint32_t c, unsigned table) {
    uint32_t result = 0;
    for (int i = 0; i < 8; i++)
        if (table >> i & 1) result |= (i & 4 ? a : ~a) & (i & 2 ? b : ~b) & (i & 1 ? c : ~c);
    return result;
}

/* ---- threads ---- */

enum { WARP = 32, BARRIERS = 16, SHARED_BYTES = 228 * 1024 };
enum status { READY, AT_BARRIER, IN_WARP, FINISHED, TRAPPED };
enum fault { NO_FAULT, DEADLOCK, TRAP, TOO_MUCH_SHARED, NO_MEMORY };
enum exchange { SYNCHRONIZE, SHUFFLE, BALLOT };

struct triple { unsigned x, y, z; };

/* position of a thread in its grid, and the shared data of its block */
struct place {
    struct triple tid, ntid, ctaid, nctaid;
    unsigned lane;
    void **parameters;
    unsigned char *shared;
};

/* state of a stopped thread; the kernel's registers follow it in memory */
struct thread {
    int resume_at;
    enum status status;
    bool carry;
    unsigned barrier, expected;  /* at a barrier: its number, and the number of threads it waits for (0: all) */
    enum exchange exchange;      /* with its warp: kind of exchange, lanes, given and received values */
    uint32_t mask, source, value;
};

typedef void kernel_function(void *thread, const struct place *place);

#define STOP(new_status, number) do { R->thread.status = (new_status); R->thread.resume_at = (number); return; } while (0)
#define LANE_BIT(lane) ((uint32_t)1 << (lane))

static unsigned char shared_memory[SHARED_BYTES] __attribute__((aligned(128)));

/* Lanes that exchange with `lane`, or 0 if one has not arrived. Lanes that have ended do not count. */
static uint32_t complete_group(struct thread **warp, unsigned count, unsigned lane) {
    uint32_t group = 0;
    for (unsigned other = 0; other < count; other++) {
        if (!(warp[lane]->mask & LANE_BIT(other)) || warp[other]->status == FINISHED) continue;
        if (warp[other]->status != IN_WARP || warp[other]->resume_at != warp[lane]->resume_at ||
            warp[other]->mask != warp[lane]->mask) return 0;
        group |= LANE_BIT(other);
    }
    return group;
}

static void exchange(struct thread **warp, uint32_t group) {
    uint32_t given[WARP], ballot = 0;
    for (unsigned lane = 0; lane < WARP; lane++)
        if (group & LANE_BIT(lane)) {
            given[lane] = warp[lane]->value;
            if (given[lane]) ballot |= LANE_BIT(lane);
        }
    for (unsigned lane = 0; lane < WARP; lane++) {
        if (!(group & LANE_BIT(lane))) continue;
        struct thread *thread = warp[lane];
        if (thread->exchange == BALLOT) thread->value = ballot, thread->source = group;
        else if (thread->exchange == SHUFFLE && group & LANE_BIT(thread->source)) thread->value = given[thread->source];
        thread->status = READY;
    }
}

static bool exchange_in_warp(struct thread **warp, unsigned count) {
    bool any = false;
    for (unsigned lane = 0; lane < count; lane++) {
        if (warp[lane]->status != IN_WARP) continue;
        uint32_t group = complete_group(warp, count, lane);
        if (group) exchange(warp, group), any = true;
    }
    return any;
}

static bool open_barriers(struct thread **threads, unsigned count) {
    unsigned waiting[BARRIERS] = {0}, expected[BARRIERS] = {0}, alive = 0;
    bool any = false;
    for (unsigned i = 0; i < count; i++) {
        alive += threads[i]->status != FINISHED;
        if (threads[i]->status != AT_BARRIER) continue;
        waiting[threads[i]->barrier]++;
        expected[threads[i]->barrier] = threads[i]->expected;
    }
    for (unsigned i = 0; i < count; i++) {
        unsigned barrier = threads[i]->barrier;
        if (threads[i]->status != AT_BARRIER) continue;
        if (waiting[barrier] < (expected[barrier] ? expected[barrier] : alive)) continue;
        threads[i]->status = READY;
        any = true;
    }
    return any;
}

/* Let each thread run to its next stop in turn, warp by warp, until all have ended or none can continue. */
static enum fault run_block(kernel_function *run, struct thread **threads, struct place *place) {
    unsigned count = place->ntid.x * place->ntid.y * place->ntid.z;
    for (;;) {
        unsigned ended = 0;
        for (unsigned first = 0; first < count; first += WARP) {
            unsigned size = count - first < WARP ? count - first : WARP;
            do {
                for (unsigned i = first; i < first + size; i++) {
                    if (threads[i]->status != READY) continue;
                    place->tid.x = i % place->ntid.x;
                    place->tid.y = i / place->ntid.x % place->ntid.y;
                    place->tid.z = i / (place->ntid.x * place->ntid.y);
                    place->lane = i - first;
                    run(threads[i], place);
                    if (threads[i]->status == TRAPPED) return TRAP;
                }
            } while (exchange_in_warp(threads + first, size));
        }
        for (unsigned i = 0; i < count; i++) ended += threads[i]->status == FINISHED;
        if (ended == count) return NO_FAULT;
        if (!open_barriers(threads, count)) return DEADLOCK;
    }
}

static enum fault run_grid(kernel_function *run, size_t thread_size, struct place *place) {
    unsigned count = place->ntid.x * place->ntid.y * place->ntid.z;
    unsigned char *states = malloc(count * thread_size);
    struct thread **threads = malloc(count * sizeof *threads);
    enum fault fault = states && threads ? NO_FAULT : NO_MEMORY;
    for (unsigned z = 0; z < place->nctaid.z; z++)
        for (unsigned y = 0; y < place->nctaid.y; y++)
            for (unsigned x = 0; x < place->nctaid.x && !fault; x++) {
                place->ctaid = (struct triple){x, y, z};
                for (unsigned i = 0; i < count; i++) {
                    threads[i] = (struct thread *)(states + i * thread_size);
                    threads[i]->resume_at = 0, threads[i]->status = READY;
                }
                fault = run_block(run, threads, place);
            }
    free(threads);
    free(states);
    return fault;
}

/* A kernel whose threads never wait for each other needs no turns: its registers stay in the processor. */
#define RUN_INDEPENDENT(name, place) do { \
    for (place.ctaid.z = 0; place.ctaid.z < place.nctaid.z; place.ctaid.z++) \
    for (place.ctaid.y = 0; place.ctaid.y < place.nctaid.y; place.ctaid.y++) \
    for (place.ctaid.x = 0; place.ctaid.x < place.nctaid.x; place.ctaid.x++) \
    for (place.tid.z = 0; place.tid.z < place.ntid.z; place.tid.z++) \
    for (place.tid.y = 0; place.tid.y < place.ntid.y; place.tid.y++) \
    for (place.tid.x = 0; place.tid.x < place.ntid.x; place.tid.x++) { \
        struct name thread; \
        thread.thread.resume_at = 0, thread.thread.status = READY; \
        place.lane = (place.tid.x + place.ntid.x * (place.tid.y + place.ntid.y * place.tid.z)) % WARP; \
        run_##name(&thread, &place); \
        if (thread.thread.status == TRAPPED) return TRAP; \
    } \
} while (0)
