/* SPDX-License-Identifier: Apache-2.0 */

/* Key set: any bytes are read as a JWKS file, or refused with a mistake that has a place in it. */

#include <errno.h>

#include "token/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct diagnostics diagnostics;
    struct key_set *set;
    diagnostics_init(&diagnostics);
    int result = key_set_load_text("jwks.json", data, size, &diagnostics, &set);
    require(result == 0 || result == -EINVAL);
    require((result == 0) == (diagnostics.errors == 0) && (result == 0) == (set != NULL));
    for (uint32_t i = 0; i < diagnostics.count; i++)
        require(diagnostics.entries[i].line > 0 && diagnostics.entries[i].column > 0);
    struct signature_checker *checker = set ? signature_checker_new(set) : NULL;
    for (uint32_t i = 0; checker && i < set->count; i++)
        for (uint32_t algorithm = TOKEN_RS256; algorithm < TOKEN_ALGORITHM_COUNT; algorithm++)
            if (key_fits(&set->keys[i], (enum token_algorithm)algorithm))
                require(!signature_good(checker, i, (enum token_algorithm)algorithm, SPAN_LITERAL("text"),
                                        SPAN_LITERAL("no signature")));
    signature_checker_free(checker);
    key_set_free(set);
    diagnostics_deinit(&diagnostics);
    return 0;
}
