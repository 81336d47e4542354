#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A restore by somebody who gave no name: nothing calls her by a made-up one, her guardian
# goes on to know her by his own, and the name can be told at any time. It is cut off at a
# question: status says how to go on.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh" || exit 1

newest() { # newest GUARDIAN: the last request there, in req
    run "$1" 0 guard requests --json
    req=$(python3 -c 'import json, sys
print(max(json.load(sys.stdin)["requests"], key=lambda r: r["opened_at"])["request"])' <"$work/answer")
}
quiet() { # the last run did not say TEXT
    tr '\n' ' ' <"$work/said" | tr -s ' ' | cat - "$work/answer" | grep -qF -- "$1" && fail "was said: $1"
    checks=$((checks + 1))
}
links() {
    for n in Ben Cy; do
        run "$n" 0 guard link Zoe
        cp "$work/answer" "$work/$n.link"
    done
}
approve() { # approve WORDS: those of Ben and Cy are in its lines
    local line=0
    for n in Ben Cy; do
        line=$((line + 1))
        sed -n "${line}p" "$1" | cut -f3 >"$work/words"
        newest "$n"
        run "$n" 0 guard approve "$req" --words-file "$work/words" --verified met
    done
}

for n in Ben Cy Hal; do guardian "$n"; done
run Zoe 0 init --name Zoe --no-passphrase
cp "$work/answer" "$work/print"
for n in Ben Cy; do
    run "$n" 0 guard invite
    cp "$work/answer" "$work/invite"
    run Zoe 0 guardian add "$n" "@$work/invite" --reach "phone of $n"
    run Zoe 0 guardian confirm "$n"
    cp "$work/answer" "$work/words"
    run "$n" 0 guard confirm Zoe --words-file "$work/words" --verified met
    cp "$work/answer" "$work/back"
    run Zoe 0 guardian confirm "$n" --answer-file "$work/back"
done
run Zoe 0 circle plan -k 2 --hold 0
run Zoe 0 circle seal

# ---- without a name ----
links
run New 0 restore start --no-passphrase "@$work/Ben.link" "@$work/Cy.link"
cp "$work/answer" "$work/lines"
approve "$work/lines"
# ---- cut off: the root is back, and no node knows this machine ----
at New "" $'\x03' -- restore --accept "$(cat "$work/print")"
grep -q "What became of the old machine" "$work/seen" || fail "it was not asked what became of it"
run New 8 status
answers "You can be restored: not known yet. Your root key is back, but the restore was cut off before your guardians' nodes knew this machine."
says "circle new pieces. kith restore"
for word in "did not let us in" "needed" "does not hold"; do quiet "$word"; done
run New 8 status --json
json "([n['id'] for n in d['next']], d['restorable'], d['level'])" "(['restore'], False, 'lost')"
run New 0 restore --lost
run New 3 status
run New 0 circle show
grep -q "The circle of the owner" "$work/answer" || fail "the circle is somebody's"
run Hal 0 guard invite
cp "$work/answer" "$work/invite"
run New 5 guardian add Hal "@$work/invite"
says "Next: kith init --name NAME"

# ---- the guardian's own name for her, in what he reads and types ----
run New 7 circle end --yes "$(cat "$work/print")" --json
newest Ben
cat "$work/print" >"$work/words"
run Ben 0 guard show "$req"
quiet "owner"
run New 7 circle end --json
python3 -c 'import json, sys
print([g["words"] for g in json.load(sys.stdin)["guardians"] if g["name"] == "Ben"][0])' <"$work/answer" >"$work/words"
run Ben 2 guard confirm "$req" --words-file "$work/words" --verified met
says "I spoke with Zoe and Zoe wants all of it erased here"
run New 0 circle end --cancel

# ---- told at last ----
run New 0 init --name Zoe
says "Its root key is as it was"
answers "$(cat "$work/print")"
run New 0 guardian add Hal "@$work/invite"
run Hal 0 guard wards --json
json "[w['label'] for w in d['wards']]" "['Zoe']"
run New 0 guardian remove Hal
says "kith guard leave Zoe"

# ---- at a terminal it is asked for ----
links
at Typed Zoe -- restore start --no-passphrase "@$work/Ben.link" "@$work/Cy.link" ||
    fail "restore start at a terminal"
grep -q "Your name, as your guardians know you" "$work/seen" || fail "no name was asked for"
newest Ben
json "[r['claimed'] for r in d['requests'] if r['kind'] == 'restore']" "['Zoe']"

# ---- a link that was used leads nowhere, and no round would change that ----
run Late 1 restore start --no-passphrase "@$work/Ben.link"
says "Then go on with: kith restore start NEWLINK"
quiet "at any time"
run Late 7 restore
says "kith restore start NEWLINK"
run Ben 0 guard link Zoe
cp "$work/answer" "$work/new.link"
run Late 0 restore start "@$work/new.link"
says "Go on at any time with: kith restore"
e2e_end
