/* SPDX-License-Identifier: Apache-2.0 */

/* AMQP 0-9-1: any bytes, any cuts, any hole, from the beginning and from the middle. */

#include "../amqp_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return amqp_fuzz(false, data, size);
}
