/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Chains of WebSocket frames
 *
 * What counts is what other bytes would seldom show: an opcode with FIN, the mask bit of the sender, text that comes
 * out of the mask as text, a JSON text that ends where its frame does. What plain numbers in binary data look like as
 * well (00 02, 01 00) counts nothing.
 */

#include "proto/websocket_chain.h"

#include "proto/utf8.h"
#include "proto/websocket_header.h"

#define FRAMES_MAX  16u /* of one chain: those that count nothing must not make it long */
#define START_LOOK  8u  /* bytes of payload by which frames are told to be alike */
#define TEXT_LOOK   64u /* bytes of a text that are looked at: bounds the work at each place */
#define BITS_FINAL  5u  /* opcode byte: 13 of 256 values; and the mask bit */
#define BITS_FIRST  2u  /* first fragment: 01 and 02 are everywhere in binary data */
#define BITS_WIDE   16u /* a length of eight bytes with four zeros in front */
#define BITS_TEXT   24u /* at most, one for each printable byte that a mask uncovers; chance would give 3 of 8 */
#define BITS_JSON   10u /* begins with a bracket and ends with the one that closes it */
#define BITS_CLOSE  6u  /* one of 2,100 codes of 65,536, less as they are all small */
#define BITS_ENDING 8u  /* the last frame ends with the stream */

/* Whether a chain may hold another message's first frame, or a continuation, next. */
enum place { PLACE_UNKNOWN, PLACE_BETWEEN, PLACE_INSIDE };

/* False: no sender that keeps to the protocol writes such a header here. */
static bool header_fits(const struct websocket_header *header, enum websocket_sender sender,
                        enum websocket_deflate deflate, enum place place)
{
    bool control = websocket_is_control(header->opcode), data = !control && header->opcode != WEBSOCKET_CONTINUATION;
    if (header->reserved || websocket_is_reserved(header->opcode) || !header->shortest || header->length > INT64_MAX)
        return false;
    if (header->masked != (sender == WEBSOCKET_CLIENT))
        return false;
    if (header->compressed && (!data || deflate == WEBSOCKET_DEFLATE_NONE))
        return false;
    if (control)
        return header->final && header->length <= WEBSOCKET_CONTROL_MAX;
    if (!header->final && header->length == 0)
        return false;
    return place == PLACE_UNKNOWN || data == (place == PLACE_BETWEEN);
}

/* The same for the first byte alone, so that a search need not wait for the second. */
static bool first_byte_fits(uint8_t byte, enum websocket_deflate deflate)
{
    uint8_t opcode = byte & 15;
    if ((byte & 0x30) || websocket_is_reserved(opcode))
        return false;
    if (byte & 0x40)
        return deflate != WEBSOCKET_DEFLATE_NONE && (opcode == WEBSOCKET_TEXT || opcode == WEBSOCKET_BINARY);
    return (byte & 0x80) || !websocket_is_control(opcode);
}

static uint32_t header_bits(const struct websocket_header *header)
{
    uint32_t bits = header->size >= 10 && header->length <= UINT32_MAX ? BITS_WIDE : 0;
    if (header->final)
        return bits + BITS_FINAL;
    return bits + (header->opcode == WEBSOCKET_CONTINUATION ? 0 : BITS_FIRST);
}

/* Printable bytes; 0 when there are control characters, as two texts laid over each other make. */
static uint32_t count_printable(const uint8_t *text, uint32_t size)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < size; i++) {
        uint8_t c = text[i];
        if ((c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
            return 0;
        count += c < 0x7f;
    }
    return count;
}

static bool json_brackets(uint8_t first, uint8_t last)
{
    return (first == '{' && last == '}') || (first == '[' && last == ']');
}

/* A whole text that is not compressed. False: it is none. */
static bool text_fits(const struct websocket_header *header, const uint8_t *payload, uint32_t *bits_io)
{
    uint8_t text[TEXT_LOOK];
    uint32_t size = (uint32_t)min_u64(header->length, TEXT_LOOK);
    bool whole = size == header->length;
    websocket_unmask(payload, size, header->mask, text);
    struct utf8_check check = {0};
    utf8_check_add(&check, text, size);
    if (check.invalid || (whole && !utf8_check_valid(&check)))
        return false;
    static const uint8_t plain[4] = {0};
    bool masked = memcmp(header->mask, plain, sizeof(plain)) != 0;
    uint8_t last = header->length ? payload[header->length - 1] ^ header->mask[(header->length - 1) & 3] : 0;
    if (masked)
        *bits_io += min_u32(count_printable(text, size), BITS_TEXT);
    else if (header->length > 1 && json_brackets(text[0], last))
        *bits_io += BITS_JSON;
    return true;
}

static bool close_fits(const struct websocket_header *header, const uint8_t *payload, uint32_t *bits_io)
{
    if (header->length < 2)
        return header->length == 0;
    uint32_t code = (uint32_t)(payload[0] ^ header->mask[0]) << 8 | (payload[1] ^ header->mask[1]);
    bool fits = (code >= 1000 && code <= 1014) || (code >= 3000 && code <= 4999);
    *bits_io += fits ? BITS_CLOSE : 0;
    return fits;
}

static bool payload_fits(const struct websocket_header *header, const uint8_t *payload, uint32_t *bits_io)
{
    if (header->opcode == WEBSOCKET_TEXT && header->final && !header->compressed)
        return text_fits(header, payload, bits_io);
    return header->opcode != WEBSOCKET_CLOSE || close_fits(header, payload, bits_io);
}

static enum place place_behind(const struct websocket_header *header, enum place place)
{
    if (websocket_is_control(header->opcode))
        return place;
    return header->final ? PLACE_BETWEEN : PLACE_INSIDE;
}

struct chain {
    enum websocket_sender sender;
    enum websocket_deflate deflate;
    enum place place;
    uint32_t at; /* of the next frame */
    uint32_t bits;
    uint32_t count;
    const uint8_t *frames[FRAMES_MAX]; /* those in front of it */
};

/*
 * Begins with the same bytes as a frame before it, or has its mask: what recurs is as likely a pattern in the data.
 * Clients have to take a new mask for each frame, and all known ones do (RFC 6455 5.3).
 */
static bool repeats(const struct chain *chain, const uint8_t *frame, const struct websocket_header *header,
                    uint32_t look)
{
    for (uint32_t i = 0; i < chain->count; i++) {
        if (memcmp(chain->frames[i], frame, look) == 0)
            return true;
        struct websocket_header other;
        (void)websocket_header_read(chain->frames[i], WEBSOCKET_HEADER_MAX, &other);
        if (header->masked && memcmp(header->mask, other.mask, sizeof(other.mask)) == 0)
            return true;
    }
    return false;
}

/* What is not there yet: worth waiting for, unless it never comes or lies too far away. */
static enum websocket_chain missing(uint64_t end, bool last)
{
    return last || end > WEBSOCKET_RESYNC_MAX ? WEBSOCKET_CHAIN_NO : WEBSOCKET_CHAIN_MORE;
}

/* The next frame of the chain. MORE also when it fits and is not enough; `*whole_out` tells that it was stepped over.
 */
static enum websocket_chain next_frame(struct chain *chain, const uint8_t *data, uint32_t size, bool last,
                                       bool *whole_out)
{
    const uint8_t *frame = data + chain->at;
    uint32_t left = size - chain->at;
    struct websocket_header header;
    if (left && !first_byte_fits(frame[0], chain->deflate))
        return WEBSOCKET_CHAIN_NO;
    uint32_t header_size = websocket_header_read(frame, left, &header);
    if (header_size > left)
        return missing((uint64_t)chain->at + header_size, last);
    if (!header_fits(&header, chain->sender, chain->deflate, chain->place))
        return WEBSOCKET_CHAIN_NO;
    uint32_t look = header_size + (uint32_t)min_u64(header.length, START_LOOK);
    if (look > left)
        return missing((uint64_t)chain->at + look, last);
    chain->bits += repeats(chain, frame, &header, look) ? 0 : header_bits(&header);
    if (chain->bits >= WEBSOCKET_CHAIN_BITS)
        return WEBSOCKET_CHAIN_YES;
    uint64_t end = chain->at + header_size + header.length;
    if (end > size)
        return missing(end, last);
    if (!payload_fits(&header, frame + header_size, &chain->bits))
        return WEBSOCKET_CHAIN_NO;
    chain->frames[chain->count++] = frame;
    chain->at = (uint32_t)end;
    chain->place = place_behind(&header, chain->place);
    *whole_out = true;
    return WEBSOCKET_CHAIN_MORE;
}

enum websocket_chain websocket_chain_check(enum websocket_sender sender, enum websocket_deflate deflate,
                                           const uint8_t *data, uint32_t size, bool last)
{
    struct chain chain = {.sender = sender, .deflate = deflate};
    for (uint32_t frame = 0; frame < FRAMES_MAX; frame++) {
        bool whole = false;
        enum websocket_chain answer = next_frame(&chain, data, size, last, &whole);
        if (!whole)
            return answer;
        bool ends = last && chain.at == size;
        chain.bits += ends ? BITS_ENDING : 0;
        if (chain.bits >= WEBSOCKET_CHAIN_BITS)
            return WEBSOCKET_CHAIN_YES;
        if (ends)
            return WEBSOCKET_CHAIN_NO;
    }
    return WEBSOCKET_CHAIN_NO;
}

enum websocket_chain websocket_chain_find_sender(const uint8_t *data, uint32_t size, enum websocket_sender *sender_out)
{
    if (size < 2)
        return WEBSOCKET_CHAIN_MORE;
    *sender_out = (data[1] & 0x80) ? WEBSOCKET_CLIENT : WEBSOCKET_SERVER;
    return websocket_chain_check(*sender_out, WEBSOCKET_DEFLATE_UNKNOWN, data, size, false);
}
