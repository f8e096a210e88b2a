# SPDX-License-Identifier: Apache-2.0
"""What `assay replay` says of coverage, on captures made here: what is missing is told, where it was missing, why a
connection can be read in two ways, and all of it the same however many workers share the work.

usage: coverage.py ASSAY
"""

import collections
import datetime
import json
import pathlib
import subprocess
import sys
import tempfile

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent / 'tools'))
from talk import CLIENT, SERVER, Capture, Talk  # noqa: E402


def request(host, path='/v1/items'):
    return f'GET {path} HTTP/1.1\r\nHost: {host}\r\nX-Request-ID: 1234567890ab\r\n\r\n'.encode()


RESPONSE = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n'
BODY = b'{"a":"' + b'x' * 92 + b'"}'


def call(talk, host):
    talk.say(CLIENT, request(host))
    talk.say(SERVER, RESPONSE + BODY)


Result = collections.namedtuple('Result', 'findings transactions summary status lines')


class Replay:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder

    def __call__(self, capture, workers=1):
        path = capture.write(self.folder / 'traffic.pcap')
        outputs = {name: self.folder / f'{name}.json' for name in ('findings', 'transactions', 'summary')}
        command = [self.program, 'replay', '--workers', str(workers), path]
        for name, output in outputs.items():
            command += [f'--{name}', output]
        done = subprocess.run([str(part) for part in command], timeout=60, check=False)
        assert done.returncode in (0, 1), f'replay ended with {done.returncode}'
        lines = outputs['findings'].read_text().splitlines()
        return Result([json.loads(line) for line in lines],
                      [json.loads(line) for line in outputs['transactions'].read_text().splitlines()],
                      json.loads(outputs['summary'].read_text()), done.returncode, lines)


def of_rule(result, rule):
    return [finding for finding in result.findings if finding['rule'] == rule]


def about_coverage(result):
    return [finding['rule'] for finding in result.findings if finding['rule'].startswith(('AUD-', 'FLW-'))]


def service(result, host):
    found = [row for row in result.summary['services'] if row['host'] == host]
    assert len(found) == 1, (host, result.summary['services'])
    return found[0]


def rfc3339(time_ns):
    moment = datetime.datetime.fromtimestamp(time_ns // 10**9, datetime.timezone.utc)
    return moment.strftime('%Y-%m-%dT%H:%M:%S') + f'.{time_ns % 10**9:09d}Z'


def check_sound(replay):
    capture = Capture()
    for port in range(2000, 2030):
        talk = Talk(capture, port).open()
        call(talk, 'a.example')
        talk.close()
    result = replay(capture)
    assert about_coverage(result) == [], about_coverage(result)
    row = service(result, 'a.example')
    assert row['transactions']['audited'] == 30 and row['gap_bytes'] == 0, row
    assert len(result.summary['services']) == 1


def check_gaps(replay):
    capture = Capture()
    talk = Talk(capture, 2000).open()
    call(talk, 'sound.example')
    talk.close()
    talk = Talk(capture, 2001).open()
    talk.say(CLIENT, request('holed.example'))
    talk.say(SERVER, RESPONSE)
    talk.say(SERVER, BODY, seen=False)
    call(talk, 'holed.example')
    talk.close()
    result = replay(capture)
    assert about_coverage(result) == ['AUD-002'], about_coverage(result)
    finding = of_rule(result, 'AUD-002')[0]
    assert (finding['verdict'], finding['severity']) == ('fail', 'medium')
    assert finding['requirements'] == ['P10.7.2', 'SCC7.2', 'SI-4']
    for key in ('protocol', 'src', 'src_port', 'dst', 'dst_port', 'host', 'method', 'path', 'status', 'operation'):
        assert finding[key] is None, key
    evidence = finding['evidence']
    assert (evidence['reasons'], evidence['tcp_gaps'], evidence['tcp_gap_bytes']) == ('gaps', '1', '100'), evidence
    received = sum(len(frame.data) for frame in capture.frames)
    assert evidence['gap_percent'] == f'{100 * 100000 // (received + 100) / 1000:.3f}', evidence
    assert finding['time'] == finding['decided'] == rfc3339(capture.frames[-1].time_ns), finding['time']
    assert result.status == 1
    row = service(result, 'holed.example')
    assert row['transactions']['audited'] == 1 and row['transactions']['excused']['gap'] == 1, row
    assert (row['gaps'], row['gap_bytes']) == (1, 100), row
    assert service(result, 'sound.example')['gap_bytes'] == 0


def check_cut(replay):
    capture = Capture()
    talk = Talk(capture, 2000).open()
    talk.say(CLIENT, request('a.example'))
    talk.say(SERVER, RESPONSE + BODY, snap=96)
    talk.close()
    evidence = of_rule(replay(capture), 'AUD-002')[0]['evidence']
    assert 'cut' in evidence['reasons'].split(','), evidence
    assert int(evidence['cut_bytes']) >= len(RESPONSE + BODY) + 54 - 96, evidence


def check_one_sided(replay):
    for calls, expected in ((19, []), (20, ['AUD-002'])):
        capture = Capture()
        for port in range(2000, 2000 + calls):
            Talk(capture, port).say(CLIENT, request('a.example'))
        result = replay(capture)
        assert about_coverage(result) == expected, (calls, about_coverage(result))
        row = service(result, 'a.example')
        assert row['transactions']['excused']['no_response'] == calls, row
        if expected:
            assert of_rule(result, 'AUD-002')[0]['evidence']['reasons'] == 'one_sided'


def check_unread(replay):
    capture = Capture()
    # Records of a connection that was there before: a handshake would be read.
    talk = Talk(capture, 2000, 443)
    for number in range(4):
        talk.say(CLIENT, b'\x17\x03\x03\x00\x40' + bytes((number * 7 + at * 31) % 256 for at in range(64)))
    talk = Talk(capture, 2001).open()
    call(talk, 'a.example')
    talk.close()
    result = replay(capture)
    assert about_coverage(result) == ['AUD-009'], about_coverage(result)
    evidence = of_rule(result, 'AUD-009')[0]['evidence']
    assert int(evidence['encrypted_bytes']) == result.summary['excused']['encrypted']['bytes'] > 0, evidence
    assert evidence['unclassified_bytes'] == '0', evidence
    assert int(evidence['tcp_bytes']) == result.summary['received']['bytes'], evidence


def check_ambiguous(replay):
    capture = Capture()
    talk = Talk(capture, 2000).open()
    at = talk.sequence[CLIENT]
    talk.say(CLIENT, request('a.example'))
    talk.say(CLIENT, request('b.example'), sequence=at)
    talk.say(SERVER, RESPONSE + BODY)
    call(talk, 'a.example')
    talk.close()
    talk = Talk(capture, 2001).open()
    at = talk.sequence[CLIENT]
    talk.say(CLIENT, request('a.example'))
    talk.say(CLIENT, request('a.example'), sequence=at)
    talk.say(SERVER, RESPONSE + BODY)
    talk.close()
    result = replay(capture)
    assert about_coverage(result) == ['FLW-001'], about_coverage(result)
    finding = of_rule(result, 'FLW-001')[0]
    assert finding['evidence'] == {'reasons': 'overlap'}, finding['evidence']
    assert (finding['src'], finding['src_port'], finding['dst_port']) == ('10.1.7.208', 2000, 80), finding
    assert finding['method'] is None and finding['path'] is None and finding['flags'] == ['ambiguous'], finding
    assert finding['requirements'] == ['P11.5.1?', 'SCC7.2', 'SI-4']
    flagged = [call for call in result.transactions if 'ambiguous' in call['flags']]
    assert flagged and all(call['src_port'] == 2000 for call in flagged), flagged


HOSTS = 1400  # more than have a row of their own


def check_workers(replay):
    capture = Capture()
    for number in range(HOSTS):
        talk = Talk(capture, 2000 + number).open()
        host = f'Host-{number}.example'
        if number % 9 == 0:
            at = talk.sequence[CLIENT]
            talk.say(CLIENT, request(host, '/v1/other'), seen=number % 2 == 0)
            talk.say(CLIENT, request(host, '/v1/third'), sequence=at)
            talk.say(SERVER, RESPONSE + BODY, seen=number % 4 != 0)
        for _ in range(number % 3 + 1):
            call(talk, host)
        talk.say(SERVER, RESPONSE, seen=number % 5 != 0)
        talk.close()
    first = replay(capture)
    rows = first.summary['services']
    named = [row for row in rows if row['host'] and row['host'] != '(others)']
    assert len(named) == 1024, len(named)
    assert all(row['host'] == row['host'].lower() for row in named)
    assert service(first, '(others)')['transactions']['audited'] > 0
    totals = collections.Counter()
    for row in rows:
        totals.update(row['transactions']['excused'])
        totals['audited'] += row['transactions']['audited']
    told = dict(first.summary['transactions']['excused'], audited=first.summary['transactions']['audited'])
    assert dict(totals) == told, (totals, told)
    assert sum(row['gap_bytes'] for row in rows) == first.summary['not_received']['tcp_gap_bytes'] > 0
    assert 'AUD-002' in about_coverage(first) and 'FLW-001' in about_coverage(first)
    assert first.lines[-1].find('"AUD-002"') > 0  # behind everything else, whatever the number of workers
    for workers in (1, 2, 3, 8):
        again = replay(capture, workers)
        assert sorted(again.lines) == sorted(first.lines), f'{workers} workers: other findings'
        again.summary.pop('captures')
        assert again.summary == {key: value for key, value in first.summary.items() if key != 'captures'}, workers


def main():
    checks = [check_sound, check_gaps, check_cut, check_one_sided, check_unread, check_ambiguous, check_workers]
    with tempfile.TemporaryDirectory(prefix='assay-coverage-') as folder:
        replay = Replay(sys.argv[1], pathlib.Path(folder))
        for check in checks:
            check(replay)
            print(f'{check.__name__}: fine')


main()
