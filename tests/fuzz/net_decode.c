/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Fuzz target: the packet decoder, fed with a list of packets.
 *
 * Input: one byte of settings, then packets: a byte with the link type (low three bits) and whether the frame was cut
 * (0x08), a byte of time in seconds, two bytes of size, little-endian, and the frame. Each frame lies in a heap block
 * of its own size. The ledger must balance after every burst, nothing may stay pending after the flush, and what comes
 * out must lie within what went in.
 */

#include <stdlib.h>
#include <string.h>

#include "net/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RECORD_SIZE 4u
#define ROUNDS_MAX  256u /* bursts of an input: a bound on its time */

struct reader {
    const uint8_t *data;
    size_t left;
    uint64_t time_ns;
};

static bool next_packet(struct reader *reader, struct packet *packet_out)
{
    if (reader->left < RECORD_SIZE)
        return false;
    const uint8_t *head = reader->data;
    size_t size = (size_t)head[2] | (size_t)head[3] << 8;
    if (size > reader->left - RECORD_SIZE)
        size = reader->left - RECORD_SIZE;
    reader->time_ns += head[1] * UINT64_C(1000000000);
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        abort();
    memcpy(copy, head + RECORD_SIZE, size);
    *packet_out = (struct packet){
        .data = copy,
        .size = (uint32_t)size,
        .wire_size = (uint32_t)size + (head[0] & 8 ? 100 : 0),
        .time_ns = reader->time_ns,
        .link = head[0] & 7,
    };
    reader->data += RECORD_SIZE + size;
    reader->left -= RECORD_SIZE + size;
    return true;
}

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* Reads every byte handed out, so that a sanitizer sees one that is not there. */
static uint32_t touch(struct span span)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < span.size; i++)
        sum += span.data[i];
    return sum;
}

static void check_packet(const struct net_packet *packet, struct ledger *ledger)
{
    check(packet->packets >= 1 && packet->bytes >= packet->packet->size);
    check(packet->endpoints.tunnel_count <= NET_LAYERS_MAX);
    check(packet->tcp_header_size >= 20 && packet->tcp_header_size <= 60);
    check(packet->endpoints.ip_version == 4 || packet->endpoints.ip_version == 6);
    if (!(packet->flags & NET_REASSEMBLED))
        check(packet->payload.data >= packet->packet->data &&
              packet->payload.data + packet->payload.size <= packet->packet->data + packet->packet->size);
    check(touch(packet->payload) <= UINT8_MAX * packet->payload.size);
    struct hash_key key = {3, 4};
    struct net_packet back = *packet;
    back.endpoints.source = packet->endpoints.destination;
    back.endpoints.destination = packet->endpoints.source;
    back.endpoints.source_port = packet->endpoints.destination_port;
    back.endpoints.destination_port = packet->endpoints.source_port;
    check(net_hash(&key, packet) == net_hash(&key, &back));
    ledger_settle(ledger, LEDGER_AUDITED, packet->packets, packet->bytes);
}

static void run_burst(struct net_decoder *decoder, struct ledger *ledger, struct packet *packets, uint32_t count)
{
    static struct net_packet out[PACKET_BURST_MAX];
    uint32_t ready = net_decode_burst(decoder, ledger, packets, count, out);
    check(ready <= count);
    for (uint32_t i = 0; i < ready; i++)
        check_packet(&out[i], ledger);
    check(ledger_balanced(ledger));
    for (uint32_t i = 0; i < count; i++)
        free((void *)(uintptr_t)packets[i].data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct net_settings settings;
    net_settings_default(&settings);
    settings.checksum = data[0] % 3;
    settings.domain_kinds = data[0] & 0x04 ? UINT32_MAX : 0;
    settings.fragment_datagrams = data[0] & 0x08 ? 2 : 16;
    settings.fragment_bytes = 65536;
    uint32_t burst_max = data[0] & 0x10 ? 3 : PACKET_BURST_MAX;
    struct arena *arena = arena_new(net_decoder_size(&settings));
    struct net_decoder *decoder = NULL;
    check(arena && net_decoder_new(&decoder, arena, &settings) == 0);

    struct ledger ledger = {0};
    struct reader reader = {.data = data + 1, .left = size - 1, .time_ns = 1};
    struct packet packets[PACKET_BURST_MAX];
    for (uint32_t round = 0; round < ROUNDS_MAX; round++) {
        uint32_t count = 0;
        while (count < burst_max && next_packet(&reader, &packets[count]))
            count++;
        if (count == 0)
            break;
        run_burst(decoder, &ledger, packets, count);
    }
    net_decoder_flush(decoder, &ledger);
    check(ledger_balanced(&ledger) && ledger.pending.packets == 0 && ledger.pending.bytes == 0);
    arena_free(arena);
    return 0;
}
