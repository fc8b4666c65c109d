#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What ockam-bench makes of documents: compare, report. With documents made here, whose truth is known.
bench_report_test.py PROGRAM SCHEMA"""
import html.parser, json, random, subprocess, sys, tempfile

import jsonschema

PROGRAM = sys.argv[1]
with open(sys.argv[2], encoding="utf-8") as schema_file:
    SCHEMA = json.load(schema_file)
MACHINE = {"cpu": "a", "cpus": 2, "kernel": "k", "congestion_control": "cubic", "load": 0.5, "busy": 0.1, "build": "b",
           "date": "2026-01-02", "version": "1", "revision": "r", "peers": {}}
case = 0


def run(*args, stdin=""):
    return subprocess.run([PROGRAM, *args], input=stdin, capture_output=True, text=True)


def check(what, good, detail=""):
    global case
    case += 1
    print(f"{'ok' if good else 'not ok'} {case} - {what}", flush=True)
    if not good:
        print("\n".join("# " + line for line in str(detail).splitlines()), flush=True)


def figure(samples, contestant="relay node", metric="throughput, 64 B", better="higher", unit="Gbit/s"):
    middle = sorted(samples)[len(samples) // 2]
    return {"scenario": "forward", "contestant": contestant, "metric": metric, "unit": unit, "better": better,
            "median": middle, "min": min(samples), "max": max(samples), "n": len(samples), "interval": None,
            "samples": samples, "rounds": list(range(len(samples)))}


def document(*figures):
    doc = {"machine": MACHINE, "results": list(figures)}
    jsonschema.Draft7Validator(SCHEMA).validate(doc)
    return doc


def compare(before, after, *options):
    with tempfile.TemporaryDirectory() as tmp:
        paths = []
        for i, doc in enumerate((before, after)):
            paths.append(f"{tmp}/{i}.json")
            with open(paths[-1], "w", encoding="utf-8") as f:
                json.dump(doc, f)
        done = run("compare", *paths, "-j", *options)
    return done.returncode, json.loads(done.stdout), done


def verdict(before, after, *options, **kind):
    status, doc, _ = compare(document(figure(before, **kind)), document(figure(after, **kind)), *options)
    return status, doc["compared"][0]["verdict"]


def noisy(center, n=8, noise=.02):
    chance = random.Random(center)
    return [center * (1 + chance.uniform(-noise, noise)) for _ in range(n)]


def check_verdicts():
    check("more is better where more is better", verdict(noisy(10), noisy(13)) == (0, "better"))
    check("and less is worse, with status 1", verdict(noisy(13), noisy(10)) == (1, "worse"))
    check("less is better where less is better", verdict(noisy(13), noisy(10), better="lower") == (0, "better"))
    check("the same is no difference", verdict(noisy(10), noisy(10.01)) == (0, "no difference"))
    check("what is within the noise is no difference",
          verdict([5, 10, 20, 8, 14], [6, 11, 24, 9, 15]) == (0, "no difference"))
    check("what is clear but small is no difference", verdict(noisy(10, noise=.001), noisy(10.1, noise=.001)) ==
          (0, "no difference") and verdict(noisy(10, noise=.001), noisy(10.1, noise=.001), "--least", "0") ==
          (0, "better"))
    check("what has no direction is changed", verdict(noisy(10), noisy(20), better="neither") == (0, "changed"))
    check("of one sample nothing can be told", verdict([10], [20]) == (0, "cannot be told"))
    check("of zeros nothing can be told", verdict([0, 0, 0], [0, 1, 0]) == (0, "cannot be told"))


def check_chance():
    """Of two sets from the same source few may seem to differ: at 99 % about 2 of 200."""
    chance = random.Random(1)
    named = [figure([chance.lognormvariate(0, .1) for _ in range(5)], metric=f"throughput, {i} B") for i in range(200)]
    again = [figure([chance.lognormvariate(0, .1) for _ in range(5)], metric=f"throughput, {i} B") for i in range(200)]
    _, doc, done = compare(document(*named), document(*again), "--least", "0")
    wrong = doc["summary"]["better"] + doc["summary"]["worse"]
    check("about one in a hundred seems to differ by chance", wrong <= 8 and
          doc["summary"]["no difference"] == 200 - wrong, done.stdout[-500:])


def check_relative():
    """The whole machine was slower: only what is not is seen."""
    base, ours = noisy(40), noisy(10)
    slow = [x / 2 for x in base]
    before = document(figure(base, "no relay"), figure(ours))
    same = document(figure(slow, "no relay"), figure([x / 2 for x in ours]))
    better = document(figure(slow, "no relay"), figure(ours))
    check("--relative takes the machine out", compare(before, same, "--relative")[0] == 0 and
          compare(before, same)[0] == 1)
    check("and leaves what is left", compare(before, better, "--relative")[1]["summary"]["better"] == 1)


def check_sets():
    both, old, new = figure(noisy(10)), figure(noisy(5), "splice relay"), figure(noisy(6), "HAProxy, TCP mode")
    summary = compare(document(both, old), document(both, new))[1]["summary"]
    check("what is in one document alone is counted",
          (summary["only before"], summary["only after"], summary["no difference"]) == (1, 1, 1), summary)


def check_broken():
    doc = document(figure(noisy(10)))
    with tempfile.TemporaryDirectory() as tmp:
        good, bad = tmp + "/good.json", tmp + "/bad.json"
        with open(good, "w", encoding="utf-8") as f:
            json.dump(doc, f)
        for what, text in {
                "no JSON": "{", "no document": "[]", "no samples": json.dumps(doc).replace('"samples": [', '"samples": [], "x": ['),
                "a sample that is text": json.dumps(doc).replace('"samples": [', '"samples": ["1", '),
                "a negative sample": json.dumps(doc).replace('"samples": [', '"samples": [-1, '),
                "a direction that is none": json.dumps(doc).replace('"higher"', '"up"')}.items():
            with open(bad, "w", encoding="utf-8") as f:
                f.write(text)
            done = [run("compare", good, bad), run("report", bad)]
            check(f"{what} is said, with status 65", all(d.returncode == 65 and d.stderr.startswith("ockam-bench: ")
                                                         and not d.stdout for d in done), done)
        two = run("report", good, good)
        check("a figure that is in two documents is no figure", two.returncode == 65 and "there before" in two.stderr, two)
        missing = run("compare", good, tmp + "/none.json")
        check("a file that is missing is said, with status 66", missing.returncode == 66 and "none.json" in missing.stderr,
              missing)
    for args in (["compare", "one"], ["compare"], ["compare", "a", "b", "c"], ["report", "--relative"]):
        done = run(*args)
        check(f"{' '.join(args)} is a usage error", done.returncode == 2 and done.stderr and not done.stdout, done)


def check_report():
    doc = document(figure(noisy(10)), figure(noisy(5), "splice relay"))
    table, again = run("report", stdin=json.dumps(doc)), run("report", "-j", stdin=json.dumps(doc))
    check("report shows a document as a table", table.returncode == 0 and "splice relay" in table.stdout and
          "MEDIAN" in table.stdout, table)
    back = json.loads(again.stdout)
    jsonschema.Draft7Validator(SCHEMA).validate(back)
    same = all(abs(a - b) < 1e-4 * b for r, s in zip(back["results"], doc["results"])
               for a, b in zip(r["samples"], s["samples"]))
    check("and as the document that it was", back["machine"] == MACHINE and same, again)


class Page(html.parser.HTMLParser):
    """What a page holds: how many of each element, what it would fetch, its text, whether elements nest."""
    def __init__(self, text):
        super().__init__()
        self.elements, self.fetched, self.text, self.open, self.nests = {}, [], "", [], True
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements[tag] = self.elements.get(tag, 0) + 1
        self.fetched += [v for k, v in attrs if k in ("src", "href", "xlink:href")]
        if tag in ("svg", "g", "figure", "title", "text", "style", "div", "table"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in ("svg", "g", "figure", "title", "text", "style", "div", "table"):
            self.nests &= bool(self.open) and self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def check_plot():
    ratio = figure([1.5, 1.6, 1.4], "relay node / HAProxy, TCP mode", "ratio, goal >= 1.2: throughput, 64 B", unit="ratio")
    doc = document(figure(noisy(10)), figure([0, 0, 3], "a < b & \"c\""), figure(noisy(3), metric="frames, 64 B"), ratio)
    with tempfile.TemporaryDirectory() as tmp:
        done = run("report", "--plot", tmp + "/out.html", stdin=json.dumps(doc))
        with open(tmp + "/out.html", encoding="utf-8") as f:
            text = f.read()
        lost = run("report", "--plot", tmp + "/none/out.html", stdin=json.dumps(doc))
    page = Page(text)
    check("--plot draws a picture for each metric, and one of ratios", done.returncode == 0 and
          page.elements["svg"] == 3 and page.elements["circle"] == 8 + 3 + 8 + 3 and page.nests and not page.open, text)
    check("the page fetches nothing and runs nothing", not page.fetched and "script" not in page.elements and
          "url(" not in text and "@import" not in text, page.fetched)
    check("what HTML takes for its own is written out", 'a < b & "c"' in page.text and "b" not in page.elements)
    check("the goal of a ratio is drawn", 'class="goal"' in text)
    check("it is for light and dark", "prefers-color-scheme: dark" in text)
    check("a page that cannot be written is said, with status 74", lost.returncode == 74 and "out.html" in lost.stderr, lost)


print("1..33")
jsonschema.Draft7Validator.check_schema(SCHEMA)
check_verdicts()
check_chance()
check_relative()
check_sets()
check_broken()
check_report()
check_plot()
