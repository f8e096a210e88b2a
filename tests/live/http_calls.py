# SPDX-License-Identifier: Apache-2.0
"""
HTTP as clients, a proxy and an API speak it, audited live: the calls are those that nginx logged and no others, the
findings are those that the calls below deserve and no others, every packet of the tap is accounted for, and a replay of
a recording of the same tap finds the same.
"""

import collections
import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
import uuid

import tap as live
from api import STREAM
from registry import Registry

LARGE = 3 << 20   # more than one body is searched for sensitive data, and more than any buffer on the way
UPLOAD = 2 << 20
SERVER = f'http://{live.SERVER4}'
SERVER6 = f'http://[{live.SERVER6}]'
SECRET = 'c2VjcmV0LW9mLXRoZS10ZXN0'  # must be in nothing that the auditor writes
# What is found in bodies and values is another test's question.
DETECTIONS = [f'DAT-{number:03}' for number in range(1, 13)] + ['PRO-008']
CUSTOM_RULES = '''pack: house
version: "1"
rules:
  - id: PRO-002
    parameters: {allowed_ports: [80]}
''' + ''.join(f'  - {{id: {rule}, enabled: false}}\n' for rule in DETECTIONS)
ZONES = [*live.DEFAULTS['zones'],
         {'name': 'edge', 'kind': 'internal', 'trusted_proxy': True, 'cidrs': ['192.0.2.0/24']}]


class Call:
    """One call and what has to be found in it: {rule: evidence that the finding shows at least}."""

    def __init__(self, method, path, status=200, size=None, sent=0, operation=None, found=None, options=(), server=SERVER,
                 host='shop.example', request_id=True):
        self.method, self.path, self.status, self.sent, self.operation = method, path, status, sent, operation
        self.found = dict(found or {})
        self.options, self.server, self.host = list(options), server, host
        self.request_id = str(uuid.uuid4()) if request_id else None
        plain = path.split('?')[0]
        self.size = size if size is not None else 0 if status in (204, 304) or method == 'HEAD' \
            else len(json.dumps({'path': plain, 'state': 'paid'}))

    def curl(self):
        """Arguments for one transfer of curl."""
        method = ['-I'] if self.method == 'HEAD' else ['-X', self.method]
        headers = ['-H', f'Host: {self.host}', *(['-H', f'X-Request-ID: {self.request_id}'] if self.request_id else [])]
        return ['-sS', '-m', '20', '-o', os.devnull, '-w', '%{http_code} %{size_download}\n', *method, *headers,
                *self.options, self.server + self.path]

    def text(self, body='', more=''):
        """The same for a socket."""
        return (f'{self.method} {self.path} HTTP/1.1\r\nHost: {self.host}\r\nX-Request-ID: {self.request_id}\r\n'
                + (f'Content-Length: {len(body)}\r\n' if body else '') + more + '\r\n' + body)


def keepalive_calls(etag):
    """Over one connection of curl's."""
    bearer = ['-H', f'Authorization: Bearer {SECRET}']
    as_json = ['-H', 'Content-Type: application/json']
    operation = lambda text: {'operation': text}
    return [
        Call('GET', '/v1/orders?page=1', operation='listOrders'),
        Call('GET', '/v1/orders/o-1', operation='getOrder'),
        Call('HEAD', '/v1/orders/o-2'),
        Call('POST', '/v1/orders', 201, sent=15, operation='createOrder', options=[*as_json, '-d', '{"sku":"LAMP1"}']),
        Call('POST', '/v1/orders', 201, sent=15, operation='createOrder',
             options=[*as_json, '-H', 'Transfer-Encoding: chunked', '-d', '{"sku":"LAMP2"}']),
        Call('PUT', '/v1/uploads/u-1', 204, sent=UPLOAD, operation='putUpload',
             options=['-H', 'Expect: 100-continue', '-H', 'Content-Type: application/octet-stream', '--data-binary', '@upload']),
        Call('GET', '/v1/files/large.bin', size=LARGE, operation='getFile'),
        Call('GET', '/v1/files/small.json', size=17, operation='getFile'),
        Call('GET', '/v1/files/small.json', 304, operation='getFile', options=['-H', f'If-None-Match: {etag}']),
        Call('GET', '/v1/stream', size=sum(map(len, STREAM)), operation='getStream'),
        Call('GET', '/v1/orders/missing-1', 404, operation='getOrder'),
        Call('DELETE', '/v1/uploads/u-1', 204, operation='deleteUpload'),
        # What is not as documented.
        Call('GET', '/v1/internal/queue', found={'REG-001': {'method': 'GET', 'status': '200'}}),
        Call('GET', '/v1/internal/missing', 404),
        Call('DELETE', '/v1/orders/o-3', 204,
             found={'REG-004': {'method': 'DELETE', 'documented_operation': 'getOrder', 'status': '204'}}),
        Call('GET', '/v1/orders/o-4', host='other.example', found={'REG-007': {'undocumented': 'host', 'status': '200'}}),
        Call('GET', '/v1/report', operation='getReport', found={'REG-002': {**operation('getReport'), 'announced': 'no'}}),
        Call('GET', '/v1/export', operation='getExport', found={'REG-003': {**operation('getExport'), 'status': '200'}}),
        Call('GET', '/v0/orders', operation='listOrdersV0', found={'REG-011': operation('listOrdersV0')}),
        Call('GET', '/v1/odd', 202, operation='getOdd', found={'REG-005': {**operation('getOdd'), 'status': '202'}}),
        Call('GET', '/v1/orders?page=2&color=red', operation='listOrders',
             found={'REG-006': {'query': 'color', 'count': '1'}}),
        # Credentials.
        Call('GET', '/v1/account', operation='getAccount', options=bearer),
        Call('GET', '/v1/account?page=1', operation='getAccount',
             found={'AUT-001': {**operation('getAccount'), 'status': '200'}, 'REG-006': {'query': 'page'}}),
        Call('GET', '/v1/orders/o-5', operation='getOrder', options=['-u', f'jo:{SECRET}'], found={'AUT-002': {'scheme': 'Basic'}}),
        Call('GET', f'/v1/orders?page=3&api_key={SECRET}', operation='listOrders',
             found={'AUT-004': {'parameter': 'api_key'}, 'REG-006': {'query': 'api_key'}}),
        # Headers.
        Call('GET', '/v1/orders/o-6', operation='getOrder', request_id=False,
             found={'HDR-001': {'side': 'request', 'header': 'x-request-id'}}),
        Call('GET', '/v1/orders/o-7', operation='getOrder', options=['-H', 'traceparent: 00-1-2-3'],
             found={'HDR-002': {'header': 'traceparent', 'fault': 'malformed'}}),
        Call('GET', '/v1/orders/o-8', operation='getOrder', options=['-H', 'X-Forwarded-For: 203.0.113.9'],
             found={'HDR-003': {'header': 'x-forwarded-for', 'status': '200'}}),
        Call('GET', '/v1/orders/o-9', operation='getOrder', options=['-H', 'X-HTTP-Method-Override: DELETE'],
             found={'PRO-007': {'header': 'x-http-method-override'}}),
        Call('GET', '/v1/open', operation='getOpen', options=['-H', 'Origin: https://www.example'],
             found={'PRO-009': {'weakness': 'Access-Control-Allow-Origin * with credentials'}}),
    ]


def other_calls():
    """Over connections of their own: another port, which does not echo the request id, and IPv6, which is no declared
    plaintext hop."""
    cleartext = {'PRO-001': {'protocol': 'http1', 'port': '80'}}
    return [
        [Call('GET', '/v1/orders/o-20', operation='getOrder', server=SERVER + ':8081',
              found={'PRO-002': {'port': '8081'}, 'HDR-002': {'header': 'x-request-id', 'fault': 'not echoed in the response'}})],
        [Call('GET', '/v1/orders/o-21', operation='getOrder', server=SERVER6, found=cleartext),
         Call('GET', '/v1/account?', operation='getAccount', server=SERVER6, options=['-H', f'Authorization: Bearer {SECRET}'],
              found={**cleartext, 'AUT-003': {'header': 'authorization', 'scheme': 'Bearer'}})],
    ]


def pipelined_calls():
    return [
        (Call('GET', '/v1/orders/p-1', operation='getOrder'), '', ''),
        (Call('POST', '/v1/orders?page=4', 201, sent=12, operation='createOrder',
              found={'REG-006': {'query': 'page'}}), '{"sku":"p2"}', 'Content-Type: application/json\r\n'),
        (Call('HEAD', '/v1/orders/p-3'), '', ''),
        (Call('GET', '/v1/orders/missing-p4', 404, operation='getOrder'), '', ''),
        (Call('GET', '/v1/stream?', size=sum(map(len, STREAM)), operation='getStream'), '', ''),
        (Call('GET', '/v1/orders/p-6', operation='getOrder'), '', 'Connection: close\r\n'),
    ]


def bare_call():
    """Lines that end in LF alone: nginx takes them, others do not, so two receivers may read the request differently."""
    call = Call('GET', '/v1/orders/b-1', operation='getOrder', found={'PRO-004': {'side': 'request', 'anomaly': 'bare_lf', 'status': '200'}})
    return call, call.text(more='Connection: close\r\n').replace('\r\n', '\n')


# ------------------------------------------------------------------------------------- the place

SERVERS = '''
server {
    listen 80; listen [::]:80;
    client_max_body_size 16m;
    add_header X-Request-ID $http_x_request_id always;
    location /v1/files/ { alias %(folder)s/files/; types { application/json json; application/octet-stream bin; } }
    location / { proxy_pass http://127.0.0.1:8000; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; }
}
server {
    listen 8081;
    location / { proxy_pass http://127.0.0.1:8000; proxy_http_version 1.1; proxy_set_header Connection ""; }
}
'''


def lay(tap):
    files = tap.folder / 'files'
    files.mkdir()
    files.chmod(0o755)
    (files / 'large.bin').write_bytes(bytes(range(256)) * (LARGE // 256))
    (files / 'small.json').write_text('{"state":"small"}')
    (tap.folder / 'upload').write_bytes(b'upload ' * (UPLOAD // 7) + b'.' * (UPLOAD % 7))
    tap.start(tap.server, sys.executable, live.SOURCE / 'tests' / 'live' / 'api.py', 8000)
    tap.start_nginx(SERVERS % {'folder': tap.folder})
    answers = lambda: tap.curl('-f', '-o', os.devnull, SERVER + '/v1/orders/warm', check=False).returncode == 0
    live.wait_for(answers, 'the API answers')
    (tap.folder / 'house.yaml').write_text(CUSTOM_RULES)
    registry = Registry(tap.folder / 'registry')
    tap.configure(registry={'folder': 'registry'}, rules=[str(live.SOURCE / 'rules'), 'house.yaml'], zones=ZONES)
    etag = re.search(r'ETag: (\S+)', tap.curl('-I', SERVER + '/v1/files/small.json').stdout)[1]
    tap.skip_access = len(tap.access())
    return registry, etag


def raw(tap, text):
    done = subprocess.run(tap.inside(tap.client, sys.executable, live.SOURCE / 'tests' / 'live' / 'raw.py', live.SERVER4, 80),
                          input=text.encode(), capture_output=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout


def make_calls(tap, etag):
    """Makes all of them; returns them in the order of each connection."""
    done = []
    for group in [keepalive_calls(etag), *other_calls()]:
        arguments = [argument for call in group for argument in ['--next', *call.curl()]][1:]
        shown = live.run(*tap.inside(tap.client, 'curl', *arguments), cwd=tap.folder).stdout.splitlines()
        for call, line in zip(group, shown, strict=True):
            assert line == f'{call.status} {call.size}', f'curl got {line} for {call.method} {call.path}'
        done += group
    pipelined = pipelined_calls()
    answer = raw(tap, ''.join(call.text(body, more) for call, body, more in pipelined))
    assert len(re.findall(rb'HTTP/1\.1 \d\d\d ', answer)) == len(pipelined), answer
    call, text = bare_call()
    assert raw(tap, text).startswith(b'HTTP/1.1 200 '), 'nginx does not take bare line feeds any more'
    return done + [one for one, _, _ in pipelined] + [call]


# ----------------------------------------------------------------------------------- comparisons

def check_access(tap, calls):
    """nginx saw what the clients say that they did."""
    logged = tap.access()[tap.skip_access:]
    assert collections.Counter((line['method'], line['uri'], line['status']) for line in logged) == \
        collections.Counter((call.method, call.path, call.status) for call in calls)
    return logged


def check_transactions(transactions, logged, calls):
    """On each connection the same calls in the same order as nginx logged them, with the same bytes."""
    def by_connection(lines, key):
        found = collections.defaultdict(list)
        for line in lines:
            found[key(line)].append(line)
        return found
    sizes = {(call.method, masked(call.path), call.status): (call.sent, call.size) for call in calls}
    theirs = by_connection(logged, lambda line: (line['client_port'], line['port']))
    ours = by_connection(transactions, lambda line: (line['src_port'], line['dst_port']))
    assert theirs.keys() == ours.keys(), (theirs.keys(), ours.keys())
    for connection, lines in theirs.items():
        shown = [(line['method'], line['path'], line['status']) for line in ours[connection]]
        assert shown == [(line['method'], masked(line['uri']), line['status']) for line in lines], f'{connection}: {shown}'
        for line, mine in zip(lines, ours[connection]):
            sent, size = sizes[(mine['method'], mine['path'], mine['status'])]
            assert (mine['request_bytes'], mine['response_bytes']) == (sent, size), mine
            # nginx counts the interim response and the framing of chunks as well; of streams the API knows the size.
            interim = len('HTTP/1.1 100 Continue\r\n\r\n') if line['method'] == 'PUT' else 0
            assert line['body'] == size + interim or '/stream' in line['uri'], (line, size)


def masked(path):
    """A path as a finding may show it."""
    return path.replace(SECRET, '*' * len(SECRET))


def check_findings(findings, calls, registry):
    """Exactly the expected ones, each with its operation, its place, and the lines of the registry that judged it."""
    expected = collections.Counter((rule, call.method, masked(call.path), call.status) for call in calls for rule in call.found)
    shown = collections.Counter((line['rule'], line['method'], line['path'], line['status']) for line in findings)
    assert shown == expected, f'missing {expected - shown}\nunexpected {shown - expected}\n' + \
        '\n'.join(json.dumps(line['evidence']) for line in findings if (line['rule'], line['method'], line['path'], line['status'])
                  in shown - expected)
    by_call = {(call.method, masked(call.path), call.status): call for call in calls}
    for line in findings:
        call = by_call[(line['method'], line['path'], line['status'])]
        evidence = call.found[line['rule']]
        assert line['verdict'] == 'fail' and evidence.items() <= line['evidence'].items(), line
        assert line['operation'] == call.operation and line['host'] == call.host, line
        assert line['epoch'] == 1 and line['tls'] is None and line['tunnels'] == [], line
        if call.operation:
            file, number, commit = registry.source(call.operation)
            source = line['source']
            assert (source['file'], source['line'], source['commit']) == (file, number, commit), (source, file, number, commit)
        assert SECRET not in json.dumps(line), 'a secret in the evidence'


def check_rollups(lines, calls):
    """The passes are counted: each operation has been called as often as nginx says."""
    counted = collections.Counter()
    for line in lines:
        if line['rule'] is None:
            counted[line['operation']] += line['calls']
    assert counted == collections.Counter(call.operation for call in calls), counted
    failed = collections.Counter()
    for line in lines:
        if line['rule'] is not None:
            failed[line['rule']] += line['verdicts']['fail']
            assert line['verdicts']['error'] == 0, line
    assert +failed == collections.Counter(rule for call in calls for rule in call.found), failed


def comparable(finding):
    """What a finding says beside when, where in the log, by which number of an epoch, and with the digest key of a run."""
    evidence = {key: value for key, value in finding['evidence'].items() if key not in ('digest', 'first', 'before')}
    return json.dumps({key: value for key, value in {**finding, 'evidence': evidence}.items()
                       if key not in ('time', 'decided', 'sensor', 'ring', 'sequence', 'queue', 'epoch')}, sort_keys=True)


def check_replay(tap, capture, findings, calls, logged):
    replayed, transactions, summary = tap.replay(capture)
    check_transactions(transactions, logged, calls)
    live_set, replay_set = (collections.Counter(map(comparable, one)) for one in (findings, replayed))
    assert live_set == replay_set, f'only live: {live_set - replay_set}\nonly replayed: {replay_set - live_set}'
    assert live.balanced(summary) and summary['transactions']['seen'] == len(calls)


# ---------------------------------------------------------------------------- what people look at

def check_status(tap, status, calls):
    assert status['healthy'] and status['dropped'] == 0
    assert status['worker']['starts'] == 1 and status['epoch']['number'] == 1
    assert live.balanced(status['ledger']), 'the ledger of the status does not balance'
    assert status['workers'][0]['transactions'] == status['ledger']['transactions']['seen'] == len(calls)
    assert not any(status['ledger']['not_received'].values()), status['ledger']['not_received']
    text = tap.command('status').stdout
    for expected in (f'queue +{tap.name}', r'worker +running', r'reporter +running', f'transactions seen {len(calls)}, pending 0',
                     'dropped at a full queue: nothing', r'packets received \d+, pending 0'):
        assert re.search(expected, text), f'{expected!r} is not in\n{text}'


def check_top(tap, status):
    """`assay top` on a terminal of 100 columns and 30 lines, left with q."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ['TERM'] = 'xterm'
        os.execv(live.ASSAY, ['assay', 'top', '-c', str(tap.config), '--interval-ms', '100'])
    shown, end, asked = b'', time.monotonic() + 10, False
    try:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', 30, 100, 0, 0))
        while time.monotonic() < end:
            if select.select([terminal], [], [], 0.1)[0]:
                try:
                    data = os.read(terminal, 65536)
                except OSError:
                    break
                shown += data
            if not asked and shown.count(b'transactions') >= 3:
                os.write(terminal, b'q')
                asked = True
    finally:
        code = os.waitpid(pid, 0)[1] if asked else None
        if code is None:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
    text = shown.decode()
    assert code == 0, f'top ended with {code}: {text[-2000:]}'
    assert text.startswith('\033[?1049h') and '\033[?1049l' in text, 'the terminal is not given back as it was'
    last = re.sub(r'\033\[[0-9;?]*[A-Za-z]', '', text[text.rfind('\033[H'):])
    for expected in (rf'queue {tap.name}  process {status["worker"]["pid"]}  epoch 1', 'reporter running', r'\n +0 \[.*e1',
                     r'coverage of \d+ packets, 0 pending', r'audited +\[#+\.*\] +\d+\.\d%'):
        assert re.search(expected, last), f'{expected!r} is not in\n{last}'
    widest = max(len(line) for line in last.replace('\r', '').split('\n'))
    assert widest <= 100, f'a line of {widest} columns on a terminal of 100'


def check_commands(tap, follower, calls, findings):
    report = tap.command('report', '--format', 'json', check=False)
    assert report.returncode == 1, 'report does not say that there are findings'
    told = json.loads(report.stdout)
    assert told['ledger']['balanced'] and live.balanced(told['ledger'])
    text = tap.command('report', check=False).stdout
    for rule in {rule for call in calls for rule in call.found}:
        count = sum(rule in call.found for call in calls)
        assert re.search(rf'^ +{rule} +\S+ +{count} +0 ', text, re.M), f'{rule}: {count} times is not in\n{text}'
    assert 'the sums agree' in text and re.search(rf'transactions +{len(calls)} seen', text), text
    listed = tap.command('findings', check=False)
    about_calls = lambda lines: [line for line in lines if 'AUD-' not in line]
    assert listed.returncode == 1 and len(about_calls(listed.stdout.splitlines())) == len(findings)
    follower.terminate()
    followed = about_calls(follower.communicate(timeout=10)[0].splitlines())
    assert len(followed) == len(findings), f'findings -f showed {len(followed)} of {len(findings)}'
    assert SECRET not in ''.join([*followed, text, report.stdout, listed.stdout])


def check_check(tap):
    """The host has no huge pages to spare and few cores; that is no mistake in the files."""
    for command in ('check', 'doctor'):
        done = live.run(*tap.inside(tap.tap, live.ASSAY, command, '-c', tap.config), check=False)
        assert done.returncode in (0, 1), done.stderr
        assert 'interface tap0' in done.stdout and 'huge pages' in done.stdout and 'shared memory' in done.stdout, done.stdout
        assert command != 'check' or re.search(r'registry: +\d+ operations in 2 documents', done.stdout), done.stdout
    elsewhere = live.run(live.ASSAY, 'doctor', '-c', tap.config, check=False)
    assert elsewhere.returncode == 1 and re.search('FAIL.*tap0 does not exist here', elsewhere.stdout), elsewhere.stdout


# --------------------------------------------------------------------------------------- the test

def test(tap):
    registry, etag = lay(tap)
    capture = tap.folder / 'tap.pcap'
    tap.start_assay()
    check_check(tap)
    follower = tap.start(None, live.ASSAY, 'findings', '-c', tap.config, '-f', stdout=subprocess.PIPE, text=True)
    tap.mark_packets()
    tap.start_recording(capture)
    calls = make_calls(tap, etag)
    status = tap.settle()
    logged = check_access(tap, calls)
    check_status(tap, status, calls)
    check_top(tap, status)
    tap.stop_recording()
    tap.stop_assay()
    assert tap.tap_counter('tx_packets') == 0, 'something was sent on the tap'
    lines = tap.lines()
    findings = live.of_calls(line for line in lines if line['type'] == 'finding')
    audit = [(line['rule'], line['verdict'], line['evidence']['event'])
             for line in live.of_audit(line for line in lines if line['type'] == 'finding')]
    assert audit == [('AUD-008', 'pass', 'start'), ('AUD-008', 'pass', 'stop')], audit
    check_findings(findings, calls, registry)
    assert status['workers'][0]['findings'] == len(findings)
    check_rollups([line for line in lines if line['type'] == 'rollup'], calls)
    ledgers = [line for line in lines if line['type'] == 'ledger']
    assert all(live.balanced(line) for line in ledgers), 'a ledger of the log does not balance'
    assert ledgers[-1]['pending']['packets'] == 0 and ledgers[-1]['transactions']['pending'] == 0
    # A neighbour may have been asked for since the two were compared.
    arrived = tap.tap_counter('rx_packets') - tap.marked[1] + tap.marked[0]
    assert status['ledger']['received']['packets'] <= ledgers[-1]['received']['packets'] <= arrived
    check_commands(tap, follower, calls, findings)
    check_replay(tap, capture, findings, calls, logged)
    for path in tap.log.iterdir():
        assert SECRET.encode() not in path.read_bytes(), f'a secret in {path.name}'
    print(f'{len(calls)} calls, {len(findings)} findings, {ledgers[-1]["received"]["packets"]} packets')


if __name__ == '__main__':
    live.main('http', test, ['nginx', 'curl', 'dumpcap', 'git'])
