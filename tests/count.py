#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""count.py TESTLOG.JUNIT.XML: writes "PASSED FAILED SKIPPED" cases to descriptor 3, and to stdout what
failed test programs of the TAP protocol said, which meson does not print."""
import os, re, sys, xml.etree.ElementTree as xml

counts = {"passed": 0, "failed": 0, "skipped": 0}
try:
    with open(sys.argv[1], "rb") as log:  # meson writes what a test printed, control characters too
        text = re.sub(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]", b"?", log.read())
    suites = xml.fromstring(text.decode("utf-8", "replace")).findall("testsuite")
except (OSError, xml.ParseError):
    suites = []
for suite in suites:
    failed = False
    for case in suite.findall("testcase"):
        kinds = {child.tag for child in case}
        bad = bool(kinds & {"failure", "error"})
        failed |= bad
        counts["failed" if bad else "skipped" if "skipped" in kinds else "passed"] += 1
    said = suite.findtext("system-out")
    if failed and said:
        print(f"-- {suite.get('name')}")
        keep = False
        for line in said.splitlines():
            keep = line.startswith("not ok") or (keep and line.startswith("#"))
            if keep:
                print(line)
    for case in suite.findall("testcase"):
        reason = case.findtext("system-out")
        if case.find("skipped") is not None and reason:
            print(f"-- skipped: {suite.get('name')}: {case.get('name')}: {reason}")
os.write(3, f"{counts['passed']} {counts['failed']} {counts['skipped']}\n".encode())
