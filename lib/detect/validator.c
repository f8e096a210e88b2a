/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Validators
 *
 * The table of names. A detector file may name any of these.
 */

#include "detect/validator.h"

#include <string.h>

#include "detect/validator_list.h"

static const struct validator validators[] = {
    {"pan", validate_pan, 0, 1},
    {"track1", validate_track1, VALIDATOR_RAW, 1},
    {"track2", validate_track2, VALIDATOR_RAW, 1},
    {"emv57", validate_emv57, VALIDATOR_RAW, 4},
    {"cvv", validate_cvv, VALIDATOR_RAW, 3},
    {"pin_block", validate_pin_block, VALIDATOR_RAW, 2},
    {"iban", validate_iban, VALIDATOR_RAW, 5},
    {"bic", validate_bic, VALIDATOR_RAW, 8},
    {"aba", validate_aba, 0, 1},
    {"sort_code", validate_sort_code, 0, 1},
    {"ssn", validate_ssn, 0, 1},
    {"itin", validate_itin, 0, 1},
    {"sin", validate_sin, 0, 1},
    {"cpf", validate_cpf, 0, 1},
    {"npi", validate_npi, 0, 1},
    {"dea", validate_dea, VALIDATOR_RAW, 1},
    {"nino", validate_nino, VALIDATOR_RAW, 9},
    {"nhs", validate_nhs, 0, 1},
    {"codice_fiscale", validate_codice_fiscale, VALIDATOR_RAW, 1},
    {"dni", validate_dni, 0, 9},
    {"bsn", validate_bsn, 0, 1},
    {"steuer_id", validate_steuer_id, 0, 1},
    {"nir", validate_nir, 0, 15},
    {"rijksregister", validate_rijksregister, 0, 1},
    {"pesel", validate_pesel, 0, 1},
    {"personnummer", validate_personnummer, 0, 1},
    {"fodselsnummer", validate_fodselsnummer, 0, 1},
    {"hetu", validate_hetu, 0, 1},
    {"ahv", validate_ahv, 0, 1},
    {"oib", validate_oib, 0, 1},
    {"tfn", validate_tfn, 0, 1},
    {"aadhaar", validate_aadhaar, 0, 1},
    {"income_tax_pan", validate_income_tax_pan, VALIDATOR_RAW, 1},
    {"tckn", validate_tckn, 0, 1},
    {"resident_id", validate_resident_id, 0, 1},
    {"rrn", validate_rrn, 0, 1},
    {"nric", validate_nric, VALIDATOR_RAW, 1},
    {"south_african_id", validate_south_african_id, 0, 1},
    {"mrz", validate_mrz, VALIDATOR_RAW, 1},
    {"email", validate_email, VALIDATOR_RAW, 6},
    {"phone", validate_phone, 0, 8},
    {"birth_date", validate_birth_date, VALIDATOR_RAW, 1},
    {"coordinate", validate_coordinate, VALIDATOR_RAW, 2},
    {"public_ipv4", validate_public_ipv4, VALIDATOR_RAW, 1},
    {"icd10", validate_icd10, VALIDATOR_RAW, 3},
    {"health_record", validate_health_record, VALIDATOR_RAW, 5},
    {"jwt", validate_jwt, VALIDATOR_RAW, 1},
    {"aws_key", validate_aws_key, VALIDATOR_RAW, 8},
    {"aws_secret", validate_aws_secret, VALIDATOR_RAW, 1},
    {"entropy_4", validate_entropy_4, VALIDATOR_RAW, 1},
    {"github_token", validate_github_token, VALIDATOR_RAW, 20},
    {"slack_token", validate_slack_token, VALIDATOR_RAW, 6},
    {"private_key", validate_private_key, VALIDATOR_RAW, 1},
    {"password", validate_password, VALIDATOR_RAW, 4},
    {"basic", validate_basic, VALIDATOR_RAW, 7},
    {"secret", validate_secret, VALIDATOR_RAW, 1},
    {"prefix", validate_prefix, VALIDATOR_RAW, 1},
    {"luhn", validate_luhn, 0, 1},
    {"verhoeff", validate_verhoeff, 0, 1},
    {"mod_11_10", validate_mod_11_10, 0, 1},
    {"mod_97", validate_mod_97, VALIDATOR_RAW, 1},
    {"ean", validate_ean, 0, 1},
};

const struct validator *validator_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(validators); i++)
        if (strcmp(validators[i].name, name) == 0)
            return &validators[i];
    return NULL;
}

const struct validator *validator_at(uint32_t n)
{
    return n < ARRAY_COUNT(validators) ? &validators[n] : NULL;
}
