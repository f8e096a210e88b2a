/* SPDX-License-Identifier: Apache-2.0 */

/* Stages: their names, as tables and JSON have them. */

#include "base/stage.h"

const char *stage_name(enum stage stage)
{
    static const char *const names[STAGE_COUNT] = {
        [STAGE_IDLE] = "idle",         [STAGE_RECEIVE] = "receive",       [STAGE_DECODE] = "decode",
        [STAGE_FLOW] = "flow",         [STAGE_REASSEMBLY] = "reassembly", [STAGE_CLASSIFY] = "classify",
        [STAGE_PARSE] = "parse",       [STAGE_CONTENT] = "content",       [STAGE_SCAN] = "scan",
        [STAGE_REGISTRY] = "registry", [STAGE_RULES] = "rules",           [STAGE_QUEUE] = "queue",
    };
    return stage < STAGE_COUNT ? names[stage] : "unknown";
}
