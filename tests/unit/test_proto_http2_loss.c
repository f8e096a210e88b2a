/* SPDX-License-Identifier: Apache-2.0 */

/*
 * HTTP/2 with bytes missing: every segment of recorded connections, and short runs of them, is taken out in turn, and
 * every field of every head that is still told is compared with what was sent. It is the same, or unknown, or not
 * there; one wrong field fails the test. The captures are those of tests/golden, read here by the few rules they
 * follow.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http2_run.h"

#define SEGMENTS_MAX    2048u
#define CONNECTIONS_MAX 32u
#define RUN_MAX         4u /* segments taken out one behind the other */
#define FILE_MAX        (1u << 20)
#define FIELDS_MAX      20000u

struct segment {
    uint32_t sequence, size;
    const uint8_t *data;
};

struct half {
    uint8_t key[12]; /* addresses and ports */
    struct segment segments[SEGMENTS_MAX];
    uint32_t count;
};

static uint8_t file[FILE_MAX];
static struct half halves[2 * CONNECTIONS_MAX];
static uint32_t half_count;
static struct http2_run run;

static uint32_t big_endian(const uint8_t *bytes, uint32_t size)
{
    uint32_t value = 0;
    for (uint32_t i = 0; i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

static struct half *half_of(const uint8_t *ip, const uint8_t *tcp)
{
    uint8_t key[12];
    memcpy(key, ip + 12, 8);
    memcpy(key + 8, tcp, 4);
    for (uint32_t i = 0; i < half_count; i++)
        if (memcmp(halves[i].key, key, sizeof(key)) == 0)
            return &halves[i];
    assert_true(half_count < 2 * CONNECTIONS_MAX);
    memcpy(halves[half_count].key, key, sizeof(key));
    halves[half_count].count = 0;
    return &halves[half_count++];
}

/* Keeps new bytes only; the captures have no segment out of order. */
static void add_frame(const uint8_t *frame, uint32_t size)
{
    const uint8_t *ip = frame + 14;
    if (size < 54 || big_endian(frame + 12, 2) != 0x0800 || ip[9] != 6)
        return;
    const uint8_t *tcp = ip + (ip[0] & 15) * 4u;
    const uint8_t *data = tcp + (tcp[12] >> 4) * 4u;
    uint32_t payload = (uint32_t)(ip + big_endian(ip + 2, 2) - data);
    struct half *half = half_of(ip, tcp);
    struct segment segment = {big_endian(tcp + 4, 4), payload, data};
    struct segment *last = half->count ? &half->segments[half->count - 1] : NULL;
    if (payload == 0 || (last && (int32_t)(segment.sequence - last->sequence - last->size) < 0))
        return;
    assert_true(!last || segment.sequence == last->sequence + last->size);
    assert_true(half->count < SEGMENTS_MAX);
    half->segments[half->count++] = segment;
}

static void read_capture(const char *name)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/tests/golden/%s/traffic.pcap", getenv("ASSAY_SOURCE"), name);
    FILE *stream = fopen(path, "rb");
    assert_non_null(stream);
    uint32_t size = (uint32_t)fread(file, 1, sizeof(file), stream);
    fclose(stream);
    half_count = 0;
    for (uint32_t at = 24; at + 16 <= size;) {
        uint32_t captured;
        memcpy(&captured, file + at + 8, sizeof(captured));
        add_frame(file + at + 16, captured);
        at += 16 + captured;
    }
}

/* Reads one half; `count` segments from `first` on are missing. Behind an upgrade only the frames are read. */
static void read_half(const struct half *half, enum http2_side side, uint32_t first, uint32_t count)
{
    uint32_t lost = 0;
    http2_run_init(&run, side, false);
    for (uint32_t i = 0; i < half->count; i++) {
        const struct segment *segment = &half->segments[i];
        if (i >= first && i - first < count) {
            lost += segment->size;
            continue;
        }
        if (lost)
            http2_run_lose(&run, lost);
        lost = 0;
        http2_run_bytes(&run, segment->data, segment->size, i + 1 == half->count);
    }
    if (!run.stopped)
        http2_run_bytes(&run, NULL, 0, true);
    assert_false(run.truncated);
}

/* ------------------------------------------------------------------ comparing */

struct heads {
    char *text;
    const char *starts[FIELDS_MAX]; /* of the lines "head ..." */
    uint32_t count;
};

static void heads_find(struct heads *heads, char *text)
{
    heads->text = text;
    heads->count = 0;
    for (const char *at = text; at; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncmp(at, "head ", 5) == 0) {
            assert_true(heads->count < FIELDS_MAX);
            heads->starts[heads->count++] = at;
        }
    }
}

static const char *next_line(const char *at)
{
    at = strchr(at, '\n');
    return at ? at + 1 : "";
}

static bool same_line(const char *a, const char *b)
{
    size_t size = strcspn(a, "\n");
    return size == strcspn(b, "\n") && memcmp(a, b, size) == 0;
}

/* A word of "field STREAM NAME VALUE": equal, or "?" in what is told. */
static bool same_word(const char *told, const char *truth)
{
    size_t size = strcspn(told, " \n");
    return (size == 1 && *told == '?') || (size == strcspn(truth, " \n") && memcmp(told, truth, size) == 0);
}

/* Field by field from the first on: a head may be cut at its end, never in front. */
static bool head_agrees(const char *told, const char *truth)
{
    if (!same_line(told, truth))
        return false;
    for (told = next_line(told), truth = next_line(truth); strncmp(told, "field ", 6) == 0;
         told = next_line(told), truth = next_line(truth)) {
        if (strncmp(truth, "field ", 6) != 0)
            return false;
        const char *name = strchr(told + 6, ' ') + 1, *true_name = strchr(truth + 6, ' ') + 1;
        const char *value = name + strcspn(name, " ") + 1, *true_value = true_name + strcspn(true_name, " ") + 1;
        if (!same_word(name, true_name) || !same_word(value, true_value))
            return false;
    }
    return true;
}

static uint32_t compare(const struct heads *truth)
{
    static struct heads told;
    uint32_t wrong = 0;
    heads_find(&told, run.text);
    for (uint32_t i = 0; i < told.count; i++) {
        bool found = false;
        for (uint32_t j = 0; j < truth->count && !found; j++)
            found = head_agrees(told.starts[i], truth->starts[j]);
        wrong += !found;
    }
    return wrong;
}

static void check_half(const struct half *half, enum http2_side side)
{
    static struct heads truth;
    read_half(half, side, 0, 0);
    char *text = strdup(run.text);
    http2_run_free(&run);
    heads_find(&truth, text);
    for (uint32_t count = 1; count <= RUN_MAX; count++) {
        for (uint32_t first = 0; first + count <= half->count; first++) {
            read_half(half, side, first, count);
            if (compare(&truth))
                fail_msg("a head is told wrongly without %u segments from %u on", count, first);
            http2_run_free(&run);
        }
    }
    free(text);
}

static void check_capture(const char *name)
{
    uint32_t checked = 0;
    if (!getenv("ASSAY_SOURCE"))
        skip();
    read_capture(name);
    for (uint32_t i = 0; i < half_count; i++) {
        /* The server's port is the lower one. */
        bool client = big_endian(halves[i].key + 8, 2) > big_endian(halves[i].key + 10, 2);
        if (halves[i].count == 0)
            continue;
        check_half(&halves[i], client ? HTTP2_CLIENT : HTTP2_SERVER);
        checked++;
    }
    assert_true(checked > 4);
}

static void test_prior_knowledge(void **state)
{
    (void)state;
    check_capture("http2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_prior_knowledge)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
