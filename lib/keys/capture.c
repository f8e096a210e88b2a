/* SPDX-License-Identifier: Apache-2.0 */

/* Walks the blocks of a pcapng file for decryption secrets. */

#include "keys/capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BLOCK_SECTION   0x0a0d0d0au
#define BLOCK_SECRETS   0x0000000au
#define SECRETS_TLS     0x544c534bu /* "TLSK" */
#define MAGIC           0x1a2b3c4du
#define MAGIC_SWAPPED   0x4d3c2b1au
#define HEAD_BYTES      12u /* type, length, and the first word behind them */
#define BLOCK_BYTES_MIN 12u

struct walk {
    FILE *file;
    struct tls_key_store *store; /* NULL: only whether there are any is asked */
    bool found;
    struct key_stream *stream;
    uint64_t now_ns;
    struct key_counts *counts;
    bool swapped;
};

static uint32_t word(const struct walk *walk, const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return walk->swapped ? __builtin_bswap32(value) : value;
}

/* Reads `size` bytes of key log text; false at the end of the file. */
static bool secrets_read(struct walk *walk, uint32_t size)
{
    key_stream_restart(walk->stream);
    while (size) {
        uint32_t room;
        uint8_t *at = key_stream_room(walk->stream, &room);
        uint32_t wanted = min_u32(room, size);
        if (fread(at, 1, wanted, walk->file) != wanted)
            return false;
        size -= wanted;
        key_stream_take(walk->stream, walk->store, wanted, size == 0, walk->now_ns, walk->counts);
    }
    return true;
}

/* Type and length of secrets, padded text, length again. */
static bool block_secrets(struct walk *walk, uint32_t kind, uint32_t body)
{
    uint8_t length[4];
    if (body < sizeof(length) || fread(length, 1, sizeof(length), walk->file) != sizeof(length))
        return false;
    uint32_t size = word(walk, length);
    body -= (uint32_t)sizeof(length);
    if (size > body)
        return false;
    walk->found = walk->found || kind == SECRETS_TLS;
    if (!walk->store)
        return !walk->found && fseek(walk->file, (long)body, SEEK_CUR) == 0;
    if (kind == SECRETS_TLS && !secrets_read(walk, size))
        return false;
    return fseek(walk->file, (long)(kind == SECRETS_TLS ? body - size : body), SEEK_CUR) == 0;
}

/* One block; false: the end, or no pcapng any more. */
static bool block_next(struct walk *walk)
{
    uint8_t head[HEAD_BYTES];
    if (fread(head, 1, sizeof(head), walk->file) != sizeof(head))
        return false;
    if (word(walk, head) == BLOCK_SECTION) { /* the same in both byte orders */
        uint32_t magic = word(walk, head + 8);
        if (magic == MAGIC_SWAPPED)
            walk->swapped = !walk->swapped;
        else if (magic != MAGIC)
            return false;
    }
    uint32_t length = word(walk, head + 4);
    if (length < BLOCK_BYTES_MIN + 4 || length % 4)
        return length == BLOCK_BYTES_MIN; /* an empty block: its second length was read as its first word */
    uint32_t body = length - HEAD_BYTES;  /* with the length at its end */
    if (word(walk, head) == BLOCK_SECRETS)
        return block_secrets(walk, word(walk, head + 8), body);
    return fseek(walk->file, (long)body, SEEK_CUR) == 0;
}

/* A regular file that begins as pcapng does; of a pipe the packets could not be read any more. */
static FILE *open_pcapng(const char *path)
{
    uint32_t head;
    struct stat status;
    FILE *file = fopen(path, "rbe");
    if (!file)
        return NULL;
    if (fstat(fileno(file), &status) != 0 || !S_ISREG(status.st_mode) || fread(&head, 1, sizeof(head), file) != 4 ||
        head != BLOCK_SECTION) {
        fclose(file);
        return NULL;
    }
    rewind(file);
    return file;
}

static void walk_blocks(struct walk *walk)
{
    while (block_next(walk)) {
        /* Each call moves on by at least one block of the file. */
    }
}

bool key_capture_has_secrets(const char *path)
{
    struct walk walk = {.file = open_pcapng(path)};
    if (!walk.file)
        return false;
    walk_blocks(&walk);
    fclose(walk.file);
    return walk.found;
}

int key_capture_read(const char *path, struct tls_key_store *store, uint64_t now_ns, struct key_counts *counts_io)
{
    struct walk walk = {.store = store, .now_ns = now_ns, .counts = counts_io, .file = open_pcapng(path)};
    if (!walk.file)
        return 0;
    walk.stream = calloc(1, sizeof(*walk.stream));
    int result = walk.stream ? 0 : -ENOMEM;
    if (walk.stream) {
        walk_blocks(&walk);
        key_stream_deinit(walk.stream);
        free(walk.stream);
    }
    fclose(walk.file);
    return result;
}
