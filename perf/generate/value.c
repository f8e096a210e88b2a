/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sensitive values. The order matters: the first three kinds (card number, e-mail, key) are what a body with one value
 * mostly has, as the kinds are taken in turn from a random beginning among them.
 */

#include "generate/value.h"

void traffic_characters_add(struct text *text, struct random *random, const char *alphabet, uint32_t count)
{
    uint32_t size = (uint32_t)strlen(alphabet);
    for (uint32_t i = 0; i < count; i++)
        text_add(text, "%c", alphabet[random_below(random, size)]);
}

/* The Luhn check digit behind 15 digits (ISO/IEC 7812-1 annex B). */
static char luhn_digit(const char *digits)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < 15; i++) {
        uint32_t digit = (uint32_t)(digits[i] - '0') * (i % 2 == 0 ? 2 : 1);
        sum += digit > 9 ? digit - 9 : digit;
    }
    return (char)('0' + (10 - sum % 10) % 10);
}

static void card_add(struct text *text, struct random *random)
{
    char digits[16] = {'4', '5'};
    for (uint32_t i = 2; i < 15; i++)
        digits[i] = (char)('0' + random_below(random, 10));
    digits[15] = luhn_digit(digits);
    const char *separator = random_below(random, 2) ? " " : "";
    text_add(text, "\"cardNumber\":\"%.4s%s%.4s%s%.4s%s%.4s\"", digits, separator, digits + 4, separator, digits + 8,
             separator, digits + 12);
}

/* A German account: check digits as of ISO 13616, "DE" becoming 1314 behind the number. */
static void iban_add(struct text *text, struct random *random)
{
    char account[19];
    uint32_t rest = 0;
    for (uint32_t i = 0; i < 18; i++) {
        account[i] = (char)('0' + random_below(random, 10));
        rest = (rest * 10 + (uint32_t)(account[i] - '0')) % 97;
    }
    account[18] = '\0';
    for (const char *digit = "131400"; *digit; digit++)
        rest = (rest * 10 + (uint32_t)(*digit - '0')) % 97;
    text_add(text, "\"iban\":\"DE%02u%s\"", 98 - rest, account);
}

void traffic_token_add(struct text *text, struct random *random)
{
    /* {"alg":"ES256","typ":"JWT"} and {"sub":"u-...", then whatever the random characters make of it. */
    text_add(text, "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ1LTEyMzQ1Njc4OSIsInNjb3BlIjoib3JkZXJzIn0.");
    traffic_characters_add(text, random, TRAFFIC_BASE64_URL, 86);
}

static void email_add(struct text *text, struct random *random)
{
    static const char *const names[] = {"maria", "liam", "noor", "chen", "olga", "jan", "aisha", "tom"};
    const char *name = names[random_below(random, ARRAY_COUNT(names))];
    text_add(text, "\"email\":\"%s.%u@mail.example.com\"", name, random_below(random, 100000));
}

static void key_add(struct text *text, struct random *random)
{
    text_add(text, "\"accessKey\":\"AKIA");
    traffic_characters_add(text, random, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16);
    text_add(text, "\"");
}

void traffic_value_add(struct text *text, struct random *random, uint32_t kind)
{
    uint32_t number = random_below(random, 9000);
    switch (kind % TRAFFIC_VALUE_KINDS) {
    case 0:
        card_add(text, random);
        break;
    case 1:
        email_add(text, random);
        break;
    case 2:
        key_add(text, random);
        break;
    case 3:
        iban_add(text, random);
        break;
    case 4: /* area 001 to 665, no zero group or serial */
        text_add(text, "\"ssn\":\"%03u-%02u-%04u\"", 1 + number % 665, 1 + number % 99, 1 + number);
        break;
    case 5:
        text_add(text, "\"phone\":\"+4915112%05u\"", 10000 + number);
        break;
    case 6:
        text_add(text, "\"idToken\":\"");
        traffic_token_add(text, random);
        text_add(text, "\"");
        break;
    case 7:
        text_add(text, "\"dateOfBirth\":\"%u-%02u-%02u\"", 1950 + number % 50, 1 + number % 12, 1 + number % 28);
        break;
    case 8:
        text_add(text, "\"password\":\"harbour-%u-kettle\"", number);
        break;
    case 9:
        text_add(text, "\"cvv\":\"%03u\"", 100 + number % 900);
        break;
    default:
        text_add(text, "\"latitude\":%u.%05u,\"longitude\":%u.%05u", number % 80, 10000 + number, number % 170,
                 20000 + number);
        break;
    }
}
