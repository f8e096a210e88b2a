/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Stages as they are shown
 *
 * The cycles of base/stage.h as a table and as JSON. Nothing is written where none were counted, so that a build
 * without them shows nothing of it.
 */

#include <stdio.h>

#include "base/json_writer.h"
#include "base/stage.h"

/* A blank line, then one for each stage that ran: its share of all but waiting, and of a call where there were any. */
void stages_print(const uint64_t cycles[STAGE_COUNT], uint64_t calls, FILE *stream);

/* The member "stage_cycles" of an object that is open: the cycles by name. */
void stages_json(const uint64_t cycles[STAGE_COUNT], struct json_writer *writer);
