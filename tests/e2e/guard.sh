#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# kith guard against real nodes: a place, lists, links, confirm; wrong cases first.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh" || exit 1

first_request() {
    python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["requests"][0]["request"])' \
        "$work/answer"
}

# ---- nobody's guardian yet ----
for c in wards requests invite "host Ben" "show 1234" "approve 1234 --words-file - --verified met" \
    "confirm 1234 --words-file - --verified met" "refuse 1234" "unlock 1234" "link Ana" ""; do
    # shellcheck disable=SC2086
    run Ben 5 guard $c
    says "You are not a guardian yet"
done
[ -e "$work/Ben" ] && fail "a look made a home"
run Ben 2 guard setup
says "--link-file"
run Ben 5 guard setup --link-file "$work/nofile" --no-passphrase
echo garbage >"$work/garbage"
run Ben 2 guard setup --link-file "$work/garbage" --no-passphrase --json
json "d['id']" no-link
[ -e "$work/Ben" ] && fail "garbage made a home"

# ---- a place at the own node, cut short by a node that is away ----
node Ben
op=$work/Ben.node/state/operator.link
sed 's/.$/2/' "$op" >"$work/typo"
cmp -s "$op" "$work/typo" && sed 's/.$/3/' "$op" >"$work/typo"
run Ben 2 guard setup --link-file "$work/typo" --no-passphrase
says "mistyped"
run Ben 2 guard setup --link-file "$op"
says "--no-passphrase"
printf 'correct horse battery\n' >"$work/pass"
printf 'wrong horse battery\n' >"$work/nopass"
node_kill Ben
run Ben 13 guard setup --link-file "$op" --name Ben --passphrase-file "$work/pass"
says "did not answer"
run Ben 5 guard wards
node Ben
run Ben 12 guard setup --link-file "$op" --name Ben --passphrase-file "$work/nopass"
run Ben 0 guard setup --link-file "$op" --name Ben --passphrase-file "$work/pass"
says "You are a guardian now"
answers ""
run Ben 0 guard setup --link-file - --passphrase-file "$work/pass" --json <"$op"
json "d['schema']" kith.seat/1
json "d['operator']" True
run Ben 2 guard setup --link-file "$op" --name Other --passphrase-file "$work/pass"
run Eve 1 guard setup --link-file "$op" --no-passphrase
says "link was used"

# ---- nothing there yet: no passphrase is needed to see that ----
run Ben 0 guard wards --json
json "d['schema']" kith.wards/1
json "d['wards']" "[]"
run Ben 0 guard requests --json
json "d['schema']" kith.requests/1
json "d['requests']" "[]"
run Ben 0 guard
says "Nobody asks you for anything"
run Ben 5 guard show 1234
run Ben 5 guard refuse 1234
run Ben 5 guard link Ana

# ---- links ----
run Ben 4 guard invite
run Ben 12 guard invite --passphrase-file "$work/nopass"
run Ben 0 guard invite --passphrase-file "$work/pass" --json
json "d['schema']" kith.link/1
json "d['type']" invite
json "d['ward']" null
json "14*86400 - 60 < d['expires_at'] - __import__('time').time() < 14*86400 + 60" True
run Ben 0 guard invite --lan --passphrase-file "$work/pass"
[ "$(wc -l <"$work/answer")" = 1 ] || fail "an invite is one line"
cp "$work/answer" "$work/invite"
run Dora 2 guard setup --link-file "$work/invite" --no-passphrase --json
json "d['id']" other-link
run Ben 0 guard host Dora --json
json "d['type']" seat
run Ben 0 guard host Dora
cp "$work/answer" "$work/seat"
run Dora 0 guard setup --link-file "$work/seat" --no-passphrase --json
json "d['operator']" False
run Dora 6 guard host Eve --json
json "d['id']" not-operator

# ---- a ward asks to be confirmed ----
run Ana 0 init --name Ana --no-passphrase
run Ana 0 guardian add Ben "@$work/invite" --contact "the kitchen phone"
run Ben 5 guard confirm Ana --words-file "$work/invite" --verified met --passphrase-file "$work/pass"
says "Ana has not asked you"
run Dora 0 guard wards --json
json "d['wards']" "[]"
run Ana 0 guardian confirm Ben
cp "$work/answer" "$work/words"
read -r w1 w2 w3 w4 <"$work/words"
run Ben 0 guard wards --json
json "d['wards'][0]['label']" Ana
json "d['wards'][0]['epoch']" null
json "d['wards'][0]['confirmed']" False
json "d['wards'][0]['requests']" 1
run Ben 0 guard requests --json
req=$(first_request)
json "d['requests'][0]['kind']" confirm
json "d['requests'][0]['purpose']" enrol
json "d['requests'][0]['label']" Ana
json "d['requests'][0]['state']" live
json "d['requests'][0]['tries_left']" 5
json "d['requests'][0]['approved_at']" null
json "{'approved_at', 'claimed', 'expires_at', 'kind', 'label', 'node', 'opened_at', 'opens_at', 'purpose', 'request', 'state', 'stops', 'tries_left', 'ward'} - set(d['requests'][0])" "set()"
run Ben 0 guard show "${req:0:6}" --json
json "d['schema']" kith.request/1
json "d['request']" "$req"
run Ben 0 guard show "${req:0:6}"
KITH_HOME=$work/Ana "$kith" root fingerprint >"$work/print"
grep -qF "$(cat "$work/print")" "$work/answer" || fail "no fingerprint words"
run Dora 5 guard show "$req"

# ---- words: what is no try, what is one ----
confirm() { run Ben "$1" guard confirm "$2" --words-file "$work/typed" --passphrase-file "$work/pass" "${@:3}"; }
cp "$work/words" "$work/typed"
run Ben 4 guard confirm Ana --words-file "$work/words" --verified met
confirm 2 Ana
says "--verified HOW"
confirm 2 Ana --verified guessed
run Ben 2 guard confirm Ana --verified met --passphrase-file "$work/pass"
says "--words-file FILE"
run Ben 2 guard approve "$req" --words-file "$work/words" --verified met --passphrase-file "$work/pass" --json
json "d['id']" other-kind
for typed in "" "$w1 $w2 $w3" "$w1 $w2 $w3 $w4 $w4" "$w1 $w2 $w3 qqqqq"; do
    echo "$typed" >"$work/typed"
    confirm 2 Ana --verified met --json
    json "d['id']" words-unknown
done
run Ben 0 guard show "$req" --json
json "d['tries_left']" 5
other=zebra
grep -q zebra "$work/words" && other=yodel
echo "$w1 $w2 $w3 $other" >"$work/typed"
confirm 1 Ana --verified met --json
json "d['id']" words-slip
json "d['tries_left']" 4
echo "$w1 $w2 $other $other" >"$work/typed"
confirm 1 "$req" --verified met --json
json "d['id']" words-wrong
json "d['tries_left']" 3
echo "$other $other $other $other" >"$work/typed"
confirm 1 "$req" --verified met
says "that are for *you*"
kill_at_try() { node_kill Ben; node Ben; }
kill_at_try
run Ben 0 guard show "$req" --json
json "d['tries_left']" 2
confirm 1 "$req" --verified met
confirm 1 "$req" --verified met --json
json "d['tries_left']" 0
cp "$work/words" "$work/typed"
confirm 6 "$req" --verified met --json
json "d['id']" locked-request
run Ben 0 guard show "$req" --json
json "d['state']" locked
run Ben 2 guard unlock "$req" --passphrase-file "$work/pass" --json
json "d['id']" word-needed
run Ben 4 guard unlock "$req" --yes "I have spoken with them"
run Ben 0 guard unlock "$req" --passphrase-file "$work/pass" --yes "I have spoken with them" --json
json "d['tries_left']" 5
run Ben 0 guard unlock "$req" --passphrase-file "$work/pass" --yes "I have spoken with them"
node_kill Ben
confirm 13 "$req" --verified met
node Ben

# ---- right words, in any shape ----
printf '%s\n\t%s  %s\r\n%s' "${w1^^}" "${w2:0:3}" "${w3^}" "$w4" >"$work/typed"
confirm 0 ana --verified called
[ "$(wc -w <"$work/answer")" = 2 ] || fail "not two answer words"
cp "$work/answer" "$work/back"
echo "$other $other $other $other" >"$work/typed"
confirm 0 Ana --verified called
answers "$(cat "$work/back")"
confirm 0 "$req" --verified called --json
json "d['schema']" kith.confirmed/1
json "d['answer']" "$(cat "$work/back")"
json "d['request']" "$req"
run Ana 0 guardian confirm Ben --answer-file "$work/back"
run Ben 0 guard wards --json
json "d['wards'][0]['confirmed']" True
run Ben 0 guard requests --json
json "d['requests']" "[]"
run Ben 0 guard requests --all --json
json "d['requests'][0]['state']" released
# All in their order, whatever stands between: three letters alone are found in noise.
grep -rlPza "(?s)$w1.{1,3}$w2.{1,3}$w3" "$work/Ben" "$work/Ben.node" &&
    fail "the right words stand in a file"

# ---- a refused one ----
run Ben 0 guard invite --passphrase-file "$work/pass"
cp "$work/answer" "$work/invite"
run Flo 0 init --name Flo --no-passphrase
run Flo 0 guardian add Ben "@$work/invite"
run Flo 0 guardian confirm Ben
cp "$work/answer" "$work/typed"
run Ben 0 guard requests --json --passphrase-file "$work/pass"
req=$(first_request)
run Ben 0 guard refuse "$req"
run Ben 0 guard refuse "$req" --json
json "d['state']" refused
confirm 6 "$req" --verified met
run Ben 6 guard unlock "$req" --passphrase-file "$work/pass" --yes "I have spoken with them"

# ---- a link back, by label and by id ----
run Ben 0 guard wards --json
json "sorted(w['label'] for w in d['wards'])" "['Ana', 'Flo']"
run Ben 0 guard link ANA --json
json "d['type']" restore
json "len(d['ward'])" 32
run Ben 5 guard link Nobody
run Ana 2 restore start "KITH1:AAAA" --no-passphrase

# ---- two places, one of them away ----
node Cy
run Cy 0 guard setup --link-file "$work/Cy.node/state/operator.link" --no-passphrase
run Cy 0 guard host Ben
cp "$work/answer" "$work/seat"
run Ben 0 guard setup --link-file - --passphrase-file "$work/pass" <"$work/seat"
run Ben 0 guard requests
node_kill Cy
run Ben 3 guard requests --json
json "d['requests']" "[]"
says "did not answer"
run Ben 3 guard wards --json
json "len(d['wards'])" 2
run Ben 13 guard show 00001111
node_kill Ben
run Ben 13 guard requests --json
json "d['exit']" 13
run Ben 13 guard wards

e2e_end
