#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bodies in every coding, charset and kind, made by Python's encoders: what they hold is found where it is, what hides it
is told, and silent twins stay silent. `assay replay` reads one capture with a connection for each.

usage: content.py ASSAY
"""

import base64
import bz2
import collections
import email.message
import gzip
import json
import pathlib
import subprocess
import sys
import tempfile
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'tools'))
from talk import CLIENT, SERVER, Capture, Talk  # noqa: E402

try:
    import brotli
except ImportError:
    brotli = None
try:
    import zstandard
except ImportError:
    zstandard = None

FIRST_PORT = 2000
SEGMENT = 1400
CARD = '4111111111111111'
REQUEST = b'GET /v1/body HTTP/1.1\r\nHost: a.example\r\n\r\n'

# wanted: the name of the place where the number is found; told: an anomaly; both None: nothing may be told.
Case = collections.namedtuple('Case', 'name type coding body place told')


def raw_deflate(data, bits=-15):
    encoder = zlib.compressobj(9, zlib.DEFLATED, bits)
    return encoder.compress(data) + encoder.flush()


def codings(add):
    plain = json.dumps({'id': 7, 'card': CARD, 'text': 'x' * 3000}).encode()
    json_type = 'application/json'
    add('plain', json_type, '', plain, '/card')
    half = len(plain) // 2
    encoders = {'gzip': gzip.compress, 'x-gzip': gzip.compress, 'deflate': zlib.compress}
    for coding, encode in encoders.items():
        add(coding, json_type, coding, encode(plain), '/card')
    add('raw deflate', json_type, 'deflate', raw_deflate(plain), '/card')
    for bits in (9, 12):
        add(f'deflate, window of {bits} bits', json_type, 'deflate', raw_deflate(plain, bits), '/card')
    add('members', json_type, 'gzip', gzip.compress(plain[:half]) + gzip.compress(plain[half:]), '/card')
    add('stored', json_type, 'gzip', gzip.compress(plain, 0), '/card')
    add('twice', json_type, 'gzip, gzip', gzip.compress(gzip.compress(plain)), '/card')
    add('chained', json_type, 'deflate, gzip', gzip.compress(zlib.compress(plain)), '/card')
    add('identity beside', json_type, 'identity, gzip', gzip.compress(plain), '/card')
    if brotli:
        for window in (10, 22, 24):
            add(f'br {window}', json_type, 'br', brotli.compress(plain, lgwin=window), '/card')
        add('br under gzip', json_type, 'br, gzip', gzip.compress(brotli.compress(plain)), '/card')
    if zstandard:
        for level in (1, 19):
            add(f'zstd {level}', json_type, 'zstd', zstandard.ZstdCompressor(level=level).compress(plain), '/card')
        frames = zstandard.ZstdCompressor().compress(plain[:half]) + zstandard.ZstdCompressor().compress(plain[half:])
        add('zstd frames', json_type, 'zstd', frames, '/card')
        sized = zstandard.ZstdCompressor(write_content_size=False, write_checksum=True).compress(plain)
        add('zstd without size', json_type, 'zstd', sized, '/card')
    add('bomb', json_type, 'gzip', gzip.compress(b' ' * (1 << 22)), None, 'content_bomb')
    add('not gzip', json_type, 'gzip', plain, None, 'content_malformed')
    add('broken gzip', json_type, 'gzip', gzip.compress(plain)[:30] + b'\xff' * 40, None, 'content_malformed')
    add('unknown', json_type, 'bzip2', bz2.compress(plain), None)


def charsets(add):
    text = json.dumps({'name': 'J\u00fcrgen \U0001f600', 'card': CARD}, ensure_ascii=False)
    for label, codec in (('utf-16le', 'utf-16-le'), ('utf-16be', 'utf-16-be'), ('utf-16', 'utf-16'), ('UTF-8', 'utf-8'),
                         ('utf-8', 'utf-8-sig')):
        add(f'{label} as {codec}', f'application/json; charset={label}', '', text.encode(codec), '/card')
    for codec in ('utf-16-le', 'utf-16-be', 'utf-16', 'utf-8', 'utf-8-sig'):
        add(f'{codec} unsaid', 'application/json', '', text.encode(codec), '/card')
    latin = json.dumps({'name': 'J\u00fcrgen', 'card': CARD}, ensure_ascii=False)
    for label in ('iso-8859-1', 'latin1', 'windows-1252', '"ISO-8859-1"'):
        add(label, f'application/json; charset={label}', '', latin.encode('latin-1'), '/card')
    add('latin unsaid', 'application/json', '', latin.encode('latin-1'), '/card', 'text_encoding')
    add('latin for utf-8', 'text/plain; charset=utf-8', '', ('J\u00fcrgen ' + CARD).encode('latin-1'), '', 'text_encoding')
    add('surrogates', 'application/json', '', b'{"a":"\xed\xa0\x80"}', None, 'text_encoding')
    add('overlong', 'application/json', '', b'{"a":"\xc0\xaf"}', None, 'text_encoding')
    add('gzip of utf-16', 'application/json; charset=utf-16', 'gzip', gzip.compress(text.encode('utf-16')), '/card')


def multipart(parts, subtype='form-data', boundary='b'):
    return b''.join(b'--%s\r\n%s\r\n\r\n%s\r\n' % (boundary.encode(), head.encode(), body) for head, body in parts) + (
        b'--%s--\r\n' % boundary.encode())


def kinds(add):
    item = {'id': 1, 'card': CARD}
    lines = '\n'.join(json.dumps(entry) for entry in ({'id': 0}, item, {'id': 2}))
    for media_type in ('application/x-ndjson', 'application/jsonl', 'application/jsonlines'):
        add(media_type, media_type, '', lines.encode(), '/card')
    add('json-seq', 'application/json-seq', '', b'\x1e{"id":0}\n\x1e' + json.dumps(item).encode() + b'\n', '/card')
    events = 'event: made\nid: 3\ndata: {"id": 0}\n\n: comment\ndata: ' + json.dumps(item) + '\n\n'
    add('events', 'text/event-stream', '', events.encode(), '/card')
    add('events in gzip', 'text/event-stream', 'gzip', gzip.compress(events.encode()), '/card')
    add('form', 'application/x-www-form-urlencoded', '', f'id=1&card={CARD}'.encode(), 'card')
    add('form, escaped', 'application/x-www-form-urlencoded', '', ('id=1&c%61rd=' + ''.join(f'%{ord(c):02x}' for c in CARD)).encode(),
        'card')
    add('xml', 'application/xml', '', f'<a><card>{CARD}</card></a>'.encode(), '/a/card')
    add('problem', 'application/problem+json', '', json.dumps(item).encode(), '/card')
    add('text', 'text/plain', '', f'the card {CARD} was used'.encode(), '')
    add('csv', 'text/csv', '', f'id,card\r\n1,{CARD}\r\n'.encode(), '')
    form = multipart([('Content-Disposition: form-data; name="id"', b'1'), ('Content-Disposition: form-data; name="card"', CARD.encode())])
    add('multipart', 'multipart/form-data; boundary=b', '', form, 'card')
    inner = multipart([('Content-Type: application/json', json.dumps(item).encode())], boundary='inner')
    nested = multipart([('Content-Type: text/plain', b'hello'), ('Content-Type: multipart/mixed; boundary=inner', inner)])
    add('nested multipart', 'multipart/mixed; boundary=b', '', nested, '')  # inner parts are searched as one text
    message = email.message.EmailMessage()
    message.set_content('see the file')
    message.add_attachment(json.dumps(item).encode(), maintype='application', subtype='json', filename='a.json')
    head, _, body = message.as_bytes().partition(b'\n\n')
    boundary = head.decode().split('boundary="')[1].split('"')[0]
    add('mail', f'multipart/mixed; boundary="{boundary}"', '', body.replace(b'\n', b'\r\n'), '/card')
    coded = base64.b64encode(f'the card {CARD} was used'.encode()).decode()
    add('base64', 'application/json', '', json.dumps({'file': coded}).encode(), '/file')
    long = base64.b64encode((b'?' * 2000) + f' the card {CARD} was used '.encode() + b'?' * 2000).decode()
    add('base64, escaped as PHP does', 'application/json', '', json.dumps({'file': long}).replace('/', '\\/').encode(), '/file')
    add('base64url', 'application/json', '', json.dumps({'file': long.replace('/', '_').replace('+', '-')}).encode(), '/file')


def cases():
    made = []

    def add(name, media_type, coding, body, place, told=None):
        made.append(Case(name, media_type, coding, body, place, told))

    codings(add)
    charsets(add)
    kinds(add)
    # Silent twins: digits that are no number of a card, a text that only looks coded.
    add('no number', 'application/json', '', json.dumps({'card': '4111111111111112'}).encode(), None)
    add('no base64', 'application/json', '', json.dumps({'file': base64.b64encode(b'the card 4111111111111112 was used').decode()}).encode(),
        None)
    return made


def record(path, all_cases):
    capture = Capture()
    for number, case in enumerate(all_cases):
        talk = Talk(capture, FIRST_PORT + number).open()
        talk.say(CLIENT, REQUEST)
        coding = f'Content-Encoding: {case.coding}\r\n' if case.coding else ''
        head = f'HTTP/1.1 200 OK\r\nContent-Type: {case.type}\r\n{coding}Content-Length: {len(case.body)}\r\n\r\n'
        data = head.encode() + case.body
        for at in range(0, len(data), SEGMENT):
            talk.say(SERVER, data[at : at + SEGMENT])
        talk.close()
    return capture.write(path)


def replay(program, capture, findings):
    done = subprocess.run([program, 'replay', '--findings', findings, '--transactions', '/dev/null', '--summary', '/dev/null', capture],
                          timeout=120, check=False)
    assert done.returncode in (0, 1), f'replay ended with {done.returncode}'
    places, told = collections.defaultdict(set), collections.defaultdict(set)
    for line in findings.read_text(encoding='utf-8').splitlines():
        finding = json.loads(line)
        if finding['verdict'] == 'fail' and finding['rule'] == 'DAT-003':
            places[finding['src_port']].add(finding['evidence'].get('name', ''))
        if finding['verdict'] == 'fail' and finding['rule'] == 'PRO-011':
            told[finding['src_port']].add(finding['evidence']['anomaly'])
    return places, told


def main():
    all_cases = cases()
    with tempfile.TemporaryDirectory(prefix='assay-content-') as folder:
        capture = record(pathlib.Path(folder) / 'traffic.pcap', all_cases)
        places, told = replay(sys.argv[1], capture, pathlib.Path(folder) / 'findings')
    wrong = []
    for number, case in enumerate(all_cases):
        found, said = places[FIRST_PORT + number], told[FIRST_PORT + number]
        if found != ({case.place} if case.place is not None else set()):
            wrong.append(f'{case.name}: found in {sorted(found)}, is in {case.place}')
        if said != ({case.told} if case.told else set()):
            wrong.append(f'{case.name}: told {sorted(said)}, wanted {case.told}')
    print(f'{len(all_cases)} bodies, {len(wrong)} complaints', *wrong, sep='\n')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
