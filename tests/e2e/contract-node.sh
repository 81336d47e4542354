# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# The node as a program: its configuration, its first line, how it ends.

# kithd_run CODE ARG…: what the node does at once.
kithd_run() {
    local want=$1
    shift
    # shellcheck disable=SC2034 # fail names it
    last="kithd $*"
    rc=0
    timeout 20 "$kithd" "$@" </dev/null >"$work/answer" 2>"$work/said" || rc=$?
    expect "exit $rc, not $want" grep -qxE "$want" <<<"$rc"
}

topic "kithd"
some=$work/some.conf
printf '[Node]\nName = some\nListen = 127.0.0.1:0\nState = %s\n' "$work/some.state" >"$some"
kithd_run 0 --config "$some" --check-config
expect "a look made a state" test ! -e "$work/some.state"
kithd_run 0 --config "$some" --print-limits
expect "no limits printed" test -s "$work/answer"
kithd_run '[1-9][0-9]*' --config "$work/nofile" --check-config
kithd_run '[1-9][0-9]*'
for field in Name Listen State; do
    grep -v "^$field" "$some" >"$work/less.conf"
    kithd_run '[1-9][0-9]*' --config "$work/less.conf" --check-config
    says "$field"
done
printf 'Listne = 127.0.0.1:1\n' >>"$some"
kithd_run '[1-9][0-9]*' --config "$some" --check-config
says 5
sed -i 's/^Listne.*/TrustClock = perhaps/' "$some"
kithd_run '[1-9][0-9]*' --config "$some" --check-config
says 5 TrustClock

guards=(Ben Cy Dora Eli Fay)
for g in "${guards[@]}"; do
    node "$g"
    expect "not one line: listening ADDRESS" \
        grep -qxE 'listening 127\.0\.0\.1:[1-9][0-9]*' "$work/$g.node/out"
    expect "more than one line" test "$(wc -l <"$work/$g.node/out")" -eq 1
    op=$work/$g.node/state/operator.link
    expect "operator.link is not 0600" test "$(stat -c %a "$op")" = 600
    cp "$op" "$work/answer"
    link_line
done
# addr NAME: host:port of the node of NAME.
addr() { sed -n 's/^listening //p' "$work/$1.node/out"; }


node Spare
before=$(cat "$work/Spare.node/state/operator.link")
node_stop Spare
expect "more than one line on standard output" test "$(wc -l <"$work/Spare.node/out")" -eq 1
kithd_run 0 --config "$work/Spare.node/conf" --new-operator-link
expect "the operator link is the old one" \
    test "$(cat "$work/Spare.node/state/operator.link")" != "$before"
