#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A circle that changes, against real nodes: everybody gets a new piece, people confirm it,
# two weeks later the old pieces are gone. One guardian dies and another takes the place;
# the program of the owner and the nodes are killed on the way.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh" || exit 1
built=$3

later() { # later SECONDS
    ahead=$((ahead + $1))
    python3 -c 'import struct, sys
with open(sys.argv[1], "r+b") as f: f.write(struct.pack("=q", int(sys.argv[2])))' "$work/later" "$ahead"
}
day=86400
ahead=0
printf '\0\0\0\0\0\0\0\0' >"$work/later"
for program in kithd kith; do
    printf '#!/bin/sh\n%s exec %s "$@"\n' \
        "KITH_LATER='$work/later' LD_PRELOAD='$built/liblater.so'" "'${!program}'" >"$work/$program"
    chmod +x "$work/$program"
done
kithd=$work/kithd
kith=$work/kith

names=(Ben Cy Dora Emil Fay)
for name in "${names[@]}" Gil; do guardian "$name"; done

add() { # add NAME, an option or another verb before it
    run "$1" 0 guard invite
    cp "$work/answer" "$work/link"
    run Ana 0 guardian add "$1" "@$work/link" --reach "+49 30 $1"
}

# owner and guardian speak for the first time: words both ways
meet() { # meet NAME CODE
    run Ana 0 guardian confirm "$1"
    cp "$work/answer" "$work/words"
    run "$1" 0 guard confirm Ana --words-file "$work/words" --verified called
    cp "$work/answer" "$work/back"
    run Ana 0 guardian confirm "$1" --answer-file "$work/back"
}

# and about a change, when they know each other: one way
call() { # call NAME
    run Ana 0 guardian confirm "$1"
    cp "$work/answer" "$work/words"
    [ -s "$work/words" ] || fail "no words for $1"
    run "$1" 0 guard confirm Ana --words-file "$work/words" --verified called
    run Ana 0 guardian confirm "$1"
    answers ""
}

# the epochs that a node holds of Ana, by what its guardian sees
holds() { # holds NAME EPOCH
    run "$1" 0 guard wards --json
    json "d['wards'][0]['epoch']" "$2"
}

run Ana 0 init --name Ana --no-passphrase
for name in "${names[@]}"; do add "$name"; done
run Ana 10 circle rotate
says "not sealed yet"
run Ana 0 circle plan -k 3 --hold 0
run Ana 3 circle seal
for name in "${names[@]}"; do meet "$name"; done
run Ana 0 circle seal

# ---- new pieces for everybody, with kill -9 of owner and nodes on the way ----
for after in 0.01 0.03 0.06 0.1 0.15; do
    KITH_HOME=$work/Ana "$kith" --no-input circle rotate >/dev/null 2>&1 &
    sleep "$after"
    kill -9 $! 2>/dev/null
    wait $! 2>/dev/null
    run Ana 3 status --json
    json "d['restorable']" True
    node_kill Ben
    node Ben
done
run Ana 3 circle rotate
answers "5 of 5 guardians hold the new piece; 3 are needed."
says "The old pieces stay good until 3 people of those who guarded you before have confirmed"
says "kith guardian confirm Ben"
run Ana 3 circle rotate --json # once is enough
json "d['epoch']" 2
json "d['change']['step']" calls
json "d['change']['missing']" 3
holds Ben 2
# Whoever types the two words that the guardian's screen shows is heard, not sent away.
at Ana "sauna onion" later -- guardian confirm Ben || fail "a terminal: $(cat "$work/seen")"
grep -q "Ben has not typed them yet" "$work/seen" || fail "did not look: $(cat "$work/seen")"
grep -q "When Ben has typed them: kith guardian confirm Ben" "$work/seen" || fail "no next step"
checks=$((checks + 2))
call Ben
says "kith guardian confirm Cy"
call Cy
run Ana 3 circle seal --resume
says "until 1 more of those who guarded you before has confirmed"
call Dora
says "The old pieces go by themselves"
run Ana 3 circle seal --json
json "(d['change']['step'], d['change']['waiting'], d['change']['untold'])" "('waits', 5, 0)"
call Emil
run Ana 3 circle seal --resume
says "Not spoken with about the change yet: Fay"
later $((13 * day))
run Ana 3 circle seal --json
json "d['change']['step']" waits
later $((2 * day))
run Ana 3 circle seal --resume
says "The old circle is dead"
run Ana 3 circle seal --json
json "(d['change']['step'], d['change']['retired'])" "('none', 5)"
call Fay
run Ana 0 circle seal

# ---- one guardian dies; somebody else takes the place ----
node_kill Cy
run Ana 2 guardian replace Cy
says "kith guardian replace Cy --with NAME LINK"
run Ana 2 guardian replace Cy --with Dora
says "Dora guards you already"
run Gil 0 guard invite
cp "$work/answer" "$work/link"
run Ana 3 guardian replace Cy --with Gil "@$work/link" --reach "+49 30 Gil"
answers "5 of 5 guardians hold the new piece; 3 are needed."
run Ana 3 guardian replace Cy --with Gil "@$work/link" # asked again, it is done
run Ana 5 guardian confirm Cy
meet Gil
call Ben
call Dora
call Emil
says "The old pieces go by themselves"
run Ana 3 circle seal --json
json "(d['epoch'], d['change']['waiting'], d['change']['untold'])" "(3, 4, 1)"
later $((15 * day))
run Ana 3 circle seal --resume
says "The old circle is dead"
call Fay
run Ana 0 circle seal

# ---- what the dead guardian's node has is worth nothing; the new pieces are ----
node Cy
run Cy 0 guard clock --confirm # it slept for a month
for name in Cy Ben Dora Gil; do
    run "$name" 0 guard link Ana
    cp "$work/answer" "$work/$name.link"
done
run Eve 0 restore start "@$work/Cy.link" "@$work/Ben.link" "@$work/Dora.link" --no-passphrase
give() { # give GUARDIAN: Eve speaks with them, as if she were Ana
    run "$1" 0 guard requests --json
    python3 -c 'import json, sys
print([r for r in json.load(open(sys.argv[1]))["requests"] if r["kind"] == "restore"][-1]["request"])' \
        "$work/answer" >"$work/req"
    KITH_HOME=$work/Eve "$kith" --no-input restore status --json >"$work/answer" 2>/dev/null
    python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
print([g["words"] for g in d["guardians"] if g["node"].endswith(":" + sys.argv[2])][0])' \
        "$work/answer" "$(cat "$work/$1.node/port")" >"$work/words"
    run "$1" 0 guard approve "$(cat "$work/req")" --words-file "$work/words" --verified called
}
for name in Cy Ben Dora; do give "$name"; done
run Eve 7 restore # an old piece and two new ones are no three
run Ana 0 root fingerprint
cp "$work/answer" "$work/fingerprint"
run Eve 7 restore --accept "$(cat "$work/fingerprint")"
run Eve 7 restore status --json
json "(d['need'], d['have'])" "(3, 2)"

# ---- one less, one more, other numbers ----
run Ana 3 guardian remove Emil
answers "4 of 4 guardians hold the new piece; 3 are needed."
run Cy 0 guard invite
cp "$work/answer" "$work/link"
run Ana 0 guardian add Cy "@$work/link" --reach "+49 30 Cy"
says "Your circle is sealed"
run Ana 0 circle plan -k 2
says "your circle is as it was"
run Ana 3 circle seal
answers "5 of 5 guardians hold the new piece; 2 are needed."
call Ben
call Dora
run Emil 0 guard wards --json
json "d['wards'][0]['newer_since']" null
call Fay
run Ana 3 circle seal --json
json "d['epoch'], d['change']['judge'], d['change']['certified']" "(5, 3, True)"

# ---- who is not among them any more sees it on their own screen ----
run Ana 3 circle seal --resume
says "It shows Emil that your circle goes on without them"
run Emil 0 guard wards --json
json "d['wards'][0]['newer_since'] > 0" True
run Emil 0 guard wards
grep -q "you keep an old piece" "$work/answer" || fail "Emil's list: $(cat "$work/answer")"
run Emil 0 guard
says "Ana's circle goes on without you since"
says "this erases the old one: kith guard leave"
run Ben 0 guard wards --json
json "d['wards'][0]['newer_since']" null
run Cy 0 guard wards --json # the dead one's node is back, and Cy helps again
json "sorted(w['newer_since'] is not None for w in d['wards'])" "[False, True]"

# ---- one change too many: the calls go first, and two weeks later it goes on ----
later $((15 * day))
run Ana 3 circle seal --resume
for k in 2 3 2; do
    run Ana 0 circle plan -k "$k"
    run Ana 3 circle seal
done
run Ana 1 guardian remove Gil
says "The changes before this one have to be confirmed first"
says "kith guardian confirm Ben"
call Ben
call Dora
run Ana 7 guardian remove Gil
says "no room for another change yet"
later $((15 * day))
run Ana 3 guardian remove Gil
answers "3 of 4 guardians hold the new piece; 2 are needed." # Cy was never spoken with
run Ana 3 status --json
json "d['restorable']" True

run Emil 0 guard leave Ana --yes leave
says "What your node kept for Ana is erased"
run Emil 0 guard wards
grep -q "you gave this up" "$work/answer" || fail "Emil's list: $(cat "$work/answer")"
e2e_end
