/* SPDX-License-Identifier: Apache-2.0 */

/*
 * TLS handshake messages: a message that lies whole in one part of a record is read there; only one that is cut, by the
 * end of a record or of a segment, is put together in the buffer of its direction.
 */

#include "tls/handshake.h"

#include "tls/cursor.h"

#define TLS13 0x0304u
/* A message longer than this is none: what we take for its header is in the middle of something else. */
#define MESSAGE_SIZE_BELIEVED (1u << 20)

static void damage(struct tls_handshake *handshake, struct tls_message_reader *reader)
{
    /* Before the hello of the server the version is not known; in TLS 1.3 its first flight is hidden anyway. */
    if (handshake->facts.completed != TLS_YES)
        handshake->facts.seen |= TLS_SEEN_DAMAGED;
    reader->damaged = true;
    reader->trying = false;
    reader->left.size = 0;
    reader->size = 0;
    reader->seen = 0;
}

static void message_end(struct tls_message_reader *reader)
{
    reader->size = 0;
    reader->seen = 0;
}

static void message_fill(const struct tls_message_reader *reader, struct span raw, struct tls_message *message_out)
{
    *message_out = (struct tls_message){
        .type = reader->header[0],
        .decrypted = reader->decrypted,
        .truncated = raw.size < reader->size,
        .size = reader->size - TLS_MESSAGE_HEADER_SIZE,
        .body = span_from(raw, TLS_MESSAGE_HEADER_SIZE),
        .raw = raw,
    };
}

/* Takes bytes of the header. True when it is whole and can be one. */
static bool header_read(struct tls_handshake *handshake, struct tls_message_reader *reader)
{
    while (reader->seen < TLS_MESSAGE_HEADER_SIZE && reader->left.size) {
        reader->header[reader->seen++] = reader->left.data[0];
        reader->left = span_from(reader->left, 1);
    }
    if (reader->seen < TLS_MESSAGE_HEADER_SIZE)
        return false;
    const uint8_t *header = reader->header;
    reader->size = TLS_MESSAGE_HEADER_SIZE + ((uint32_t)header[1] << 16 | (uint32_t)header[2] << 8 | header[3]);
    if (reader->size <= MESSAGE_SIZE_BELIEVED)
        return true;
    handshake->facts.seen |= TLS_SEEN_MALFORMED;
    damage(handshake, reader);
    return false;
}

/* Bytes of a message that is cut go into the buffer, as far as it reaches. */
static void message_keep(struct tls_message_reader *reader, uint32_t take)
{
    if (reader->buffer && reader->seen == TLS_MESSAGE_HEADER_SIZE)
        memcpy(reader->buffer, reader->header, TLS_MESSAGE_HEADER_SIZE);
    uint32_t room = reader->seen < TLS_MESSAGE_SIZE_MAX ? TLS_MESSAGE_SIZE_MAX - reader->seen : 0;
    if (reader->buffer && room)
        memcpy(reader->buffer + reader->seen, reader->left.data, min_u32(take, room));
    reader->seen += take;
    reader->left = span_from(reader->left, take);
}

/* The whole message lies in the part, its header included. */
static bool message_in_place(struct tls_message_reader *reader, struct tls_message *message_out)
{
    const struct span *left = &reader->left;
    if (reader->seen || left->size < TLS_MESSAGE_HEADER_SIZE)
        return false;
    struct tls_cursor cursor = tls_cursor_of(span_from(*left, 1));
    uint32_t size = TLS_MESSAGE_HEADER_SIZE + tls_cursor_number(&cursor, 3);
    if (size > left->size)
        return false;
    memcpy(reader->header, left->data, TLS_MESSAGE_HEADER_SIZE);
    reader->size = size;
    message_fill(reader, span_first(*left, size), message_out);
    reader->left = span_from(*left, size);
    message_end(reader);
    return true;
}

/*
 * Behind a hole what looks like a message may be the middle of one, or encrypted: it counts when it lies whole in its
 * record and is not the empty one that zeros would be. `left` bytes of its record are still to come.
 */
static bool message_believed(struct tls_message_reader *reader, uint32_t size, uint32_t left)
{
    if (!reader->damaged)
        return true;
    reader->damaged = size <= TLS_MESSAGE_HEADER_SIZE || size - TLS_MESSAGE_HEADER_SIZE > left;
    if (!reader->damaged)
        return true;
    reader->trying = false;
    reader->left.size = 0;
    message_end(reader);
    return false;
}

static bool message_read(struct tls_handshake *handshake, struct tls_message_reader *reader,
                         struct tls_message *message_out)
{
    if (message_in_place(reader, message_out))
        return message_believed(reader, message_out->raw.size, message_out->size);
    if (reader->size == 0) {
        if (!header_read(handshake, reader))
            return false;
        uint32_t left = reader->part.size - reader->part.offset - (reader->part.data.size - reader->left.size);
        if (!message_believed(reader, reader->size, left))
            return false;
    }
    message_keep(reader, min_u32(reader->size - reader->seen, reader->left.size));
    if (reader->seen < reader->size)
        return false;
    bool kept = reader->buffer != NULL;
    uint32_t size = min_u32(reader->size, TLS_MESSAGE_SIZE_MAX);
    struct span raw = kept ? span_of(reader->buffer, size) : span_of(reader->header, TLS_MESSAGE_HEADER_SIZE);
    message_fill(reader, raw, message_out);
    message_end(reader);
    return true;
}

/* An SSL 2.0 hello has no header of four bytes: the record is the message, its first byte the type. */
static bool sslv2_read(struct tls_handshake *handshake, struct tls_message_reader *reader,
                       const struct tls_record_part *part, struct tls_message *message_out)
{
    if (part->size > TLS_MESSAGE_SIZE_MAX || !reader->buffer) {
        damage(handshake, reader);
        return false;
    }
    memcpy(reader->buffer + part->offset, part->data.data, part->data.size);
    if (!part->last)
        return false;
    struct span raw = span_of(reader->buffer, part->size);
    *message_out = (struct tls_message){
        .type = TLS_CLIENT_HELLO, .sslv2 = true, .size = raw.size - 1, .body = span_from(raw, 1), .raw = raw};
    return true;
}

/* Two bytes, which may come one by one. Only in the clear: an encrypted one is longer. */
static void alert_read(struct tls_handshake *handshake, uint32_t direction, const struct tls_record_part *part)
{
    struct tls_message_reader *reader = &handshake->readers[direction];
    if (part->size != 2)
        return;
    for (uint32_t i = 0; i < part->data.size; i++) {
        if (part->offset + i == 0)
            reader->alert_level = part->data.data[i];
        else if (reader->alert_level == 1 || reader->alert_level == 2)
            tls_facts_alert(&handshake->facts, direction, reader->alert_level, part->data.data[i]);
    }
}

/* In TLS 1.3 a change of cipher is only for show, and the client may send it before the server's hello says so. */
static void cipher_changed(struct tls_handshake *handshake, uint32_t direction)
{
    handshake->readers[direction].encrypted = true;
    tls_facts_cipher_change(&handshake->facts, direction);
}

static bool part_is_encrypted(const struct tls_handshake *handshake, uint32_t direction,
                              const struct tls_record_part *part)
{
    if (part->content == TLS_APPLICATION_DATA)
        return true;
    return handshake->readers[direction].encrypted && handshake->facts.version < TLS13;
}

static void messages_offer(struct tls_message_reader *reader, const struct tls_record_part *part)
{
    if (reader->damaged && part->first) {
        reader->trying = true;
        message_end(reader);
    }
    if (!reader->damaged || reader->trying)
        reader->left = part->data;
    reader->part = *part;
}

void tls_handshake_init(struct tls_handshake *handshake, bool midstream)
{
    memset(handshake, 0, sizeof(*handshake));
    if (midstream)
        handshake->facts.seen = TLS_SEEN_MIDSTREAM;
    handshake->readers[0].damaged = midstream;
    handshake->readers[1].damaged = midstream;
}

void tls_handshake_part(struct tls_handshake *handshake, uint32_t direction, const struct tls_record_part *part)
{
    struct tls_message_reader *reader = &handshake->readers[direction];
    reader->left.size = 0;
    reader->decrypted = false;
    if (part->after_loss)
        damage(handshake, reader);
    if (part_is_encrypted(handshake, direction, part)) {
        if (part->last)
            tls_facts_encrypted(&handshake->facts, direction, part->content, part->size);
        return;
    }
    if (part->lost) {
        damage(handshake, reader);
        return;
    }
    if (part->content == TLS_CHANGE_CIPHER_SPEC)
        cipher_changed(handshake, direction);
    if (part->content == TLS_ALERT)
        alert_read(handshake, direction, part);
    if (part->content != TLS_HANDSHAKE)
        return;
    /* Behind a hole only a record can begin a message again. */
    messages_offer(reader, part);
}

void tls_handshake_plaintext(struct tls_handshake *handshake, uint32_t direction, uint8_t content, struct span data)
{
    struct tls_message_reader *reader = &handshake->readers[direction];
    reader->left.size = 0;
    reader->decrypted = true;
    if (content == TLS_HANDSHAKE)
        messages_offer(reader, &(struct tls_record_part){
                                   .content = content, .first = true, .last = true, .size = data.size, .data = data});
    if (content == TLS_ALERT && data.size == 2)
        tls_facts_alert(&handshake->facts, direction, data.data[0], data.data[1]);
}

bool tls_handshake_next(struct tls_handshake *handshake, uint32_t direction, struct tls_message *message_out)
{
    struct tls_message_reader *reader = &handshake->readers[direction];
    if (reader->left.size == 0)
        return false;
    bool found;
    if (reader->part.sslv2) {
        found = sslv2_read(handshake, reader, &reader->part, message_out);
        reader->left.size = 0;
    } else {
        found = message_read(handshake, reader, message_out);
    }
    if (found)
        tls_facts_message(&handshake->facts, direction, message_out);
    return found;
}

void tls_handshake_lost(struct tls_handshake *handshake, uint32_t direction)
{
    damage(handshake, &handshake->readers[direction]);
}

bool tls_handshake_idle(const struct tls_handshake *handshake)
{
    return handshake->readers[0].seen == 0 && handshake->readers[1].seen == 0;
}
