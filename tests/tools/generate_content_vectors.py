#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/vectors/content.txt and the seeds of tests/fuzz/content_decoder.corpus.

The streams come from encoders, or are put together by hand from the RFCs; what they decode to is what was encoded. zlib
is Python's, zstd the command line tool, brotli the encoder library of Debian's libbrotli1.

A line is  name|Content-Encoding|outcome|flags|content|coded body in hex.  The content is one of
  hex:BYTES   repeat:COUNT:BYTES   rows:COUNT:SEED   noise:COUNT:SEED
where the last two are COUNT bytes drawn from a linear congruential generator, see rows() and noise().

usage: generate_content_vectors.py [FOLDER]     (the repository's tests/ folder unless told)
"""
import ctypes
import pathlib
import subprocess
import struct
import sys
import tempfile
import zlib

TESTS = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent
BROTLI = ctypes.CDLL("libbrotlienc.so.1")
BROTLI.BrotliEncoderCreateInstance.restype = ctypes.c_void_p
BROTLI_DECODER = ctypes.CDLL("libbrotlidec.so.1")
BROTLI_DECODER.BrotliDecoderCreateInstance.restype = ctypes.c_void_p
WORDS = [b'{"id": ', b', "name": "', b'", "mail": "', b"@example.com", b'"}, ', b"\n", b"true", b"0.25", b"Anna", b"Bob",
         b"Carol", b"[", b"]", b"null", b"street ", b"\xc3\xa4"]


def draws(seed):
    state = seed
    while True:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        yield state >> 33


def rows(count, seed):
    """Words picked by draw modulo 16."""
    out, source = b"", draws(seed)
    while len(out) < count:
        out += WORDS[next(source) % len(WORDS)]
    return out[:count]


def noise(count, seed):
    """Bytes picked by draw modulo 256."""
    source = draws(seed)
    return bytes(next(source) % 256 for _ in range(count))


def content(recipe):
    kind, *arguments = recipe.split(":")
    if kind == "hex":
        return bytes.fromhex(arguments[0])
    if kind == "repeat":
        return bytes.fromhex(arguments[1]) * int(arguments[0])
    return {"rows": rows, "noise": noise}[kind](int(arguments[0]), int(arguments[1]))


def deflate(data, wbits=-15, level=6, end=zlib.Z_FINISH, dictionary=None):
    arguments = {"zdict": dictionary} if dictionary else {}
    encoder = zlib.compressobj(level, zlib.DEFLATED, wbits, **arguments)
    return encoder.compress(data) + encoder.flush(end)


def gzip(data, level=6, fields=b"", flags=0, crc=None, size=None):
    head = struct.pack("<BBBBIBB", 0x1F, 0x8B, 8, flags, 0, 0, 255) + fields
    tail = struct.pack("<II", zlib.crc32(data) if crc is None else crc, len(data) if size is None else size)
    return head + deflate(data, level=level) + tail


def brotli(data, quality=6, window=22, large=False):
    encoder = ctypes.c_void_p(BROTLI.BrotliEncoderCreateInstance(None, None, None))
    for parameter, value in ((1, quality), (2, window), (6, int(large))):  # QUALITY, LGWIN, LARGE_WINDOW
        assert BROTLI.BrotliEncoderSetParameter(encoder, parameter, value)
    room = len(data) + 1024
    out = ctypes.create_string_buffer(room)
    next_in, next_out = ctypes.c_char_p(data), ctypes.c_void_p(ctypes.addressof(out))
    left_in, left_out = ctypes.c_size_t(len(data)), ctypes.c_size_t(room)
    while not BROTLI.BrotliEncoderIsFinished(encoder):
        assert BROTLI.BrotliEncoderCompressStream(encoder, 2, ctypes.byref(left_in), ctypes.byref(next_in),
                                                  ctypes.byref(left_out), ctypes.byref(next_out), None)
    BROTLI.BrotliEncoderDestroyInstance(encoder)
    return out.raw[:room - left_out.value]


def zstd(data, *options):
    return subprocess.run(["zstd", "-q", "-c", *options], input=data, capture_output=True, check=True).stdout


def zstd_of_known_size(data, *options):
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        return subprocess.run(["zstd", "-q", "-c", *options, file.name], capture_output=True, check=True).stdout


def skippable(data):
    return struct.pack("<II", 0x184D2A53, len(data)) + data


def flip(data, position):
    return data[:position] + bytes([data[position] ^ 0x40]) + data[position + 1:] if position >= 0 else \
        flip(data, len(data) + position)


VECTORS = []


def vector(name, header, recipe, coded, outcome="complete", flags=""):
    VECTORS.append("|".join((name, header, outcome, flags, recipe, coded.hex())))


ENCODERS = {"gzip": gzip, "deflate": lambda data: deflate(data, wbits=15), "br": brotli, "zstd": zstd}
SIZES = ["hex:", "hex:41", "hex:" + b'{"card": "4111 1111 1111 1111"}'.hex(), "rows:1000:1", "rows:16383:2", "rows:16384:3",
         "rows:16385:4", "rows:33000:5", "noise:3000:6", "repeat:3000:20", "repeat:400:" + b"abcdefgh".hex()]
SMALL = "rows:300:7"


def every_coding():
    for header, encode in ENCODERS.items():
        for recipe in SIZES:
            vector(f"{header} {recipe[:20]}", header, recipe, encode(content(recipe)))
        coded = encode(content(SMALL))
        vector(f"{header} no body", header, "hex:", b"")
        vector(f"{header} trailing text", header, SMALL, coded + b"trailing text", flags="trailing")
        vector(f"{header} trailing byte", header, SMALL, coded + b"\0", flags="trailing")
        vector(f"{header} begun only", header, "hex:", coded[:1], "truncated")
        vector(f"{header} plain text", header, "hex:", b"not encoded at all\n" * 30, "malformed",
               "raw" if header == "deflate" else "")


def brotli_decoded(coded, room):
    decoder = ctypes.c_void_p(BROTLI_DECODER.BrotliDecoderCreateInstance(None, None, None))
    out = ctypes.create_string_buffer(room)
    next_in, next_out = ctypes.c_char_p(coded), ctypes.c_void_p(ctypes.addressof(out))
    left_in, left_out = ctypes.c_size_t(len(coded)), ctypes.c_size_t(room)
    BROTLI_DECODER.BrotliDecoderDecompressStream(decoder, ctypes.byref(left_in), ctypes.byref(next_in),
                                                 ctypes.byref(left_out), ctypes.byref(next_out), None)
    BROTLI_DECODER.BrotliDecoderDestroyInstance(decoder)
    return out.raw[:room - left_out.value]


def zstd_decoded(coded):
    return subprocess.run(["zstd", "-q", "-d", "-c"], input=coded, capture_output=True).stdout


def cut_off():
    """As much as another decoder shows of a body over several views that ends early."""
    recipe = "rows:33000:5"
    data = content(recipe)
    first, second = zstd(data[:20000], "--no-check"), zstd(data[20000:], "--no-check")
    decoders = {"gzip": lambda coded: zlib.decompressobj(31).decompress(coded),
                "deflate": lambda coded: zlib.decompressobj(15).decompress(coded),
                "br": lambda coded: brotli_decoded(coded, len(data) + 1), "zstd": zstd_decoded}
    for header, decode in decoders.items():
        coded = first + second if header == "zstd" else ENCODERS[header](data)
        shown = decode(coded[:-200])
        assert data.startswith(shown) and len(shown) > 16384
        vector(f"{header} cut off", header, f"rows:{len(shown)}:5", coded[:-200], "truncated",
               "members" if header == "zstd" else "")


def gzip_vectors():
    small = content(SMALL)
    coded = gzip(small)
    fields = [(4, struct.pack("<H", 5) + b"extra"), (4, b"\0\0"), (8, b"name.json\0"), (16, b"a comment\0"), (2, b"\x12\x34"),
              (30, struct.pack("<H", 3) + b"abc" + b"n\0" + b"\0" + b"\0\0"), (1, b"")]
    for flags, field in fields:
        vector(f"gzip fields {flags}", "gzip", SMALL, gzip(small, fields=field, flags=flags))
    for level in (0, 1, 9):
        vector(f"gzip level {level}", "x-gzip", SMALL, gzip(small, level=level))
    vector("gzip reserved flag", "gzip", "hex:", gzip(small, flags=0x20), "malformed")
    vector("gzip other method", "gzip", "hex:", b"\x1f\x8b\x07" + coded[3:], "malformed")
    vector("gzip crc", "gzip", SMALL, gzip(small, crc=1), flags="checksum")
    vector("gzip size", "gzip", SMALL, gzip(small, size=299), flags="checksum")
    vector("gzip no trailer", "gzip", SMALL, coded[:-8], flags="trailer")
    vector("gzip half a trailer", "gzip", SMALL, coded[:-3], flags="trailer")
    vector("gzip header only", "gzip", "hex:", coded[:10], "truncated")
    vector("gzip never finished", "gzip", SMALL, coded[:10] + deflate(small, end=zlib.Z_SYNC_FLUSH), "truncated")
    vector("gzip members", "gzip", "repeat:3:" + small.hex(), coded * 3, flags="members")
    vector("gzip members, first crc", "gzip", "repeat:2:" + small.hex(), gzip(small, crc=0) + coded, flags="members checksum")
    vector("gzip member begun", "gzip", SMALL, coded + coded[:7], "truncated", "members")
    vector("gzip member no more than a byte", "gzip", SMALL, coded + b"\x1f", flags="trailing")
    vector("gzip member with other method", "gzip", SMALL, coded + b"\x1f\x8b\x01", "malformed", "members")
    vector("gzip padded", "gzip", SMALL, coded + bytes(100), flags="trailing")
    vector("gzip block type 3", "gzip", "hex:", coded[:10] + b"\x07", "malformed")
    vector("gzip distance too far", "gzip", "hex:61", coded[:10] + b"\x4b\x04\x12\x00", "malformed")


def deflate_vectors():
    small = content(SMALL)
    coded = deflate(small, wbits=15)
    for level in (0, 1, 9):
        vector(f"deflate level {level}", "deflate", SMALL, deflate(small, 15, level))
        vector(f"deflate raw level {level}", "deflate", SMALL, deflate(small, -15, level), flags="raw")
    for window in (9, 12):
        vector(f"deflate window {window}", "deflate", "rows:3000:8", deflate(content("rows:3000:8"), window))
    vector("deflate raw long", "deflate", "rows:33000:5", deflate(content("rows:33000:5")), flags="raw")
    vector("deflate raw empty", "deflate", "hex:", deflate(b""), flags="raw")
    vector("deflate raw trailing", "deflate", SMALL, deflate(small) + b"abcd", flags="raw trailing")
    vector("deflate raw cut", "deflate", SMALL, deflate(small, end=zlib.Z_SYNC_FLUSH), "truncated", "raw")
    vector("deflate adler", "deflate", SMALL, flip(coded, -1), flags="checksum")
    vector("deflate no trailer", "deflate", SMALL, coded[:-4], flags="trailer")
    vector("deflate half a trailer", "deflate", SMALL, coded[:-1], flags="trailer")
    vector("deflate header only", "deflate", "hex:", coded[:2], "truncated")
    vector("deflate dictionary", "deflate", "hex:", deflate(small, 15, dictionary=b"street"), "dictionary")


def brotli_vectors():
    for quality in (0, 1, 2, 4, 5, 9, 11):
        vector(f"br quality {quality}", "br", SMALL, brotli(content(SMALL), quality))
    for window in (10, 16, 24):
        vector(f"br window {window}", "br", "rows:3000:9", brotli(content("rows:3000:9"), 9, window))
    # RFC 7932 9.2 and 9.3 by hand: WBITS 16, a metadata block of 3 bytes, an uncompressed block of 4, the empty last one.
    vector("br by hand", "br", "hex:" + b"data".hex(), bits((1, 0), (1, 0), (2, 3), (1, 0), (2, 1), (8, 2), b"xyz",
           (1, 0), (2, 0), (16, 3), (1, 1), b"data", (1, 1), (1, 1)))
    vector("br large window", "br", "hex:", brotli(content("rows:3000:9"), 9, 26, large=True), "window")
    vector("br reserved bit", "br", "hex:", bits((1, 0), (1, 0), (2, 3), (1, 1), b"\xff"), "malformed")


def bits(*fields):
    """(width, value) least significant bit first; bytes begin at the next whole byte."""
    out, held, count = b"", 0, 0
    for field in fields + (b"",):
        if isinstance(field, bytes):
            out += (held.to_bytes((count + 7) // 8, "little") if count else b"") + field
            held = count = 0
        else:
            held |= field[1] << count
            count += field[0]
    return out


def zstd_vectors():
    small = content(SMALL)
    coded, plain = zstd(small, "--check"), zstd(small, "--no-check")
    for option in ("-1", "-3", "-19", "--fast=5", "--ultra"):
        vector(f"zstd {option}", "zstd", "rows:3000:10", zstd(content("rows:3000:10"), option))
    vector("zstd no checksum", "zstd", SMALL, plain)
    vector("zstd known size", "zstd", SMALL, zstd_of_known_size(small))
    vector("zstd known size, long", "zstd", "rows:33000:5", zstd_of_known_size(content("rows:33000:5")))
    vector("zstd checksum", "zstd", SMALL, flip(coded, -1), flags="checksum")
    vector("zstd checksum of the first frame", "zstd", "repeat:2:" + small.hex(), flip(coded, -1) + plain,
           flags="checksum members")
    vector("zstd no trailer", "zstd", SMALL, coded[:-4], flags="trailer")
    vector("zstd half a trailer", "zstd", SMALL, coded[:-1], flags="trailer")
    vector("zstd frames", "zstd", "repeat:3:" + small.hex(), coded + plain + coded, flags="members")
    vector("zstd frame begun", "zstd", SMALL, coded + coded[:6], "truncated", "members")
    vector("zstd frame no more than a byte", "zstd", SMALL, coded + coded[:1], flags="trailing")
    vector("zstd skippable", "zstd", SMALL, skippable(b"skip me") + coded + skippable(b""), flags="members")
    vector("zstd skippable cut", "zstd", SMALL, coded + skippable(b"skip me")[:-1], "truncated", "members")
    vector("zstd skippable only", "zstd", "hex:", skippable(b""))
    vector("zstd version 0.7", "zstd", "hex:", struct.pack("<I", 0xFD2FB527) + coded[4:], "malformed")
    # RFC 8878 3.1.1 by hand: magic, a window of 1 KB, then blocks: raw, repeated byte, raw and empty and last.
    frame = struct.pack("<IBB", 0xFD2FB528, 0, 0)
    block = lambda kind, size, last=0: struct.pack("<I", size << 3 | kind << 1 | last)[:3]
    vector("zstd by hand", "zstd", "hex:" + (b"raw" + b"z" * 500).hex(), frame + block(0, 3) + b"raw" + block(1, 500) +
           b"z" + block(0, 0, 1))
    vector("zstd reserved block", "zstd", "hex:" + b"raw".hex(), frame + block(0, 3) + b"raw" + block(3, 1) + b"z", "malformed")
    vector("zstd block over its window", "zstd", "hex:", frame + block(1, 1025, 1) + b"z", "malformed")
    vector("zstd no block", "zstd", "hex:", frame, "truncated")
    vector("zstd window of 8 MB", "zstd", "hex:7a", struct.pack("<IBB", 0xFD2FB528, 0, 13 << 3) + block(0, 1, 1) + b"z")
    vector("zstd window of 9 MB", "zstd", "hex:", struct.pack("<IBB", 0xFD2FB528, 0, 13 << 3 | 1) + block(0, 1, 1) + b"z",
           "window")
    vector("zstd window of 128 MB", "zstd", "hex:", zstd(content("rows:1000:1"), "--long=27"), "window")
    vector("zstd window of 2 TB", "zstd", "hex:", struct.pack("<IBB", 0xFD2FB528, 0, 0xFF) + block(0, 1, 1) + b"z", "window")
    vector("zstd dictionary", "zstd", "hex:", struct.pack("<IBBB", 0xFD2FB528, 1, 0, 77) + block(0, 1, 1) + b"z", "dictionary")


def layers():
    small, long = content(SMALL), content("rows:33000:5")
    for first, encode_first in ENCODERS.items():
        for second, encode_second in ENCODERS.items():
            vector(f"{first}, {second}", f"{first}, {second}", SMALL, encode_second(encode_first(small)))
    vector("gzip, br long", "gzip, br", "rows:33000:5", brotli(gzip(long)))
    vector("identity between", "gzip, identity,, ZSTD", SMALL, zstd(gzip(small)))
    vector("inner checksum", "gzip, br", SMALL, brotli(gzip(small, crc=3)), flags="checksum")
    vector("inner cut", "gzip, zstd", SMALL, zstd(gzip(small)[:10] + deflate(small, end=zlib.Z_SYNC_FLUSH)), "truncated")
    vector("inner trailing", "deflate, br", SMALL, brotli(deflate(small, 15) + b"more"), flags="trailing")
    vector("inner plain", "gzip, br", "hex:", brotli(small), "malformed")
    vector("outer no trailer", "br, gzip", SMALL, gzip(brotli(small))[:-8], flags="trailer")
    outer = deflate(deflate(small, 15), end=zlib.Z_SYNC_FLUSH)
    vector("outer cut, inner whole", "deflate, deflate", SMALL, outer, "truncated", "raw")


def bombs():
    """The content is the shortest the bounds allow: what comes out must be at least that and at most a view longer."""
    zeros = bytes(1 << 20)
    for header, encode in ENCODERS.items():
        vector(f"{header} bomb", header, "repeat:65536:00", encode(zeros), "bomb_ratio")
    vector("gzip, gzip bomb", "gzip, gzip", "repeat:65536:00", gzip(gzip(bytes(20 << 20), 9), 9), "bomb_ratio")
    # The first layer makes a megabyte of a gzip header's file name, of which nothing ever comes.
    vector("nothing but a name", "gzip, gzip", "hex:", gzip(b"\x1f\x8b\x08\x08" + bytes(6) + b"a" * (1 << 20)), "bomb_ratio")


def write_seeds():
    folder = TESTS / "fuzz/content_decoder.corpus"
    folder.mkdir(exist_ok=True)
    headers = ["gzip", "deflate", "br", "zstd", "gzip, br", "br, gzip", "deflate, zstd", "zstd, deflate"]
    small = content("rows:120:11")
    for index, header in enumerate(headers):
        coded = small
        for coding in header.split(", "):
            coded = ENCODERS[coding](coded)
        name = header.replace(", ", "-")
        (folder / name).write_bytes(bytes([index, 0, 9, 0, 20, 0]) + coded)
        (folder / f"{name}-lost").write_bytes(bytes([index, 0, 3, 0, 30, 41]) + coded)
    members = gzip(small, fields=b"n\0", flags=8) * 2 + bytes(3)
    (folder / "gzip-members").write_bytes(bytes([0, 0, 30, 0, 31, 0]) + members)
    frames = skippable(b"xy") + zstd(small, "--check") + zstd_of_known_size(small) + b"end"
    (folder / "zstd-frames").write_bytes(bytes([3, 0, 12, 0, 13, 0]) + frames)
    (folder / "deflate-raw").write_bytes(bytes([1, 0, 1, 0, 1, 0]) + deflate(small))
    (folder / "gzip-zeros").write_bytes(bytes([0, 0, 64, 0, 10, 0]) + gzip(bytes(300000), 9))
    (folder / "br-long").write_bytes(bytes([2, 1, 0, 1, 0, 0]) + brotli(content("rows:5000:12"), 11))


for make in (every_coding, cut_off, gzip_vectors, deflate_vectors, brotli_vectors, zstd_vectors, layers, bombs):
    make()
(TESTS / "vectors/content.txt").write_text("\n".join(VECTORS) + "\n")
write_seeds()
