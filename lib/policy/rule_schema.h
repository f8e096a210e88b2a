/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Shape of a rule pack: the libcyaml schema, and which kind of check takes which parameters. Private to the module.
 */

#include "config/yaml.h"
#include "policy/rule_file.h"

extern const struct cyaml_schema_value rule_pack_schema;

#define RULE_CHECK_PARAMETERS_MAX 16 /* names in one row, the closing NULL included */

struct rule_check_shape {
    const char *needs[8];                         /* keys of `parameters` it cannot do without; NULL behind the last */
    const char *takes[RULE_CHECK_PARAMETERS_MAX]; /* further ones */
};

extern const struct rule_check_shape rule_check_shapes[RULE_CHECK_COUNT];
