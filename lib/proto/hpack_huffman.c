/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Huffman code of HPACK. One look at a table of 16 KB decodes up to two symbols; most bytes of a head have codes of 5
 * to 7 bits, so that is the rule. Codes longer than a look are rare in text and are found by their length.
 */

#include "proto/hpack.h"
#include "proto/hpack_huffman_table.h"

#define LOOKS_PER_FILL 4u /* a full buffer has at least 56 bits, four looks take 48 */

struct bits {
    const uint8_t *next, *end;
    uint64_t buffer; /* the next bit is the highest; zeros below those that count */
    uint32_t count;
};

static void bits_fill(struct bits *bits)
{
    if (bits->end - bits->next >= 8) {
        uint64_t word;
        memcpy(&word, bits->next, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        word = __builtin_bswap64(word);
#endif
        uint32_t bytes = (63 - bits->count) / 8;
        /* Only whole bytes are counted; the bits of the next one are cleared again. */
        bits->buffer |= word >> bits->count;
        bits->count += bytes * 8;
        bits->buffer &= ~UINT64_C(0) << (64 - bits->count);
        bits->next += bytes;
        return;
    }
    while (bits->count <= 56 && bits->next < bits->end) {
        bits->buffer |= (uint64_t)*bits->next++ << (56 - bits->count);
        bits->count += 8;
    }
}

static void bits_drop(struct bits *bits, uint32_t count)
{
    bits->buffer <<= count;
    bits->count -= count;
}

/* A code longer than one look. Returns the symbol, or -1 when it is not there whole or is the end of the string. */
static int32_t long_symbol(struct bits *bits)
{
    for (uint32_t length = HUFFMAN_LOOKUP_BITS + 1; length <= HUFFMAN_LENGTH_MAX && length <= bits->count; length++) {
        uint32_t place = (uint32_t)(bits->buffer >> (64 - length)) - huffman_long_first[length];
        if (place >= huffman_long_count[length])
            continue;
        uint32_t symbol = huffman_long_symbols[huffman_long_offset[length] + place];
        if (symbol == HUFFMAN_END_OF_STRING)
            return -1;
        bits_drop(bits, length);
        return (int32_t)symbol;
    }
    return -1;
}

/* As many symbols as lie whole in the buffer, one look. False when there is none. */
static inline bool look(struct bits *bits, uint8_t **out)
{
    uint32_t entry = huffman_lookup[bits->buffer >> (64 - HUFFMAN_LOOKUP_BITS)];
    if (unlikely(entry == 0)) {
        int32_t symbol = long_symbol(bits);
        if (symbol < 0)
            return false;
        *(*out)++ = (uint8_t)symbol;
        return true;
    }
    uint32_t all = entry >> 16 & 31, first = entry >> 21 & 15, count = entry >> 25;
    if (unlikely(all > bits->count)) {
        all = first;
        count = 1;
        if (first > bits->count)
            return false;
    }
    (*out)[0] = (uint8_t)entry;
    (*out)[1] = (uint8_t)(entry >> 8);
    *out += count;
    bits_drop(bits, all);
    return true;
}

int64_t hpack_huffman_decode(struct span coded, uint8_t *out)
{
    struct bits bits = {.next = coded.data, .end = coded.data + coded.size};
    uint8_t *begin = out;
    bool more = true;
    while (more) {
        bits_fill(&bits);
        for (uint32_t i = 0; i < LOOKS_PER_FILL && more; i++)
            more = look(&bits, &out);
        /* A code may lie half in the buffer, half behind it. */
        more = more || (bits.next < bits.end && bits.count < HUFFMAN_LENGTH_MAX);
    }
    /* The rest is the beginning of the end of the string: ones, and less than a byte. */
    uint64_t ones = bits.count ? ~UINT64_C(0) << (64 - bits.count) : 0;
    if (bits.next < bits.end || bits.count >= 8 || bits.buffer != ones)
        return -1;
    return out - begin;
}
