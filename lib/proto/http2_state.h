/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the files of the HTTP/2 parser share. Private to it. */

#include "proto/http2.h"

enum http2_state {
    HTTP2_STATE_PREFACE,
    HTTP2_STATE_FRAME,  /* at the header of a frame */
    HTTP2_STATE_PREFIX, /* at the pad length, priority or promised stream */
    HTTP2_STATE_DATA,
    HTTP2_STATE_BLOCK, /* in a fragment of a header block */
    HTTP2_STATE_SETTINGS,
    HTTP2_STATE_FIXED, /* RST_STREAM, PING, GOAWAY, WINDOW_UPDATE */
    HTTP2_STATE_SKIP,  /* the rest of the frame says nothing */
    HTTP2_STATE_SEARCH,
    HTTP2_STATE_FOLLOW, /* in a frame of a chain that is not sure yet */
    HTTP2_STATE_COUNT
};

/* The input of one call and how far it is consumed. */
struct http2_reader {
    const uint8_t *data;
    uint32_t size;
    uint32_t consumed;
    uint32_t needed;
    bool last;
};

enum http2_step { HTTP2_STEP_AGAIN, HTTP2_STEP_ITEM, HTTP2_STEP_MORE };

static inline void http2_reader_take(struct http2_reader *reader, uint32_t size)
{
    reader->data += size;
    reader->size -= size;
    reader->consumed += size;
}

static inline enum http2_step http2_step_more(struct http2_reader *reader, uint32_t needed)
{
    reader->needed = needed;
    return HTTP2_STEP_MORE;
}

static inline uint32_t http2_read_32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* http2_block.c: header blocks. */
void http2_block_begin(struct http2 *parser);
enum http2_step http2_block_step(struct http2 *parser, struct http2_reader *reader, struct http2_item *item);

/* Bytes of the open block are missing. */
void http2_block_lose(struct http2 *parser, uint16_t flag);

/* Fills HEAD_END and closes the block. */
enum http2_step http2_block_end(struct http2 *parser, struct http2_item *item);

/* http2_search.c: the next frame in the middle of the stream. */
void http2_search_begin(struct http2 *parser);
enum http2_step http2_search_step(struct http2 *parser, struct http2_reader *reader, struct http2_item *item);
enum http2_step http2_follow_step(struct http2 *parser, struct http2_reader *reader, struct http2_item *item);
struct http2_plausible http2_plausible_now(const struct http2 *parser);
