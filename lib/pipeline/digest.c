/* SPDX-License-Identifier: Apache-2.0 */

/* Digest of files: one digest of each file, one over the list of them. */

#include "pipeline/digest.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hex.h"

struct file_digest {
    EVP_MD_CTX *list;
};

struct file_digest *file_digest_new(void)
{
    struct file_digest *digest = malloc(sizeof(*digest));
    if (!digest)
        return NULL;
    digest->list = EVP_MD_CTX_new();
    if (!digest->list || EVP_DigestInit_ex(digest->list, EVP_sha256(), NULL) != 1) {
        file_digest_free(digest);
        return NULL;
    }
    return digest;
}

void file_digest_free(struct file_digest *digest)
{
    if (!digest)
        return;
    EVP_MD_CTX_free(digest->list);
    free(digest);
}

static int digest_stream(FILE *stream, char hex_out[FILE_DIGEST_HEX_SIZE])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context)
        return -ENOMEM;
    char buffer[8192];
    uint8_t bytes[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    int ok = EVP_DigestInit_ex(context, EVP_sha256(), NULL);
    for (size_t count = 1; ok == 1 && count > 0;) {
        count = fread(buffer, 1, sizeof(buffer), stream);
        ok = EVP_DigestUpdate(context, buffer, count);
    }
    if (ok == 1)
        ok = EVP_DigestFinal_ex(context, bytes, &size);
    EVP_MD_CTX_free(context);
    if (ok != 1 || ferror(stream))
        return -EIO;
    *hex_write(bytes, size, hex_out) = '\0';
    return 0;
}

static int add_file(struct file_digest *digest, const char *path)
{
    FILE *stream = fopen(path, "rbe");
    if (!stream)
        return -errno;
    char hex[FILE_DIGEST_HEX_SIZE];
    int result = digest_stream(stream, hex);
    fclose(stream);
    if (result < 0)
        return result;
    int ok = EVP_DigestUpdate(digest->list, hex, strlen(hex)) && EVP_DigestUpdate(digest->list, "  ", 2) &&
             EVP_DigestUpdate(digest->list, path, strlen(path)) && EVP_DigestUpdate(digest->list, "\n", 1);
    return ok ? 0 : -EIO;
}

static int is_yaml(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name);
    return entry->d_name[0] != '.' && size > 5 && strcmp(entry->d_name + size - 5, ".yaml") == 0;
}

static int add_folder(struct file_digest *digest, const char *folder)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, is_yaml, alphasort);
    if (count < 0)
        return -errno;
    int result = 0;
    for (int i = 0; i < count; i++) {
        char path[PATH_MAX];
        if (result == 0 && snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name) >= (int)sizeof(path))
            result = -ENAMETOOLONG;
        if (result == 0)
            result = add_file(digest, path);
        free(entries[i]);
    }
    free(entries);
    return result;
}

int file_digest_add(struct file_digest *digest, const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return -errno;
    return S_ISDIR(status.st_mode) ? add_folder(digest, path) : add_file(digest, path);
}

void file_digest_finish(struct file_digest *digest, char hex_out[FILE_DIGEST_HEX_SIZE])
{
    uint8_t bytes[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    require(EVP_DigestFinal_ex(digest->list, bytes, &size) == 1);
    *hex_write(bytes, size, hex_out) = '\0';
}
