#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ockam-bench with tiny durations: that it measures what it says and reports it as it says, not how
fast. bench_test.py PROGRAM"""
import json, os, re, shutil, signal, subprocess, sys, tempfile

PROGRAM = sys.argv[1]
TINY = ["--seconds", "0.02", "--runs", "2", "--idle", "0.1"]
WANTED = {  # scenario: metrics and contestants that must be there
    "seal": (["64 B frames", "60000 B frames"], ["memcpy", "libsodium ChaCha20-Poly1305"]),
    "handshake": (["both ends"], ["bare curve and signature operations", "XX with ChaCha20-Poly1305"]),
    "message": (["round trip of 64 B, p50", "round trip of 64 B, p99"],
                ["bare TCP, no relay", "message, no relay", "message, one relay node"]),
    "forward": ([f"{what}, {size} B" for what in ("throughput", "frames", "CPU with source and sink")
                 for size in (64, 256, 1400, 16384, 60000)] + ["round trip of a 64 B frame, p50"],
                ["no relay", "splice relay", "relay node", "relay node, 1 path", "relay node, 64 paths"]),
    "start": (["whole process", "wake-ups", "resident memory"],
              ["node create", "node list", "message send, existing channel", "idle node, both processes"]),
    "portal": ([f"{what}, {n}" for what in ("bulk", "CPU of all", "CPU of the tunnel")
                for n in ("1 connection", "8 connections", "64 connections")] +
               [f"round trip of 64 B{load}, {share}" for load in ("", " beside bulk") for share in ("p50", "p99")] +
               ["new connections, 1 client", "new connections, 4 clients", "memory of an idle connection",
                "ratio, goal >= 0.42: bulk, 1 connection"],
               ["bare TCP", "ockam portal", "ockam portal, one relay", "ockam portal / bare TCP"]),
}
if shutil.which("socat") and shutil.which("openssl"):
    WANTED["portal"][1].extend(["socat TLS", "socat TLS, two in chain"])
MORE = {"portal": ["--peers", "socat", "--runs", "1"]}  # arguments
case = 0


def run(*args):
    return subprocess.run([PROGRAM, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True)


def check(what, good, detail=""):
    global case
    case += 1
    print(f"{'ok' if good else 'not ok'} {case} - {what}", flush=True)
    if not good:
        print("\n".join("# " + line for line in str(detail).splitlines()), flush=True)


def check_result(r):
    keys = {"scenario": str, "contestant": str, "metric": str, "unit": str, "median": float, "min": float,
            "max": float, "n": int}
    assert set(r) == set(keys), f"keys of {r}"
    for key, kind in keys.items():
        assert isinstance(r[key], kind), f"{key} of {r}"
    assert 0 <= r["min"] <= r["median"] <= r["max"] and r["n"] >= 1, f"order of {r}"
    # what an idle machine has none of, and what is too short or too little to be seen, may be 0
    may_be_0 = ("wake-ups", "CPU", "bulk beside", "memory of an idle")
    assert r["max"] > 0 or any(what in r["metric"] for what in may_be_0), f"zero in {r}"


def check_scenario(name):
    done = run(name, "-j", *TINY, *MORE.get(name, []))
    try:
        assert done.returncode == 0, f"exit {done.returncode}: {done.stderr}"
        doc = json.loads(done.stdout)
        assert set(doc) == {"machine", "results"}, doc.keys()
        assert doc["machine"]["cpus"] >= 1 and doc["machine"]["kernel"] and doc["machine"]["date"]
        for r in doc["results"]:
            check_result(r)
            assert r["scenario"] == name
        metrics, contestants = WANTED[name]
        missing = set(metrics) - {r["metric"] for r in doc["results"]}
        missing |= set(contestants) - {r["contestant"] for r in doc["results"]}
        assert not missing, f"nothing about {missing}"
        check(f"{name} reports its figures", True)
    except (AssertionError, ValueError, KeyError) as e:
        check(f"{name} reports its figures", False, e)
    if name == "portal":
        check_verified(done)


def check_verified(done):
    """Each tunnel is seen to carry what it is given, and as root that it is not in clear."""
    said = re.findall(r": (.*): 4 MiB each way arrive as they were; none of \d+ MiB between its ends in clear", done.stderr)
    skipped = re.findall(r": (.*): whether it is in clear was not looked at", done.stderr)
    tunnels = [c for c in WANTED["portal"][1] if c != "bare TCP" and " / " not in c]
    check("every tunnel is verified before it is measured", sorted(said or skipped) == sorted(tunnels), done.stderr)


def processes_with(text):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                line = f.read()
        except OSError:
            continue
        if text.encode() in line:
            found.append(line)
    return found


def check_interrupted():
    """Ctrl-C in the midst of it leaves neither files nor processes."""
    with tempfile.TemporaryDirectory() as tmp:
        p = subprocess.Popen([PROGRAM, "portal", "--peers", "socat", "--seconds", "0.1", "--runs", "1000"], stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": tmp})
        reached = any("run 1 of" in line for line in p.stderr)
        ran = processes_with(tmp)
        p.send_signal(signal.SIGINT)
        p.stderr.read()
        status = p.wait()
        left = os.listdir(tmp) + processes_with(tmp)
        check("an interrupt leaves neither files nor processes", reached and ran and status == 143 and not left,
              (reached, ran, status, left))


def refused(what, *args):
    done = run(*args)
    check(what, done.returncode == 2 and done.stderr and not done.stdout, (done.returncode, done.stderr))


print(f"1..{len(WANTED) + 10}")
for scenario in WANTED:
    check_scenario(scenario)
check_interrupted()
listed = run("list")
check("list names all scenarios", listed.returncode == 0 and
      [line.split()[0] for line in listed.stdout.splitlines()] == list(WANTED), listed.stdout)
table = run("seal", *TINY)
check("without -j it prints a table", table.returncode == 0 and "MEDIAN" in table.stdout and
      "memcpy" in table.stdout, table.stdout + table.stderr)
refused("an unknown scenario is named", "nothing")
refused("no scenario is a usage error", "--runs", "2")
refused("no runs are a usage error", "seal", "--runs", "0")
refused("seconds that are none are a usage error", "seal", "--seconds", "x")
refused("a peer that there is none of is a usage error", "portal", "--peers", "ssh,nobody")
refused("hogs beyond all reason are a usage error", "portal", "--hogs", "1000")
