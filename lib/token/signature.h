/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Signatures
 *
 * Verifies one signature with one public key. Every pair of key and algorithm has its context of OpenSSL made
 * beforehand, so that verifying looks nothing up.
 *
 * Memory:  heap, taken in signature_checker_new(); OpenSSL allocates its numbers while it verifies.
 * Threads: one owner of a checker; keys are shared.
 * Source:  RFC 7518 sections 3.3 to 3.5, RFC 8037 section 3.1.
 */

#include "token/key_set.h"

struct signature_checker;

/* Keeps `set`. NULL without memory. */
MUST_USE struct signature_checker *signature_checker_new(const struct key_set *set);
void signature_checker_free(struct signature_checker *checker);

/* `key` is an index into the set, and key_fits() the algorithm. */
bool signature_good(struct signature_checker *checker, uint32_t key, enum token_algorithm algorithm,
                    struct span signed_text, struct span signature);
