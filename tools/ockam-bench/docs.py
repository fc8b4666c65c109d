#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the tables of docs/performance.md from a document of ockam-bench.

    docs.py RESULTS.json PERFORMANCE.md                 writes them, between the lines that name them
    docs.py --check RESULTS.json PERFORMANCE.md LIST    says what is not as it would be written; LIST: what
                                                        `ockam-bench list -j` says

A table stands between `<!-- bench NAME -->` and `<!-- /bench -->`. Tables of a scenario that was not measured
stay as they are. The prose around them is written by hand.
"""
import json, re, sys

SIZES = ["64 B", "256 B", "1400 B", "16384 B", "60000 B"]


def number(v):
    """Three digits that mean something."""
    return f"{v:.0f}" if v >= 100 or v == 0 else f"{v:.1f}" if v >= 10 else f"{v:.2f}" if v >= 1 else f"{v:.3f}"


class Table:
    """Rows are (label cells, contestant, metric with {} for the column, with least and greatest or not);
    columns are (title, what takes the place of {})."""

    def __init__(self, scenario, head, columns, rows):
        self.scenario, self.head, self.columns, self.rows = scenario, head, columns, rows

    def figures(self):
        return [(self.scenario, contestant, metric.format(arg)) for _, contestant, metric, _ in self.rows
                for _, arg in self.columns]

    def text(self, results):
        lines = [self.head + [title for title, _ in self.columns], ["---"] * (len(self.head) + len(self.columns))]
        waiting = ""  # the label of a block whose first rows are empty
        for labels, contestant, metric, spread in self.rows:
            waiting = labels[0] or waiting
            cells = [cell(results, (self.scenario, contestant, metric.format(arg)), spread) for _, arg in self.columns]
            if any(cells):
                lines.append([waiting] + labels[1:] + cells)
                waiting = ""
        return "".join(row(line) for line in lines)


def row(cells):
    if set(cells) == {"---"}:
        return "|" + "---|" * len(cells) + "\n"
    return "|" + "".join(f" {c} |" if c else " |" for c in cells) + "\n"


def cell(results, figure, spread=False):
    r = results.get(figure)
    if not r:
        return ""
    return number(r["median"]) + (f" ({number(r['min'])}-{number(r['max'])})" if spread and r["n"] > 1 else "")


def blocks(*parts):
    """Rows of several metrics: (label of the block, metric, spread, [(contestant, name)])."""
    rows = []
    for label, metric, spread, contestants in parts:
        for i, (contestant, name) in enumerate(contestants):
            rows.append(([label if i == 0 else "", name], contestant, metric, spread))
    return rows


def plain(contestants, spread=True):
    return [([name], contestant, "{}", spread) for contestant, name in contestants]


FORWARD = [("no relay", "no relay"), ("splice relay", "splice relay, looks at nothing"), ("HAProxy, TCP mode", "HAProxy, TCP mode"),
           ("relay node, 1 path", "**relay node, 1 path**"), ("relay node, 64 paths", "**relay node, 64 paths in turn**")]
RELAY = [("no relay", "no relay"), ("splice relay", "splice relay"), ("HAProxy, TCP mode", "HAProxy"), ("nginx stream", "nginx"),
         ("socat", "socat")] + [(f"relay node, {p}", f"**relay node, {p}**") for p in ("1 path", "16 paths", "256 paths")]
RELAY_UDP = [("no relay over UDP", "no relay"), ("coturn", "coturn")] + [
    (f"relay node over UDP{how}, {p}", f"**relay node{how}, {p}**")
    for how in ("", ", kernel") for p in ("1 path", "16 paths", "256 paths")]
RELAY_ALL = [("no relay", "no relay"), ("splice relay", "splice relay"), ("HAProxy, TCP mode", "HAProxy"), ("nginx stream", "nginx"),
             ("socat", "socat"), ("relay node", "**relay node**"), ("no relay over UDP", "no relay over UDP"), ("coturn", "coturn"),
             ("relay node over UDP", "**relay node over UDP**"),
             ("relay node over UDP, kernel", "**relay node over UDP in the kernel**")]
PORTAL = [("bare TCP", "bare TCP"), ("bare TCP, ends on two CPUs", "bare TCP, ends on two CPUs"), ("ockam portal", "**ockam portal**"),
          ("ssh -L, aes128-gcm", "ssh -L, aes128-gcm"), ("stunnel", "stunnel"), ("HAProxy TLS", "HAProxy TLS"),
          ("socat TLS", "socat TLS"), ("spiped", "spiped")]
PORTAL_RELAYED = [("ockam portal, one relay", "**ockam portal, one relay**"), ("ssh -J, aes128-gcm", "ssh -J, aes128-gcm")] + [
    (f"{c}, two in chain", f"{c}, two in chain") for c in ("stunnel", "HAProxy TLS", "socat TLS", "spiped")]
BULK = [("Gbit/s, 1 connection", "bulk, 1 connection"), ("8", "bulk, 8 connections"), ("64", "bulk, 64 connections"),
        ("CPU s/GiB, 1", "CPU of all, 1 connection"), ("8", "CPU of all, 8 connections"),
        ("64", "CPU of all, 64 connections")]
TRIPS = [("64 B and back, µs, p50", "round trip of 64 B, p50"), ("p99", "round trip of 64 B, p99"),
         ("beside bulk, p50", "round trip of 64 B beside bulk, p50"), ("p99", "round trip of 64 B beside bulk, p99"),
         ("new/s, 1 client", "new connections, 1 client"), ("4", "new connections, 4 clients"),
         ("KiB each, idle", "memory of an idle connection")]
EACH_SIZE = [(s, s) for s in SIZES]

TABLES = {
    "forward-load": Table("forward", ["frames of", ""], EACH_SIZE, blocks(
        ("Gbit/s", "throughput, {}", True, FORWARD), ("relay's CPU, s/GiB", "relay's CPU, {}", False, FORWARD))),
    "forward-trips": Table("forward", ["round trip of one 64-byte frame, µs"], [
        ("p50", "round trip of a 64 B frame, p50"), ("p99", "round trip of a 64 B frame, p99"),
        ("relay's CPU", "relay's CPU per round trip")], plain(FORWARD[:3] + [("relay node", "**relay node**")])),
    "relay-tcp": Table("relay", ["TCP, frames of", ""], EACH_SIZE, blocks(
        ("Gbit/s", "throughput, {}", True, RELAY), ("M frames/s", "frames, {}", False, RELAY[5:]),
        ("CPU of the machine, s/GiB", "CPU of the machine, {}", False, RELAY),
        ("relay's CPU, s/GiB", "relay's CPU, {}", False, RELAY))),
    "relay-udp": Table("relay", ["UDP, frames of", ""], EACH_SIZE, blocks(
        ("Gbit/s", "throughput, {}", True, RELAY_UDP), ("M frames/s", "frames, {}", False, RELAY_UDP),
        ("lost, %", "lost, {}", False, RELAY_UDP),
        ("CPU of the machine, s/GiB", "CPU of the machine, {}", False, RELAY_UDP))),
    "relay-trips": Table("relay", ["round trip of one 64-byte frame, µs"], [
        ("p50", "round trip of a 64 B frame, p50"), ("p99", "round trip of a 64 B frame, p99"),
        ("beside bulk, p50", "round trip beside bulk, p50"), ("p99", "round trip beside bulk, p99"),
        ("relay's CPU, alone", "relay's CPU per round trip")], plain(RELAY_ALL)),
    "relay-memory": Table("relay", ["memory under load"], [("MiB", "memory under load")], plain(
        RELAY[1:] + RELAY_UDP[1:2] + [(c, f"**{c}**") for c, _ in RELAY_UDP[2:]])),
    "portal-bulk": Table("portal", ["no relay"], BULK, plain(PORTAL)),
    "portal-bulk-relayed": Table("portal", ["one relay"], BULK, plain(PORTAL_RELAYED)),
    "portal-trips": Table("portal", ["no relay"], TRIPS, plain(PORTAL)),
    "portal-trips-relayed": Table("portal", ["one relay"], TRIPS, plain(PORTAL_RELAYED)),
    "seal": Table("seal", ["bytes"], [("memcpy", "memcpy"), ("ipsec-mb AES-256-GCM", "ipsec-mb AES-256-GCM"),
                                      ("ipsec-mb ChaCha20", "ipsec-mb ChaCha20-Poly1305"),
                                      ("libsodium AES-256-GCM", "libsodium AES-256-GCM"),
                                      ("libsodium ChaCha20", "libsodium ChaCha20-Poly1305")], []),
    "handshake": Table("handshake", [""], [("per second and core", "both ends")], plain([
        ("bare curve and signature operations",
         "bare operations: 2 key generations, 6 Diffie-Hellman, 4 signature checks"),
        ("XX with AES-256-GCM", "XX with AES-256-GCM, histories and attestations verified"),
        ("XX with ChaCha20-Poly1305", "XX with ChaCha20-Poly1305")])),
    "channel": Table("handshake", ["a channel that a node opens, µs"], [
        ("p50", "time to open, p50"), ("p99", "time to open, p99")], plain([
            (f"channel over {t}{r}", f"over {t}{r}") for r in ("", ", one relay node") for t in ("TCP", "UDP")])),
    "message": Table("message", [""], [
        ("p50", "round trip of 64 B, p50"), ("p99", "round trip of 64 B, p99"),
        ("CPU of what is between", "CPU of what is between, per round trip")], plain([
            ("bare TCP, no relay", "bare TCP"), ("bare TCP, HAProxy, TCP mode", "bare TCP through HAProxy"),
            ("message, no relay", "message to `echo` over a kept API connection"),
            ("message, one relay node", "the same through one relay node"),
            ("message over UDP, no relay", "message over UDP"),
            ("message over UDP, one relay node", "the same through one relay node")])),
    "start": Table("start", [""], [("whole process", "whole process"), ("its own CPU", "its own CPU")], plain([
        ("/bin/true", "`/bin/true`"), ("node create, first of a home", "`node create`, first of a home"),
        ("node create", "`node create` until the node answers"), ("node list", "`node list`"),
        ("secure-channel create", "`secure-channel create`"),
        ("message send, existing channel", "`message send` over an existing channel")])),
    "idle": Table("start", ["an idle node, both processes"], [
        ("wake-ups a second", "wake-ups"), ("resident, MiB", "resident memory"),
        ("proportional share, MiB", "proportional share of memory")], plain([
            ("idle node, both processes", "with four other nodes running")])),
}
# here contestants are the columns
TABLES["seal"].figures = lambda: [("seal", c, f"sealed, {s}") for s in SIZES for _, c in TABLES["seal"].columns]
TABLES["seal"].text = lambda results: row(["bytes"] + [t for t, _ in TABLES["seal"].columns]) + row(["---"] * 6) + "".join(
    row([s[:-2]] + [cell(results, ("seal", c, f"sealed, {s}")) for _, c in TABLES["seal"].columns]) for s in SIZES)

# goals that are no ratios: figure, sign, bound, words
ABSOLUTE = [(("start", "node create", "whole process"), "<=", 40, "`node create`, ms"),
            (("start", "node list", "whole process"), "<=", 8, "`node list`, ms"),
            (("start", "message send, existing channel", "whole process"), "<=", 10, "`message send`, ms"),
            (("forward", "relay node, 1 path", "frames, 64 B"), ">=", 25, "M frames/s of 64 B, one path"),
            (("relay", "relay node, 1 path", "frames, 64 B"), ">=", 30, "M frames/s of 64 B, one path"),
            (("start", "idle node, both processes", "wake-ups"), "<=", 0.1, "wake-ups a second of an idle node"),
            (("start", "idle node, both processes", "resident memory"), "<=", 16, "MiB of an idle node")]


def goal_row(scenario, words, sign, bound, r):
    met = r["median"] >= bound if sign == ">=" else r["median"] <= bound
    low, high = (r["interval"]["low"], r["interval"]["high"]) if r["interval"] else (r["min"], r["max"])
    unsure = low <= bound <= high and low < high
    return row([scenario, words, f"{'≥' if sign == '>=' else '≤'} {bound:g}", f"{number(r['median'])} ({number(low)}-{number(high)})",
                ("met" if met else "missed") + (", within the noise" if unsure else "")])


def goals(results, scenario):
    text = ""
    for figure, sign, bound, words in ABSOLUTE:
        if figure[0] == scenario and figure in results:
            text += goal_row(scenario, words, sign, bound, results[figure])
    for (s, contestant, metric), r in results.items():
        m = re.fullmatch(r"ratio, goal (>=|<=) ([0-9.]+): (.*)", metric)
        if m and s == scenario:
            text += goal_row(scenario, f"{m[3]}: {contestant}", m[1], float(m[2]), r)
    return text


def goals_table(results, old):
    """Goals of scenarios that were not measured stay."""
    text = row(["", "goal", "", "measured (95 % interval)", ""]) + row(["---"] * 5)
    for scenario in ("start", "handshake", "forward", "relay", "portal"):
        text += goals(results, scenario) or "".join(
            line for line in old.splitlines(True) if line.startswith(f"| {scenario} |"))
    return text


def machine_text(machine, results, old):
    rounds = sorted({len(set(r["rounds"])) for r in results.values() if r["n"] > 1} or {1})
    peers = "; ".join(v if name.lower() in v.lower() else f"{name} {v}"
                      for name, v in sorted((k, re.split(r" - | \(| on ", v)[0]) for k, v in machine["peers"].items()))
    return (f"{machine['cpus']} CPUs ({machine['cpu']}), Linux {machine['kernel']}, TCP {machine['congestion_control']}, "
            f"{machine['date']}, revision {machine['revision']} ({machine['build']}), medians of "
            f"{rounds[0]} to {rounds[-1]} rounds with the least and the greatest; other work used "
            f"{100 * machine['busy']:.0f} % of the CPUs when it began.\nBeside: {peers}.\n")


PLACE = re.compile(r"^<!-- bench ([a-z0-9-]+) -->\n(.*?)^<!-- /bench -->\n", re.S | re.M)


def written(text, machine, results):
    measured = {s for s, _, _ in results}

    def replace(m):
        name, old = m[1], m[2]
        if name == "machine":
            new = machine_text(machine, results, old)
        elif name == "goals":
            new = goals_table(results, old)
        else:
            new = TABLES[name].text(results) if TABLES[name].scenario in measured else old
        return f"<!-- bench {name} -->\n{new}<!-- /bench -->\n"
    return PLACE.sub(replace, text)


def places(text):
    """What is wrong with the lines that name tables."""
    known, found = {*TABLES, "machine", "goals"}, [m[1] for m in PLACE.finditer(text)]
    bad = [f"{n}: there is no such table" for n in found if n not in known]
    bad += [f"{n}: has no place" for n in sorted(known - set(found))]
    bad += [f"{n}: has {found.count(n)} places" for n in sorted(set(found)) if found.count(n) > 1]
    lines = [line.split()[1] for line in text.splitlines() if line.startswith(("<!-- bench ", "<!-- /bench "))]
    if lines.count("bench") != len(found) or lines.count("/bench") != len(found):
        bad.append("a line that begins or ends a table stands alone")
    return bad


def undeclared(declared):
    """Figures of tables that no scenario takes."""
    def begins(text, names):
        return any(text == n or text.startswith(n + ", ") for n in names)
    bad = []
    for name, table in TABLES.items():
        for scenario, contestant, metric in table.figures():
            s = declared.get(scenario)
            if not s or not begins(contestant, s["contestants"]) or not begins(metric, [m["name"] for m in s["metrics"]]):
                bad.append(f"{name}: {scenario} does not take {metric} of {contestant}")
    return bad


def main(args):
    check = args[:1] == ["--check"]
    args = args[check:]
    if len(args) != 2 + check:
        sys.exit(__doc__)
    with open(args[0], encoding="utf-8") as f:
        doc = json.load(f)
    with open(args[1], encoding="utf-8") as f:
        text = f.read()
    results = {(r["scenario"], r["contestant"], r["metric"]): r for r in doc["results"]}
    bad = places(text)
    if check:
        with open(args[2], encoding="utf-8") as f:
            bad += undeclared({s["name"]: s for s in json.load(f)})
    new = text if bad else written(text, doc["machine"], results)
    if check and new != text:
        bad.append(f"the tables of {args[1]} are not those of {args[0]}: {sys.argv[0]} {args[0]} {args[1]} writes them")
    for line in bad:
        print(line, file=sys.stderr)
    if not check and not bad and new != text:
        with open(args[1], "w", encoding="utf-8") as f:
            f.write(new)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
