#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Commands for a virtual machine, over virtio-serial ports whose other ends are Unix sockets of the host.

agent.py                              in the machine: serves all its ports until the machine ends
agent.py --call DIR COMMAND [ARG...]  on the host: runs it in the machine whose sockets are DIR/0, DIR/1, ...; with
                                      the caller's stdin, stdout, stderr and exit code, and the variables AGENT_ENV
                                      names. Ends the command when it is ended.

A request is one JSON line, {"argv", "env", "stdin" (base64)}; so is the answer, {"code", "out", "err"}. A port has one
request at a time.
"""
import base64
import fcntl
import glob
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time


def read_request(port):
    """The next line; None when the host has gone."""
    line = b""
    while not line.endswith(b"\n"):
        part = os.read(port, 65536)
        if not part:
            return None
        line += part
    return json.loads(line)


def host_left(port):
    poll = select.poll()
    poll.register(port, 0)
    return any(event & select.POLLHUP for _, event in poll.poll(0))


def execute(port, request):
    """Runs a request; None when the host left meanwhile."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(base64.b64decode(request["stdin"]))
        given.seek(0)
        try:
            child = subprocess.Popen(request["argv"], stdin=given, stdout=out, stderr=err, start_new_session=True,
                                     env={**os.environ, **request["env"]})
        except OSError as error:
            return {"code": 127, "out": "", "err": base64.b64encode(f"{error}\n".encode()).decode()}
        while child.poll() is None:
            if host_left(port):
                os.killpg(child.pid, signal.SIGTERM)
                child.wait()
                return None
            time.sleep(0.02)
        code = child.returncode if child.returncode >= 0 else 128 - child.returncode
        texts = {}
        for name, file in (("out", out), ("err", err)):
            file.seek(0)
            texts[name] = base64.b64encode(file.read()).decode()
        return {"code": code, **texts}


def write_all(port, data):
    while data:
        data = data[os.write(port, data):]


def serve(path):
    port = os.open(path, os.O_RDWR)
    while True:
        try:
            request = read_request(port)
            answer = execute(port, request) if request else None
            if answer:
                write_all(port, json.dumps(answer).encode() + b"\n")
            else:
                time.sleep(0.1)
        except (OSError, ValueError) as error:
            print(f"{path}: {error}", flush=True)
            time.sleep(0.1)


def serve_all():
    threads = []
    for sys_path in sorted(glob.glob("/sys/class/virtio-ports/vport*")):
        threads.append(threading.Thread(target=serve, args=("/dev/" + os.path.basename(sys_path),)))
        threads[-1].start()
    print("agent: ready", flush=True)
    for thread in threads:
        thread.join()


def free_port(directory):
    """A connection to a port that nobody else of the host uses."""
    while True:
        for path in sorted(glob.glob(directory + "/[0-9]")):
            lock = os.open(path + ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                continue
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(path)
            return connection
        time.sleep(0.05)


def call(directory, argv):
    env = {name: os.environ[name] for name in os.environ.get("AGENT_ENV", "").split() if name in os.environ}
    given = b"" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.buffer.read()
    request = {"argv": argv, "env": env, "stdin": base64.b64encode(given).decode()}
    connection = free_port(directory)
    connection.sendall(json.dumps(request).encode() + b"\n")
    with connection.makefile("rb") as lines:
        line = lines.readline()
    if not line:
        sys.exit("agent.py: the machine has gone")
    answer = json.loads(line)
    sys.stdout.buffer.write(base64.b64decode(answer["out"]))
    sys.stdout.flush()
    sys.stderr.buffer.write(base64.b64decode(answer["err"]))
    sys.stderr.flush()
    sys.exit(answer["code"])


if __name__ == "__main__":
    if sys.argv[1:2] == ["--call"]:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
        call(sys.argv[2], sys.argv[3:])
    serve_all()
