/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Masks
 *
 * What evidence may show of a value. Whatever the detector asks for, at least a third of the characters of a masked
 * value stay hidden: six and four of a card number of twelve digits would leave two to guess.
 *
 * Memory:  none; what is decoded on the way is wiped.
 */

#include "config/detector_file.h"
#include "transaction/detection.h"

/* Returns the size of the mask, 0 when nothing may be shown. */
uint32_t mask_make(const struct detector_mask *rule, struct span value, char mask_out[DETECTION_MASK_SIZE]);
