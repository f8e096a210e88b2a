/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The row of HTTP/1 requests. What was lost is never known, but what a client acknowledged is: a request that is sent
 * when the answer to the one before has not come was sent ahead.
 */

#include "pipeline/http1_row.h"

/*
 * A request begins behind a hole. Was one in the hole that has no answer yet? No answer has begun since; or the end of
 * one stands behind the hole, and nothing was acknowledged between that and this.
 */
static bool lost_request_waits(const struct channel_feed *feed)
{
    const struct http1_channel *http1 = feed->channel->http1;
    struct http1_lasting *lasting = &feed->channel->lasting;
    if (flow_one_way(feed->flow))
        return false;
    bool tail = http1->tail_seen && http1->parsers[0].bytes_skipped > http1->skipped;
    return lasting->request_hole ||
           (tail && feed->chunk && feed->chunk->acknowledgement == http1->tail_acknowledgement);
}

void http1_row_note_hole(struct channel *channel)
{
    channel->lasting.request_lost = channel->lasting.request_hole = true;
    channel->http1->tail_seen = false;
}

void http1_row_note_tail(const struct channel_feed *feed)
{
    struct http1_channel *http1 = feed->channel->http1;
    struct http1_lasting *lasting = &feed->channel->lasting;
    const struct flow_chunk *chunk = feed->chunk;
    bool hole = lasting->request_lost || feed->channel->midstream;
    if (!hole || http1->tail_seen || !chunk || !chunk->acknowledges)
        return;
    http1->tail_seen = true;
    http1->tail_acknowledgement = chunk->acknowledgement;
    http1->skipped = http1->parsers[0].bytes_skipped;
}

void http1_row_note_pipelining(const struct channel_feed *feed, bool after_loss)
{
    struct http1_channel *http1 = feed->channel->http1;
    struct http1_lasting *lasting = &feed->channel->lasting;
    if (!http1->oldest)
        lasting->response_hole = false;
    /* Where bytes of the server are missing the client may well have its answer: that is loss, not pipelining. */
    bool answered = lasting->response_hole || flow_side(feed->flow, FLOW_TO_CLIENT)->acked_ns != 0;
    bool ahead = http1->oldest || (after_loss && lost_request_waits(feed));
    lasting->pipelined = lasting->pipelined || (ahead && !answered);
}

void http1_row_append(struct http1_channel *http1, struct exchange *exchange)
{
    if (http1->newest)
        http1->newest->next = exchange;
    else
        http1->oldest = exchange;
    http1->newest = exchange;
    http1->waiting++;
}

struct exchange *http1_row_take_oldest(struct http1_channel *http1)
{
    struct exchange *exchange = http1->oldest;
    http1->oldest = exchange->next;
    if (!http1->oldest)
        http1->newest = NULL;
    exchange->next = NULL;
    http1->waiting--;
    return exchange;
}

bool http1_row_came_before(const struct channel_feed *feed, const struct exchange *request)
{
    const struct flow_chunk *chunk = feed->chunk;
    return chunk && chunk->size && request->acknowledges &&
           (int32_t)(chunk->sequence + chunk->size - request->acknowledgement) <= 0;
}
