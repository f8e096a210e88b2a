/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Content decoder: byte 0 chooses the codings, bytes 1 to 4 two cuts, byte 5 (when not 0) a hole; the rest is the body.
 * Whole, cut, and byte by byte it must come to the same; with a hole to the same for every cut.
 */

#include "../content_run.h"

#define HEADER_SIZE  6u
#define BYTEWISE_MAX 4096u /* cuts at every byte: only for bodies this short */

static const char *const headers[] = {"gzip",     "deflate",       "br",           "zstd", "gzip, br",
                                      "br, gzip", "deflate, zstd", "zstd, deflate"};

static struct arena *arena;
static struct content_decoders decoders;

static void set_up(void)
{
    if (arena)
        return;
    size_t size = content_decoders_size(2, 2);
    arena = arena_new(size);
    if (!arena || content_decoders_init(&decoders, arena, 2, 2))
        abort();
}

static void check_bounds(const struct content_run *run)
{
    require(run->output_size <= CONTENT_OUTPUT_MAX + CONTENT_VIEW_SIZE);
    require(run->output_size <= CONTENT_RATIO_FREE + CONTENT_VIEW_SIZE + (run->input_size + 1) * CONTENT_RATIO_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint32_t every[BYTEWISE_MAX];
    if (size < HEADER_SIZE)
        return 0;
    set_up();
    struct content_codings codings = content_run_codings(span_from_text(headers[data[0] % ARRAY_COUNT(headers)]));
    struct span body = span_of(data + HEADER_SIZE, size - HEADER_SIZE);
    uint32_t a = (uint32_t)(data[1] << 8 | data[2]) % (body.size + 1);
    uint32_t b = a + (uint32_t)(data[3] << 8 | data[4]) % (body.size - a + 1);
    const uint32_t cuts[2] = {a, b};

    struct content_run whole = {0}, cut = {0};
    content_run(&decoders, &codings, body, NULL, 0, body.size, &whole);
    content_run(&decoders, &codings, body, cuts, 2, body.size, &cut);
    check_bounds(&whole);
    require(content_run_equal(&whole, &cut));
    if (body.size <= BYTEWISE_MAX) {
        for (uint32_t i = 0; i < body.size; i++)
            every[i] = i;
        content_run(&decoders, &codings, body, every, body.size, body.size, &cut);
        require(content_run_equal(&whole, &cut));
    }
    if (data[5] && body.size) {
        uint32_t lost_at = (uint32_t)data[5] * 13 % body.size;
        struct content_run lost = {0};
        content_run(&decoders, &codings, body, NULL, 0, lost_at, &lost);
        content_run(&decoders, &codings, body, cuts, 2, lost_at, &cut);
        require(content_run_equal(&lost, &cut));
        /* The ratio is looked at between calls of the library, so a shorter last slice may show a bomb sooner. And of
         * two layers that stop, the first one is told; behind the hole it may not have come to that. */
        require(lost.outcome == CONTENT_LOST || lost.outcome == CONTENT_BOMB_RATIO || lost.outcome == whole.outcome ||
                codings.count > 1);
    }
    return 0;
}
