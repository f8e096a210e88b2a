/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Fuzz target: the body of a Certificate message. The first byte chooses the version, whether there is an anchor, and
 * whether the DER lies in a message or is one certificate alone. Whatever it is, what is said of it fits its limits,
 * and reading it twice says the same.
 */

#include <stdio.h>
#include <stdlib.h>

#include "certificate/spiffe.h"
#include "certificate/staple.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum flag { EXTENSIONS = 1, MESSAGE = 2 };

static void check(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "does not hold: %s\n", what);
    abort();
}

/* The anchors of the unit tests, when they are there: then paths are built and signatures checked. */
static struct certificate_trust_store *store_make(void)
{
    struct certificate_trust_store *store;
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    check(certificate_trust_new(&store) == 0, "there is memory");
    const char *source = getenv("ASSAY_SOURCE");
    char root[512], issuer[512], list[512];
    snprintf(root, sizeof(root), "%s/tests/data/certificates/root.pem", source ? source : ".");
    snprintf(issuer, sizeof(issuer), "%s/tests/data/certificates/intermediate.pem", source ? source : ".");
    snprintf(list, sizeof(list), "%s/tests/data/certificates/current.crl", source ? source : ".");
    char *anchors[] = {root, issuer}, *lists[] = {list};
    struct certificate_trust_files files = {
        .anchors = anchors, .anchors_count = 2, .revocation = lists, .revocation_count = 1};
    int added = certificate_trust_add(store, &files, &diagnostics);
    check(added == 0 || !source, "the anchors are there");
    diagnostics_deinit(&diagnostics);
    return store;
}

static void certificate_check(const struct certificate *certificate)
{
    check(certificate->name_count <= CERTIFICATE_NAMES_MAX && certificate->text_used <= CERTIFICATE_NAMES_SIZE,
          "names have a limit");
    check(certificate->subject_size <= CERTIFICATE_SUBJECT_SIZE &&
              certificate->issuer_size <= CERTIFICATE_SUBJECT_SIZE &&
              certificate->serial_size <= CERTIFICATE_SERIAL_SIZE,
          "texts have a limit");
    for (uint32_t i = 0; i < certificate->name_count; i++)
        check(certificate->names[i].offset + certificate->names[i].size <= certificate->text_used,
              "a name lies in the text");
    check(memchr(certificate->trust_fault, 0, CERTIFICATE_FAULT_SIZE) != NULL, "a fault is terminated");
    check(memchr(certificate->strength_fault, 0, CERTIFICATE_FAULT_SIZE) != NULL, "a fault is terminated");
    check(certificate->chain_after_s <= certificate->not_after_s, "a chain lives no longer than its leaf");
    if (certificate->flags & CERTIFICATE_SVID) {
        struct span id = certificate_name_text(certificate, certificate->identity);
        check(spiffe_id_is(id), "an SVID has an id");
        check(spiffe_certificate_check(certificate) != SPIFFE_GOOD || spiffe_id_path(id).size > 0, "of a workload");
    }
    (void)certificate_matches_host(certificate, SPAN_LITERAL("api.example.test"));
}

/* Nobody has a key of the anchors, so that no input can be an answer of theirs. */
static void staple_check(const struct certificate_trust_store *store, const struct certificate *certificate,
                         struct x509_st *issuer, struct span response)
{
    struct certificate_staple staple;
    certificate_staple_read(store, 0, certificate, issuer, response, &staple);
    bool judged = staple.state > CERTIFICATE_STAPLE_INVALID;
    check(!judged || issuer, "without an issuer nothing is known");
    check(judged == (staple.fault == NULL), "what is not judged says why");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct certificate_trust_store *store;
    static struct certificate first, second;
    if (size < 1)
        return 0;
    if (!store)
        store = store_make();
    struct certificate_chain chain = {0};
    struct span body = span_of(data + 1, size - 1);
    if (data[0] & MESSAGE) {
        if (!certificate_chain_parse(body, data[0] & EXTENSIONS, &chain))
            return 0;
    } else {
        chain.certificates[chain.count++] = body;
    }
    check(chain.count <= CERTIFICATE_CHAIN_MAX, "chains have a limit");
    struct x509_st *issuer, *again;
    bool read = certificate_read(store, 0, &chain, &first, &issuer);
    check(certificate_read(store, 0, &chain, &second, &again) == read, "reading twice is the same");
    check(!read || memcmp(&first, &second, sizeof(first)) == 0, "reading twice says the same");
    check((issuer != NULL) == (again != NULL) && (read || !issuer), "only what was read has an issuer");
    if (read) {
        certificate_check(&first);
        staple_check(store, &first, issuer, chain.staple.size ? chain.staple : body);
    }
    certificate_issuer_free(issuer);
    certificate_issuer_free(again);
    return 0;
}
