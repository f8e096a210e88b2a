/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Runs a fuzz target over its corpus without a fuzzing engine: every file of the folders given, the empty input, and for
 * each file every truncation of its first bytes. So each crash that was ever found stays found.
 */

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SEED_SIZE_MAX      (1u << 22)
#define TRUNCATIONS_MAX    512u

/* An exact-size heap copy, so that a sanitizer sees the first byte read beyond it. */
static void run_copy(const uint8_t *data, size_t size)
{
    uint8_t *copy = calloc(size ? size : 1, 1); /* zeroed: compilers warn of reading what malloc() gave */
    if (!copy)
        abort();
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static int run_file(const char *folder, const char *name, uint8_t *buffer)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "cannot read %s\n", path);
        return -1;
    }
    size_t size = fread(buffer, 1, SEED_SIZE_MAX, file);
    fclose(file);
    for (size_t cut = 0; cut < size && cut < TRUNCATIONS_MAX; cut++)
        run_copy(buffer, cut);
    run_copy(buffer, size);
    return 0;
}

static int run_folder(const char *folder, uint8_t *buffer)
{
    DIR *directory = opendir(folder);
    if (!directory) {
        fprintf(stderr, "cannot open the corpus %s\n", folder);
        return -1;
    }
    int count = 0;
    for (struct dirent *entry = readdir(directory); entry && count >= 0; entry = readdir(directory))
        if (entry->d_name[0] != '.')
            count = run_file(folder, entry->d_name, buffer) ? -1 : count + 1;
    closedir(directory);
    if (count == 0)
        fprintf(stderr, "the corpus %s is empty\n", folder);
    return count > 0 ? count : -1;
}

int main(int argc, char **argv)
{
    uint8_t *buffer = malloc(SEED_SIZE_MAX);
    int status = buffer && argc > 1 ? EXIT_SUCCESS : EXIT_FAILURE;
    run_copy((const uint8_t *)"", 0);
    for (int i = 1; i < argc && status == EXIT_SUCCESS; i++) {
        int count = run_folder(argv[i], buffer);
        status = count < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        if (count > 0)
            printf("%s: %d seeds\n", argv[i], count);
    }
    free(buffer);
    return status;
}
