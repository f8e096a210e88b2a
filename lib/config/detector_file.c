/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Detector files
 *
 * The schema, and the two things it cannot say: where each entry stands, and that no id comes twice.
 */

#include "config/detector_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/yaml.h"

#define TEXT_MAX    1000u /* of a pattern or sample: what the pattern study takes */
#define SAMPLES_MAX 64u   /* texts a detector is tried on: a few tell all */

struct list {
    struct detector_setting *settings;
    uint32_t count;
};

static const cyaml_strval_t candidate_names[] = {
    {"literal", DETECTOR_LITERAL}, {"digits", DETECTOR_DIGITS},   {"letters", DETECTOR_LETTERS},
    {"at", DETECTOR_AT},           {"plus", DETECTOR_PLUS},       {"caret", DETECTOR_CARET},
    {"angle", DETECTOR_ANGLE},     {"keyword", DETECTOR_KEYWORD}, {"always", DETECTOR_ALWAYS},
};

static const cyaml_strval_t show_names[] = {
    {"nothing", DETECTOR_SHOW_NOTHING}, {"ends", DETECTOR_SHOW_ENDS},       {"all", DETECTOR_SHOW_ALL},
    {"domain", DETECTOR_SHOW_DOMAIN},   {"country", DETECTOR_SHOW_COUNTRY}, {"year", DETECTOR_SHOW_YEAR},
    {"decimal", DETECTOR_SHOW_DECIMAL}, {"network", DETECTOR_SHOW_NETWORK}, {"letter", DETECTOR_SHOW_LETTER},
    {"type", DETECTOR_SHOW_TYPE},       {"header", DETECTOR_SHOW_HEADER},   {"user", DETECTOR_SHOW_USER},
};

static const cyaml_strval_t digest_names[] = {
    {"exact", DETECTOR_DIGEST_EXACT},
    {"compact", DETECTOR_DIGEST_COMPACT},
    {"lower", DETECTOR_DIGEST_LOWER},
    {"none", DETECTOR_DIGEST_NONE},
};

static const cyaml_schema_value_t text_schema = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, TEXT_MAX)};

static const cyaml_schema_field_t mask_fields[] = {
    CYAML_FIELD_ENUM("show", CYAML_FLAG_STRICT, struct detector_mask, show, show_names, ARRAY_COUNT(show_names)),
    CYAML_FIELD_UINT("first", CYAML_FLAG_OPTIONAL, struct detector_mask, first),
    CYAML_FIELD_UINT("last", CYAML_FLAG_OPTIONAL, struct detector_mask, last),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t setting_fields[] = {
    CYAML_FIELD_STRING_PTR("id", CYAML_FLAG_POINTER, struct detector_setting, id, 1, 32),
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct detector_setting, name, 1, 128),
    CYAML_FIELD_STRING_PTR("class", CYAML_FLAG_POINTER, struct detector_setting, class, 1, 64),
    CYAML_FIELD_STRING_PTR("pattern", CYAML_FLAG_POINTER, struct detector_setting, pattern, 1, TEXT_MAX),
    CYAML_FIELD_BOOL("caseless", CYAML_FLAG_OPTIONAL, struct detector_setting, caseless),
    CYAML_FIELD_BOOL("disabled", CYAML_FLAG_OPTIONAL, struct detector_setting, disabled),
    CYAML_FIELD_BOOL("keyed", CYAML_FLAG_OPTIONAL, struct detector_setting, keyed),
    CYAML_FIELD_BOOL("keyword_required", CYAML_FLAG_OPTIONAL, struct detector_setting, keyword_required),
    CYAML_FIELD_FLAGS("candidate", CYAML_FLAG_STRICT, struct detector_setting, candidate, candidate_names,
                      ARRAY_COUNT(candidate_names)),
    CYAML_FIELD_STRING_PTR("validator", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct detector_setting, validator, 1,
                           TEXT_MAX),
    CYAML_FIELD_SEQUENCE_COUNT("keywords", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct detector_setting, keywords,
                               keyword_count, &text_schema, 0, DETECTOR_KEYWORDS_MAX),
    CYAML_FIELD_MAPPING("mask", CYAML_FLAG_DEFAULT, struct detector_setting, mask, mask_fields),
    CYAML_FIELD_ENUM("digest", CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, struct detector_setting, digest, digest_names,
                     ARRAY_COUNT(digest_names)),
    CYAML_FIELD_SEQUENCE_COUNT("found", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct detector_setting, found,
                               found_count, &text_schema, 0, SAMPLES_MAX),
    CYAML_FIELD_SEQUENCE_COUNT("ignored", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct detector_setting, ignored,
                               ignored_count, &text_schema, 0, SAMPLES_MAX),
    CYAML_FIELD_STRING_PTR("sample_context", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct detector_setting,
                           sample_context, 0, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("false_positives", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct detector_setting,
                           false_positives, 0, TEXT_MAX),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t setting_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct detector_setting, setting_fields)};

static const cyaml_schema_field_t list_fields[] = {
    CYAML_FIELD_SEQUENCE_COUNT("detectors", CYAML_FLAG_POINTER, struct list, settings, count, &setting_schema, 1,
                               DETECTORS_MAX),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t list_schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct list, list_fields)};

static void check_id(const struct detector_file *file, uint32_t index, struct diagnostics *diagnostics)
{
    const struct detector_setting *setting = &file->settings[index];
    for (uint32_t i = 0; i < index; i++) {
        if (strcmp(setting->id, file->settings[i].id) != 0)
            continue;
        struct diagnostic_place place = yaml_document_place(file->document, "/detectors/%u/id", index);
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, &place,
                        "detector %s is already defined in line %u; give this one another id", setting->id,
                        file->settings[i].line);
        return;
    }
}

int detector_file_load(const char *path, struct diagnostics *diagnostics, struct detector_file **file_out)
{
    struct yaml_document *document;
    *file_out = NULL;
    int status = yaml_load_file(path, &list_schema, diagnostics, &document);
    if (status)
        return status;
    struct detector_file *file = calloc(1, sizeof(*file));
    if (!file) {
        yaml_document_free(document);
        return -ENOMEM;
    }
    const struct list *list = yaml_document_value(document);
    *file = (struct detector_file){.document = document, .settings = list->settings, .count = list->count};
    uint32_t errors = diagnostics->errors;
    for (uint32_t i = 0; i < file->count; i++) {
        struct diagnostic_place place = yaml_document_place(document, "/detectors/%u", i);
        file->settings[i].line = place.line;
        file->settings[i].column = place.column;
        check_id(file, i, diagnostics);
    }
    if (diagnostics->errors == errors) {
        *file_out = file;
        return 0;
    }
    detector_file_free(file);
    return -EINVAL;
}

void detector_file_free(struct detector_file *file)
{
    if (!file)
        return;
    yaml_document_free(file->document);
    free(file);
}
