/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Leaping over JSON
 *
 * Private to json_skip.c. Holds whole blocks of a text to the grammar with a few operations on bit masks and takes note
 * of brackets only, so that a body that nobody asks about costs about two instructions a byte.
 *
 * Memory:  on the stack.
 * Threads: one owner, that of the walker.
 * Limits:  stops at strings with escapes or anything but ASCII, at words that are no plain number or literal, at keys
 *          over JSON_BLOCK and at any mistake, and leaves those to its caller.
 */

#include "proto/json.h"

#define JSON_LEAP_MIN 256u /* below it, setting up costs more than it saves */

/*
 * Only in JSON_STATE_PLAIN, not loose, below the top. Goes on to a comma behind a plain value; the walker is then as if
 * json_parse() had read that far, but that JSON_KEY_CUT does not tell of keys left behind. Returns the bytes consumed;
 * 0: nothing has changed. Otherwise *skipped tells of the value.
 */
uint32_t json_leap(struct json_walker *walker, const uint8_t *data, uint32_t size, struct json_skipped *skipped);
