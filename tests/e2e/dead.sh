#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A guardian dies in a circle with a card, and somebody else takes the place, with kill -9
# of everything on the way: the owner's program, each node, the guardians' programs. After
# people confirmed it and two weeks, the old card and what lies on the dead guardian's disk
# open nothing any more, alone or beside new pieces; the new pieces and the new card do.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh" || exit 1
built=$3

# ---- all of them live under one clock that runs ahead ----
ahead=0
later() { # later SECONDS
    ahead=$((ahead + $1))
    python3 -c 'import struct, sys
with open(sys.argv[1], "r+b") as f: f.write(struct.pack("=q", int(sys.argv[2])))' "$work/later" "$ahead"
}
day=86400
printf '\0\0\0\0\0\0\0\0' >"$work/later"
for program in kithd kith; do
    printf '#!/bin/sh\n%s exec %s "$@"\n' \
        "KITH_LATER='$work/later' LD_PRELOAD='$built/liblater.so'" "'${!program}'" >"$work/$program"
    chmod +x "$work/$program"
done
kithd=$work/kithd
kith=$work/kith

# killed NAME SECONDS ARG…: kith in the home of NAME, kill -9 after that time
killed() {
    local who=$1 after=$2
    shift 2
    KITH_HOME=$work/$who "$kith" --no-input "$@" >/dev/null 2>&1 &
    sleep "$after"
    kill -9 $! 2>/dev/null
    wait $! 2>/dev/null
}

# cut_off NODE SECONDS ARG…: Ana's kith runs, and that node is killed under it
cut_off() {
    local node=$1 after=$2 running
    shift 2
    KITH_HOME=$work/Ana "$kith" --no-input "$@" >/dev/null 2>&1 &
    running=$!
    sleep "$after"
    node_kill "$node"
    wait "$running"
    node "$node"
}

keep() { # Ana's home and the nodes of kept, to begin from there again
    local name
    for name in "${kept[@]}"; do
        node_kill "$name"
        cp -a "$work/$name.node/state" "$work/$name.kept"
        node "$name"
    done
    cp -a "$work/Ana" "$work/Ana.kept"
}

put_back() {
    local name
    for name in "${kept[@]}"; do
        node_kill "$name"
        rm -rf "$work/$name.node/state"
        cp -a "$work/$name.kept" "$work/$name.node/state"
        node "$name"
    done
    rm -rf "$work/Ana"
    cp -a "$work/Ana.kept" "$work/Ana"
}

invite() { # invite NAME: in the file of that name
    run "$1" 0 guard invite
    cp "$work/answer" "$work/$1.invite"
}

# words both ways, as at an enrolment
meet() { # meet NAME
    run Ana 0 guardian confirm "$1"
    cp "$work/answer" "$work/words"
    run "$1" 0 guard confirm Ana --words-file "$work/words" --verified called
    cp "$work/answer" "$work/back"
    run Ana 0 guardian confirm "$1" --answer-file "$work/back"
}

# about the change, one way; both programs and the node are killed before it is done
call() { # call NAME
    killed Ana 0.05 guardian confirm "$1"
    run Ana 0 guardian confirm "$1"
    cp "$work/answer" "$work/words"
    [ -s "$work/words" ] || fail "no words for $1"
    killed "$1" "$2" guard confirm Ana --words-file "$work/words" --verified called
    node_kill "$1"
    node "$1"
    run "$1" 0 guard confirm Ana --words-file "$work/words" --verified called
    killed Ana 0.1 guardian confirm "$1"
    run Ana 0 guardian confirm "$1"
    answers ""
}

card() { # card FILE: Kim's, printed and read back
    run Ana 0 card print Kim -o "$1"
    run Ana 0 card verify Kim "$1"
}

yes() { # yes HOME GUARDIAN: to what that home asks there
    KITH_HOME=$work/$1 "$kith" --no-input restore status --json >"$work/asks" 2>/dev/null
    run "$2" 0 guard requests --json
    python3 -c 'import json, sys
words = {g["request"]: g["words"] for g in json.load(open(sys.argv[1]))["guardians"]}
req = [r["request"] for r in json.load(open(sys.argv[2]))["requests"] if r["request"] in words][0]
open(sys.argv[3], "w").write(words[req])
print(req)' "$work/asks" "$work/answer" "$work/words" >"$work/req" || fail "$1 asks nothing of $2"
    run "$2" 0 guard approve "$(cat "$work/req")" --words-file "$work/words" --verified called
}

links() { # links NAME…: restore links, in links
    local name
    links=()
    for name in "$@"; do
        run "$name" 0 guard link Ana
        cp "$work/answer" "$work/$name.link"
        links+=("@$work/$name.link")
    done
}

# ---- a circle of four and a card ----
names=(Ben Cy Dora Emil)
for name in "${names[@]}" Gil; do guardian "$name"; done
run Ana 0 init --name Ana --no-passphrase
cp "$work/answer" "$work/fingerprint"
for name in "${names[@]}"; do
    invite "$name"
    run Ana 0 guardian add "$name" "@$work/$name.invite" --reach "+49 30 $name"
    meet "$name"
done
run Ana 0 guardian add Kim --card --reach "the blue house"
run Ana 0 circle plan -k 3 --hold 0
run Ana 3 circle seal
card "$work/old.txt"
run Ana 0 circle seal

# ---- Cy dies; Gil takes the place; everything is killed, again and again ----
node_kill Cy
invite Gil
replace=(guardian replace Cy --with Gil "@$work/Gil.invite" --reach "+49 30 Gil")
kept=(Ben Dora Emil Gil)
keep
restorable() {
    run Ana 3 status --json
    json "d['restorable']" True
}
# Each node in turn, of a change that began anew.
for name in "${kept[@]}"; do
    put_back
    for after in 0.05 0.15; do
        killed Ana "$after" "${replace[@]}"
        restorable
    done
    cut_off "$name" 0.1 "${replace[@]}"
    restorable
    run Ana 3 "${replace[@]}"
    answers "4 of 5 guardians hold the new piece; 3 are needed."
done
card "$work/new.txt"
cmp -s "$work/old.txt" "$work/new.txt" && fail "the card is the old one"

# ---- people confirm it; their programs and nodes die too ----
run Ana 3 status --json
json "(d['epoch'], d['change']['step'])" "(2, 'calls')"
meet Gil
call Ben 0.02
call Dora 0.2
call Emil 0.4
run Ana 0 circle seal --json
json "(d['epoch'], d['change']['step'], d['change']['certified'])" "(2, 'waits', True)"
json "(d['change']['waiting'], d['change']['old_cards'])" "(3, ['Kim'])"
later $((15 * day))
killed Ana 0.05 circle seal --resume
run Ana 0 circle seal --resume
run Ana 0 circle seal --json
json "(d['change']['step'], d['change']['retired'])" "('left', 4)" # at the dead one's node, and on paper

# ---- the old card and the dead guardian's disk: nothing, whatever is beside them ----
node Cy
run Cy 0 guard clock --confirm
links Cy Ben Dora
run Eve 0 restore start --no-passphrase "${links[@]}"
yes Eve Cy
run Eve 7 restore card "$work/old.txt"
run Eve 7 restore --accept "$(cat "$work/fingerprint")"
yes Eve Ben
yes Eve Dora
run Eve 7 restore --accept "$(cat "$work/fingerprint")"
run Eve 7 restore status --json
json "(d['need'], d['have'])" "(3, 2)"
[ -e "$work/Eve/root" ] && fail "old pieces made a root"

# ---- the new ones do ----
links Ben Gil
run New 0 restore start --no-passphrase "${links[@]}"
yes New Ben
yes New Gil
run New 7 restore
run New 3 restore card "$work/new.txt"
run New 0 restore --accept "$(cat "$work/fingerprint")"
run New 0 root fingerprint
answers "$(cat "$work/fingerprint")"
e2e_end
