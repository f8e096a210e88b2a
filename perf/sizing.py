# SPDX-License-Identifier: Apache-2.0
"""How many cores, how much memory and how many queues a load needs, from short measurements."""

import math
import os
import statistics

PROFILES = ["api-small", "handshake-heavy", "findings", "api-large"]
IDLE_CONNECTIONS = (50000, 100000)  # what the second has more is that of connections without a call
ASSUMED_SCALING = 0.9      # of a second worker, where the machine has no core to measure it with
RECEIVE_NS = 25            # a packet out of a network card's queue: no card is measured
MEMORY_STEP_MIB = 64
CALL_BYTES = 41792         # of a call in flight (sizeof(struct exchange), lib/pipeline/exchange.h)
CALL_SHARE = 0.17          # of what is left behind connections, for calls: with TLS keys, which is the least
FIXED_MIB = 64             # known lines and tokens, coverage by service, and what else is the same for any load
MEMORY_TRIALS = 4          # each with as much more as a step and an eighth
DEFAULTS = {"requests": 50000, "connections": 100000, "free": 50, "reassembly": 128, "latency": 100}


def each_connection(fewer, more):
    """Bytes that each further connection took, between two runs that differ in nothing else.

    Where they do not differ (a quick run has few connections), the whole of one run is taken for its connections.
    """
    sizes = [run["bytes_per_connection"] * run["connections_open"] for run in (fewer, more)]
    further = more["connections_open"] - fewer["connections_open"]
    return (sizes[1] - sizes[0]) / further if further > 0 and sizes[1] > sizes[0] else more["bytes_per_connection"]


def measure_idle(tools):
    """Bytes of a connection without a call."""
    return each_connection(*(tools.bench("--profile", "flows-1m", "--concurrency", str(count), repetitions=1)
                             for count in IDLE_CONNECTIONS))


def measure_profile(tools, profile, arguments=(), scaling=True):
    run = tools.bench("--profile", profile, *arguments)
    rates = run["all_calls_per_second"]
    found = {"run": run, "spread": (max(rates) - min(rates)) / statistics.median(rates), "scaling": ASSUMED_SCALING,
             "scaling_measured": False}
    if (os.cpu_count() or 1) > 1 and scaling:
        both = tools.bench("--profile", profile, *arguments, "--workers", "2", core=0, repetitions=1)
        found["scaling"] = min(1.0, both["calls_per_second"] / run["calls_per_second"] / 2)
        found["scaling_measured"] = True
    return found


def answer(load, found, idle):
    """Everything for one profile; `load` has the names of DEFAULTS."""
    run = found["run"]
    packets = run["packets"] / run["calls"]
    rate = 1e9 / (run["call_ns"] + packets * RECEIVE_NS)
    alone = rate * (1 - load["free"] / 100)
    workers = max(1, math.ceil(load["requests"] / alone))
    if workers > 1:
        workers = math.ceil(load["requests"] / (alone * found["scaling"]))
    flows = math.ceil(load["connections"] / workers)
    connections_mib = flows * idle / 2**20
    calls = math.ceil(load["requests"] / workers * load["latency"] / 1000)
    memory = load["reassembly"] + FIXED_MIB + 1.5 * connections_mib + calls * CALL_BYTES / CALL_SHARE / 2**20
    return {"calls": calls, "rate": rate, "workers": workers, "busy": load["requests"] / rate / workers,
            "gigabits": load["requests"] * run["bytes"] / run["calls"] * 8 / 1e9,
            "packets": load["requests"] * packets, "flows": flows,
            "memory": math.ceil(memory / MEMORY_STEP_MIB) * MEMORY_STEP_MIB}


def try_memory(tools, load, profile, found, idle, arguments=()):
    """One worker with what was reckoned, all its connections open and all its calls in flight: more, until none is lost.

    Returns the answer with the memory that was enough, or None.
    """
    given = answer(load, found, idle)
    flows = given["flows"] + given["flows"] // 2
    for _ in range(MEMORY_TRIALS):
        active = max(1, min(given["calls"], given["flows"]))
        if tools.holds("--profile", profile, *arguments, "--concurrency", given["flows"], "--active", active, "--flows",
                       flows, "--memory-mib", given["memory"]):
            return given
        given["memory"] += MEMORY_STEP_MIB * (1 + given["memory"] // 8 // MEMORY_STEP_MIB)
    return None


def rows(load, profiles, idle):
    yield ["profile", "calls/s of a core", "workers", "queues", "busy", "Gbit/s", "Mpackets/s", "flows each", "MiB each"]
    for profile, found in profiles.items():
        given = found.get("tried") or answer(load, found, idle)
        yield [profile, f"{given['rate']:,.0f}", given["workers"], given["workers"], f"{100 * given['busy']:.0f} %",
               f"{given['gigabits']:.2f}", f"{given['packets'] / 1e6:.2f}", f"{given['flows']:,}", f"{given['memory']:,}"]


def tried(profiles):
    return all(found.get("tried") for found in profiles.values())


def notes(load, profiles, idle):
    yield (f"{load['requests']:,} requests/s over {load['connections']:,} connections; {load['free']} % of each core is kept "
           f"free. One core more is for the reporting core.")
    yield (f"Memory is for {load['latency']} ms from request to answer and half as many connections again"
           f"{', and was tried: one worker with all of them open audited every packet' if tried(profiles) else ''}.")
    yield f"A connection without a call takes {idle:.0f} bytes."
    for profile, one in profiles.items():
        scaling = "measured" if one["scaling_measured"] else "assumed"
        yield (f"{profile}: runs differed by {100 * one['spread']:.0f} %; a second worker adds {100 * one['scaling']:.0f} % "
               f"of the first ({scaling}).")
    yield f"{RECEIVE_NS} ns for each packet received are assumed: no network card was measured."


def from_figures(figures):
    """The same for the default load, out of what perf/run has measured already; None where it has not."""
    scaling, measured = figures["scaling"], figures["profiles"]
    flows = list(scaling.get("flows", {}).values())
    workers = scaling.get("workers", {})
    if len(flows) < 2 or "2" not in workers:
        return None
    idle = each_connection(flows[-2], flows[-1])
    second = min(1.0, workers["2"]["calls_per_second"] / workers["1"]["calls_per_second"] / 2)
    profiles = {}
    for profile in PROFILES:
        if profile in measured:
            rates = measured[profile]["all_calls_per_second"]
            profiles[profile] = {"run": measured[profile], "scaling": second, "scaling_measured": True,
                                 "spread": (max(rates) - min(rates)) / statistics.median(rates)}
    return profiles, idle
