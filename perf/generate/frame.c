/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Frames. The checksum adds eight bytes at a time and folds at the end (RFC 1071 2(C)): making frames must not take
 * longer than working them.
 */

#include "generate/frame.h"

static void put_16(uint8_t *out, uint32_t value)
{
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
}

static void put_32(uint8_t *out, uint32_t value)
{
    put_16(out, value >> 16);
    put_16(out + 2, value & 0xffff);
}

/* A ones' complement sum of words in host order, not folded. 2^32 words of 32 bits fit. */
static uint64_t sum(const uint8_t *data, uint32_t size)
{
    uint64_t total = 0;
    uint32_t i = 0;
    for (; i + 8 <= size; i += 8) {
        uint64_t word;
        memcpy(&word, data + i, 8);
        total += (word & 0xffffffff) + (word >> 32);
    }
    uint64_t rest = 0;
    memcpy(&rest, data + i, size - i);
    return total + (rest & 0xffffffff) + (rest >> 32);
}

/* Sums of words in host order fold to a checksum in host order, which is stored as it is (RFC 1071 2(B)). */
static void put_checksum(uint8_t *out, uint64_t total)
{
    while (total >> 16)
        total = (total & 0xffff) + (total >> 16);
    uint16_t checksum = (uint16_t)~total;
    memcpy(out, &checksum, 2);
}

static void ethernet_write(const struct frame *frame, uint8_t *out)
{
    /* Locally administered; the address's last bytes make hosts tell apart. */
    static const uint8_t prefix[2] = {0x02, 0x00};
    memcpy(out, prefix, 2);
    put_32(out + 2, frame->destination_address);
    memcpy(out + 6, prefix, 2);
    put_32(out + 8, frame->source_address);
    put_16(out + 12, 0x0800);
}

static void ip_write(const struct frame *frame, uint8_t *out, uint32_t size)
{
    static const uint8_t fixed[12] = {0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0}; /* do not fragment, 64 hops, TCP */
    memcpy(out, fixed, sizeof(fixed));
    put_16(out + 2, size);
    put_16(out + 4, frame->identification);
    put_32(out + 12, frame->source_address);
    put_32(out + 16, frame->destination_address);
    put_checksum(out + 10, sum(out, FRAME_IP_SIZE));
}

static void timestamps_write(const struct frame *frame, uint8_t *out)
{
    out[0] = 8;
    out[1] = 10;
    put_32(out + 2, frame->timestamp);
    put_32(out + 6, frame->timestamp_echo);
}

static uint32_t options_write(const struct frame *frame, uint8_t *out)
{
    if (frame->flags & FRAME_SYN) {
        static const uint8_t head[6] = {2, 4, 0x05, 0xb4, 4, 2}; /* segments of 1460, selective acknowledgements */
        static const uint8_t tail[4] = {1, 3, 3, 7};             /* window scale 7 */
        memcpy(out, head, sizeof(head));
        timestamps_write(frame, out + 6);
        memcpy(out + 16, tail, sizeof(tail));
        return FRAME_SYN_OPTIONS_SIZE;
    }
    out[0] = out[1] = 1;
    timestamps_write(frame, out + 2);
    return FRAME_OPTIONS_SIZE;
}

static uint32_t tcp_write(const struct frame *frame, uint8_t *out)
{
    uint32_t header_size = FRAME_TCP_SIZE + options_write(frame, out + FRAME_TCP_SIZE);
    put_16(out, frame->source_port);
    put_16(out + 2, frame->destination_port);
    put_32(out + 4, frame->sequence);
    put_32(out + 8, frame->acknowledgement);
    out[12] = (uint8_t)(header_size / 4 << 4);
    out[13] = frame->flags;
    put_16(out + 14, frame->flags & FRAME_SYN ? 64240 : 2048); /* 256 KiB when scaled */
    put_32(out + 16, 0);
    if (frame->payload.size)
        memcpy(out + header_size, frame->payload.data, frame->payload.size);
    return header_size + frame->payload.size;
}

uint32_t frame_write(const struct frame *frame, uint8_t *out)
{
    require(frame->payload.size <= FRAME_PAYLOAD_MAX);
    uint8_t *ip = out + FRAME_ETHERNET_SIZE;
    uint8_t *tcp = ip + FRAME_IP_SIZE;
    uint32_t tcp_size = tcp_write(frame, tcp);
    ethernet_write(frame, out);
    ip_write(frame, ip, FRAME_IP_SIZE + tcp_size);
    uint8_t pseudo[4] = {0, 6};
    put_16(pseudo + 2, tcp_size);
    put_checksum(tcp + 16, sum(ip + 12, 8) + sum(pseudo, sizeof(pseudo)) + sum(tcp, tcp_size));
    return FRAME_ETHERNET_SIZE + FRAME_IP_SIZE + tcp_size;
}
