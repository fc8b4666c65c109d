#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Brings the machines of the Vagrantfile up and runs tests/netns/nat.bats on them; needs vagrant with VirtualBox or
# libvirt, and the programs in build/ (`./dev build`). They stay up; `vagrant destroy` removes them.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"
tree=$PWD/..
[ -x "$tree/build/tools/ockam/ockam" ] || { echo "first: ./dev build" >&2; exit 1; }
vagrant up
vagrant rsync
vagrant ssh-config >.vagrant/ssh_config
TOPOLOGY=$PWD/topology.sh OCKAM=$(readlink -f "$tree/build/tools/ockam/ockam") EVENTUALLY_S=60 PATIENCE=10s \
	bats --tap "$tree/tests/netns/nat.bats" </dev/null
