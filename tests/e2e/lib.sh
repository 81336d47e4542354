#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by the tests that play the real programs. Everything lives in one directory
# that goes at the end; every process is ended by its own id; every wait is bounded.
# A failed expectation is counted and said; the run goes on, to say them all.

build=${KITH_BUILD:?the build directory}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
out=$work/stdout
err=$work/stderr
rc=0
checks=0
failures=0
last="(nothing yet)"
declare -A node_pid=() node_addr=()
helpers=()
unset KITH_PASSPHRASE_FD KITH_PASSPHRASE_COMMAND
export NO_COLOR=1

end_all() {
    local pid
    for pid in "${node_pid[@]}" "${helpers[@]}"; do
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    if [ -z "${KITH_KEEP:-}" ]; then
        rm -rf "$work"
    else
        echo "kept: $work"
    fi
}
trap end_all EXIT

fail() {
    failures=$((failures + 1))
    echo "FAIL ${BASH_SOURCE[2]##*/}:${BASH_LINENO[1]}: $*"
    echo "     after: $last (exit $rc)"
    sed 's/^/     out: /' "$out" 2>/dev/null | head -n 5
    sed 's/^/     err: /' "$err" 2>/dev/null | head -n 6
}

topic() {
    printf '== %s (after %d s)\n' "$*" "$SECONDS"
}

# expect WHAT COMMAND…: the command succeeds.
expect() {
    local what=$1
    shift
    checks=$((checks + 1))
    "$@" || fail "$what"
}

# kith EXIT WHO ARGUMENTS…: kith in the home of WHO, without a terminal; standard input
# is $feed or empty. EXIT may be a pattern as 1|2.
kith() {
    local want=$1 who=$2
    shift 2
    last="kith($who) $*"
    rc=0
    KITH_HOME=$work/$who setsid -w timeout 60 "$build/client/kith" "$@" \
        <"${feed:-/dev/null}" >"$out" 2>"$err" || rc=$?
    checks=$((checks + 1))
    [[ $rc =~ ^($want)$ ]] || fail "exit $rc, not $want"
    return 0
}

# The answer is one line, and nothing else.
one_line() {
    checks=$((checks + 1))
    [ "$(wc -l <"$out")" -eq 1 ] && [ "$(tail -c 1 "$out" | od -An -c | tr -d ' ')" = '\n' ] ||
        fail "not exactly one line on standard output"
}

# one_line of N words, single spaces.
words_line() {
    one_line
    checks=$((checks + 1))
    grep -qxE "[a-z]+( [a-z]+){$(($1 - 1))}" "$out" || fail "not $1 words"
}

link_line() {
    one_line
    checks=$((checks + 1))
    grep -qxE 'KITH1:[A-Za-z0-9-]{20,148}' "$out" || fail "not a link"
}

silent() {
    checks=$((checks + 1))
    [ ! -s "$out" ] || fail "standard output should be empty"
}

# said TEXT…: a person was told so, on standard error and not on standard output.
said() {
    local text
    for text in "$@"; do
        checks=$((checks + 1))
        grep -qiF -e "$text" "$err" || fail "nothing about \"$text\" on standard error"
    done
}

# doc SCHEMA: the answer is one document of that schema, each field as promised.
doc() {
    checks=$((checks + 1))
    local why
    why=$(python3 "$here/json.py" check "$1" <"$out") || fail "$why"
}

# holds EXPRESSION: true of the document d.
holds() {
    checks=$((checks + 1))
    python3 "$here/json.py" holds "$1" <"$out" || fail "does not hold: $1"
}

# value EXPRESSION: printed.
value() {
    python3 "$here/json.py" value "$1" <"$out"
}

# error_is ID EXIT: the document is the error of that id.
error_is() {
    doc error
    holds "d['id'] == '$1' and d['exit'] == $2"
}

# node_start NAME: a kithd with its state in $work/NAME.state; listens where it did before.
node_start() {
    local name=$1 conf=$work/$1.conf i
    [ -e "$conf" ] || printf '[Node]\nName = %s at home\nListen = %s\nState = %s\nTrustClock = yes\n' \
        "$name" "127.0.0.1:0" "$work/$name.state" >"$conf"
    : >"$work/$name.out"
    setsid "$build/node/kithd" --config "$conf" </dev/null >"$work/$name.out" 2>>"$work/$name.log" &
    node_pid[$name]=$!
    for i in $(seq 200); do
        grep -q '^listening ' "$work/$name.out" && break
        kill -0 "${node_pid[$name]}" 2>/dev/null || break
        sleep 0.05
    done
    node_addr[$name]=$(sed -n 's/^listening //p' "$work/$name.out")
    checks=$((checks + 1))
    [ -n "${node_addr[$name]}" ] || fail "node $name does not listen after $i looks"
    sed -i "s/^Listen = .*/Listen = ${node_addr[$name]}/" "$conf"
}

# node_stop NAME: asked to drain; ends 0.
node_stop() {
    local pid=${node_pid[$1]} code=0 i
    last="SIGTERM to node $1"
    kill -TERM "$pid"
    for i in $(seq 200); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.05
    done
    [ "$i" -lt 200 ] || kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" || code=$?
    unset "node_pid[$1]"
    rc=$code
    checks=$((checks + 1))
    [ "$code" -eq 0 ] || fail "node $1 ended $code"
}

# summary MIN: what ran; fails with fewer checks than MIN.
summary() {
    echo "$checks checks (floor $1), $failures failed, $SECONDS s"
    [ "$checks" -ge "$1" ] || { echo "too few checks ran"; exit 1; }
    [ "$failures" -eq 0 ] || exit 1
}
