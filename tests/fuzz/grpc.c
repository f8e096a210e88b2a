/* SPDX-License-Identifier: Apache-2.0 */

/*
 * gRPC frames: byte 0 says gRPC-Web, base64, and whether there is a hole; bytes 1 and 2 cut, byte 3 places the hole.
 * The items are the same for every cut, and frames that are whole hold as many bytes as their prefix says.
 */

#include <stdlib.h>

#include "proto/grpc.h"
#include "proto/grpc_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
    struct grpc_frames frames;
    struct grpc_text text;
    uint64_t digest;
    uint64_t inside; /* bytes of the frame so far, lost ones included */
    bool stopped;
};

static void mix(struct run *run, uint64_t value)
{
    run->digest = (run->digest ^ value) * UINT64_C(0x9e3779b97f4a7c15);
}

static void take_item(struct run *run, const struct grpc_item *item)
{
    if (item->kind == GRPC_FRAME_DATA) {
        require((item->data.data == NULL) == (item->lost > 0));
        run->inside += item->data.size + item->lost;
        for (uint32_t i = 0; i < item->data.size; i++)
            mix(run, item->data.data[i]);
        return;
    }
    mix(run, 0x1000 + (uint64_t)item->kind + ((uint64_t)item->flags << 20) + ((uint64_t)item->length << 32));
    require(item->kind == GRPC_FRAME_BEGIN || run->inside == item->length);
    run->inside = 0;
}

static void offer(struct run *run, const struct parse_input *piece)
{
    struct parse_input input = *piece;
    uint64_t total = input.data ? input.size : input.lost;
    for (uint64_t calls = 0; !run->stopped; calls++) {
        require(calls <= 2 * total + 2);
        struct grpc_item item;
        struct parse_step step = grpc_frames_parse(&run->frames, &input, &item);
        require(step.consumed <= (input.data ? input.size : input.lost));
        parse_input_advance(&input, step.consumed);
        run->stopped = step.status == PARSE_STOP;
        if (step.status != PARSE_ITEM) {
            require(run->stopped || (input.data ? input.size : input.lost) == 0);
            return;
        }
        take_item(run, &item);
    }
}

static void offer_text(struct run *run, struct span text, bool base64)
{
    uint8_t *copy = malloc(text.size + 1u);
    require(copy);
    if (text.size)
        memcpy(copy, text.data, text.size);
    struct span rest = span_of(copy, text.size);
    uint8_t buffer[16];
    while (base64 && rest.size && !run->text.broken) {
        uint32_t used = grpc_text_decode(&run->text, &rest, buffer, sizeof(buffer));
        require(used <= sizeof(buffer));
        offer(run, &(struct parse_input){.data = buffer, .size = used});
    }
    if (!base64)
        offer(run, &(struct parse_input){.data = copy, .size = text.size});
    free(copy);
}

static uint64_t feed(uint8_t how, struct span body, uint32_t a, uint32_t b, uint32_t lost)
{
    struct run run = {0};
    grpc_frames_init(&run.frames, how & 1);
    offer_text(&run, span_first(body, a), how & 2);
    if (lost)
        offer(&run, &(struct parse_input){.lost = lost});
    offer_text(&run, span_of(body.data + a, b - a), how & 2);
    offer_text(&run, span_from(body, b), how & 2);
    offer(&run, &(struct parse_input){.data = body.data, .last = true});
    require(run.frames.outcome != GRPC_OPEN);
    mix(&run, run.frames.outcome);
    return run.digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4)
        return 0;
    struct span body = span_of(data + 4, size - 4), name, value, rest = body;
    uint32_t a = (uint32_t)((uint64_t)body.size * data[1] / 256), b = (uint32_t)((uint64_t)body.size * data[2] / 256);
    if (b < a)
        b = a;
    require(feed(data[0], body, a, b, 0) == feed(data[0], body, 0, 0, 0));
    if (data[0] & 4)
        feed(data[0], body, a, b, 1u + data[3]);
    for (uint32_t lines = 0; grpc_trailer_next(&rest, &name, &value); lines++)
        require(lines <= body.size && name.size + value.size < body.size);
    (void)grpc_content_find(body);
    (void)grpc_status_parse(body);
    if (grpc_path_split(body, &name, &value))
        require(name.size + value.size + 2 == body.size);
    return 0;
}
