/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Cost of a pattern
 *
 * Measured rather than guessed: what makes an expression slow in Hyperscan (a leading class with a bounded repeat, an
 * unbounded one with the start of match wanted) is not to be seen in its text. The built-in text is a little of
 * everything that passes an API: JSON with identifiers, dates and prices, a form, prose, hex, base64.
 */

#include <time.h>

#include "detect/detector.h"

#ifdef __x86_64__
#include <x86intrin.h>
#endif

#define GRADE_ROUNDS 3u /* the fastest counts: a slower one was interrupted */

static const char grading_text[] =
    "{\"orderId\":\"7b0c4a52-9c1e-4d7f-8a36-b2f1d09e6c44\",\"status\":\"CONFIRMED\",\"createdAt\":\"2031-05-17T08:14:"
    "59.120Z\","
    "\"customer\":{\"customerId\":\"C-204417\",\"name\":\"Ada "
    "Example\",\"tier\":\"gold\",\"since\":\"2029-02-11\"},\"items\":["
    "{\"sku\":\"BTL-0750-BLU\",\"description\":\"Bottle, steel, 750 "
    "ml\",\"quantity\":2,\"unitPrice\":12.99,\"tax\":2.47},"
    "{\"sku\":\"CAP-0031\",\"description\":\"Cap with loop (pack of "
    "10)\",\"quantity\":1,\"unitPrice\":4.50,\"tax\":0.86}],"
    "\"shipping\":{\"method\":\"EXPRESS\",\"street\":\"Long Lane "
    "12\",\"city\":\"Springfield\",\"postalCode\":\"62704\"},"
    "\"total\":34.31,\"currency\":\"EUR\",\"version\":17,\"updated\":1936771199123,\"etag\":"
    "\"9f86d081884c7d659a2feaa0c55ad015\"}\r\n"
    "grant_type=client_credentials&scope=orders.read%20orders.write&audience=https%3A%2F%2Fapi.example.org&page=3&size="
    "50\r\n"
    "The delivery was handed over at 14:32 on the second floor; the recipient asked for a call before the next "
    "attempt. "
    "Please quote the reference above in all letters, and allow three to five working days for an answer.\r\n"
    "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7 "
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b\r\n"
    "<order id=\"204417\"><line sku=\"CAP-0031\" quantity=\"1\"/><note>ring twice</note></order>\r\n";

static uint64_t now_cycles(void)
{
#ifdef __x86_64__
    return __rdtsc();
#else
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec; /* as if one cycle took a nanosecond */
#endif
}

static int ignore_match(unsigned int id, unsigned long long from, unsigned long long to, unsigned int flags,
                        void *context)
{
    (void)id;
    (void)from;
    (void)to;
    (void)flags;
    (void)context;
    return 0;
}

double detect_grade(const hs_database_t *database)
{
    hs_scratch_t *scratch = NULL;
    if (hs_alloc_scratch(database, &scratch) != HS_SUCCESS)
        return -1;
    uint64_t best = UINT64_MAX;
    for (uint32_t i = 0; i < GRADE_ROUNDS; i++) {
        uint64_t start = now_cycles();
        hs_scan(database, grading_text, sizeof(grading_text) - 1, 0, scratch, ignore_match, NULL);
        uint64_t taken = now_cycles() - start;
        best = taken < best ? taken : best;
    }
    hs_free_scratch(scratch);
    return (double)best / (sizeof(grading_text) - 1);
}
