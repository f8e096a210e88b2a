/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "detect/digest.h"

/*
 * The same for the same captures; drawn anew where one of them is no file, such as standard input, and can be read only
 * once. False: the system gives no random numbers.
 */
bool replay_digest_key_init(char *const *captures, uint32_t count, struct digest_key *key);
