/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Dynamic table of HPACK (RFC 7541 2.3.2 and 4). Private to the decoder.
 */

#include "proto/hpack.h"

/* `index` counts from 0, the newest. NULL: not here. */
const struct hpack_entry *hpack_table_find(const struct hpack *decoder, uint32_t index);
struct span hpack_table_name(const struct hpack *decoder, const struct hpack_entry *entry);
struct span hpack_table_value(const struct hpack *decoder, const struct hpack_entry *entry);

/* Neither span may lie in the table. `known` is a set of enum hpack_known; what is not is stored empty. */
void hpack_table_insert(struct hpack *decoder, struct span name, struct span value, uint8_t known);

/* The encoder's table has that size from here on. */
void hpack_table_resize(struct hpack *decoder, uint32_t size_max);

/* No entry is left. */
void hpack_table_clear(struct hpack *decoder);
