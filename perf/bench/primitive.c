/* SPDX-License-Identifier: Apache-2.0 */

/* Primitives. Each is a loop over a sample of calls, repeated; the best round counts, as the others were disturbed. */

#include "bench/primitive.h"

#include <errno.h>
#include <hs.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench/clock.h"
#include "generate/book.h"

#define SAMPLE_CALLS 4096u /* the variety that the traffic itself has */
#define ROUNDS       15u
#define LOOK_UPS     (1u << 20)
#define BATCH        32u
#define COPY_BYTES   1448u
#define COPIES       (1u << 16)

struct sample {
    struct book book;
    const struct traffic_script *calls[SAMPLE_CALLS];
    uint64_t sum; /* results go here, so that no work is left out */
};

/* ------------------------------------------------------------------ look-ups */

static double look_up_round(const uint64_t *table, uint64_t line_mask, struct sample *sample)
{
    struct random random = {1};
    uint64_t start = clock_now_ns();
    for (uint32_t done = 0; done < LOOK_UPS; done += BATCH) {
        uint64_t lines[BATCH];
        for (uint32_t i = 0; i < BATCH; i++) {
            lines[i] = random_next(&random) & line_mask;
            __builtin_prefetch(table + lines[i] * 8);
            __builtin_prefetch(table + (lines[i] ^ line_mask) * 8);
        }
        for (uint32_t i = 0; i < BATCH; i++)
            sample->sum += table[lines[i] * 8] + table[(lines[i] ^ line_mask) * 8];
    }
    return (double)(clock_now_ns() - start) / LOOK_UPS;
}

static MUST_USE int look_up_measure(struct sample *sample, uint64_t flow_bytes, double *ns_out)
{
    uint64_t lines = 1024;
    while (lines * CACHE_LINE < flow_bytes)
        lines *= 2;
    size_t size = lines * CACHE_LINE;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return -ENOMEM;
    (void)madvise(memory, size, MADV_HUGEPAGE);
    memset(memory, 1, size);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        double ns = look_up_round(memory, lines - 1, sample);
        *ns_out = round == 0 || ns < *ns_out ? ns : *ns_out;
    }
    munmap(memory, size);
    return 0;
}

/* ---------------------------------------------------------------------- texts */

static uint64_t split_text(struct span text)
{
    uint64_t colons = 0;
    const uint8_t *at = text.data, *end = text.data + text.size;
    for (;;) {
        const uint8_t *line_end = memchr(at, '\n', (size_t)(end - at));
        if (!line_end || line_end - at < 2)
            return colons;
        const uint8_t *colon = memchr(at, ':', (size_t)(line_end - at));
        colons += colon ? (uint64_t)(colon - at) : 0;
        at = line_end + 1;
    }
}

static void split_call(const struct traffic_script *call, struct sample *sample, void *context)
{
    (void)context;
    sample->sum += split_text(call->writes[0].bytes) + split_text(call->writes[1].bytes);
}

static uint64_t classify_bytes(const uint8_t *data, uint32_t size)
{
    uint64_t found = 0;
    for (uint32_t i = 0; i < size; i++)
        found += (uint8_t)(data[i] - '0') < 10 || data[i] == '@' || data[i] == '+';
    return found;
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static uint64_t classify_vectors(const uint8_t *data, uint32_t size)
{
    const __m256i nine = _mm256_set1_epi8(9), zero = _mm256_set1_epi8('0');
    const __m256i at = _mm256_set1_epi8('@'), plus = _mm256_set1_epi8('+');
    uint64_t found = 0;
    for (uint32_t i = 0; i + sizeof(__m256i) <= size; i += sizeof(__m256i)) {
        __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)(data + i));
        __m256i value = _mm256_sub_epi8(bytes, zero);
        __m256i digit = _mm256_cmpeq_epi8(_mm256_min_epu8(value, nine), value);
        __m256i other = _mm256_or_si256(_mm256_cmpeq_epi8(bytes, at), _mm256_cmpeq_epi8(bytes, plus));
        found += (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(digit, other));
    }
    return found;
}
#endif

static uint64_t classify(const uint8_t *data, uint32_t size)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2"))
        return classify_vectors(data, size);
#endif
    return classify_bytes(data, size);
}

static void shape_call(const struct traffic_script *call, struct sample *sample, void *context)
{
    (void)context;
    for (uint32_t i = 0; i < call->count; i++)
        sample->sum += classify(call->writes[i].bytes.data, call->writes[i].bytes.size);
}

struct scanner {
    hs_database_t *database;
    hs_scratch_t *scratch;
};

static int on_match(unsigned int id, unsigned long long from, unsigned long long to, unsigned int flags, void *context)
{
    (void)id;
    (void)from;
    (void)flags;
    struct sample *sample = context;
    sample->sum += to;
    return 0;
}

static void scan_call(const struct traffic_script *call, struct sample *sample, void *context)
{
    const struct scanner *scanner = context;
    for (uint32_t i = 0; i < call->count; i++)
        (void)hs_scan(scanner->database, (const char *)call->writes[i].bytes.data, call->writes[i].bytes.size, 0,
                      scanner->scratch, on_match, sample);
}

/* Tokens and keyed fields: what any product of this kind looks for, and what costs a literal matcher least. */
static const char *const patterns[] = {
    "\\beyJ[A-Za-z0-9_-]{10}",
    "\\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\\b",
    "\\bAIza[0-9A-Za-z_-]{35}",
    "\\bgh[pousr]_[A-Za-z0-9]{36}",
    "\\bxox[abeoprs]-[0-9A-Za-z-]{10}",
    "\\b[rs]k_live_[0-9A-Za-z]{16}",
    "-----BEGIN [A-Z ]{0,24}PRIVATE KEY-----",
    "\\bglpat-[A-Za-z0-9_-]{20}",
    "(?i)passw(?:or)?d[\"']?\\s{0,3}[:=]",
    "(?i)secret_?key[\"']?\\s{0,3}[:=]",
    "(?i)api_?key[\"']?\\s{0,3}[:=]",
    "(?i)cvv2?[\"']?\\s{0,3}[:=]\\s{0,3}[\"']?\\d{3}",
    "(?i)pin_?block[\"']?\\s{0,3}[:=]",
    "(?i)birth_?date[\"']?\\s{0,3}[:=]",
    "\"resourceType\"\\s{0,3}:",
    "(?i)longitude[\"']?\\s{0,3}[:=]",
};

static MUST_USE int scanner_init(struct scanner *scanner)
{
    unsigned int flags[ARRAY_COUNT(patterns)], ids[ARRAY_COUNT(patterns)];
    for (unsigned int i = 0; i < ARRAY_COUNT(patterns); i++) {
        flags[i] = 0;
        ids[i] = i;
    }
    hs_compile_error_t *error;
    if (hs_compile_multi(patterns, flags, ids, ARRAY_COUNT(patterns), HS_MODE_BLOCK, NULL, &scanner->database,
                         &error) != HS_SUCCESS) {
        hs_free_compile_error(error);
        return -ENOTSUP;
    }
    return hs_alloc_scratch(scanner->database, &scanner->scratch) == HS_SUCCESS ? 0 : -ENOMEM;
}

static double calls_measure(struct sample *sample, void *context,
                            void (*work)(const struct traffic_script *call, struct sample *sample, void *context))
{
    double best = 0;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint64_t start = clock_now_ns();
        for (uint32_t i = 0; i < SAMPLE_CALLS; i++)
            work(sample->calls[i], sample, context);
        double ns = (double)(clock_now_ns() - start) / SAMPLE_CALLS;
        best = round == 0 || ns < best ? ns : best;
    }
    return best;
}

static double copy_measure(struct sample *sample)
{
    static const uint8_t from[COPY_BYTES] = {1};
    uint8_t to[COPY_BYTES];
    double best = 0;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint64_t start = clock_now_ns();
        for (uint32_t i = 0; i < COPIES; i++) {
            memcpy(to, from, COPY_BYTES);
            __asm__ volatile("" : : "r"(to) : "memory");
        }
        double ns = (double)(clock_now_ns() - start) / COPIES;
        best = round == 0 || ns < best ? ns : best;
    }
    sample->sum += to[0];
    return best;
}

int primitive_measure(const struct traffic_settings *settings, uint64_t flow_bytes, double ns_out[PRIMITIVE_COUNT])
{
    struct sample *sample = calloc(1, sizeof(*sample));
    if (!sample)
        return -ENOMEM;
    struct scanner scanner = {NULL, NULL};
    /* The limit of every protocol is that of the same calls in the plainest of them. */
    struct traffic_settings plain = *settings;
    plain.protocol = &traffic_http1;
    int result = book_init(&sample->book, &plain);
    if (result == 0)
        result = scanner_init(&scanner);
    if (result == 0)
        result = look_up_measure(sample, flow_bytes, &ns_out[PRIMITIVE_LOOK_UP]);
    if (result == 0) {
        struct random random = {settings->seed};
        for (uint32_t i = 0; i < SAMPLE_CALLS; i++)
            sample->calls[i] = &sample->book.scripts[book_choose(&sample->book, book_kind(settings, i), &random)];
        ns_out[PRIMITIVE_SPLIT] = calls_measure(sample, NULL, split_call);
        ns_out[PRIMITIVE_SHAPE] = calls_measure(sample, NULL, shape_call);
        ns_out[PRIMITIVE_SCAN] = calls_measure(sample, &scanner, scan_call);
        ns_out[PRIMITIVE_COPY] = copy_measure(sample);
    }
    hs_free_scratch(scanner.scratch);
    hs_free_database(scanner.database);
    book_deinit(&sample->book);
    free(sample);
    return result;
}

static const struct {
    const char *name;
    const char *help;
} names[] = {
    [PRIMITIVE_LOOK_UP] = {"look_up", "a packet: its flow fetched, 32 at a time"},
    [PRIMITIVE_SPLIT] = {"split", "a call: lines and colons of both heads"},
    [PRIMITIVE_SHAPE] = {"shape", "a call: every byte classified"},
    [PRIMITIVE_SCAN] = {"scan", "a call: every byte scanned for anchored patterns"},
    [PRIMITIVE_COPY] = {"copy", "1,448 bytes copied within the cache"},
};
static_assert(ARRAY_COUNT(names) == PRIMITIVE_COUNT, "a name for each");

const char *primitive_name(enum primitive primitive)
{
    return names[primitive].name;
}

const char *primitive_help(enum primitive primitive)
{
    return names[primitive].help;
}
