#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a guardian does beside saying yes, against real nodes: a yes despite a stop, freeze,
# pause, leave, the log, new keys after a forgotten passphrase. Wrong cases first.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh" || exit 1

printf 'correct horse battery\n' >"$work/pass"
printf 'another horse battery\n' >"$work/pass2"
ben=(--passphrase-file "$work/pass")

for c in "freeze Ana --verified met" "pause 1d" resume "leave Ana --yes leave" log \
    "reset --no-passphrase --yes reset"; do
    # shellcheck disable=SC2086
    run Ben 5 guard $c
    says "You are not a guardian yet"
done
[ -e "$work/Ben" ] && fail "a look made a home"

node Ben
run Ben 0 guard setup --link-file "$work/Ben.node/state/operator.link" --name Ben "${ben[@]}"
for n in Cy Dora; do guardian "$n"; done
run Ana 0 init --name Ana --no-passphrase
for n in Ben Cy Dora; do
    run "$n" 0 guard invite "${ben[@]}"
    cp "$work/answer" "$work/invite"
    run Ana 0 guardian add "$n" "@$work/invite" --contact "the kitchen phone"
    if [ "$n" = Ben ]; then
        grep -q "not locked" "$work/said" && fail "Ben has a passphrase"
    else
        says "$n's keys are not locked by a passphrase"
    fi
    run Ana 0 guardian confirm "$n"
    cp "$work/answer" "$work/words"
    run "$n" 0 guard confirm Ana --words-file "$work/words" --verified met "${ben[@]}"
    cp "$work/answer" "$work/back"
    run Ana 0 guardian confirm "$n" --answer-file "$work/back"
done
run Ana 0 circle plan -k 2 --hold 0 --stop-hold 1s --yes short-stop --about-me "Ask me about the boat"
run Ana 0 circle seal

# ---- guardians without a passphrase ----
run Ana 3 status
says "Keys not locked by a passphrase: Cy, Dora."
says "guardians whose keys are not locked are enough"
run Ana 3 status --json
json "[g['unlocked'] for g in d['guardians']]" "[False, True, True]"
run Tim 5 root lock --passphrase-file "$work/pass2"
run Dora 2 root lock
node_kill Dora
run Dora 13 root lock --passphrase-file "$work/pass2"
says "Run it again: kith root lock"
run Ana 3 status --json
json "[g['unlocked'] for g in d['guardians']]" "[False, True, True]"
node Dora
run Dora 4 root lock
run Dora 12 root lock --passphrase-file "$work/pass"
run Dora 0 root lock --passphrase-file "$work/pass2" --json
json "(d['locked'], d['nodes'], d['told'])" "(True, 1, 1)"
run Ana 3 status
says "Keys not locked by a passphrase: Cy."
grep -q "are enough" "$work/said" && fail "one piece is not enough"
run Ana 0 guardian list --json
json "[g['unlocked'] for g in d['guardians']]" "[False, True, False]"
run Ana 0 alert list
grep -qF "A passphrase locks Dora's keys now." "$work/answer" || fail "no alert of it"
run Dora 0 guard setup --link-file "$work/Dora.node/state/operator.link" --passphrase-file "$work/pass2"

# begin WHO: a restore at Ben's; $req, $work/words.
begin() {
    run Ben 0 guard link Ana --json
    KITH_HOME=$work/Ben "$kith" guard link Ana >"$work/link" 2>/dev/null || fail "no link"
    run "$1" 0 restore start --name Ana --no-passphrase "@$work/link"
    req=$(cut -f2 "$work/answer")
    cut -f3 "$work/answer" >"$work/words"
}
approve() { run Ben "$1" guard approve "$req" --words-file "$work/words" --verified called "${ben[@]}" "${@:2}"; }

# ---- told in plain sentences, without the passphrase ----
begin New
run Ben 0 guard show "${req:0:8}"
tr '\n' ' ' <"$work/answer" | tr -s ' ' >"$work/flat"
grep -qF "They say they are Ana." "$work/flat" || fail "it does not say who asks"
grep -qF "How you reach Ana: the kitchen phone" "$work/flat" || fail "no way to reach"
grep -qF "kith guard approve ${req:0:8}" "$work/flat" || fail "no next step"
grep -qF -f "$work/words" "$work/answer" && fail "the words are on the guardian's screen"

# ---- Ana stops it; a yes needs more now ----
run Ana 0 stop "$req"
run Ben 0 guard show "$req" --json
json "d['state']" contested
json "d['stops']" 1
approve 6 --json
json "d['id']" contested
approve 2 --despite-stop --json
json "d['id']" sentence-needed
sentence=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["what"].split(chr(34))[1])' "$work/answer")
echo "yes" >"$work/typed"
approve 2 --despite-stop --sentence-file "$work/typed"
run Ben 0 guard show "$req" --json
json "d['tries_left']" 5
echo "$sentence." >"$work/typed"
approve 0 --despite-stop --sentence-file "$work/typed" --json
json "d['state']" approved
run Ben 0 guard show "$req" --json
json "d['despite_stop']" True
run Ben 0 guard refuse "$req"

# ---- away for a while ----
begin Away
run Ben 2 guard pause 31d
run Ben 2 guard pause 0
run Ben 0 guard pause 2d --json
json "d['schema']" kith.pause/1
json "len(d['nodes'])" 1
node_kill Ben
run Ben 13 guard resume
node Ben
approve 6 --despite-stop --sentence-file "$work/typed" --json
json "d['id']" paused
run Ben 0 guard resume --json
json "d['until']" null
run Ben 0 guard refuse "$req"

# ---- frozen ----
begin Stolen
run Ben 2 guard freeze Ana
says "--verified HOW"
run Ben 0 guard freeze Ana --verified called --json
json "d['schema']" kith.freeze/1
json "29 * 86400 < d['until'] - __import__('time').time() <= 30 * 86400" True
run Ben 0 guard freeze Ana --verified called
says "kith guard link"
KITH_HOME=$work/Ana "$kith" --no-input stop "$req" >"$work/answer" 2>"$work/said"
run Ben 0 guard show "$req" --json
json "d['stops']" 0

# ---- the log of the seat ----
run Ben 0 guard log --json
json "d['schema']" kith.seat-log/1
json "d['seats'][0]['state']" ok
json "len(d['entries']) > 10" True
run Ben 0 guard log

# ---- a forgotten passphrase ----
run Ben 2 guard reset --passphrase-file "$work/pass2" --json
json "d['id']" word-needed
node_kill Ben
run Ben 13 guard reset --yes reset --passphrase-file "$work/pass2"
node Ben
run Ben 0 guard invite "${ben[@]}"
run Ben 0 guard reset --yes reset --passphrase-file "$work/pass2" --json
json "d['schema']" kith.reset/1
json "d['lost'][0]['label']" Ana
run Ben 12 guard invite "${ben[@]}"
run Ben 0 guard invite --passphrase-file "$work/pass2"
cp "$work/answer" "$work/invite"
run Ben 0 guard wards --json
json "[w['old_keys'] for w in d['wards']]" "[True]"
run Ben 1 guard approve "$req" --words-file "$work/words" --verified met --json \
    --passphrase-file "$work/pass2"
json "d['id']" old-keys
run Ben 1 guard link Ana
run Ben 0 guard refuse "$req"
run Ana 3 status
says "Ben has new keys since"
node_kill Ben
run Ana 3 status --json # what it said before it fell silent stands
json "[g['reset_at'] is not None for g in d['guardians']]" "[True, False, False]"
json "(d['stored'], d['spare'], d['next'][0]['id'])" "(2, 0, 'reset')"
node Ben
run Tom 0 init --name Tom --no-passphrase
run Tom 0 guardian add Ben "@$work/invite"
run Tom 0 guardian confirm Ben
cp "$work/answer" "$work/words"
run Ben 0 guard confirm Tom --words-file "$work/words" --verified met --passphrase-file "$work/pass2"

# ---- leave ----
run Ben 2 guard leave Ana --json
json "d['id']" word-needed
run Ben 0 guard leave Ana --yes leave --json
json "d['schema']" kith.left/1
json "d['label']" Ana
run Ben 0 guard leave Ana --yes leave
run Ben 0 guard wards --json
json "[w['left_at'] is not None for w in d['wards'] if w['label'] == 'Ana']" "[True]"
run Cy 0 guard leave Ana --yes leave
run Ana 8 status
for n in Ben Cy; do node_kill "$n"; done
run Ana 8 status
says "Ben gave up guarding you on"
says "Cy gave up guarding you on"

e2e_end
