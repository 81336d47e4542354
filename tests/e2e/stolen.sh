#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A stolen laptop, unlocked: from the telephone call to the new root. The thief has the day
# box and the root key, and tries everything with them before, meanwhile and afterwards:
# each try in the home as it was stolen, and it counts what the nodes said to it.
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

# Whether a node refused since the mark: a call, which its own log says; or the keys, which
# it writes nothing about: then the thief's program met it, and was not let in.
mark() {
    local n
    for n in $guardians; do wc -l <"$work/$n.node/log" >"$work/$n.mark"; done
}
refused() { # refused GUARDIAN
    if [ "$no" = stranger ]; then
        cat "$work/said" "$work/answer" | tr '\n' ' ' | tr -s ' ' |
            grep -q "$1's node did not let us in\|let this machine in no more" || fail "$1's node let the thief in"
        return
    fi
    for _ in $(seq 100); do
        tail -n +"$(($(cat "$work/$1.mark") + 1))" "$work/$1.node/log" |
            grep -q "call\.failed .*$no" && return
        sleep 0.05
    done
    fail "$1's node did not refuse"
}

# goes_on NODES ARG…: the thief does, in the home as the last try left it; each of these
# nodes must have said no to that. Of none: it is only looked at.
goes_on() {
    local nodes=$1 got=0 n
    shift
    mark
    KITH_HOME=$work/Thief "$kith" --no-input "$@" >"$work/answer" 2>"$work/said" || got=$?
    [ -z "$nodes" ] || [ "$got" != 0 ] || fail "the thief was let in: kith $*"
    for n in $nodes; do refused "$n"; done
    checks=$((checks + 1))
}

# The same in the home as it was stolen: what one try leaves behind stops no other.
tries() {
    rm -rf "$work/Thief"
    cp -a "$work/stolen" "$work/Thief"
    goes_on "$@"
}

mal() { # an invite of the thief's own guardian
    run Mal 0 guard invite
    cp "$work/answer" "$work/mal"
}

# What a thief of an unlocked laptop can ask for, and those who must refuse it.
tries_all() {
    local all=$1
    tries "Ben Cy" guardian remove Dora
    mal
    tries "Ben Cy" guardian replace Dora --with Mal "@$work/mal"
    mal
    tries "" guardian add Mal "@$work/mal"
    goes_on "" circle plan -k 2 --yes short-stop
    goes_on "$all" circle seal
    tries Cy guardian erase Cy --yes erase
    tries "Cy" guardian address Cy "localhost:$(cat "$work/Cy.node/port")"
    tries "" circle plan -k 3 --yes short-stop
    goes_on "$all" circle seal
    tries "$all" circle rotate
    goes_on "$all" circle seal --resume
    tries "$all" circle end --yes "$(cat "$work/print")"
    rm -f "$work/spare"
    tries Ben device add Spare -o "$work/spare"
    tries "$all" device remove Desk
    printf nothing >"$work/nothing"
    tries "" secret edit bank --file "$work/nothing"
    goes_on "$all" vault push --yes shrink
    tries "" circle sheet
}

for n in $guardians Mal; do guardian "$n"; done
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
run Ana 0 secret add wifi --type password --file "$work/secret"
run Ana 0 vault push
run Ana 0 device add Desk -o "$work/desk"

# ---- it is gone: the thief begins at once ----
cp -a "$work/Ana" "$work/stolen"
rm -rf "$work/Ana"
tries "" root replace # asks the guardians with the old key; nobody calls them
goes_on "" root replace --resume

# ---- the telephone calls ----
for n in Ben Cy; do
    run "$n" 0 guard freeze Ana --verified called
done
no=frozen # Dora's node is not: it may take what he says, and loses nothing by it
tries_all "Ben Cy"

# ---- a new machine ----
for n in Ben Cy; do
    run "$n" 0 guard link Ana
    cp "$work/answer" "$work/$n.link"
done
run New 0 restore start --name Ana --no-passphrase "@$work/Ben.link" "@$work/Cy.link"
cp "$work/answer" "$work/lines"
tries "" stop all --json # at both nodes somebody asks, and neither listens to him
json "{r['result'] for r in d['requests'] if r['guardian'] != 'Dora'}" "{'frozen'}"
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
says "Your vault is under the new key, and saved at 3 of 3 nodes."
run New 0 root fingerprint
cp "$work/answer" "$work/newprint"
cmp -s "$work/print" "$work/newprint" && fail "the root is the old one"
# What the thief wrote at the one node that was not frozen is the newest; nothing is lost.
run New 0 secret get bank
answers nothing
run New 0 secret get bank --back 1
answers hunter2
run New 0 secret list
grep -q 'bank  (may have been read)$' "$work/answer" || fail "bank may have been read, and is not marked"
says "change each where it is used, then here: kith secret edit NAME"
run New 3 status --json
json "[n['command'] for n in d['next'] if n['id'] == 'secrets']" "['kith secret list']"
run New 0 secret edit bank --hint "a text is no new secret"
run New 0 secret list --json
json "[i['may_be_read'] for i in d['items'] if i['name'] == 'bank']" "[True]"
run New 0 secret edit bank --back 1
run New 0 secret list --json
json "[(i['name'], i['may_be_read']) for i in d['items'] if i['type'] == 'password']" "[('bank', False), ('wifi', True)]"
json "[i['name'].startswith('Root key until $(date -u +%Y-)') for i in d['items']].count(True)" 1
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
no=stranger
tries_all "$guardians"
tries "$guardians" root replace
goes_on "$guardians" root replace --resume
tries "" stop all --json
json "d['id']" shut-out
tries "" stop --root all --json
json "d['id']" shut-out
tries "$guardians" check
tries "$guardians" vault pull
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
# ---- what may have been read, the vault remembers: this home never saw the theft ----
run Later 0 secret list --json
json "[(i['name'], i['may_be_read']) for i in d['items'] if i['type'] == 'password']" "[('bank', False), ('wifi', True)]"
run Later 3 status --json
json "[n['command'] for n in d['next'] if n['id'] == 'secrets']" "['kith secret list']"
printf 'other' >"$work/secret"
run Later 0 secret edit wifi --file "$work/secret"
run Later 0 secret list --json
json "[i['name'] for i in d['items'] if i['may_be_read']]" "[]"
run Later 3 status --json
json "[n for n in d['next'] if n['id'] == 'secrets']" "[]"

e2e_end
