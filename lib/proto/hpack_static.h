/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Static table of HPACK: RFC 7541, Appendix A. Indices begin with 1. */

#include "base/span.h"

#define HPACK_STATIC_COUNT 61u

struct span hpack_static_name(uint32_t index);
struct span hpack_static_value(uint32_t index);
