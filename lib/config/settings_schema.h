/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <cyaml/cyaml.h>

/* Of struct settings, from assay.yaml. Private to this module. */
extern const struct cyaml_schema_value settings_schema;
