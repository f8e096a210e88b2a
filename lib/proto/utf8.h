/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * UTF-8
 *
 * Whether bytes are UTF-8 (RFC 3629), piece by piece. Zero is a valid start.
 */

#include "base/span.h"

struct utf8_check {
    uint8_t more;      /* bytes of the open character still to come */
    uint8_t low, high; /* what the next of them may be */
    bool invalid;      /* stays set */
};

void utf8_check_add(struct utf8_check *check, const uint8_t *data, uint32_t size);

/* All of it was UTF-8 and no character is open. */
static inline bool utf8_check_valid(const struct utf8_check *check)
{
    return !check->invalid && check->more == 0;
}
