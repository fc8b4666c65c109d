#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The tables of docs/performance.md: that the lines which name them and their generator agree, that the scenarios
take every figure in them, and that they are those of docs/performance.json.
bench_docs_test.py PROGRAM DOCS.PY PERFORMANCE.MD"""
import importlib.util, json, os, subprocess, sys, tempfile

PROGRAM, GENERATOR, DOCUMENT = sys.argv[1:4]
sys.dont_write_bytecode = True
spec = importlib.util.spec_from_file_location("docs", GENERATOR)
docs = importlib.util.module_from_spec(spec)
spec.loader.exec_module(docs)
MACHINE = {"cpu": "a", "cpus": 2, "kernel": "k", "congestion_control": "cubic", "load": 0.5, "busy": 0.0, "build": "b",
           "date": "2026-01-02", "version": "1", "revision": "r", "peers": {"haproxy": "HAProxy 9 - a place"}}
case = 0


def check(what, good, detail=""):
    global case
    case += 1
    print(f"{'ok' if good else 'not ok'} {case} - {what}", flush=True)
    if not good:
        print("\n".join("# " + line for line in str(detail).splitlines()), flush=True)


def figure(scenario, contestant, metric, middle):
    samples = [middle, 1.5 * middle, middle / 2]
    return {"scenario": scenario, "contestant": contestant, "metric": metric, "unit": "x", "better": "higher",
            "median": middle, "min": middle / 2, "max": 1.5 * middle, "n": 3, "interval": None, "samples": samples,
            "rounds": [0, 1, 2]}


def generate(*args):
    return subprocess.run([sys.executable, "-B", GENERATOR, *args], capture_output=True, text=True)


with open(DOCUMENT, encoding="utf-8") as f:
    TEXT = f.read()
listed = subprocess.run([PROGRAM, "list", "-j"], capture_output=True, text=True, check=True).stdout
with tempfile.TemporaryDirectory() as tmp:
    page, results, names = tmp + "/page.md", tmp + "/results.json", tmp + "/list.json"

    def put(path, text):
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)

    def get():
        with open(page, encoding="utf-8") as f:
            return f.read()

    wanted = sorted({f for t in docs.TABLES.values() for f in t.figures()})
    figures = [figure(*f, 1000 + i) for i, f in enumerate(wanted)]
    figures.append(figure("relay", "a / b", "ratio, goal >= 1.4: throughput, 64 B", 2000.))
    put(names, listed)
    put(page, TEXT)
    put(results, json.dumps({"machine": MACHINE, "results": figures}))
    print("1..9")
    check("every table has its place, and every place its table", docs.places(TEXT) == [], docs.places(TEXT))
    done = generate(results, page)
    filled = get()
    missing = [f for i, f in enumerate(wanted) if f"| {1000 + i} " not in filled]
    check("every figure is written where it belongs", done.returncode == 0 and not missing, (done.stderr, missing[:9]))
    check("goals and the machine too", "| relay | throughput, 64 B: a / b | ≥ 1.4 | 2000 (1000-3000) | met |" in filled and
          "revision r" in filled and "HAProxy 9" in filled)
    outside = docs.PLACE.sub("", TEXT)
    check("the prose stays", docs.PLACE.sub("", filled) == outside)
    again = generate(results, page)
    agreed = generate("--check", results, page, names)
    check("what was written is what the check wants", get() == filled and agreed.returncode == 0, (again, agreed))
    put(page, filled.replace("| 1000 ", "| 999 ", 1))
    check("a figure that was changed by hand is noticed", generate("--check", results, page, names).returncode == 1)
    put(page, filled.replace("<!-- bench seal -->\n", "", 1))
    check("a place that is gone is noticed", "seal: has no place" in generate("--check", results, page, names).stderr)
    put(page, TEXT)
    put(results, json.dumps({"machine": MACHINE, "results": [figure("seal", "memcpy", "sealed, 64 B", 4444.)]}))
    generate(results, page)
    same = docs.PLACE.findall(TEXT), docs.PLACE.findall(get())
    other = [a[0] for a, b in zip(*same) if a != b]
    check("what was not measured stays", "4444" in get() and set(other) <= {"seal", "machine", "goals"}, other)
    real = os.path.join(os.path.dirname(DOCUMENT), "performance.json")
    if os.path.exists(real):
        agreed = generate("--check", real, DOCUMENT, names)
        check("the tables are those of performance.json", agreed.returncode == 0, agreed.stderr)
    else:
        bad = docs.undeclared({s["name"]: s for s in json.loads(listed)})
        check("the scenarios take every figure of the tables", not bad, bad)
