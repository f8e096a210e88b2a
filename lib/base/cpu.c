/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Processor: the compiler's run-time library keeps what a processor can do in a variable that it sets before main();
 * this does the same with what of it may be used.
 */

#include "base/cpu.h"

#include <stdlib.h>
#include <string.h>

static enum cpu_vectors usable; /* written once, before main() */

static enum cpu_vectors present(void)
{
#ifdef CPU_SSSE3
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi") || !__builtin_cpu_supports("bmi2"))
        return CPU_V2;
    bool wide =
        __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    return wide ? CPU_AVX512 : CPU_AVX2;
#else
    return CPU_PLAIN;
#endif
}

__attribute__((constructor)) static void look(void)
{
    static const char *const names[] = {
        [CPU_PLAIN] = "plain", [CPU_V2] = "v2", [CPU_AVX2] = "avx2", [CPU_AVX512] = "avx512"};
    const char *most = secure_getenv("ASSAY_SIMD");
    usable = present();
    for (uint32_t i = 0; most && i < (uint32_t)usable; i++)
        if (strcmp(names[i], most) == 0)
            usable = (enum cpu_vectors)i;
}

enum cpu_vectors cpu_vectors(void)
{
    return usable;
}
