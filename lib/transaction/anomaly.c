/* SPDX-License-Identifier: Apache-2.0 */

/* Anomalies: names. */

#include "transaction/anomaly.h"

const char *anomaly_name(enum anomaly anomaly)
{
    static const char *const names[ANOMALY_COUNT] = {
        [ANOMALY_BARE_LF] = "bare_lf",
        [ANOMALY_BARE_CR] = "bare_cr",
        [ANOMALY_NUL] = "nul_byte",
        [ANOMALY_OBS_FOLD] = "obs_fold",
        [ANOMALY_SPACE_BEFORE_COLON] = "space_before_colon",
        [ANOMALY_HEADER_NAME] = "header_name",
        [ANOMALY_HEADER_VALUE] = "header_value",
        [ANOMALY_HEADER_LINE] = "header_line",
        [ANOMALY_REQUEST_LINE] = "request_line",
        [ANOMALY_STATUS_LINE] = "status_line",
        [ANOMALY_VERSION] = "version",
        [ANOMALY_LENGTH_MALFORMED] = "content_length_malformed",
        [ANOMALY_LENGTH_REPEATED] = "content_length_repeated",
        [ANOMALY_LENGTH_CONFLICT] = "content_length_conflict",
        [ANOMALY_LENGTH_AND_CHUNKED] = "content_length_and_chunked",
        [ANOMALY_ENCODING_OBFUSCATED] = "transfer_encoding_obfuscated",
        [ANOMALY_ENCODING_NOT_FINAL] = "chunked_not_final",
        [ANOMALY_ENCODING_IN_1_0] = "transfer_encoding_in_http_1_0",
        [ANOMALY_CHUNK_SIZE] = "chunk_size",
        [ANOMALY_CHUNK_EXTENSION] = "chunk_extension",
        [ANOMALY_CHUNK_END] = "chunk_end",
        [ANOMALY_HOST_MISSING] = "host_missing",
        [ANOMALY_HOST_REPEATED] = "host_repeated",
        [ANOMALY_HOST_INVALID] = "host_invalid",
        [ANOMALY_HOST_MISMATCH] = "host_mismatch",
        [ANOMALY_TARGET] = "target_bytes",
        [ANOMALY_BODY_ON_BODILESS] = "body_on_bodiless",
        [ANOMALY_LINE_OVERSIZED] = "line_oversized",
        [ANOMALY_HEADERS_TOO_MANY] = "headers_too_many",
        [ANOMALY_LEADING_BYTES] = "leading_bytes",
        [ANOMALY_HIDDEN_REQUEST] = "hidden_request",
        [ANOMALY_EXTRA_RESPONSE] = "extra_response",
        [ANOMALY_CONTENT_BOMB] = "content_bomb",
        [ANOMALY_CONTENT_MALFORMED] = "content_malformed",
        [ANOMALY_AFTER_LOSS] = "after_loss",
    };
    require(anomaly < ANOMALY_COUNT);
    return names[anomaly];
}
