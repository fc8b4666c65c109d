#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A hostile peer and a hostile relay against real nodes. TAP on stdout; exit 1 when an attack gets through.

hostile.py                    all attacks
hostile.py --list             their names
hostile.py NAME...            these; a name may end in * (quotes!)
hostile.py --seed N NAME...   other random choices
hostile.py --verbose NAME...  with the frames that the attackers were sent

OCKAM names the program under test.
"""
import argparse
import fnmatch
import os
import sys
import traceback

try:
    import cryptography  # noqa: F401
except ImportError:
    print("1..0 # SKIP needs python3-cryptography")
    sys.exit(0)

sys.dont_write_bytecode = True  # the sources may be read-only, and stay clean

import attack
import attacks_honest  # noqa: F401  each import adds its attacks to the table
import attacks_link  # noqa: F401
import attacks_message  # noqa: F401
import attacks_responder  # noqa: F401
import attacks_initiator  # noqa: F401
import attacks_identity  # noqa: F401
import attacks_session  # noqa: F401
import attacks_relay  # noqa: F401
from lab import Lab


def run(lab, chosen, verbose):
    failed = 0
    for number, a in enumerate(chosen, 1):
        before, first = lab.attacks, len(lab.records)
        lab.begin(a.name)
        try:
            a.run(lab)
            lab.check()
            print(f"ok {number} - {a.name}: {a.title} ({lab.attacks - before})", flush=True)
        except Exception as error:  # whatever goes wrong is a failure of this attack, and the next one runs
            failed += 1
            lab.attacks += 1
            print(f"not ok {number} - {a.name}: {a.title}", flush=True)
            for line in f"{type(error).__name__}: {error}".splitlines() + traceback.format_exc().splitlines():
                print(f"# {line}")
            lab.recover()
        if verbose:
            for record in lab.records[first:]:
                for f in lab.whole(record):
                    print(f"#   {f} {f.body[:24].hex()}")
    return failed


def main():
    options = argparse.ArgumentParser(usage=__doc__)
    options.add_argument("--list", action="store_true")
    options.add_argument("--verbose", action="store_true")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("names", nargs="*")
    options = options.parse_args()
    if options.list:
        for a in attack.ALL:
            print(f"{a.name:32}{a.title}")
        return 0
    names = options.names or ["*"]
    chosen = [a for a in attack.ALL if any(fnmatch.fnmatchcase(a.name, name) for name in names)]
    print(f"# seed {options.seed}")
    print(f"1..{len(chosen) + 1}")
    lab = Lab(os.path.abspath(os.environ["OCKAM"]), options.seed)
    failed = 1
    try:
        lab.start()
        failed = run(lab, chosen, options.verbose)
        what = "memory is bounded, no secret was shown, no number of a session came twice"
        try:
            lab.check_end()
            print(f"ok {len(chosen) + 1} - {what}")
        except Exception as error:
            failed += 1
            print(f"not ok {len(chosen) + 1} - {what}\n# {error}")
        print(f"# {lab.attacks} attacks, {lab.held} held")
    finally:
        reports = lab.stop()
        if reports:
            failed += 1
            print(f"Bail out! sanitizer reports: {' '.join(reports)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
