#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Framing that two receivers read differently: each published trick gives a finding that names it, and each harmless
relative gives none.

The tricks are those of RFC 9112 11.2 and 11.1 and of the published lists of request smuggling: lengths and codings
together, repeated, signed, in other notations, hidden from one of two parsers by blanks, control characters, folds and
names that are nearly right; chunks that nearly are; heads that end where only some see an end; targets and hosts that
disagree. `assay replay` reads one capture with a connection for each.

usage: http1_attacks.py ASSAY
"""

import collections
import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'tools'))
from talk import CLIENT, SERVER, Capture, Talk  # noqa: E402

FIRST_PORT = 2000
SEGMENT = 1400
HOST = b'Host: a.example\r\n'
OK = b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'
CHUNKED = b'Transfer-Encoding: chunked\r\n'
CHUNKS = b'3\r\nabc\r\n0\r\n\r\n'
NEXT = b'GET /next HTTP/1.1\r\n' + HOST + b'\r\n'
HIDDEN = b'GET /hidden HTTP/1.1\r\nX: '

Case = collections.namedtuple('Case', 'name request answer wanted')


def post(head, body=b'', first=b'POST /p HTTP/1.1\r\n', host=HOST):
    return first + host + head + b'\r\n' + body


def cases():
    """(name, what the client sends, what the server answers, anomaly or rule that has to be told; None: nothing)"""
    made = []

    def add(wanted, name, request, answer=OK):
        made.append(Case(name, request, answer, wanted))

    def lengths(wanted, *values):
        for value in values:
            add(wanted, f'Content-Length {value}', post(b'Content-Length: ' + value + b'\r\n', b'abc'))

    def codings(wanted, *values):
        for value in values:
            add(wanted, f'Transfer-Encoding {value}', post(b'Transfer-Encoding: ' + value + b'\r\n', CHUNKS))
            both = b'Content-Length: %d\r\nTransfer-Encoding: ' % len(CHUNKS) + value + b'\r\n'
            add('content_length_and_chunked', f'both, with {value}', post(both, CHUNKS))

    def chunks(wanted, *sizes):
        for size in sizes:
            add(wanted, f'chunk size {size[:24]}', post(CHUNKED, size + b'\r\nabc\r\n0\r\n\r\n'))

    def heads(wanted, *lines):
        for line in lines:
            add(wanted, f'line {line}', post(line + b'\r\n'))

    def firsts(wanted, *lines):
        for line in lines:
            add(wanted, f'first line {line[:40]}', line + b'\r\n' + HOST + b'\r\n')

    def hosts(wanted, *values):
        for value in values:
            add(wanted, f'Host {value}', post(b'', host=b'Host: ' + value + b'\r\n'))

    # Two statements of the length.
    add('content_length_and_chunked', 'CL.TE', post(b'Content-Length: 4\r\n' + CHUNKED, CHUNKS))
    add('content_length_and_chunked', 'TE.CL', post(CHUNKED + b'Content-Length: 4\r\n', CHUNKS))
    add('content_length_repeated', 'the same twice', post(b'Content-Length: 3\r\n' * 2, b'abc'))
    add('content_length_conflict', 'two lengths', post(b'Content-Length: 3\r\nContent-Length: 5\r\n', b'abcde'))
    lengths('content_length_repeated', b'3, 3', b'3,3')
    lengths('content_length_conflict', b'3,5', b'3, 5')
    lengths('content_length_malformed', b'+3', b'-3', b'3x', b'3 3', b'0x3', b'3.0', b'3e0', b'03', b'', b',3', b'3,', b'3;a',
            b'"3"', b'3_0', b'\x0b3', b'3\x0c', b'3\x00', b'\xb3', b'9223372036854775808', b'18446744073709551619', b'9' * 20)
    # Codings that only some see.
    codings('transfer_encoding_obfuscated', b'\tchunked', b'chunked\t', b'\x0bchunked', b'chunked\x0b', b'chunked\x0c', b'CHUNKED',
            b'chunked, identity', b'identity, chunked', b'identity', b'xchunked', b'chunkedx', b'x chunked', b'chunked,chunked',
            b'"chunked"', b"'chunked'", b'chunked;q=1', b',chunked', b'chunked,', b'cow', b'ch\x00unked', b'\xffchunked', b'chunk', b'',
            b'[chunked]', b'chunked\x85', b'\x01chunked', b'chun\xe2\x80\x8bked')
    codings('chunked_not_final', b'chunked, gzip')
    for wanted, head in (('transfer_encoding_obfuscated', CHUNKED + CHUNKED),
                         ('transfer_encoding_obfuscated', CHUNKED + b'Transfer-Encoding: cow\r\n'),
                         ('transfer_encoding_obfuscated', b'Transfer-Encoding: identity\r\n' + CHUNKED),
                         ('obs_fold', b'Transfer-Encoding:\r\n chunked\r\n'),
                         ('obs_fold', b'Transfer-Encoding: x\r\n\tchunked\r\n'),
                         ('obs_fold', b' Transfer-Encoding: chunked\r\n'),
                         ('space_before_colon', b'Transfer-Encoding : chunked\r\n'),
                         ('space_before_colon', b'Transfer-Encoding\t: chunked\r\n'),
                         ('transfer_encoding_obfuscated', b'Transfer_Encoding: chunked\r\n'),
                         ('bare_lf', b'X: y\nTransfer-Encoding: chunked\r\n'),
                         ('bare_cr', b'X: y\rTransfer-Encoding: chunked\r\n'),
                         ('nul_byte', b'Transfer-Encoding\x00: chunked\r\n'),
                         ('header_name', b'Transfer-Encoding\xa0: chunked\r\n'),
                         ('header_line', b'Transfer-Encoding chunked\r\n'),
                         ('transfer_encoding_obfuscated', b'Connection: Transfer-Encoding\r\n' + CHUNKED)):
        add(wanted, f'{head}', post(head, CHUNKS))
    add('content_length_malformed', 'taken away by a proxy', post(b'Connection: Content-Length\r\nContent-Length: 3\r\n', b'abc'))
    add('transfer_encoding_in_http_1_0', 'version 1.0', post(CHUNKED, CHUNKS, first=b'POST /p HTTP/1.0\r\n'))
    # Chunks.
    chunks('chunk_size', b'+3', b'-3', b' 3', b'3 ', b'\t3', b'3\t', b'0x3', b'0X3', b'0' * 20 + b'3', b'10000000000000003', b'3g', b'g',
           b'', b'3;', b'3 ;a', b'3,3', b'3_0', b'3\x0b', b'3.0', b'3;\x80', b'3;a\x7f')
    chunks('nul_byte', b'3;a=b\x00')
    chunks('bare_lf', b'3;a\nb')
    chunks('bare_cr', b'3;a\rb')
    chunks('line_oversized', b'3;' + b'a' * 20000)
    for wanted, body in (('bare_lf', b'3\nabc\r\n0\r\n\r\n'), ('chunk_end', b'3\r\nabc\n0\r\n\r\n'), ('bare_cr', b'3\rabc\r\n0\r\n\r\n'),
                         ('chunk_end', b'3\r\nabcXX0\r\n\r\n'), ('chunk_end', b'3\r\nabcd\r\n0\r\n\r\n'), ('bare_lf', b'3\r\nabc\r\n0\n\r\n'),
                         ('bare_lf', b'3\r\nabc\r\n0\n\n'), ('header_line', b'3\r\nabc\r\n0\r\n' + NEXT),
                         ('content_length_malformed', b'0\r\nContent-Length: 5\r\n\r\n'),
                         ('transfer_encoding_obfuscated', b'0\r\nTransfer-Encoding: x\r\n\r\n'), ('host_repeated', b'0\r\nHost: b\r\n\r\n')):
        add(wanted, f'chunks {body}', post(CHUNKED, body))
    # A request in a body that one of two receivers does not see as a body: CL.0, 0.CL, TE.0.
    add('hidden_request', 'CL.0', post(b'Content-Length: %d\r\n' % len(HIDDEN), HIDDEN))
    add('hidden_request', '0.CL', post(b'Content-Length: %d\r\n' % len(HIDDEN), HIDDEN, first=b'GET /p HTTP/1.1\r\n'))
    add('hidden_request', 'TE.0', post(CHUNKED, b'%x\r\n%s\r\n0\r\n\r\n' % (len(HIDDEN), HIDDEN), first=b'OPTIONS /p HTTP/1.1\r\n'))
    add('hidden_request', 'behind an upgrade', post(b'Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: %d\r\n' % len(HIDDEN),
                                                    HIDDEN, first=b'GET /p HTTP/1.1\r\n'))
    # Heads.
    heads('bare_cr', b'X: a\rb')
    heads('obs_fold', b'X: a\r\n b')
    heads('space_before_colon', b'X : a')
    heads('nul_byte', b'X: a\x00b', b'X\x00: a')
    heads('header_name', b': a', b'X(y): a')
    heads('header_line', b'Xa')
    heads('header_value', b'X: a\x01b')
    heads('line_oversized', b'X: ' + b'a' * 20000)
    heads('headers_too_many', b'\r\n'.join(b'X%d: a' % number for number in range(150)))
    for text in (b'GET / HTTP/1.1\n' + HOST + b'\r\n', b'GET / HTTP/1.1\r\n' + HOST + b'X: y\n\r\n', b'GET / HTTP/1.1\nHost: a.example\n\n',
                 b'GET / HTTP/1.1\r\nHost: a.example\n\r\n', b'GET / HTTP/1.1\r\n' + HOST + b'\n'):
        add('bare_lf', f'{text}', text)
    firsts('request_line', b'GET  / HTTP/1.1', b'GET\t/\tHTTP/1.1', b'GET /a b HTTP/1.1', b'GET / HTTP/1.1 ', b' GET / HTTP/1.1', b'GET * HTTP/1.1',
           b'GET @b.example/ HTTP/1.1', b'GET a.example/ HTTP/1.1')
    firsts('version', b'GET / HTTP/2.0', b'GET / HTTP/1.2', b'GET / http/1.1', b'GET / HTTP/01.1', b'GET / HTTP/1.1x')
    firsts('leading_bytes', b'GPOST / HTTP/1.1')
    firsts('nul_byte', b'GET /a\x00b HTTP/1.1')
    firsts('line_oversized', b'GET /' + b'a' * 20000 + b' HTTP/1.1')
    firsts('extra_response', b'GET /', b'GET / HTTP /1.1')  # what no request line is was answered all the same
    # Hosts.
    hosts('host_invalid', b'a, b', b'a/b', b'a@b', b'a b', b'a:x')
    heads('host_repeated', b'Host: a.example', b'Host: b.example')
    firsts('host_mismatch', b'GET http://b.example/ HTTP/1.1')
    firsts('host_invalid', b'GET http://b.example@a.example/ HTTP/1.1')
    # Answers.
    add('extra_response', 'two answers to one', post(b''), OK + OK)
    add('extra_response', 'more than an answer', post(b''), OK + b'<html>')
    for wanted, lines in (('content_length_and_chunked', b'Content-Length: 3\r\n' + CHUNKED),
                          ('content_length_conflict', b'Content-Length: 13\r\nContent-Length: 2\r\n'),
                          ('bare_cr', b'X: a\rSet-Cookie: x\r\nContent-Length: 13\r\n'), ('nul_byte', b'X: a\0\r\nContent-Length: 13\r\n'),
                          ('transfer_encoding_obfuscated', b'Transfer-Encoding: identity\r\nContent-Length: 13\r\n')):
        add(wanted, f'answer with {lines}', post(b''), b'HTTP/1.1 200 OK\r\n' + lines + b'\r\n' + CHUNKS)
    add('body_on_bodiless', '204 with a body', post(b''), b'HTTP/1.1 204 No\r\nContent-Length: 2\r\n\r\n{}')
    # Another method than the one that proxies see.
    heads('PRO-007', b'X-HTTP-Method-Override: DELETE', b'X-Method-Override: DELETE', b'X-HTTP-Method: PUT')
    firsts('PRO-007', b'TRACE / HTTP/1.1', b'POST /p?_method=DELETE HTTP/1.1', b'POST /p?a=1&%5Fmethod=DELETE HTTP/1.1')
    add('PRO-007', 'CONNECT', b'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n', b'HTTP/1.1 200 OK\r\n\r\n')
    # As real peers do it.
    lengths(None, b'3', b'3 ', b'3\t')
    for head, body in ((CHUNKED, CHUNKS), (b'Transfer-Encoding: gzip, chunked\r\n', CHUNKS), (b'TE: trailers\r\n' + CHUNKED, CHUNKS),
                       (b'Transfer-Encoding:chunked\r\n', CHUNKS), (CHUNKED, b'03;a=b;c="d e"\r\nabc\r\n00\r\nX: y\r\n\r\n'),
                       (b'Expect: 100-continue\r\nContent-Length: 3\r\n', b'abc'), (b'Connection: keep-alive, TE\r\n', b'')):
        add(None, f'{head + body}', post(head, body))
    firsts(None, b'GET http://a.example/ HTTP/1.1', b'OPTIONS * HTTP/1.1', b'GET /?url=http://b.example/ HTTP/1.1')
    add(None, 'interim', post(b''), b'HTTP/1.1 100 Continue\r\n\r\n' + OK)
    return made


def record(path, all_cases):
    capture = Capture()
    for number, case in enumerate(all_cases):
        talk = Talk(capture, FIRST_PORT + number).open()
        for side, data in ((CLIENT, case.request), (SERVER, case.answer)):
            for at in range(0, len(data), SEGMENT):
                talk.say(side, data[at : at + SEGMENT])
        talk.close()
    return capture.write(path)


def replay(program, capture, findings):
    done = subprocess.run([program, 'replay', '--findings', findings, '--transactions', '/dev/null', '--summary', '/dev/null', capture],
                          timeout=120, check=False)
    assert done.returncode in (0, 1), f'replay ended with {done.returncode}'
    told = collections.defaultdict(set)
    for line in findings.read_text(encoding='utf-8').splitlines():
        finding = json.loads(line)
        if finding['verdict'] != 'fail' or finding['rule'] not in ('PRO-004', 'PRO-007'):
            continue
        told[finding['src_port']].add(finding['rule'])
        told[finding['src_port']].update(text for text in finding['evidence'].values() if isinstance(text, str))
    return told


def main():
    all_cases = cases()
    with tempfile.TemporaryDirectory(prefix='assay-attacks-') as folder:
        capture = record(pathlib.Path(folder) / 'traffic.pcap', all_cases)
        told = replay(sys.argv[1], capture, pathlib.Path(folder) / 'findings')
    wrong = []
    for number, case in enumerate(all_cases):
        found = told[FIRST_PORT + number]
        if (case.wanted is None and found) or (case.wanted is not None and case.wanted not in found):
            wrong.append(f'{case.name}: {case.wanted} is wanted, told {sorted(found)}')
    print(f'{len(all_cases)} connections, {len(wrong)} complaints', *wrong, sep='\n')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
