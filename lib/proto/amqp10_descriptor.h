/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Descriptors of AMQP 1.0
 *
 * What a described value is, by its number or by its symbol: both are allowed and mean the same.
 *
 * Memory:  none.
 * Threads: pure functions.
 * Source:  OASIS AMQP 1.0, 1.3 (descriptors), 2.7 and 2.8 (transport), 3.2 (sections), 3.4 and 3.5, 5.3.3 (SASL).
 */

#include "base/span.h"

#define AMQP10_DESCRIPTOR_NAME_MAX 33u /* "amqp:application-properties:map", the longest, has 31 */

/* The number of the domain 0 that the symbol stands for; 0: none. */
uint8_t amqp10_descriptor_number(struct span symbol);
