# SPDX-License-Identifier: Apache-2.0
"""
What the live tests share: a small real network with a mirrored port, an API on it, and the auditor on the mirror.

    client0 (namespace C) ------ server0 (namespace S) ==== tc mirror ====> mirror0 (S) --- tap0 (namespace T)

Everything has the name and the folder of its own process, so tests may run side by side, and is taken away at the end,
also when the test fails or is told to stop. No processes are ended but those started here and what lives in the
namespaces made here.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback

SOURCE = pathlib.Path(os.environ.get('ASSAY_SOURCE', pathlib.Path(__file__).resolve().parents[2]))
BUILD = pathlib.Path(os.environ.get('ASSAY_BUILD', SOURCE / 'build'))
ASSAY, WORKER, REPORTER = (BUILD / 'app' / name for name in ('assay', 'assay-worker', 'assay-reporter'))
SHARED = pathlib.Path('/dev/shm')

CLIENT4, SERVER4, CLIENT6, SERVER6 = '10.77.0.1', '10.77.0.2', 'fd77::1', 'fd77::2'
SKIPPED = 77

# What an assay.yaml of these tests says unless a test says otherwise. The server's IPv4 network is a declared plaintext
# hop, so that cleartext is a finding where a test wants one and not on every call.
DEFAULTS = {
    'sensor': {'name': 'live'},
    'capture': {'driver': 'driver.yaml'},
    'workers': {'count': 1, 'memory_mib': 256, 'flows': 4096},
    'log': {'folder': 'log'},
    'ledger': {'interval_seconds': 1},
    'zones': [{'name': 'shop', 'kind': 'internal', 'environment': 'production', 'plaintext_allowed': True,
               'cidrs': ['10.77.0.0/24']}],
}


class Skip(Exception):
    """The machine cannot run this test; the text says what it lacks."""


def wait_for(condition, what, seconds=20.0, pause=0.02):
    """The first true value of condition(); fails when there is none in time."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f'waited {seconds} s in vain: {what}'
        time.sleep(pause)


def run(*command, check=True, **options):
    """Runs to the end with its output captured as text."""
    options.setdefault('timeout', 60)
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    assert not check or done.returncode == 0, f'{command}: {done.returncode}\n{done.stdout}{done.stderr}'
    return done


def replace_file(path, text):
    """A reader sees the old text or the new one, never a part."""
    fresh = pathlib.Path(str(path) + '.new')
    fresh.write_text(text, encoding='utf-8')
    os.replace(fresh, path)


def log_lines(folder):
    """All lines of all files of the log, in order; a whole line that is no JSON fails the test, a tail still being
    written is left out."""
    def key(path):
        parts = path.name.split('.')
        return parts[0], int(parts[1]) if len(parts) == 3 else 0
    for path in sorted(pathlib.Path(folder).glob('findings-*.jsonl'), key=key):
        with open(path, encoding='utf-8') as file:
            for line in file:
                if line.endswith('\n'):
                    yield json.loads(line)


def of_calls(findings):
    """Without those about the audit itself, which belong to no call."""
    return [line for line in findings if not line['rule'].startswith('AUD-')]


def of_audit(findings):
    """The others. Whether a clock is kept is the machine's own affair (AUD-006)."""
    return [line for line in findings if line['rule'].startswith('AUD-') and line['rule'] != 'AUD-006']


def driver_text(*changes):
    """The shipped driver file for kernel interfaces on tap0, without huge pages, which a test must not count on. Each
    change is (what, by what)."""
    text = (SOURCE / 'drivers-config' / 'af_packet.yaml').read_text(encoding='utf-8')
    # DPDK refuses --in-memory where there are no huge pages; --no-shconf is the part of it that matters then.
    for old, new in (('iface=veth1', 'iface=tap0'), ('--in-memory,', '--no-shconf,'), *changes):
        text = text.replace(old, new)
    return text


def one_detector():
    """The shipped detector with the shortest expression, as a file of its own: for tests that reload often and detect
    nothing."""
    text = (SOURCE / 'rules' / 'detectors.yaml').read_text(encoding='utf-8')
    head, *entries = re.split('^(?=  - id: )', text[re.search('^detectors:', text, re.M).start():], flags=re.M)
    length = lambda entry: len(re.search('^    pattern: (.*)$', entry, re.M)[1])
    return head + (min(entries, key=length) if entries else '')


def balanced(ledger):
    """The two sums of the coverage ledger, added up here and not taken from its own word."""
    for unit in ('packets', 'bytes'):
        settled = ledger['audited'][unit] + sum(one[unit] for one in ledger['excused'].values())
        if ledger['received'][unit] != settled + ledger['pending'][unit]:
            return False
    calls = ledger['transactions']
    return calls['seen'] == calls['audited'] + sum(calls['excused'].values()) + calls['pending'] and ledger['balanced']


def memory_kib(pid):
    """Resident memory of a process."""
    return int(re.search(r'^VmRSS:\s+(\d+) kB', pathlib.Path(f'/proc/{pid}/status').read_text(), re.M)[1])


def count_recorded(path):
    """How many whole packets a pcap file holds that may still be growing."""
    count, at, data = 0, 24, path.read_bytes()
    while at + 16 <= len(data):
        at += 16 + struct.unpack_from('<I', data, at + 8)[0]
        count += at <= len(data)
    return count


class Tap:
    """The network, and everything on it."""

    def __init__(self, name):
        self.name = f'assay-live-{name}-{os.getpid()}'
        self.client, self.server, self.tap = (f'{self.name}-{side}' for side in 'cst')
        self.temporary = tempfile.TemporaryDirectory(prefix=self.name + '-')
        self.folder = pathlib.Path(self.temporary.name)
        self.config = self.folder / 'assay.yaml'
        self.log = self.folder / 'log'
        self.children = []
        self.assay = None

    # ------------------------------------------------------------- coming and going

    def __enter__(self):
        try:
            self.lay_network()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.stop_all()
        for space in (self.client, self.server, self.tap):
            run('ip', 'netns', 'del', space, check=False)
        for path in self.segments():
            path.unlink(missing_ok=True)
        self.temporary.cleanup()

    def stop_all(self):
        """Those started last are stopped first; what they left behind in our namespaces is killed."""
        for child in reversed(self.children):
            if child.poll() is None:
                child.terminate()
                try:
                    child.wait(timeout=25)
                except subprocess.TimeoutExpired:
                    child.kill()
            child.wait()
        for space in (self.client, self.server, self.tap):
            for pid in run('ip', 'netns', 'pids', space, check=False).stdout.split():
                try:
                    os.kill(int(pid), signal.SIGKILL)
                except ProcessLookupError:
                    pass

    def segments(self):
        """What lies in shared memory under this test's name."""
        return sorted(SHARED.glob(self.name + '*'))

    def lay_network(self):
        for space in (self.client, self.server, self.tap):
            done = run('ip', 'netns', 'add', space, check=False)
            if done.returncode:
                raise Skip(f'network namespaces cannot be made: {done.stderr.strip()}')
            run('ip', '-n', space, 'link', 'set', 'lo', 'up')
        run('ip', 'link', 'add', 'client0', 'netns', self.client, 'type', 'veth', 'peer', 'name', 'server0', 'netns', self.server)
        run('ip', 'link', 'add', 'mirror0', 'netns', self.server, 'type', 'veth', 'peer', 'name', 'tap0', 'netns', self.tap)
        for space, interface in ((self.client, 'client0'), (self.server, 'server0'), (self.server, 'mirror0'), (self.tap, 'tap0')):
            # As on a wire: nothing is left to be segmented or summed up by a card.
            run('ip', 'netns', 'exec', space, 'ethtool', '-K', interface, 'tso', 'off', 'gso', 'off', 'gro', 'off', 'tx', 'off',
                'rx', 'off', check=False)
            if interface in ('mirror0', 'tap0'):
                run('ip', 'netns', 'exec', space, 'sh', '-c', f'echo 1 > /proc/sys/net/ipv6/conf/{interface}/disable_ipv6')
            run('ip', '-n', space, 'link', 'set', interface, 'up')
        for space, interface, addresses in ((self.client, 'client0', (CLIENT4 + '/24', CLIENT6 + '/64')),
                                            (self.server, 'server0', (SERVER4 + '/24', SERVER6 + '/64'))):
            for address in addresses:
                run('ip', '-n', space, 'addr', 'add', address, 'dev', interface, *(['nodad'] if ':' in address else []))
        run('ip', 'netns', 'exec', self.server, 'tc', 'qdisc', 'add', 'dev', 'server0', 'clsact')
        for direction in ('ingress', 'egress'):
            run('ip', 'netns', 'exec', self.server, 'tc', 'filter', 'add', 'dev', 'server0', direction, 'protocol', 'all', 'u32',
                'match', 'u32', '0', '0', 'action', 'mirred', 'egress', 'mirror', 'dev', 'mirror0')

    def inside(self, space, *command):
        return ['ip', 'netns', 'exec', space, *map(str, command)]

    def start(self, space, *command, **options):
        """A process of this test in one of its namespaces (None: outside)."""
        child = subprocess.Popen(self.inside(space, *command) if space else [str(part) for part in command], **options)
        self.children.append(child)
        return child

    def tap_counter(self, name):
        """A counter of the tap's interface: rx_packets, tx_packets, rx_dropped ..."""
        shown = run('ip', '-n', self.tap, '-s', '-j', 'link', 'show', 'tap0').stdout
        direction, field = name.split('_')
        return json.loads(shown)[0]['stats64'][direction][field]

    # ------------------------------------------------------------------ the auditor

    def configure(self, path=None, driver=None, **sections):
        """Writes assay.yaml (JSON is YAML too) and, once, the driver file. A section replaces the default one."""
        driver_path = self.folder / 'driver.yaml'
        if driver or not driver_path.exists():
            driver_path.write_text(driver or driver_text(), encoding='utf-8')
        settings = {**DEFAULTS, 'queue': {'name': self.name, 'size_kib': 16384}, **sections}
        text = ''.join(f'{key}: {json.dumps(value)}\n' for key, value in settings.items() if value is not None)
        replace_file(path or self.config, text)

    def start_assay(self, seconds=30):
        """`assay run`, until it says that worker and reporter live. Its words go to assay.log."""
        self.assay_log = open(self.folder / 'assay.log', 'a', encoding='utf-8')
        self.assay = self.start(self.tap, ASSAY, 'run', '-c', self.config, stdout=self.assay_log, stderr=subprocess.STDOUT)
        def up():
            assert self.assay.poll() is None, f'assay run ended with {self.assay.returncode}:\n{self.assay_words()}'
            status = self.status(check=False)
            return status and status['worker']['alive'] and status['reporter']['state'] == 'running' and status['workers'][0]['epoch']
        try:
            wait_for(up, 'the auditor comes up', seconds)
        except AssertionError as error:
            raise AssertionError(f'{error}\n{self.assay_words()}\n{self.command("status", check=False).stdout}') from None

    def stop_assay(self, expected=0):
        self.assay.terminate()
        code = self.assay.wait(timeout=30)
        self.assay_log.close()
        assert code == expected, f'assay run ended with {code}:\n{self.assay_words()}'

    def assay_words(self):
        return (self.folder / 'assay.log').read_text(encoding='utf-8', errors='replace')

    def command(self, name, *arguments, check=True, **options):
        """`assay NAME -c assay.yaml ...`"""
        return run(ASSAY, name, '-c', self.config, *arguments, check=check, **options)

    def status(self, check=True):
        """`assay status --format json`; None when it has nothing to tell (unless that is an error)."""
        done = self.command('status', '--format', 'json', '--interval-ms', '50', check=False)
        assert not check or done.returncode in (0, 1), done.stderr
        return json.loads(done.stdout) if done.returncode in (0, 1) else None

    def lines(self, kind=None):
        return [line for line in log_lines(self.log) if kind is None or line['type'] == kind]

    def settle(self, seconds=15):
        """Waits until the worker has told of every packet that the tap's interface has handed over since
        mark_packets(), and the reporter has written all of it. Returns that status."""
        def quiet():
            status = self.status()
            seen = status['ledger']['received']['packets'] - self.marked[0]
            arrived = self.tap_counter('rx_packets') - self.marked[1]
            self.difference = f'{arrived} packets arrived at the tap, {seen} reached the worker'
            return seen == arrived and all(ring['published'] == ring['durable'] for ring in status['rings']) and status
        try:
            return wait_for(quiet, 'worker and reporter keep up', seconds)
        except AssertionError as error:
            raise AssertionError(f'{error}: {self.difference}') from None

    def mark_packets(self):
        """Remembers how many packets the worker and the interface have counted, at a moment without traffic."""
        def counts():
            return self.status()['ledger']['received']['packets'], self.tap_counter('rx_packets')
        def same():
            before = counts()
            time.sleep(1.1)  # two of the intervals at which a worker tells its figures
            return before if counts() == before else None
        self.marked = wait_for(same, 'a moment without traffic', 15)

    # ---------------------------------------------------------------------- the API

    def start_nginx(self, servers, http=''):
        """nginx in the server's namespace with these server blocks; what it did is in access()."""
        prefix = self.folder / 'nginx'
        prefix.mkdir()
        prefix.chmod(0o755)
        self.folder.chmod(0o755)
        log_format = ('{"method":"$request_method","uri":"$request_uri","status":$status,"body":$body_bytes_sent,"sent":"$content_length",'
                      '"id":"$http_x_request_id","address":"$server_addr","port":$server_port,"client_port":$remote_port}')
        temporary = ''.join(f'{kind}_temp_path {prefix}/{kind};\n' for kind in ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'))
        (prefix / 'nginx.conf').write_text(f'''
daemon off; worker_processes 1; pid {prefix}/pid; error_log {prefix}/error.log warn;
events {{ worker_connections 512; }}
http {{
    log_format facts escape=json '{log_format}';
    access_log {prefix}/access.log facts;
    {temporary}
    keepalive_requests 1000000; keepalive_timeout 300s;
    {http}
    {servers}
}}
''', encoding='utf-8')
        self.start(self.server, 'nginx', '-e', prefix / 'error.log', '-c', prefix / 'nginx.conf', stderr=subprocess.DEVNULL)
        wait_for(lambda: (prefix / 'pid').exists() and (prefix / 'pid').read_text().strip(), 'nginx comes up')

    def access(self):
        """nginx's access log."""
        with open(self.folder / 'nginx' / 'access.log', encoding='utf-8') as file:
            return [json.loads(line) for line in file]

    def curl(self, *arguments, **options):
        return run(*self.inside(self.client, 'curl', '-sS', '-m', '20', *arguments), **options)

    # ---------------------------------------------------------------------- capture

    def start_recording(self, path):
        """Records the tap itself, beside the auditor."""
        self.recorder = self.start(self.tap, 'dumpcap', '-q', '-P', '-B', '64', '-i', 'tap0', '-w', path, stderr=subprocess.PIPE, text=True)
        wait_for(lambda: path.exists() and path.stat().st_size >= 24, 'the recording begins')
        self.recording, self.recorded_from = path, self.tap_counter('rx_packets')

    def stop_recording(self):
        """When it holds all that has arrived: told to stop, dumpcap leaves what the kernel still keeps for it."""
        arrived = self.tap_counter('rx_packets') - self.recorded_from
        wait_for(lambda: count_recorded(self.recording) >= arrived, f'the recording holds {arrived} packets')
        self.recorder.send_signal(signal.SIGINT)
        _, words = self.recorder.communicate(timeout=20)
        lost = re.search(r"Packets received/dropped on interface 'tap0': (\d+)/(\d+)", words)
        assert lost and int(lost[2]) == 0, f'the recording itself is not whole: {words}'

    def replay(self, capture):
        """(findings, transactions, summary) of `assay replay` with the same configuration."""
        paths = [self.folder / f'replay-{kind}' for kind in ('findings', 'transactions', 'summary')]
        done = run(ASSAY, 'replay', '-c', self.config, '--findings', paths[0], '--transactions', paths[1], '--summary', paths[2],
                   capture, check=False)
        assert done.returncode in (0, 1), done.stderr
        findings, transactions = ([json.loads(line) for line in open(path, encoding='utf-8')] for path in paths[:2])
        return findings, transactions, json.loads(paths[2].read_text(encoding='utf-8'))


def on_terminate(*_):
    sys.exit('told to stop')


def check_host(programs):
    if os.geteuid() != 0:
        raise Skip('needs root, for network namespaces and the tap port')
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        raise Skip(f'needs {", ".join(missing)}: scripts/install demo test')
    for program in (ASSAY, WORKER, REPORTER):
        assert program.exists(), f'{program} is not built; ASSAY_BUILD names the build folder'


def main(name, test, programs=()):
    """Runs test(tap); the exit code is what meson wants. Shows what the auditor said when it fails."""
    signal.signal(signal.SIGTERM, on_terminate)
    os.environ['PATH'] += ':/usr/sbin:/sbin'
    try:
        check_host(['ip', 'tc', 'ethtool', *programs])
        with Tap(name) as tap:
            try:
                test(tap)
            except Exception:
                traceback.print_exc()
                if tap.assay:
                    print('--- assay run said:', tap.assay_words()[-6000:], sep='\n', file=sys.stderr)
                sys.exit(1)
    except Skip as reason:
        print(f'skipped: {reason}')
        sys.exit(SKIPPED)
    print('ok')
