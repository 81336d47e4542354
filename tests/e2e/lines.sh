#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Bad lines between kith and a node: slow ones are waited for, cut ones are said.
#   lines.sh KITHD KITH DIRECTORY-OF-TEST-PROGRAMS
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh" || exit 1
tools=$3

# behind NAME DELAY_MS CUT: a node whose links lead through such a line.
behind() {
    local d=$work/$1.node
    mkdir -p "$d"
    "$tools/proxy" "$d/wire" "$d/port" "$2" "$3" >"$d/line" &
    pid[line.$1]=$!
    for _ in $(seq 1200); do
        grep -q '^listening' "$d/line" && break
        sleep 0.02
    done
    printf '[Node]\nName = %s\nListen = 127.0.0.1:0\nState = %s\nTrustClock = yes\nAdvertise = %s\n' \
        "$1" "$d/state" "$(sed 's/^listening //' "$d/line")" >"$d/conf"
    : >"$d/out"
    "$kithd" --config "$d/conf" >"$d/out" 2>>"$d/log" &
    pid[$1]=$!
    for _ in $(seq 1200); do
        grep -q '^listening' "$d/out" && break
        sleep 0.02
    done
    sed -n 's/^listening .*:\([0-9]*\)$/\1/p' "$d/out" >"$d/port"
}

# Cut in message 1, between the handshake and HELLO, and in the middle of the enrolment.
for cut in 40 89 300 1000; do
    behind "Cut$cut" 0 "$cut"
    KITH_HOME=$work/Cut$cut "$kith" --no-input guard setup --link-file \
        "$work/Cut$cut.node/state/operator.link" --name Ben --no-passphrase \
        >"$work/answer" 2>"$work/said" && fail "a line cut after $cut bytes served"
    [ -s "$work/said" ] || fail "nothing was said of a line cut after $cut bytes"
    checks=$((checks + 2))
done

behind Slow 30 0
run Slow 0 guard setup --link-file "$work/Slow.node/state/operator.link" --name Ben --no-passphrase
run Slow 0 guard invite
run Slow 0 guard wards
e2e_end
