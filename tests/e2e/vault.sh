#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The vault at real nodes: saved, pulled by a second device, both pushing at once, lines
# that are cut, a node that loses or turns back, all of it lost and restored.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh" || exit 1

python_of() { python3 -c "import json,sys; d = json.load(open(sys.argv[1])); print($1)" "$work/answer"; }

# add HOME NAME FILE: an item of these bytes.
add() {
    run "$1" 0 secret add "$2" --no-push --type file --file "$3"
}

# same HOME NAME FILE: exactly these bytes come back.
same() {
    run "$1" 0 secret get "$2"
    cmp "$work/answer" "$3" || fail "$2 is not what it was in $1"
    checks=$((checks + 1))
}

newest() { # newest GUARDIAN: the last request there, in req
    run "$1" 0 guard requests --json
    req=$(python_of 'max(d["requests"], key=lambda r: r["opened_at"])["request"]')
}

circle() { # circle OWNER K GUARDIAN…
    local owner=$1 k=$2 g
    shift 2
    for g in "$@"; do
        run "$g" 0 guard invite
        cp "$work/answer" "$work/$g.invite"
        run "$owner" 0 guardian add "$g" "@$work/$g.invite" --reach "phone of $g"
        run "$owner" 0 guardian confirm "$g"
        cp "$work/answer" "$work/words"
        run "$g" 0 guard confirm "$owner" --words-file "$work/words" --verified met
        cp "$work/answer" "$work/back"
        run "$owner" 0 guardian confirm "$g" --answer-file "$work/back"
    done
    run "$owner" 0 circle plan -k "$k" --hold 0
    run "$owner" 0 circle seal
}

nodes() { # nodes STATE: how many nodes are so, in the last answer
    python_of "sum(n['state'] == '$1' for n in d['nodes'])"
}

head -c 100000 /dev/urandom >"$work/key.bin"
printf 'correct horse battery staple' >"$work/note.txt"
head -c 300000 /dev/urandom >"$work/scan.pdf"

# ---- nobody to save it at, and nothing to save ----
run Ana 0 init --name Ana --no-passphrase
cp "$work/answer" "$work/print"
run Ana 0 vault
answers "Your vault is empty."
run Ana 5 vault push
run Ana 5 vault pull
run Ana 2 vault copy
run Ana 5 vault copy -o "$work/copy"
add Ana note "$work/note.txt"
run Ana 3 vault
says "kith guardian add NAME LINK"
run Ana 0 vault copy -o "$work/copy"
run Ana 2 vault copy -o "$work/copy"
grep -q KITH-VAULT-1 "$work/copy" || fail "the copy does not begin as a copy does"
[ "$(stat -c %a "$work/copy")" = 600 ] || fail "others may read the copy"

# ---- five nodes, three needed: saved at three ----
for n in Ben Cy Dora Eli Flo; do guardian "$n"; done
circle Ana 3 Ben Cy Dora Eli Flo
run Ana 3 vault --json
json "d['saved']" 0
json "d['need']" 3
json "d['of']" 5
run Ana 3 status
says "kith vault push"
run Ana 0 vault push --json
json "d['saved']" 5
json "d['commits']" 5
json "d['enough']" True
run Ana 0 vault
add Ana key "$work/key.bin"
add Ana pdf "$work/scan.pdf"
run Ana 3 vault
says "kith vault push"

# two are away: three are enough; with three away it is not saved, and says so
node_kill Eli
node_kill Flo
run Ana 0 vault push --json
json "d['saved']" 3
json "d['enough']" True
run Ana 0 vault
run Ana 3 vault verify
node_kill Dora
add Ana late "$work/note.txt"
run Ana 3 vault push --json
json "d['saved']" 2
says "Dora's node"
node_kill Ben
node_kill Cy
run Ana 13 vault push
run Ana 13 vault pull
run Ana 13 vault log
for n in Ben Cy Dora Eli Flo; do node "$n"; done
run Ana 0 vault push --json
json "d['saved']" 5
run Ana 0 vault verify --all
run Ana 0 vault verify --json
json "all(n['lacks'] == 0 and n['fault'] is None for n in d['compared'])" True
json "min(n['compared'] for n in d['compared']) > 0" True

# ---- one changed small item: one message and one commit a node ----
printf 'another horse' >"$work/note2.txt"
run Ana 0 secret edit note --no-push --file "$work/note2.txt"
run Ana 0 vault push --json
json "d['commits']" 5
json "d['saved']" 5

# ---- two devices push at once, and lose nothing ----
cp -r "$work/Ana" "$work/Pad"
for i in 1 2 3; do
    printf 'from the first, %s' "$i" >"$work/a$i"
    printf 'from the pad, %s' "$i" >"$work/p$i"
    add Ana "a$i" "$work/a$i"
    add Pad "p$i" "$work/p$i"
    KITH_HOME=$work/Ana "$kith" --no-input vault push >"$work/out.a" 2>&1 &
    a=$!
    KITH_HOME=$work/Pad "$kith" --no-input vault push >"$work/out.p" 2>&1 &
    p=$!
    wait "$a"
    wait "$p"
    run Ana 0 vault push
    run Pad 0 vault push
    run Ana 0 vault push
    run Pad 0 vault pull
done
for home in Ana Pad; do
    for i in 1 2 3; do
        same "$home" "a$i" "$work/a$i"
        same "$home" "p$i" "$work/p$i"
    done
    same "$home" pdf "$work/scan.pdf"
done
run Ana 0 vault --json
state=$(python_of 'd["state"]')
run Pad 0 vault --json
json "d['state']" "$state"

# the same item on both sides: the newer is the present one, the other is kept
printf 'one' >"$work/one"
printf 'two' >"$work/two"
run Ana 0 secret edit a1 --no-push --file "$work/one"
run Ana 0 vault push
sleep 1
run Pad 0 secret edit a1 --no-push --file "$work/two"
run Pad 0 vault push
says "changed on both sides"
says "Joined with what"
same Pad a1 "$work/two"
run Ana 0 vault pull
same Ana a1 "$work/two"

run Ana 0 vault log
grep -q ' items' "$work/answer" || fail "the log names no items"
run Ana 0 vault log --json
json "len(d['states']) > 3" True
run Ana 0 vault copies --json
json "[n['copy'] for n in d['nodes']]" "['newest', 'newest', 'newest', 'newest', 'newest']"

# ---- a file here is gone or damaged: it comes again ----
run Ana 0 vault --json
for how in gone flipped; do
    f=$(find "$work/Ana/vault/objects" -type f -size +30k | head -1)
    if [ "$how" = gone ]; then rm "$f"; else printf 'x' | dd of="$f" bs=1 seek=2000 conv=notrunc 2>"$work/dd"; fi
    run Ana 9 vault verify
    says "kith vault pull"
    run Ana 0 vault pull
    run Ana 0 vault verify
done
same Ana pdf "$work/scan.pdf"

# ---- all of it here is gone: nothing of the nodes' counts as here, or goes there ----
for how in pull push; do
    rm -r "$work/Ana/vault"
    run Ana 0 vault "$how"
    same Ana pdf "$work/scan.pdf"
    same Ana a1 "$work/two"
done
rm -r "$work/Ana/vault"
run Ana 0 secret add first --type file --file "$work/one"
same Ana pdf "$work/scan.pdf"
same Ana first "$work/one"
# One node stayed behind; of all that is newer it learns nothing from a home that lost it.
kill -TERM "${pid[Ben]}"
wait "${pid[Ben]}"
run Ana 0 secret edit first --no-push --file "$work/two"
run Ana 0 vault push
kill -TERM "${pid[Cy]}" "${pid[Dora]}" "${pid[Eli]}" "${pid[Flo]}"
wait "${pid[Cy]}" "${pid[Dora]}" "${pid[Eli]}" "${pid[Flo]}"
node Ben
rm -r "$work/Ana/vault"
KITH_HOME=$work/Ana "$kith" --no-input vault push >"$work/answer" 2>"$work/said" || true
same Ana first "$work/one"
for name in Cy Dora Eli Flo; do node "$name"; done
run Ana 0 vault push
same Ana first "$work/two"

# ---- a node that turned back is named, and gets it all again ----
kill -TERM "${pid[Ben]}"
wait "${pid[Ben]}"
cp -r "$work/Ben.node" "$work/Ben.before"
node Ben
run Ana 0 secret edit note --no-push --file "$work/one"
run Ana 0 vault push
kill -TERM "${pid[Ben]}"
wait "${pid[Ben]}"
rm -rf "$work/Ben.node"
cp -r "$work/Ben.before" "$work/Ben.node"
node Ben
# Of the others; and what they say of Ben, where his answer came before theirs was made.
KITH_HOME=$work/Pad "$kith" --no-input vault pull >"$work/out.p" 2>&1 || [ $? = 3 ] ||
    fail "Pad pulls nothing: $(cat "$work/out.p")"
run Ana 9 vault copies
says "Ben's node shows an older vault than it acknowledged"
run Ana 0 vault push --json
json "d['saved']" 5

# ---- what no state needs goes, and nothing else ----
run Ana 0 vault push --clean
run Ana 0 vault verify --all
run Pad 0 vault pull
same Pad note "$work/one"
run Ana 0 vault push --clean
run Ana 0 vault push --json
json "d['saved']" 5

# ---- everything is lost, and two of the five nodes ----
run Ana 0 secret list
rm -rf "$work/Ana" "$work/Pad"
node_kill Cy
node_kill Eli
for g in Ben Dora Flo; do
    run "$g" 0 guard link Ana
    cp "$work/answer" "$work/$g.link"
done
run New 0 restore start --name Ana --no-passphrase "@$work/Ben.link" "@$work/Dora.link" "@$work/Flo.link"
cp "$work/answer" "$work/lines"
line=1
for g in Ben Dora Flo; do
    sed -n "${line}p" "$work/lines" | cut -f3 >"$work/words"
    newest "$g"
    run "$g" 0 guard approve "$req" --words-file "$work/words" --verified met
    line=$((line + 1))
done
run New 0 restore --accept "$(cat "$work/print")"
says "Your vault is back"
same New pdf "$work/scan.pdf"
same New key "$work/key.bin"
same New note "$work/one"
same New a1 "$work/two"
same New p3 "$work/p3"

# ---- the circle is here again, also who was away; and the vault there ----
node Cy
node Eli
run New 3 circle seal --resume
run New 0 vault push --json
json "d['saved']" 5
run New 0 vault verify --all

e2e_end
