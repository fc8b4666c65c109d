#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ockam-bench with tiny durations: that it measures what it says and reports it as it says, not how
fast. bench_test.py PROGRAM SCHEMA SCENARIO|verbs"""
import json, os, re, shutil, signal, subprocess, sys, tempfile

import jsonschema

PROGRAM = sys.argv[1]
with open(sys.argv[2], encoding="utf-8") as schema_file:
    SCHEMA = json.load(schema_file)
TINY = ["--seconds", "0.02", "--runs", "2", "--warm-up", "0", "--idle", "0.1"]
WANTED = {  # scenario: metrics and contestants that must be there
    "seal": (["sealed, 64 B", "sealed, 60000 B"], ["memcpy", "libsodium ChaCha20-Poly1305"]),
    "handshake": (["both ends", "time to open, p50"],
                  ["bare curve and signature operations", "XX with ChaCha20-Poly1305", "channel over TCP",
                   "channel over UDP", "channel over UDP, one relay node"]),
    "message": (["round trip of 64 B, p50", "round trip of 64 B, p99"],
                ["bare TCP, no relay", "message, no relay", "message, one relay node",
                 "message over UDP, no relay", "message over UDP, one relay node"]),
    "forward": ([f"{what}, {size} B" for what in ("throughput", "frames", "CPU with source and sink")
                 for size in (64, 256, 1400, 16384, 60000)] + ["round trip of a 64 B frame, p50"],
                ["no relay", "splice relay", "relay node", "relay node, 1 path", "relay node, 64 paths"]),
    "relay": ([f"{what}, {size} B" for what in ("throughput", "frames", "CPU of the machine")
               for size in (64, 256, 1400, 16384, 60000)] +
              ["lost, 1400 B", "memory under load", "round trip of a 64 B frame, p99", "round trip beside bulk, p50",
               "ratio, goal >= 1.4: throughput, 60000 B"],
              ["no relay", "splice relay", "no relay over UDP"] +
              [f"relay node{over}{paths}" for over in ("", " over UDP")
               for paths in ("", ", 1 path", ", 32 paths")]),
    "start": (["whole process", "wake-ups", "resident memory"],
              ["node create", "node list", "message send, existing channel", "idle node, both processes"]),
    "portal": ([f"{what}, {n}" for what in ("bulk", "CPU of all", "CPU of the tunnel")
                for n in ("1 connection", "8 connections", "64 connections")] +
               [f"round trip of 64 B{load}, {share}" for load in ("", " beside bulk") for share in ("p50", "p99")] +
               ["new connections, 1 client", "new connections, 4 clients", "memory of an idle connection",
                "ratio, goal >= 0.42: bulk, 1 connection"],
               ["bare TCP", "ockam portal", "ockam portal, one relay", "ockam portal / bare TCP"]),
}
if shutil.which("socat"):
    WANTED["relay"][1].append("socat")
if shutil.which("turnserver"):
    WANTED["relay"][1].append("coturn")
if shutil.which("socat") and shutil.which("openssl"):
    WANTED["portal"][1].extend(["socat TLS", "socat TLS, two in chain"])
MORE = {"portal": ["--peers", "socat", "--runs", "1"], "relay": ["--runs", "1", "--paths", "1,32"]}  # arguments
case = 0


def run(*args):
    return subprocess.run([PROGRAM, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True)


def check(what, good, detail=""):
    global case
    case += 1
    print(f"{'ok' if good else 'not ok'} {case} - {what}", flush=True)
    if not good:
        print("\n".join("# " + line for line in str(detail).splitlines()), flush=True)


def begins(text, names):
    return any(text == name or text.startswith(name + ", ") for name in names)


def check_result(r, scenario):
    assert r["min"] <= r["median"] <= r["max"] and r["n"] == len(r["samples"]) == len(r["rounds"]), f"order of {r}"
    assert (r["min"], r["max"]) == (min(r["samples"]), max(r["samples"])), f"samples of {r}"
    if r["interval"] and r["interval"]["of"] == "median":
        assert r["min"] <= r["interval"]["low"] <= r["median"] <= r["interval"]["high"] <= r["max"], f"interval of {r}"
    # what an idle machine has none of, and what is too short or too little to be seen, may be 0
    may_be_0 = ("wake-ups", "CPU", "bulk beside", "memory of an idle", "lost")
    assert r["max"] > 0 or any(what in r["metric"] for what in may_be_0), f"zero in {r}"
    if r["unit"] == "ratio":
        return
    assert begins(r["contestant"], scenario["contestants"]), f"undeclared contestant of {r}"
    assert any(begins(r["metric"], [m["name"]]) and (r["unit"], r["better"]) == (m["unit"], m["better"])
               for m in scenario["metrics"]), f"undeclared metric of {r}"


def check_scenario(name):
    done = run("run", name, "-j", *TINY, *MORE.get(name, []))
    try:
        assert done.returncode == 0, f"exit {done.returncode}: {done.stderr}"
        doc = json.loads(done.stdout)
        jsonschema.Draft7Validator(SCHEMA).validate(doc)
        for r in doc["results"]:
            check_result(r, DECLARED[name])
            assert r["scenario"] == name
        metrics, contestants = WANTED[name]
        missing = set(metrics) - {r["metric"] for r in doc["results"]}
        missing |= set(contestants) - {r["contestant"] for r in doc["results"]}
        assert not missing, f"nothing about {missing}"
        check(f"{name} reports its figures", True)
    except (AssertionError, ValueError, KeyError, jsonschema.ValidationError) as e:
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
        p = subprocess.Popen([PROGRAM, "portal", "--peers", "none", "--seconds", "0.02", "--warm-up", "0", "--runs", "1000"], stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": tmp})
        reached = any("round 1" in line for line in p.stderr)
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


def check_rounds():
    """Until the ratio that decides is known as well as asked for, or the cap."""
    enough = run("run", "seal", "-j", "--seconds", "0.02", "--runs", "2-30", "--bound", "100")
    never = run("run", "seal", "-j", "--seconds", "0.01", "--runs", "2-3", "--bound", "0")
    rounds = [max(r["n"] for r in json.loads(d.stdout)["results"]) for d in (enough, never)]
    check("no more rounds than the ratio that decides needs", 2 <= rounds[0] < 30 and
          "NOT SETTLED" not in enough.stderr, enough.stderr)
    check("a ratio that is not known well enough is named at the cap", rounds[1] == 3 and
          "NOT SETTLED after 3 rounds: ipsec-mb AES-256-GCM / libsodium AES-256-GCM" in never.stderr
          or "ipsec-mb" not in never.stdout, never.stderr)


DECLARED = {s["name"]: s for s in json.loads(run("list", "-j").stdout)}
if sys.argv[3] in WANTED:
    print("1..2" if sys.argv[3] == "portal" else "1..1")
    check_scenario(sys.argv[3])
    sys.exit()
print("1..17")
check_interrupted()
check_rounds()
check("list names all scenarios", list(DECLARED) == list(WANTED), DECLARED)
listed = run("list", "seal")
check("list shows what a scenario is", listed.returncode == 0 and not [
    word for word in ("topology", "load", "checked", "contestants", "metrics", "decides") if word not in listed.stdout],
    listed.stdout)
with tempfile.TemporaryDirectory() as tmp:
    table = run("seal", *TINY, "-o", tmp + "/out.json")
    check("a scenario in place of the verb is run, and without -j there is a table", table.returncode == 0 and
          "MEDIAN" in table.stdout and "memcpy" in table.stdout, table.stdout + table.stderr)
    with open(tmp + "/out.json", encoding="utf-8") as out:
        check("-o writes the document too", jsonschema.Draft7Validator(SCHEMA).is_valid(json.load(out)))
profiled = run("seal", *TINY, "--profile")
check("--profile says where the time goes, or why it cannot", profiled.returncode == 0 and
      ("by stage" in profiled.stderr and "sealing and opening" in profiled.stderr or "no profile: " in profiled.stderr or
       "no samples" in profiled.stderr), profiled.stderr)
refused("an unknown scenario is named", "run", "nothing")
refused("no scenario is a usage error", "run", "--runs", "2")
refused("no runs are a usage error", "seal", "--runs", "0")
refused("a most that is less than the least is a usage error", "seal", "--runs", "3-2")
refused("seconds that are none are a usage error", "seal", "--seconds", "x")
refused("an option of another verb is a usage error", "seal", "--relative")
refused("a peer that there is none of is a usage error", "portal", "--peers", "ssh,nobody")
refused("more paths than there may be are a usage error", "relay", "--paths", "1,257")
refused("hogs beyond all reason are a usage error", "portal", "--hogs", "1000")
