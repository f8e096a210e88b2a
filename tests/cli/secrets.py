#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""No sensitive value leaves the worker: every output over the captures that hold some is searched for them.

Searched for as they are and as they could be written: percent-encoded, as JSON escapes, in hexadecimal, in base64 at each
of its three alignments, without separators, backwards; and for the parts that a mask must not show.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
from replay import ASSAY, case_path  # noqa: E402

EXPOSED_VALUES = ("made-up-access-0002", "made-up-token-0001")


def encodings(value):
    raw = value.encode()
    found = {value, value[::-1], "".join(letter for letter in value if letter.isalnum())}
    found.add("".join("%%%02X" % byte for byte in raw))
    found.add("".join("\\u%04x" % byte for byte in raw))
    found.add(raw.hex())
    for shift in range(3):  # what comes before decides how the bits fall; the outer characters mix with it
        text = base64.b64encode(b"\0" * shift + raw + b"\0" * 2).decode()
        found.add(text[4 if shift else 0 : len(text) - 8])
    return {text.lower() for text in found if len(text) >= 8}


def middle(card):
    """Between the first six and the last four."""
    return card[6:-4]


def without_decoy(text):
    """One call has a number that is nearly a card number, and is told as it is."""
    return "\n".join(line for line in text.split("\n") if "/v1/clean" not in line)


class Secrets(unittest.TestCase):
    def outputs(self, case, config):
        with tempfile.TemporaryDirectory() as folder:
            names = {option: os.path.join(folder, option) for option in ("transactions", "findings", "summary")}
            command = [ASSAY, "replay"] + (["-c", case_path(case, "assay.yaml")] if config else [])
            capture = case_path(case, "traffic.pcap")
            files = command + [part for option, name in names.items() for part in ("--" + option, name)] + [capture]
            texts = {}
            for label, line in (("files", files), ("text", command + [capture]),
                                ("json", command + ["--format", "json", capture]), ("two", files[:2] + ["--workers", "2"] + files[2:])):
                done = subprocess.run(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=120)
                self.assertIn(done.returncode, (0, 1), done.stderr)
                texts[label] = (done.stdout + done.stderr).decode("latin-1")
                for option, name in names.items():
                    if os.path.exists(name):
                        with open(name, encoding="latin-1") as stream:
                            texts[label + " --" + option] = stream.read()
                        os.remove(name)
            return texts

    def search(self, texts, needles):
        for label, text in texts.items():
            text = text.lower()
            for needle in needles:
                self.assertNotIn(needle, text, "in the output '%s'" % label)

    def test_sensitive(self):
        with open(case_path("sensitive", "values.json"), encoding="utf-8") as stream:
            values = json.load(stream)
        needles = set().union(*(encodings(value) for value in values.values()))
        for config in (True, False):  # with the case's registry, and with nothing but the shipped rules
            texts = self.outputs("sensitive", config)
            self.search(texts, needles)
            for name in ("card", "other_card"):
                lines = {key: without_decoy(text) for key, text in texts.items() if "--" in key}
                self.search(lines, {middle(values[name])})

    def test_credentials(self):
        for case in ("exposed", "identification", "plain"):
            needles = set().union(*(encodings(value) for value in EXPOSED_VALUES))
            needles |= encodings(base64.b64encode(b"made-up:person").decode()) | encodings("made-up:person")
            self.search(self.outputs(case, True), needles)

    def test_the_search_finds(self):
        """What is searched for is in the capture itself: a search that finds nothing anywhere proves nothing."""
        with open(case_path("sensitive", "traffic.pcap"), encoding="latin-1") as stream:
            traffic = stream.read().lower()
        with open(case_path("sensitive", "values.json"), encoding="utf-8") as stream:
            for name, value in json.load(stream).items():
                self.assertTrue(any(needle in traffic for needle in encodings(value)), name)


if __name__ == "__main__":
    unittest.main()
