#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Mistakes in configuration, rules, detectors and registry are told with file, line, column and what to do."""

import os
import subprocess
import sys
import tempfile
import textwrap
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
from replay import ASSAY, case_path  # noqa: E402

CAPTURE = case_path("connect", "traffic.pcap")
RULE = 'pack: mine\nversion: "1.0"\nrules:\n  - id: MY-001\n    title: Mine\n'
DETECTOR = "detectors:\n  - id: X1\n    name: Mine\n    class: own\n"
OPENAPI = 'openapi: 3.0.3\ninfo: {title: x, version: "1"}\npaths:\n'


class Mistakes(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text)
        return path

    def run_assay(self, *arguments):
        done = subprocess.run([ASSAY, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                              timeout=120)
        return done.returncode, done.stderr.decode()

    def check_told(self, name, place, *words):
        """`check` and `replay` refuse the configuration, and say where and why."""
        config = os.path.join(self.folder, "assay.yaml")
        for arguments in (("check", "-c", config), ("replay", "-c", config, CAPTURE)):
            status, talk = self.run_assay(*arguments)
            self.assertEqual(status, 2, talk)
            line = next((line for line in talk.splitlines() if "%s:%s:" % (name, place) in line), None)
            self.assertIsNotNone(line, "%s:%s is not told: %s" % (name, place, talk))
            for word in words:
                self.assertIn(word, line)

    def fips_provider_is_there(self):
        done = subprocess.run(["openssl", "list", "-providers", "-provider", "fips"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False)
        return done.returncode == 0

    def test_fips_needs_its_provider(self):
        if self.fips_provider_is_there():
            self.skipTest("this OpenSSL has the provider")
        self.in_settings("fips: true\n", "1", "FIPS provider cannot be loaded", "fipsmodule.cnf")
        reporter = os.path.join(os.path.dirname(ASSAY), "assay-reporter")
        done = subprocess.run([reporter, "--fips", "--once", "--folder", self.folder], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False, timeout=120)
        talk = done.stderr.decode()
        self.assertEqual(done.returncode, 2, talk)
        for word in ("--fips", "FIPS provider cannot be loaded", "fipsmodule.cnf"):
            self.assertIn(word, talk)
        self.assertEqual(os.listdir(self.folder), ["assay.yaml"])  # nothing was begun

    def in_settings(self, text, place, *words):
        self.write("assay.yaml", text)
        self.check_told("assay.yaml", place, *words)

    def in_pack(self, text, place, *words):
        self.write("assay.yaml", "rules: [pack.yaml]\ndetectors: []\n")
        self.write("pack.yaml", RULE + textwrap.indent(text, "    "))
        self.check_told("pack.yaml", place, *words)

    def in_detectors(self, text, place, *words):
        self.write("assay.yaml", "detectors: [mine.yaml]\n")
        self.write("mine.yaml", DETECTOR + text)
        self.check_told("mine.yaml", place, *words)

    def in_registry(self, text, place, *words):
        self.write("assay.yaml", "detectors: []\nregistry: {folder: registry}\n")
        self.write("registry/api.yaml", OPENAPI + text)
        self.check_told("api.yaml", place, *words)

    def test_settings(self):
        self.in_settings("sensor:\n  nam: x\n", "2:3", "unknown key 'nam'", "did you mean 'name'")
        self.in_settings("workers:\n  count: 100\n", "2:10", "from 1 to 64")
        self.in_settings("workers:\n  count: many\n", "2:10", "whole number", "'many'")
        self.in_settings("sensor:\n\tname: x\n", "2:1", "no YAML")
        self.in_settings("queue:\n  size_kib: 1000\n", "2:13", "power of two")
        self.in_settings("sensor:\n  name: [a, b]\n", "2:9")

    def test_zones(self):
        self.in_settings("zones:\n  - name: a\n    kind: nosuch\n    cidrs: [10.0.0.0/8]\n", "3:11", "public, cde")
        self.in_settings("zones:\n  - name: a\n    kind: cde\n    cidrs: [10.0.0.0/99]\n", "4:13", "192.0.2.1")
        self.in_settings("zones:\n  - name: a\n    kind: cde\n", "2:5", "`cidrs`")
        self.in_settings("zones:\n  - {name: a, kind: cde, vlans: [1]}\n  - {name: a, kind: cde, vlans: [2]}\n", "3:5", "same name")

    def test_every_mistake_of_a_file_is_told(self):
        self.write("assay.yaml", "queue:\n  size_kib: 1000\nledger:\n  interval_seconds: 0\n")
        status, talk = self.run_assay("check", "-c", os.path.join(self.folder, "assay.yaml"))
        self.assertEqual(status, 2)
        self.assertIn("assay.yaml:2:13", talk)
        self.assertIn("assay.yaml:4:21", talk)

    def test_rules(self):
        rest = "guard: none\nrequirements: [P4.2.1]\nseverity: high\n"
        self.in_pack("check: nosuch\n" + rest, "6:12", "'nosuch'", "cleartext")
        self.in_pack("check: cleartext\nseverity: urgent\n", "7:15", "'urgent'", "critical")
        self.in_pack("titel: x\n", "6:5", "unknown key 'titel'", "did you mean 'title'")
        self.in_pack("check: header-missing\n" + rest + "parameters:\n  sides: [request]\n", "11:7", "'headers'", "add it")

    def test_detectors(self):
        self.in_detectors("    patern: x\n", "5:5", "patern")
        rest = "    candidate: [literal]\n    mask: {show: nothing}\n    digest: none\n    found: [abc]\n    ignored: [x]\n"
        self.in_detectors("    pattern: 'abc('\n" + rest, "2:5", "X1", "does not compile")
        self.in_detectors("    pattern: 'xyz'\n" + rest, "2:5", "X1")

    def test_registry(self):
        self.in_registry("  a:\n    get: {}\n", "4:3", "begin with '/'")
        self.in_registry("  /a:\n    get:\n      parameters: [{$ref: '#/nosuch'}]\n", "6:21", "leads nowhere")
        self.in_registry("  /a: [\n", "5:1")

    def test_missing_files_are_named(self):
        for text, name in (("rules: [nosuch.yaml]\n", "nosuch.yaml"), ("detectors: [nosuch.yaml]\n", "nosuch.yaml"),
                           ("registry: {folder: nosuch}\n", "nosuch"), ("capture: {driver: nosuch.yaml}\n", "nosuch.yaml")):
            config = self.write("assay.yaml", text)
            status, talk = self.run_assay("check", "-c", config)
            self.assertEqual(status, 2, talk)
            self.assertIn(os.path.join(self.folder, name), talk)

    def test_the_shipped_files_have_none(self):
        status, talk = self.run_assay("check")
        self.assertIn(status, (0, 1), talk)  # the host may lack something
        self.assertNotIn("error", talk)
        self.assertNotIn("warning", talk)


if __name__ == "__main__":
    unittest.main()
