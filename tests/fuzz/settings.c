/* SPDX-License-Identifier: Apache-2.0 */

/* Hostile YAML as settings: bounded, no crash, and refused exactly when there is something to tell. */

#include "config/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct settings settings;
    int result = settings_load_text("fuzz/assay.yaml", data, size, &diagnostics, &settings);
    require((result < 0) == (diagnostics.errors > 0));
    settings_deinit(&settings);
    diagnostics_deinit(&diagnostics);
    return 0;
}
