/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Text check
 *
 * Refuses what is no UTF-8 text before the YAML library sees it: version 0.7.12 never returns from a directive with
 * broken UTF-8 in it, and loses memory over NUL bytes. Neither YAML nor JSON allows such bytes.
 *
 * Source:  YAML 1.2.2 5.1 (printable characters), RFC 3629 (UTF-8).
 */

#include "base/span.h"

struct text_flaw {
    const char *message; /* NULL: the text is good */
    uint32_t line;       /* from 1 */
    uint32_t column;     /* from 1, in characters */
};

struct text_flaw text_check(struct span text);
