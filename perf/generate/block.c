/* SPDX-License-Identifier: Apache-2.0 */

/* Header blocks of HTTP/2: two compressors with the same history, the second one sees values with one bit changed. */

#include "generate/block.h"

#include <errno.h>
#include <stdlib.h>

#include <nghttp2/nghttp2.h>

#define TABLE_SIZE 4096u /* RFC 9113 6.5.2: what is in force when nobody says otherwise */
#define FIELD_MAX  1024u /* a name and a value, compressed or not */

/* In the order of their codes (RFC 7541 appendix B); the first six are hexadecimal. */
#define FIVE_BITS     "012aceiost"
#define FIVE_BITS_HEX "012ace"
#define FIRST         '0' /* 00000 */
#define FIRST_CHANGED 's' /* 01000 */
#define CHANGED_BIT   1u  /* of the code */

struct block_writer {
    nghttp2_hd_deflater *plain, *changed;
    uint64_t session;
};

int block_writer_new(struct block_writer **writer_out, uint64_t session)
{
    struct block_writer *writer = calloc(1, sizeof(*writer));
    if (!writer)
        return -ENOMEM;
    writer->session = session;
    if (nghttp2_hd_deflate_new(&writer->plain, TABLE_SIZE) || nghttp2_hd_deflate_new(&writer->changed, TABLE_SIZE)) {
        block_writer_free(writer);
        return -ENOMEM;
    }
    *writer_out = writer;
    return 0;
}

void block_writer_free(struct block_writer *writer)
{
    if (!writer)
        return;
    nghttp2_hd_deflate_del(writer->plain);
    nghttp2_hd_deflate_del(writer->changed);
    free(writer);
}

/* Characters that are others in each call, or the same for a session, as the script will be played. */
static void fresh_write(const struct block_writer *writer, const struct message_fresh *fresh, uint32_t call, char *out)
{
    const char *alphabet = fresh->base64 ? FIVE_BITS : FIVE_BITS_HEX;
    uint32_t of = fresh->fresh == TRAFFIC_FRESH_CALL ? call + 1 : 0;
    struct random random = {random_mix(writer->session << 32 | of) ^ fresh->stream};
    out[0] = FIRST;
    for (uint32_t i = 1; i < fresh->size; i++)
        out[i] = alphabet[random_below(&random, (uint32_t)strlen(alphabet))];
}

static uint32_t deflate(nghttp2_hd_deflater *deflater, char *name, char *value, size_t size, uint8_t out[FIELD_MAX])
{
    nghttp2_nv field = {(uint8_t *)name, (uint8_t *)value, strlen(name), size, NGHTTP2_NV_FLAG_NONE};
    ssize_t written = nghttp2_hd_deflate_hd(deflater, out, FIELD_MAX, &field, 1);
    return written < 0 ? 0 : (uint32_t)written;
}

/* Each bit in which the two differ is the changed one of a fresh part, in order; none: the table knew the value. */
static void patches_add(const struct message_header *header, const uint8_t *plain, const uint8_t *changed,
                        uint32_t size, uint32_t offset, uint8_t write, struct traffic_script *script)
{
    uint32_t part = 0;
    for (uint32_t bit = 0; bit < size * 8; bit++) {
        if (!((plain[bit / 8] ^ changed[bit / 8]) & 0x80 >> bit % 8))
            continue;
        require(part < header->fresh_count && script->patch_count < TRAFFIC_PATCHES_MAX);
        const struct message_fresh *fresh = &header->fresh[part++];
        uint32_t begin = bit - CHANGED_BIT;
        script->patches[script->patch_count++] = (struct traffic_patch){
            .offset = (uint16_t)(offset + begin / 8),
            .bit = begin % 8,
            .size = fresh->size,
            .write = write,
            .fresh = fresh->fresh,
            .stream = fresh->stream,
            .base64 = fresh->base64,
            .huffman = true,
        };
    }
    require(part == 0 || part == header->fresh_count);
}

int block_field_add(struct block_writer *writer, const struct message_header *header, uint32_t call,
                    struct traffic_script *script, uint8_t write, struct text *text)
{
    char name[FIELD_MAX], value[FIELD_MAX];
    uint8_t plain[FIELD_MAX], changed[FIELD_MAX];
    require(strlen(header->name) < sizeof(name) && header->value.size < sizeof(value));
    for (uint32_t i = 0; i <= strlen(header->name); i++)
        name[i] = (char)ascii_lower((uint8_t)header->name[i]);
    memcpy(value, header->value.data, header->value.size);
    for (uint32_t i = 0; i < header->fresh_count; i++)
        fresh_write(writer, &header->fresh[i], call, value + header->fresh[i].offset);
    uint32_t size = deflate(writer->plain, name, value, header->value.size, plain);
    for (uint32_t i = 0; i < header->fresh_count; i++)
        value[header->fresh[i].offset] = FIRST_CHANGED;
    if (size == 0 || deflate(writer->changed, name, value, header->value.size, changed) != size)
        return -EIO;
    patches_add(header, plain, changed, size, text->size, write, script);
    text_add_bytes(text, span_of(plain, size));
    return 0;
}
