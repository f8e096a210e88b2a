/* SPDX-License-Identifier: Apache-2.0 */

/* FIPS: the provider is loaded for good, beside the base provider, which reads keys and certificates from files. */

#include "tls/fips.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

int fips_enable(const struct diagnostic_place *place, struct diagnostics *diagnostics)
{
    if (EVP_default_properties_is_fips_enabled(NULL))
        return 0;
    OSSL_PROVIDER *fips = OSSL_PROVIDER_load(NULL, "fips");
    OSSL_PROVIDER *base = fips ? OSSL_PROVIDER_load(NULL, "base") : NULL;
    if (base && EVP_default_properties_enable_fips(NULL, 1) == 1)
        return 0;
    if (fips)
        OSSL_PROVIDER_unload(fips);
    if (base)
        OSSL_PROVIDER_unload(base);
    ERR_clear_error();
    diagnostics_add(
        diagnostics, DIAGNOSTIC_ERROR, place,
        "OpenSSL's FIPS provider cannot be loaded: install fips.so, make its fipsmodule.cnf with `openssl "
        "fipsinstall` and include that in openssl.cnf (`openssl list -providers -provider fips` tries it), or "
        "take `fips` out");
    return -ENOTSUP;
}
