# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Unmodified applications through a portal. Used by apps_direct.bats and apps_relay.bats, which define
#
#   NEAR, FAR            what a command is run by where the inlet is, and where the application is
#   portal NAME PORT     an outlet to 127.0.0.1:PORT and an inlet to it: sets $port
#
# BULK_MIB is the size of the large transfers.

BULK_MIB=${BULK_MIB:-1024}

bulk_file() { # bulk_file FILE: made once per file of tests, the same bytes each time
	[ -e "$BATS_FILE_TMPDIR/bulk" ] ||
		head -c "${BULK_MIB}M" /dev/zero | openssl enc -aes-128-ctr -K "$(printf '42%.0s' {1..16})" -iv "$(printf '00%.0s' {1..16})" >"$BATS_FILE_TMPDIR/bulk"
	ln -sf "$BATS_FILE_TMPDIR/bulk" "$1"
}

postgres() { # as whoever may run it
	[ "$(id -u)" != 0 ] || set -- setpriv --reuid=postgres --regid=postgres --clear-groups "$@"
	"$@"
}

app_postgresql() {
	local bin dir=$BATS_TEST_TMPDIR/pg
	bin=$(echo /usr/lib/postgresql/*/bin)
	mkdir "$dir"
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/* "$BATS_TEST_TMPDIR" 2>/dev/null || true
	[ "$(id -u)" != 0 ] || chown postgres "$dir"
	server_port=$(free_port)
	postgres "$bin/initdb" -D "$dir/data" -U tester --auth=trust --no-sync >/dev/null
	background "${FAR[@]}" env -C "$dir" $([ "$(id -u)" != 0 ] || echo setpriv --reuid=postgres --regid=postgres --clear-groups) \
		"$bin/postgres" -D "$dir/data" -p "$server_port" -c listen_addresses=127.0.0.1 -c unix_socket_directories="$dir" -c fsync=off >"$dir/log" 2>&1
	portal pg "$server_port"
	export PGHOST=127.0.0.1 PGPORT=$port PGUSER=tester PGDATABASE=postgres PGCONNECT_TIMEOUT=10
	eventually "${NEAR[@]}" psql -qAtc 'SELECT 1'
	# transactions
	"${NEAR[@]}" pgbench -iq -s 1 2>/dev/null
	"${NEAR[@]}" pgbench -c 8 -T 2 >pgbench.out
	grep -q 'number of failed transactions: 0' pgbench.out
	# COPY in and out, 200 MB
	seq -f 'the quick brown fox jumps over the lazy dog, and once more, and again, and again: %015.0f' 1 $((BULK_MIB * 2000)) >rows
	"${NEAR[@]}" psql -qc 'CREATE TABLE t (line text)' -c '\copy t FROM rows'
	[ "$("${NEAR[@]}" psql -qAtc 'SELECT count(*) FROM t')" = $((BULK_MIB * 2000)) ]
	"${NEAR[@]}" psql -qc '\copy t TO out'
	cmp rows out
	# a notification reaches a connection that waits
	coproc LISTENER { "${NEAR[@]}" psql -qAt 2>&1; }
	echo 'LISTEN news; SELECT 1;' >&"${LISTENER[1]}"
	read -r -t 20 answer <&"${LISTENER[0]}"
	[ "$answer" = 1 ]
	"${NEAR[@]}" psql -qc "NOTIFY news, 'it works'"
	echo 'SELECT 2;' >&"${LISTENER[1]}"
	read -r -t 20 answer <&"${LISTENER[0]}"
	read -r -t 20 notice <&"${LISTENER[0]}"
	[[ "$answer$notice" == *'it works'* ]]
	eval "exec ${LISTENER[1]}>&-"
	kill "$helper"
	unset PGHOST PGPORT PGUSER PGDATABASE
}

app_redis() {
	server_port=$(free_port)
	background "${FAR[@]}" redis-server --port "$server_port" --bind 127.0.0.1 --save '' --dir "$BATS_TEST_TMPDIR" >redis.log
	portal redis "$server_port"
	cli() { "${NEAR[@]}" redis-cli -p "$port" "$@"; }
	pong() { [ "$(cli ping)" = PONG ]; }
	eventually pong
	"${NEAR[@]}" redis-benchmark -p "$port" -t set,get,lpush -n 50000 -c 20 -P 16 --csv >bench.csv
	[ "$(grep -cE '^"(SET|GET|LPUSH)' bench.csv)" = 3 ]
	background cli --raw subscribe news >subscribed
	subscribed() { grep -q '^subscribe$' subscribed; }
	eventually subscribed
	[ "$(cli publish news hello)" = 1 ]
	eventually grep -qx hello subscribed
	background cli blpop queue 20 >popped
	waiting() { [ "$(cli client list | grep -c 'cmd=blpop')" = 1 ]; }
	eventually waiting
	cli lpush queue value >/dev/null
	eventually grep -q value popped
	head -c 10000000 /dev/urandom >value
	cli -x set large <value >/dev/null
	cli --raw get large | head -c 10000000 | cmp - value
}

app_nginx() {
	mkdir www
	bulk_file www/bulk
	server_port=$(free_port) h2_port=$(free_port)
	cat >nginx.conf <<-CONF
		daemon off; pid $PWD/nginx.pid; error_log $PWD/error.log; user $(id -un);
		events {}
		http {
			access_log off;
			client_body_temp_path $PWD/t1; proxy_temp_path $PWD/t2; fastcgi_temp_path $PWD/t3;
			uwsgi_temp_path $PWD/t4; scgi_temp_path $PWD/t5;
			server { listen 127.0.0.1:$server_port; root $PWD/www; location = /small { return 200 "small\n"; } }
			server { listen 127.0.0.1:$h2_port http2; root $PWD/www; location = /small { return 200 "small\n"; } }
		}
	CONF
	background "${FAR[@]}" nginx -e error.log -p "$PWD" -c "$PWD/nginx.conf"
	portal http "$server_port"
	small() { [ "$("${NEAR[@]}" curl -s "http://127.0.0.1:$port/small")" = small ]; }
	eventually small
	[ "$("${NEAR[@]}" curl -s "http://127.0.0.1:$port/bulk" | sha256sum)" = "$(sha256sum <www/bulk)" ]
	[ "$("${NEAR[@]}" curl -s -r 1000000-1999999 "http://127.0.0.1:$port/bulk" | sha256sum)" = "$(tail -c +1000001 www/bulk | head -c 1000000 | sha256sum)" ]
	"${NEAR[@]}" h2load --h1 -n 3000 -c 20 "http://127.0.0.1:$port/small" >h1.out
	grep -q '3000 succeeded, 0 failed' h1.out
	portal h2 "$h2_port"
	"${NEAR[@]}" h2load -n 5000 -c 10 -m 20 "http://127.0.0.1:$port/small" >h2.out
	grep -q '5000 succeeded, 0 failed' h2.out
}

app_ssh() {
	[ "$(id -u)" = 0 ] || skip "sshd for this user's own key needs root here"
	ssh-keygen -q -t ed25519 -N '' -f host
	ssh-keygen -q -t ed25519 -N '' -f key
	cp key.pub authorized
	chmod 600 authorized
	server_port=$(free_port)
	cat >sshd.conf <<-CONF
		ListenAddress 127.0.0.1:$server_port
		HostKey $PWD/host
		AuthorizedKeysFile $PWD/authorized
		PidFile none
		StrictModes no
		UsePAM no
		PermitRootLogin prohibit-password
	CONF
	# its own /run, for the directory that sshd insists on
	background "${FAR[@]}" unshare -m sh -c "mount -t tmpfs none /run && mkdir /run/sshd && exec /usr/sbin/sshd -D -e -f '$PWD/sshd.conf'" 2>sshd.log
	portal ssh "$server_port"
	ssh="ssh -p $port -i $PWD/key -o UserKnownHostsFile=$PWD/known -o StrictHostKeyChecking=no -o BatchMode=yes -F none"
	hello() { [ "$("${NEAR[@]}" $ssh root@127.0.0.1 echo hello 2>/dev/null)" = hello ]; }
	eventually hello
	# interactive: answers to single lines
	coproc SHELL_THERE { "${NEAR[@]}" $ssh root@127.0.0.1 cat 2>/dev/null; }
	for i in $(seq 50); do
		echo "line $i" >&"${SHELL_THERE[1]}"
		read -r -t 20 answer <&"${SHELL_THERE[0]}"
		[ "$answer" = "line $i" ]
	done
	eval "exec ${SHELL_THERE[1]}>&-"
	bulk_file bulk
	"${NEAR[@]}" rsync -L --whole-file -e "$ssh" bulk "root@127.0.0.1:$PWD/copy"
	cmp bulk copy
	"${NEAR[@]}" rsync -e "$ssh" "root@127.0.0.1:$PWD/copy" back
	cmp bulk back
	rm -f copy back
}

app_iperf3() {
	server_port=$(free_port)
	background "${FAR[@]}" iperf3 -s -B 127.0.0.1 -p "$server_port" >iperf.log
	portal iperf "$server_port"
	measured() { "${NEAR[@]}" iperf3 -c 127.0.0.1 -p "$port" -J "$@" >iperf.json && jq -e '.end.sum_received.bytes > 1000000' iperf.json >/dev/null; }
	eventually measured -t 1
	measured -t 1 -P 16
	measured -t 1 -P 16 -R
}

app_netcat() {
	head -c 3000000 /dev/urandom >question
	head -c 2000000 /dev/urandom >answer
	listens() { eventually bash -c "[ -n \"\$(${FAR[*]} ss -Hltn 'sport = :$server_port')\" ]"; }
	# the client ends first, and still gets the answer (a netcat leaves when the other end has ended: that is socat)
	server_port=$(free_port)
	background "${FAR[@]}" socat "TCP-LISTEN:$server_port,bind=127.0.0.1" SYSTEM:'cat >got1; cat answer'
	listens
	portal first "$server_port"
	"${NEAR[@]}" timeout 60 nc -N 127.0.0.1 "$port" <question >got2
	cmp question got1
	cmp answer got2
	# the server ends first, and still gets the rest
	server_port=$(free_port)
	background "${FAR[@]}" nc -l -N 127.0.0.1 "$server_port" <answer >got3
	listens
	portal second "$server_port"
	"${NEAR[@]}" timeout 60 socat -t 60 - "TCP:127.0.0.1:$port" < <(until [ "$(stat -c %s got4 2>/dev/null)" = 2000000 ]; do :; done; cat question) >got4
	cmp answer got4
	same() { cmp -s question got3; }
	eventually same
}
