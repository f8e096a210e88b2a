# SPDX-License-Identifier: Apache-2.0
"""
Sensitive data on the wire, found live where it may not be, also when it lies across two segments or two chunks; and
nothing of it in anything that the auditor writes, nor in the memory that its processes share.
"""

import json
import os
import re
import sys

import tap as live
from api import CARD
from http_calls import comparable, raw

PAN, HEADER_PAN, SPLIT_PAN, NO_PAN = '4111111111111111', '4242424242424242', '4012888888881881', '4111111111111112'
TOKEN = 'eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJkZW1vIiwic2NvcGUiOiJvcmRlcnMifQ.c2lnbmF0dXJlLW9mLXRoZS1kZW1v'
VALUES = [PAN, HEADER_PAN, SPLIT_PAN, CARD, TOKEN]
DOCUMENT = '''openapi: 3.1.0
info: {title: Payments, version: 1.0.0}
servers: [{url: "http://shop.example/v1"}]
paths:
  /orders:
    get:
      operationId: listOrders
      parameters: [{name: q, in: query, schema: {type: string}}, {name: ref, in: query, schema: {type: string}}]
      responses: {"200": {description: Orders.}}
    post:
      operationId: createOrder
      responses: {"201": {description: Made.}}
  /card:
    get: {operationId: getCard, responses: {"200": {description: A card.}}}
  /payments:
    post:
      operationId: pay
      x-data-class: [PCI-CHD]
      responses: {"201": {description: Paid.}}
'''
RULES = '''pack: house
version: "1"
rules:
  - id: PRO-002
    parameters: {allowed_ports: [80]}
  - {id: HDR-001, enabled: false}
  - {id: REG-006, enabled: false}
'''
# (name of the call, what has to be found, place of the first of them)
CALLS = [
    ('query', ['GET', '/v1/orders?q=' + PAN], {'DAT-001', 'DAT-004', 'DAT-008'}, 'query'),
    ('header', ['GET', '/v1/orders', '-H', 'X-Reference: ' + HEADER_PAN], {'DAT-002', 'DAT-004', 'DAT-008'}, 'header'),
    ('response', ['GET', '/v1/card'], {'DAT-003', 'DAT-004', 'DAT-008'}, 'body'),
    ('declared', ['POST', '/v1/payments', '-H', 'Content-Type: application/json', '-d',
                  json.dumps({'primaryAccountNumber': PAN, 'cvv': '123'})], {'DAT-007', 'DAT-008'}, 'body'),
    ('token', ['GET', '/v1/orders?ref=' + TOKEN], {'AUT-004', 'DAT-011'}, 'query'),
    ('no card', ['GET', '/v1/orders?q=' + NO_PAN], set(), None),
]


def lay(tap):
    tap.start(tap.server, sys.executable, live.SOURCE / 'tests' / 'live' / 'api.py', 8000)
    tap.start_nginx('server { listen 80; location / { proxy_pass http://127.0.0.1:8000; proxy_set_header Host $host; } }')
    live.wait_for(lambda: tap.curl('-f', '-o', os.devnull, f'http://{live.SERVER4}/', check=False).returncode == 0, 'the API answers')
    (tap.folder / 'registry').mkdir()
    (tap.folder / 'registry' / 'shop.yaml').write_text(DOCUMENT)
    (tap.folder / 'house.yaml').write_text(RULES)
    tap.configure(registry={'folder': 'registry'}, rules=[str(live.SOURCE / 'rules'), 'house.yaml'])


def split_requests(tap):
    """A card number across two segments, and one across two chunks and two segments."""
    gate = tap.folder / 'gate'
    gate.touch()
    head = 'POST /v1/orders HTTP/1.1\r\nHost: shop.example\r\nX-Request-ID: split\r\nContent-Type: application/json\r\n'
    body = json.dumps({'note': SPLIT_PAN})
    middle = body.index(SPLIT_PAN) + 7
    answer = raw(tap, f'{head}Content-Length: {len(body)}\r\n\r\n{body[:middle]}@wait {gate}\n{body[middle:]}@wait {gate}\n'
                 f'{head}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n{middle:x}\r\n{body[:middle]}\r\n@wait {gate}\n'
                 f'{len(body) - middle:x}\r\n{body[middle:]}\r\n0\r\n\r\n')
    assert len(re.findall(rb'HTTP/1\.1 201 ', answer)) == 2, answer


def check_no_values(tap, *texts):
    """In no file of the log, in no ring, in nothing that was shown."""
    for value in VALUES:
        for path in [*tap.log.iterdir(), *tap.segments()]:
            assert value.encode() not in path.read_bytes(), f'a value stands in {path}'
        for text in [tap.assay_words(), *texts]:
            assert value not in text, f'a value stands in {text[:300]}'


def check_call(name, lines, expected, place):
    found = {line['rule'] for line in lines if line['verdict'] == 'fail'}
    assert expected <= found, f'{name}: {sorted(expected - found)} not found, only {sorted(found)}'
    extra = {rule for rule in found - expected if rule.startswith('DAT-')}
    assert not extra, f'{name}: {extra} found as well'
    for line in lines:
        if line['rule'] in expected and line['rule'].startswith('DAT-') and 'place' in line['evidence']:
            assert line['evidence']['place'] == place, line


def check_bad_expression(tap):
    """An expression that is none is refused with its place."""
    text = (live.SOURCE / 'rules' / 'detectors.yaml').read_text(encoding='utf-8')
    found = re.search(r'^\s*(- )?pattern: .*$', text, re.M)
    assert found, 'the shipped detectors have no expressions'
    line = text.count('\n', 0, found.end()) + 1
    (tap.folder / 'wrong.yaml').write_text(text.replace(found[0], found[0].split('pattern:')[0] + "pattern: '(unclosed'", 1))
    before = tap.status()['epoch']['number']
    tap.configure(registry={'folder': 'registry'}, detectors=['wrong.yaml'])
    done = tap.command('reload', check=False)
    place = re.search(r'wrong\.yaml:(\d+):(\d+): ', done.stderr)
    assert done.returncode == 1 and place and abs(int(place[1]) - line) <= 10, f'line {line}: {done.stderr}'
    assert tap.status()['epoch']['number'] == before
    refused = live.wait_for(lambda: [event for event in tap.lines('reload') if not event['accepted']], 'the refusal is recorded')
    assert 'wrong.yaml:' in refused[-1]['error'], refused


def test(tap):
    lay(tap)
    capture = tap.folder / 'tap.pcap'
    tap.start_assay()
    tap.mark_packets()
    tap.start_recording(capture)
    for number, (_, (method, path, *options), _, _) in enumerate(CALLS):
        tap.curl('-o', os.devnull, '-X', method, '-H', 'Host: shop.example', '-H', f'User-Agent: call-{number}', *options,
                 '--local-port', str(40000 + number), f'http://{live.SERVER4}{path}')
    split_requests(tap)
    tap.settle()
    tap.stop_recording()
    listed = tap.command('findings', check=False).stdout
    report = tap.command('report', '--format', 'json', check=False).stdout
    check_no_values(tap, listed, report)
    findings = live.of_calls(tap.lines('finding'))
    for number, (name, _, expected, place) in enumerate(CALLS):
        check_call(name, [line for line in findings if line['src_port'] == 40000 + number], expected, place)
    split = [line for line in findings if line['method'] == 'POST' and line['path'] == '/v1/orders']
    for rule in ('DAT-004', 'DAT-008'):
        assert sum(line['rule'] == rule for line in split) == 2, f'{rule} is not found across segments and chunks'
    replayed, _, _ = tap.replay(capture)
    # Digests are keyed with a key of the process's own.
    assert sorted(map(comparable, findings)) == sorted(map(comparable, live.of_calls(replayed))), 'live and replayed findings differ'
    check_bad_expression(tap)
    tap.stop_assay()
    check_no_values(tap)
    print(f'{len(findings)} findings')


if __name__ == '__main__':
    live.main('data', test, ['nginx', 'curl', 'dumpcap'])
