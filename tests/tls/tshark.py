# SPDX-License-Identifier: Apache-2.0
"""What tshark says about TLS captures: segments in order of their streams, and the plaintext of every record."""

import re
import subprocess
from collections import defaultdict

BLOCK = re.compile(r"^(.*) \((\d+) bytes?\):$")
HEX = re.compile(r"^[0-9a-f]{4,}  ((?:[0-9a-f]{2} )+)")


def run(capture, *arguments):
    return subprocess.run(["tshark", "-r", capture, *arguments], check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout.decode("utf-8", "replace")


def segments(capture):
    """stream -> list of ("C" or "S", bytes), in order of arrival, each byte once."""
    rows = run(capture, "-T", "fields", "-e", "tcp.stream", "-e", "tcp.srcport", "-e", "tcp.dstport", "-e",
               "tcp.seq_raw", "-e", "tcp.flags.syn", "-e", "tcp.flags.ack", "-e", "tcp.payload")
    client, following, held, result = {}, {}, defaultdict(dict), defaultdict(list)
    for row in rows.splitlines():
        stream, source, target, sequence, syn, ack, payload = (row.split("\t") + [""] * 7)[:7]
        if not stream:
            continue
        stream, sequence, data = int(stream), int(sequence), bytes.fromhex(payload.replace(":", ""))
        client.setdefault(stream, source if (syn, ack) != ("1", "1") else target)
        key = (stream, "C" if source == client[stream] else "S")
        if syn == "1":
            following[key] = sequence + 1
        if not data:
            continue
        following.setdefault(key, sequence)
        held[key].setdefault(sequence, data)
        for start in sorted(held[key]):
            if start > following[key]:
                break
            fresh = held[key].pop(start)[following[key] - start:]
            if fresh:
                result[stream].append((key[1], fresh))
                following[key] += len(fresh)
    return result


def plaintexts(capture, keylog, stream):
    """Plaintext of every record of a stream that tshark decrypted, in order."""
    text = run(capture, "-o", "tls.keylog_file:" + keylog, "-Y", "tcp.stream==%d" % stream, "-x")
    found, block = [], None
    for line in text.splitlines():
        title = BLOCK.match(line)
        if title:
            block = bytearray() if title.group(1).startswith("Decrypted") else None
            if block is not None:
                found.append((int(title.group(2)), block))
        elif not line:
            block = None  # the first block of a frame with one source has no title
        elif block is not None and HEX.match(line):
            block += bytes.fromhex(HEX.match(line).group(1).replace(" ", ""))
    for size, data in found:
        if size != len(data):
            raise ValueError("%s: %d bytes read of a record of %d" % (capture, len(data), size))
    return [bytes(data) for _, data in found]
