/* SPDX-License-Identifier: Apache-2.0 */

/* Base64 of gRPC-Web-text: a digit at a time, so that no cut of the input matters. */

#include "proto/grpc_text.h"

/* 0 to 63; 64: padding; 255: no base64. */
static uint8_t digit_of(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return (uint8_t)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (uint8_t)(c - 'a' + 26);
    if (c >= '0' && c <= '9')
        return (uint8_t)(c - '0' + 52);
    return c == '+' ? 62 : c == '/' ? 63 : c == '=' ? 64 : 255;
}

/* False: no base64. */
static bool digit_add(struct grpc_text *decoder, uint8_t digit)
{
    if (digit > 64 || (digit == 64 && decoder->digits < 2) || (digit < 64 && decoder->padding))
        return false;
    decoder->padding = (uint8_t)(decoder->padding + (digit == 64));
    decoder->bits = decoder->bits << 6 | (digit & 63);
    decoder->digits++;
    return true;
}

uint32_t grpc_text_decode(struct grpc_text *decoder, struct span *text, uint8_t *buffer, uint32_t capacity)
{
    uint32_t used = 0, at = 0;
    while (!decoder->broken && at < text->size && capacity - used >= 3) {
        if (!digit_add(decoder, digit_of(text->data[at]))) {
            decoder->broken = true;
            break;
        }
        at++;
        if (decoder->digits < 4)
            continue;
        for (uint32_t i = 0; i + decoder->padding < 3; i++)
            buffer[used++] = (uint8_t)(decoder->bits >> (16 - 8 * i));
        *decoder = (struct grpc_text){0};
    }
    *text = span_from(*text, at);
    return used;
}

bool grpc_text_ended(const struct grpc_text *decoder)
{
    return decoder->digits == 0;
}
