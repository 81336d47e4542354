#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# kith guard clock, kithd backup, load, verify against a real node; wrong cases first.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh" || exit 1

# daemon CODE ARG…: kithd with Ben's configuration, to its end.
daemon() {
    local want=$1 got=0
    shift
    "$kithd" --config "$work/Ben.node/conf" "$@" >"$work/answer" 2>"$work/said" || got=$?
    [ "$got" = "$want" ] || fail "kithd $*: exit $got, not $want"
    checks=$((checks + 1))
}

stop() {
    kill "${pid[Ben]}"
    wait "${pid[Ben]}" 2>/dev/null
    unset "pid[Ben]"
}

state=$work/Ben.node/state

# ---- a node whose clock is vouched for ----
run Ben 5 guard clock
says "You are not a guardian yet"
guardian Ben
run Ben 0 guard clock
run Ben 0 guard clock --json
json "d['schema']" kith.clock/1
json "d['seats'][0]['frozen']" False
json "d['seats'][0]['why']" null
json "abs(d['seats'][0]['difference']) < 5" True
run Ben 0 guard clock --confirm --json
json "d['seats'][0]['confirmed']" False

# ---- backup, load, verify ----
daemon 2 backup
daemon 2 load
daemon 2 verify backup "$work/b"
daemon 11 verify
says "The node is running"
daemon 0 backup "$work/b"
grep -q 'running node' "$work/answer" || fail "it ran"
[ "$(stat -c %a "$work/b")" = 600 ] || fail "a backup is as secret as State"
daemon 11 load "$work/b"
run Ben 0 guard invite
stop
run Ben 13 guard clock
daemon 0 verify
daemon 1 load "$work/b"
says "move it away first"
mv "$state" "$work/old"
daemon 5 verify
daemon 5 backup "$work/c"
head -c 300 "$work/b" >"$work/short"
daemon 9 load "$work/short"
says "damaged or cut short"
[ -e "$state" ] && fail "a bad backup made something"
daemon 0 load "$work/b"
daemon 0 verify
node Ben
run Ben 0 guard wards
stop

# ---- an older copy put in place by hand ----
cp "$state/data.mdb" "$work/older"
node Ben
run Ben 0 guard invite
stop
cp "$work/older" "$state/data.mdb"
daemon 1
says "kithd load F"
daemon 9 verify
daemon 0 backup "$work/b"
rm -r "$state"
daemon 0 load "$work/b"
node Ben
run Ben 0 guard wards
stop

# ---- a clock that nobody vouches for ----
sed -i '/TrustClock/d' "$work/Ben.node/conf"
: >"$work/Ben.node/out"
"$kithd" --config "$work/Ben.node/conf" >"$work/Ben.node/out" 2>"$work/Ben.node/log" &
pid[Ben]=$!
for _ in $(seq 1200); do
    grep -q '^listening' "$work/Ben.node/out" && break
    sleep 0.05
done
if grep -q clock.frozen "$work/Ben.node/log"; then
    run Ben 3 guard clock --json
    json "d['seats'][0]['why']" unsynchronised
    run Ben 3 guard clock
    grep -q 'guard clock --confirm' "$work/answer" || fail "what to do"
    run Ben 0 guard wards
    run Ben 0 guard clock --confirm --json
    json "d['seats'][0]['confirmed']" True
    json "d['seats'][0]['frozen']" False
    run Ben 0 guard clock
    grep -q clock.confirmed "$work/Ben.node/log" || fail "not logged"
else
    echo "skipped: an unsynchronised start (this machine's kernel knows the time)"
fi
e2e_end
