#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Takes the checks of the protocol's core away, one at a time: some test has to notice.

Checks of allocations are left out: none fails here.

  mutate.py ROOT [--files PATTERN] [--sample N] [--seed S] [--again OUTPUT] [--jobs N]
            [--resume OUTPUT] [--quick SECONDS] [--hostile] [--tree DIRECTORY] [--list]

A mutant is an `if (...)` whose body leaves (return, goto, continue, break; also behind a call or two), with its
condition, or one operand of a top-level `||` in it, made false. All are built at once, in a copy of the tree, under
AddressSanitizer and UBSan: an environment variable says which one is active. First all tests run with none, and note
which conditions ever came true in each; a mutant is then tried by those tests alone that can see it, the quickest
first, until one fails. One that no test can see is named UNREACHED.
Prints each survivor and the figure. Survivors that tests/mutate/harmless.txt names with their reason are
counted apart: lines `file: text of the condition | reason`.
"""
import argparse, fnmatch, json, os, queue, random, re, resource, shutil, subprocess, sys, tempfile, threading, time

FILES = """control/handshake.c control/handshake_codec.c control/noise.c control/noise_crypto.c
control/noise_pattern.c control/session_keys.c control/path.c control/path_key.c control/hop.c control/hop_part.c
control/link.c control/link_dial.c control/link_hello.c control/link_target.c control/listener.c
control/responder.c control/initiator.c control/trust.c control/transit.c control/relay_codec.c
control/relay_names.c control/registration.c control/message.c control/message_codec.c control/message_route.c
control/reassembly.c control/handle.c home/identity.c dataplane/session.c dataplane/session_rx.c
dataplane/session_tx.c dataplane/replay.c dataplane/epoch.c dataplane/record.c dataplane/label.c dataplane/rx.c
dataplane/engine.c dataplane/endpoint.c lib/cbor.c lib/route.c lib/seam.c""".split()

# None of them depends on time: a busy machine is no test that notices.
SUITES = ['unit', 'fuzz', 'sim', '']
OPTIONS = ['-Db_sanitize=address,undefined', '-Doptimization=1', '-Dwerror=false']

# What is linked into every program: which mutant is active, and a file for those whose condition was true.
RUNTIME = r'''
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
extern volatile int ockam_mutant_active;
extern volatile unsigned char *ockam_mutant_seen;
static volatile unsigned char nowhere[COUNT];
volatile int ockam_mutant_active = -1;
volatile unsigned char *ockam_mutant_seen = nowhere;
__attribute__((constructor, no_sanitize("address", "undefined"))) static void begin(void)
{
	const char *active = getenv("OCKAM_MUTANT"), *seen = getenv("OCKAM_MUTANTS_SEEN");
	if (active)
		ockam_mutant_active = atoi(active);
	int fd = seen ? open(seen, O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	void *p = mmap(0, COUNT, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p != MAP_FAILED)
		ockam_mutant_seen = p;
	close(fd);
}
'''
# In front of each file. Behind the condition, when that is true: false for the active mutant.
HEAD = '''extern volatile int ockam_mutant_active;
extern volatile unsigned char *ockam_mutant_seen;
#define ockam_believed(n) (__extension__({ ockam_mutant_seen[n] = 1; ockam_mutant_active != (n); }))
#line 1
'''

LEAVES = re.compile(r'^\s*(?:\{\s*(?:/\*.*?\*/\s*)?(?:[^;{}]*;\s*){0,3}?)?(?:return\b|goto\b|continue;|break;)', re.S)


def closing(text, at):
    """Index behind the parenthesis that closes the one at `at`."""
    depth = 0
    while True:
        c = text[at]
        if c in '"\'':
            end = at + 1
            while text[end] != c:
                end += 2 if text[end] == '\\' else 1
            at = end
        elif c == '(':
            depth += 1
        elif c == ')':
            depth -= 1
            if not depth:
                return at + 1
        at += 1


def operands(cond):
    """The operands of a top-level ||, as (begin, end). A choice by ?: is one."""
    parts, depth, begin, i = [], 0, 0, 0
    while i < len(cond):
        c = cond[i]
        if c in '"\'':
            i += 1
            while cond[i] != c:
                i += 2 if cond[i] == '\\' else 1
        elif c == '(':
            depth += 1
        elif c == ')':
            depth -= 1
        elif c == '?' and not depth:
            return [(0, len(cond))]
        elif cond.startswith('||', i) and not depth:
            parts.append((begin, i))
            begin = i + 2
            i += 1
        i += 1
    return parts + [(begin, len(cond))]


def is_allocation(operand, before):
    """!x, where x has just been made: no allocation fails in these tests."""
    m = re.fullmatch(r'!\(?([\w>.-]+)(?: = .*)?\)?', operand)
    return bool(m) and bool(re.search(r'\b%s = [^;]*(alloc\w*|_new|_copy|_create|_add)\(' % re.escape(m.group(1)),
                                      before[-500:] + operand))


def mutants_of(path, text):
    """Each with the place of its operand in the text."""
    found = []
    for m in re.finditer(r'\bif \(', text):
        if text[text.rfind('\n', 0, m.start()) + 1:m.start()].lstrip().startswith(('*', '/*', '//')):
            continue
        begin = m.end() - 1
        end = closing(text, begin)
        if not LEAVES.match(text[end:end + 400]):
            continue
        cond = text[begin + 1:end - 1]
        line = text.count('\n', 0, begin) + 1
        for b, e in operands(cond):
            what = ' '.join(cond[b:e].split())
            if not is_allocation(what, text[:begin]):
                found.append({'file': path, 'line': line, 'what': what, 'place': (begin + 1 + b, begin + 1 + e)})
    return found


def with_mutants(text, mutants):
    """The text with every mutant in it; the last first, so that places stay."""
    for m in sorted(mutants, key=lambda m: -m['place'][0]):
        b, e = m['place']
        operand = text[b:e]
        end = operand.rstrip()
        text = text[:b] + ' ((%s) && ockam_believed(%d))' % (end.lstrip(), m['number']) + operand[len(end):] + text[e:]
    return HEAD + text


def run(args, timeout, **env):
    """0, or how it failed."""
    p = subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                         start_new_session=True, env=dict(os.environ, **env))
    try:
        return p.wait(timeout)
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, 9)
        p.wait()
        return 'time-out'


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Lab:
    """The tree with all mutants, built; what each test sees, and how long it takes."""

    def __init__(self, root, mutants, suites, tree):
        self.tree, self.keep = tree or tempfile.mkdtemp(prefix='ockam-mutate.'), bool(tree)
        self.count = len(mutants)
        by_file = {}
        for m in mutants:
            by_file.setdefault(m['file'], []).append(m)
        names = subprocess.check_output(['git', '-C', root, 'ls-files', '-z', '-co', '--exclude-standard']).decode().split('\0')
        for name in filter(None, names):
            source = os.path.join(root, name)
            if not os.path.isfile(source):
                continue
            content = open(source, 'rb').read()
            if name in by_file:
                content = with_mutants(content.decode(), by_file[name]).encode()
            if self.write(name, content):
                shutil.copymode(source, os.path.join(self.tree, name))
        self.build(suites)

    def write(self, name, content):
        """True if it was another: what has not changed is not built again."""
        path = os.path.join(self.tree, name)
        if os.path.exists(path) and open(path, 'rb').read() == content:
            return False
        os.makedirs(os.path.dirname(path), exist_ok=True)
        open(path, 'wb').write(content)
        return True

    def build(self, suites):
        runtime = os.path.join(self.tree, 'mutant_runtime')
        self.write('mutant_runtime.c', b'#define COUNT %d\n' % self.count + RUNTIME.encode())
        subprocess.check_call(['cc', '-O1', '-fPIC', '-c', runtime + '.c', '-o', runtime + '.o'])
        dir = os.path.join(self.tree, 'build')
        if not os.path.exists(os.path.join(dir, 'build.ninja')):
            subprocess.check_call(['meson', 'setup', dir, self.tree, '-Dc_link_args=' + runtime + '.o'] + OPTIONS,
                                  stdout=subprocess.DEVNULL)
        subprocess.check_call(['ninja', '-C', dir, '--quiet'])
        tests = json.loads(subprocess.check_output(['meson', 'introspect', '--tests', dir]))
        self.tests = []
        for t in tests:
            suite = [s.split(':')[1] if ':' in s else '' for s in t['suite']] or ['']
            if set(suite) & set(suites) and t['name'] not in ('includes', 'docs'):
                self.tests.append({'name': t['name'], 'cmd': t['cmd'], 'env': t['env']})

    def survey(self):
        """With no mutant active: fails if a test does."""
        for t in self.tests:
            seen = os.path.join(self.tree, 'seen')
            open(seen, 'wb').write(bytes(self.count))
            start = cpu_seconds()
            how = run(t['cmd'], 3600, OCKAM_MUTANTS_SEEN=seen, **t['env'])
            if how:
                sys.exit('%s fails without a mutant: %s' % (t['name'], how))
            t['seconds'] = cpu_seconds() - start
            t['sees'] = {i for i, b in enumerate(open(seen, 'rb').read()) if b}
        self.tests.sort(key=lambda t: t['seconds'])

    def try_one(self, m, quick):
        """Which test noticed; '' if none did, None if none could."""
        can = [t for t in self.tests if m['number'] in t['sees'] and t['seconds'] <= quick]
        for t in can:
            if run(t['cmd'], 120 + 50 * t['seconds'], OCKAM_MUTANT=str(m['number']), **t['env']):
                return t['name']
        return '' if any(m['number'] in t['sees'] for t in self.tests) else None


class Worker(threading.Thread):
    def __init__(self, lab, todo, done, quick):
        super().__init__(daemon=True)
        self.lab, self.todo, self.done, self.quick = lab, todo, done, quick

    def run(self):
        while True:
            try:
                m = self.todo.get_nowait()
            except queue.Empty:
                return
            self.done.put((m, self.lab.try_one(m, self.quick)))


def read_harmless(root):
    known = {}
    for line in open(os.path.join(root, 'tests/mutate/harmless.txt')):
        line = line.strip()
        if line and not line.startswith('#'):
            what, reason = line.rsplit(' | ', 1)
            known[what] = reason
    return known


def choose(opt, mutants):
    picked = [m for m in mutants if fnmatch.fnmatch(m['file'], opt.files)]
    if opt.sample and opt.sample < len(picked):
        picked = random.Random(opt.seed).sample(picked, opt.sample)
        picked.sort(key=lambda m: m['number'])
    if opt.again:
        before = set(re.findall(r'(?:SURVIVED|UNREACHED) +(\S+):\d+: (.*)$', open(opt.again).read(), re.M))
        picked = [m for m in picked if (m['file'], m['what']) in before]
    if opt.resume:
        before = set(re.findall(r'(?:noticed by .{16}|harmless) +(\S+):\d+: (.*)$', open(opt.resume).read(), re.M))
        picked = [m for m in picked if (m['file'], m['what']) not in before]
    return picked


def try_all(opt, lab, picked):
    """Each with its fate, as it comes."""
    todo, done = queue.Queue(), queue.Queue()
    for m in picked:
        todo.put(m)
    for i in range(opt.jobs):
        Worker(lab, todo, done, opt.quick).start()
    for i in picked:
        yield done.get()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('root')
    ap.add_argument('--files', default='*')
    ap.add_argument('--sample', type=int)
    ap.add_argument('--seed', type=int, default=1)
    ap.add_argument('--jobs', type=int, default=1)
    ap.add_argument('--again', help='what this output of an earlier run says has survived')
    ap.add_argument('--resume', help='all but what this output says was noticed or is harmless')
    ap.add_argument('--quick', type=float, default=1e9, help='no test that takes more seconds of CPU')
    ap.add_argument('--hostile', action='store_true', help='the hostile peer and hop, too')
    ap.add_argument('--tree', help='where to build; kept, and used again by the next run')
    ap.add_argument('--list', action='store_true')
    opt = ap.parse_args()
    mutants = []
    for f in FILES:
        mutants += mutants_of(f, open(os.path.join(opt.root, f)).read())
    for i, m in enumerate(mutants):
        m['number'] = i
    picked = choose(opt, mutants)
    if opt.list:
        for m in picked:
            print('%s:%d: %s' % (m['file'], m['line'], m['what']))
        print(len(picked), 'of', len(mutants))
        return 0
    harmless = read_harmless(opt.root)
    start = time.time()
    lab = Lab(opt.root, mutants, SUITES + (['hostile'] if opt.hostile else []), opt.tree)
    print('built in %.0f s' % (time.time() - start), flush=True)
    lab.survey()
    print('%d tests, %.0f s of CPU, most of them: %s' % (len(lab.tests), sum(t['seconds'] for t in lab.tests),
          ', '.join('%s %.1f' % (t['name'], t['seconds']) for t in lab.tests[-8:])), flush=True)
    noticed = excused = 0
    survivors = []
    for i, (m, by) in enumerate(try_all(opt, lab, picked)):
        known = '%s: %s' % (m['file'], m['what']) in harmless
        noticed += bool(by)
        excused += not by and known
        fate = 'noticed by ' + by if by else 'harmless' if known else 'UNREACHED' if by is None else 'SURVIVED'
        if not by and not known:
            survivors.append((fate, m))
        print('%4d/%d %4.0fs %-28s %s:%d: %s' % (i + 1, len(picked), time.time() - start, fate, m['file'], m['line'],
                                                 m['what']), flush=True)
    if not lab.keep:
        shutil.rmtree(lab.tree)
    print('%d of %d checks taken away were noticed (of %d in all); %d more are harmless, %d survived'
          % (noticed, len(picked), len(mutants), excused, len(survivors)))
    for fate, m in sorted(survivors, key=lambda s: s[1]['number']):
        print('%s %s:%d: %s' % (fate, m['file'], m['line'], m['what']))
    return 1 if survivors else 0


sys.exit(main())
