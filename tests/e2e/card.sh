#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Cards in the same quorum as nodes: three nodes and two cards, 3 of 5. Sealed, printed,
# read back; everything lost and back with cards and nodes in mixtures; a locked stack
# opens nothing; standalone; of an older circle; a wrong word; no piece in clear at home.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh" || exit 1

ana() {
    local want=$1
    shift
    run Ana "$want" "$@" --passphrase-file "$work/pass"
}
# link_of NAME: a restore link of NAME's in work/NAME.link
link_of() {
    run "$1" 0 guard link Ana
    cp "$work/answer" "$work/$1.link"
}
# yes_of HOME GUARDIAN: the words that HOME shows for the request at it, typed there.
yes_of() {
    local req
    run "$2" 0 guard requests --json
    req=$(python3 -c 'import json,sys
d = json.load(open(sys.argv[1]))["requests"]
print([r for r in d if r["kind"] == "restore" and r["state"] == "live"][0]["request"])' "$work/answer")
    run "$1" 7 restore status --json
    python3 -c 'import json,sys
print([g["words"] for g in json.load(open(sys.argv[1]))["guardians"] if g["request"] == sys.argv[2]][0])' \
        "$work/answer" "$req" >"$work/words"
    run "$2" 0 guard approve "$req" --words-file "$work/words" --verified called
}
# printed HOME NAME FILE ARG…: NAME's card as text
printed() {
    local who=$1 name=$2 file=$3
    shift 3
    run "$who" 0 card print "$name" -o "$file" "$@"
    [ "$(grep -cE '^ +[1-7]  ' "$file")" = 7 ] || fail "not seven rows on $name's card"
}
gone() { rm -rf "${work:?}/$1"; }

printf 'correct horse battery\n' >"$work/pass"
names=(Ben Cy Dora)
for n in "${names[@]}"; do guardian "$n"; done
ana 0 init --name Ana
cp "$work/answer" "$work/print"

# ---- five: three with nodes, two with cards ----
for n in "${names[@]}"; do
    run "$n" 0 guard invite
    cp "$work/answer" "$work/link"
    ana 0 guardian add "$n" "@$work/link" --reach "phone of $n"
    ana 0 guardian confirm "$n"
    cp "$work/answer" "$work/words"
    run "$n" 0 guard confirm Ana --words-file "$work/words" --verified met
    cp "$work/answer" "$work/back"
    ana 0 guardian confirm "$n" --answer-file "$work/back"
done
run Ana 0 guardian add "Aunt Kim" --card --reach "the blue house" # no passphrase is needed
run Ana 0 guardian add Lea --card --json
json "(d['kind'], d['node'], d['reach'])" "('card', None, None)"
run Ana 2 guardian add lea --card
ana 2 guardian confirm Lea
says "there is no node to confirm at"
run Ana 0 guardian list --json
json "[g['kind'] for g in d['guardians']]" "['node', 'node', 'node', 'card', 'card']"
run Ana 2 circle plan -k 2
says "--yes cards-alone"
run Ana 0 circle plan -k 3 --hold 0 --yes one-person --json
json "d['fewest_people']" 1
ana 5 card print Kim -o "$work/kim.txt"
ana 10 card print "Aunt Kim" -o "$work/kim.txt"
ana 3 circle seal
answers "3 of 5 guardians hold a piece; 3 are needed."
says "kith card print 'Aunt Kim'"
run Ana 3 status --json
json "(d['stored'], d['confirmed'], d['spare'], d['restorable'])" "(3, 3, 0, True)"
json "[g['state'] for g in d['guardians']]" "['ok', 'ok', 'ok', 'missing', 'missing']"
json "[n['command'] for n in d['next'] if n['id'] == 'card']" "[\"kith card print 'Aunt Kim'\"]"

# ---- printed, and read back ----
printed Ana "Aunt Kim" "$work/kim.txt" --passphrase-file "$work/pass"
printed Ana Lea "$work/lea.txt" --passphrase-file "$work/pass"
run Ana 4 card verify Lea "$work/lea.txt"
ana 9 card verify Lea "$work/kim.txt" # the one for the other
ana 0 card verify Lea "$work/lea.txt"
says "print it before you remove it: the piece is nowhere else"
run Ana 3 status --json
json "(d['stored'], d['confirmed'], d['spare'])" "(4, 4, 1)"
ana 3 circle seal --resume
says "Aunt Kim"
ana 0 card verify "Aunt Kim" - <"$work/kim.txt"
ana 1 card print Lea -o "$work/again.txt"
ana 0 circle seal --resume
run Ana 3 status --json
json "(d['stored'], d['spare'], [g['state'] for g in d['guardians']])" \
    "(5, 2, ['ok', 'ok', 'ok', 'ok', 'ok'])"
[ -e "$work/Ana/cards" ] && fail "the pieces of the cards are still there"
python3 - "$work" <<'PY' || fail "a piece stands in the home"
import pathlib, re, sys
work = pathlib.Path(sys.argv[1])
rows = re.findall(r"^ +[1-7]  .*$", (work / "kim.txt").read_text(), re.M)
words = re.findall(r"\b[a-z]{4,8}\b", " ".join(rows))
if len(words) != 33:
    sys.exit(1)
for f in (work / "Ana").iterdir():
    text = f.read_bytes().lower()
    for i in range(len(words) - 2):
        if " ".join(words[i:i + 3]).encode() in text:
            sys.exit(1)
PY
checks=$((checks + 1))
ana 0 circle sheet
cp "$work/answer" "$work/sheet"
grep -q "the blue house" "$work/sheet" || fail "who keeps a card is not on the sheet"
grep '^KITH-WRAPPED:' "$work/sheet" >"$work/opener"
for n in "${names[@]}"; do link_of "$n"; done

# ---- all is lost: one node and two cards ----
mv "$work/Ana" "$work/Lost"
run New 0 restore start --name Ana --no-passphrase "@$work/Ben.link"
run New 7 restore card "$work/kim.txt"
json_cards="[(g['name'], g['node'], g['state'], g['verdict']) for g in d['guardians'] if g['kind'] == 'card']"
run New 7 restore status --json
json "$json_cards" "[(None, None, 'released', None)]"
json "(d['need'], d['have'], d['locked'])" "(3, 1, False)"
run New 7 restore card - <"$work/kim.txt"
says "This card was read before."
yes_of New Ben
run New 7 restore
says "Lea keeps a card of yours"
says "2 of 3 pieces are here."
run New 7 restore status --json
json "$json_cards" "[('Aunt Kim', None, 'released', 'good'), ('Lea', None, 'unopened', None)]"
run New 3 restore card "$work/lea.txt" --sources-differ # one guardian's word and paper
run New 0 restore --accept "$(cat "$work/print")"
run New 0 root fingerprint
answers "$(cat "$work/print")"
run New 0 restore card "$work/lea.txt" # done is done
python3 - "$work" <<'PY' || fail "a piece stands in the new home"
import pathlib, sys
for f in (pathlib.Path(sys.argv[1]) / "New").iterdir():
    if b"KITH-CARD1:" in f.read_bytes():
        sys.exit(1)
PY
gone New

# ---- two nodes and a card ----
link_of Cy
link_of Dora
run New 0 restore start --name Ana --no-passphrase "@$work/Cy.link" "@$work/Dora.link"
run New 7 restore card "$work/lea.txt"
yes_of New Cy
yes_of New Dora
run New 0 restore --accept "$(cat "$work/print")"
run New 0 guardian list # of the first epoch; the nodes' list is of the second
grep -q '^Ben' "$work/answer" || fail "Ben is not known any more"
gone New

# ---- cards below the threshold and the sheet: nothing without nodes ----
run New 7 restore card --no-passphrase "$work/kim.txt" "$work/lea.txt"
run New 7 restore start --sheet "$work/opener"
run New 7 restore status --json
json "(d['need'], d['have'], d['locked'], d['state'])" "(3, 2, False, 'waiting')"
gone New

# ---- wrong words: caught, told by row, and nothing is kept ----
# the words alone, as people type them: no numbers, no checks, first four letters
sed -n 's/^ *[1-7]  *\(.*[a-z]\)  *[A-Z0-9]*$/\1/p' "$work/kim.txt" |
    tr -s ' ' '\n' | cut -c1-4 | tr '[:lower:]' '[:upper:]' >"$work/kim.words"
[ "$(wc -w <"$work/kim.words")" = 33 ] || fail "33 words were to be found"
run New 7 restore card --no-passphrase "$work/kim.words"
gone New
sed '8s/.*/XYLO/' "$work/kim.words" >"$work/typo.words"
run New 2 restore card --no-passphrase "$work/typo.words"
says "row 2, word 3"
[ -e "$work/New" ] && fail "a wrong card made a home"
grep KITH- "$work/lea.txt" >"$work/no.words"
run New 2 restore card --no-passphrase "$work/no.words" --json
json "d['id']" no-words
printf 'KITH-WRAPPED:AAAA\n' >"$work/badsheet"
run New 2 restore start --no-passphrase --sheet "$work/badsheet" --json
json "d['id']" mistyped
run New 5 restore card --no-passphrase "$work/nofile"

# ---- an older circle's card, and a stack of locked ones: another owner, 2 of 4 ----
mv "$work/Lost" "$work/Ana"
run Eve 0 init --name Eve --no-passphrase
cp "$work/answer" "$work/eve.print"
for n in Ben Cy; do
    run "$n" 0 guard invite
    cp "$work/answer" "$work/link"
    run Eve 0 guardian add "$n" "@$work/link"
done
run Eve 0 guardian add Gus --card
run Eve 0 guardian add Hal --card
run Eve 0 circle plan -k 2 --hold 0 --yes cards-alone --yes one-person --yes one-domain
run Eve 3 circle seal
printed Eve Gus "$work/gus.txt"
printed Eve Hal "$work/hal.txt"
printed Eve Hal "$work/hal-alone.txt" --standalone --yes standalone
run Eve 0 card verify Gus "$work/gus.txt"
run Eve 0 circle sheet
cp "$work/answer" "$work/eve.sheet"
grep -q "apart from the cards" "$work/eve.sheet" || fail "sheet and cards together are a key: not said"
grep -q "apart from the cards" "$work/sheet" && fail "these cards and the sheet open nothing"
grep '^KITH-WRAPPED:' "$work/eve.sheet" >"$work/eve.opener"
run New 7 restore card --no-passphrase "$work/gus.txt" "$work/hal.txt"
says "they are locked"
run New 7 restore
run New 7 restore card "$work/kim.txt" # somebody else's opens nothing either
run New 7 restore start --sheet "$work/opener"
run New 7 restore status --json
json "(d['need'], d['have'], d['locked'])" "(2, 2, True)"
run New 3 restore start --sheet "$work/eve.opener" # the right one
run New 1 restore --accept "$(cat "$work/print")" --json
json "d['id']" fingerprint-wrong
run New 3 restore
run New 0 restore --accept "$(cat "$work/eve.print")"
run New 0 root fingerprint
answers "$(cat "$work/eve.print")"
gone New
run New 3 restore card --no-passphrase "$work/gus.txt" "$work/hal-alone.txt"
run New 3 restore --sources-differ # nobody's word but the paper's
run New 0 restore --accept "$(cat "$work/eve.print")"
gone New
link_of_eve() {
    run Ben 0 guard link Eve
    cp "$work/answer" "$work/link"
}
link_of_eve
run New 0 restore start --name Eve --no-passphrase "@$work/link"
run New 7 restore card "$work/gus.txt" "$work/kim.txt"
yes_of New Ben
run New 3 restore
run New 3 restore status --json
json "sorted([(g['name'] or '', g['verdict']) for g in d['guardians'] if g['kind'] == 'card' and g['verdict']])" \
    "[('', 'stale-epoch'), ('Gus', 'good')]"
run New 0 restore --accept "$(cat "$work/eve.print")"
e2e_end
