/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Fingerprints of TLS clients and servers
 *
 * JA3, JA3S and JA4: short digests of what a hello offers, by which the same software is recognised again. GREASE is
 * left out. Private to the module.
 *
 * Limits:  TLS_FINGERPRINT_VALUES_MAX suites and as many extensions; a longer hello gets none.
 */

#include "tls/facts.h"
#include "tls/hello.h"

#define TLS_FINGERPRINT_VALUES_MAX 256u /* "ALL:COMPLEMENTOFALL" of OpenSSL is 180 */

/* `version`: the highest offered, for JA4. "" where none can be made. */
void tls_fingerprint_client(const struct tls_hello *hello, uint16_t version, char ja3_out[TLS_FINGERPRINT_SIZE],
                            char ja4_out[TLS_JA4_SIZE]);
void tls_fingerprint_server(const struct tls_hello *hello, char ja3s_out[TLS_FINGERPRINT_SIZE]);
