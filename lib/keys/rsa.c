/* SPDX-License-Identifier: Apache-2.0 */

/* Premaster secrets opened with private keys. */

#include "keys/rsa.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct key_rsa {
    uint32_t count;
    EVP_PKEY_CTX **contexts;
    uint32_t *sizes; /* of the modulus, bytes */
};

/* OpenSSL would ask at the terminal for a pass phrase. */
static int no_pass_phrase(char *buffer, int size, int writing, void *context)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

static int refuse(struct diagnostics *diagnostics, const char *path, int result, const char *what)
{
    struct diagnostic_place place = {.file = path};
    diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, &place, "RSA private key: %s", what);
    ERR_clear_error();
    return result;
}

static int load(struct key_rsa *rsa, const char *path, struct diagnostics *diagnostics)
{
    struct stat status;
    FILE *file = fopen(path, "re");
    if (!file)
        return refuse(diagnostics, path, -errno, strerror(errno));
    if (fstat(fileno(file), &status) == 0 && (status.st_mode & S_IROTH)) {
        struct diagnostic_place place = {.file = path};
        diagnostics_add(diagnostics, DIAGNOSTIC_WARNING, &place,
                        "the private key can be read by everybody on this host; make it 0600");
    }
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, no_pass_phrase, NULL);
    fclose(file);
    if (!key)
        return refuse(diagnostics, path, -EINVAL, "the file holds no private key in PEM without a pass phrase");
    EVP_PKEY_CTX *context = EVP_PKEY_is_a(key, "RSA") ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;
    uint32_t size = (uint32_t)EVP_PKEY_get_size(key);
    EVP_PKEY_free(key); /* the context holds its own reference */
    if (!context || size > KEY_WISH_BYTES || EVP_PKEY_decrypt_init(context) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) != 1) {
        EVP_PKEY_CTX_free(context);
        return refuse(diagnostics, path, -EINVAL,
                      "it is no RSA key of up to 4096 bits; only static RSA key exchange can be opened with one");
    }
    rsa->sizes[rsa->count] = size;
    rsa->contexts[rsa->count++] = context;
    return 0;
}

int key_rsa_new(struct key_rsa **rsa_out, char *const *paths, uint32_t count, struct diagnostics *diagnostics)
{
    struct key_rsa *rsa = calloc(1, sizeof(*rsa));
    if (!rsa)
        return -ENOMEM;
    rsa->contexts = calloc(count + 1, sizeof(EVP_PKEY_CTX *));
    rsa->sizes = calloc(count + 1, sizeof(*rsa->sizes));
    int result = rsa->contexts && rsa->sizes ? 0 : -ENOMEM;
    for (uint32_t i = 0; result != -ENOMEM && i < count; i++) {
        int loaded = load(rsa, paths[i], diagnostics);
        result = result < 0 ? result : loaded;
    }
    if (result < 0) {
        key_rsa_free(rsa);
        return result;
    }
    *rsa_out = rsa;
    return 0;
}

void key_rsa_free(struct key_rsa *rsa)
{
    if (!rsa)
        return;
    for (uint32_t i = 0; i < rsa->count; i++)
        EVP_PKEY_CTX_free(rsa->contexts[i]);
    free(rsa->contexts);
    free(rsa->sizes);
    free(rsa);
}

bool key_rsa_open(struct key_rsa *rsa, struct span encrypted, uint8_t premaster_out[KEY_PREMASTER_SIZE])
{
    uint8_t opened[KEY_WISH_BYTES];
    bool found = false;
    for (uint32_t i = 0; i < rsa->count && !found; i++) {
        size_t size = sizeof(opened);
        /* Its first bytes are the version the client offered; that and the size tell a wrong key. */
        found = rsa->sizes[i] == encrypted.size &&
                EVP_PKEY_decrypt(rsa->contexts[i], opened, &size, encrypted.data, encrypted.size) == 1 &&
                size == KEY_PREMASTER_SIZE && opened[0] == 3;
    }
    if (found)
        memcpy(premaster_out, opened, KEY_PREMASTER_SIZE);
    OPENSSL_cleanse(opened, sizeof(opened));
    ERR_clear_error();
    return found;
}

bool key_wishes_put(struct key_wishes *wishes, struct span encrypted)
{
    uint64_t written = wishes->written;
    /* Acquire: pairs with the release in key_wishes_take(), so that the place is really free. */
    if (encrypted.size > KEY_WISH_BYTES || written - __atomic_load_n(&wishes->read, __ATOMIC_ACQUIRE) >= KEY_WISHES_MAX)
        return false;
    struct key_wish *wish = &wishes->ring[written % KEY_WISHES_MAX];
    wish->size = encrypted.size;
    memcpy(wish->encrypted, encrypted.data, encrypted.size);
    __atomic_store_n(&wishes->written, written + 1, __ATOMIC_RELEASE); /* pairs with the acquire in key_wishes_take() */
    return true;
}

bool key_wishes_take(struct key_wishes *wishes, struct key_wish *wish_out)
{
    uint64_t read = wishes->read;
    if (read == __atomic_load_n(&wishes->written, __ATOMIC_ACQUIRE)) /* pairs with the release in key_wishes_put() */
        return false;
    *wish_out = wishes->ring[read % KEY_WISHES_MAX];
    __atomic_store_n(&wishes->read, read + 1, __ATOMIC_RELEASE); /* pairs with the acquire in key_wishes_put() */
    return true;
}
