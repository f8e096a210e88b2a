# SPDX-License-Identifier: Apache-2.0
"""
What can be wrong when the auditor starts: each fault is told with its cause and what to do, ends with exit status 2, and
leaves neither a process nor shared memory behind.
"""

import os
import pathlib
import re
import signal
import subprocess

import tap as live

START_SECONDS = 20
HUGE_PAGES = 1 << 20  # 2 TiB of them: more than any machine that runs tests has


HUGE_DRIVER = [('--no-shconf,', '--in-memory,'),
               ('{no_huge: true, no_huge_mib: 256}', '{no_huge: false, huge_page_kib: 2048, huge_pages: %d}' % HUGE_PAGES)]


class Fault:
    """What is changed, and what the answer has to say: every one of these expressions."""

    def __init__(self, name, says, *, driver=(), sections=None, prepare='true', config=None):
        self.name, self.says = name, says
        self.driver, self.sections, self.prepare, self.config = driver, sections or {}, prepare, config


FAULTS = [
    Fault('missing interface', ['tap9', 'does not exist|no such interface|ip link'], driver=[('iface=tap0', 'iface=tap9')]),
    Fault('wrong name of a port', ['port net_af_packet7: DPDK knows no such device; it has: net_af_packet0'],
          driver=[('device: net_af_packet0', 'device: net_af_packet7')]),
    Fault('more queues than the port has', ['receive queues', 'rx_queues'], driver=[('rx_queues: 1', 'rx_queues: 16')]),
    Fault('unknown key in the driver file', [r'driver\.yaml:\d+:\d+: .*promiscous.*promiscuous'], driver=[('promiscuous', 'promiscous')]),
    Fault('missing driver file', ['nowhere.yaml', 'No such file'], sections={'capture': {'driver': 'nowhere.yaml'}}),
    Fault('no driver file', ['capture.driver is missing', 'drivers-config'], sections={'capture': None}),
    Fault('unknown key', [r'assay\.yaml:\d+:\d+: .*intervall_seconds.*interval_seconds'], sections={'ledger': {'intervall_seconds': 5}}),
    Fault('number out of range', [r'assay\.yaml:\d+:\d+: .*count'], sections={'workers': {'count': 1000}}),
    Fault('no YAML', [r'assay\.yaml:\d+:\d+: this is no YAML'], config='{'),
    Fault('missing configuration', ['assay.yaml', 'No such file'], prepare='rm assay.yaml'),
    Fault('broken rules', [r'wrong\.yaml:3:\d+: .*seize'], sections={'rules': ['wrong.yaml']}),
    Fault('missing registry', ['nowhere', 'No such file'], sections={'registry': {'folder': 'nowhere'}}),
    Fault('log folder that cannot be made', ['log folder', '/proc/assay'], sections={'log': {'folder': '/proc/assay'}}),
    Fault('log folder that is a file', ['assay.yaml|log', 'Not a directory'], sections={'log': {'folder': 'assay.yaml'}}),
    Fault('log folder that is read-only', ['log', 'Read-only file system'],
          prepare='mkdir -p log && mount -t tmpfs -o ro tmpfs log'),
    Fault('full shared memory', ['/dev/shm', 'No space left'], prepare='mount -t tmpfs -o size=8m tmpfs /dev/shm'),
]


def run_assay(tap, prepare='true', program=None):
    """(exit status, what it said) of `assay run` or another program, in a mount namespace of its own, after a shell
    command there."""
    program = program or (live.ASSAY, 'run', '-c', tap.config)
    line = f'cd {tap.folder} && {prepare} && exec {" ".join(map(str, program))}'
    child = tap.start(tap.tap, 'unshare', '--mount', '--propagation', 'private', 'sh', '-c', line, stdout=subprocess.PIPE,
                      stderr=subprocess.STDOUT, text=True)
    try:
        words = child.communicate(timeout=START_SECONDS)[0]
        return child.returncode, words
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGTERM)
        return None, child.communicate(timeout=30)[0]


def left_behind(tap):
    """Processes, and what is in shared memory beside the queue itself: that one stays on purpose, for its numbers go on
    when the next worker starts."""
    pids = live.run('ip', 'netns', 'pids', tap.tap).stdout.split()
    return [f'process {pid}' for pid in pids] + [str(path) for path in tap.segments() if path.name != tap.name]


def check_fault(tap, fault):
    tap.configure(driver=live.driver_text(*fault.driver), **fault.sections)
    if fault.config is not None:
        tap.config.write_text(fault.config)
    code, words = run_assay(tap, fault.prepare)
    return complaints(tap, fault.name, (code, 2), words, fault.says)


def complaints(tap, name, codes, words, says, left=left_behind):
    wrong = [f'ended with {codes[0]}'] if codes[0] != codes[1] else []
    wrong += [f'does not say {expression!r}' for expression in says if not re.search(expression, words)]
    wrong += [f'left {one}' for one in left(tap)]
    return [f'--- {name}: {"; ".join(wrong)}\n{words}'] if wrong else []


def check_huge_pages(tap):
    """More huge pages wanted than there are: the check of the host says so; the worker does where there are none."""
    wrong = []
    tap.configure(driver=live.driver_text(*HUGE_DRIVER))
    for command in ('check', 'doctor'):
        done = tap.command(command, check=False)
        wrong += complaints(tap, command + ' of huge pages', (done.returncode, 1), done.stdout + done.stderr,
                            [rf'FAIL +huge pages: \d+ of 2048 KiB free, {HUGE_PAGES} wanted; as root: echo {HUGE_PAGES} > /sys/'])
    free = sum(int(path.read_text()) for path in pathlib.Path('/sys/kernel/mm/hugepages').glob('*/free_hugepages'))
    if free == 0:
        wrong += check_fault(tap, Fault('no huge pages', ['huge pages', 'nr_hugepages|no_huge: true'], driver=HUGE_DRIVER))
    return wrong


def check_commands_without_worker(tap):
    """What talks to a worker says that there is none."""
    tap.configure(driver=live.driver_text())
    wrong = []
    for command in ('status', 'top', 'reload'):
        done = tap.command(command, check=False, stdin=subprocess.DEVNULL)
        wrong += complaints(tap, command + ' without a queue', (done.returncode, 2), done.stderr,
                            [f"there is no queue '{tap.name}': is a worker running with that configuration"])
    return wrong


def check_second(tap):
    """Two of a kind on one queue: the second says who holds it, and the first goes on undisturbed."""
    tap.configure(driver=live.driver_text())
    tap.start_assay()
    first = tap.status()
    wrong = []
    for name, program, says in (
            ('second worker', (live.WORKER, '-c', tap.config), [f'in use by process {first["worker"]["pid"]}', 'stop it or choose another queue name']),
            ('second reporter', (live.REPORTER, '--queue', tap.name, '--folder', tap.log), ['another reporter']),
            ('second of both', None, ['another reporter|in use by process'])):
        code, words = run_assay(tap, program=program)
        wrong += complaints(tap, name, (code, 2), words, says, left=lambda _: [])
    now = tap.status()
    for process in ('worker', 'reporter'):
        assert now[process]['pid'] == first[process]['pid'], f'the {process} is another one now'
    assert now['worker']['alive'] and now['reporter']['state'] == 'running'
    assert now['worker']['starts'] == first['worker']['starts']
    tap.stop_assay()
    return wrong


def check_garbage(tap):
    """Something that is no queue under the queue's name is put aside, kept, and told; the auditor starts all the same."""
    for path in tap.segments():
        path.unlink()
    garbage = os.urandom(1 << 20)
    (live.SHARED / tap.name).write_bytes(garbage)
    tap.start_assay()
    kept = [path for path in tap.segments() if path.name != tap.name]
    live.wait_for(lambda: tap.lines('unreadable_queue'), 'the log tells of the segment that nobody can read')
    kept = [path for path in tap.segments() if path.name != tap.name]
    assert len(kept) == 1 and kept[0].read_bytes() == garbage, kept
    told = [line['name'] for line in tap.lines('unreadable_queue')]
    assert told == [kept[0].name], f'{kept[0].name} is kept, the log tells {told}'
    kept[0].unlink()
    tap.stop_assay()


def check_shipped(tap):
    """The shipped driver file for kernel interfaces starts as it is, with nothing changed but the interface."""
    shipped = (live.SOURCE / 'drivers-config' / 'af_packet.yaml').read_text(encoding='utf-8')
    tap.configure(driver=shipped.replace('iface=veth1', 'iface=tap0'))
    tap.start_assay()
    tap.stop_assay()


def test(tap):
    (tap.folder / 'wrong.yaml').write_text('pack: house\nversion: "1"\nseize: 1\n')
    wrong = check_commands_without_worker(tap)
    wrong += [text for fault in FAULTS for text in check_fault(tap, fault)]
    wrong += check_huge_pages(tap)
    wrong += check_second(tap)
    check_garbage(tap)
    assert not wrong, '\n'.join(wrong)
    check_shipped(tap)


if __name__ == '__main__':
    live.main('startup', test, ['unshare'])
