/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Fuzz target: TLS records, handshake messages and facts. The first byte chooses the size of the pieces, the second its
 * flags: direction of the first chunk, midstream, holes. Chunks follow, two bytes of size each, directions in turn.
 * Without holes the facts may not depend on the cuts.
 */

#include <stdio.h>
#include <stdlib.h>

#include "tls/handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum flag { FROM_SERVER = 1, MIDSTREAM = 2, HOLES = 4 };

struct state {
    struct tls_record_reader records[2];
    struct tls_handshake handshake;
    uint8_t buffers[2][TLS_MESSAGE_SIZE_MAX];
    uint64_t bytes[2], told[2];
};

static void check(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "does not hold: %s\n", what);
    abort();
}

static void part_take(struct state *state, uint32_t direction, const struct tls_record_part *part)
{
    check(part->size <= TLS_RECORD_BODY_MAX, "records have a limit");
    check(part->offset + part->data.size + part->lost <= part->size, "a part lies in its record");
    check(part->last == (part->offset + part->data.size + part->lost == part->size), "the last part ends the record");
    state->told[direction] += part->data.size + part->lost;
    struct tls_message message;
    tls_handshake_part(&state->handshake, direction, part);
    uint32_t messages = 0;
    while (tls_handshake_next(&state->handshake, direction, &message)) {
        check(++messages <= part->data.size, "a message takes a byte at least");
        check(message.body.size <= message.size && message.truncated == (message.body.size < message.size),
              "a message is whole or says that it is not");
    }
}

static void take(struct state *state, uint32_t direction, struct parse_input input)
{
    uint32_t calls = 0, bound = 2 * input.size + 8;
    state->bytes[direction] += input.size + input.lost;
    for (;;) {
        struct tls_record_part part;
        struct parse_step step = tls_record_parse(&state->records[direction], &input, &part);
        check(++calls <= bound, "calls are bounded");
        check(step.consumed <= (input.data ? input.size : input.lost), "no more is consumed than there is");
        parse_input_advance(&input, step.consumed);
        if (step.status == PARSE_ITEM)
            part_take(state, direction, &part);
        if (step.status != PARSE_ITEM || (!input.data && !input.lost))
            break;
    }
    check((input.data ? input.size : input.lost) == 0, "all is consumed");
}

static void run(struct state *state, const uint8_t *data, size_t size, uint32_t piece, uint8_t flags)
{
    memset(state->records, 0, sizeof(state->records));
    memset(state->bytes, 0, sizeof(state->bytes));
    memset(state->told, 0, sizeof(state->told));
    tls_handshake_init(&state->handshake, flags & MIDSTREAM);
    uint32_t direction = flags & FROM_SERVER ? TLS_TO_CLIENT : TLS_TO_SERVER;
    for (uint32_t i = 0; i < 2; i++) {
        state->handshake.readers[i].buffer = state->buffers[i];
        if (flags & MIDSTREAM)
            tls_record_init_midstream(&state->records[i]);
    }
    while (size > 2) {
        uint32_t chunk = (uint32_t)(data[0] << 8 | data[1]);
        bool lost = (flags & HOLES) && (chunk & 0x8000) != 0;
        data += 2;
        size -= 2;
        chunk = min_u32(chunk & 0x7fff, (uint32_t)size);
        if (lost && chunk) {
            tls_handshake_lost(&state->handshake, direction);
            take(state, direction, (struct parse_input){.lost = chunk});
        }
        for (uint32_t at = 0; at < chunk && !lost;) {
            uint32_t take_size = min_u32(piece, chunk - at);
            take(state, direction, (struct parse_input){.data = data + at, .size = take_size});
            at += take_size;
        }
        data += chunk;
        size -= chunk;
        direction ^= 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    static struct state whole, cut;
    run(&whole, data + 2, size - 2, UINT32_MAX, data[1]);
    run(&cut, data + 2, size - 2, data[0] + 1u, data[1]);
    check(memcmp(&whole.handshake.facts, &cut.handshake.facts, sizeof(struct tls_facts)) == 0,
          "the facts do not depend on the cuts");
    for (uint32_t i = 0; i < 2; i++) {
        const struct tls_record_reader *records = &whole.records[i];
        check(records->position == whole.bytes[i], "every byte is passed");
        check(whole.told[i] == cut.told[i] && records->skipped == cut.records[i].skipped, "nor do the records");
    }
    return 0;
}
