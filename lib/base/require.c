/* SPDX-License-Identifier: Apache-2.0 */

/* The only place in lib/ that ends the process: a broken promise between modules cannot be carried on from. */

#include <stdio.h>
#include <stdlib.h>

#include "base/base.h"

_Noreturn void require_failed(const char *expression, const char *file, int line)
{
    fprintf(stderr, "assay: internal error: '%s' does not hold at %s:%d\n", expression, file, line);
    abort();
}
