#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# kith guardian add, confirm, list against real nodes; wrong cases first.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

guardian Ben
guardian Cy
run Ben 0 guard invite
cp "$work/answer" "$work/ben"
run Cy 0 guard invite
cp "$work/answer" "$work/cy"

# ---- nothing is sent where nothing can come of it ----
run Ana 5 guardian add Ben "@$work/ben"
says "kith init"
run Ana 0 guardian list
says "You have no guardians yet"
run Ana 0 init --name Ana --no-passphrase
run Ana 2 guardian add
run Ana 2 guardian add Ben
says "The invite is needed"
run Ana 2 guardian add Ben garbage
says "This is not a link"
run Ana 2 guardian add "" "@$work/ben"
run Ana 5 guardian add Ben "@$work/nofile"
run Ana 2 guardian add Ben "@$work/ben" --card
says "do not go together"
run Ana 2 guardian add "" --card
tr 'A-Z2-7' 'B-Z2-7A' <"$work/ben" | sed 's/^.*:/KITH1:/' >"$work/typo"
run Ana 2 guardian add Ben "@$work/typo"
says "mistyped"
run Ana 2 guardian add Ben "@$work/typo" --json
json "d['id']" mistyped
run Ana 2 guardian add Ben "@$work/ben" --reach "$(printf 'a\033b')"
run Ben 0 guard host Dora
cp "$work/answer" "$work/seat"
run Ana 2 guardian add Dora "@$work/seat"
says "This is a seat link"
run Ana 2 guardian add Ben "@$work/Ben.node/state/operator.link"
run Ana 0 guardian list
answers ""
run Ana 5 guardian confirm Ben
says "kith guardian list"

run Ben 2 guardian add Me "@$work/ben"
says "Nobody can be their own guardian"

# ---- away: nothing is kept, and it works when the node is back ----
node_kill Ben
run Ana 13 guardian add Ben "@$work/ben"
says "Ben's node did not answer"
says "kith guardian add Ben LINK"
run Ana 0 guardian list
answers ""
node Ben
cp "$work/Ana/day" "$work/day.before"
run Ana 0 guardian add Ben "@$work/ben" --reach "+49 30 1" --contact "the kitchen phone"
says "kith guardian confirm Ben"
answers ""

# ---- once a name, once a person, once a link ----
run Ana 2 guardian add ben "@$work/ben"
says "one of your guardians already"
run Ana 2 guardian add Ben "@$work/cy"
run Ana 2 guardian add Other "@$work/ben"
says "One person counts once"
run Eve 0 init --name Eve --no-passphrase
run Eve 1 guardian add Ben "@$work/ben" --json
json "d['id']" link-used
run Eve 0 guardian list
answers ""
run Eve 0 guardian add Cy "@$work/cy"

# ---- a home that lost its notes finds its place there again ----
cp "$work/day.before" "$work/Ana/day"
run Ana 0 guardian list
answers ""
run Ana 0 guardian add Ben "@$work/ben" --reach "+49 30 1" --contact "the kitchen phone"
run Ben 0 guard wards --json
json "len(d['wards'])" 1
run Ana 0 guardian list --json
json "d['guardians'][0]['name']" Ben
json "d['guardians'][0]['reach']" "+49 30 1"
json "d['guardians'][0]['kind']" node
json "d['guardians'][0]['confirmed_at']" null
json "d['guardians'][0]['epoch']" null

# ---- an invite that was changed on its way ----
run Ben 0 guard invite
python3 - "$work/answer" >"$work/changed" <<'PY'
import base64, hashlib, sys
text = open(sys.argv[1]).read().strip()[6:]
raw = bytearray(base64.b32decode(text + "=" * (-len(text) % 8)))
raw[1 + 32 + 16] ^= 1  # the guardian's fingerprint
body = bytes(raw[:-4])
check = hashlib.blake2b(b"kith link\0" + body, digest_size=16).digest()[:4]
print("KITH1:" + base64.b32encode(body + check).decode().rstrip("="))
PY
run Ana 9 guardian add Mallory "@$work/changed"
says "The keys at that node are not those of the invite"
run Ana 9 guardian add Mallory "@$work/changed" --json
json "d['id']" invite-swapped
run Ana 0 guardian list --json
json "len(d['guardians'])" 1

# ---- confirm: not yet, away, refused, wrong ----
printf 'acid acrobat\n' >"$work/wrong"
printf 'ajar xylophones\n' >"$work/nowords"
run Ana 7 guardian confirm Ben --answer-file "$work/wrong"
run Ana 2 guardian confirm Ben --answer-file "$work/nowords"
node_kill Ben
run Ana 13 guardian confirm Ben
node Ben
run Ana 0 guardian confirm Ben
cp "$work/answer" "$work/words"
run Ana 0 guardian confirm ben --json
json "d['words']" "$(cat "$work/words")"
json "d['state']" live
json "d['confirmed_at']" null
run Ana 7 guardian confirm Ben --answer-file "$work/wrong" --json
json "d['id']" not-typed
run Ben 0 guard requests --json
json "len(d['requests'])" 1
json "d['requests'][0]['kind']" confirm
run Ben 0 guard refuse "$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["requests"][0]["request"])' "$work/answer")"
run Ana 6 guardian confirm Ben --json
json "d['id']" refused
run Ana 0 guardian confirm Ben
cmp -s "$work/answer" "$work/words" && fail "the words of a refused request came again"
cp "$work/answer" "$work/words"
run Ben 0 guard confirm Ana --words-file "$work/words" --verified called
cp "$work/answer" "$work/back"
run Ana 2 guardian confirm Ben --answer-file "$work/nowords" --json
json "d['id']" words-unknown
for left in 2 1 0; do
    run Ana 1 guardian confirm Ben --answer-file "$work/wrong" --json
    json "d['id']" words-wrong
    json "d['tries_left']" $left
done
# The right ones come too late: whoever guessed three times begins anew.
run Ana 7 guardian confirm Ben --answer-file "$work/back"
run Ana 0 guardian confirm Ben
cmp -s "$work/answer" "$work/words" && fail "the words of a spent request came again"
cp "$work/answer" "$work/words"
run Ben 0 guard confirm Ana --words-file "$work/words" --verified called
cp "$work/answer" "$work/back"
node_kill Ben
run Ana 13 guardian confirm Ben --answer-file "$work/back"
node Ben
tr '[:lower:]' '[:upper:]' <"$work/back" | tr ' ' '\n' >"$work/loud"
run Ana 0 guardian confirm Ben --answer-file "$work/loud"
says "Ben is confirmed"
answers ""
run Ana 0 guardian confirm Ben
answers ""
run Ana 0 guardian confirm Ben --json
json "d['state']" confirmed
json "d['words']" null
run Ana 0 guardian list --json
json "d['guardians'][0]['confirmed_at'] > 0" True

# ---- five wrong tries at the guardian's side ----
run Cy 0 guard invite
run Ana 0 guardian add "Aunt Cy" "$(cat "$work/answer")"
says "kith guardian confirm 'Aunt Cy'"
run Ana 0 guardian confirm "Aunt Cy"
cp "$work/answer" "$work/words"
printf 'acid acrobat ajar albatross\n' >"$work/four"
for _ in 1 2 3 4 5; do
    run Cy 1 guard confirm Ana --words-file "$work/four" --verified called
done
run Cy 6 guard confirm Ana --words-file "$work/four" --verified called
run Ana 6 guardian confirm "Aunt Cy" --json
json "d['id']" locked-request
run Ana 6 guardian confirm "Aunt Cy" --answer-file "$work/wrong"

# ---- with a passphrase: what needs it, and what does not ----
printf 'correct horse battery\n' >"$work/pass"
printf 'wrong horse battery\n' >"$work/nopass"
run Flo 0 init --name Flo --passphrase-file "$work/pass"
run Cy 0 guard invite
cp "$work/answer" "$work/cy"
run Flo 4 guardian add Cy "@$work/cy"
run Flo 12 guardian add Cy "@$work/cy" --passphrase-file "$work/nopass"
run Flo 0 guardian list
answers ""
run Flo 0 guardian add Cy - --passphrase-file "$work/pass" <"$work/cy"
run Flo 4 guardian confirm Cy
run Flo 0 guardian confirm Cy --passphrase-file "$work/pass"
run Flo 0 guardian list

e2e_end
