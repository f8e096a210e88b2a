#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every program that measures, on little traffic: none loses a call, and what they tell has a meaning. No timing.

usage: test_harness.py BUILD
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ["ASSAY_SOURCE"])
PROTOCOLS = ["http1", "http2", "grpc", "websocket", "amqp", "tls", "tls-http2"]
SMALL = ["--packets", "4000", "--portion-mib", "4", "--concurrency", "50", "--active", "20", "--variants", "60"]
SENSITIVE_PERCENT = 20
CHANCE = 0.005  # the digits of a random request id are a valid number of some country now and then


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def check_equal(name, found, expected):
    check(found == expected, f"{name}: {found}, expected {expected}")


def run(command, codes=(0,)):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    check(done.returncode in codes, f"{command}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def run_json(command):
    return json.loads(run(command).stdout)


def registry(build, folder):
    path = folder / "registry"
    if not path.exists():
        run([build / "perf" / "assay-generate", "--registry", path, "--operations", "8"])
    return path


def test_bench(build, folder):
    """Every protocol: each call that was made was seen, and what is sensitive was found."""
    for protocol in PROTOCOLS:
        for percent in (0, SENSITIVE_PERCENT) if protocol == "http1" else (SENSITIVE_PERCENT,):
            found = run_json([build / "perf" / "assay-bench", "--format", "json", "--core", "0", "--registry",
                              registry(build, folder), "--protocol", protocol, *SMALL, "--shadow-percent", "0",
                              "--missing-header-percent", "0", "--sensitive-percent", str(percent)])
            check_equal("protocol", found["protocol"], protocol)
            check(found["calls"] > 100, f"{protocol}: {found['calls']} calls")
            check_equal(f"{protocol}: calls missed", (found["calls_missed"], found["events_lost"]), (0, 0))
            check(found["ledger_balanced"], f"{protocol}: the ledger does not balance")
            # An exchange of two messages is two calls, and some values are worth more than one finding.
            least, most = (percent / 100 / 4, 4 * percent / 100) if percent else (0, CHANCE)
            check(least <= found["findings_per_call"] <= most, f"{protocol}: {found['findings_per_call']} found")


def live(build, folder, *arguments):
    return run_json([build / "perf" / "assay-live", "--registry", registry(build, folder), "--seconds", "1", "--warm-up",
                     "0", "--concurrency", "50", "--active", "20", "--variants", "60", *arguments])


def test_live(build, folder):
    """Through a port: without a rate nothing is dropped, every call that was made is seen; with one it is kept."""
    for protocol in ("http1", "tls"):
        found = live(build, folder, "--protocol", protocol)
        check(found["packets_made"] > 0 and found["no_huge"], f"{found}")
        check_equal("calls missed", (found["calls_missed"], found["events_lost"], found["ledger_balanced"]), (0, 0, True))
    found = live(build, folder, "--rate", "100", "--reloads", "1", "--sensitive-percent", "50")
    check_equal("reloads", found["reloads"], 1)
    check(found["published"]["findings"] > 0 and found["published"]["max_us"] >= found["published"]["p50_us"], f"{found}")
    check(found["calls_made"] < 5000, f"{found['calls_made']} calls made: the rate was not kept")


def test_durable(build, folder):
    """What the reporting core has written is known to be durable."""
    queue = f"assay-test-{os.getpid()}"
    log = folder / "log"
    log.mkdir()
    reporter = subprocess.Popen([build / "app" / "assay-reporter", "--queue", queue, "--folder", log],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        found = live(build, folder, "--rate", "100", "--sensitive-percent", "50", "--queue", queue)
    finally:
        reporter.terminate()
        reporter.wait(timeout=60)
    check(found["durable"]["findings"] > 0, f"{found}")
    # A finding is published before it is written, so the median of the one is not above that of the other.
    check(found["durable"]["p50_us"] >= found["published"]["p50_us"], f"{found}")


def test_run(build, folder):
    done = run([SOURCE / "perf" / "run", "--build", build, "--no-build", "--quick", "--no-results", "--core", "0", "--work",
                folder / "work", "--profiles", "api-small", "--only", "profiles,modules,peers"])
    for word in ("api-small", "tcpdump", "assay replay", "balanced", "encoded into the queue",
                 "G1 HTTP/1.1"):
        check(word in done.stdout, f"no {word} in\n{done.stdout}")


def test_failed_part(build, folder):
    """A part that fails is told, and costs the others nothing."""
    partial = folder / "build"
    for name in ("assay-bench", "assay-generate", "bench-queue"):
        (partial / "perf").mkdir(parents=True, exist_ok=True)
        (partial / "perf" / name).symlink_to(build / "perf" / name)
    done = run([SOURCE / "perf" / "run", "--build", partial, "--no-build", "--quick", "--no-results", "--core", "0",
                "--profiles", "inventory", "--only", "modules,profiles"], codes=(1,))
    for word in ("modules FAILED", "bench-flow", "inventory", "G2 bodies not searched"):
        check(word in done.stdout, f"no {word} in\n{done.stdout}")


def test_size(build, folder):
    done = run([SOURCE / "perf" / "size", "--build", build, "--no-build", "--quick", "--no-scaling", "--core", "0",
                "--profiles", "api-small", "--requests", "1000", "--connections", "500"])
    row = next(line.split() for line in done.stdout.splitlines() if line.startswith("api-small "))
    check(int(row[2]) >= 1 and row[2] == row[3], f"{row}: a queue for each worker")
    check("was tried" in done.stdout, done.stdout)


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    for test in (test_bench, test_live, test_durable, test_run, test_failed_part, test_size):
        with tempfile.TemporaryDirectory() as folder:
            test(build, pathlib.Path(folder))
        print(f"{test.__name__}: fine", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
