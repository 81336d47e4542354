#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Further machines: a helper and a full one join by a file and a code; a removed one can do
# nothing at once, a node that was away hears of it later; wrong cases first.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh" || exit 1

python_of() { python3 -c "import json,sys; d = json.load(open(sys.argv[1])); print($1)" "$work/answer"; }

states() { # states DEVICE: at how many nodes it is in, unsure, out, as Ana knows
    python_of "[[n['state'] for n in x['nodes']].count(s) for x in d['devices'] if x['name'] == '$1' for s in ('in', 'unsure', 'out')]"
}

# ---- nobody's ----
run Ana 5 device list
run Ana 5 device add Desk -o "$work/file"
run Ana 0 init --name Ana --no-passphrase
run Ana 10 device add Desk -o "$work/file" --json
json "d['id']" no-guardian
run Ana 2 device add Desk
run Ana 0 device list --json
json "[(x['kind'], x['this']) for x in d['devices']]" "[('full', True)]"
[ -e "$work/file" ] && fail "a file of nothing"

# ---- a circle, and something in the vault ----
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
run Ana 0 circle plan -k 2 --hold 1h --yes short-stop
run Ana 0 circle seal
printf 'correct horse' >"$work/note"
run Ana 0 secret add note --type file --file "$work/note"
run Ana 0 vault push

# ---- a helper ----
run Ana 0 device add Desk -o "$work/desk" --json
json "d['schema']" kith.device/1
json "(d['kind'], len(d['nodes']), {n['state'] for n in d['nodes']})" "('helper', 3, {'in'})"
python_of "d['code']" >"$work/code"
[ "$(stat -c %a "$work/desk")" = 600 ] || fail "others may read the file"
grep -q Ben "$work/desk" && fail "a name stands in the file"
run Ana 2 device add Desk -o "$work/other" --json
json "d['id']" device-exists
run Ana 2 device add Other -o "$work/desk" --json
json "d['id']" file-exists
run Ana 0 device list --json
json "len(d['devices'])" 2
run Desk 2 device join "$work/desk" --json
[ -e "$work/Desk" ] && fail "a home without a code"
echo "K7QX-2MVD-9HNT-4PRW-C7" >"$work/typo"
run Desk 2 device join "$work/desk" --code-file "$work/typo" --json
json "d['id']" code-mistyped
run Ana 0 device add Wrong -o "$work/wrong"
cp "$work/answer" "$work/code.wrong"
run Desk 12 device join "$work/desk" --code-file "$work/code.wrong" --json
json "d['id']" code-wrong
head -c 5000 /dev/urandom >"$work/garbage"
run Desk 9 device join "$work/garbage" --code-file "$work/code"
[ -e "$work/Desk" ] && fail "a wrong code made a home"
run Ben 2 device join "$work/desk" --code-file "$work/code" --json
json "d['id']" home-used
run Ana 2 device join "$work/desk" --code-file "$work/code" --json
json "d['id']" home-used
tr 'A-Z-' 'a-z ' <"$work/code" >"$work/code.low"
run Desk 0 device join "$work/desk" --code-file "$work/code.low" --json
json "d['kind']" helper
json "d['name']" Desk
[ -e "$work/Desk/root" ] && fail "a helper has a root"
KITH_HOME=$work/Ana "$kith" root fingerprint >"$work/print"
json "d['fingerprint']" "$(cat "$work/print")"
run Desk 0 device list --json
json "[(x['name'], x['kind'], x['this']) for x in d['devices']][0]" "('Desk', 'helper', True)"
json "[x['kind'] for x in d['devices'] if not x['this']][0]" full

# ---- what it can, and what it cannot ----
run Desk 0 vault pull
run Desk 0 secret get note
answers "correct horse"
printf 'from the desk' >"$work/two"
run Desk 0 secret add two --type file --file "$work/two"
run Desk 0 vault push
run Ana 0 vault pull
run Ana 0 secret get two
answers "from the desk"
run Desk 3 status --json
json "d['restorable']" True
run Ben 0 guard link Ana
cp "$work/answer" "$work/link"
run Eve 0 restore start --no-passphrase "@$work/link"
# The disk is full: what was done at the nodes is said first.
{
    (
        trap '' XFSZ
        ulimit -f 0
        KITH_HOME=$work/Ana exec "$kith" --no-input stop all 2>&1
    )
    echo "exit $?"
} | tr '\n' ' ' >"$work/said"
case $(cat "$work/said") in
"Ben: stopped."*"Careful:"*"exit 3 ") ;;
*) fail "a stop with a full disk" ;;
esac
run Desk 0 stop all
answers "Ben: stopped. It starts again."
for c in "circle end" "device add More -o $work/more" "device remove Desk" "circle sheet" \
    "guardian erase Ben" "init --name Ana --no-passphrase"; do
    # shellcheck disable=SC2086
    run Desk 5 $c --json
    json "d['id']" helper
done

run Ben 0 guard link Ana
cp "$work/answer" "$work/link"
run Desk 2 restore start --no-passphrase "@$work/link" --json
json "d['id']" helper

# ---- out: at once where a node answers, the others are named and hear of it later ----
run Ana 5 device remove Nobody
node_kill Cy
run Ana 3 device remove Desk
says "may still be let in at Cy"
run Ana 0 device list --json
[ "$(states Desk)" = "[1, 0, 2]" ] || fail "states of Desk: $(states Desk)"
run Desk 13 vault pull
run Desk 13 stop all
node Cy
run Ana 0 device remove Desk
says "can do nothing any more"
run Ana 5 device remove Desk
run Ana 0 device list --json
json "[x['name'] for x in d['devices'] if x['name'] == 'Desk']" "[]"
printf 'after' >"$work/three"
run Desk 0 secret add three --no-push --type file --file "$work/three"
out="Your guardians' nodes let this machine in no more"
for c in "vault push" "vault log" "stop all"; do
    # shellcheck disable=SC2086
    run Desk 13 $c
    says "$out."
done
run Desk 8 status
answers "You can be restored: not known here. $out: it was taken out of your devices, or your root key was replaced from another machine."
says "Of your circle nothing is known here"
grep -q "Ben\|Cy\|Dora" "$work/said" && fail "a guardian is accused"
run Ana 0 vault pull
run Ana 5 secret get three

# ---- nobody answers: no file, nobody is let in ----
for g in Ben Cy Dora; do node_kill "$g"; done
run Ana 13 device add Late -o "$work/late"
[ -e "$work/late" ] && fail "a file that no node knows"
for g in Ben Cy Dora; do node "$g"; done

# ---- a full one: its own passphrase; it can do all, and a warning when it goes ----
printf 'other horse battery\n' >"$work/pass"
run Ana 0 device add Tower -o "$work/tower" --full
cp "$work/answer" "$work/code"
says "kith root replace"
KITH_HOME=$work/Ana "$kith" derive password --name x >"$work/derived" 2>/dev/null
run Tower 2 device join "$work/tower" --code-file "$work/code"
says "passphrase"
run Tower 0 device join "$work/tower" --code-file "$work/code" --passphrase-file "$work/pass"
run Tower 4 guardian erase Ben --yes erase
run Tower 0 circle sheet --passphrase-file "$work/pass"
run Tower 0 device add Pad -o "$work/pad" --passphrase-file "$work/pass"
run Ana 0 device remove Tower
says "can do nothing any more"
says "Only a new root shuts it out"
run Tower 13 vault pull
# ---- a directory that is no home is not closed to others for it; a home is ----
mkdir -m 755 "$work/typo.dir"
run typo.dir 1 status
says "no home is in it"
grep -q chmod "$work/said" && fail "a directory that is no home is to be changed"
chmod 755 "$work/Ana"
run Ana 1 status
says "Next: chmod 700 '$work/Ana'"
chmod 700 "$work/Ana"
got=0
env -u HOME -u KITH_HOME "$kith" status 2>"$work/said" || got=$?
[ "$got" = 2 ] || fail "no home is named: exit $got"
says "Next: KITH_HOME=DIRECTORY kith"
e2e_end
