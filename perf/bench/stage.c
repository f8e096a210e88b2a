/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Stages: the first modules of the pipeline, set up as the pipeline does, with nothing behind them. What they hand out
 * is counted, so that no compiler leaves the work out.
 */

#include <errno.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/pool.h"
#include "bench/subject_internal.h"
#include "flow/flow_table.h"
#include "net/decode.h"
#include "proto/http1.h"

#define MEBIBYTE ((size_t)1 << 20)

/* Of the default settings. */
#define REASSEMBLY_MIB 64u
#define SKEW_NS        UINT64_C(20000000)

struct parsers {
    struct http1 sides[2];
};

struct bench_stage {
    enum subject_kind kind;
    struct arena *arena;
    struct ledger ledger;
    struct hash_key key;
    struct net_decoder *decoder;
    struct flow_table *flows;
    struct pool parsers;
    struct net_packet packets[PACKET_BURST_MAX];
    struct subject_counts counts;
    uint64_t sum; /* of bytes touched */
};

static void touch_burst(void *state, const struct packet *packets, uint32_t count)
{
    struct bench_stage *stage = state;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t at = 0; at < packets[i].size; at += CACHE_LINE)
            sum += packets[i].data[at];
    stage->sum += sum;
}

static void decode_burst(void *state, const struct packet *packets, uint32_t count)
{
    struct bench_stage *stage = state;
    uint32_t segments = net_decode_burst(stage->decoder, &stage->ledger, packets, count, stage->packets);
    for (uint32_t i = 0; i < segments; i++)
        ledger_settle(&stage->ledger, LEDGER_AUDITED, stage->packets[i].packets, stage->packets[i].bytes);
    stage->counts.items += segments;
}

static void flow_burst(void *state, const struct packet *packets, uint32_t count)
{
    struct bench_stage *stage = state;
    uint32_t segments = net_decode_burst(stage->decoder, &stage->ledger, packets, count, stage->packets);
    flow_table_packets(stage->flows, stage->packets, segments);
    flow_table_advance(stage->flows, packets[count - 1].time_ns);
}

static enum ledger_reason count_data(void *context, struct flow *flow, const struct flow_chunk *chunk)
{
    struct bench_stage *stage = context;
    (void)flow;
    (void)chunk;
    stage->counts.items++;
    return LEDGER_AUDITED;
}

static void count_end(void *context, struct flow *flow, enum flow_end reason)
{
    (void)context;
    (void)flow;
    (void)reason;
}

static enum ledger_reason parse_data(void *context, struct flow *flow, const struct flow_chunk *chunk)
{
    struct bench_stage *stage = context;
    struct parsers *parsers = flow->session;
    if (!parsers) {
        parsers = pool_take(&stage->parsers);
        if (!parsers)
            return LEDGER_FLOW_BUDGET;
        memset(parsers, 0, sizeof(*parsers));
        http1_init(&parsers->sides[FLOW_TO_SERVER], HTTP1_REQUESTS);
        http1_init(&parsers->sides[FLOW_TO_CLIENT], HTTP1_RESPONSES);
        flow->session = parsers;
    }
    struct parse_input input = {chunk->data, chunk->size, chunk->lost, chunk->last};
    struct http1_item item;
    for (;;) {
        struct parse_step step = http1_parse(&parsers->sides[chunk->direction], &input, &item);
        if (input.data) {
            input.data += step.consumed;
            input.size -= step.consumed;
        } else {
            input.lost -= step.consumed;
        }
        if (step.status != PARSE_ITEM)
            break;
        stage->counts.items++;
        stage->counts.transactions += item.kind == HTTP1_REQUEST_LINE;
    }
    return LEDGER_AUDITED;
}

static void parse_end(void *context, struct flow *flow, enum flow_end reason)
{
    struct bench_stage *stage = context;
    (void)reason;
    if (flow->session)
        pool_give(&stage->parsers, flow->session);
    flow->session = NULL;
}

static void stage_flush(void *state)
{
    struct bench_stage *stage = state;
    if (stage->decoder)
        net_decoder_flush(stage->decoder, &stage->ledger);
    if (stage->flows)
        flow_table_flush(stage->flows);
}

static const struct ledger *stage_ledger(const void *state)
{
    const struct bench_stage *stage = state;
    return stage->kind == SUBJECT_TOUCH ? NULL : &stage->ledger;
}

static struct subject_counts stage_counts(const void *state)
{
    return ((const struct bench_stage *)state)->counts;
}

static void stage_free(void *state)
{
    struct bench_stage *stage = state;
    arena_free(stage->arena);
    free(stage);
}

static MUST_USE int stage_init(struct bench_stage *stage, const struct subject_options *options)
{
    struct net_settings net;
    net_settings_default(&net);
    int result = hash_key_init(&stage->key);
    if (result < 0)
        return result;
    net.key = stage->key;
    struct flow_settings flows = flow_settings_default(options->flows);
    flows.hold_bytes = REASSEMBLY_MIB * MEBIBYTE;
    flows.skew_window_ns = SKEW_NS;
    flows.checksum_policy = FLOW_CHECKSUM_ACCEPT;
    size_t parser_bytes = sizeof(struct parsers) + CACHE_LINE;
    stage->arena =
        arena_new(net_decoder_size(&net) + flow_table_size(&flows) + options->flows * parser_bytes + MEBIBYTE);
    if (!stage->arena)
        return -ENOMEM;
    result = net_decoder_new(&stage->decoder, stage->arena, &net);
    bool parse = stage->kind == SUBJECT_PARSE;
    struct flow_sink sink = {stage, parse ? parse_data : count_data, parse ? parse_end : count_end};
    if (result == 0 && stage->kind >= SUBJECT_FLOW)
        result = flow_table_new(&stage->flows, stage->arena, &flows, &stage->ledger, &stage->key, &sink);
    if (result == 0 && parse)
        result = pool_init(&stage->parsers, stage->arena, sizeof(struct parsers), options->flows);
    return result;
}

int stage_new(enum subject_kind kind, const struct subject_options *options, void **state_out,
              const struct subject_work **work_out)
{
    static const struct subject_work works[] = {
        [SUBJECT_TOUCH] = {touch_burst, NULL, stage_flush, stage_ledger, stage_counts, stage_free},
        [SUBJECT_DECODE] = {decode_burst, NULL, stage_flush, stage_ledger, stage_counts, stage_free},
        [SUBJECT_FLOW] = {flow_burst, NULL, stage_flush, stage_ledger, stage_counts, stage_free},
        [SUBJECT_PARSE] = {flow_burst, NULL, stage_flush, stage_ledger, stage_counts, stage_free},
    };
    struct bench_stage *stage = calloc(1, sizeof(*stage));
    if (!stage)
        return -ENOMEM;
    stage->kind = kind;
    int result = kind == SUBJECT_TOUCH ? 0 : stage_init(stage, options);
    if (result < 0) {
        stage_free(stage);
        return result;
    }
    *state_out = stage;
    *work_out = &works[kind];
    return 0;
}
