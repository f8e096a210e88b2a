/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Keys inside capture files
 *
 * Wireshark's editcap puts key logs into pcapng files as decryption secrets blocks; libpcap does not hand them out, so
 * the file's blocks are walked here, and nothing else of them is read.
 *
 * Source:  draft-ietf-opsawg-pcapng, 4.1 (section header) and 4.7 (decryption secrets).
 */

#include "base/diagnostics.h"
#include "keys/stream.h"

/* Whether the file holds secrets at all. */
bool key_capture_has_secrets(const char *path);

/*
 * Puts the secrets of all blocks into the store. A file of another kind, or one that cannot be opened, has none and is
 * no mistake here: who reads its packets tells. Returns 0, or -ENOMEM.
 */
MUST_USE int key_capture_read(const char *path, struct tls_key_store *store, uint64_t now_ns,
                              struct key_counts *counts_io);
