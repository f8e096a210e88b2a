/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Rule packs
 *
 * A pack is a YAML file of rules. A rule names one of the built-in kinds of check, its parameters, where it applies,
 * how severe a breach is and which clauses a finding is evidence for. A rule of a later pack with the id of an earlier
 * one changes what it says and leaves the rest: "id: HDR-001, enabled: false".
 *
 * Memory:  heap, slow path only; rule_packs_deinit().
 * Threads: read-only once loaded.
 * Limits:  RULES_MAX and the sizes below.
 * Errors:  as config/yaml.h.
 */

#include "policy/rule.h"

#define RULES_MAX      256u /* rules of all packs; verdicts are counted in a table of this size a worker */
#define RULE_PACKS_MAX 64u

struct yaml_document;

struct rule_pack {
    char *name;
    char *version;
    struct rule *rules;
    uint32_t rules_count;
    struct yaml_document *document;
};

/* All packs, and the rules that remain once later ones have changed earlier ones, in order of first appearance. */
struct rule_packs {
    struct rule_pack *packs[RULE_PACKS_MAX];
    uint32_t packs_count;
    struct rule rules[RULES_MAX]; /* views into the packs */
    uint32_t rules_count;
};

/* Each path is a file, or a folder of which all packs (*.yaml with a key `pack`) are read in order of name. */
MUST_USE int rule_packs_load(char *const *paths, uint32_t paths_count, struct diagnostics *diagnostics,
                             struct rule_packs *packs_out);

/* One pack from memory, behind the packs already there. `packs` begins zeroed. */
MUST_USE int rule_packs_add_text(struct rule_packs *packs, const char *name, const void *text, size_t size,
                                 struct diagnostics *diagnostics);

/* Rules of this kind count even where their packs turned them off. */
void rule_packs_enable(struct rule_packs *packs, enum rule_check check);

void rule_packs_deinit(struct rule_packs *packs);
