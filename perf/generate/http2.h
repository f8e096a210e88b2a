/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sessions of HTTP/2
 *
 * A connection that begins with the preface (prior knowledge, RFC 9113 3.3), and calls one after the other, each on a
 * stream of its own. Windows are opened wide enough at the beginning, as browsers do it.
 */

#include "generate/message.h"

/* Writes one call; message_call_write() is one. */
typedef int (*http2_call)(struct traffic_author *author, uint32_t kind, struct message_call *call_out);

/* As traffic_protocol.write_session. */
MUST_USE int http2_session_write(struct traffic_author *author, const uint8_t *kinds, uint32_t calls,
                                 http2_call write_call, struct traffic_script *scripts_out);
