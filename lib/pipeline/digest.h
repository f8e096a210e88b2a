/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Digest of files
 *
 * SHA-256 over the files that make an epoch, so that a finding can say exactly which rules judged it. Computed over the
 * text that `sha256sum` prints for them in the order given, so that it can be checked with coreutils alone.
 */

#include "base/base.h"

struct file_digest;

#define FILE_DIGEST_HEX_SIZE 65u /* terminated */

/* NULL without memory. */
MUST_USE struct file_digest *file_digest_new(void);
void file_digest_free(struct file_digest *digest);

/* A file, or the *.yaml files of a folder in the order of their names. Returns 0 or -errno of reading them. */
MUST_USE int file_digest_add(struct file_digest *digest, const char *path);

void file_digest_finish(struct file_digest *digest, char hex_out[FILE_DIGEST_HEX_SIZE]);
