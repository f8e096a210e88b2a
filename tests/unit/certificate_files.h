/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The certificates of tests/data/certificates, as DER and as paths; its `make` says what each of them is.
 */

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

#include "certificate/certificate.h"

struct certificate_files {
    struct certificate_chain chain;
    uint8_t *ders[CERTIFICATE_CHAIN_MAX];
};

static inline char *certificate_path(const char *name, char path[512])
{
    snprintf(path, 512, "%s/tests/data/certificates/%s", getenv("ASSAY_SOURCE"), name);
    return path;
}

static inline void certificate_files_add(struct certificate_files *files, const char *name)
{
    char path[512], file[128];
    snprintf(file, sizeof(file), "%s.pem", name);
    FILE *stream = fopen(certificate_path(file, path), "re");
    assert_non_null(stream);
    X509 *certificate = PEM_read_X509(stream, NULL, NULL, NULL);
    fclose(stream);
    assert_non_null(certificate);
    uint8_t **der = &files->ders[files->chain.count];
    *der = NULL;
    int size = i2d_X509(certificate, der);
    assert_true(size > 0);
    files->chain.certificates[files->chain.count++] = span_of(*der, (size_t)size);
    X509_free(certificate);
}

static inline void certificate_files_deinit(struct certificate_files *files)
{
    for (uint32_t i = 0; i < files->chain.count; i++)
        OPENSSL_free(files->ders[i]);
    *files = (struct certificate_files){0};
}
