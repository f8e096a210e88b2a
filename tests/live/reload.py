# SPDX-License-Identifier: Apache-2.0
"""
A thousand reloads under load. Two versions of rules and registry alternate, and each call deserves three findings of the
version that judged it: so a call judged by two epochs, by none, or twice shows. Calls that are open while rules change
keep the epoch they began with. What is wrong is refused with its place, and nothing is lost by any of it.
"""

import collections
import re
import signal
import subprocess
import sys
import time

import tap as live

RELOADS = 1000
SAMPLES = (200, RELOADS)      # reloads after which the worker's memory is looked at
GROWTH_KIB_MAX = 4096         # what malloc may keep back between two samples
BY_SIGNAL = range(50, RELOADS, 50)
SPANNING = range(101, RELOADS, 100)
SPANNED = 3                   # reloads while such a call is open
EPOCHS_MAX = 16               # docs/decisions/0003-sixteen-epochs.md

PACK = '''pack: house
version: "%(letter)s"
rules:
  - id: HSE-%(letter)s1
    title: Request lacks what version %(letter)s wants
    check: header-missing
    severity: low
    parameters: {headers: [x-%(letter)s-one], sides: [request]}
    requirements: [SCC7.2]
  - id: HSE-%(letter)s2
    title: Response lacks what version %(letter)s wants
    check: header-missing
    severity: low
    parameters: {headers: [x-%(letter)s-two], sides: [response]}
    requirements: [SCC7.2]
  - id: HSE-%(letter)s3
    title: Deprecated by version %(letter)s
    check: deprecated-operation
    severity: medium
    parameters: {statuses: ["2xx"]}
    requirements: [SCC8.1]
'''
DOCUMENT = '''openapi: 3.1.0
info: {title: Version %(letter)s, version: 1.0.0}
servers: [{url: "http://shop.example/v1"}]
paths:
  /orders/{order}:
    parameters: [{name: order, in: path, required: true, schema: {type: string}}]
    get:
      operationId: getOrder%(letter)s
      deprecated: true
      responses: {"200": {description: The order.}}
    post:
      operationId: changeOrder%(letter)s
      deprecated: true
      responses: {"200": {description: The order.}}
'''
# {what: (file, text, line, what the answer says)}; each is wrong in one place.
BROKEN = {
    'YAML': ('pack', 'pack: house\nversion: "1"\nrules:\n\t- id: HSE-X1\n', 4, ''),
    'unknown key': ('pack', PACK % {'letter': 'X'} + '    sevrity: low\n', 22, 'sevrity'),
    'unknown check': ('pack', PACK.replace('deprecated-operation', 'deprecated-operations') % {'letter': 'X'}, 18, 'deprecated-operations'),
    'OpenAPI': ('document', DOCUMENT.replace('/orders/{order}:', '/orders/{order:', 1) % {'letter': 'X'}, 5, ''),
    'OpenAPI reference': ('document', DOCUMENT.replace('responses: {"200": {description: The order.}}',
                                                       'responses: {"200": {$ref: "#/components/responses/None"}}', 1)
                          % {'letter': 'X'}, 10, ''),
}
LOAD = '''
local counter = 0
function request()
    counter = counter + 1
    return wrk.format("GET", "/v1/orders/w-" .. counter, {["Host"] = "shop.example"})
end
function delay() return 40 end
'''
SERVERS = '''
server { listen 80; default_type application/json;
    location / { return 200 '{"state":"paid"}'; }
    # The front end takes the whole request before it asks: so a request can be kept open.
    location /v1/orders/open- { proxy_pass http://127.0.0.1:8001; client_body_timeout 300s; }
}
server { listen 127.0.0.1:8001; default_type application/json; location / { return 200 '{"state":"changed"}'; } }
'''


def lay(tap):
    tap.start_nginx(SERVERS)
    (tap.folder / 'detectors.yaml').write_text(live.one_detector())
    (tap.folder / 'load.lua').write_text(LOAD)
    for letter in 'ABX':
        folder = tap.folder / letter
        folder.mkdir()
        (folder / 'registry').mkdir()
        (folder / 'pack.yaml').write_text(PACK % {'letter': letter})
        (folder / 'registry' / 'shop.yaml').write_text(DOCUMENT % {'letter': letter})
    choose(tap, 'A')


def choose(tap, letter, **sections):
    tap.configure(**{'registry': {'folder': f'{letter}/registry'}, 'rules': [f'{letter}/pack.yaml'], 'detectors': ['detectors.yaml'],
                     'ledger': {'interval_seconds': 5}, **sections})


def reload_accepted(tap, number):
    """Milliseconds that the worker says it took."""
    done = tap.command('reload', check=False)
    said = re.search(r'^epoch (\d+) is in force \((\d+) ms\)$', done.stdout, re.M)
    assert done.returncode == 0 and said and int(said[1]) == number, f'{number}: {done.returncode} {done.stdout}{done.stderr}'
    return int(said[2])


def reload_by_signal(tap, number):
    tap.assay.send_signal(signal.SIGHUP)
    live.wait_for(lambda: tap.status()['epoch']['number'] == number, f'epoch {number} after SIGHUP', 5)


class OpenCall:
    """A request that has begun, and ends when it is told to."""

    def __init__(self, tap, name, epoch):
        self.path, self.epoch, self.gate = f'/v1/orders/open-{name}', epoch, tap.folder / f'gate-{name}'
        self.client = tap.start(tap.client, sys.executable, live.SOURCE / 'tests' / 'live' / 'raw.py', live.SERVER4, 80,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.client.stdin.write(f'POST {self.path} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\nContent-Length: 10\r\n'
                                f'\r\n12345@wait {self.gate}\n67890'.encode())
        self.client.stdin.close()
        live.wait_for(lambda: self.sent(tap), f'{self.path} is sent', 5, 0.01)

    def sent(self, tap):
        """True once the server's kernel has handed the first part to nginx; the mirror has had it before that."""
        shown = live.run(*tap.inside(tap.client, 'ss', '-Htnpi', 'state', 'established'), check=False).stdout
        mine = re.search(rf'pid={self.client.pid},.*\n.*bytes_acked:(\d+)', shown)
        return mine and int(mine[1]) > 100

    def finish(self):
        self.gate.touch()
        answer = self.client.stdout.read()
        assert self.client.wait(timeout=10) == 0 and answer.startswith(b'HTTP/1.1 200 '), answer


def storm(tap):
    """The reloads; returns (milliseconds of each, memory samples, calls that were open meanwhile)."""
    times, memory, begun = [], {}, []
    whole = OpenCall(tap, 'whole', 1)
    worker = tap.status()['worker']['pid']
    for count in range(1, RELOADS + 1):
        choose(tap, 'AB'[count % 2])
        if count in BY_SIGNAL:
            reload_by_signal(tap, count + 1)
        else:
            times.append(reload_accepted(tap, count + 1))
        if count in SPANNING:
            begun.append(OpenCall(tap, count, count + 1))
        if count - SPANNED in SPANNING:
            begun[-1].finish()
        if count in SAMPLES:
            memory[count] = live.memory_kib(worker)
    whole.finish()
    assert tap.status()['worker']['pid'] == worker
    return times, memory, [whole, *begun]


def check_broken(tap, number):
    """Each is refused in the answer and in the log with its place, and the rules in force stay."""
    for count, (what, (kind, text, line, words)) in enumerate(BROKEN.items()):
        file = tap.folder / 'X' / ('pack.yaml' if kind == 'pack' else 'registry/shop.yaml')
        whole = file.read_text()
        file.write_text(text)
        choose(tap, 'X')
        done = tap.command('reload', check=False)
        place = re.search(rf'error: \S*{file.name}:(\d+):(\d+): ', done.stderr)
        assert done.returncode == 1 and 'the rules in force stay' in done.stderr, f'{what}: {done.returncode} {done.stdout}{done.stderr}'
        assert place and int(place[1]) == line and words in done.stderr, f'{what}: line {line} is not named: {done.stderr}'
        file.write_text(whole)
        assert tap.status()['epoch']['number'] == number, f'{what} changed the epoch'
        tap.curl('-o', '/dev/null', '-H', 'Host: shop.example', f'http://{live.SERVER4}/v1/orders/broken-{count}')
    tap.config.write_text(tap.config.read_text() + 'nonsense: 1\n')
    done = live.run(live.ASSAY, 'reload', '--queue', tap.name, check=False)
    assert done.returncode == 1 and re.search(r'assay.yaml:\d+:\d+: .*nonsense', done.stderr), done.stderr
    choose(tap, 'A')


def check_epochs_held(tap, number):
    """Calls may hold fifteen replaced epochs; the next reload is refused until one of them ends. Returns the epoch."""
    held = []
    pending = lambda: tap.status()['ledger']['transactions']['pending'] == len(held)
    for count in range(EPOCHS_MAX - 1):
        held.append(OpenCall(tap, f'held-{count}', number))
        live.wait_for(pending, f'the worker sees that {len(held)} calls are open', 5)
        number += 1
        reload_accepted(tap, number)
    held.append(OpenCall(tap, f'held-{EPOCHS_MAX}', number))
    done = tap.command('reload', check=False)
    assert done.returncode == 1 and 'still in use by calls that have not ended' in done.stderr, done.stdout + done.stderr
    for call in held:
        call.finish()
    accepted = lambda: tap.command('reload', check=False).returncode == 0
    live.wait_for(accepted, 'a reload after the calls have ended', 10)
    return tap.status()['epoch']['number'], held


def check_findings(findings, reloads, logged, opened):
    """Three of one version and one epoch for every call that nginx answered."""
    letters, digests = {1: 'A'}, {}
    for event in reloads:
        if event['accepted']:
            digests[event['epoch']] = (event['rules_digest'], event['registry_digest'])
    by_path = collections.defaultdict(list)
    for line in findings:
        by_path[line['path']].append(line)
    assert by_path.keys() == logged.keys(), f'{len(by_path.keys() ^ logged.keys())} calls are only here or only there'
    for path, lines in by_path.items():
        epochs = {line['epoch'] for line in lines}
        assert len(epochs) == 1, f'{path} was judged by the epochs {epochs}'
        epoch = epochs.pop()
        letter = letters.setdefault(epoch, lines[0]['rule'][4])
        assert sorted(line['rule'] for line in lines) == [f'HSE-{letter}{i}' for i in (1, 2, 3)], (path, epoch, [line['rule'] for line in lines])
        assert all(line['operation'].endswith('Order' + letter) for line in lines), (path, letter, lines[0]['operation'])
        for line in lines:
            assert epoch == 1 or (line['rules_digest'], line['registry_digest']) == digests[epoch], f'{path}: digests of another epoch'
    for epoch, letter in letters.items():
        assert epoch > RELOADS or letter == 'AB'[(epoch - 1) % 2], f'epoch {epoch} judged by version {letter}'
    for call in opened:
        # On a busy machine the worker may see the beginning one reload late, but never SPANNED of them.
        assert call.epoch <= by_path[call.path][0]['epoch'] <= call.epoch + 1, \
            f'{call.path} began with {call.epoch}: {by_path[call.path][0]["epoch"]}'
    return len(letters)


def check_reloads(reloads, last):
    accepted = [event for event in reloads if event['accepted']]
    refused = [event for event in reloads if not event['accepted']]
    epochs = [event['epoch'] for event in accepted]
    assert epochs[:RELOADS] == list(range(2, RELOADS + 2)), 'an epoch is missing, doubled or out of order'
    assert epochs == sorted(set(epochs)) and epochs[-1] == last, epochs[RELOADS:]
    for event in accepted[:RELOADS]:
        assert event['rules_digest'] == accepted[event['epoch'] % 2]['rules_digest'] and event['error'] is None, event
    assert accepted[0]['rules_digest'] != accepted[1]['rules_digest'] and accepted[0]['registry_digest'] != accepted[1]['registry_digest']
    places = [event['error'] for event in refused if re.search(r':\d+:\d+: ', event['error'])]
    assert len(places) == len(BROKEN) + 1, places
    assert all(event['pid'] and event['uid'] == 0 for event in refused), refused


def time_shipped(tap, number):
    """How long a reload of all that is shipped takes."""
    choose(tap, 'A', rules=None, detectors=None)
    times = [reload_accepted(tap, number + count) for count in (1, 2, 3)]
    choose(tap, 'A')
    reload_accepted(tap, number + 4)
    return max(times), number + 4


def test(tap):
    lay(tap)
    tap.start_assay()
    tap.mark_packets()
    load = tap.start(tap.client, 'wrk', '-t1', '-c8', '-d300s', '-s', tap.folder / 'load.lua', f'http://{live.SERVER4}',
                     stdout=subprocess.DEVNULL)
    begin = time.monotonic()
    times, memory, opened = storm(tap)
    seconds = time.monotonic() - begin
    load.send_signal(signal.SIGINT)
    load.wait(timeout=10)
    status = tap.settle()
    assert live.balanced(status['ledger']) and not any(status['ledger']['not_received'].values()), status['ledger']['not_received']
    assert status['dropped'] == 0
    check_broken(tap, RELOADS + 1)
    number, held = check_epochs_held(tap, RELOADS + 1)
    slowest_shipped, number = time_shipped(tap, number)
    tap.settle()
    tap.stop_assay()
    lines = tap.lines()
    logged = collections.Counter(line['uri'] for line in tap.access() if line['address'] == live.SERVER4)
    assert max(logged.values()) == 1
    reloads = [line for line in lines if line['type'] == 'reload']
    judged = check_findings(live.of_calls(line for line in lines if line['type'] == 'finding'), reloads, logged, [*opened, *held])
    check_reloads(reloads, number)
    calls = sum(line['calls'] for line in lines if line['type'] == 'rollup' and line['rule'] is None)
    assert calls == len(logged), f'{len(logged)} calls, {calls} in the roll-ups'
    grown = memory[SAMPLES[1]] - memory[SAMPLES[0]]
    assert grown <= GROWTH_KIB_MAX, f'the worker grew by {grown} KiB over {SAMPLES[1] - SAMPLES[0]} reloads'
    times.sort()
    print(f'{RELOADS} reloads in {seconds:.0f} s: median {times[len(times) // 2]} ms, slowest {times[-1]} ms; with all that is shipped '
          f'{slowest_shipped} ms; {len(logged)} calls judged by {judged} epochs; memory {memory} KiB')


if __name__ == '__main__':
    live.main('reload', test, ['nginx', 'curl', 'wrk', 'ss'])
