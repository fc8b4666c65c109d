#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What the shells themselves offer with the completions of `ockam completion`.

load helper
setup() {
	use_home
	mkdir -p "$OCKAM_HOME/nodes/n1" "$OCKAM_HOME/nodes/n2" # all that completions look at
	cd "$BATS_TEST_TMPDIR"
}

bash_offers() { # bash_offers WORD...: what bash offers for the last one, sorted, in one line
	bash --norc -c '
		eval "$(ockam completion bash)"
		COMP_WORDS=(ockam "$@") COMP_CWORD=$#
		_ockam ockam "${!#}" "${COMP_WORDS[$#-1]}"
		printf "%s\n" "${COMPREPLY[@]}" | sort | paste -sd " "' bash "$@"
}
offers() { # offers WANTED WORD...
	local want=$1 got
	shift
	got=$(bash_offers "$@")
	[ "$got" = "$want" ] || { echo "for '$*' bash offers '$got', expected '$want'"; return 1; }
}

@test "the shells take the scripts; another shell is refused" {
	expect 0 ockam completion bash
	bash -n <<<"$output"
	expect 2 ockam completion nonsense
	expect 2 ockam completion
	# bash itself knows what to call
	bash --norc -c 'eval "$(ockam completion bash)"; complete -p ockam' | grep -F -- '-F _ockam ockam'
}

@test "bash: groups, commands and options" {
	offers 'tcp-connection tcp-inlet tcp-listener tcp-outlet' tcp-
	offers 'create default delete list logs set show start stop' node ''
	offers 'create delete list show' forwarder ''
	offers '--foreground' node create --fo
	offers '--workers' node create n1 --wo
	offers '--quiet' message send --qu
	offers '--version' --vers
	offers 'create default delete list logs set show start stop' help node ''
	offers 'bash fish zsh' completion ''
	# every group and every command that the help lists
	for group in $(ockam --help | sed -nE 's/^  ([a-z][a-z-]*)  +.*/\1/p'); do
		bash_offers "$group" | grep -w -- "$group"
	done
}

@test "bash: values of options" {
	offers 'n1 n2' secure-channel list --at ''
	offers 'n2' message send hello --from n2
	offers '/node/n1 /node/n2' message send hello --to /
	offers '/node/n1 /node/n2 n1 n2' relay create --at ''
	offers 'json plain' node list --output ''
	offers 'json' node list --output = j
	offers 'hex text' identity show --encoding ''
	offers 'any' node create n1 --authorized ''
	# what an option has is no command
	offers 'create default delete list logs set show start stop' --output json node ''
	offers 'create delete list move show' -q vault ''
}

@test "bash: arguments, once" {
	offers 'n1 n2' node show ''
	offers 'n1' node stop n1
	[[ "$(bash_offers node show n1 '')" != *n2* ]]
	[[ "$(bash_offers node show n1 '')" == *--output* ]]
	# files, which readline adds when nothing is offered
	offers '' run ''
	offers '' node create --configuration ''
	offers '' vault create --path ''
	rm -r "$OCKAM_HOME/nodes"
	offers '' secure-channel list --at ''
}

@test "bash completes a line that is typed" {
	command -v python3 >/dev/null || skip "no python3"
	expect 0 python3 - <<'PY'
import os, pty, select, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.environ.update(PS1="> ", TERM="dumb")
    os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
seen = b""
def until(word):
    global seen
    end = time.monotonic() + 20
    while word not in seen:
        left = end - time.monotonic()
        if left <= 0 or not select.select([fd], [], [], left)[0]:
            sys.exit(f"{word} did not come: {seen}")
        seen += os.read(fd, 4096)
    seen = seen.split(word, 1)[1]
os.write(fd, b'eval "$(ockam completion bash)"; echo re""ady\n')
until(b"ready\r\n> ")
os.write(fd, b"ockam tcp-in\tcr\t--conn\t")
until(b"ockam tcp-inlet create --connection-wait ")
os.write(fd, b"\x15exit\n")
PY
}

@test "zsh: the same words" {
	command -v zsh >/dev/null || skip "no zsh: ./dev deps installs it"
	ockam completion zsh >_ockam
	zsh -n _ockam
	words() { zsh -f -c 'compdef() { :; }; source ./_ockam; _ockam_words "$@"' zsh "$@" | tr -s " " | sed "s, $,,"; }
	[ "$(words node show '' '' 0)" = 'n1 n2' ]
	[ "$(words node '' '' '' 0)" = 'create list show set start stop delete logs default' ]
	[[ "$(words node create '' -- 0)" == *'--foreground '* ]]
	rm -r "$OCKAM_HOME/nodes"
	[ -z "$(words node show '' '' 0)" ]
}

@test "fish: groups, commands, options and values" {
	command -v fish >/dev/null || skip "no fish: ./dev deps installs it"
	ockam completion fish >ockam.fish
	export HOME=$BATS_TEST_TMPDIR
	fish_offers() { fish --no-config -c 'source ockam.fish; complete -C $argv[1]' "$1" | cut -f 1 | sort | paste -sd " "; }
	[ "$(fish_offers 'ockam tcp-')" = 'tcp-connection tcp-inlet tcp-listener tcp-outlet' ]
	[ "$(fish_offers 'ockam node ')" = 'create default delete list logs set show start stop' ]
	[ "$(fish_offers 'ockam node create --fo')" = '--foreground' ]
	[ "$(fish_offers 'ockam secure-channel list --at ')" = 'n1 n2' ]
	[ "$(fish_offers 'ockam node show ')" = 'n1 n2' ]
	[ "$(fish_offers 'ockam message send hello --to /')" = '/node/n1 /node/n2' ]
	[ "$(fish_offers 'ockam node list --output ')" = 'json plain' ]
}
