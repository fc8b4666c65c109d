# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The functions of tests/netns/topology.sh, of the machines of the Vagrantfile, which are up. The prefix means nothing.

VAGRANT_DIR=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
TOPOLOGY_MACHINES="relay nat1 nat2 n1 n2"
. "$VAGRANT_DIR/../tests/netns/machine.sh"

topology_missing() {
	[ -s "$VAGRANT_DIR/.vagrant/ssh_config" ] || echo "the virtual machines are not up: vagrant/test.sh"
}

topology_up() {
	local machine
	for machine in $TOPOLOGY_MACHINES; do
		topology_in "$1" "$machine" mkdir -p "${TEST_ROOT:-/tmp}"
	done
}

topology_down() {
	local machine
	for machine in relay n1 n2; do
		topology_in "$1" "$machine" sh -c 'for home in "$0"/*/; do OCKAM_HOME=$home "$OCKAM" node delete --all -y; done' \
			"${TEST_ROOT:-/tmp}" >/dev/null 2>&1 || true
	done
}

topology_in() { # topology_in PREFIX MACHINE COMMAND...
	(topology_exec "$@")
}
topology_exec() {
	local words
	words=$(printf '%q ' env "OCKAM_HOME=${OCKAM_HOME:-}" "OCKAM=$OCKAM" NO_COLOR=1 "${@:3}")
	exec ssh -q -F "$VAGRANT_DIR/.vagrant/ssh_config" "$2" "sudo $words"
}
