#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# After a restore the circle has new pieces at once, which give the root back again; so do
# the old ones, as long as nobody confirmed the new.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh" || exit 1

guardians="Ben Cy"

python_of() { python3 -c "import json,sys; d = json.load(open(sys.argv[1])); print($1)" "$work/answer"; }

newest() { # newest GUARDIAN: the last request there
    run "$1" 0 guard requests --json
    req=$(python_of 'max(d["requests"], key=lambda r: r["opened_at"])["request"]')
}

circle() { # circle OWNER ROUND: makes one, and notes which wards are its own
    local n known
    for n in $guardians; do
        run "$n" 0 guard wards --json
        known=$(python_of "[w['ward'] for w in d['wards']]")
        run "$n" 0 guard invite
        cp "$work/answer" "$work/$n.invite"
        run "$1" 0 guardian add "$n" "@$work/$n.invite" --reach "phone of $n"
        run "$1" 0 guardian confirm "$n"
        cp "$work/answer" "$work/words"
        newest "$n"
        run "$n" 0 guard confirm "$req" --words-file "$work/words" --verified met
        cp "$work/answer" "$work/back"
        run "$1" 0 guardian confirm "$n" --answer-file "$work/back"
        run "$n" 0 guard wards --json
        python_of "[w['ward'] for w in d['wards'] if w['ward'] not in $known][0]" >"$work/$n.ward$2"
    done
    run "$1" 0 circle plan -k 2 --hold 0
    run "$1" 0 circle seal
}

restore() { # restore HOME ROUND: from the wards of that circle
    local n line=1
    for n in $guardians; do
        run "$n" 0 guard link "$(cat "$work/$n.ward$2")"
        cp "$work/answer" "$work/$n.link"
    done
    run "$1" 0 restore start --name Ana --no-passphrase "@$work/Ben.link" "@$work/Cy.link"
    cp "$work/answer" "$work/lines"
    for n in $guardians; do
        sed -n "${line}p" "$work/lines" | cut -f3 >"$work/words"
        newest "$n"
        run "$n" 0 guard approve "$req" --words-file "$work/words" --verified met
        line=2
    done
    run "$1" 0 restore --accept "$(cat "$work/print")"
    run "$1" 0 root fingerprint
    answers "$(cat "$work/print")"
}

for n in $guardians; do
    guardian "$n"
done
run Ana 0 init --name Ana --no-passphrase
cp "$work/answer" "$work/print"
circle Ana 1
epoch() { # epoch HOME NUMBER: it has so many, at both nodes, and they can be asked again
    run "$1" 3 status --json
    [ "$(python_of 'd["epoch"], d["stored"], d["restorable"]')" = "$2 2 True" ] ||
        fail "$1: not epoch $2: $(cat "$work/answer")"
}

restore New 1
epoch New 2
run New 0 restore
epoch New 2
restore Third 1
epoch Third 3
run Third 3 circle seal --resume
restore Fourth 1
epoch Fourth 4

e2e_end
