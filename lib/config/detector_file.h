/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Detector files
 *
 * What a file of sensitive-data detectors says (rules/detectors.yaml documents the format), as plain settings. The
 * expressions and the names of validators are judged where they are compiled (detect/detect_set.h).
 *
 * Memory:  slow path only; detector_file_free() frees all of it.
 * Threads: any; nothing is shared.
 * Limits:  DETECTORS_MAX detectors a file, and those of config/yaml.h.
 * Errors:  -EINVAL with every mistake in the diagnostics (file, line, column, what to do); -errno of reading the file.
 */

#include "base/diagnostics.h"

#define DETECTORS_MAX         1024u /* shipped: 60; packs of key formats that are published have some hundreds */
#define DETECTOR_KEYWORDS_MAX 16u   /* words that name one kind of value in a few languages */

/* How places where a pattern could match are found; a set of these bits. */
enum detector_candidate {
    DETECTOR_LITERAL = 1 << 0, /* the pattern has a literal of three bytes or more: searched for in the whole text */
    DETECTOR_DIGITS =
        1 << 1, /* a match starts a word of digits; nine or more follow, two at most one of " .-+/" apart */
    DETECTOR_LETTERS =
        1 << 2,              /* a match starts a word; letters, digits, " .-+/", the first two side by side early on */
    DETECTOR_AT = 1 << 3,    /* every match has an @ */
    DETECTOR_PLUS = 1 << 4,  /* ... a + in front of a digit */
    DETECTOR_CARET = 1 << 5, /* ... a ^ */
    DETECTOR_ANGLE = 1 << 6, /* ... a < */
    DETECTOR_KEYWORD = 1 << 7, /* searched for only near its keywords */
    DETECTOR_ALWAYS = 1 << 8,  /* none of these: the pattern is run over the whole text, which is slow */
};

/* What of the value evidence may show. */
enum detector_show {
    DETECTOR_SHOW_NOTHING,
    DETECTOR_SHOW_ENDS,    /* `first` and `last` characters, separators not counted */
    DETECTOR_SHOW_ALL,     /* no secret: a bank's code, a public register's number */
    DETECTOR_SHOW_DOMAIN,  /* e-mail: first letter and domain */
    DETECTOR_SHOW_COUNTRY, /* telephone: country code and `last` digits */
    DETECTOR_SHOW_YEAR,    /* date */
    DETECTOR_SHOW_DECIMAL, /* coordinate: one decimal */
    DETECTOR_SHOW_NETWORK, /* IPv4: the /24 */
    DETECTOR_SHOW_LETTER,  /* ICD-10: the chapter letter */
    DETECTOR_SHOW_TYPE,    /* health record: the kind of resource */
    DETECTOR_SHOW_HEADER,  /* JWT: the algorithm its header names */
    DETECTOR_SHOW_USER,    /* Basic credentials: the user name */
};

/* What the keyed digest of a value is made of, so that one value written in two ways counts once. */
enum detector_digest {
    DETECTOR_DIGEST_EXACT,   /* the bytes as they are */
    DETECTOR_DIGEST_COMPACT, /* without " .-+/", upper case */
    DETECTOR_DIGEST_LOWER,   /* lower case */
    DETECTOR_DIGEST_NONE,    /* no digest: sensitive authentication data is not even hashed */
};

struct detector_mask {
    enum detector_show show;
    uint8_t first, last;
};

struct detector_setting {
    char *id; /* "D01" */
    char *name;
    char *pattern; /* Hyperscan's dialect of PCRE */
    bool caseless;
    bool disabled;         /* keeps its index, is not searched for */
    bool keyed;            /* the pattern begins with the field's name; the value lies behind its ':' or '=' */
    bool keyword_required; /* reported only with a keyword in the field name or within 64 bytes */
    uint32_t candidate;    /* set of enum detector_candidate */
    char *validator;       /* NULL: none */
    char **keywords;
    uint32_t keyword_count;
    struct detector_mask mask;
    enum detector_digest digest;
    char *class;  /* "PCI-CHD", "PII-high" ... */
    char **found; /* samples that must be found ... */
    uint32_t found_count;
    char **ignored; /* ... and that must not */
    uint32_t ignored_count;
    char *false_positives; /* for people */
    char *sample_context;  /* field name the samples are judged under; NULL: none */
    uint32_t line, column; /* of the entry in its file; 0: not from a file */
};

struct detector_file {
    struct yaml_document *document; /* owns the settings */
    struct detector_setting *settings;
    uint32_t count;
};

/* On failure *file_out is NULL. */
MUST_USE int detector_file_load(const char *path, struct diagnostics *diagnostics, struct detector_file **file_out);
void detector_file_free(struct detector_file *file);
