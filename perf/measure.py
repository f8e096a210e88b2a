# SPDX-License-Identifier: Apache-2.0
"""What perf/run measures, part by part: each function returns figures that can be written as JSON."""

import concurrent.futures
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import statistics
import subprocess
import time
import typing

import tools as perf
from tools import say

PROFILES = ["api-small", "inventory", "handshake-heavy", "findings", "api-large", "flows-1m"]
# What is more than a profile of the traffic: the same calls, of which no body is searched.
PROFILE_ARGUMENTS = {"inventory": ["--profile", "api-small", "--body-scan-kib", "0"]}
STAGED_PROFILES = ["api-small", "handshake-heavy", "findings", "api-large"]
PROTOCOLS = ["http2", "grpc", "websocket", "amqp", "tls", "tls-http2"]
PROTOCOL_PROFILES = ["api-small", "handshake-heavy", "findings", "api-large"]
# Protocols that remember more of a connection have room for fewer of them in the memory of one worker.
PROTOCOL_CONNECTIONS = {"api-small": 2000, "handshake-heavy": 2000, "findings": 2000, "api-large": 200}
REGISTRY_SIZES = [100, 10000, 100000]
PATTERN_COUNTS = [10, 60, 500]
FLOW_COUNTS = [1000, 10000, 100000, 1000000]
PROTOCOL_PACKETS = 300000     # of each of many: the tables say how far runs differ
REPLAY_CALLS = 50000          # 130 MB in memory
SENSITIVE_PERCENTS = [0, 2, 100]
SENSITIVE_VALUES = 11         # in each response that has any, as in the profile `findings`
CAPTURE_CALLS = 200000        # 520 MB: the size the first comparison was made with
INSTRUCTION_CALLS = (500, 2500)  # the difference of both counts has no start-up in it
INSTRUCTION_CASES = {"api-small": [], "findings": ["--profile", "findings"], "http2": ["--protocol", "http2"],
                     "grpc": ["--protocol", "grpc"], "tls": ["--protocol", "tls"]}
GOAL_RATE = 50000
SEARCH_STEPS = 6
MEMORY_FOLDER = pathlib.Path("/dev/shm")
KEPT_PACE = 0.97              # of the calls that were asked for: otherwise the feeder was the limit, not the worker


def measure_profiles(tools):
    say("profiles")
    found = {}
    for profile in tools.options.profiles:
        found[profile] = tools.bench(*PROFILE_ARGUMENTS.get(profile, ["--profile", profile]), "--primitives")
    for profile in tools.options.profiles:
        if profile in STAGED_PROFILES:
            found[profile]["stages"] = tools.bench("--profile", profile, "--stages", "all", repetitions=1)["stages"]
    return found


def measure_protocols(tools):
    say("protocols")
    found = {}
    for protocol in PROTOCOLS:
        found[protocol] = {}
        for profile in PROTOCOL_PROFILES:
            if profile in tools.options.profiles:
                connections = str(PROTOCOL_CONNECTIONS[profile])
                found[protocol][profile] = tools.bench("--protocol", protocol, "--profile", profile, "--primitives",
                                                       "--concurrency", connections, repetitions=1,
                                                       packets=PROTOCOL_PACKETS)
    return found


def measure_scaling(tools):
    say("workers, registry, patterns, flows and findings")
    quick = tools.options.quick
    scaling = {"workers": {}, "registry": {}, "patterns": {}, "flows": {}, "findings": {}}
    for workers in (1, 2):
        if workers <= os.cpu_count():
            scaling["workers"][str(workers)] = tools.bench("--workers", str(workers), core=0)
    for size in REGISTRY_SIZES[:1 if quick else None]:
        scaling["registry"][str(size)] = tools.bench(registry=size, repetitions=1)
    for count in PATTERN_COUNTS[:1 if quick else None]:
        scaling["patterns"][str(count)] = tools.bench(settings=tools.settings_with_patterns(count), repetitions=1)
    for flows in FLOW_COUNTS[:1 if quick else None]:
        scaling["flows"][str(flows)] = tools.bench("--profile", "flows-1m", "--concurrency", str(flows), "--active",
                                                   str(min(flows, 1000)), repetitions=1)
    for percent in SENSITIVE_PERCENTS[:1 if quick else None]:
        scaling["findings"][str(percent)] = tools.bench("--sensitive-percent", str(percent), "--sensitive-values",
                                                        str(SENSITIVE_VALUES), repetitions=1)
    return scaling


# ------------------------------------------------------------------------------------------------------ single modules

def measure_modules(tools):
    """Flow look-ups by how many flows there are, and findings into the queue and out of it."""
    say("flow table and queue")
    pin = ["taskset", "-c", str(tools.options.core)]
    flows = 2000 if tools.options.quick else 1000000
    done = subprocess.run([*pin, str(tools.program("perf/bench-flow")), str(flows)], check=True, capture_output=True,
                          text=True)
    found = {"flow": {}, "queue": tools.run_json([*pin, tools.program("perf/bench-queue")])}
    for name, count, value in re.findall(r"^(.*\S)\s+(\d+) flows\s+([\d.]+) ns a packet", done.stdout, re.MULTILINE):
        found["flow"].setdefault(name, {})[count] = float(value)
    return found


# -------------------------------------------------------------------------------------------------------------- stages

def measure_stages(tools):
    """Cycles by stage, counted inside the product: a second build, with the option that compiles the counters in."""
    say("cycles by stage")
    if "stage_cycles" not in (perf.SOURCE / "meson_options.txt").read_text():
        return {}
    folder = tools.folder.with_name(tools.folder.name + "-stages")
    if tools.options.quick:
        folder = tools.folder
    elif not tools.options.no_build:
        perf.build(folder, "-Dstage_cycles=true")
    found = {}
    for name, arguments in {"api-small": [], "findings": ["--profile", "findings"],
                            "api-large": ["--profile", "api-large"], "http2": ["--protocol", "http2"],
                            "grpc": ["--protocol", "grpc"], "tls": ["--protocol", "tls"]}.items():
        calls = 200 if tools.options.quick else 2000 if name == "api-large" else 40000
        capture, keys = tools.capture(calls, *arguments, "--concurrency", "1000")
        summary = tools.work / "summary.json"
        subprocess.run([folder / "app" / "assay", "replay", "-c", tools.settings_with_registry(), "--keylog", keys,
                        "--summary", summary, capture], check=False, capture_output=True)
        cycles = json.loads(summary.read_text()).get("stage_cycles")
        if cycles:
            found[name] = {stage: count / calls for stage, count in cycles.items() if stage != "idle"}
    return found


# ---------------------------------------------------------------------------------------------------------------- live

def lossless(run):
    return run["packets_dropped"] == 0 and run["calls_missed"] == 0 and run["events_lost"] == 0


def search_rate(tools, most, seconds):
    """The highest rate without any loss, between nothing and what the worker takes when nobody drops a packet."""
    low, high, steps = 0.0, most, []
    for _ in range(1 if tools.options.quick else SEARCH_STEPS):
        rate = (low + high) / 2
        run = tools.live(rate, seconds)
        fine = lossless(run)
        paced = run["calls_per_second"] >= KEPT_PACE * rate
        steps.append({"rate": rate, "packets_dropped": run["packets_dropped"], "paced": paced})
        low, high = (rate, high) if fine and paced else (low, rate)
    return low, steps


class Reporter:
    """An assay-reporter that writes what the queue carries, beside the feeder."""

    def __init__(self, tools, queue):
        folder = tools.work / "log"
        folder.mkdir(exist_ok=True)
        self.process = subprocess.Popen([tools.program("app/assay-reporter"), "--queue", queue, "--folder", folder],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=20)


def replay_command(tools, *captures):
    return ["taskset", "-c", str(tools.options.core), tools.program("app/assay"), "replay", "-c",
            tools.settings_with_registry(), "--findings", "/dev/null", *captures]


def replay_rate(tools):
    """Of a capture that lies in memory, in calls a second of processor time; the start is taken off."""
    capture, _ = tools.capture(1000 if tools.options.quick else REPLAY_CALLS, folder=MEMORY_FOLDER)
    try:
        short, _ = tools.capture(10)
        times = []
        for _ in range(1 if tools.options.quick else tools.repetitions()):
            whole, start = run_timed(replay_command(tools, capture)), run_timed(replay_command(tools, short))
            if whole.failed or start.failed:
                raise RuntimeError(f"assay replay failed: {whole.failed or start.failed}")
            times.append(whole.processor_s - start.processor_s)
        return (1000 if tools.options.quick else REPLAY_CALLS) / max(statistics.median(times), 1e-9)
    finally:
        capture.unlink()


def measure_live(tools):
    """From a port of DPDK that another core fills: the most without loss, at the goal's rate, and while it reloads."""
    say("live feed")
    if (os.cpu_count() or 1) < 2:
        say("  left out: the feeder needs a core of its own")
        return {}
    quick = tools.options.quick
    seconds = 1 if quick else tools.options.live_seconds
    goal = 200 if quick else GOAL_RATE
    found = {"most": tools.live(0, seconds)}
    say(f"  nobody drops: {found['most']['calls_per_second']:,.0f} calls/s")
    found["lossless"], found["search"] = search_rate(tools, 1.1 * found["most"]["calls_per_second"], seconds)
    say(f"  without loss: {found['lossless']:,.0f} calls/s")
    found["goal"] = tools.live(goal, seconds)
    queue = f"assay-perf-{os.getpid()}"
    with Reporter(tools, queue):
        found["durable"] = tools.live(goal, seconds, "--queue", queue)
    found["reload"] = tools.live(goal / 2, seconds, "--reloads", "3")
    found["replay"] = replay_rate(tools)
    say(f"  assay replay of a capture in memory: {found['replay']:,.0f} calls/s, "
        f"{found['replay'] / found['most']['busy_calls_per_second']:.2f} of the live worker's")
    for name in ("goal", "durable", "reload"):
        run = found[name]
        say(f"  {name}: {run['calls_per_second']:,.0f} calls/s, busy {100 * run['busy']:.0f} %, {run['packets_dropped']} "
            f"packets dropped")
    return found


# --------------------------------------------------------------------------------------------------------------- peers

class Timed(typing.NamedTuple):
    wall_s: float
    processor_s: float
    failed: str  # the last line of what it said; empty: it did not


def run_timed(command):
    """Wall clock and processor time of a program. `assay replay` exits with 1 where there are findings."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False,
                          timeout=perf.COMMAND_SECONDS)
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]
    return Timed(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
                 said if done.returncode not in (0, 1) else "")


def peer_commands(tools, capture, short):
    pin = ["taskset", "-c", str(tools.options.core)]
    commands = {"tcpdump -w /dev/null": [*pin, "tcpdump", "-r", capture, "-w", "/dev/null"],
                "assay replay": replay_command(tools, capture), "start of assay replay": replay_command(tools, short)}
    if shutil.which("suricata"):
        log = tools.work / "suricata"
        log.mkdir(exist_ok=True)
        commands["suricata"] = [*pin, "suricata", "--runmode", "single", "-k", "none", "-l", log, "-r", capture]
    else:
        say("  suricata is not installed: left out")
    return commands


def measure_peers(tools):
    """The same capture, on the same core, one program after the other, and again."""
    say("other programs with the same capture")
    calls = 1000 if tools.options.quick else CAPTURE_CALLS
    capture, _ = tools.capture(calls)
    short, _ = tools.capture(10)
    capture.read_bytes()  # into the page cache, for all of them alike
    commands = peer_commands(tools, capture, short)
    times = {name: [] for name in commands}
    for _ in range(1 if tools.options.quick else tools.repetitions()):
        for name, command in commands.items():
            if not shutil.which(str(command[3])):
                continue
            run = run_timed(command)
            if run.failed:
                say(f"  {name} failed: {run.failed}")
            else:
                times[name].append((run.processor_s, run.wall_s))
    medians = {name: (statistics.median(p for p, _ in pairs), statistics.median(w for _, w in pairs))
               for name, pairs in times.items() if pairs}
    start = medians.pop("start of assay replay", (0.0, 0.0))
    found = {"calls": calls, "start_s": start[0], "programs": {}}
    for name, (processor, wall) in medians.items():
        work = max(processor - (start[0] if name == "assay replay" else 0.0), 1e-9)
        found["programs"][name] = {"processor_s": processor, "wall_s": wall, "calls_per_second": calls / processor,
                                   "without_start": calls / work}
        say(f"  {name}: {calls / processor:,.0f} calls/s of processor time")
    return found


# -------------------------------------------------------------------------------------------------------- instructions

def instructions_of(tools, calls, arguments):
    capture, keys = tools.capture(calls, *arguments)
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
               tools.program("app/assay"), "replay", "-c", tools.settings_with_registry(), "--keylog", keys, "--summary",
               "/dev/null", capture]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    match = re.search(r"Collected : (\d+)", done.stderr)
    if not match:
        raise SystemExit(f"callgrind counted nothing:\n{done.stderr}")
    return int(match.group(1))


def measure_instructions(tools):
    say("instructions (callgrind)")
    if not shutil.which("valgrind"):
        say("  valgrind is not installed: left out")
        return {}
    found = {}
    few, many = INSTRUCTION_CALLS
    # Neighbours do not change a count, so both cores may work.
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = {name: [pool.submit(instructions_of, tools, calls, arguments) for calls in (few, many)]
                  for name, arguments in INSTRUCTION_CASES.items()}
        for name, (least, most) in counts.items():
            found[name] = (most.result() - least.result()) / (many - few)
            say(f"  {name}: {found[name]:,.0f} instructions a call")
    return found
