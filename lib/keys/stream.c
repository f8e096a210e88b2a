/* SPDX-License-Identifier: Apache-2.0 */

/* One source of key log text. */

#include "keys/stream.h"

#include <openssl/crypto.h>

static_assert(KEY_STREAM_BYTES > 2 * TLS_KEYLOG_LINE_MAX, "the parser passes over what is longer than a line");

uint8_t *key_stream_room(struct key_stream *stream, uint32_t *size_out)
{
    *size_out = KEY_STREAM_BYTES - stream->size;
    return stream->text + stream->size;
}

/* The parser leaves a line that is not whole; one that fills the buffer can be none, so room is always made. */
static void keep_rest(struct key_stream *stream, uint32_t consumed)
{
    uint32_t rest = stream->size - consumed;
    if (rest == KEY_STREAM_BYTES) {
        stream->parser.skipping = true;
        stream->parser.scanned = 0;
        stream->parser.lines++;
        stream->parser.refused++;
        rest = 0;
    }
    memmove(stream->text, stream->text + stream->size - rest, rest);
    OPENSSL_cleanse(stream->text + rest, KEY_STREAM_BYTES - rest);
    stream->size = rest;
}

void key_stream_take(struct key_stream *stream, struct tls_key_store *store, uint32_t size, bool last, uint64_t now_ns,
                     struct key_counts *counts_io)
{
    uint64_t lines = stream->parser.lines, refused = stream->parser.refused;
    uint32_t consumed = 0;
    struct tls_keylog_item item;
    stream->size += size;
    require(stream->size <= KEY_STREAM_BYTES);
    for (;;) {
        struct parse_input input = {.data = stream->text + consumed, .size = stream->size - consumed, .last = last};
        struct parse_step step = tls_keylog_parse(&stream->parser, &input, &item);
        consumed += step.consumed;
        if (step.status != PARSE_ITEM)
            break;
        tls_key_store_put(store, &item, now_ns);
        counts_io->secrets++;
    }
    OPENSSL_cleanse(&item, sizeof(item));
    keep_rest(stream, consumed);
    counts_io->lines += stream->parser.lines - lines;
    counts_io->refused += stream->parser.refused - refused;
}

void key_stream_restart(struct key_stream *stream)
{
    OPENSSL_cleanse(stream->text, sizeof(stream->text));
    stream->size = 0;
    stream->parser.skipping = false;
    stream->parser.scanned = 0;
}

void key_stream_deinit(struct key_stream *stream)
{
    OPENSSL_cleanse(stream, sizeof(*stream));
}
