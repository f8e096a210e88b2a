/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Detector set
 *
 * All detectors of one epoch, compiled: which value is what, where to look for it, how to tell a real one. Made on the
 * slow path, immutable afterwards, shared by all workers. Each pattern is graded unless that is not wanted: compiled
 * alone and run over a built-in text; one above DETECT_COST_WARNING cycles a byte is accepted with a warning that names
 * it and its cost.
 *
 * Memory:  on the heap, about 1 MB for the shipped detectors; detect_set_free() frees all of it.
 * Threads: any number of readers.
 * Errors:  detect_set_new() returns NULL with every mistake in the diagnostics: an expression that does not compile
 *          (with the position in it), an unknown validator, a sample that is not found or should not be.
 */

#include "config/detector_file.h"
#include "transaction/detection.h"

#define DETECT_COST_WARNING 20u /* cycles a byte: one such pattern alone halves what a worker can do */

struct detect_set;

/* What the outside may know of a detector. */
struct detect_detector {
    const char *id;
    const char *name;
    const char *class;
    bool disabled;
};

/* What a set is made of; all of it is copied. */
struct detect_set_source {
    const struct detector_setting *settings;
    uint32_t count;
    const char *file; /* the name for diagnostics */
    /* Patterns that it has too keep the grade they got there: grading is more than half of the work. NULL: none. */
    const struct detect_set *previous;
    bool ungraded; /* for a run over a capture, which is short; whoever writes detectors is told by `assay check` */
};

MUST_USE struct detect_set *detect_set_new(const struct detect_set_source *source, struct diagnostics *diagnostics);
void detect_set_free(struct detect_set *set);

uint32_t detect_set_count(const struct detect_set *set);

/* 0 <= index < count. Valid as long as the set. */
const struct detect_detector *detect_set_detector(const struct detect_set *set, uint32_t index);

/* The index of the detector with that id, or detect_set_count(). */
uint32_t detect_set_find(const struct detect_set *set, const char *id);
