#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A restore where one guardian is gone for good: the old pieces still count and are said
# to, nobody is accused, and there is a way to new ones without them.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh" || exit 1

for n in Ben Cy Dora; do
    guardian "$n"
    run "$n" 0 guard invite
    cp "$work/answer" "$work/invite"
    [ -d "$work/Ana" ] || run Ana 0 init --name Ana --no-passphrase
    [ -s "$work/print" ] || cp "$work/answer" "$work/print"
    run Ana 0 guardian add "$n" "@$work/invite" --reach "phone of $n"
    run Ana 0 guardian confirm "$n"
    cp "$work/answer" "$work/words"
    run "$n" 0 guard confirm Ana --words-file "$work/words" --verified met
    cp "$work/answer" "$work/back"
    run Ana 0 guardian confirm "$n" --answer-file "$work/back"
done
run Ana 0 circle plan -k 2 --hold 0
run Ana 0 circle seal
node_kill Dora

for n in Ben Cy; do
    run "$n" 0 guard link Ana
    cp "$work/answer" "$work/$n.link"
done
run New 0 restore start --name Ana --no-passphrase "@$work/Ben.link" "@$work/Cy.link"
cp "$work/answer" "$work/lines"
line=0
for n in Ben Cy; do
    line=$((line + 1))
    sed -n "${line}p" "$work/lines" | cut -f3 >"$work/words"
    run "$n" 0 guard requests --json
    request=$(python3 -c 'import json, sys
print([r for r in json.load(sys.stdin)["requests"] if r["kind"] == "restore"][0]["request"])' <"$work/answer")
    run "$n" 0 guard approve "$request" --words-file "$work/words" --verified met
done
run New 0 restore --accept "$(cat "$work/print")"
says "If Dora's node stays away: kith circle seal --abandon"

same() { # what the old pieces are worth
    run New 3 status
    answers "You can be restored: yes, but with none to spare."
    run New 3 status --json
    json "[g['state'] for g in d['guardians']]" "['ok', 'ok', 'away']"
}

same
run New 13 circle seal --resume
says "and then kith guardian remove \"Dora\""
run New 1 guardian remove Dora
says "Next: kith circle seal --abandon"
run New 3 circle seal --abandon
same
run New 3 guardian remove Dora
run New 3 status --json
json "(d['epoch'], d['stored'], d['of'], d['restorable'])" "(2, 2, 2, True)"
e2e_end
