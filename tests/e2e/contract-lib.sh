# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154 # work, checks, pid, kith come from lib.sh
# For the contract test, over lib.sh: whatever differs from what is promised is counted
# and said, and the play goes on, so that one run says everything. Differences:
#   run NAME CODE ARG…   CODE may be 1|2; no terminal; standard input is $feed or nothing;
#                        bounded; a prompt is met as a program would meet it
#   doc NAME, lines NAME the answer is kith.NAME/1, each promised field of its type
#   holds EXPR, value EXPR   python's view of the answer d
# shellcheck source=tests/e2e/lib.sh disable=SC1091
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
failures=0
last=
rc=0

fail() {
    local i=1
    failures=$((failures + 1))
    while [[ ${BASH_SOURCE[i]##*/} == *lib.sh ]]; do i=$((i + 1)); done
    echo "DIFFERS ${BASH_SOURCE[i]##*/}:${BASH_LINENO[i - 1]}: $*"
    echo "    $last (exit $rc)"
    sed 's/^/    answer: /' "$work/answer" 2>/dev/null | cut -c 1-600 | head -n 6
    sed 's/^/    said: /' "$work/said" 2>/dev/null | head -n 8
}

# expect WHAT COMMAND…: the command succeeds.
expect() {
    local what=$1
    shift
    checks=$((checks + 1))
    "$@" || fail "$what"
}

topic() {
    printf '== %s (after %d s)\n' "$*" "$SECONDS"
}

run() {
    local who=$1 want=$2
    shift 2
    last="$who: kith $*"
    rc=0
    KITH_HOME=$work/$who setsid -w timeout 60 "$kith" "$@" <"${feed:-/dev/null}" \
        >"$work/answer" 2>"$work/said" || rc=$?
    expect "exit $rc, not $want" grep -qxE "$want" <<<"$rc"
}

# as NAME FILE ARG…: a step on the way; its answer goes to FILE.
as() {
    local who=$1 file=$2
    shift 2
    run "$who" 0 "$@" --no-input
    cp "$work/answer" "$file"
}

one_line() {
    expect "not exactly one line" \
        python3 -c 'import sys; b = open(sys.argv[1], "rb").read()
sys.exit(not (b.endswith(b"\n") and b.count(b"\n") == 1 and len(b) > 1))' "$work/answer"
}

words_line() {
    one_line
    expect "not $1 words" grep -qxE "[a-z-]+( [a-z-]+){$(($1 - 1))}" "$work/answer"
}

link_line() {
    one_line
    expect "not a link" grep -qxE 'KITH1:[A-Z2-7]{60,148}' "$work/answer"
}

# No answer; what was said, if anything, was said to a person.
silent() {
    expect "standard output should be empty" test ! -s "$work/answer"
}

says() {
    local text
    for text in "$@"; do
        expect "was not said: $text" grep -qiF -- "$text" \
            <<<"$(tr '\n' ' ' <"$work/said" | tr -s ' ')"
    done
}

# errs NAME CODE ARG…: the command with --json ends CODE with an error document.
errs() {
    local who=$1 want=$2
    shift 2
    run "$who" "$want" "$@" --json
    doc error
    holds "d['exit'] == $rc"
}

python_on_answer() {
    python3 "$here/contract.py" "$@" <"$work/answer"
}

doc() {
    local why
    why=$(python_on_answer check "$1")
    expect "$why" test -z "$why"
}

lines() {
    local why
    why=$(python_on_answer lines "$1")
    expect "$why" test -z "$why"
}

holds() {
    expect "does not hold: $1" python_on_answer holds "$1"
}

value() {
    python_on_answer value "$1"
}

# node_stop NAME: asked to drain, it ends 0.
node_stop() {
    local p=${pid[$1]} i
    last="SIGTERM to the node of $1"
    kill -TERM "$p"
    for i in $(seq 200); do
        kill -0 "$p" 2>/dev/null || break
        sleep 0.05
    done
    [ "$i" -lt 200 ] || kill -KILL "$p" 2>/dev/null
    rc=0
    wait "$p" || rc=$?
    unset "pid[$1]"
    expect "it ended $rc" test "$rc" -eq 0
}

# other_word FILE N: the words of FILE, the Nth exchanged for another one of the list.
other_word() {
    awk -v n="$2" '{ $n = ($n == "acid") ? "acrobat" : "acid"; print }' "$1"
}

# contract_end FLOOR: fails where something differed, or fewer checks ran than FLOOR.
contract_end() {
    echo "contract: $checks checks (floor $1), $failures differ, $SECONDS s"
    [ "$checks" -ge "$1" ] && [ "$failures" -eq 0 ]
}
