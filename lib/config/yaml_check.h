/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Comparison of a YAML tree with a libcyaml schema: tells of every mistake, not only of the first. Private to the
 * module.
 *
 * Errors:  -EINVAL when there was one, -ENOMEM.
 */

#include "config/yaml.h"
#include "config/yaml_tree.h"

MUST_USE int yaml_check(const struct yaml_tree *tree, const char *file, const struct cyaml_schema_value *schema,
                        struct diagnostics *diagnostics);
