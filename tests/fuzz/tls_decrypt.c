/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Decryption with any facts, secrets, records and losses in any order: an answer is one of three, a plaintext never
 * longer than its record, nothing is called protected that no key opened, and nothing is read beyond a record.
 * The input is a series of commands, a byte and what it takes.
 */

#include <stdlib.h>

#include "tls/decrypt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reader {
    const uint8_t *data;
    size_t left;
};

/* Made once: making them takes longer than an input. */
static struct arena *arena;
static struct tls_key_store *store;
static struct tls_decrypt_engine *engine;

static void check(bool good)
{
    if (!good)
        abort();
}

static uint32_t number(struct reader *reader, uint32_t bytes)
{
    uint32_t value = 0;
    for (; bytes && reader->left; bytes--, reader->left--)
        value = value << 8 | *reader->data++;
    return value;
}

static void learn(struct reader *reader, struct tls_decrypter *decrypter)
{
    static const uint16_t versions[] = {0, 0x0300, 0x0301, 0x0302, 0x0303, 0x0304, 0x0305, 0x0002};
    struct tls_decrypt_facts facts = {0};
    uint32_t flags = number(reader, 1);
    facts.version = versions[number(reader, 1) % ARRAY_COUNT(versions)];
    facts.suite = (uint16_t)number(reader, 2);
    facts.client_random_known = flags & 1;
    facts.server_random_known = flags & 2;
    facts.extended_master_secret = flags & 4;
    facts.encrypt_then_mac = flags & 8;
    facts.early_data = flags & 16;
    facts.compression = (flags & 32) != 0;
    facts.encrypted_client_hello = flags & 64;
    facts.session_id_size = (uint8_t)(number(reader, 1) % (TLS_SESSION_ID_MAX + 1));
    tls_decrypt_learn(decrypter, &facts);
}

static void put(struct reader *reader)
{
    struct tls_keylog_item item = {.kind = (enum tls_secret_kind)(number(reader, 1) % TLS_SECRET_KIND_COUNT)};
    uint32_t how = number(reader, 1);
    item.by = (enum tls_key_by)(how % 3);
    item.generation = how >> 6;
    item.id_size = item.by == TLS_KEY_BY_PREMASTER_PREFIX ? TLS_PREMASTER_PREFIX_SIZE : TLS_RANDOM_SIZE;
    bool before = item.kind == TLS_SECRET_MASTER || item.kind == TLS_SECRET_PREMASTER;
    item.secret_size = before || how & 16 ? 48 : 32;
    tls_key_store_put(store, &item, how);
}

static void record(struct reader *reader, struct tls_decrypter *decrypter)
{
    uint32_t head = number(reader, 1);
    uint32_t size = number(reader, 1) % 128;
    struct tls_decrypt_input input = {.type = (uint8_t)(20 + head % 5), .version = 0x0303};
    size = size < reader->left ? size : (uint32_t)reader->left;
    uint8_t *copy = malloc(size + 1);
    check(copy != NULL);
    memcpy(copy, reader->data, size);
    input.fragment = span_of(copy, size);
    reader->data += size;
    reader->left -= size;
    struct tls_plain plain;
    enum tls_decrypt_status status =
        tls_decrypt_record(engine, decrypter, head & 128 ? TLS_FROM_SERVER : TLS_FROM_CLIENT, &input, &plain);
    if (status == TLS_DECRYPT_PLAIN)
        check(plain.data.size <= size && plain.cause == TLS_DECRYPT_CAUSE_NONE &&
              (plain.protection || plain.data.data == copy));
    else
        check(plain.data.size == 0 && plain.cause != TLS_DECRYPT_CAUSE_NONE && plain.cause < TLS_DECRYPT_CAUSE_COUNT);
    free(copy);
}

static void command(struct reader *reader, struct tls_decrypter *decrypter)
{
    uint8_t prefix[TLS_PREMASTER_PREFIX_SIZE] = {0};
    switch (number(reader, 1) % 8) {
    case 0:
        learn(reader, decrypter);
        break;
    case 1:
        put(reader);
        break;
    case 2:
        tls_decrypt_lost(decrypter, reader->left & 1 ? TLS_FROM_SERVER : TLS_FROM_CLIENT, number(reader, 2));
        break;
    case 3:
        tls_decrypt_give_up(decrypter, TLS_DECRYPT_CAUSE_NO_KEY);
        break;
    case 4:
        tls_decrypt_key_exchange(engine, decrypter, span_of(prefix, sizeof(prefix)), (struct span){0});
        break;
    case 5:
        tls_key_store_expire(store, number(reader, 1));
        break;
    default:
        record(reader, decrypter);
    }
}

static void clean_up(void)
{
    tls_decrypt_engine_free(engine);
    tls_key_store_free(store);
    arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    if (!engine) {
        struct tls_key_store_options keys = {.entries = 16, .expire_ns = 64};
        arena = arena_new(1u << 20);
        check(arena && tls_key_store_new(&store, &keys, &diagnostics) == 0);
        struct tls_decrypt_options options = {.store = store, .connections = 1, .contexts = 2};
        check(tls_decrypt_engine_new(&engine, arena, &options, &diagnostics) == 0 && atexit(clean_up) == 0);
    }
    diagnostics_deinit(&diagnostics);
    struct tls_decrypter *decrypter = tls_decrypt_begin(engine);
    check(decrypter != NULL);
    struct reader reader = {data, size};
    while (reader.left)
        command(&reader, decrypter);
    tls_decrypt_end(engine, decrypter);
    tls_key_store_expire(store, UINT64_MAX);
    return 0;
}
