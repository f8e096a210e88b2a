/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Scan for sensitive data, three ways: as it is done, every pattern at every place it could match, and every pattern
 * unbound in one Hyperscan database. The first two have to agree exactly; what the third finds, the first has to claim.
 *
 * Input: one byte of flags and window cuts, then the text.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detect/detect_scan.h"
#include "detect/shape.h"

#define HITS_MAX 512u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz {
    struct detect_set *set, *always;
    struct detect_scratch *scratch, *always_scratch;
    struct digest_key key;
    struct detect_hit hits[HITS_MAX], others[HITS_MAX];
};

static void check(bool right)
{
    if (!right)
        abort();
}

/* Built once: a set takes a tenth of a second to compile. */
static struct fuzz *fuzz_instance(void)
{
    static struct fuzz *instance;
    if (instance)
        return instance;
    char path[4096];
    struct diagnostics diagnostics;
    struct detector_file *file = NULL;
    const char *source = getenv("ASSAY_SOURCE");
    snprintf(path, sizeof(path), "%s/rules/detectors.yaml", source ? source : ".");
    diagnostics_init(&diagnostics);
    check(detector_file_load(path, &diagnostics, &file) == 0);
    instance = calloc(1, sizeof(*instance));
    check(instance && digest_key_init_random(&instance->key) == 0);
    for (uint32_t i = 0; i < file->count; i++)
        file->settings[i].disabled = false;
    instance->set = detect_set_new(
        &(struct detect_set_source){.settings = file->settings, .count = file->count, .file = path}, &diagnostics);
    for (uint32_t i = 0; i < file->count; i++)
        file->settings[i].candidate = DETECTOR_ALWAYS;
    instance->always = detect_set_new(
        &(struct detect_set_source){.settings = file->settings, .count = file->count, .file = path}, &diagnostics);
    check(instance->set && instance->always);
    instance->scratch = detect_scratch_new(instance->set, &instance->key);
    instance->always_scratch = detect_scratch_new(instance->always, &instance->key);
    check(instance->scratch && instance->always_scratch);
    detector_file_free(file);
    diagnostics_deinit(&diagnostics);
    return instance;
}

static void compare_with_full(struct fuzz *fuzz, const struct detect_text *text, uint32_t count)
{
    uint32_t full = detect_scan_full(fuzz->set, fuzz->scratch, text, fuzz->others, HITS_MAX);
    check(full == count);
    for (uint32_t i = 0; i < count; i++) {
        const struct detect_hit *left = &fuzz->hits[i], *right = &fuzz->others[i];
        check(left->offset == right->offset && left->size == right->size && left->detector == right->detector);
        check(left->confidence == right->confidence && left->flags == right->flags);
        check(left->mask_size == right->mask_size && memcmp(left->mask, right->mask, left->mask_size) == 0);
    }
}

static void compare_with_always(struct fuzz *fuzz, const struct detect_text *text, uint32_t count)
{
    uint32_t always = detect_scan(fuzz->always, fuzz->always_scratch, text, fuzz->others, HITS_MAX);
    uint32_t k = 0;
    for (uint32_t i = 0; i < always; i++) {
        const struct detect_hit *wanted = &fuzz->others[i];
        while (k < count && fuzz->hits[k].offset + fuzz->hits[k].size <= wanted->offset)
            k++;
        check(k < count && fuzz->hits[k].offset < wanted->offset + wanted->size);
    }
}

static void compare_kernels(const uint8_t *data, uint32_t size)
{
    struct shape_masks expected, masks;
    for (uint32_t at = 0; at + SHAPE_BLOCK <= size; at += SHAPE_BLOCK) {
        shape_kernel_scalar(data + at, 1, &expected);
        for (uint32_t n = 1; shape_kernel_variant(n).kernel; n++) {
            shape_kernel_variant(n).kernel(data + at, 1, &masks);
            check(memcmp(&masks, &expected, sizeof(masks)) == 0);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz *fuzz = fuzz_instance();
    if (size < 1 || size > 65536)
        return 0;
    uint8_t flags = data[0];
    struct span context = flags & 1 ? SPAN_LITERAL("ssn") : (struct span){NULL, 0};
    struct detect_text text =
        flags & 2 ? detect_text_window(data + 1, (uint32_t)size - 1, flags >> 3, (flags & 4) != 0, context)
                  : detect_text_whole(data + 1, (uint32_t)size - 1, context);
    uint64_t lost = detect_scratch_lost(fuzz->scratch) + detect_scratch_lost(fuzz->always_scratch);
    uint32_t count = detect_scan(fuzz->set, fuzz->scratch, &text, fuzz->hits, HITS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        check(fuzz->hits[i].offset + fuzz->hits[i].size <= text.size);
        check(i == 0 || fuzz->hits[i].offset >= fuzz->hits[i - 1].offset + fuzz->hits[i - 1].size);
    }
    compare_kernels(text.data, text.size);
    if (detect_scratch_lost(fuzz->scratch) + detect_scratch_lost(fuzz->always_scratch) != lost)
        return 0; /* what was dropped depends on the order candidates were found in */
    compare_with_full(fuzz, &text, count);
    if (detect_scratch_lost(fuzz->scratch) == lost - detect_scratch_lost(fuzz->always_scratch))
        compare_with_always(fuzz, &text, count);
    return 0;
}
