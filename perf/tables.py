# SPDX-License-Identifier: Apache-2.0
"""Figures as tables: plain ones for the terminal and perf/results, and those of docs/performance.md."""

import typing

import measure
import sizing


def percent(value):
    return f"{100 * value:.0f} %"


def grid(rows):
    """Columns as wide as they must be; the first and the last to the left."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths))]
        yield "  ".join(cells).rstrip()


def markdown(rows):
    rows = [[str(cell) for cell in row] for row in rows]
    yield "| " + " | ".join(rows[0]) + " |"
    yield "|" + "---|" * len(rows[0])
    for row in rows[1:]:
        yield "| " + " | ".join(row) + " |"


RATE_HEAD = ["protocol", "profile", "calls/s", "best", "Gbit/s", "Mpkt/s", "ns/call", "cyc/call", "cyc/pkt", "cyc/B",
             "find/call", "limit", "B/conn", "ledger"]


def rate_row(protocol, profile, run):
    return [protocol, profile, f"{run['calls_per_second']:,.0f}", f"{run['best_calls_per_second']:,.0f}",
            f"{run['gigabits_per_second']:.2f}", f"{1e3 / run['packet_ns']:.2f}", f"{run['call_ns']:,.0f}",
            f"{run['call_cycles']:,.0f}", f"{run['packet_cycles']:,.0f}", f"{run['byte_cycles']:.2f}",
            f"{run['findings_per_call']:.2f}", percent(run["share_of_limit"]), f"{run['bytes_per_connection']:,.0f}",
            "balanced" if run["ledger_balanced"] else "NOT SOUND"]


def rate_rows(figures):
    yield RATE_HEAD
    for profile, run in figures["profiles"].items():
        yield rate_row("http1", profile, run)
    for protocol, profiles in figures["protocols"].items():
        for profile, run in profiles.items():
            yield rate_row(protocol, profile, run)


def added_rows(figures):
    """What each further module adds, measured from outside."""
    staged = {profile: run["stages"] for profile, run in figures["profiles"].items() if run.get("stages", {}).get("flow")}
    if not staged:
        return
    names = list(next(iter(staged.values())))
    yield ["ns a call, added", *names]
    for profile, stages in staged.items():
        cells, before = [], 0.0
        for name in names:
            value = stages[name]["call_ns"]
            cells.append(f"{value - before:,.0f}")
            before = 0.0 if name == "touch" else value
        yield [profile, *cells]


def cycle_rows(figures):
    """Cycles by stage, counted inside."""
    stages = figures["stages"]
    if not stages:
        return
    names = list(next(iter(stages.values())))
    yield ["cycles a call", *names, "sum"]
    for profile, cycles in stages.items():
        yield [profile, *(f"{cycles[name]:,.0f}" for name in names), f"{sum(cycles.values()):,.0f}"]


def scaling_rows(figures):
    units = {"workers": "workers", "registry": "further operations", "patterns": "patterns", "flows": "connections",
             "findings": "% of responses sensitive"}
    yield ["what", "calls/s", "of the first", "find/call", "bytes a connection"]
    for part, unit in units.items():
        runs = figures["scaling"].get(part, {})
        first = next(iter(runs.values()), None)
        for value, run in runs.items():
            yield [f"{int(value):,} {unit}", f"{run['calls_per_second']:,.0f}",
                   f"{run['calls_per_second'] / first['calls_per_second']:.2f}x", f"{run['findings_per_call']:.2f}",
                   f"{run['bytes_per_connection']:,.0f}" if part == "flows" else ""]


def module_rows(figures):
    if not figures["modules"]:
        return
    yield ["single modules", "ns"]
    for name, counts in figures["modules"]["flow"].items():
        for count, value in counts.items():
            yield [f"flow table, {name}, {int(count):,} flows: a packet", f"{value:.1f}"]
    queue = figures["modules"]["queue"]
    yield ["a finding encoded into the queue", f"{queue['put_ns']:.1f}"]
    yield ["its share of publishing 64 of them", f"{queue['publish_ns']:.2f}"]
    yield ["a finding decoded by the reporting core", f"{queue['decode_ns']:.1f}"]


def latency(figures):
    if not figures["findings"]:
        return "no findings"
    return (f"p50 {figures['p50_us']:,.0f} us, p99 {figures['p99_us']:,.0f} us, most {figures['max_us']:,.0f} us "
            f"({figures['findings']:,} findings)")


def live_rows(figures):
    live = figures["live"]
    if not live:
        return
    most, goal, durable, reload = live["most"], live["goal"], live["durable"], live["reload"]
    yield ["live, one worker on a ring port" + (" without huge pages" if most["no_huge"] else ""), ""]
    yield ["nobody drops", f"{most['calls_per_second']:,.0f} calls/s; while busy {most['busy_calls_per_second']:,.0f}"]
    yield ["highest rate without loss", f"{live['lossless']:,.0f} calls/s, by {len(live['search'])} halvings"]
    yield [f"at {goal['rate']:,} calls/s", f"busy {percent(goal['busy'])}, {goal['packets_dropped']:,} packets dropped"]
    yield ["packet to published finding", latency(goal["published"])]
    yield ["packet to durable finding", latency(durable["durable"])]
    yield ["configuration to first packet", f"{most['startup_ms']:,.0f} ms: rules and registry "
           f"{most['startup_rules_ms']:,.0f}, port {most['startup_port_ms']:,.0f}, memory {most['startup_memory_ms']:,.0f}"]
    yield ["assay replay of a capture in memory", f"{live['replay']:,.0f} calls/s, "
           f"{live['replay'] / most['busy_calls_per_second']:.2f} of the live worker's while busy"]
    yield ["reload under traffic", f"{reload['reload_ms']:,.0f} ms to build, {reload['adopt_ms']:.2f} ms to adopt, "
           f"{reload['packets_dropped']:,} packets dropped"]


def peer_rows(figures):
    peers = figures["peers"]
    if not peers:
        return
    own = peers["programs"]["assay replay"]["calls_per_second"]
    yield [f"{peers['calls']:,} calls of api-small", "calls/s of processor time", "without start", "by the wall",
           "assay replay does"]
    for name, program in peers["programs"].items():
        yield [name, f"{program['calls_per_second']:,.0f}", f"{program['without_start']:,.0f}", f"{program['wall_s']:.2f} s",
               "" if name == "assay replay" else f"{own / program['calls_per_second']:.2f}x"]


def instruction_rows(figures):
    if figures["instructions"]:
        yield ["instructions a call", ""]
        yield from ([name, f"{count:,.0f}"] for name, count in figures["instructions"].items())


# --------------------------------------------------------------------------------------------------------------- goals

def find(figures, *keys):
    for key in keys:
        figures = figures.get(key, {}) if isinstance(figures, dict) else {}
    return figures if figures != {} else None


# Why a goal is missed, and what would come next; told only where it is.
GOAL_NOTES = {
    "G1": ("values that are new in every call: new header lines and bodies are searched, then judged by each rule",
           "a quicker way for calls that passed before"),
    "G2": ("heads are searched and every rule is judged all the same", "as G1"),
    "G3": ("HPACK and a row of streams for each connection; calls are judged as those of HTTP/1", "as G1"),
    "G4": ("200 ns for each record in OpenSSL 3.0, whatever its size", "intel-ipsec-mb or OpenSSL 3.1 for small records"),
    "G5": ("each value is validated, masked, digested and told", "fewer walks to find a value's place in its body"),
    "G6": ("as G1; the feeder shares the machine", "as G1"),
    "G7": ("Hyperscan and the shape finder read every byte", "one pass for both"),
    "G9": ("a session of 128 B beside a flow of 320 B, and the index", "numbers instead of pointers in the session"),
    "G10": ("the keyed hash of the addresses is most of the look-up; a finding is encoded where it is made",
            "a hash of fixed size; shorter records"),
    "G12": ("Hyperscan compiles the patterns together", "keep compiled patterns that did not change"),
    "G13": ("cores that share caches and other work", "measure on a machine with nothing else to do"),
    "replay": ("reading the capture file", "larger reads"),
}


class Goal(typing.NamedTuple):
    name: str
    asked: str
    measured: str | None  # None: that part was not run
    met: bool = False
    share: float | None = None  # of the limit of this machine

    def row(self):
        told = self.measured is not None
        missed = told and not self.met
        reason, step = GOAL_NOTES.get(self.name.split()[0], ("", "")) if missed else ("", "")
        return [self.name, self.asked, self.measured if told else "not measured",
                "" if self.share is None else percent(self.share), "missed" if missed else "met" if told else "", reason,
                step]


def rate_goal(name, asked, run):
    """A rate in calls/s."""
    if run is None:
        return Goal(name, f"{asked:,} calls/s", None)
    return Goal(name, f"{asked:,} calls/s", f"{run['calls_per_second']:,.0f} calls/s", run["calls_per_second"] >= asked,
                run.get("share_of_limit"))


def ratio_goal(name, asked, value, least):
    return Goal(name, asked, None if value is None else f"{value:.2f}", value is not None and value >= least)


def ratio_of(runs, last, first):
    one, other = find(runs or {}, last), find(runs or {}, first)
    return one["calls_per_second"] / other["calls_per_second"] if one and other else None


def memory_goal(figures):
    """What each further connection takes, between the two largest numbers of them."""
    runs = [find(figures, "scaling", "flows", str(count)) for count in measure.FLOW_COUNTS[-2:]]
    if None in runs:
        return Goal("G9 memory", "512 B a flow, 1 GB a million", None)
    each, million = sizing.each_connection(*runs), runs[1]["bytes_per_connection"] / 1000
    return Goal("G9 memory", "512 B a flow, 1 GB a million", f"{each:,.0f} B, {million:.2f} GB",
                each <= 512 and million <= 1)


def module_goal(figures):
    lookups = find(figures, "modules", "flow", "look-up")
    queue = find(figures, "modules", "queue")
    if lookups is None or queue is None:
        return Goal("G10 look-up, publishing", "15 ns, 5 ns", None)
    most = max(lookups, key=int)
    return Goal("G10 look-up, publishing", "15 ns, 5 ns",
                f"{lookups[most]:.0f} ns among {int(most):,}, {queue['publish_ns']:.1f} ns and {queue['put_ns']:.0f} to encode",
                lookups[most] <= 15 and queue["publish_ns"] <= 5)


def rate_of_live_goal(figures):
    run = find(figures, "live", "goal")
    if run is None:
        return Goal("G6 50,000 calls/s", "15 % of a core, nothing lost", None)
    paced = run["calls_per_second"] >= measure.KEPT_PACE * measure.GOAL_RATE
    return Goal("G6 50,000 calls/s", "15 % of a core, nothing lost",
                f"{percent(run['busy'])} at {run['calls_per_second']:,.0f}, {run['packets_dropped']:,} packets lost",
                run["busy"] <= 0.15 and measure.lossless(run) and paced)


def reload_goal(figures):
    run = find(figures, "live", "reload")
    if run is None:
        return Goal("G12 reload", "100 ms, nothing lost", None)
    return Goal("G12 reload", "100 ms, nothing lost",
                f"{run['reload_ms']:,.0f} ms, {run['packets_dropped']:,} packets lost",
                run["reload_ms"] <= 100 and measure.lossless(run))


def large_goal(figures):
    run = find(figures, "profiles", "api-large")
    if run is None:
        return Goal("G7 large bodies", "11 Gbit/s", None)
    return Goal("G7 large bodies", "11 Gbit/s", f"{run['gigabits_per_second']:.1f} Gbit/s",
                run["gigabits_per_second"] >= 11, run.get("share_of_limit"))


def scaling_goals(figures):
    scaling = figures["scaling"]
    yield ratio_goal("G13 two workers", "1.9 of one", ratio_of(scaling.get("workers"), "2", "1"), 1.9)
    yield ratio_goal("G13 thousand times the registry", "0.9 per ten times",
                     ratio_of(scaling.get("registry"), "100000", "100"), 0.73)
    yield ratio_goal("G13 500 patterns instead of 60", "0.9 per ten times", ratio_of(scaling.get("patterns"), "500", "60"),
                     0.9)


def replay_goals(figures):
    most, replay = find(figures, "live", "most", "busy_calls_per_second"), find(figures, "live", "replay")
    yield ratio_goal("replay against live", "0.85", replay / most if most and replay else None, 0.85)
    tcpdump = find(figures, "peers", "programs", "tcpdump -w /dev/null", "calls_per_second")
    own = find(figures, "peers", "programs", "assay replay", "calls_per_second")
    yield ratio_goal("replay against tcpdump", "0.40", own / tcpdump if tcpdump and own else None, 0.40)


def goals(figures):
    yield rate_goal("G1 HTTP/1.1, full audit", 425000, find(figures, "profiles", "api-small"))
    yield rate_goal("G2 bodies not searched", 800000, find(figures, "profiles", "inventory"))
    yield rate_goal("G3 HTTP/2", 300000, find(figures, "protocols", "http2", "api-small"))
    yield rate_goal("G3 gRPC", 300000, find(figures, "protocols", "grpc", "api-small"))
    yield rate_goal("G4 TLS 1.3 with keys, HTTP/1.1", 260000, find(figures, "protocols", "tls", "api-small"))
    yield rate_goal("G5 11 values in every response", 120000, find(figures, "profiles", "findings"))
    yield rate_of_live_goal(figures)
    yield large_goal(figures)
    yield Goal("G8 costly patterns", "none above 20 cycles a byte without a warning", "told by name and cost when rules are read",
               True)
    yield memory_goal(figures)
    yield module_goal(figures)
    yield Goal("G11 audit log", "800,000 records/s", None)
    yield reload_goal(figures)
    yield from scaling_goals(figures)
    yield from replay_goals(figures)


def goal_rows(figures):
    yield ["goal", "asked", "measured", "of the limit", "", "reason", "next step"]
    yield from (goal.row() for goal in goals(figures))


# -------------------------------------------------------------------------------------------------------------- report

def heading(figures):
    return (f"{figures['date']}, {figures['processor']}, {figures['commit']}: medians of {figures['repetitions']} runs, "
            f"processor time of one core, load of the machine {figures['load']:.1f}")


def report(figures):
    yield heading(figures)
    yield from (f"{name} FAILED: {reason}" for name, reason in figures.get("failed", {}).items())
    for rows in (rate_rows, added_rows, cycle_rows, scaling_rows, module_rows, live_rows, peer_rows, instruction_rows,
                 goal_rows):
        found = list(rows(figures))
        if len(found) > 1:
            yield ""
            yield from grid(found)


def documents(figures):
    """The parts of docs/performance.md that are written anew."""
    parts = {"rates": rate_rows, "added": added_rows, "cycles": cycle_rows, "scaling": scaling_rows, "modules": module_rows, "live": live_rows,
             "peers": peer_rows, "instructions": instruction_rows, "goals": goal_rows}
    for name, rows in parts.items():
        found = list(rows(figures))
        yield name, "\n".join(markdown(found)) if len(found) > 1 else "Not measured on this machine."
    yield "heading", f"{heading(figures)}."
