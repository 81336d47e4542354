#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A stolen laptop, unlocked: from the telephone call to the new root. The thief has the day
# box and the root key, and tries everything with them before, meanwhile and afterwards.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh" || exit 1

guardians="Ben Cy Dora"

python_of() { python3 -c "import json,sys; d = json.load(open(sys.argv[1])); print($1)" "$work/answer"; }

newest() { # newest GUARDIAN: the last request there
    run "$1" 0 guard requests --json
    req=$(python_of 'max(d["requests"], key=lambda r: r["opened_at"])["request"]')
}

speaks() { # speaks OWNER GUARDIAN: about what is to be confirmed now, both ways
    run "$1" 0 guardian confirm "$2"
    cp "$work/answer" "$work/words"
    newest "$2"
    run "$2" 0 guard confirm "$req" --words-file "$work/words" --verified met
    cp "$work/answer" "$work/back"
    run "$1" 0 guardian confirm "$2" --answer-file "$work/back"
}

tries() { # tries ARG…: the thief does; whatever the exit code, it is written down
    local got=0
    KITH_HOME=$work/Thief "$kith" --no-input "$@" >"$work/answer" 2>"$work/said" || got=$?
    echo "$got $*" >>"$work/tried"
    checks=$((checks + 1))
}

# What a thief of an unlocked laptop can ask for.
tries_all() {
    tries guardian remove Dora
    tries circle plan -k 2
    tries circle rotate
    tries circle seal
    tries circle seal --resume
    printf 'nothing' | KITH_HOME=$work/Thief "$kith" --no-input secret edit bank - >/dev/null 2>&1
    tries vault push --yes shrink
    tries circle sheet
    tries stop all
    tries root replace
    tries root replace --resume
}

for n in $guardians; do guardian "$n"; done
run Ana 0 init --name Ana --no-passphrase
cp "$work/answer" "$work/print"
for n in $guardians; do
    run "$n" 0 guard invite
    cp "$work/answer" "$work/invite"
    run Ana 0 guardian add "$n" "@$work/invite" --reach "phone of $n"
    speaks Ana "$n"
done
run Ana 0 circle plan -k 2 --hold 0 --stop-hold 1s --yes short-stop
run Ana 0 circle seal
printf 'hunter2' >"$work/secret"
run Ana 0 secret add bank --type password --file "$work/secret"
run Ana 0 vault push

# ---- it is gone: the thief begins at once ----
cp -a "$work/Ana" "$work/Thief"
rm -rf "$work/Ana"
tries root replace # asks the guardians with the old key; nobody calls them

# ---- the telephone calls ----
for n in Ben Cy; do
    run "$n" 0 guard freeze Ana --verified called
done
tries_all

# ---- a new machine ----
for n in Ben Cy; do
    run "$n" 0 guard link Ana
    cp "$work/answer" "$work/$n.link"
done
run New 0 restore start --name Ana --no-passphrase "@$work/Ben.link" "@$work/Cy.link"
cp "$work/answer" "$work/lines"
tries stop all
line=1
for n in Ben Cy; do
    sed -n "${line}p" "$work/lines" | cut -f2 >"$work/req"
    sed -n "${line}p" "$work/lines" | cut -f3 >"$work/words"
    run "$n" 0 guard approve "$(cat "$work/req")" --words-file "$work/words" --verified called
    line=2
done
sleep 2
run New 0 restore --accept "$(cat "$work/print")" --stolen
says "You have a new root key"
says "bank"
run New 0 root fingerprint
cp "$work/answer" "$work/newprint"
cmp -s "$work/print" "$work/newprint" && fail "the root is the old one"
# What the thief wrote at the one node that was not frozen is the newest; nothing is lost.
run New 0 secret get bank
answers nothing
run New 0 secret get bank --back 1
answers hunter2
run New 0 secret edit bank --back 1
run New 0 secret list --json
json "len([i for i in d['items'] if i['name'].startswith('Root key until')])" 1
run New 0 vault push
run New 3 status --json
json "d['epoch']" 2
json "d['stored']" 3
json "d['move']" null

# ---- everybody hears of it; the thief's keys are worth nothing ----
for n in $guardians; do
    run "$n" 0 guard wards --json
    json "d['wards'][0]['epoch']" 2
done
: >"$work/tried"
tries_all
tries check
tries vault pull
grep -v '^0 circle \(plan\|sheet\)' "$work/tried" | grep '^0 ' && fail "the thief was let in"
run New 3 status --json
json "d['epoch']" 2
json "d['stored']" 3
run New 0 secret get bank
answers hunter2

# ---- the people confirm; then the old pieces go ----
for n in $guardians; do speaks New "$n"; done

# ---- paper of the old root is recognised: it was replaced ----
for n in Ben Cy; do
    run "$n" 0 guard link Ana
    cp "$work/answer" "$work/$n.link"
done
run Later 0 restore start --name Ana --no-passphrase "@$work/Ben.link" "@$work/Cy.link"
cp "$work/answer" "$work/lines"
line=1
for n in Ben Cy; do
    sed -n "${line}p" "$work/lines" | cut -f2 >"$work/req"
    sed -n "${line}p" "$work/lines" | cut -f3 >"$work/words"
    run "$n" 0 guard approve "$(cat "$work/req")" --words-file "$work/words" --verified met
    line=2
done
run Later 1 restore --accept "$(cat "$work/print")"
says "root-replaced"
run Later 0 restore --accept "$(cat "$work/newprint")" --lost
run Later 0 root fingerprint
answers "$(cat "$work/newprint")"
run Later 0 secret get bank
answers hunter2

e2e_end
