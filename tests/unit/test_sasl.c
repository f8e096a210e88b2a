/* SPDX-License-Identifier: Apache-2.0 */

/* SASL: user names of the mechanisms' own documents, and that no secret is in what is told. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/sasl.h"

static struct sasl_login login_of(const char *mechanism, const void *response, size_t size)
{
    struct sasl_login login;
    sasl_login_read(span_from_text(mechanism), span_of(response, size), &login);
    return login;
}

static void assert_user(const struct sasl_login *login, const char *user)
{
    assert_int_equal(login->user.size, strlen(user));
    assert_memory_equal(login->user.data, user, login->user.size);
}

static void test_plain(void **state)
{
    (void)state;
    /* RFC 4616 4: the second example, "tim" with "tanstaaftanstaaf"; and one with an authorization identity. */
    struct sasl_login login = login_of("PLAIN", "\0tim\0tanstaaftanstaaf", 21);
    assert_user(&login, "tim");
    assert_true(login.secret && login.readable && !login.anonymous);
    login = login_of("PLAIN", "Ursel\0Kurt\0xipj3plmq", 20);
    assert_user(&login, "Kurt");
    assert_true(login.secret);
    login = login_of("PLAIN", "\0tim", 4);
    assert_false(login.readable);
    assert_null(login.user.data);
    login = login_of("PLAIN", "", 0);
    assert_false(login.readable);
}

static void test_amqplain(void **state)
{
    (void)state;
    static const char response[] = "\5LOGINS\0\0\0\5guest\10PASSWORDS\0\0\0\5guest";
    struct sasl_login login = login_of("AMQPLAIN", response, sizeof(response) - 1);
    assert_user(&login, "guest");
    assert_true(login.secret && login.readable);
    login = login_of("AMQPLAIN", response, sizeof(response) - 3);
    assert_false(login.readable);
}

static void test_others(void **state)
{
    (void)state;
    struct sasl_login login = login_of("ANONYMOUS", "sirhc", 5); /* RFC 4505 4 */
    assert_true(login.anonymous && login.readable && !login.secret);
    assert_null(login.user.data);
    login = login_of("EXTERNAL", "fred@example.com", 16);
    assert_user(&login, "fred@example.com");
    assert_false(login.secret);
    login = login_of("EXTERNAL", "", 0);
    assert_true(login.readable);
    assert_null(login.user.data);
    login = login_of("SCRAM-SHA-1", "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL", 36); /* RFC 5802 5 */
    assert_user(&login, "user");
    assert_false(login.secret);
    static const char bearer[] =
        "n,a=user@example.com,\1host=server.example.com\1port=143\1auth=Bearer vF9dft4qmTc\1\1";
    login = login_of("OAUTHBEARER", bearer, sizeof(bearer) - 1); /* RFC 7628 4.1 */
    assert_user(&login, "user@example.com");
    assert_true(login.secret);
    login = login_of("GSSAPI", "whatever", 8);
    assert_false(login.readable);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_amqplain),
        cmocka_unit_test(test_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
