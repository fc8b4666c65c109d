#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Takes the checks of the protocol's core away, one at a time: some test has to notice.

Checks of allocations are left out: none fails here.

  mutate.py ROOT [--files PATTERN] [--sample N] [--seed S] [--again OUTPUT] [--jobs N] [--list]

A mutant is an `if (...)` whose body leaves (return, goto, continue, break; also behind a call or two), with its
condition, or one operand of a top-level `||` in it, made false. What it touches is built again by ninja in a copy of the tree and build; then tests run, those of the file's module first, until one fails.
Prints each survivor and the figure. Survivors that tests/mutate/harmless.txt names with their reason are
counted apart: lines `file: text of the condition | reason`.
"""
import argparse, fnmatch, os, queue, random, re, shutil, subprocess, sys, tempfile, threading, time

FILES = """control/handshake.c control/handshake_codec.c control/noise.c control/noise_crypto.c
control/noise_pattern.c control/session_keys.c control/path.c control/path_key.c control/hop.c control/hop_part.c
control/link.c control/link_dial.c control/link_hello.c control/link_target.c control/listener.c
control/responder.c control/initiator.c control/trust.c control/transit.c control/relay_codec.c
control/relay_names.c control/registration.c control/message.c control/message_codec.c control/message_route.c
control/reassembly.c control/handle.c home/identity.c dataplane/session.c dataplane/session_rx.c
dataplane/session_tx.c dataplane/replay.c dataplane/epoch.c dataplane/record.c dataplane/label.c dataplane/rx.c
dataplane/engine.c dataplane/endpoint.c lib/cbor.c lib/route.c lib/seam.c""".split()

# Which unit tests know a file best; beside those that have its name.
FIRST = {
    'control/noise.c': ['noise', 'noise_vectors', 'handshake'],
    'control/noise_crypto.c': ['noise', 'noise_vectors', 'handshake'],
    'control/noise_pattern.c': ['noise', 'noise_vectors'],
    'control/handshake_codec.c': ['handshake_codec', 'handshake', 'protocol'],
    'control/path.c': ['hop', 'path', 'hostile'],
    'control/hop.c': ['hop', 'transit', 'message', 'relay'],
    'control/link_hello.c': ['link'], 'control/link_dial.c': ['link'], 'control/link_target.c': ['link'],
    'control/relay_names.c': ['relay'], 'control/relay_codec.c': ['relay'], 'control/registration.c': ['relay'],
    'control/message_route.c': ['message'], 'control/message_codec.c': ['message'], 'control/handle.c': ['message'],
    'dataplane/session.c': ['session', 'session_time', 'session_hostile'],
    'dataplane/session_rx.c': ['session', 'session_hostile', 'session_time'],
    'dataplane/session_tx.c': ['session', 'session_time'],
    'dataplane/record.c': ['session', 'session_hostile'],
    'dataplane/rx.c': ['engine', 'engine_session'],
    'dataplane/engine.c': ['engine', 'engine_session'],
    'dataplane/endpoint.c': ['engine_session', 'engine'],
}
# After those, for every file, each unit test but those of programs and of what lies on disk.
NOT_THEN = re.compile(r'cli_|api_|bench|home|node_config|vault|log_rotate|tcp_listener|supervisor|.*_sandbox|locked')
SIMS = [['sim_test', '--seeds', '3'], ['message_sim_test', '--seeds', '2'], ['rest_sim_test'],
        ['world_sim_test', '--seeds', '250']]

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
    """The operands of a top-level ||, as (begin, end)."""
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
        parts = operands(cond)
        for b, e in parts:
            what = ' '.join(cond[b:e].split())
            if is_allocation(what, text[:begin]):
                continue
            # evaluated, for what it does besides, and for the compiler; then not believed
            new = cond[:b] + ' ((%s) && ockam_never) ' % cond[b:e].strip() + cond[e:]
            found.append({'file': path, 'line': line, 'what': what,
                          'text': text[:begin + 1] + new + text[end - 1:]})
    for f in found: # read at run time, so that the compiler neither folds it nor warns
        f['text'] = '#define ockam_never (__extension__({ static volatile int no; no; }))\n#line 1\n' + f['text']
    return found


class Worker(threading.Thread):
    def __init__(self, tree, todo, done):
        super().__init__(daemon=True)
        self.tree, self.todo, self.done = tree, todo, done

    def sh(self, args, timeout):
        try:
            p = subprocess.Popen(args, cwd=self.tree, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                 start_new_session=True)
            p.wait(timeout)
            return p.returncode
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, 9)
            p.wait()
            return -1

    def unit(self, name):
        if name == 'noise_vectors':
            return ['build/tests/noise_vectors', 'tests/vectors/cacophony-25519.json']
        return ['build/tests/unit/%s_test' % name]

    def try_one(self, m):
        path = os.path.join(self.tree, m['file'])
        before = open(path).read()
        try:
            with open(path, 'w') as f:
                f.write(m['text'])
            base = os.path.basename(m['file'])[:-2]
            names = FIRST.get(m['file'], []) + [base]
            tests = sorted(f[:-7] for f in os.listdir(os.path.join(self.tree, 'tests/unit')) if f.endswith('_test.c'))
            names += [n for n in tests if not NOT_THEN.match(n)]
            names = [n for n in dict.fromkeys(names)
                     if n == 'noise_vectors' or os.path.exists(os.path.join(self.tree, 'tests/unit', n + '_test.c'))]
            sims = [['build/tests/sim/' + s[0]] + s[1:] for s in SIMS]
            first, rest = [self.unit(n) for n in names[:3]], [self.unit(n) for n in names[3:]] + sims
            for runs in (first, rest): # what need not be linked is not
                if self.sh(['ninja', '-C', 'build', '-j1'] + [r[0][len('build/'):] for r in runs], 600):
                    return 'does not build'
                for args in runs:
                    if self.sh(args, 300):
                        return 'killed by ' + os.path.basename(args[0])
            return None
        finally:
            with open(path, 'w') as f:
                f.write(before)

    def run(self):
        while True:
            try:
                m = self.todo.get_nowait()
            except queue.Empty:
                return
            self.done.put((m, self.try_one(m)))


def read_harmless(root):
    known = {}
    for line in open(os.path.join(root, 'tests/mutate/harmless.txt')):
        line = line.strip()
        if line and not line.startswith('#'):
            what, reason = line.rsplit(' | ', 1)
            known[what] = reason
    return known


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('root')
    ap.add_argument('--files', default='*')
    ap.add_argument('--sample', type=int)
    ap.add_argument('--seed', type=int, default=1)
    ap.add_argument('--jobs', type=int, default=1)
    ap.add_argument('--again', help='what this output of an earlier run says has survived')
    ap.add_argument('--list', action='store_true')
    opt = ap.parse_args()
    all_mutants = []
    for f in FILES:
        if fnmatch.fnmatch(f, opt.files) and os.path.exists(os.path.join(opt.root, f)):
            all_mutants += mutants_of(f, open(os.path.join(opt.root, f)).read())
    picked = all_mutants
    if opt.sample and opt.sample < len(all_mutants):
        picked = random.Random(opt.seed).sample(all_mutants, opt.sample)
        picked.sort(key=lambda m: (m['file'], m['line']))
    if opt.again:
        before = set(re.findall(r'^SURVIVED (\S+):\d+: (.*)$', open(opt.again).read(), re.M))
        picked = [m for m in all_mutants if (m['file'], m['what']) in before]
    if opt.list:
        for m in picked:
            print('%s:%d: %s' % (m['file'], m['line'], m['what']))
        print(len(picked), 'of', len(all_mutants))
        return 0
    harmless = read_harmless(opt.root)
    todo, done = queue.Queue(), queue.Queue()
    for m in picked:
        todo.put(m)
    base = tempfile.mkdtemp(prefix='ockam-mutate.')
    workers = []
    for i in range(opt.jobs):
        tree = os.path.join(base, str(i))
        os.makedirs(tree)
        files = subprocess.check_output(['git', '-C', opt.root, 'ls-files', '-z']).split(b'\0')
        tar = subprocess.Popen(['tar', '-C', opt.root, '--null', '-T', '-', '-cf', '-'], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
        untar = subprocess.Popen(['tar', '-C', tree, '-xf', '-'], stdin=tar.stdout)
        tar.stdin.write(b'\0'.join(f for f in files if f))
        tar.stdin.close()
        untar.wait()
        subprocess.check_call(['meson', 'setup', 'build', '-Doptimization=1', '-Dwerror=false'], cwd=tree,
                              stdout=subprocess.DEVNULL)
        workers.append(Worker(tree, todo, done))
    for w in workers:
        w.start()
    killed = excused = 0
    survivors, broken = [], []
    start = time.time()
    for i in range(len(picked)):
        m, how = done.get()
        key = '%s: %s' % (m['file'], m['what'])
        if how == 'does not build':
            broken.append(m)
        elif how:
            killed += 1
        elif key in harmless:
            excused += 1
        else:
            survivors.append(m)
        print('%4d/%d %4.0fs %-24s %s:%d: %s' % (i + 1, len(picked), time.time() - start,
                                                 how or ('harmless' if key in harmless else 'SURVIVED'),
                                                 m['file'], m['line'], m['what']), flush=True)
    shutil.rmtree(base)
    print('%d of %d checks taken away were noticed (of %d in all); %d more are harmless, %d survived, %d did not build'
          % (killed, len(picked), len(all_mutants), excused, len(survivors), len(broken)))
    for m in survivors:
        print('SURVIVED %s:%d: %s' % (m['file'], m['line'], m['what']))
    return 1 if survivors else 0


sys.exit(main())
