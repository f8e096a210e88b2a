/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The validators by name, for the one table in validator.c. Each is described where it is defined.
 */

#include "detect/validator.h"

/* validator_card.c */
validator_judge validate_pan, validate_track1, validate_track2, validate_emv57, validate_cvv, validate_pin_block;

/* validator_bank.c */
validator_judge validate_iban, validate_bic, validate_aba, validate_sort_code;

/* validator_america.c */
validator_judge validate_ssn, validate_itin, validate_sin, validate_cpf, validate_npi, validate_dea;

/* validator_europe.c */
validator_judge validate_nino, validate_nhs, validate_codice_fiscale, validate_dni, validate_bsn, validate_steuer_id,
    validate_nir, validate_rijksregister, validate_pesel;

/* validator_north.c */
validator_judge validate_personnummer, validate_fodselsnummer, validate_hetu, validate_ahv, validate_oib;

/* validator_asia.c */
validator_judge validate_tfn, validate_aadhaar, validate_income_tax_pan, validate_tckn, validate_resident_id,
    validate_rrn, validate_nric, validate_south_african_id;

/* validator_person.c */
validator_judge validate_mrz, validate_email, validate_phone, validate_birth_date, validate_coordinate,
    validate_public_ipv4, validate_icd10, validate_health_record;

/* validator_secret.c */
validator_judge validate_jwt, validate_aws_key, validate_aws_secret, validate_entropy_4, validate_github_token,
    validate_slack_token, validate_private_key, validate_password, validate_basic, validate_secret, validate_prefix;

/* Check digits alone, for detectors of a house's own; validator_plain.c */
validator_judge validate_luhn, validate_verhoeff, validate_mod_11_10, validate_mod_97, validate_ean;
