# SPDX-License-Identifier: Apache-2.0
"""Each fault of a tap, put into a clean capture, is named by `assay doctor`, and no other; a clean one has none.

usage: faults.py ASSAY
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import traffic
from traffic import pcap_rewrite

ASSAY = sys.argv[1]
CUT_FREE = ("suricata-verify",)  # captures with holes made on purpose: they may be named, so they are not judged here


def doctor(*arguments):
    """(exit status, {fault: diagnosis}, the whole answer)"""
    result = subprocess.run([ASSAY, "doctor", "--format", "json", *map(str, arguments)], capture_output=True, text=True,
                            check=False)
    assert result.returncode in (0, 1), "%s: %s" % (arguments, result.stderr)
    answer = json.loads(result.stdout)
    return result.returncode, {entry["fault"]: entry for entry in answer["faults"]}, answer


class Place:
    def __init__(self, folder):
        self.folder, self.count = pathlib.Path(folder), 0

    def write(self, frames, *operations):
        for operation in operations:
            frames = pcap_rewrite.apply(frames, operation)
        self.count += 1
        path = self.folder / ("%d.pcap" % self.count)
        pcap_rewrite.write_capture(path, frames)
        return path


def expect(place, frames, operations, fault, **facts):
    status, found, _ = doctor(place.write(frames, *operations))
    expected = {fault} if fault else set()
    assert set(found) == expected, "%s: %s" % (operations, found)
    information = fault == "checksum_offload"
    assert status == (1 if fault and not information else 0), operations
    for name, (least, most) in facts.items():
        assert least <= found[fault][name] <= most, "%s: %s" % (operations, found[fault])
    if fault:
        assert found[fault]["percent_at_least"] <= found[fault]["percent"]
        assert found[fault]["what"] and found[fault]["change"]
    return found.get(fault)


def test_clean(place):
    for seed in range(1, 9):
        frames = traffic.capture(seed)
        expect(place, frames, [], None)
    frames = traffic.capture()
    for operations in (["wrap=vlan,7"], ["wrap=qinq,7"], ["wrap=vxlan,9"], ["wrap=erspan3,3"], ["wrap=gtpu,5"],
                       ["resegment=300"], ["sequence=0xfffffff0"], ["wrap=geneve,2", "wrap=vlan,4"]):
        expect(place, frames, operations, None)
    # Two hours without a word: the connections' own clocks went on, so it was a silence and no jump.
    expect(place, traffic.capture(silence_s=7200), [], None)
    # A capture that begins and ends in the middle of everything.
    expect(place, frames[len(frames) // 3 : len(frames) * 2 // 3], [], None)


def test_directions(place):
    frames = traffic.capture()
    clients = expect(place, frames, ["only=client"], "one_direction", count=(60, 60), of=(60, 60))
    assert "of the servers are missing" in clients["what"]
    servers = expect(place, frames, ["only=server"], "one_direction", count=(60, 60))
    assert "of the clients are missing" in servers["what"]
    # A third of the connections is routed round the tap in one direction.
    kept = [frame for frame, segment, side in pcap_rewrite.with_sides(frames)
            if side == "client" or min(segment.key()[0][1], segment.key()[1][1])[1] % 3]
    found = expect(place, kept, [], "one_direction")
    assert 20 <= found["percent"] <= 50, found


def test_queues(place):
    frames = traffic.capture()
    first, second = place.write(frames, "queue=0,2"), place.write(frames, "queue=1,2")
    status, found, _ = doctor("--queues", first, second)
    assert status == 1 and set(found) == {"queue_split"}, found
    assert found["queue_split"]["of"] == 60 and 15 <= found["queue_split"]["count"] <= 45, found
    status, found, _ = doctor(first)  # one queue alone shows it too
    assert status == 1 and set(found) == {"queue_split"}, found
    # Whole connections to each queue: as it should be.
    halves = [[], []]
    for frame in frames:
        ports = pcap_rewrite.Segment.parse(frame).key()
        halves[(ports[0][1][1] ^ ports[1][1][1]) & 1].append(frame)
    status, found, _ = doctor("--queues", place.write(halves[0]), place.write(halves[1]))
    assert status == 0 and not found, found


def test_duplicates(place):
    frames = traffic.capture()
    expect(place, frames, ["duplicate=all"], "duplicates", percent=(49, 51))
    # The second copy in another VLAN, a hop on, and by another way a few milliseconds later.
    tagged = [pcap_rewrite.Frame(frame.time_ns + 2_000, pcap_rewrite.wrap_frame(frame.data, "vlan", 20), 0)
              for frame in frames]
    both = sorted(frames + tagged, key=lambda frame: frame.time_ns)
    found = expect(place, both, [], "duplicates", percent=(49, 51))
    assert "other VLAN tags" in found["what"]
    hops = []
    for frame in frames:
        segment = pcap_rewrite.Segment.parse(frame)
        segment.ip[8 if segment.version == 4 else 7] -= 1
        hops.append(pcap_rewrite.Frame(frame.time_ns + 30_000, segment.build().data, 0))
    found = expect(place, sorted(frames + hops, key=lambda frame: frame.time_ns), [], "duplicates", percent=(45, 51))
    assert "hop count" in found["what"]
    # The VLAN of a client's packets is the other way round than that of the server's copies: still only copies.
    crossed = []
    for frame, _, side in pcap_rewrite.with_sides(frames):
        for late, vlan in ((0, 10 if side == "client" else 20), (1000, 20 if side == "client" else 10)):
            crossed.append(pcap_rewrite.Frame(frame.time_ns + late, pcap_rewrite.wrap_frame(frame.data, "vlan", vlan), 0))
    expect(place, sorted(crossed, key=lambda frame: frame.time_ns), [], "duplicates")


def test_skew(place):
    frames = traffic.capture()
    found = expect(place, frames, ["delay=server,0.005"], "skew", extent=(10**6, 6 * 10**6))
    assert "what the servers sent" in found["what"]
    found = expect(place, frames, ["delay=client,0.02"], "skew", extent=(10**7, 21 * 10**6))
    assert "what the clients sent" in found["what"]


def test_cuts(place):
    frames = traffic.capture()
    expect(place, frames, ["snap=128"], "snapped", extent=(128, 128))
    expect(place, frames, ["mirror-cut=1000"], "mirror_cut", extent=(1000, 1000))
    expect(place, frames, ["wrap=vxlan,9", "mirror-cut=1400"], "mirror_cut", extent=(1400, 1400))
    expect(place, frames, ["snap=40"], "snapped")


def test_loss(place):
    frames = traffic.capture()
    expect(place, frames, ["drop-every=40"], "loss", extent=(1000, 10**6))
    expect(place, frames, ["drop-every=7"], "loss")


def test_tags(place):
    frames = traffic.capture()
    found = expect(place, frames, ["tag=client,10", "tag=server,20"], "vlan_asymmetry", count=(60, 60))
    assert "VLAN 10" in found["what"] and "VLAN 20" in found["what"]
    found = expect(place, frames, ["tag=server,20"], "vlan_asymmetry")
    assert "no tag" in found["what"]
    expect(place, frames, ["tag=client,10", "tag=server,10"], None)
    expect(place, frames, ["tag=client,0"], None)  # a priority without a VLAN


def test_clock(place):
    frames = traffic.capture()
    middle = len(frames) // 2
    expect(place, frames, ["clock=%d,-5" % middle], "clock", extent=(4 * 10**9, 5 * 10**9))
    expect(place, frames, ["clock=%d,-3600" % middle], "clock")
    expect(place, frames, ["clock=%d,3600" % middle], "clock", extent=(36 * 10**11, 3601 * 10**9))
    expect(place, frames, ["clock=%d,2000000000" % middle], "clock")  # from 2023 to 2087
    expect(place, frames, ["clock=%d,-0.2" % middle], None)  # what buffers of several queues do
    late = traffic.capture(start_s=4_200_000_000)  # 2103: more seconds than a signed number of 32 bits holds
    expect(place, late, [], None)
    expect(place, late, ["clock=%d,-3600" % middle], "clock")


def test_checksums(place):
    frames = traffic.capture()
    expect(place, frames, ["offload=client"], "checksum_offload", count=(60, 60), of=(120, 120))


def test_few(place):
    """The same faults in three connections name nothing but what one case proves."""
    frames = traffic.capture(connections=3)
    for operation in ("only=client", "tag=client,10", "queue=0,2"):
        expect(place, frames, [operation], None)
    for operation in ("duplicate=all", "drop-every=4", "snap=100", "mirror-cut=100"):
        expect(place, frames[:9], [operation], None)


def test_answers(place):
    path = place.write(traffic.capture(), "only=client")
    text = subprocess.run([ASSAY, "doctor", path], capture_output=True, text=True, check=False)
    assert text.returncode == 1 and text.stdout.startswith("FAIL  one direction is missing"), text
    assert text.stdout.count("\n") == 1 and "Change: mirror both directions" in text.stdout
    text = subprocess.run([ASSAY, "doctor", place.write(traffic.capture())], capture_output=True, text=True, check=False)
    assert text.returncode == 0 and text.stdout.startswith("ok"), text
    for wrong in (["--format", "xml"], ["--queues", str(path)], ["--nonsense"], [str(place.folder / "none.pcap")]):
        text = subprocess.run([ASSAY, "doctor", *wrong], capture_output=True, text=True, check=False)
        assert text.returncode == 2 and text.stderr and not text.stdout, wrong
    # Parts of one capture: the same as the whole, and a part begins with another clock.
    frames = traffic.capture()
    first, second = place.write(frames[:1000]), place.write(frames[1000:])
    assert doctor(second, first)[0] == 0
    host = subprocess.run([ASSAY, "doctor", "--format", "json"], capture_output=True, text=True, check=False)
    assert host.returncode in (0, 1) and json.loads(host.stdout)["checks"], host


def test_independent(_):
    folder = os.environ.get("ASSAY_TESTDATA")
    if not folder:
        print("skipped: ASSAY_TESTDATA is unset")
        return
    paths = [path for path in sorted(pathlib.Path(folder).rglob("*.pcap*")) if not set(CUT_FREE) & set(path.parts)]
    assert paths
    for path in paths:
        status, found, _ = doctor(path)
        assert status == 0 and set(found) <= {"checksum_offload"}, "%s: %s" % (path, found)
    print("%d captures without a fault" % len(paths))


def main():
    with tempfile.TemporaryDirectory(prefix="assay-tap-") as folder:
        place = Place(folder)
        for name, test in list(globals().items()):
            if name.startswith("test_"):
                test(place)
                print("ok", name)


main()
