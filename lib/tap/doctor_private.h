/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Tap doctor, inside: what doctor.c gathers and diagnose.c reads. */

#include "tap/doctor.h"
#include "tap/recent.h"
#include "tap/table.h"

struct tap_doctor {
    struct tap_context context;
    struct tap_recents recents;
    struct tap_table table;
    struct hash_key key;
};

/* Everything so far, with what the living connections add to it. */
void tap_doctor_tally(const struct tap_doctor *doctor, struct tap_tally *tally_out);
