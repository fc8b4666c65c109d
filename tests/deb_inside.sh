#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs as root where the package was installed (tests/deb.sh): everything in it works there.
set -euo pipefail
fail() {
	echo "$*"
	exit 1
}
as() { setpriv --reuid=ockam --regid=ockam --clear-groups --no-new-privs env HOME=/nonexistent OCKAM_HOME=/var/lib/ockam "$@"; }

[ "$(stat -c '%U %a' /var/lib/ockam)" = 'ockam 700' ] || fail "the home was not made: $(stat /var/lib/ockam)"
for file in /lib/systemd/system/ockam@.service /usr/share/man/man1/ockam-node.1.gz /usr/share/man/man8/ockam-control.8.gz \
	/usr/share/man/man8/ockam-dp.8.gz /usr/share/bash-completion/completions/ockam-dp /usr/share/ockam/ockam-dp.schema.json \
	/usr/share/bash-completion/completions/ockam /usr/share/zsh/vendor-completions/_ockam \
	/usr/share/fish/vendor_completions.d/ockam.fish /usr/share/ockam/ockam-configuration.schema.json \
	/usr/share/ockam/ockam-output.schema.json /usr/share/ockam/grafana/ockam-node.json; do
	[ -s "$file" ] || fail "not installed: $file"
done
[ -x "$(sed -nE 's/^ExecStart=([^ ]+) .*/\1/p' /lib/systemd/system/ockam@.service)" ] || fail "the unit names no program"

ockam --version
as ockam node create n1 >/dev/null
as ockam node create n2 >/dev/null
said=$(as ockam secure-channel create --from n1 --to /node/n2/service/api |
	as ockam message send hello --from n1 --to -/service/uppercase)
[ "$said" = HELLO ] || fail "a message through a channel came back as '$said'"
# as the unit starts it
as ockam node stop n1 >/dev/null
as ockam node start --foreground n1 2>/tmp/log &
for _ in $(seq 300); do
	[ "$(as ockam node show n1 2>/dev/null | grep -c '"running"')" = 0 ] || break
	sleep 0.1
done
said=$(as ockam message send hello --to /node/n1/secure/api/service/uppercase)
[ "$said" = HELLO ] || fail "the node of the service answers '$said': $(cat /tmp/log)"
as ockam node delete --all --yes >/dev/null
wait
bash -c 'source /usr/share/bash-completion/completions/ockam && complete -p ockam' >/dev/null
echo "the installed programs work"
