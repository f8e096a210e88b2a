/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Processor
 *
 * Which vectors may be used. What is chosen at run time asks here, so that one look answers for the whole program, and
 * tests can hold what comes out with fewer of them against what comes out with all: the environment variable ASSAY_SIMD
 * names the most that may be used (plain, v2, avx2, avx512). What the compiler may take for granted (x86-64-v2) is
 * chosen when compiling, by CPU_SSSE3; the build option `simd=false` takes all of it away.
 *
 * Memory:  none.
 * Threads: any; the answer is found before main() and never changes.
 */

#include "base/base.h"

#if defined(__SSSE3__) && !defined(ASSAY_PLAIN)
#define CPU_SSSE3 1
#endif

enum cpu_vectors {
    CPU_PLAIN,  /* none of our own */
    CPU_V2,     /* x86-64-v2: SSSE3 */
    CPU_AVX2,   /* with BMI and BMI2, as all processors that have it */
    CPU_AVX512, /* F, BW and VL, as all servers that have it */
};

enum cpu_vectors cpu_vectors(void);
