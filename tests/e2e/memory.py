#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Looks for secrets where they must not be.

memory.py scan WHERE... < SECRETS   WHERE: a file, a directory, or a process id. SECRETS: a hex string a
                                    line, with a name behind it. Prints what is found where; exit 1 if any.
memory.py secrets HOME              the secret keys in a home's database, in that form
"""
import os, re, sqlite3, sys


def regions(pid):
    """The bytes of each readable mapping of a process."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            low, high, mode = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", line).groups()
            low, high = int(low, 16), int(high, 16)
            if "r" not in mode or line.rstrip().endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
                continue
            if high - low > 1 << 32:  # a sanitizer's shadow: sparse, and no copy of anything
                continue
            try:
                mem.seek(low)
                data = b""
                while low < high:
                    part = mem.read(min(high - low, 1 << 24))
                    if not part:
                        break
                    yield data + part
                    data = part[-256:]
                    low += len(part)
            except OSError:
                pass  # not backed: a device mapping


def sources(where):
    if where.isdigit():
        for data in regions(where):
            yield f"process {where}", data
    elif os.path.isdir(where):
        for root, _, names in os.walk(where):
            for name in names:
                path = os.path.join(root, name)
                if os.path.isfile(path):
                    with open(path, "rb") as file:
                        yield path, file.read()
    else:
        with open(where, "rb") as file:
            yield where, file.read()


def scan(places):
    secrets = {}
    for line in sys.stdin:
        value, _, name = line.strip().partition(" ")
        if value:
            secrets[bytes.fromhex(value)] = name
    if not secrets:
        sys.exit("memory.py: no secrets to look for")
    found, read = set(), 0
    for place in places:
        for label, data in sources(place):
            read += len(data)
            found |= {(name, label) for value, name in secrets.items() if value in data}
    for name, label in sorted(found):
        print(f"{name} is in {label}")
    print(f"{len(secrets)} secrets, {read} bytes read, {len(found)} found", file=sys.stderr)
    sys.exit(1 if found else 0)


def list_secrets(home):
    database = sqlite3.connect(f"file:{home}/database.sqlite3?mode=ro", uri=True)
    for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        for column in database.execute(f"PRAGMA table_info({table})").fetchall():
            if not re.search("secret|static_key|seed|private", column[1]):
                continue
            for (value,) in database.execute(f"SELECT {column[1]} FROM {table}"):
                if isinstance(value, bytes) and len(value) >= 32:
                    print(value[:32].hex(), f"{table}.{column[1]}")


if __name__ == "__main__":
    verb, *args = sys.argv[1:]
    {"scan": scan, "secrets": lambda a: list_secrets(*a)}[verb](args)
