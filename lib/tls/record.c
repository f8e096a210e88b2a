/* SPDX-License-Identifier: Apache-2.0 */

/*
 * TLS record layer: in step with the stream it is five bytes of header and a count; only behind a loss it has to
 * search.
 *
 * The search looks at every byte once and never goes back, so nothing has to be kept: each place that looks like a
 * header starts a chain, of which only the place of the next header is remembered. A chain whose next header is there
 * is the one. Ciphertext looks like a header once in two million bytes, and like two of them in the right distance
 * practically never. Right behind a hole one header is enough: peers write whole records, so segments often begin with
 * one.
 */

#include "tls/record.h"

#define TLS_SSLV2_HEADER_SIZE 2u
#define TLS_SSLV2_HELLO_MAX   4096u /* suites of three bytes, session id and challenge: real ones have 40 to 400 */
#define TLS_SSLV2_HELLO_MIN   9u    /* type, version and three sizes */
#define HIDDEN_CHANGE_MIN     17u   /* RC4 with MD5 */
#define HIDDEN_CHANGE_MAX     320u  /* IV, MAC and padding of a CBC suite: 16 + 48 + 256 */

static uint32_t body_size_of(const uint8_t header[TLS_RECORD_HEADER_SIZE])
{
    return (uint32_t)header[3] << 8 | header[4];
}

static bool header_is_plausible(const uint8_t header[TLS_RECORD_HEADER_SIZE])
{
    uint32_t size = body_size_of(header);
    if (header[0] < TLS_CHANGE_CIPHER_SPEC || header[0] > TLS_HEARTBEAT || header[1] != 3 || header[2] > 4)
        return false;
    /* Only application data may be empty (RFC 8446 5.1, RFC 5246 6.2.1). */
    if (size > TLS_RECORD_BODY_MAX || (size == 0 && header[0] != TLS_APPLICATION_DATA))
        return false;
    /* One byte in any version; in a renegotiation it is encrypted. */
    return header[0] != TLS_CHANGE_CIPHER_SPEC || size == 1 || (size >= HIDDEN_CHANGE_MIN && size <= HIDDEN_CHANGE_MAX);
}

/* The first two bytes of an SSL 2.0 record: a length with the high bit set; the third is the type CLIENT-HELLO. */
static bool header_is_sslv2(const uint8_t *header)
{
    uint32_t size = (uint32_t)(header[0] & 0x7f) << 8 | header[1];
    return (header[0] & 0x80) != 0 && header[2] == 1 && size >= TLS_SSLV2_HELLO_MIN && size <= TLS_SSLV2_HELLO_MAX &&
           (header[3] == 3 || (header[3] == 0 && header[4] == 2));
}

static void search_begin(struct tls_record_reader *reader, bool at_hole_end)
{
    reader->searching = true;
    reader->after_loss = true;
    reader->at_hole_end = at_hole_end;
    reader->header_size = 0;
    reader->chain_count = 0;
    reader->in_body = false;
}

static void body_begin(struct tls_record_reader *reader)
{
    reader->content = reader->header[0];
    reader->version = (uint16_t)(reader->header[1] << 8 | reader->header[2]);
    reader->body_size = body_size_of(reader->header);
    reader->body_used = 0;
    reader->header_size = 0;
    reader->in_body = true;
    reader->searching = false;
    reader->sslv2 = false;
    reader->records++;
}

/* The body begins inside what was read as a header: its first bytes are in there. */
static void body_begin_sslv2(struct tls_record_reader *reader)
{
    reader->content = TLS_HANDSHAKE;
    reader->version = 2;
    reader->body_size = (uint32_t)(reader->header[0] & 0x7f) << 8 | reader->header[1];
    reader->body_used = 0;
    reader->in_body = true;
    reader->sslv2 = true;
    reader->records++;
}

/* Takes bytes of the header; true when it is whole. */
static bool header_read(struct tls_record_reader *reader, const struct parse_input *input, uint32_t *at)
{
    while (*at < input->size && reader->header_size < TLS_RECORD_HEADER_SIZE)
        reader->header[reader->header_size++] = input->data[(*at)++];
    return reader->header_size == TLS_RECORD_HEADER_SIZE;
}

static void header_judge(struct tls_record_reader *reader)
{
    if (header_is_plausible(reader->header)) {
        body_begin(reader);
    } else if (reader->records == 0 && reader->skipped == 0 && header_is_sslv2(reader->header)) {
        body_begin_sslv2(reader);
    } else {
        /* These five bytes are searched too: they are the window that the search goes on with. */
        search_begin(reader, false);
        reader->header_size = TLS_RECORD_HEADER_SIZE;
        reader->skipped += TLS_RECORD_HEADER_SIZE;
    }
}

/* A header ends at this position; is it the next one of a chain? Otherwise it begins one. */
static bool chain_follow(struct tls_record_reader *reader, uint64_t begin)
{
    for (uint32_t i = 0; i < reader->chain_count; i++)
        if (reader->chains[i] == begin)
            return true;
    uint64_t next = begin + TLS_RECORD_HEADER_SIZE + body_size_of(reader->header);
    if (reader->chain_count < TLS_RECORD_CHAINS_MAX) {
        reader->chains[reader->chain_count++] = next;
        return false;
    }
    /* Full: the one that should have gone on longest ago is the least likely. */
    uint32_t oldest = 0;
    for (uint32_t i = 1; i < TLS_RECORD_CHAINS_MAX; i++)
        if (reader->chains[i] < reader->chains[oldest])
            oldest = i;
    reader->chains[oldest] = next;
    return false;
}

/* Moves a window of five bytes through the input. True: it is a header, *at is behind it. */
static bool search(struct tls_record_reader *reader, const struct parse_input *input, uint32_t *at)
{
    while (*at < input->size) {
        if (reader->header_size == TLS_RECORD_HEADER_SIZE) {
            memmove(reader->header, reader->header + 1, TLS_RECORD_HEADER_SIZE - 1);
            reader->header_size--;
            reader->at_hole_end = false;
        }
        reader->header[reader->header_size++] = input->data[(*at)++];
        reader->skipped++;
        if (reader->header_size < TLS_RECORD_HEADER_SIZE || !header_is_plausible(reader->header))
            continue;
        uint64_t begin = reader->position + *at - TLS_RECORD_HEADER_SIZE;
        if (reader->at_hole_end || chain_follow(reader, begin)) {
            reader->skipped -= TLS_RECORD_HEADER_SIZE;
            return true;
        }
    }
    return false;
}

static void part_fill(struct tls_record_reader *reader, uint32_t size, struct tls_record_part *part_out)
{
    *part_out = (struct tls_record_part){
        .content = reader->content,
        .first = reader->body_used == 0,
        .last = reader->body_used + size == reader->body_size,
        .after_loss = reader->after_loss && reader->body_used == 0,
        .sslv2 = reader->sslv2,
        .version = reader->version,
        .size = reader->body_size,
        .offset = reader->body_used,
    };
    if (part_out->first)
        reader->after_loss = false;
    reader->body_used += size;
    reader->in_body = !part_out->last;
}

static struct parse_step hole(struct tls_record_reader *reader, uint32_t lost, struct tls_record_part *part_out)
{
    uint32_t left = reader->in_body ? reader->body_size - reader->body_used : 0;
    if (left && lost <= left && !reader->sslv2) {
        part_fill(reader, lost, part_out);
        part_out->lost = lost;
        reader->position += lost;
        return parse_step_of(PARSE_ITEM, lost, 0);
    }
    if (reader->in_body && left) {
        /* What is left of this record is among what is lost; its end is told, then the search begins. */
        part_fill(reader, left, part_out);
        part_out->lost = left;
        reader->sslv2 = false;
        uint32_t consumed = min_u32(left, lost);
        reader->position += consumed;
        if (consumed == lost)
            search_begin(reader, true);
        return parse_step_of(PARSE_ITEM, consumed, 0);
    }
    if (!reader->searching)
        reader->skipped += reader->header_size;
    search_begin(reader, true);
    reader->position += lost;
    reader->skipped += lost;
    return parse_step_of(PARSE_MORE, lost, 0);
}

/* Bytes of an SSL 2.0 hello that were read as a header come first, as a part of their own. */
static struct parse_step sslv2_front(struct tls_record_reader *reader, uint32_t consumed,
                                     struct tls_record_part *part_out)
{
    uint32_t size = TLS_RECORD_HEADER_SIZE - TLS_SSLV2_HEADER_SIZE;
    part_fill(reader, size, part_out);
    part_out->data = span_of(reader->header + TLS_SSLV2_HEADER_SIZE, size);
    reader->header_size = 0;
    return parse_step_of(PARSE_ITEM, consumed, 0);
}

void tls_record_init_midstream(struct tls_record_reader *reader)
{
    memset(reader, 0, sizeof(*reader));
    search_begin(reader, true);
}

struct parse_step tls_record_parse(struct tls_record_reader *reader, const struct parse_input *input,
                                   struct tls_record_part *part_out)
{
    if (!input->data)
        return input->lost ? hole(reader, input->lost, part_out) : parse_step_of(PARSE_MORE, 0, 1);
    uint32_t at = 0;
    if (!reader->in_body) {
        if (!reader->searching && header_read(reader, input, &at))
            header_judge(reader);
        if (reader->searching && search(reader, input, &at))
            body_begin(reader);
    }
    bool front = reader->in_body && reader->sslv2 && reader->body_used == 0;
    uint32_t size = reader->in_body && !front ? min_u32(reader->body_size - reader->body_used, input->size - at) : 0;
    reader->position += at + size;
    if (front)
        return sslv2_front(reader, at, part_out);
    if (!reader->in_body || (size == 0 && reader->body_size != 0))
        return parse_step_of(PARSE_MORE, at, 1);
    part_fill(reader, size, part_out);
    part_out->data = span_of(input->data + at, size);
    return parse_step_of(PARSE_ITEM, at + size, 0);
}
