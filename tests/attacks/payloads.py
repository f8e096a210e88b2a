# SPDX-License-Identifier: Apache-2.0
"""Requests that two receivers read differently, and their harmless relatives.

The tricks are those of RFC 9112 11.2 and 11.1 and of the published lists of request smuggling: lengths and codings
together, repeated, signed, in other notations, hidden from one of two parsers by blanks, control characters, folds and
names that are nearly right; chunks that nearly are; heads that end where only some see an end; targets and hosts that
disagree.
"""

import collections

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
    chunks('chunk_size', b'3;a="', b'3;a=b"c')
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
    add('version', 'HTTP/0.9', b'GET /p\r\n', b'<html></html>')
    firsts('version', b'GET /p')
    firsts('leading_bytes', b'GPOST / HTTP/1.1')
    firsts('nul_byte', b'GET /a\x00b HTTP/1.1')
    firsts('line_oversized', b'GET /' + b'a' * 20000 + b' HTTP/1.1')
    firsts('extra_response', b'GET / HTTP /1.1')  # what no request line is was answered all the same
    # Expectations that are none, or that only some know.
    heads('header_value', b'Expect: y 100-continue', b'Expect: 100-continue, x', b'Expect: 100-continuee', b'Expect: x', b'Expect: ',
          b'Expect: "100-continue"', b'Expect: 100-continue;a=b')
    # Hosts.
    add('host_missing', 'no Host', post(b'', host=b''))
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
    # Line ends that a receiver may put where there were none.
    firsts('PRO-012', b'GET /redirect/%0d%0aSet-Cookie:%20made=up HTTP/1.1', b'GET /redirect/%0D%0A%0D%0A%3Chtml%3E HTTP/1.1',
           b'GET /p?next=/%0d%0aSet-Cookie:%20made=up HTTP/1.1', b'GET /redirect/%E5%98%8D%E5%98%8ASet-Cookie:%20made=up HTTP/1.1',
           b'GET /p?next=%0d%0a%0d%0aHTTP/1.1%20200%20OK HTTP/1.1', b'GET /redirect/%250d%250aSet-Cookie:made=up HTTP/1.1',
           b'GET /redirect/%0aSet-Cookie:%20made=up HTTP/1.1')
    heads('PRO-012', b'X-Forwarded-Host: a%0d%0aSet-Cookie:%20made=up', b'Cookie: lang=en%0d%0aSet-Cookie: made=up')
    # Another method than the one that proxies see.
    heads('PRO-007', b'X-HTTP-Method-Override: DELETE', b'X-Method-Override: DELETE', b'X-HTTP-Method: PUT')
    firsts('PRO-007', b'TRACE / HTTP/1.1', b'POST /p?_method=DELETE HTTP/1.1', b'POST /p?a=1&%5Fmethod=DELETE HTTP/1.1')
    add('PRO-007', 'CONNECT', b'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n', b'HTTP/1.1 200 OK\r\n\r\n')
    form = b'Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n'
    for body in (b'_method=DELETE', b'a=1&_method=PUT', b'a=1&%5fmethod=PUT', b'a=1&_METHOD=PUT'):
        add('PRO-007', f'form {body}', post(form % len(body), body))
    heads('PRO-007', b'X_HTTP_Method_Override: DELETE', b'X-HTTP_Method-Override: DELETE')
    # As real peers do it.
    for body in (b'method=DELETE', b'a=_method', b'a=1&x_method=PUT'):
        add(None, f'form {body}', post(form % len(body), body))
    firsts(None, b'GET /p?text=one%0d%0atwo HTTP/1.1', b'GET /p?text=Note%0d%0aTo:%20all HTTP/1.1', b'GET /p?text=a%250d HTTP/1.1')
    heads(None, b'Referer: http://a.example/?text=one%0d%0atwo', b'Expect: 100-Continue')
    add(None, 'pipelined', post(b'Content-Length: 3\r\n', b'abc') + NEXT + NEXT, OK * 3)
    lengths(None, b'3', b'3 ', b'3\t')
    for head, body in ((CHUNKED, CHUNKS), (b'Transfer-Encoding: gzip, chunked\r\n', CHUNKS), (b'TE: trailers\r\n' + CHUNKED, CHUNKS),
                       (b'Transfer-Encoding:chunked\r\n', CHUNKS), (CHUNKED, b'03;a=b;c="d e"\r\nabc\r\n00\r\nX: y\r\n\r\n'),
                       (b'Expect: 100-continue\r\nContent-Length: 3\r\n', b'abc'), (b'Connection: keep-alive, TE\r\n', b'')):
        add(None, f'{head + body}', post(head, body))
    firsts(None, b'GET http://a.example/ HTTP/1.1', b'OPTIONS * HTTP/1.1', b'GET /?url=http://b.example/ HTTP/1.1')
    add(None, 'interim', post(b''), b'HTTP/1.1 100 Continue\r\n\r\n' + OK)
    return made


Answer = collections.namedtuple('Answer', 'name method raw wanted')


def answers():
    """(name, method of the request, what the server says, anomaly that has to be told; None: nothing). It closes then."""
    made = []

    def add(wanted, name, raw, method='GET'):
        made.append(Answer(name, method, raw, wanted))

    def heads(wanted, *lines):
        for line in lines:
            add(wanted, f'line {line}', b'HTTP/1.1 200 OK\r\n' + line + b'\r\nContent-Length: 2\r\n\r\n{}')

    def chunks(wanted, *bodies):
        for body in bodies:
            add(wanted, f'chunks {body}', b'HTTP/1.1 200 OK\r\n' + CHUNKED + b'\r\n' + body)

    def empty(wanted, method, first, *tails):
        for tail in tails:
            add(wanted, f'{method}, {first} and {tail}', b'HTTP/1.1 ' + first + b'\r\n' + tail, method)

    # Lengths and codings.
    heads('content_length_repeated', b'Content-Length: 2')
    heads('content_length_conflict', b'Content-Length: 1', b'Content-Length: 0')
    heads('content_length_malformed', b'Content-Length: +2', b'Content-Length: 2x', b'Content-Length: ')
    add('content_length_malformed', 'negative', b'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}')
    add('content_length_and_chunked', 'both', b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n' + CHUNKED + b'\r\n' + CHUNKS)
    for value in (b'xchunked', b'\x0bchunked', b'chunked, identity', b'identity', b'"chunked"'):
        add('transfer_encoding_obfuscated', f'coding {value}', b'HTTP/1.1 200 OK\r\nTransfer-Encoding: ' + value + b'\r\n\r\n' + CHUNKS)
    add('transfer_encoding_in_http_1_0', 'version 1.0', b'HTTP/1.0 200 OK\r\n' + CHUNKED + b'\r\n' + CHUNKS)
    chunks('chunk_size', b'0x3\r\nabc\r\n0\r\n\r\n', b'3 x\r\nabc\r\n0\r\n\r\n', b'-3\r\nabc\r\n0\r\n\r\n', b'fffffffffffffffff\r\nabc')
    chunks('chunk_end', b'3\r\nabcd\r\n0\r\n\r\n')
    chunks('bare_lf', b'3\nabc\n0\n\n')
    chunks('header_misplaced', b'0\r\nSet-Cookie: made=up\r\n\r\n', b'0\r\nContent-Type: text/html\r\n\r\n')
    chunks('content_length_malformed', b'0\r\nContent-Length: 2\r\n\r\n')
    # Lines.
    heads('obs_fold', b'X: a\r\n b')
    heads('bare_cr', b'X: a\rSet-Cookie: made=up')
    heads('nul_byte', b'X: a\x00b')
    heads('space_before_colon', b'X : a')
    heads('header_line', b'Xa')
    add('bare_lf', 'LF only', b'HTTP/1.1 200 OK\nContent-Length: 2\n\n{}')
    add('bare_lf', 'one LF', b'HTTP/1.1 200 OK\r\nX: y\nContent-Length: 2\r\n\r\n{}')
    # Content where none may be.
    empty('body_on_bodiless', 'GET', b'204 No Content', b'Content-Length: 2\r\n\r\n{}', CHUNKED + b'\r\n' + CHUNKS)
    empty('extra_response', 'GET', b'204 No Content', b'\r\nmore than eight bytes of content')
    empty('extra_response', 'GET', b'304 Not Modified', b'\r\nmore than eight bytes of content')
    empty('extra_response', 'HEAD', b'200 OK', b'Content-Length: 32\r\n\r\nmore than eight bytes of content')
    add('extra_response', 'splitting', b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}')
    # As real peers do it.
    add(None, 'plain', OK)
    add(None, 'until close', b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}')
    add(None, 'no reason', b'HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\n{}')
    add(None, 'interim', b'HTTP/1.1 100 Continue\r\n\r\n' + OK)
    empty(None, 'HEAD', b'200 OK', b'Content-Length: 32\r\n\r\n')
    empty(None, 'GET', b'304 Not Modified', b'ETag: "a"\r\n\r\n')
    chunks(None, CHUNKS, b'3;a="b;c"\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n')
    return made
