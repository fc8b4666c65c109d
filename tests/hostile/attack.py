# SPDX-License-Identifier: Apache-2.0
"""The table of attacks. An attack is a function of the lab; what it has to see for itself it asserts with
must(), the rest lab.check() looks at after each."""
from collections import namedtuple

Attack = namedtuple("Attack", "name title run")
ALL = []


def attack(title):
    def add(run):
        ALL.append(Attack(run.__name__, title, run))
        return run
    return add


class GotThrough(Exception):
    """An attack had an effect that it must not have."""


def must(true, what):
    if not true:
        raise GotThrough(what)
