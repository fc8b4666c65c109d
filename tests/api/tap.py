# SPDX-License-Identifier: Apache-2.0
"""Runs functions as the cases of a TAP test, with a home of their own that is gone afterwards."""
import os
import shutil
import subprocess
import tempfile
import traceback

OCKAM = os.environ['OCKAM']


class Skip(Exception):
    """Raised by a case that cannot run here; says why."""


def ockam(*args):
    """The result of a command that succeeds."""
    return subprocess.run([OCKAM, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True,
                          timeout=60).stdout.strip()


def case(number, test, context):
    """Whether it failed."""
    try:
        test(*context)
        print(f'ok {number} {test.__name__}', flush=True)
    except Skip as e:
        print(f'ok {number} {test.__name__} # SKIP {e}', flush=True)
    except Exception:  # noqa: BLE001: whatever it is, the case has failed
        print(f'not ok {number} {test.__name__}', flush=True)
        for line in traceback.format_exc().splitlines():
            print(f'# {line}', flush=True)
        return True
    return False


def run(tests, make_context):
    """In order; each is called with what make_context(home) gives, a tuple. The status to exit with."""
    place = tempfile.mkdtemp(prefix='ockam-api.')
    home = os.environ['OCKAM_HOME'] = place + '/home'
    print(f'1..{len(tests)}', flush=True)
    try:
        context = make_context(home)
        return int(any([case(i, test, context) for i, test in enumerate(tests, 1)]))
    finally:
        subprocess.run([OCKAM, 'node', 'delete', '--all', '-y'], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=120, check=False)
        shutil.rmtree(place, ignore_errors=True)
