#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A card on paper and back: printed in every form, typed, scanned, mistyped in every way;
# what a stranger's card, a picture and a terminal give.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh" || exit 1

for n in Ben Cy; do guardian "$n"; done
run Eve 0 init --name Eve --no-passphrase
cp "$work/answer" "$work/print"
for n in Ben Cy; do
    run "$n" 0 guard invite
    cp "$work/answer" "$work/link"
    run Eve 0 guardian add "$n" "@$work/link"
done
run Eve 0 card list
says "There are no cards"
for n in Gus Hal; do run Eve 0 guardian add $n --card; done
run Eve 10 card print Gus -o "$work/early.pdf"
run Eve 0 circle plan -k 2 --hold 0 --yes cards-alone --yes one-person --yes one-domain
run Eve 3 circle seal
run Eve 0 card list --json
json "[(c['name'], c['state'], c['held_at']) for c in d['cards']]" \
    "[('Gus', 'to-verify', None), ('Hal', 'to-verify', None)]"

# ---- printing: what is refused ----
run Eve 2 card print Gus
run Eve 2 card print Gus -o "$work/gus.doc"
run Eve 2 card print Gus -o "$work/gus.pdf" --size a5
run Eve 2 card print Gus -o - --json
run Eve 2 card print Gus -o "$work/gus.pdf" --standalone
says "--yes standalone"
run Eve 5 card print Nobody -o "$work/gus.pdf"
run Eve 2 card print Ben -o "$work/gus.pdf"
run Eve 1 card print Gus -o "$work/none/gus.pdf"
[ -e "$work/gus.pdf" ] && fail "a refused card was written"

# ---- printing ----
for form in pdf html txt; do
    run Eve 0 card print Gus -o "$work/gus.$form" --json
    json "(d['name'], d['kind'], d['words'], d['need'], d['of'])" "('Gus', 'locked', True, 2, 4)"
    [ "$(stat -c %a "$work/gus.$form")" = 600 ] || fail "gus.$form is open to others"
    run Eve 2 card print Gus -o "$work/gus.$form" # what is there stays
done
run Eve 0 card print Gus -o -
cmp -s "$work/answer" "$work/gus.txt" || fail "standard output and the file differ"
head -c 5 "$work/gus.pdf" | grep -q '%PDF-' || fail "no PDF"
run Eve 0 card print Hal -o "$work/hal.html" --standalone --yes standalone --size a6
grep -q '148mm 105mm' "$work/hal.html" || fail "the size is not that asked for"
run Eve 0 card print Hal -o "$work/hal.txt" --standalone --yes standalone
grep -q '^KITH-WRAPPED:' "$work/hal.txt" || fail "no line of W_e on a standalone card"
grep -q 'KITH-WRAPPED' "$work/gus.txt" && fail "a locked card carries W_e"
run Eve 0 card print Gus -o "$work/blank.txt" --blank-words
says "at a terminal only"

# rows NAME: the seven rows of words, with checks
rows() { grep -E '^  [1-7]  ' "$work/$1.txt"; }
# word R W NAME: one word
word() { rows "$3" | sed -n "$1p" | awk -v w="$2" '{ print $(w + 1) }'; }
rows blank | grep -q '[a-z]' && fail "a blank card holds words"

# ---- a card is told, without a word of it ----
run Eve 0 card read "$work/gus.txt" --json
json "(d['name'], d['state'], d['kind'], d['words'], d['fits'], d['need'], d['of'])" \
    "('Gus', 'to-verify', 'locked', True, True, 2, 4)"
json "d['fingerprint']" "$(cat "$work/print")"
run Nowhere 0 card read "$work/hal.txt"
for r in 1 2 3 4 5 6 7; do
    grep -qwi "$(word $r 3 hal)" "$work/answer" "$work/said" && fail "a word was shown"
done
run Nowhere 0 card read "$work/hal.txt" --json
json "(d['name'], d['state'], d['kind'])" "('Hal', 'unknown', 'standalone')"
run Ben 0 card read "$work/gus.txt" --json
json "d['state']" unknown
run Eve 0 card read - --json < <(grep KITH- "$work/gus.txt")
json "(d['words'], d['fits'], d['kind'])" "(False, None, 'locked')"
run Eve 0 card read - --json < <(rows gus)
json "(d['name'], d['words'], d['fits'], d['kind'])" "('Gus', True, None, None)"
run Eve 2 card read "$work/print" --json
json "d['id']" words-unknown

# ---- slips ----
# slip CODE ID: standard input as Gus's card
slip() {
    run Eve "$1" card verify Gus - --json
    json "d['id']" "$2"
}
right=$(word 3 2 gus)
other=$(word 5 4 gus)
slip 1 words-slip < <(rows gus | sed "3s/ $right / $other /")
json "(d['row'], d['word'])" "(3, 2)"
grep -q "$right" "$work/answer" || fail "the right word is not offered"
slip 1 words-slip < <(rows gus | sed -E '4s/^(  4  )([a-z]+)( +)([a-z]+)/\1\4\3\2/')
json "(d['row'], d['word'])" "(4, 1)"
slip 1 words-slip < <(rows gus | sed "3s/ $right / xylophon /")
slip 1 words-wrong < <(rows gus | sed "3s/ $right / $other /; 6s/ $(word 6 1 gus) / $other /")
json "d['rows']" "[3, 6]"
slip 1 words-wrong < <(rows gus | sed "3s/ $right / $other /; 6s/ $(word 6 1 gus) / $other /" |
   sed -E 's/ +[A-Z2-7]{2}$//')
json "d['rows']" "[]"
slip 2 words-unknown < <(rows gus | sed "3s/ $right / zzzz /; 6s/ $(word 6 1 gus) / qqqq /")
json "d['words']" "[12, 26]"
slip 2 words-count < <(rows gus | sed "3s/ $right / /")
json "d['rows']" "[3]"
slip 2 words-count < <(rows gus | head -6)
slip 5 no-card </dev/null
slip 9 other-card < <(rows hal)
slip 9 other-card < <(rows gus; grep KITH-CARD "$work/hal.txt")
slip 2 two-cards < <(rows gus; grep KITH-CARD "$work/hal.txt" "$work/gus.txt" -h)
slip 5 no-words < <(grep KITH- "$work/gus.txt")
slip 2 mistyped < <(sed 's/^KITH-CARD1:..../KITH-CARD1:AAAA/' "$work/gus.txt")
slip 14 version < <(sed 's/^KITH-CARD1:/KITH-CARD7:/' "$work/gus.txt")
run Eve 2 card verify Gus "$work/gus.pdf" --json
json "d['id']" not-a-picture
run Eve 2 card verify Gus
run Eve 0 card list --json
json "[c['state'] for c in d['cards']]" "['to-verify', 'to-verify']"

# ---- typed at a terminal: row by row; a wrong row is asked again ----
typed=()
while IFS= read -r line; do
    [ ${#typed[@]} -ne 2 ] || typed+=("${line/ $right / $other }" "one two")
    typed+=("${line:4}")
done < <(rows gus)
at Eve "${typed[@]}" -- card verify Gus || fail "typed at a terminal: $(cat "$work/seen")"
grep -q 'its check does not fit' "$work/seen" || fail "a wrong row was not told: $(cat "$work/seen")"
grep -q 'Word 1 of this row is not on the list' "$work/seen" || fail "a word that is none was not told"
grep -q 'counts from now on' "$work/seen" || fail "it does not count"
run Eve 0 card list --json
json "[c['state'] for c in d['cards']]" "['held', 'to-verify']"
run Eve 1 card print Gus -o "$work/again.pdf" --json
json "d['id']" card-held
run Eve 0 card verify Gus "$work/gus.txt" # the yearly look
says "in order"

# a slip without checks, agreed to by the person
typed=()
while IFS= read -r line; do typed+=("$(sed -E 's/ +[A-Z2-7]{2}$//' <<<"${line:4}")"); done < <(rows gus)
typed[2]=${typed[2]/ $right / $other }
if at Eve "${typed[@]}" n -- card verify Gus; then fail "a slip was taken without a yes"; fi
grep -q "Does the card say \"$right\" in row 3, word 2" "$work/seen" || fail "no correction was offered"
at Eve "${typed[@]}" y -- card verify Gus || fail "an agreed correction was refused"

# words to be written by hand: shown, and taken from the screen
at Eve y -- card print Hal -o "$work/hand.pdf" --blank-words || fail "blank: $(cat "$work/seen")"
grep -q "$(word 7 2 hal)" "$work/seen" || fail "the words were not shown"
tail -c +1 "$work/seen" | grep -qF $'\e[2J' || fail "the words stay on the screen"

# ---- from a picture ----
if command -v zbarimg >/dev/null && command -v pdftoppm >/dev/null; then
    run Eve 0 card print Hal -o "$work/hal.pdf"
    pdftoppm -r 100 -png -singlefile "$work/hal.pdf" "$work/hal"
    if KITH_HOME=$work/Eve env PATH=/nowhere "$kith" --no-input card verify Hal "$work/hal.png" \
        2>"$work/said"; then fail "a picture was read without zbarimg"; fi
    says "zbar-tools"
    python3 - "$work/white.png" <<'PY'
import struct, sys, zlib
def chunk(t, d):
    return struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d))
raw = (b"\0" + b"\xff" * 60) * 60
open(sys.argv[1], "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 60, 60, 8, 0, 0, 0, 0))
                              + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))
PY
    run Eve 5 card verify Hal "$work/white.png" --json
    json "d['id']" no-code
    run Eve 2 card verify Hal - --json <"$work/hal.png"
    json "d['id']" picture-needs-name
    run Eve 0 card verify Hal "$work/hal.png" --json
    json "(d['name'], d['state'], d['corrected'])" "('Hal', 'held', False)"
else
    echo "skipped: from a picture: zbarimg (zbar-tools) or pdftoppm (poppler-utils) is not installed"
    run Eve 0 card verify Hal "$work/hal.txt"
fi
run Eve 0 card list
answers_line() { grep -q "^$1: on paper" "$work/answer" || fail "$1 is not listed as held"; }
answers_line Gus
answers_line Hal
e2e_end
