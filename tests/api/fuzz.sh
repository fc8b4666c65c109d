#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Property tests of the control API, made by schemathesis from the document that the node itself gives: no answer
# that the document does not have, no 5xx but "a peer is not reached", no node that ends. Nodes and tests are alone in
# a network namespace, so that no host that is made up is ever spoken to.
#
#   fuzz.sh OCKAM SCHEMATHESIS [options of `schemathesis run`]
set -euo pipefail
ockam=$1 st=$2 here=$(dirname "$(readlink -f "$0")")
shift 2
if [ "${ALONE:-}" != 1 ]; then
	user=()
	[ "$(id -u)" = 0 ] || user=(--map-root-user)
	unshare --net "${user[@]}" true 2>/dev/null || {
		echo "no network namespace can be made here (unshare --net): nothing was tested" >&2
		exit 77
	}
	ALONE=1 exec unshare --net "${user[@]}" "$0" "$ockam" "$st" "$@"
fi
ip link set lo up
dir=$(mktemp -d)
export OCKAM_HOME=$dir/home TMPDIR=$dir/tmp
mkdir "$TMPDIR"
trap '"$ockam" node delete --all -y >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT
"$ockam" node create n1 --http-server --quiet >/dev/null
"$ockam" node create n2 -t 127.0.0.1:4000 --udp-listener-address 127.0.0.1:4000 >/dev/null # where the examples go
"$ockam" tcp-outlet create --at n2 --to 127.0.0.1:9 >/dev/null
alive() { "$ockam" node show "$1" --jq '[.pid, .dataplane.pid, .dataplane.restarts]' --compact-output; }
before=$(alive n1) other=$(alive n2)
url=http://$("$ockam" node show n1 --output json | jq -r .http_server_address)
cd "$dir" # it keeps notes where it runs
status=0
SCHEMATHESIS_HOOKS=fuzz_hooks PYTHONPATH=$here "$st" run "$url/openapi.json" \
	--header "Authorization: Bearer $(cat "$OCKAM_HOME/nodes/n1/http_token")" --checks all \
	--exclude-checks not_a_server_error,positive_data_acceptance "$@" || status=$?
after=$(alive n1)
[ "$before" = "$after" ] || { echo "node n1 is not what it was: $before, then $after" >&2; exit 1; }
[ "$other" = "$(alive n2)" ] || { echo "node n2 is not what it was" >&2; exit 1; }
exit $status
