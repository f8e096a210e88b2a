# SPDX-License-Identifier: Apache-2.0
"""Builds the programs that measure, runs them, and makes what they need."""

import json
import os
import pathlib
import subprocess
import sys
import time

SOURCE = pathlib.Path(__file__).resolve().parent.parent
REGISTRY_OPERATIONS = 100
QUICK_PACKETS = 12000
COMMAND_SECONDS = 300  # no program that is run takes a tenth of it on an idle machine
QUICK_CONCURRENCY = 200
PROGRAMS = ["perf/assay-bench", "perf/assay-generate", "perf/assay-live", "perf/bench-flow", "perf/bench-queue", "app/assay",
            "app/assay-reporter"]


def say(text):
    print(text, file=sys.stderr, flush=True)


def build(folder, *options):
    """A release with link-time optimisation, unless the folder is set up as something else already."""
    if not (folder / "build.ninja").exists():
        subprocess.run(["meson", "setup", str(folder), str(SOURCE), "-Dbuildtype=release", "-Db_lto=true", *options],
                       check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", str(folder), *PROGRAMS], check=True, stdout=subprocess.DEVNULL)


def add_options(parser, default_core):
    parser.add_argument("--build", type=pathlib.Path, default=SOURCE / "build-perf", help="build folder")
    parser.add_argument("--no-build", action="store_true", help="take the programs as they are")
    parser.add_argument("--core", type=int, default=default_core, help="core to measure on (default %(default)s)")
    parser.add_argument("--packets", type=int, default=1000000, help="packets of one measurement (default %(default)s)")
    parser.add_argument("--repetitions", type=int, default=3, help="of each measurement; the median counts (default 3)")
    parser.add_argument("--quick", action="store_true",
                        help="the least that shows that everything works; the figures mean nothing")


def sound(run):
    """Everything that was made was audited: otherwise the rate is that of leaving something out."""
    return (run["ledger_balanced"] and run["calls_missed"] == 0 and run["events_lost"] == 0 and
            run["packets_excused"] == 0)


class Tools:
    def __init__(self, options, work, settings=None, registry=None):
        self.folder = options.build
        self.work = work
        self.options = options
        self.own_settings = settings
        self.own_registry = registry
        self.deadline = time.monotonic() + 60 * getattr(options, "minutes", 60)

    def program(self, name):
        return self.folder / name

    def registry(self, operations=REGISTRY_OPERATIONS):
        if self.own_registry:
            return self.own_registry
        folder = self.work / f"registry-{operations}"
        if not folder.exists():
            subprocess.run([self.program("perf/assay-generate"), "--registry", folder, "--operations", str(operations)],
                           check=True)
        return folder

    def settings(self):
        return self.own_settings or SOURCE / "perf" / "assay.yaml"

    def settings_with(self, name, extra):
        """The settings of the measurement and what is said in `extra`, in a file of the working folder."""
        path = self.work / f"{name}.yaml"
        text = (SOURCE / "perf" / "assay.yaml").read_text()
        text = text.replace("rules: [../rules, rules.yaml]", f"rules: [{SOURCE}/rules, {SOURCE}/perf/rules.yaml]")
        path.write_text(f"{text}{extra}\n")
        return path

    def settings_with_registry(self):
        return self.settings_with("replay", f"registry: {{folder: {self.registry()}}}")

    def settings_with_patterns(self, count):
        """So many patterns and nothing else to search for: keys of services that occur in no generated call."""
        path = self.work / f"detectors-{count}.yaml"
        rows = [f"""  - id: K{n:03}
    name: 'key of service {n}'
    class: 'secret'
    pattern: 'svc{n:03}_[A-Za-z0-9]{{32}}'
    candidate: [literal]
    validator: prefix
    keywords: []
    mask: {{show: nothing}}
    digest: none
    found: ['svc{n:03}_{"a1B2" * 8}']
    ignored: ['svc{n:03}_a1B2']
""" for n in range(count)]
        path.write_text("detectors:\n" + "".join(rows))
        return self.settings_with(f"patterns-{count}", f"detectors: [{path}]")

    def capture(self, calls, *arguments, folder=None):
        """A capture, and the file of its TLS secrets beside it. In another folder it is not kept for others."""
        prefix = f"assay-perf-{os.getpid()}-" if folder else ""
        path = (folder or self.work) / (prefix + "-".join(["capture", str(calls), *arguments]).replace("--", "") + ".pcap")
        keys = path.with_suffix(".keys")
        if not path.exists():
            keys.touch(mode=0o600)
            subprocess.run([self.program("perf/assay-generate"), *arguments, "--transactions", str(calls), "-o", path,
                            "--keylog", keys], check=True, stdout=subprocess.DEVNULL, timeout=COMMAND_SECONDS)
        return path, keys

    def run_json(self, command):
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False,
                              timeout=COMMAND_SECONDS)
        if done.returncode == 2 or not done.stdout:
            raise RuntimeError(f"{' '.join(map(str, command))}\n{done.stderr}")
        return json.loads(done.stdout)

    def repetitions(self):
        """Of what is measured several times: once only, when there is no time left for more."""
        return self.options.repetitions if time.monotonic() < self.deadline else 1

    def sizes(self, packets):
        if not self.options.quick:
            return ["--packets", str(packets or self.options.packets)]
        return ["--packets", str(QUICK_PACKETS), "--portion-mib", "16", "--concurrency", str(QUICK_CONCURRENCY), "--active",
                "50", "--variants", "64"]

    def bench_command(self, registry=REGISTRY_OPERATIONS, settings=None, core=None):
        return [self.program("perf/assay-bench"), "--core", self.options.core if core is None else core, "--settings",
                settings or self.settings(), "--registry", self.registry(registry)]

    def holds(self, *arguments):
        """Whether a worker that is set up like this audits everything, as assay-bench itself tells."""
        packets = QUICK_PACKETS if self.options.quick else self.options.packets
        command = [*self.bench_command(), *arguments, "--packets", packets]
        done = subprocess.run([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              check=False, timeout=COMMAND_SECONDS)
        say(f"  {' '.join(map(str, arguments))}: {'holds' if done.returncode == 0 else 'does not hold'}")
        return done.returncode == 0

    def bench(self, *arguments, registry=REGISTRY_OPERATIONS, settings=None, repetitions=None, core=None, packets=None):
        """The repetition with the median rate; all rates beside it."""
        command = [*self.bench_command(registry, settings, core), "--format", "json", *arguments, *self.sizes(packets)]
        count = 1 if self.options.quick else repetitions or self.repetitions()
        runs = sorted((self.run_json(command) for _ in range(count)), key=lambda run: run["calls_per_second"])
        median = runs[len(runs) // 2]
        median["all_calls_per_second"] = [round(run["calls_per_second"]) for run in runs]
        say(f"  {' '.join(map(str, arguments))}: {median['calls_per_second']:,.0f} calls/s of "
            f"{median['all_calls_per_second']}")
        faults = [f"{run['calls_missed']} calls missed, {run['packets_excused']} packets not audited, "
                  f"{run['events_lost']} events lost, ledger {'balanced' if run['ledger_balanced'] else 'not balanced'}"
                  for run in runs if not sound(run)]
        if faults:
            say(f"  NOT SOUND: {'; '.join(faults)}")
            median["ledger_balanced"] = False
        return median

    def live(self, rate, seconds, *arguments):
        """One worker on a port that the feeder fills; `rate` 0: as fast as it goes."""
        return self.run_json([self.program("perf/assay-live"), "--rate", int(rate), "--seconds", seconds, "--settings",
                              self.settings(), "--registry", self.registry(), *arguments])
