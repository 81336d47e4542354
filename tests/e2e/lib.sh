#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# For tests/e2e: real nodes and homes on this machine, in one directory that goes away.
# A test is run as NAME.sh KITHD KITH; it sources this, and ends with e2e_end.
#   node NAME            starts a node (again: on the same port); node_kill NAME: kill -9;
#                        node_extra: more lines of its configuration
#   guardian NAME        a node, and NAME as the guardian at it, home without passphrase
#   run NAME CODE ARG…   kith in the home of NAME; its exit code must be CODE
#   alerts_reach NAME    NAME answers a test alert with the word that it showed
#   says TEXT, answers TEXT   the last run said TEXT to the person; TEXT is its answer
#   json "d['state']" VALUE   python's view of the answer
#   at NAME REPLY… -- ARG…   kith at a terminal, typed one by one; what it said in work/seen
set -uo pipefail
export LC_ALL=C.UTF-8 NO_COLOR=1
unset KITH_HOME KITH_PASSPHRASE_FD KITH_PASSPHRASE_COMMAND

kithd=$1
kith=$2
work=$(mktemp -d)
checks=0
node_extra=
declare -A pid

# Started for every look at an answer: not through what may stand before it in the path.
python=$(python3 -c 'import sys; print(sys.executable)')
python3() { "$python" "$@"; }

e2e_stop() {
    local p
    for p in "${pid[@]}"; do kill "$p" 2>/dev/null; done
    wait 2>/dev/null
    rm -rf "$work"
}
trap e2e_stop EXIT

fail() {
    echo "FAILED: $*" >&2
    [ -s "$work/said" ] && sed 's/^/  said: /' "$work/said" >&2
    [ -s "$work/answer" ] && sed 's/^/  answer: /' "$work/answer" >&2
    exit 1
}

node() {
    local d=$work/$1.node port=0
    [ -s "$d/port" ] && port=$(cat "$d/port")
    mkdir -p "$d"
    printf '[Node]\nName = %s\nListen = 127.0.0.1:%s\nState = %s\nTrustClock = yes\n' \
        "$1" "$port" "$d/state" >"$d/conf"
    printf '%s\n' "$node_extra" >>"$d/conf"
    : >"$d/out"
    "$kithd" --config "$d/conf" >"$d/out" 2>>"$d/log" &
    pid[$1]=$!
    for _ in $(seq 1200); do
        grep -q '^listening' "$d/out" && break
        kill -0 "${pid[$1]}" 2>/dev/null || fail "kithd of $1: $(tail -3 "$d/log")"
        sleep 0.05
    done
    sed -n 's/^listening .*:\([0-9]*\)$/\1/p' "$d/out" >"$d/port"
}

node_kill() {
    kill -9 "${pid[$1]}"
    wait "${pid[$1]}" 2>/dev/null
    unset "pid[$1]"
}

run() {
    local who=$1 want=$2 got=0
    shift 2
    KITH_HOME=$work/$who "$kith" --no-input "$@" >"$work/answer" 2>"$work/said" || got=$?
    [ "$got" = "$want" ] || fail "$who: kith $*: exit $got, not $want"
    checks=$((checks + 1))
}

guardian() {
    node "$1"
    run "$1" 0 guard setup --link-file "$work/$1.node/state/operator.link" --name "$1" \
        --no-passphrase
}

alerts_reach() {
    local word
    run "$1" 0 alert test
    run "$1" 0 alert watch --once --json
    word=$(python3 -c 'import json, sys
print([d["word"] for d in map(json.loads, open(sys.argv[1])) if d["word"]][-1])' "$work/answer") ||
        fail "no test alert shows a word"
    run "$1" 0 alert test "$word"
}

# Lines are joined: what is said to a person is wrapped at words.
says() {
    tr '\n' ' ' <"$work/said" | tr -s ' ' | grep -qF -- "$1" || fail "was not said: $1"
    checks=$((checks + 1))
}

answers() {
    [ "$(cat "$work/answer")" = "$1" ] || fail "the answer is not: $1"
    checks=$((checks + 1))
}

json() {
    local got
    got=$(python3 -c 'import json,sys
d = json.load(open(sys.argv[1]))
v = eval(sys.argv[2])
print("null" if v is None else v)' "$work/answer" "$1") || fail "no such value: $1"
    [ "$got" = "$2" ] || fail "$1 is $got, not $2"
    checks=$((checks + 1))
}

at() {
    local who=$1 got=0
    shift
    KITH_HOME=$work/$who python3 - "$kith" "$work/seen" "$@" <<'PY' || got=$?
import fcntl, os, pty, select, struct, sys, termios
at = sys.argv.index("--")
replies, argv = sys.argv[3:at], [sys.argv[1], *sys.argv[at + 1:]]
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, int(os.environ.get("COLUMNS_AT", 80)), 0, 0))
    os.execv(argv[0], argv)
seen, told = b"", 0
while select.select([fd], [], [], 60)[0]:
    try:
        got = os.read(fd, 4096)
    except OSError:
        break
    if not got:
        break
    seen += got
    prompt = seen[told:].endswith((b": ", b"[y/n] "))
    # A line that came in two parts may end so, too: at a prompt nothing follows.
    if replies and prompt and not select.select([fd], [], [], 0.3)[0]:
        told = len(seen)
        os.write(fd, replies.pop(0).encode() + b"\n")
open(sys.argv[2], "wb").write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PY
    return "$got"
}

e2e_end() {
    echo "$(basename "$0" .sh): $checks checks"
}
