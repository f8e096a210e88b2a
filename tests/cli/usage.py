#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The command line: help, wrong options, files that are missing, unreadable, empty, cut or no captures, full devices.

Exit status 0 is fine, 1 findings or a failed check, 2 wrong usage, configuration or input; results go to standard output,
talk to standard error.
"""

import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
from replay import ASSAY, BUILD, SOURCE, case_path  # noqa: E402

COMMANDS = ("run", "replay", "check", "reload", "status", "top", "findings", "report", "doctor")
PROGRAMS = ("assay-worker", "assay-reporter")
CAPTURE = case_path("connect", "traffic.pcap")  # the smallest one
TRUNCATED_PACKETS = 6  # handshake, request, acknowledgement, answer
UNREADABLE_RUNS = 40  # of random bytes


def run(*arguments, program=ASSAY, **options):
    options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("stdout", subprocess.PIPE)
    return subprocess.run([program, *arguments], stderr=subprocess.PIPE, timeout=120, check=False, **options)


def pcap_to_pcapng(data):
    """The same packets as pcapng, little-endian, nanoseconds: section, interface and one block a packet."""

    def block(kind, body):
        body += b"\0" * (-len(body) % 4)
        size = (12 + len(body)).to_bytes(4, "little")
        return kind.to_bytes(4, "little") + size + body + size

    out = block(0x0A0D0D0A, b"\x4d\x3c\x2b\x1a\x01\0\0\0" + b"\xff" * 8) + block(1, b"\x01\0\0\0\0\0\x04\0")
    at = 24
    while at + 16 <= len(data):
        seconds, micro, size, wire = (int.from_bytes(data[at + n : at + n + 4], "little") for n in (0, 4, 8, 12))
        stamp = seconds * 10**6 + micro if data[1] == 0xC3 else (seconds * 10**9 + micro) // 1000
        head = (0).to_bytes(4, "little") + (stamp >> 32).to_bytes(4, "little")
        head += (stamp & 0xFFFFFFFF).to_bytes(4, "little") + size.to_bytes(4, "little") + wire.to_bytes(4, "little")
        out += block(6, head + data[at + 16 : at + 16 + size])
        at += 16 + size
    return out


def first_packets(data, count):
    at = 24
    for _ in range(count):
        at += 16 + int.from_bytes(data[at + 8 : at + 12], "little")
    return data[:at]


class CommandLine(unittest.TestCase):
    def test_shipped_rules_are_found_from_a_folder_elsewhere(self):
        """As from a build folder outside of the sources: those that the build was made from."""
        here = run("check").stdout
        with tempfile.TemporaryDirectory() as folder:
            program = os.path.join(folder, "assay")
            shutil.copy(ASSAY, program)
            elsewhere = run("check", program=program).stdout
        for line in here.splitlines():
            if line.startswith((b"rules:", b"detectors:")):
                self.assertIn(line, elsewhere.splitlines())
        self.assertRegex(elsewhere, rb"(?m)^detectors: +[1-9]")

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.light = self.write("assay.yaml", b"detectors: []\n")  # they take half a second to compile

    def write(self, name, data):
        path = os.path.join(self.folder.name, name)
        with open(path, "wb") as stream:
            stream.write(data)
        return path

    def replay(self, *arguments, **options):
        return run("replay", "-c", self.light, *arguments, **options)

    def check_refused(self, done, *words):
        self.assertEqual(done.returncode, 2, done)
        talk = done.stderr.decode()
        for word in words:
            self.assertIn(word, talk)

    # Usage

    def test_help_of_every_command(self):
        for command in COMMANDS:
            done = run(command, "--help")
            self.assertEqual((done.returncode, done.stderr), (0, b""), command)
            self.assertTrue(done.stdout.startswith(b"usage: assay " + command.encode()), command)
            self.assertTrue(all(len(line) <= 120 for line in done.stdout.splitlines()), command)
        for program in PROGRAMS:
            done = run("--help", program=os.path.join(BUILD, "app", program))
            self.assertEqual((done.returncode, done.stderr), (0, b""), program)
            self.assertIn(b"usage: " + program.encode(), done.stdout)

    def test_manual_names_every_option(self):
        with open(os.path.join(SOURCE, "docs", "man", "assay.1.rst"), encoding="utf-8") as stream:
            entries = dict(re.findall(r"(?ms)^``([a-z]+)``(.*?)(?=^``|\Z)", stream.read()))
        for command in COMMANDS:
            offered = set(re.findall(r"--[a-z-]+", run(command, "--help").stdout.decode())) - {"--help", "--config"}
            told = set(re.findall(r"``(--[a-z-]+)``", entries[command])) - {"--config"}
            self.assertEqual(offered, told, command)

    def test_help_names_every_command(self):
        done = run("--help")
        self.assertEqual(done.returncode, 0)
        for command in COMMANDS:
            self.assertIn(command.encode(), done.stdout)

    def test_version(self):
        self.assertRegex(run("--version").stdout.decode(), r"^assay \d+\.\d+\.\d+\n$")

    def test_wrong_usage(self):
        for arguments in ([], ["nosuch"], ["replay"], ["run"], ["check", "surplus"], *[[name, "--nosuch"] for name in COMMANDS]):
            done = run(*arguments)
            self.assertEqual((done.returncode, done.stdout), (2, b""), arguments)
            self.assertTrue(done.stderr, arguments)

    def test_wrong_values(self):
        for option, value, words in (("--workers", "0", "from 1 to 64"), ("--workers", "65", "from 1 to 64"),
                                     ("--workers", "two", "'two'"), ("--workers", "-1", "'-1'"),
                                     ("--format", "xml", "'text' or 'json'")):
            self.check_refused(run("replay", option, value, CAPTURE), words)

    # Files

    def test_missing_files(self):
        self.check_refused(self.replay("nosuch.pcap"), "nosuch.pcap", "No such file")
        self.check_refused(run("replay", "-c", "nosuch.yaml", CAPTURE), "nosuch.yaml", "No such file")
        self.check_refused(run("check", "-c", "nosuch.yaml"), "nosuch.yaml", "No such file")
        self.check_refused(self.replay("--findings", "/nonexistent/x", CAPTURE), "/nonexistent/x", "No such file")
        for command in ("findings", "report"):
            self.check_refused(run(command, "--folder", "/nonexistent"), "/nonexistent")
        for command in ("status", "reload", "top"):
            self.check_refused(run(command, "--queue", "assay-test-nosuch"), "assay-test-nosuch")

    def test_one_missing_of_two(self):
        done = self.replay("--transactions", "-", CAPTURE, "nosuch.pcap")
        self.check_refused(done, "nosuch.pcap")
        self.assertIn(b'"method":"CONNECT"', done.stdout, "what was read before is told all the same")

    def test_unreadable_file(self):
        if os.geteuid() == 0:
            self.skipTest("root reads everything")
        path = self.write("secret.pcap", b"x")
        os.chmod(path, 0)
        self.check_refused(self.replay(path), "secret.pcap", "Permission denied")

    def test_no_captures(self):
        self.check_refused(self.replay(self.folder.name), "Is a directory")
        self.check_refused(self.replay(self.write("empty.pcap", b"")), "empty.pcap")
        self.check_refused(self.replay(self.write("text.pcap", b"This is no capture.\n" * 10)), "text.pcap")

    def test_garbage(self):
        source = random.Random(1)
        for number in range(UNREADABLE_RUNS):
            data = source.randbytes(source.randrange(1, 400))
            done = self.replay(self.write("garbage", (data, b"\xd4\xc3\xb2\xa1\2\0\4\0" + data)[number % 2]))
            self.assertIn(done.returncode, (0, 1, 2), done)

    def test_every_truncation(self):
        with open(CAPTURE, "rb") as stream:
            pcap = first_packets(stream.read(), TRUNCATED_PACKETS)
        for name, data in (("cut.pcap", pcap), ("cut.pcapng", pcap_to_pcapng(pcap))):
            whole = self.replay("--transactions", "-", self.write(name, data))
            self.assertEqual(whole.returncode, 1, whole)
            self.assertIn(b'"method":"CONNECT"', whole.stdout)
            for size in range(len(data)):
                done = self.replay("--transactions", "-", self.write(name, data[:size]))
                self.assertIn(done.returncode, (0, 1, 2), (name, size, done))
                if size < 24:
                    self.assertEqual((done.returncode, done.stdout), (2, b""), (name, size, done))

    def test_standard_input(self):
        expected = self.replay("--transactions", "-", CAPTURE)
        with open(CAPTURE, "rb") as stream:
            done = self.replay("--transactions", "-", "-", stdin=stream)
        self.assertEqual((done.returncode, done.stdout), (expected.returncode, expected.stdout))
        with open(CAPTURE, "rb") as stream:
            self.check_refused(self.replay("--workers", "2", "-", stdin=stream), "standard input")
        self.check_refused(self.replay("-"))

    # Outputs

    def test_full_device(self):
        for option in ("--transactions", "--findings", "--summary"):
            self.check_refused(self.replay(option, "/dev/full", CAPTURE), "/dev/full", "No space left")
            self.check_refused(self.replay("--workers", "2", option, "/dev/full", CAPTURE), "No space left")
        with open("/dev/full", "wb") as stream:
            for form in ("text", "json"):
                done = self.replay("--format", form, CAPTURE, stdout=stream)
                self.assertEqual(done.returncode, 2, "%s: a result that nobody got is no result" % form)

    def test_results_and_talk_are_apart(self):
        done = self.replay("--findings", "-", CAPTURE)
        self.assertTrue(all(line.startswith(b"{") for line in done.stdout.splitlines()))
        with open(CAPTURE, "rb") as stream:
            done = self.replay(self.write("cut.pcap", stream.read()[:300]))
        self.assertIn(b"breaks off", done.stderr)
        self.assertNotIn(b"breaks off", done.stdout)

    def test_exit_status_tells_of_findings(self):
        self.assertEqual(self.replay(CAPTURE).returncode, 1)
        clean = run("replay", "-c", case_path("plain", "assay.yaml"), case_path("plain", "traffic.pcap"))
        self.assertEqual(clean.returncode, 0, clean)

    def test_from_any_folder(self):
        done = run("replay", "--findings", "-", os.path.abspath(CAPTURE), program=os.path.abspath(ASSAY), cwd="/")
        self.assertEqual(done.returncode, 1, done)
        self.assertIn(b'"rule":"PRO-007"', done.stdout, "the shipped rules are found")


if __name__ == "__main__":
    unittest.main()
