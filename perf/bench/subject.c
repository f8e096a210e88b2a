/* SPDX-License-Identifier: Apache-2.0 */

/* Subjects: one interface over the stages and the pipeline. */

#include "bench/subject.h"

#include <errno.h>
#include <stdlib.h>

#include "bench/subject_internal.h"

struct subject {
    void *state;
    const struct subject_work *work;
};

static const struct {
    const char *name;
    const char *help;
} names[] = {
    [SUBJECT_TOUCH] = {"touch", "reads every cache line of each frame"},
    [SUBJECT_DECODE] = {"decode", "frames to TCP segments"},
    [SUBJECT_FLOW] = {"flow", "to byte streams in order"},
    [SUBJECT_PARSE] = {"parse", "to HTTP/1 items"},
    [SUBJECT_CALLS] = {"calls", "to calls: requests paired with responses"},
    [SUBJECT_REGISTRY] = {"registry", "matched with the registry"},
    [SUBJECT_RULES] = {"rules", "judged by all rules, nothing searched"},
    [SUBJECT_WHOLE] = {"whole", "searched for sensitive data: everything"},
};
static_assert(ARRAY_COUNT(names) == SUBJECT_COUNT, "a name for each");

int subject_new(enum subject_kind kind, const struct subject_options *options, struct diagnostics *diagnostics,
                struct subject **subject_out)
{
    struct subject *subject = calloc(1, sizeof(*subject));
    if (!subject)
        return -ENOMEM;
    int result = kind <= SUBJECT_PARSE ? stage_new(kind, options, &subject->state, &subject->work)
                                       : whole_new(kind, options, diagnostics, &subject->state, &subject->work);
    if (result < 0) {
        free(subject);
        return result;
    }
    *subject_out = subject;
    return 0;
}

void subject_free(struct subject *subject)
{
    if (!subject)
        return;
    subject->work->free(subject->state);
    free(subject);
}

void subject_burst(struct subject *subject, const struct packet *packets, uint32_t count)
{
    subject->work->burst(subject->state, packets, count);
}

void subject_drain(struct subject *subject)
{
    if (subject->work->drain)
        subject->work->drain(subject->state);
}

void subject_flush(struct subject *subject)
{
    subject->work->flush(subject->state);
    subject_drain(subject);
}

const struct ledger *subject_ledger(const struct subject *subject)
{
    return subject->work->ledger(subject->state);
}

struct subject_counts subject_counts(const struct subject *subject)
{
    return subject->work->counts(subject->state);
}

const char *subject_name(enum subject_kind kind)
{
    return names[kind].name;
}

const char *subject_help(enum subject_kind kind)
{
    return names[kind].help;
}
