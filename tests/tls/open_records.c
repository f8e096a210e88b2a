/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Opens the records of one connection: `open_records KEYLOG < SEGMENTS`, where each line of SEGMENTS is "C hex" (to the
 * server) or "S hex" (from it). Writes a line for each record that was protected: direction, content type, plaintext;
 * or direction, "closed" and the cause.
 */

#include <stdio.h>

#include "tls_stream.h"

#define LINE_MAX_BYTES (1u << 20)

static void tell(struct tls_stream *stream, enum tls_direction direction, const struct tls_decrypt_input *input,
                 enum tls_decrypt_status status, const struct tls_plain *plain)
{
    (void)stream;
    (void)input;
    char from = direction == TLS_FROM_CLIENT ? 'C' : 'S';
    if (status == TLS_DECRYPT_FAIL)
        printf("%c closed %s\n", from, tls_decrypt_cause_name(plain->cause));
    if (status != TLS_DECRYPT_PLAIN || !plain->protection)
        return;
    printf("%c %u ", from, plain->type);
    for (uint32_t i = 0; i < plain->data.size; i++)
        printf("%02x", plain->data.data[i]);
    putchar('\n');
}

static void keys_read(struct tls_key_store *store, const char *path)
{
    FILE *file = fopen(path, "rb");
    require(file != NULL);
    uint8_t *text = malloc(LINE_MAX_BYTES);
    require(text != NULL);
    struct parse_input input = {.data = text, .size = (uint32_t)fread(text, 1, LINE_MAX_BYTES, file), .last = true};
    struct tls_keylog parser = {0};
    struct tls_keylog_item item;
    for (;;) {
        struct parse_step step = tls_keylog_parse(&parser, &input, &item);
        if (step.status != PARSE_ITEM)
            break;
        tls_key_store_put(store, &item, 1);
        input.data += step.consumed;
        input.size -= step.consumed;
    }
    free(text);
    fclose(file);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct tls_key_store *store;
    struct arena *arena = arena_new(1u << 20);
    require(arena && tls_key_store_new(&store, &(struct tls_key_store_options){.entries = 1024}, &diagnostics) == 0);
    keys_read(store, argv[1]);
    struct tls_stream *stream = calloc(1, sizeof(*stream));
    char *line = malloc(LINE_MAX_BYTES);
    uint8_t *bytes = malloc(LINE_MAX_BYTES);
    require(stream && line && bytes);
    struct tls_decrypt_options options = {.store = store, .connections = 1, .contexts = 2};
    require(tls_decrypt_engine_new(&stream->engine, arena, &options, &diagnostics) == 0);
    stream->decrypter = tls_decrypt_begin(stream->engine);
    stream->told = tell;
    while (fgets(line, LINE_MAX_BYTES, stdin))
        tls_stream_feed(stream, line[0] == 'C' ? TLS_FROM_CLIENT : TLS_FROM_SERVER,
                        span_of(bytes, tls_stream_unhex(line + 2, bytes, LINE_MAX_BYTES)));
    for (uint32_t direction = 0; direction < TLS_DIRECTION_COUNT; direction++) {
        tls_decrypt_give_up(stream->decrypter, TLS_DECRYPT_CAUSE_NO_KEY);
        tls_stream_go_on(stream, direction);
    }
    tls_decrypt_end(stream->engine, stream->decrypter);
    tls_decrypt_engine_free(stream->engine);
    tls_key_store_free(store);
    arena_free(arena);
    diagnostics_deinit(&diagnostics);
    free(bytes);
    free(line);
    free(stream);
    return 0;
}
