#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# kith guard approve against real nodes: a circle 2 of 3 whose owner lost everything, one
# guardian who mistypes, one who lies, one who changes their mind.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh" || exit 1
liar=$3

python_of() { python3 -c "import json,sys; d = json.load(open(sys.argv[1])); print($1)" "$work/answer"; }
newest() { run "$1" 0 guard requests --json; req=$(python_of 'max(d["requests"], key=lambda r: r["opened_at"])["request"]'); }
words_of() { run New "${2:-7}" restore status --json; python_of "[g for g in d['guardians'] if g['name'] == '$1'][0]['words']" >"$work/words"; }

for n in Ben Cy Dora; do
    guardian "$n"
    run "$n" 0 guard invite
    cp "$work/answer" "$work/$n.invite"
done
run Ana 0 init --name Ana --no-passphrase
cp "$work/answer" "$work/print"
for n in Ben Cy Dora; do
    run Ana 0 guardian add "$n" "@$work/$n.invite" --reach "phone of $n" --contact "the boat"
    run Ana 0 guardian confirm "$n"
    cp "$work/answer" "$work/words"
    run "$n" 0 guard confirm Ana --words-file "$work/words" --verified met
    cp "$work/answer" "$work/back"
    run Ana 0 guardian confirm "$n" --answer-file "$work/back"
done
run Ana 0 circle plan -k 2 --hold 0 --about-me "Ask me about the boat"
run Ana 0 circle seal
run Ben 0 guard wards --json
json "d['wards'][0]['epoch']" 1
json "d['wards'][0]['hold']" 0

# ---- the request at the one remembered friend ----
run Ben 0 guard link Ana
cp "$work/answer" "$work/link"
run New 0 restore start --name Ana --no-passphrase "@$work/link"
cut -f3 "$work/answer" >"$work/words"
newest Ben
json "d['requests'][0]['kind']" restore
json "d['requests'][0]['purpose']" restore
json "d['requests'][0]['label']" Ana
json "d['requests'][0]['claimed']" Ana
run Ben 2 guard confirm "$req" --words-file "$work/words" --verified met --json
json "d['id']" other-kind
run Ben 2 guard approve "$req" --words-file "$work/words" --verified "not sure"
run Cy 5 guard approve "$req" --words-file "$work/words" --verified called

# ---- a screen of 24 lines: what is asked for stands right above where words are typed ----
above() { # above WIDTH TEXT…: types it at Ben's; the 24 lines up to the prompt
    local got=0
    COLUMNS_AT=$1 at Ben "${@:2}" $'\004' -- guard approve "$req" --verified met || got=$?
    [ "$got" = 2 ] || fail "the end of input ended with $got: $(cat "$work/seen")"
    python3 - "$work/seen" >"$work/above" <<'PY'
import sys
seen = open(sys.argv[1], encoding="utf-8").read().replace("\r", "")
print("\n".join(seen[:seen.index("Their four words:")].splitlines()[-23:]))
PY
    checks=$((checks + 1))
}
above 80
tail -n 1 "$work/above" | grep -q "Somebody asks for the piece you keep for Ana" || fail "lost: $(cat "$work/above")"
grep -q "$(cat "$work/print")" "$work/seen" && fail "the words of the key stand above the prompt"
# Those of the sheet are no call's: they cost no try (four are left after the next one).
above 80 "$(cat "$work/print")"
grep -q "These words name the key of Ana" "$work/seen" || fail "the key: $(cat "$work/seen")"
above 30
grep "Somebody asks" "$work/above" | tr -d '\033' | awk 'length > 38' | grep . && fail "wider than the screen"

# ---- four wrong tries; the fifth is right, though it locks ----
read -r w1 w2 w3 _ <"$work/words"
others=() # words that are none of the four
for w in zebra yodel sauna onion bazooka; do
    grep -q "$w" "$work/words" || others+=("$w")
done
for left in 4 3 2 1; do
    echo "$w1 $w2 $w3 ${others[left - 1]}" >"$work/slip"
    run Ben 1 guard approve "$req" --words-file "$work/slip" --verified called --json
    json "d['id']" words-slip
    json "d['tries_left']" $left
    node_kill Ben
    node Ben
done
run New 7 restore
run Ben 0 guard approve "$req" --words-file "$work/words" --verified called
says "Ask me about the boat"
says "the boat"
says "$(cat "$work/print")"
run Ben 0 guard approve "$req" --words-file "$work/slip" --verified called --json
json "d['schema']" kith.approved/1
json "d['state']" approved

# ---- the others are known now; one of them lies ----
run New 7 restore
for n in Cy Dora; do
    newest "$n"
    run "$n" 0 guard show "$req"
done
words_of Cy
newest Cy
honest=$kith
kith=$liar
run Cy 0 guard approve "$req" --words-file "$work/words" --verified video
says "introduced by another guardian"
kith=$honest
run New 7 restore
says "Cy sent a piece that is not the one you gave"
run New 7 restore status --json
json "[g['verdict'] for g in d['guardians'] if g['name'] == 'Cy']" "['bad-piece']"

# ---- one refuses first: final; the words of another request approve nothing ----
words_of Cy
words_of Dora
newest Dora
dora=$req
cp "$work/words" "$work/right"
run Ben 0 guard link Ana
run Thief 0 restore start --name Ana --no-passphrase "$(cat "$work/answer")"
cut -f3 "$work/answer" >"$work/theirs"
run Dora 1 guard approve "$dora" --words-file "$work/theirs" --verified called --json
json "d['id'] in ('words-wrong', 'words-slip')" True
newest Ben
run Ben 0 guard refuse "$req"
run Ben 6 guard approve "$req" --words-file "$work/theirs" --verified called
run Dora 0 guard approve "$dora" --words-file "$work/right" --verified vouched
run New 3 restore
run New 0 restore --accept "$(cat "$work/print")"
run New 0 root fingerprint
answers "$(cat "$work/print")"
run Dora 0 guard requests --all --json
json "[r['state'] for r in d['requests'] if r['kind'] == 'restore']" "['released']"
run Dora 1 guard refuse "$dora"
says "too late"
# All four in their order, whatever stands between: three letters alone are found in noise.
grep -rlPza "(?s)$w1.{1,3}$w2.{1,3}$w3" "$work/Ben" "$work/Ben.node" "$work/Cy" "$work/Cy.node" &&
    fail "the words stand in a file"

e2e_end
