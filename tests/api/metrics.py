#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""/metrics of a node, in both forms, and the dashboard that is made of it: TAP. OCKAM is the program under test."""
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

try:
    from prometheus_client import parser as prometheus
    from prometheus_client.openmetrics import parser as openmetrics
except ImportError as e:
    print(f'1..0 # SKIP {e.name} is not installed')
    sys.exit(0)

from client import Client
from tap import Skip, ockam, run

ROOT = Path(__file__).resolve().parent.parent.parent
PROMETHEUS = 'text/plain; version=0.0.4; charset=utf-8'
OPENMETRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8'
IN = ('received', 'from other workers', 'resets of control')
MADE = ('sealed', 'own')
SIZE = 100000


class Node:
    def __init__(self, home):
        self.home = home
        ockam('node', 'create', 'n1', '--http-server', '-q')
        ockam('node', 'create', 'n2')
        self.local = Client(socket_path=f'{home}/run/n1/control.sock')
        address = self.local.load_document()['servers'][0]['url'].removeprefix('http://')
        self.http = Client(address=address, token=Path(home, 'nodes/n1/http_token').read_text().strip())
        self.stranger = Client(address=address)

    def text(self, accept=None, client=None):
        client = client or self.http
        saved = dict(client.headers)
        if accept:
            client.headers['Accept'] = accept
        answer = client.ask('GET', '/metrics')
        client.headers = saved
        assert answer.status == 200, answer.body
        assert answer.type == (OPENMETRICS if accept else PROMETHEUS), answer.type
        return answer.body.decode('ascii')

    def values(self):
        """{(name, frozenset of labels): value}"""
        return {(s.name, frozenset(s.labels.items())): s.value
                for family in prometheus.text_string_to_metric_families(self.text()) for s in family.samples}


def value(values, metric, /, **labels):
    return values[metric, frozenset(labels.items())]


def eventually(fn):
    until = time.monotonic() + 30
    while not (got := fn()):
        assert time.monotonic() < until, 'never came true'
        time.sleep(0.05)
    return got


def openmetrics_parses_strictly(n):
    text = n.text('application/openmetrics-text;version=1.0.0,text/plain;q=0.5')
    families = list(openmetrics.text_string_to_metric_families(text))
    assert len(families) > 20 and text.endswith('# EOF\n')
    for family in families:
        assert family.name.startswith('ockam_') and family.documentation.endswith('.'), family
        assert family.type in ('gauge', 'counter', 'info'), family


def both_forms_and_doors_have_the_same(n):
    one = {s.name for f in openmetrics.text_string_to_metric_families(n.text('application/openmetrics-text'))
           for s in f.samples}
    two = {name for name, _ in n.values()}
    assert one == two, one ^ two
    assert re.sub('[0-9.e+-]+\n', '\n', n.text()) == re.sub('[0-9.e+-]+\n', '\n', n.text(client=n.local))


def promtool_finds_nothing_to_say(n):
    promtool = shutil.which('promtool')
    if not promtool:
        raise Skip('promtool (package prometheus) is not installed')
    done = subprocess.run([promtool, 'check', 'metrics'], input=n.text(), text=True, capture_output=True, timeout=60,
                          check=False)
    assert done.returncode == 0 and not done.stdout + done.stderr, done.stdout + done.stderr


def messages_are_counted(n):
    before = n.values()
    ockam('message', 'send', 'hello', '--from', 'n1', '--to', '/node/n2/secure/api/service/uppercase')
    assert n.stranger.ask('GET', '/metrics').status == 401
    after = n.values()

    def grown(name, **labels):
        return value(after, name, **labels) - (value(before, name, **labels)
                                               if (name, frozenset(labels.items())) in before else 0)
    assert grown('ockam_frames_total', stage='sealed') >= 2
    assert grown('ockam_frames_total', stage='opened') >= 2
    assert grown('ockam_frames_total', stage='forged') == 0
    assert grown('ockam_sends_total', what='batches') >= 2
    assert grown('ockam_api_answers_total', code='401') == 1
    assert grown('ockam_control_cpu_seconds_total') >= 0
    assert value(after, 'ockam_dataplane_up') == 1


def connections_of_another_protocol_are_counted(n):
    at = next(t for t in n.local.call('GET', '/v1/node')['transports'] if t['type'] == 'tcp')['socket_address']
    host, port = at.rsplit(':', 1)
    other = {'reason': 'other protocol'}
    assert value(n.values(), 'ockam_connections_refused_total', **other) == 0
    with socket.create_connection((host, int(port)), 30) as s:
        eventually(lambda: value(n.values(), 'ockam_connections_pending') == 1)
        s.sendall(b'GET / HTTP/1.0\r\n\r\n')
        try:
            assert not s.recv(100), 'it is answered'
        except ConnectionResetError:
            pass
    v = n.values()
    assert value(v, 'ockam_connections_refused_total', **other) == 1
    assert value(v, 'ockam_connections_refused_total', reason='silent') == 0
    assert value(v, 'ockam_connections_pending') == 0


def the_books_balance(n):
    """Every frame that came is used, went on, waits, or was dropped by a reason."""
    def balance():
        v = n.values()
        frames = {dict(labels)['stage']: x for (name, labels), x in v.items() if name == 'ockam_frames_total'}
        out = sum(x for stage, x in frames.items() if stage not in IN + MADE)
        out += value(v, 'ockam_frames_waiting')
        out += sum(x for (name, _), x in v.items() if name == 'ockam_frames_dropped_total')
        return sum(frames[stage] for stage in IN) == out
    # the workers are asked one after the other: what moves between them in that moment is in both or in none
    eventually(balance)


def portals_are_counted_to_the_byte(n):
    with socket.create_server(('127.0.0.1', 0)) as listening:
        def echo():
            with listening.accept()[0] as s:
                while piece := s.recv(65536):
                    s.sendall(piece)
        threading.Thread(target=echo, daemon=True).start()
        ockam('tcp-outlet', 'create', '--at', 'n2', '--to', f'127.0.0.1:{listening.getsockname()[1]}')
        bound = ockam('tcp-inlet', 'create', '--at', 'n1', '--to', '/node/n2/secure/api/service/outlet',
                      '--alias', 'db')
        host, port = bound.split(':')
        with socket.create_connection((host, int(port)), 30) as s:
            sender = threading.Thread(target=s.sendall, args=(bytes(SIZE),))
            sender.start()
            got = 0
            while got < SIZE:
                got += len(s.recv(65536))
            sender.join()
            inlet = {'kind': 'inlet', 'name': 'db'}
            assert value(n.values(), 'ockam_portal_connections_open', **inlet) == 1
        eventually(lambda: value(n.values(), 'ockam_portal_connections_open', **inlet) == 0)
        v = n.values()
        assert value(v, 'ockam_portal_in_bytes_total', **inlet) == SIZE
        assert value(v, 'ockam_portal_out_bytes_total', **inlet) == SIZE
        assert value(v, 'ockam_portal_connections_total', **inlet) == 1
        assert value(v, 'ockam_portal_failures_total', **inlet) == 0
    ockam('tcp-inlet', 'delete', 'db', '--at', 'n1')


def labels_are_bounded(n):
    few = len(n.values())
    for i in range(70):
        n.local.call('POST', '/v1/tcp-outlets', {'to': '127.0.0.1:9', 'from': f'outlet-{i}'})
    v = n.values()
    assert value(v, 'ockam_portals', kind='outlet') == 70
    series = [k for k in v if k[0] == 'ockam_portal_failures_total' and ('kind', 'outlet') in k[1]]
    assert len(series) == 64, len(series)
    assert len(v) <= few + 5 * 64
    peer = ockam('identity', 'show')
    text = n.text()
    assert peer not in text and '127.0.0.1' not in text, 'no label names a peer'
    for i in range(70):
        n.local.call('DELETE', f'/v1/tcp-outlets/outlet-{i}')
    assert len(n.values()) == few


def a_lost_data_plane_shows(n):
    shown = n.local.call('GET', '/v1/node')
    os.kill(shown['dataplane']['pid'], 9)
    eventually(lambda: value(n.values(), 'ockam_dataplane_restarts_total') == 1)
    eventually(lambda: value(n.values(), 'ockam_dataplane_up') == 1)
    eventually(lambda: ('ockam_frames_total', frozenset({'stage': 'sealed'}.items())) in n.values())


def the_dashboard_asks_for_what_there_is(n):
    # of what there is none has no series
    ockam('tcp-outlet', 'create', '--at', 'n1', '--to', '127.0.0.1:9')
    there = {name for name, _ in n.values()}
    asked = set()
    for path in (ROOT / 'tools' / 'grafana').glob('*.json'):
        board = json.loads(path.read_text())
        ids = [p['id'] for p in board['panels']]
        assert len(ids) == len(set(ids))
        for panel in board['panels']:
            for target in panel['targets']:
                names = re.findall(r'\bockam_[a-z0-9_]+', target['expr'])
                assert names, f'{path.name}: {panel["title"]} asks for nothing'
                asked |= set(names)
        asked |= set(re.findall(r'ockam_[a-z0-9_]+', json.dumps(board['templating'])))
    assert asked, 'there is no dashboard'
    assert asked <= there, f'not in /metrics: {asked - there}'
    assert there <= asked, f'in no panel: {there - asked}'


def the_dashboard_asks_in_promql(n):
    promtool = shutil.which('promtool')
    if not promtool:
        raise Skip('promtool (package prometheus) is not installed')
    rules = []
    for path in (ROOT / 'tools' / 'grafana').glob('*.json'):
        for panel in json.loads(path.read_text())['panels']:
            for target in panel['targets']:
                expr = target['expr'].replace('$instance', '.*').replace('$__rate_interval', '5m')
                assert '$' not in expr, expr
                rules.append({'record': f'question:{len(rules)}', 'expr': expr})
    path = Path(n.home, 'rules.json')  # which is YAML too
    path.write_text(json.dumps({'groups': [{'name': 'dashboard', 'rules': rules}]}))
    done = subprocess.run([promtool, 'check', 'rules', path], text=True, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f'{len(rules)} rules found' in done.stdout, done.stdout


TESTS = [openmetrics_parses_strictly, both_forms_and_doors_have_the_same, promtool_finds_nothing_to_say,
         messages_are_counted, connections_of_another_protocol_are_counted, the_books_balance,
         portals_are_counted_to_the_byte, labels_are_bounded, the_dashboard_asks_for_what_there_is,
         the_dashboard_asks_in_promql, a_lost_data_plane_shows]

if __name__ == '__main__':
    sys.exit(run(TESTS, lambda home: (Node(home),)))
