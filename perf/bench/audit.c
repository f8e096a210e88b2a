/* SPDX-License-Identifier: Apache-2.0 */

/* Audit under measurement. */

#include "bench/audit.h"

#include "tls/key_store.h"

#define RING_BYTES  (1u << 24) /* the default of the product */
#define KEY_ENTRIES 16384u     /* more than generated traffic has different connections */
#define VERSION     "perf"

int audit_load(struct audit *audit, const char *settings_path, struct diagnostics *diagnostics)
{
    *audit = (struct audit){.settings_path = settings_path};
    return settings_load(settings_path, diagnostics, &audit->settings);
}

int audit_take_keys(struct audit *audit, struct span keylog, struct diagnostics *diagnostics)
{
    if (keylog.size == 0)
        return 0;
    struct tls_key_store_options options = {.entries = KEY_ENTRIES};
    int result = tls_key_store_new(&audit->keys, &options, diagnostics);
    struct tls_keylog parser = {0};
    struct tls_keylog_item item;
    while (result == 0 && keylog.size) {
        struct parse_input input = {.data = keylog.data, .size = keylog.size, .last = true};
        struct parse_step step = tls_keylog_parse(&parser, &input, &item);
        if (step.status == PARSE_ITEM)
            tls_key_store_put(audit->keys, &item, 0);
        else if (step.consumed == 0)
            break;
        keylog = span_from(keylog, step.consumed);
    }
    return result;
}

int audit_publish(struct audit *audit, struct diagnostics *diagnostics)
{
    struct epoch_sources sources = {.settings = &audit->settings,
                                    .settings_path = audit->settings_path,
                                    .number = audit->epochs + 1,
                                    .worker_count = audit->worker_count,
                                    .key = &audit->digest_key};
    struct epoch *epoch;
    int result = epoch_build(&sources, diagnostics, &epoch);
    if (result < 0)
        return result;
    result = publication_offer(&audit->publication, epoch);
    if (result < 0)
        epoch_free(epoch);
    else
        audit->epochs++;
    return result;
}

int audit_start(struct audit *audit, uint32_t worker_count, const char *queue_name, struct diagnostics *diagnostics)
{
    audit->worker_count = worker_count;
    publication_init(&audit->publication, worker_count);
    audit->published = true;
    int result = hash_key_init(&audit->key);
    if (result == 0)
        result = digest_key_init_random(&audit->digest_key);
    if (result == 0)
        result = audit_publish(audit, diagnostics);
    struct queue_options queue = {
        .name = queue_name, .worker_count = worker_count, .ring_bytes = RING_BYTES, .version = VERSION};
    if (result == 0)
        result =
            queue_name ? queue_create(&queue, diagnostics, &audit->queue) : queue_create_private(&queue, &audit->queue);
    return result;
}

int audit_pipeline_new(struct audit *audit, uint32_t worker, struct spread *spread, struct diagnostics *diagnostics,
                       struct pipeline **pipeline_out)
{
    struct pipeline_options options = {.settings = &audit->settings,
                                       .publication = &audit->publication,
                                       .ring = queue_producer(audit->queue, worker),
                                       .keys = audit->keys,
                                       .key = audit->key,
                                       .service_key = audit->key,
                                       .worker = worker,
                                       .worker_count = audit->worker_count,
                                       .spread = spread,
                                       .rollups = true};
    return pipeline_new(&options, diagnostics, pipeline_out);
}

void audit_deinit(struct audit *audit)
{
    if (audit->published)
        publication_deinit(&audit->publication);
    queue_free(audit->queue);
    tls_key_store_free(audit->keys);
    digest_key_deinit(&audit->digest_key);
    settings_deinit(&audit->settings);
}
