/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Segment: the blocks of text and counters.
 *
 * Texts are guarded the way a seqlock does it: the writer never waits, a reader that saw the version change reads
 * again. Bytes of texts are stored relaxed one by one; they change a few times a day.
 */

#include "event/segment.h"

#include <errno.h>

#define READ_TRIES_MAX 1000 /* a writer that dies inside leaves the version odd: readers must not wait for ever */

void segment_write_begin(uint64_t *version)
{
    __atomic_store_n(version, __atomic_load_n(version, __ATOMIC_RELAXED) | 1, __ATOMIC_RELAXED);
}

void segment_write_end(uint64_t *version)
{
    __atomic_store_n(version, __atomic_load_n(version, __ATOMIC_RELAXED) + 1, __ATOMIC_RELEASE);
}

void segment_text_store(char *text, size_t text_size, const char *value)
{
    size_t size = strnlen(value, text_size - 1);
    for (size_t i = 0; i < text_size; i++)
        __atomic_store_n(&text[i], i < size ? value[i] : '\0', __ATOMIC_RELEASE);
}

static void text_load(const char *text, size_t text_size, char *text_out)
{
    for (size_t i = 0; i < text_size; i++)
        text_out[i] = __atomic_load_n(&text[i], __ATOMIC_ACQUIRE);
    text_out[text_size - 1] = '\0';
}

void worker_status_store(struct worker_status *status, const struct worker_status *now)
{
    const uint64_t *from = (const uint64_t *)now;
    uint64_t *to = (uint64_t *)status;
    for (size_t i = 0; i < sizeof(*status) / sizeof(uint64_t); i++)
        __atomic_store_n(&to[i], from[i], __ATOMIC_RELAXED);
}

void control_port_store(struct control_status *control, uint32_t port, const struct port_status *now)
{
    require(port < SEGMENT_PORTS_MAX);
    const uint64_t *from = (const uint64_t *)now;
    uint64_t *to = (uint64_t *)&control->ports[port];
    for (size_t i = 0; i < sizeof(*now) / sizeof(uint64_t); i++)
        __atomic_store_n(&to[i], from[i], __ATOMIC_RELAXED);
    if (port >= __atomic_load_n(&control->port_count, __ATOMIC_RELAXED))
        __atomic_store_n(&control->port_count, port + 1, __ATOMIC_RELEASE);
}

void control_keys_store(struct control_status *control, const struct key_status *now)
{
    const uint64_t *from = (const uint64_t *)now;
    uint64_t *to = (uint64_t *)&control->keys;
    for (size_t i = 0; i < sizeof(*now) / sizeof(uint64_t); i++)
        __atomic_store_n(&to[i], from[i], __ATOMIC_RELAXED);
}

void control_epoch_store(struct control_status *control, const struct epoch_status *epoch)
{
    struct epoch_status *to = &control->epoch;
    segment_write_begin(&control->text_version);
    __atomic_store_n(&to->number, epoch->number, __ATOMIC_RELEASE);
    __atomic_store_n(&to->since_ns, epoch->since_ns, __ATOMIC_RELEASE);
    segment_text_store(to->rules_digest, sizeof(to->rules_digest), epoch->rules_digest);
    segment_text_store(to->registry_digest, sizeof(to->registry_digest), epoch->registry_digest);
    segment_text_store(to->configuration_digest, sizeof(to->configuration_digest), epoch->configuration_digest);
    segment_write_end(&control->text_version);
}

uint64_t control_reload_request(struct control_status *control, uint32_t pid, uint32_t uid)
{
    __atomic_store_n(&control->reload_pid, pid, __ATOMIC_RELAXED);
    __atomic_store_n(&control->reload_uid, uid, __ATOMIC_RELAXED);
    return __atomic_add_fetch(&control->reload_requested, 1, __ATOMIC_RELEASE);
}

uint64_t control_reload_pending(const struct control_status *control)
{
    uint64_t requested = __atomic_load_n(&control->reload_requested, __ATOMIC_ACQUIRE);
    return requested > __atomic_load_n(&control->reload_completed, __ATOMIC_RELAXED) ? requested : 0;
}

void control_reload_finish(struct control_status *control, uint64_t ticket, int status, const char *text)
{
    segment_write_begin(&control->text_version);
    __atomic_store_n(&control->reload_status, status, __ATOMIC_RELEASE);
    segment_text_store(control->reload_text, sizeof(control->reload_text), text);
    __atomic_store_n(&control->reload_completed, ticket, __ATOMIC_RELEASE);
    segment_write_end(&control->text_version);
}

bool control_reload_result(const struct control_status *control, uint64_t ticket, int *status_out, char *text_out)
{
    for (int i = 0; i < READ_TRIES_MAX; i++) {
        uint64_t before = __atomic_load_n(&control->text_version, __ATOMIC_ACQUIRE);
        uint64_t completed = __atomic_load_n(&control->reload_completed, __ATOMIC_ACQUIRE);
        int64_t status = __atomic_load_n(&control->reload_status, __ATOMIC_ACQUIRE);
        text_load(control->reload_text, CONTROL_TEXT_SIZE, text_out);
        if ((before & 1) || before != __atomic_load_n(&control->text_version, __ATOMIC_RELAXED))
            continue;
        *status_out = (int)status;
        return completed >= ticket;
    }
    return false;
}
