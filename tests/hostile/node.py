# SPDX-License-Identifier: Apache-2.0
"""Real nodes, run and asked through the command line as a user does."""
import glob
import json
import os
import subprocess
import time


class Broken(Exception):
    """A node did not do what it had to."""


class Node:
    def __init__(self, home, name, *options):
        self.home, self.name = home, name
        home.run("node", "create", name, *options)
        shown = self.show()
        self.port = int(shown["transports"][0]["socket_address"].rsplit(":", 1)[1])
        self.identity = shown["identity"]
        self.pids = (shown["pid"], shown["dataplane"]["pid"])

    @property
    def address(self):
        return f"/ip4/127.0.0.1/tcp/{self.port}"

    def show(self):
        return json.loads(self.home.run("node", "show", self.name, "--output", "json"))

    def list(self, what):
        return json.loads(self.home.run(what, "list", "--at", self.name, "--output", "json"))

    def channels(self):
        return {c["address"]: c for c in self.list("secure-channel")}

    def links(self):
        return {c["address"]: c for c in self.list("tcp-connection")}

    def state(self):
        """What must come back to what it was: channels, links, addresses."""
        return {"channels": set(self.channels()), "links": set(self.links()),
                "workers": {w["addr"] for w in self.list("worker")}}

    def check_alive(self):
        shown = self.show()
        if (shown["pid"], shown["dataplane"]["pid"]) != self.pids:
            raise Broken(f"{self.name} is not the same processes any more")

    def settles(self, before, patience=15):
        """Waits until nothing is left of what strangers did."""
        until = time.monotonic() + patience
        while (now := self.state()) != before:
            if time.monotonic() > until:
                left = {k: sorted(now[k] ^ before[k]) for k in now if now[k] != before[k]}
                raise Broken(f"{self.name} still has {left}")
            time.sleep(0.02)

    def resident(self):
        """KiB in memory of both processes."""
        total = 0
        for pid in self.pids:
            with open(f"/proc/{pid}/status") as status:
                total += next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
        return total


class Home:
    def __init__(self, ockam, root, name):
        self.ockam, self.root, self.path = ockam, root, os.path.join(root, name)
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("OCKAM")} | {"OCKAM_HOME": self.path}
        # sanitizer builds report into files, so that a node that fails in the background is noticed
        for variable in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            given = self.env.get(variable, "")
            self.env[variable] = f"{given}:log_path={root}/report".lstrip(":")

    def start(self, *arguments):
        return subprocess.Popen([self.ockam, *arguments], env=self.env, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, *arguments, code=0):
        return finish(self.start(*arguments), code)[0]

    def secrets(self):
        """Bytes that only an authorized peer may be shown: the parts of the default identity."""
        shown = self.run("identity", "show", "--full", "--encoding", "hex").strip()
        name = self.run("identity", "show").strip()
        return name, bytes.fromhex(shown)

    def delete(self):
        subprocess.run([self.ockam, "node", "delete", "--all", "-y"], env=self.env, check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def reports(self):
        return sorted(glob.glob(f"{self.root}/report*"))


def finish(process, code=0, patience=60):
    """Waits for a command; (stdout, stderr). It must exit with this code, or one of these."""
    try:
        out, err = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise Broken(f"{' '.join(process.args[1:])} does not end") from None
    codes = code if isinstance(code, tuple) else (code,)
    if process.returncode not in codes:
        raise Broken(f"{' '.join(process.args[1:])}: exit {process.returncode}, expected {code}: {err.strip()}")
    return out.strip(), err.strip()
