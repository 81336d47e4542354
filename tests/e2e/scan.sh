#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A circle is made and restored through recording lines; then each node's files and
# memory and all that passed are searched for what no hoster may ever see.
#   scan.sh KITHD KITH DIRECTORY-OF-TEST-PROGRAMS
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh" || exit 1
tools=$3
: >"$work/needles"

hex() { od -An -v -tx1 | tr -d ' \n'; }
unhex() { python3 -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(sys.stdin.read()))'; }
# needle LABEL TEXT: text that must be nowhere.
needle() {
    printf '%s\t%s\n' "$1" "$(printf '%s' "$2" | hex)" >>"$work/needles"
}
# words LABEL: the four words of the last answer, as they are said.
words() {
    needle "$1" "$(cut -f "${2:-1}" "$work/answer" | head -1)"
}
# scanned CODE TARGET…: scan must end with that.
scanned() {
    local want=$1 got=0
    shift
    "$tools/scan" "$needles" "$@" >"$work/answer" 2>"$work/said" || got=$?
    [ "$got" = "$want" ] || fail "scan ends with $got, not $want"
    checks=$((checks + 1))
}
# reached NAME: a node whose links lead to a line that keeps what passes.
reached() {
    local d=$work/box.${box[$1]}
    mkdir -p "$d"
    "$tools/proxy" "$work/wire/${box[$1]}" "$d/port" >"$d/line" &
    pid[line.$1]=$!
    for _ in $(seq 1200); do
        grep -q '^listening' "$d/line" && break
        sleep 0.02
    done
    printf '[Node]\nName = the box in the hall\nListen = 127.0.0.1:0\nState = %s\nTrustClock = yes\nAdvertise = %s\n' \
        "$d/state" "$(sed 's/^listening //' "$d/line")" >"$d/conf"
    : >"$d/out"
    "$kithd" --config "$d/conf" >"$d/out" 2>>"$d/log" &
    pid[$1]=$!
    for _ in $(seq 1200); do
        grep -q '^listening' "$d/out" && break
        sleep 0.02
    done
    sed -n 's/^listening .*:\([0-9]*\)$/\1/p' "$d/out" >"$d/port"
}

owner="Anastasia Winterstein"
guardians=(Bartholomew Cymbeline Desdemona)
declare -A box=([Bartholomew]=1 [Cymbeline]=2 [Desdemona]=3) # no name in a path
mkdir "$work/wire"

# ---- a circle, spoken with, sealed ----
head -c 32 /dev/urandom | hex >"$work/root"
printf 'root\t%s\n' "$(cat "$work/root")" >>"$work/needles"
needle "root in hex" "$(cat "$work/root")"
needle "the owner's name" "$owner"
needle "how to reach a guardian" "behind the old mill"
needle "how to reach the owner" "the red telephone"
needle "about me" "what we called the boat"
run Owner 0 init --name "$owner" --no-passphrase --import-root "$work/root"
words "fingerprint words"
for g in "${guardians[@]}"; do
    needle "a guardian's name" "$g"
    reached "$g"
    run "$g" 0 guard setup --link-file "$work/box.${box[$g]}/state/operator.link" --name "$g" --no-passphrase
    run "$g" 0 guard invite
    cp "$work/answer" "$work/invite"
    run Owner 0 guardian add "$g" "@$work/invite" --reach "behind the old mill" --contact "the red telephone"
    run Owner 0 guardian confirm "$g"
    words "confirm words"
    cp "$work/answer" "$work/words"
    run "$g" 0 guard confirm "$owner" --words-file "$work/words" --verified called
    words "answer words"
    cp "$work/answer" "$work/back"
    run Owner 0 guardian confirm "$g" --answer-file "$work/back"
done
run Owner 0 circle plan -k 2 --hold 0 --about-me "what we called the boat"
run Owner 0 circle seal

# ---- lost, and restored from one friend ----
rm -rf "$work/Owner"
run Bartholomew 0 guard link "$owner"
cp "$work/answer" "$work/link"
run New 0 restore start --name "$owner" --no-passphrase "@$work/link"
# approve GUARDIAN: the words of its line in the last answer, typed there.
approve() {
    run "$1" 0 guard requests --json
    request=$(python3 -c 'import json,sys
print([r for r in json.load(open(sys.argv[1]))["requests"] if r["kind"] == "restore"][0]["request"])' \
        "$work/answer")
    awk -F'\t' -v r="$request" '$2 == r { print $3 }' "$work/live" >"$work/words"
    needle "call words" "$(cat "$work/words")"
    run "$1" 0 guard approve "$request" --words-file "$work/words" --verified met
}
cp "$work/answer" "$work/live"
approve Bartholomew
run New 7 restore
cp "$work/answer" "$work/live"
approve Cymbeline
run New 3 restore
"$tools/kith-secrets" "$work/New" >>"$work/needles" || fail "no pieces to look for"
grep -q '^piece 1' "$work/needles" || fail "two pieces were expected"
grep -q '^escrow key' "$work/needles" || fail "an escrow key was expected"

# ---- the scanner finds what is there ----
needles=$work/needles
mkdir "$work/planted"
printf 'xx%s' "$owner" >"$work/planted/name"
scanned 1 "$work/planted"
grep -q "the owner's name" "$work/answer" || fail "a planted name is not found"
sed -n 's/^piece 0\t//p' "$needles" | cut -c 33-64 | unhex >"$work/planted/name"
scanned 1 "$work/planted"
grep -q '^piece 0' "$work/answer" || fail "half a planted piece is not found"
scanned 1 "$work/New"
printf 'the magic of a hello\t%s\n' "$(head -c 4 "$work/wire/2.0.up" | hex)" >"$work/there"
needles=$work/there
scanned 1 "$work/wire/3.0.up"
printf 'the name of the node\t%s\n' "$(printf 'the box in the hall' | hex)" >"$work/there"
if [ "$(id -u)" = 0 ]; then
    scanned 1 "pid:${pid[Cymbeline]}"
else
    echo "skipped: the memory of nodes, which only root may read"
fi

# ---- and nothing of it at the nodes or between ----
needles=$work/needles
scanned 0 "$work/wire"
[ "$(find "$work/wire" -name '*.up' -size +0 | wc -l)" -ge 20 ] || fail "too little was recorded"
for g in "${guardians[@]}"; do
    scanned 0 "$work/box.${box[$g]}"
    [ "$(id -u)" = 0 ] && scanned 0 "pid:${pid[$g]}"
done
for g in "${guardians[@]}"; do
    kill -TERM "${pid[$g]}"
    wait "${pid[$g]}"
    unset "pid[$g]"
    scanned 0 "$work/box.${box[$g]}"
done
e2e_end
