/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The key of a replay's digests: made of the beginning of the captures, so that a second replay gives the same lines
 * and an auditor can compare them byte for byte. Sequence numbers, times and payload make it what nobody guesses who
 * has the findings only; who has the captures has the values.
 */

#include "replay_digest.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define KEY_PART_SIZE ((size_t)1 << 20) /* of each capture: thousands of packets, read in a millisecond */

static bool capture_add(EVP_MD_CTX *context, const char *path, uint8_t *part)
{
    struct stat status;
    FILE *stream = stat(path, &status) == 0 && S_ISREG(status.st_mode) ? fopen(path, "rbe") : NULL;
    if (!stream)
        return false;
    size_t size = fread(part, 1, KEY_PART_SIZE, stream);
    bool fine = !ferror(stream) && EVP_DigestUpdate(context, part, size) == 1;
    fclose(stream);
    return fine;
}

static bool key_make(char *const *captures, uint32_t count, struct digest_key *key)
{
    uint8_t secret[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    uint8_t *part = malloc(KEY_PART_SIZE);
    bool fine = context && part && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
    for (uint32_t i = 0; fine && i < count; i++)
        fine = capture_add(context, captures[i], part);
    fine = fine && EVP_DigestFinal_ex(context, secret, NULL) == 1;
    if (fine)
        digest_key_init(key, secret);
    free(part);
    EVP_MD_CTX_free(context);
    return fine;
}

bool replay_digest_key_init(char *const *captures, uint32_t count, struct digest_key *key)
{
    return key_make(captures, count, key) || digest_key_init_random(key) == 0;
}
