#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A restore with nothing but a telephone: an address and a code that were read out. What
# is wrong costs nothing and learns nothing; who recorded all of it has nothing.
#   spoken.sh KITHD KITH DIRECTORY-OF-TEST-PROGRAMS
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh" || exit 1
tools=$3
mkdir "$work/wire"

# heard PORT HEX-OR-FILE: how many bytes the node says to this until it closes.
heard() {
    python3 - "$1" "$2" <<'PY'
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
raw = bytes.fromhex(sys.argv[2])
s.sendall(raw)
s.settimeout(20)
n = 0
while True:
    got = s.recv(4096)
    if not got:
        break
    n += len(got)
print(n)
PY
}
heard_is() {
    local got
    got=$(heard "$1" "$2") || fail "the node did not close"
    [ "$got" = "$3" ] || fail "the node said $got bytes, not $3"
    checks=$((checks + 1))
}
approve() {
    run "$1" 0 guard requests --json
    req=$(python3 -c 'import json,sys
print([r for r in json.load(open(sys.argv[1]))["requests"] if r["kind"] == "restore"][0]["request"])' \
        "$work/answer")
    run New '7' restore status --json
    python3 -c 'import json,sys
print([g["words"] for g in json.load(open(sys.argv[1]))["guardians"] if g["request"] == sys.argv[2]][0])' \
        "$work/answer" "$req" >"$work/words"
    run "$1" 0 guard approve "$req" --words-file "$work/words" --verified called
}

# ---- a circle 2 of 3; what goes to Ben passes somebody who keeps it ----
for n in Ben Cy Dora; do
    guardian "$n"
    run "$n" 0 guard invite
    cp "$work/answer" "$work/$n.invite"
done
run Ana 0 init --name Ana --no-passphrase
cp "$work/answer" "$work/print"
run Ben 2 guard link --spoken
says "Nobody is enrolled with you yet"
for n in Ben Cy Dora; do
    run Ana 0 guardian add "$n" "@$work/$n.invite"
    run Ana 0 guardian confirm "$n"
    cp "$work/answer" "$work/words"
    run "$n" 0 guard confirm Ana --words-file "$work/words" --verified met
    cp "$work/answer" "$work/back"
    run Ana 0 guardian confirm "$n" --answer-file "$work/back"
done
run Ben 0 guard link Ana --spoken
says "has given you no piece yet"
run Ana 0 circle plan -k 2 --hold 0
run Ana 0 circle seal
rm -rf "$work/Ana"
port=$(cat "$work/Ben.node/port")
"$tools/proxy" "$work/wire/ben" "$work/Ben.node/port" >"$work/line" &
pid[line]=$!
for _ in $(seq 1200); do
    grep -q '^listening' "$work/line" && break
    sleep 0.02
done
at=$(sed 's/^listening //' "$work/line")

# ---- the code: one line, and how to say it ----
run Ben 5 guard link Anna --spoken
run Ben 0 guard link --spoken --json # the only ward
json "d['schema']" kith.link/1
json "d['type']" restore
json "len(d['ward'])" 32
run Ben 0 guard link Ana --spoken
grep -qxE '127\.0\.0\.1:[0-9]+ ([0-9A-HJKMNP-TV-Z]{4}-){4}[0-9A-HJKMNP-TV-Z]{2}' "$work/answer" ||
    fail "not an address and a code"
says "aloud"
code=$(cut -d ' ' -f 2 "$work/answer")
first=${code:0:1}
other=A
[ "$first" = A ] && other=B

# ---- wrong ones: mistyped sends nothing, guessed learns nothing ----
for bad in "$other${code:1}" "${code%?}" "${code}0" "U${code:1}" "${code:1:1}$first${code:2}"; do
    [ "${code:0:2}" = "${bad:0:2}" ] && [ "${#bad}" = "${#code}" ] && continue # two equal letters
    run New 2 restore start --no-passphrase "$at $bad" --json
    json "d['id']" mistyped
done
run New 2 restore start --no-passphrase "$at"
says "mistyped or incomplete"
run New 2 restore start --no-passphrase "$code"
says "no link of Kith, nor an address"
[ -e "$work/New" ] && fail "a mistyped code made a home"
[ "$(find "$work/wire" -type f | wc -l)" = 0 ] || fail "a mistyped code was sent"
run Guess 1 restore start --no-passphrase "$at" 0000-0000-0000-0000-00
says "says nothing to this code"
run Guess 7 restore status --json
json "d['guardians'][0]['node']" "$at"
json "d['guardians'][0]['state']" unopened
run Guess 7 restore
[ "$(find "$work/wire" -name '*.up' -size +0 | wc -l)" -ge 2 ] || fail "nothing was asked"
[ "$(find "$work/wire" -name '*.down' -size +0 | wc -l)" = 0 ] || fail "a guess was answered"
heard_is "$port" "$(head -c 89 "$work/wire/ben.0.up" | od -An -v -tx1 | tr -d ' \n')" 0
heard_is "$port" "$(python3 -c 'print("00" * 89)')" 0

# ---- the right one, with the node away at first ----
node_kill Ben
closed=$(cat "$work/Ben.node/port")
run New 13 restore start --name Ana --no-passphrase "127.0.0.1:$closed" "$code"
says "does not answer"
node Ben
run New 7 restore
run New 7 restore status --json
json "d['guardians'][0]['state']" live
run New 0 restore cancel

# ---- again over the line that is recorded; typed as people type ----
run Ben 0 guard link Ana --spoken
code=$(cut -d ' ' -f 2 "$work/answer")
before=$(find "$work/wire" -name '*.up' | wc -l)
# shellcheck disable=SC2086,SC2046
run New 0 restore start --name Ana --no-passphrase "$at" $(tr 'A-Z0-' 'a-zo ' <<<"$code")
[ "$(wc -l <"$work/answer")" = 1 ] || fail "not one request"
run Late 1 restore start --no-passphrase "$at $code"
says "says nothing to this code"
hello=
for f in "$work"/wire/ben.*.up; do
    [ "$(od -An -j5 -N1 -tu1 "$f" | tr -d ' ')" = 1 ] && [ -s "${f%up}down" ] &&
        hello=$(head -c 89 "$f" | od -An -v -tx1 | tr -d ' \n')
done
[ -n "$hello" ] || fail "no answered code was recorded"
[ "$(find "$work/wire" -name '*.up' | wc -l)" -gt "$before" ] || fail "nothing was recorded"
heard_is "$port" "$hello" 0
approve Ben
run New 7 restore
approve Cy
run New 3 restore
run New 0 restore --accept "$(cat "$work/print")"
run New 0 root fingerprint
answers "$(cat "$work/print")"

# ---- what was recorded holds neither the code nor what it stands for ----
{
    printf 'the code\t%s\n' "$(printf %s "$code" | od -An -v -tx1 | tr -d ' \n')"
    printf 'its letters\t%s\n' "$(printf %s "${code//-/}" | od -An -v -tx1 | tr -d ' \n')"
    python3 - "$code" <<'PY'
import sys
letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
n = 0
for c in sys.argv[1].replace("-", "")[:16]:
    n = n << 5 | letters.index(c)
print("its bits\t" + n.to_bytes(10, "big").hex())
PY
} >"$work/needles"
"$tools/scan" "$work/needles" "$work/wire" "$work/Ben.node" "$work/Ben" "$work/New" >"$work/answer" ||
    fail "a code stands in a file"
printf 'the magic of a hello\t%s\n' "$(printf KITH | od -An -v -tx1 | tr -d ' \n')" >"$work/there"
"$tools/scan" "$work/there" "$work/wire" >"$work/answer" && fail "the scanner finds nothing"
checks=$((checks + 2))
e2e_end
