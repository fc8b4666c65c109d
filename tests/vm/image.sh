#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a virtual machine of the tests boots, in build-vm/: Debian 12's stock kernel, unpacked and not installed;
# a root file system with what the built programs and the tests need; and an initial RAM disk that does nothing
# but mount it. What is there and of the same packages is used again.
#
#   image.sh BUILD        BUILD: the build directory whose programs are to run there
set -euo pipefail
build=$(readlink -f "$1")
cd "$(dirname "$(readlink -f "$0")")/../.."
here=$PWD/tests/vm out=$PWD/build-vm
# kernel modules that a machine of the tests may want
MODULES="arch crypto lib net fs/9p fs/netfs fs/fscache fs/ext4 fs/jbd2 fs/overlayfs fs/mbcache.ko drivers/block
	drivers/net/bonding drivers/net/dummy.ko drivers/net/ifb.ko drivers/net/macvlan.ko drivers/net/net_failover.ko
	drivers/net/tun.ko drivers/net/veth.ko drivers/net/virtio_net.ko drivers/net/vxlan drivers/virtio
	drivers/char/virtio_console.ko drivers/char/hw_random"
say() { echo "== $*"; }

packages() { # lines of packages.txt with this tag
	sed 's/#.*//' packages.txt | awk -v tag="[$1]" '$2 == tag { print $1 }'
}

libraries() { # the shared libraries that the built programs load
	find "$build" -type f -perm -u+x ! -name '*.so*' ! -name '*.o' ! -path '*/meson-*' -exec ldd {} + 2>/dev/null |
		sed -nE 's/.*=> ([^ ]+) .*/\1/p' | sort -u
}

packages_of() { # Debian packages of the files on stdin
	while read -r library; do
		# by either name, since /lib is /usr/lib
		echo "$library" "/usr$library" "$(readlink -f "$library")"
	done | tr ' ' '\n' | sort -u | xargs dpkg -S 2>/dev/null | cut -d: -f1 | sort -u
}

kernel_package() { # what linux-image-amd64 of Debian 12 stands for now
	apt-cache depends --no-recommends linux-image-amd64 | sed -nE 's/ *Depends: (linux-image-6\.1[^ ]*)/\1/p' | head -1
}

make_kernel() { # make_kernel PACKAGE: $out/vmlinuz, $out/modules (as a root with lib/modules)
	local work=$out/kernel.new
	rm -rf "$work"
	mkdir -p "$work/deb"
	(cd "$work/deb" && apt-get download -qq "$1" 2>"$work/log") || { cat "$work/log" >&2; return 1; }
	dpkg-deb -x "$work"/deb/*.deb "$work/root"
	local version kept=$work/modules part
	version=$(ls "$work/root/lib/modules")
	mkdir -p "$kept/lib/modules/$version/kernel"
	for part in $MODULES; do
		[ -e "$work/root/lib/modules/$version/kernel/$part" ] || continue
		mkdir -p "$(dirname "$kept/lib/modules/$version/kernel/$part")"
		cp -a "$work/root/lib/modules/$version/kernel/$part" "$kept/lib/modules/$version/kernel/$part"
	done
	cp "$work/root/lib/modules/$version"/modules.{builtin,order,builtin.modinfo} "$kept/lib/modules/$version/"
	depmod -b "$kept" "$version"
	rm -rf "$out/modules"
	mv "$kept" "$out/modules"
	cp "$work/root"/boot/vmlinuz-* "$out/vmlinuz"
	make_initrd "$version"
	rm -rf "$work"
}

make_initrd() { # make_initrd VERSION: busybox, the modules of the disk and its file system, and initrd.sh
	local work=$out/initrd.new module
	rm -rf "$work"
	mkdir -p "$work"/{bin,proc,sys,dev,root,modules}
	cp /bin/busybox "$work/bin/"
	cp "$here/initrd.sh" "$work/init"
	for module in virtio_pci virtio_blk ext4; do
		modprobe -d "$out/modules" -S "$1" --show-depends $module
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >"$work/list"
	local n=10
	while read -r module; do
		cp "$module" "$work/modules/$n-${module##*/}"
		n=$((n + 1))
	done <"$work/list"
	(cd "$work" && find . -print0 | LC_ALL=C sort -z | cpio --null -o -H newc -R 0:0 --quiet | gzip -1) >"$out/initrd.gz"
	rm -rf "$work"
}

make_root() { # make_root PACKAGE...: $out/root.ext4
	local list
	list=$(printf '%s,' "$@")
	rm -f "$out/root.tar"
	# from where this machine has its packages
	mmdebstrap --quiet --variant=minbase --skip=check/empty --include="${list%,}" \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
		--dpkgopt='path-exclude=/usr/share/man/*' --aptopt='APT::Install-Recommends "false"' \
		--customize-hook="copy-in '$out/modules/lib/modules' /usr/lib" \
		bookworm "$out/root.tar" \
		$(for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources}; do [ -f "$f" ] && echo "$f"; done) \
		>"$out/mmdebstrap.log" 2>&1 || { tail -n 20 "$out/mmdebstrap.log" >&2; return 1; }
	rm -f "$out/root.ext4"
	# fakeroot: the image has root's files also when an ordinary user makes it
	fakeroot sh -c "set -e; mkdir '$out/root.new'; tar -x -f '$out/root.tar' -C '$out/root.new'
		mke2fs -q -t ext4 -O ^has_journal -d '$out/root.new' '$out/root.ext4' 3G
		rm -rf '$out/root.new'"
	rm -f "$out/root.tar"
}

mkdir -p "$out"
exec 8>"$out/lock"
flock 8
kernel=$(kernel_package)
[ -n "$kernel" ] || { echo "apt knows no linux-image-6.1 here: not a Debian 12?" >&2; exit 1; }
want_kernel="$kernel $(apt-cache policy "$kernel" | sed -nE 's/ *Candidate: //p') $MODULES $(cksum <"$here/initrd.sh")"
if [ "$(cat "$out/kernel.made" 2>/dev/null)" != "$want_kernel" ]; then
	say "kernel: $kernel"
	rm -f "$out/kernel.made" "$out/root.made"
	make_kernel "$kernel"
	echo "$want_kernel" >"$out/kernel.made"
fi
want_root=$(packages guest; libraries)
if [ "$(cat "$out/root.made" 2>/dev/null)" != "$want_root" ]; then
	say "root file system"
	rm -f "$out/root.made"
	make_root $( (packages guest; libraries | packages_of) | sort -u)
	echo "$want_root" >"$out/root.made"
fi
