/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Finding frames again. One header of nine bytes may look right by chance; three in a row, each where the one before it
 * says, on streams that the connection knows, do not. Behind a hole the next bytes are mostly the beginning of a frame,
 * for senders write whole frames, so there two are enough.
 */

#include "proto/http2_state.h"

#define LINKS_ALIGNED 2u

struct http2_plausible http2_plausible_now(const struct http2 *parser)
{
    return (struct http2_plausible){.frame_size_max = parser->frame_size_max, .stream_max = parser->stream_max};
}

bool http2_found(struct span data)
{
    const struct http2_plausible plausible = {.frame_size_max = HTTP2_FRAME_SIZE_DEFAULT};
    struct http2_chain whole = http2_chain_check(data, HTTP2_CHAIN_LINKS, &plausible);
    if (whole.links && whole.reach == data.size)
        return true;
    for (uint32_t offset = 0; offset + HTTP2_FRAME_HEADER <= data.size; offset++)
        if (http2_chain_check(span_from(data, offset), HTTP2_CHAIN_LINKS, &plausible).found)
            return true;
    return false;
}

void http2_search_begin(struct http2 *parser)
{
    parser->state = HTTP2_STATE_SEARCH;
    parser->trusted = false;
    parser->aligned = true;
    parser->ending = 0;
    parser->chain = 0;
    parser->rest = 0;
    parser->padding = 0;
    hpack_lose(&parser->hpack);
}

/* At the end of the stream there are not always enough frames; the one that ends with it has to do. */
static bool enough_at_end(const struct http2_chain *chain, uint32_t size, bool aligned)
{
    return chain->reach == size && chain->links >= (aligned ? 1u : 2u);
}

static void skip(struct http2 *parser, struct http2_reader *reader, uint32_t size)
{
    parser->bytes_skipped += size;
    if (size)
        parser->aligned = false;
    http2_reader_take(reader, size);
}

enum http2_step http2_search_step(struct http2 *parser, struct http2_reader *reader, struct http2_item *item)
{
    (void)item;
    struct http2_plausible plausible = http2_plausible_now(parser);
    for (uint32_t offset = 0; offset < reader->size; offset++) {
        bool aligned = parser->aligned && offset == 0;
        uint32_t links = aligned && parser->stream_max ? LINKS_ALIGNED : HTTP2_CHAIN_LINKS;
        /* Never more than can be held, so that the answer does not depend on how much happens to be there. */
        struct span data = span_of(reader->data + offset, min_u32(reader->size - offset, HTTP2_HOLD_MAX));
        struct http2_chain chain = http2_chain_check(data, links, &plausible);
        if (!chain.found && !chain.undecided)
            continue;
        if (chain.undecided && chain.reach + HTTP2_FRAME_HEADER > HTTP2_HOLD_MAX) {
            skip(parser, reader, offset);
            parser->state = HTTP2_STATE_FOLLOW;
            parser->chain = chain.links;
            parser->frame = chain.end;
            parser->rest = (uint32_t)chain.reach;
            return HTTP2_STEP_AGAIN;
        }
        if (chain.undecided && reader->last && !enough_at_end(&chain, data.size, aligned))
            continue;
        skip(parser, reader, offset);
        if (chain.found || reader->last) {
            parser->state = HTTP2_STATE_FRAME;
            return HTTP2_STEP_AGAIN;
        }
        return http2_step_more(reader, (uint32_t)chain.reach + HTTP2_FRAME_HEADER);
    }
    skip(parser, reader, reader->size);
    return http2_step_more(reader, 0);
}

/* The frames so far are too long to be held, so they are passed over while the chain is followed. */
enum http2_step http2_follow_step(struct http2 *parser, struct http2_reader *reader, struct http2_item *item)
{
    (void)item;
    uint32_t size = min_u32(parser->rest, reader->size);
    parser->rest -= size;
    skip(parser, reader, size);
    if (parser->rest)
        return http2_step_more(reader, 0);
    if (reader->size < HTTP2_FRAME_HEADER)
        return http2_step_more(reader, HTTP2_FRAME_HEADER);
    struct http2_plausible plausible = http2_plausible_now(parser);
    struct http2_frame frame = http2_frame_read(reader->data);
    if (!http2_frame_plausible(reader->data, &plausible) || !http2_frame_follows(&parser->frame, &frame)) {
        parser->state = HTTP2_STATE_SEARCH;
        return HTTP2_STEP_AGAIN;
    }
    if (++parser->chain >= HTTP2_CHAIN_LINKS) {
        parser->state = HTTP2_STATE_FRAME;
        return HTTP2_STEP_AGAIN;
    }
    parser->frame = frame;
    parser->rest = HTTP2_FRAME_HEADER + frame.length;
    return HTTP2_STEP_AGAIN;
}
