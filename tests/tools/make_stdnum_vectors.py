#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes numbers that python-stdnum accepts and rejects, for test_detect_validators.

    /usr/bin/python3 tests/tools/make_stdnum_vectors.py > tests/unit/stdnum_vectors.tsv

Each line: validator, number, 1 for valid or 0. Valid ones are drawn at random until the library accepts one; invalid ones
are valid ones with one character changed that it rejects. The seed is fixed, so the file changes only with the library.
"""

import importlib
import random

COUNT = 8
random.seed(20)


def digits(count, first="0123456789"):
    return random.choice(first) + "".join(random.choice("0123456789") for _ in range(count - 1))


def date(form):
    year, month, day = random.randint(1930, 2005), random.randint(1, 12), random.randint(1, 28)
    return form.format(y=year % 100, c=year, m=month, d=day)


def iban():
    country = random.choice(["DE", "FR", "GB", "NL", "ES", "IT", "CH", "NO", "BE", "PL", "SE", "AT"])
    lengths = {"DE": 22, "FR": 27, "GB": 22, "NL": 18, "ES": 24, "IT": 27, "CH": 21, "NO": 15, "BE": 16, "PL": 28,
               "SE": 24, "AT": 20}
    shapes = {"GB": "LLLL", "NL": "LLLL", "IT": "L", "FR": ""}
    letters = "".join(random.choice("ABCDEFGHJKLMNPRSTUVWXYZ") for _ in shapes.get(country, ""))
    body = letters + digits(lengths[country] - 4 - len(letters))
    number = int("".join(str(int(c, 36)) for c in body + country + "00"))
    return country + "%02d" % (98 - number % 97) + body


def codice_fiscale():
    letters = lambda n: "".join(random.choice("BCDFGLMNPRSTVZ") for _ in range(n))
    return (letters(6) + digits(2) + random.choice("ABCDEHLMPRST") + "%02d" % random.randint(1, 28) +
            random.choice("ABCDEFGHI") + digits(3) + random.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))


def nir():
    body = random.choice("12") + date("{y:02d}{m:02d}") + random.choice(["75", "13", "2A", "2B", "69"]) + digits(6)
    return body + digits(2)


KINDS = [
    ("luhn", "luhn", lambda: digits(12)),
    ("verhoeff", "verhoeff", lambda: digits(10)),
    ("mod_11_10", "iso7064.mod_11_10", lambda: digits(11)),
    ("iban", "iban", iban),
    ("aba", "us.rtn", lambda: random.choice(["01", "11", "21", "31"]) + digits(7)),
    ("ssn", "us.ssn", lambda: "{}-{}-{}".format(digits(3), digits(2), digits(4))),
    ("sin", "ca.sin", lambda: digits(9, "1234567")),
    ("cpf", "br.cpf", lambda: "{}.{}.{}-{}".format(digits(3), digits(3), digits(3), digits(2))),
    ("nhs", "gb.nhs", lambda: digits(10, "4679")),
    ("tfn", "au.tfn", lambda: digits(9, "123456789")),
    ("aadhaar", "in_.aadhaar", lambda: digits(4, "23456789") + " " + digits(4) + " " + digits(4)),
    ("codice_fiscale", "it.codicefiscale", codice_fiscale),
    ("dni", "es.dni", lambda: digits(8) + random.choice("TRWAGMYFPDXBNJZSQVHLCKE")),
    ("dni", "es.nie", lambda: random.choice("XYZ") + digits(7) + random.choice("TRWAGMYFPDXBNJZSQVHLCKE")),
    ("bsn", "nl.bsn", lambda: digits(9, "123456789")),
    ("steuer_id", "de.idnr", lambda: digits(11, "123456789")),
    ("nir", "fr.nir", nir),
    ("rijksregister", "be.nn", lambda: date("{y:02d}{m:02d}{d:02d}") + digits(5)),
    ("pesel", "pl.pesel", lambda: date("{y:02d}{m:02d}{d:02d}") + digits(5)),
    ("personnummer", "se.personnummer", lambda: date("{y:02d}{m:02d}{d:02d}") + "-" + digits(4)),
    ("fodselsnummer", "no.fodselsnummer", lambda: date("{d:02d}{m:02d}{y:02d}") + digits(5)),
    ("hetu", "fi.hetu", lambda: date("{d:02d}{m:02d}{y:02d}") + "-" + digits(3) + random.choice("0123456789ABCDEFHJKLMNPRSTUVWXY")),
    ("ahv", "ch.ssn", lambda: "756." + digits(4) + "." + digits(4) + "." + digits(2)),
    ("oib", "hr.oib", lambda: digits(11, "123456789")),
    ("tckn", "tr.tckimlik", lambda: digits(11, "123456789")),
    ("resident_id", "cn.ric", lambda: "110101" + date("{c}{m:02d}{d:02d}") + digits(3) + random.choice("0123456789X")),
    ("south_african_id", "za.idnr", lambda: date("{y:02d}{m:02d}{d:02d}") + digits(4) + random.choice("01") + "8" + digits(1)),
]

TRIES = 200000


def main():
    print("# Made by tests/tools/make_stdnum_vectors.py; do not edit.")
    for validator, module, draw in KINDS:
        check = importlib.import_module("stdnum." + module).is_valid
        valid = []
        for _ in range(TRIES):
            number = draw()
            if check(number):
                valid.append(number)
            if len(valid) == COUNT:
                break
        if not valid:
            raise SystemExit("no valid number for " + module)
        for number in valid:
            print(validator, number, 1, sep="\t")
            for _ in range(100):
                place = random.randrange(len(number))
                if number[place].isdigit():
                    wrong = number[:place] + random.choice("0123456789") + number[place + 1:]
                    if not check(wrong):
                        print(validator, wrong, 0, sep="\t")
                        break


main()
