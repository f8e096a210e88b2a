/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * HPACK
 *
 * Decodes the header blocks of one direction of an HTTP/2 connection, under the contract of base/parse.h: one field a
 * call. Source: RFC 7541.
 *
 * Loss:    blocks that were not seen may have inserted entries and changed the table's size. hpack_lose() forgets all
 *          entries. An index counts from the newest entry, so those inserted since then resolve exactly, whatever the
 *          size of the table has become: an entry that is too large for it empties it (4.4), and eviction takes the
 *          oldest, so no index that a correct encoder sends can mean another entry. Older ones are unknown, never
 *          guessed; so are those beyond the memory here.
 * Memory:  tables of HPACK_SMALL_SIZE are the caller's, one for each decoder; encoders that are allowed a larger table
 *          and take it get one of HPACK_LARGE_SIZE from a pool. `scratch` is shared by all decoders of a worker.
 *          Spans of a field are valid until the next call of any decoder with the same scratch.
 * Threads: one owner.
 * Limits:  below.
 */

#include "base/parse.h"
#include "base/pool.h"

#define HPACK_SMALL_SIZE  4096u  /* SETTINGS_HEADER_TABLE_SIZE unless the peer allows more (RFC 9113 6.5.2) */
#define HPACK_LARGE_SIZE  65536u /* the most that common browsers allow; of a larger table the newest part is kept */
#define HPACK_ENTRY_EXTRA 32u    /* counted for each entry (RFC 7541 4.1), so it bounds the number of entries */
#define HPACK_FIELD_MAX   16384u /* encoded bytes of one field; common servers refuse a head over 8-16 KB */
#define HPACK_DECODED_MAX (HPACK_FIELD_MAX * 8 / 5) /* the shortest code has 5 bits */
#define HPACK_SCRATCH_SIZE                                                                                             \
    (2 * HPACK_DECODED_MAX + 64u) /* the strings of a field, and a name that is being evicted                          \
                                   */

struct hpack_entry {
    uint32_t position; /* of its bytes, counted from the beginning of the connection */
    uint16_t name_size;
    uint16_t value_size;
    uint8_t known; /* set of HPACK_KNOWN_* */
};

enum hpack_known { HPACK_KNOWN_NAME = 1u << 0, HPACK_KNOWN_VALUE = 1u << 1 };

#define HPACK_TABLE_SLACK(size) ((size) / 4) /* room at the end, so that bytes are moved together rarely */

struct hpack_small {
    struct hpack_entry entries[HPACK_SMALL_SIZE / HPACK_ENTRY_EXTRA];
    uint8_t bytes[HPACK_SMALL_SIZE + HPACK_TABLE_SLACK(HPACK_SMALL_SIZE)];
};

struct hpack_large {
    struct hpack_entry entries[HPACK_LARGE_SIZE / HPACK_ENTRY_EXTRA];
    uint8_t bytes[HPACK_LARGE_SIZE + HPACK_TABLE_SLACK(HPACK_LARGE_SIZE)];
};

struct hpack_memory {
    uint8_t *scratch;   /* HPACK_SCRATCH_SIZE bytes */
    struct pool *large; /* of struct hpack_large; NULL: none */
};

struct hpack_field {
    struct span name;
    struct span value;
    bool name_known, value_known;
    bool never_indexed; /* the sender holds it for sensitive (RFC 7541 6.2.3) */
};

/* Members are private but `size_updates` and `size_max`. */
struct hpack {
    const struct hpack_memory *memory;
    struct hpack_entry *entries;
    uint8_t *bytes;
    struct hpack_large *large; /* NULL while the small table serves */
    struct hpack_small *small;
    uint32_t entries_max; /* a power of two */
    uint32_t bytes_max;
    uint32_t newest; /* number of insertions, the place of the next one */
    uint32_t count;  /* entries that are there */
    uint32_t begin;  /* position of the oldest byte */
    uint32_t end;    /* position behind the newest byte */
    uint32_t base;   /* position of bytes[0] */
    uint32_t size;   /* of the entries that are there, as RFC 7541 4.1 counts */
    uint32_t size_max;
    uint32_t needed;  /* bytes of the field at hand, as far as its lengths are known */
    uint32_t skip;    /* bytes of a field over HPACK_FIELD_MAX still to come */
    bool exact;       /* every entry of the encoder's table is here */
    bool size_known;  /* size_max is the encoder's */
    bool fields_seen; /* of this block: a size update may only come before them */
    uint32_t size_updates;
};

/* `small` need not be cleared. */
void hpack_init(struct hpack *decoder, struct hpack_small *small, const struct hpack_memory *memory);

/* Gives a large table back to its pool. */
void hpack_release(struct hpack *decoder);

/* Blocks were lost, or cannot be decoded: nothing of the table is known from here on. */
void hpack_lose(struct hpack *decoder);

/* A new block begins. */
void hpack_block(struct hpack *decoder);

/*
 * `input.last` says that the block ends behind these bytes. MORE with everything consumed: the block goes on with the
 * next bytes, or is complete. STOP: not HPACK (an index that does not exist, a code that is none, a string longer than
 * the block): a receiver closes the connection with COMPRESSION_ERROR; hpack_lose() has been done. A field over
 * HPACK_FIELD_MAX comes with what is unknown of it marked so.
 */
struct parse_step hpack_parse(struct hpack *decoder, const struct parse_input *input, struct hpack_field *field_out);

/*
 * Huffman code of RFC 7541 5.2. Returns the decoded size, or -1 when it is none: EOS inside, padding of 8 bits or more
 * or of zeros. `out` has room for size * 8 / 5 bytes, and for 8 more.
 */
int64_t hpack_huffman_decode(struct span coded, uint8_t *out);
