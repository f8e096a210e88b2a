/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Login
 *
 * How a client logged in to a message broker, in the one call in which it did. Never a password: only that there was
 * one.
 *
 * Memory:  texts in the transaction's store.
 */

#include "base/span.h"

enum login_answer { LOGIN_UNANSWERED, LOGIN_ACCEPTED, LOGIN_REFUSED };

struct login {
    struct span mechanism; /* of SASL; data NULL: the call is no login */
    struct span user;      /* data NULL: the mechanism names none, or it could not be read */
    bool secret;           /* a password or token was sent as it is */
    bool anonymous;
    bool readable;         /* the mechanism is known and its response had its form: what is not there was not sent */
    uint8_t answer;        /* enum login_answer */
};
