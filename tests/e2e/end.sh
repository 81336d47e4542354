#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The end: one seat with its own guardian's word, then the circle by calls; a guardian who
# says no, a node that is away, the wait that nobody shortens; wrong cases first.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh" || exit 1

# ---- all of them live under one clock that runs ahead ----
built=$3
ahead=0
later() { # later SECONDS
    ahead=$((ahead + $1))
    python3 -c 'import struct, sys
with open(sys.argv[1], "r+b") as f: f.write(struct.pack("=q", int(sys.argv[2])))' "$work/later" "$ahead"
}
printf '\0\0\0\0\0\0\0\0' >"$work/later"
deaf=$built/kith-deaf
for p in kithd kith deaf; do
    cat >"$work/$p" <<END
#!/bin/sh
KITH_LATER='$work/later' LD_PRELOAD='$built/liblater.so' exec '${!p}' "\$@"
END
    chmod +x "$work/$p"
done
kithd=$work/kithd
kith=$work/kith
real=$kith
deaf=$work/deaf

# soon CHECK: until it holds; the nodes look at what is due once a minute.
soon() {
    for _ in $(seq 40); do
        "$@" && return
        sleep 3
    done
    fail "did not come: $*"
}

python_of() { python3 -c "import json,sys; d = json.load(open(sys.argv[1])); print($1)" "$work/answer"; }

newest() { # newest GUARDIAN: the last request there, in req
    run "$1" 0 guard requests --all --json
    req=$(python_of 'max(d["requests"], key=lambda r: r["opened_at"])["request"]')
}

now() { echo $(($(date +%s) + ahead)); }
state() { python_of "[x['state'] for x in d['guardians'] if x['name'] == '$1'][0]"; }
words() { python_of "[x['words'] for x in d['guardians'] if x['name'] == '$1'][0]"; }
is() { [ "$1" = "$2" ] || fail "$1 is not $2"; checks=$((checks + 1)); }

says_end() { # says_end GUARDIAN: types the words of a live end request, and the sentence
    newest "$1"
    run "$1" 2 guard confirm "$req" --words-file "$work/words" --verified met --json
    json "d['id']" sentence-needed
    echo "I spoke with Ana and Ana wants something" >"$work/sentence"
    run "$1" 2 guard confirm "$req" --words-file "$work/words" --verified met --sentence-file "$work/sentence"
    echo "i spoke with ana, and ana wants all of it erased here." >"$work/sentence"
    run "$1" 0 guard confirm "$req" --words-file "$work/words" --verified met \
        --sentence-file "$work/sentence"
}

# ---- nobody's ----
run Ana 5 circle end
run Ana 0 init --name Ana --no-passphrase
cp "$work/answer" "$work/print"
run Ana 10 circle end
run Ana 5 guardian erase Ben
run Ana 5 guardian export Ben -o "$work/held"

# ---- a circle of three, needed two ----
for g in Ben Cy Dora; do
    guardian "$g"
    run "$g" 0 guard invite
    cp "$work/answer" "$work/invite"
    run Ana 0 guardian add "$g" "@$work/invite"
    run Ana 0 guardian confirm "$g"
    cp "$work/answer" "$work/words"
    run "$g" 0 guard confirm Ana --words-file "$work/words" --verified met
    cp "$work/answer" "$work/back"
    run Ana 0 guardian confirm "$g" --answer-file "$work/back"
done
run Ana 0 guardian add Kim --card
run Ana 0 circle plan -k 2 --hold 0 --yes one-person
run Ana 3 circle seal
run Ana 0 card print Kim -o "$work/kim.txt"
run Ana 0 card verify Kim "$work/kim.txt"
run Ana 0 circle seal --resume
printf 'correct horse' >"$work/note"
run Ana 0 secret add note --type file --file "$work/note"
run Ana 0 vault push

# ---- what one node keeps of me ----
run Ana 2 guardian export Ben
run Ana 0 guardian export Ben -o "$work/held"
python3 - "$work/held/node.json" <<'PY' || fail "the export is not whole"
import json, sys
d = json.load(open(sys.argv[1]))
said = {}
for m in d['said']:
    assert 'error' not in m, m
    said.setdefault(m['message'], []).append(m['says'])
assert d['schema'] == 'kith.holdings/1' and d['name'] == 'Ben'
assert said['EPOCH_STATE'][0]['epochs'][0]['epoch'] == 1
assert said['WARDS'][0]['wards'][0]['epoch'] == 1
assert any(c['type'] == 6 for c in said['CRED_LIST'][0]['creds'])
assert len(said['DROP_LIST']) >= 2 and said['DROP_LIST'][0]['lines']
assert said['HEAD_GET'][0]['version'] >= 1
PY
for f in box-piece box-roster manifest-sealed roster-sealed descriptor; do
    [ -s "$work/held/$f" ] || fail "no $f"
done
[ "$(stat -c %a "$work/held/node.json")" = 600 ] || fail "others may read the export"
run Ana 2 guardian export Ben -o "$work/held"

# ---- one seat: its own guardian's word is enough there, and nowhere else ----
run Ana 2 guardian erase Dora
says "--yes erase"
run Ana 7 guardian erase Dora --yes erase --json
json "d['state']" call
python_of "d['words']" >"$work/words"
run Dora 0 guard requests --json
json "d['requests'][0]['purpose']" end
run Dora 0 guard show "$(python_of "d['requests'][0]['request']")"
tr '\n' ' ' <"$work/answer" | grep -q "may have all of it erased here" || fail "not told what a yes does"
run Ana 7 guardian erase Dora --json
is "$(python_of "d['words']")" "$(cat "$work/words")"
says_end Dora
run Ana 7 guardian erase Dora --json
json "d['state']" planned
json "13 * 86400 < d['ends_at'] - $(now) <= 14 * 86400" True
run Dora 0 guard wards --json
json "d['wards'][0]['ends_at'] is not None" True
run Dora 0 guard
says "ends the circle"
run Ben 0 guard wards --json
json "d['wards'][0]['ends_at']" null

# ---- the circle: the words of the key are typed, then calls ----
run Ana 2 circle end
says "--yes"
run Ana 2 circle end --yes "one two three four"
at Ana y -- circle end && fail "an export comes first, and it went on"
stopped=$?
seen() { tr -d '\r' <"$work/seen" | tr '\n' ' ' | tr -s ' ' | grep -qF -- "$1" || fail "not at the terminal: $1: $(cat "$work/seen")"; }
is "$stopped" 6
seen "Then stop here. Nothing was done. Next: kith secret export DIR"
at Ana y -- circle end --json && fail "an export comes first, and it went on"
seen '"export-first"'
run Ana 7 circle end --yes "$(cat "$work/print")"
says "The card that Kim keeps still counts"
says "that waits for the nodes of: Ben, Cy, Dora."
grep -q "Tear up" "$work/said" && fail "nothing has ended, and the card is to be torn up"
run Ana 7 circle end --json
json "d['cards']" "['Kim']"
is "$(state Ben)" call
is "$(state Cy)" call
is "$(state Dora)" planned
words Ben >"$work/words"
words Cy >"$work/words.cy"
newest Cy
run Cy 0 guard refuse "$req"
says_end Ben
node_kill Cy
run Ana 7 circle end
says "did not answer"
says "Ben's node erases all of it on"
node Cy
run Ana 7 circle end --json
is "$(state Ben)" planned
is "$(state Cy)" planned
run Ben 0 guard wards --json
json "d['wards'][0]['ends_at'] is not None" True

# ---- it waits: nothing is gone, and the way back is open ----
run Ana 7 circle end --json
json "d['ended']" False
run Ben 0 guard link Ana
cp "$work/answer" "$work/link"
run Eve 0 restore start --no-passphrase "@$work/link"

# ---- a mistake is taken back, at each node; after that it takes new words ----
node_kill Cy
run Ana 3 circle end --cancel
says "Cy's node was not reached. It erases all of it on"
node Cy
kith=$deaf # Cy's node, as if it did not hear it
run Ana 3 circle end --cancel
says "Cy's node was told, and answers that it erases all of it on"
says "Go on, until all are told"
kith=$real
cp -a "$work/Ana" "$work/Two" # another device: Ana's own hears of it, and goes by that without nodes
run Two 0 circle end --cancel
says "Your circle does not end."
run Ana 3 status --json
json "{g['end_due_at'] for g in d['guardians']}" "{None}"
for g in Ben Cy Dora; do node_kill "$g"; done
run Ana 3 status
tr '\n' ' ' <"$work/answer" | tr -s ' ' | grep -q "restored: yes, but not today" || fail "it ends nowhere, and status says so"
for g in Ben Cy Dora; do node "$g"; done
run Ana 0 circle end --cancel
says "Your circle does not end."
run Ana 0 circle end --cancel
later 60
run Ben 0 guard wards --json
json "d['wards'][0]['ends_at']" null
run Ana 7 circle end --yes "$(cat "$work/print")"
run Ana 7 circle end --json
for g in Ben Cy; do
    run Ana 7 circle end --json
    is "$(state $g)" call
    words $g >"$work/words"
    says_end $g
done
run Ana 7 circle end --json
for g in Ben Cy Dora; do is "$(state $g)" planned; done
run Ana 3 status
tr '\n' ' ' <"$work/answer" | tr -s ' ' | grep -q "only until .*\. Your circle ends then\." || fail "the end is not the sentence"
run Ana 3 status --json
json "[n['command'] for n in d['next'] if n['id'] == 'ends']" "['kith circle end --cancel']"

# ---- fourteen days later: erased, signed, and nothing comes back ----
for g in Ben Cy Dora; do node_kill "$g"; done
later $((14 * 86400 + 3600))
run Ana 7 circle end # all of them may keep all of it
says "that waits for the nodes of: Ben, Cy, Dora."
grep -q "Tear up" "$work/said" && fail "nobody said that anything is erased, and the card is to be torn up"
node Ben
node Dora
two_ended() {
    KITH_HOME=$work/Ana "$kith" --no-input circle end --yes "$(cat "$work/print")" --json \
        >"$work/answer" 2>"$work/said"
    [ "$(state Ben) $(state Dora)" = "ended ended" ]
}
soon two_ended
run Ana 7 circle end
says "Cy's node was to erase all of it on"
says "Tear up the card that Kim keeps"
says "these nodes have not signed to have erased: Cy."
run Ana 8 status
tr '\n' ' ' <"$work/answer" | tr -s ' ' | grep -q "restored: no\. Your circle ended on" || fail "the end is not the sentence"
says "Cy's node was to erase your piece on"
says "To have that signed, and to see what is left to do: kith circle end"
grep -q -e --cancel "$work/said" && fail "there is no way back, and it is named"
node Cy
ended() {
    KITH_HOME=$work/Ana "$kith" --no-input circle end --yes "$(cat "$work/print")" --json \
        >"$work/answer" 2>"$work/said"
    [ "$(python_of "d['ended']")" = True ]
}
soon ended
for g in Ben Cy Dora; do is "$(state "$g")" ended; done
json "{len(bytes.fromhex(x['receipt'])) > 64 for x in d['guardians']}" "{True}"
run Ana 0 circle end
says "Nobody can restore your root key now"
says "Tear up the card that Kim keeps."
run Ana 8 status
says "Ben's node erased your piece on"
grep -q "holds your piece\|at one place" "$work/said" && fail "nothing is there, and somebody may copy it"
grep -q "gave up\|guardian add" "$work/said" && fail "the owner ended it, and the guardian is said to have"
run Ana 8 status --json
json "d['next']" "[]"
for verb in "circle seal" check; do
    # shellcheck disable=SC2086
    run Ana 10 $verb
    says "Your circle ended."
done
run Ana 0 guardian list
grep -q "^Ben .*erased what was kept of you" "$work/answer" || fail "Ben keeps nothing, and is said to"
run Ana 0 guardian erase Ben --json
json "d['state']" ended
for g in Ben Cy Dora; do
    run "$g" 0 guard wards --json
    json "d['wards'][0]['left_at'] == d['wards'][0]['ended_at'] != None" True
    json "d['wards'][0]['ends_at']" null
    run "$g" 0 guard wards
    grep -q "ended by its owner, all is erased" "$work/answer" || fail "$g is said to have given it up"
done
run Ben 1 guard link Ana
run Ana 0 guardian export Ben -o "$work/after"
python3 - "$work/after/node.json" <<'PY' || fail "something is left"
import json, sys
for m in json.load(open(sys.argv[1]))['said']:
    if m['message'] == 'EPOCH_STATE':
        assert 'error' in m or not m['says']['epochs'], m
    if m['message'] == 'HEAD_GET':
        assert 'error' in m or m['says']['head'] is None, m
PY
cp -a "$work/Ana" "$work/Anew"
run Ana 3 circle end --cancel # too late: what is gone is gone
says "Ben's node had erased all of it on"
says "That is too late: your circle has ended."

# ---- another circle after that: status says each step to it, and the end is over ----
next() { # next ID: the step of Anew
    run Anew 8 status --json
    json "[n['id'] for n in d['next']][:1]" "['$1']"
}
for g in Gil Hal Ina; do
    guardian "$g"
    run "$g" 0 guard invite
    cp "$work/answer" "$work/invite"
    [ "$g" = Hal ] && next add
    run Anew 0 guardian add "$g" "@$work/invite"
    run Anew 0 guardian confirm "$g"
    cp "$work/answer" "$work/words"
    run "$g" 0 guard confirm Ana --words-file "$work/words" --verified met
    cp "$work/answer" "$work/back"
    run Anew 0 guardian confirm "$g" --answer-file "$work/back"
done
next plan
run Anew 0 circle plan -k 2 --yes one-person
grep -q "Ben" "$work/answer" && fail "who erased all has a place in the new circle"
next change
json "d['next'][0]['command']" "kith circle seal"
run Anew 3 circle seal
run Anew 3 status --json
json "(d['restorable'], [n for n in d['next'] if n['id'] in ('end', 'ends', 'ended')])" "(True, [])"
run Anew 2 circle end # the wish was about the circle before
says "--yes"
e2e_end
