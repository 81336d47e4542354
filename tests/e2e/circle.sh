#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# kith circle and kith status against real nodes: from no home to a circle in which every
# guardian was spoken with; wrong cases first.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

names=(Ben Cy Dora Emil Fay)
for name in "${names[@]}"; do guardian "$name"; done
printf 'correct horse battery\n' >"$work/pass"
printf 'wrong horse battery\n' >"$work/nopass"

add() {
    run "$1" 0 guard invite
    cp "$work/answer" "$work/link"
    run Ana 0 guardian add "$1" "@$work/link" --reach "+49 30 $1" --passphrase-file "$work/pass"
}

# owner and guardian speak: four words one way, two words back
confirm() {
    run Ana 0 guardian confirm "$1" --passphrase-file "$work/pass"
    cp "$work/answer" "$work/words"
    run "$1" 0 guard confirm Ana --words-file "$work/words" --verified called
    cp "$work/answer" "$work/back"
    run Ana 0 guardian confirm "$1" --answer-file "$work/back" --passphrase-file "$work/pass"
}

# ---- before there is anything ----
run Ana 0
says "kith init --name NAME"
run Ana 10 status --json
json "d['schema']" kith.status/1
json "d['circle']" null
json "d['next'][0]['id']" init
run Ana 5 circle plan -k 3
run Ana 5 circle seal
run Ben 0
says "You are a guardian for others"
run Ana 0 init --name Ana --passphrase-file "$work/pass"
run Ana 0
says "kith guardian add NAME LINK"
run Ana 1 circle plan -k 3
run Ana 10 circle seal --passphrase-file "$work/pass"
says "There is no plan"

# ---- a plan that does not fit ----
for name in "${names[@]:0:2}"; do add "$name"; done
run Ana 2 circle plan -k 3
says "3 are needed, but there are only 2."
for name in "${names[@]:2}"; do add "$name"; done
run Ana 2 circle plan -k 1
says "One piece alone must never be enough"
run Ana 2 circle plan -k 6 --json
json "d['id']" too-few-guardians
run Ana 2 circle plan -k 0
run Ana 2 circle plan -k many
run Ana 2 circle plan -k 3 --hold 72
run Ana 2 circle plan -k 3 --stop-hold 6d
says "--yes short-stop"
run Ana 2 circle plan --group family:1/3 --group friends:2/2
run Ana 0 circle plan --group family:2/3 --group friends:2/2
says "everybody is needed in: friends."
run Ana 2 circle plan --group family:2/3 --group friends:2/4
run Ana 2 circle plan -k 3 --group family:2/3 --group friends:2/2
run Ana 0 circle plan --group family:2/3 --group friends:2/2 --json
json "d['need']" 4
json "d['groups'][1]['guardians']" "['Emil', 'Fay']"
run Ana 0
says "kith circle seal"
run Ana 0 circle plan -k 3 --hold 1h --about-me "We rowed together in 1994" --json
json "d['schema']" kith.plan/1
json "d['stop_hold']" 604800
json "d['fewest_people']" 3
json "d['about']" "We rowed together in 1994"

# ---- locked, and too few at home ----
run Ana 4 circle seal
run Ana 12 circle seal --passphrase-file "$work/nopass"
for name in Ben Cy; do node_kill "$name"; done
run Ana 13 circle seal --passphrase-file "$work/pass"
says "Only 3 of 5 guardians' nodes could be reached"
run Ana 10 status --json
json "d['next'][0]['id']" seal
run Ana 4 circle seal --resume
node Ben

# ---- sealed without Cy, who comes later ----
run Ana 3 circle seal --resume --passphrase-file "$work/pass"
answers "4 of 5 guardians hold a piece; 3 are needed."
says "Still without a piece: Cy"
run Ana 0 circle plan -k 2 # for a change that comes later; or not
run Ana 0 circle seal --abandon
says "Your circle is as it was before"
run Ana 1 circle seal --abandon
run Ana 3 status --json
json "d['stored']" 4
json "[g['state'] for g in d['guardians']]" "['ok', 'away', 'ok', 'ok', 'ok']"
json "d['next'][0]['command']" "kith circle seal --resume"
node Cy
run Ana 3 status --json
json "d['guardians'][1]['state']" behind
run Ana 3 circle seal --resume --passphrase-file "$work/pass" --json
json "d['schema']" kith.seal/1
json "d['stored']" 5
json "d['confirmed']" 0
run Ana 3 circle seal
says "Not spoken with yet: Ben, Cy, Dora, Emil, Fay"

# ---- spoken with, one after the other ----
run Ana 3 status
answers "You can be restored: yes, but with none to spare."
for name in "${names[@]}"; do confirm "$name"; done
run Ana 0 circle seal
run Ana 3 status
says "Nobody has shown yet that alerts reach you"
alerts_reach Ana
run Ana 0 status
answers "You can be restored: yes, with 2 to spare."
run Ana 0 status --json
json "d['level']" ok
json "(d['epoch'], d['need'], d['of'], d['stored'], d['confirmed'], d['spare'])" "(1, 3, 5, 5, 5, 2)"
json "d['openable']" 5
json "d['restorable']" True
json "d['requests'], d['next']" "([], [])"
run Ben 0 guard wards --json
json "d['wards'][0]['epoch']" 1

# ---- a request of somebody is seen, and by whom ----
run Ben 0 guard link Ana
cp "$work/answer" "$work/link"
run Eve 0 restore start "@$work/link" --no-passphrase
run Ana 3 status --json
json "len(d['requests'])" 1
json "d['requests'][0]['kind']" restore
json "d['requests'][0]['label']" Ana
json "d['next'][0]['id']" request
run Ana 3 status
says "Somebody asks for your keys at Ben's node"
run Ben 0 guard requests --json
python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["requests"][0]["request"])' \
    "$work/answer" >"$work/req"
run Ben 0 guard refuse "$(cat "$work/req")"
run Ana 0 status

# ---- fewer and fewer ----
node_kill Ben
run Ana 0 status
node_kill Cy
node_kill Dora
run Ana 3 status
answers "You can be restored: yes, but not today. Only 2 of 5 nodes answer now, and 3 are needed."

# ---- on paper ----
run Ana 0 root fingerprint
cp "$work/answer" "$work/fingerprint"
run Ana 0 circle sheet # locked: no links
grep -qF "$(cat "$work/fingerprint")" "$work/answer" || fail "no fingerprint words on the sheet"
for name in "${names[@]}"; do
    grep -qF "+49 30 $name" "$work/answer" || fail "$name's number is not on the sheet"
    grep -qF "127.0.0.1:$(cat "$work/$name.node/port")" "$work/answer" || fail "$name's node is not on the sheet"
done
run Ana 0 circle show --json
json "d['schema']" kith.circle/1
json "d['epoch']" 1

e2e_end
