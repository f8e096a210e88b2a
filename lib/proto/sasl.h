/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * SASL, as both AMQP versions use it
 *
 * Who logs in and how, from the mechanism and the client's first response. Passwords and tokens are stepped over: that
 * one was there is all that is told.
 *
 * Memory:  none; spans lie in the input.
 * Threads: pure functions.
 * Source:  RFC 4616 (PLAIN), RFC 4505 (ANONYMOUS), RFC 4422 appendix A (EXTERNAL), RFC 5802 5.1 (SCRAM), RFC 7628 3.1
 *          (OAUTHBEARER), AMQPLAIN as RabbitMQ documents it.
 */

#include "base/span.h"

struct sasl_login {
    struct span user; /* data NULL: the mechanism names none, or it was not seen */
    bool secret;      /* the response holds a password or token as it is */
    bool anonymous;
    bool readable; /* the mechanism is known and the response has its form */
};

void sasl_login_read(struct span mechanism, struct span response, struct sasl_login *login_out);
