/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The message broker of the generated traffic: what is published where, and from where it is delivered.
 */

#include "base/base.h"

#define AMQP_EXCHANGE "orders"
#define AMQP_QUEUE    "billing"

extern const char *const amqp_keys[]; /* documented routing keys */
extern const uint32_t amqp_keys_count;
