#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a guardian sees of a ward whose circle changes: a new piece, a drill, a new root
# that takes over and is followed only once their own piece proves it.
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
for p in kithd kith; do
    cat >"$work/$p" <<END
#!/bin/sh
KITH_LATER='$work/later' LD_PRELOAD='$built/liblater.so' exec '${!p}' "\$@"
END
    chmod +x "$work/$p"
done
kithd=$work/kithd
kith=$work/kith

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
    run "$1" 0 guard requests --json
    req=$(python_of 'max(d["requests"], key=lambda r: r["opened_at"] or 0)["request"]')
}

shows() { # shows GUARDIAN REQ TEXT
    run "$1" 0 guard show "$2"
    tr '\n' ' ' <"$work/answer" | tr -s ' ' | grep -qF -- "$3" || fail "$1 is not shown: $3"
    checks=$((checks + 1))
}

is() { [ "$1" = "$2" ] || fail "$1 is not $2"; checks=$((checks + 1)); }

confirm_epoch() { # confirm_epoch GUARDIAN: by a call
    run Ana 0 guardian confirm "$1"
    cp "$work/answer" "$work/words"
    run "$1" 0 guard confirm Ana --words-file "$work/words" --verified met --json
    is "$(python_of 'len(d["answer"].split())')" 2
    run Ana 0 guardian confirm "$1"
}

circle() { # circle OWNER PLAN…: three guardians, two needed; who keeps a card, in card
    local owner=$1 g
    shift
    run "$owner" 0 init --name "$owner" --no-passphrase
    for g in Ben Cy Dora; do
        run "$g" 0 guard invite
        cp "$work/answer" "$work/invite"
        run "$owner" 0 guardian add "$g" "@$work/invite"
        run "$owner" 0 guardian confirm "$g"
        cp "$work/answer" "$work/words"
        run "$g" 0 guard confirm "$owner" --words-file "$work/words" --verified met
        cp "$work/answer" "$work/back"
        run "$owner" 0 guardian confirm "$g" --answer-file "$work/back"
    done
    [ -z "$card" ] || run "$owner" 0 guardian add "$card" --card
    run "$owner" 0 circle plan -k 2 "$@"
    [ -n "$card" ] || run "$owner" 0 circle seal
    [ -z "$card" ] || run "$owner" 3 circle seal
}

moves() { # moves OWNER GUARDIAN…: each says yes to the new root that OWNER asks for
    local g
    run "$1" 7 root replace
    cp "$work/answer" "$work/moves"
    for g in "${@:2}"; do
        req=$(awk -F'\t' -v g="$g" '$1 == g { print $2 }' "$work/moves")
        awk -F'\t' -v g="$g" '$1 == g { print $3 }' "$work/moves" >"$work/words"
        shows "$g" "$req" "gets a new root key: the old keys stop counting"
        run "$g" 2 guard confirm "$req" --words-file "$work/words" --verified met --json
        json "d['id']" other-kind
        run "$g" 0 guard approve "$req" --words-file "$work/words" --verified met
    done
}

for g in Ben Cy Dora; do guardian "$g"; done
card=
circle Ana --hold 0

# ---- a drill: no words, no request; the owner sees it ----
run Ben 0 guard drill
says "Nobody asks you for a drill"
run Ana 7 drill Ben
run Ben 0 guard wards --json
json "d['wards'][0]['drill_asked_at'] is not None" True
run Ben 0 guard
says "kith guard drill"
run Ben 0 guard drill --json
json "[(w['label'], w['epoch'], w['answered_at'] is not None) for w in d['wards']]" "[('Ana', 1, True)]"
run Ben 0 guard drill
says "Nobody asks you for a drill"
run Ana 0 drill Ben --json

# ---- a change: the new piece is opened before the yes is given ----
run Ana 3 circle rotate
run Ana 0 guardian confirm Ben
cp "$work/answer" "$work/words"
newest Ben
run Ben 0 guard requests --json
json "[(r['kind'], r['purpose']) for r in d['requests']]" "[('confirm', 'epoch')]"
shows Ben "$req" "Somebody asks you to confirm the new circle of Ana."
shows Ben "$req" "Your new piece opens. In the new circle (number 2) it takes 2 of 3 pieces to bring the key back."
echo "one two three four" >"$work/wrong"
run Ben 2 guard approve "$req" --words-file "$work/words" --verified met --json
json "d['id']" other-kind
run Ben 0 guard confirm "$req" --words-file "$work/words" --verified met
says "the new circle counts as confirmed by you"
run Ana 0 guardian confirm Ben
confirm_epoch Cy

# ---- a new root: each guardian says yes to it; it takes over; nobody follows blindly ----
echo hunter2 >"$work/secret"
run Ana 0 secret add bank --type password --file "$work/secret"
moves Ana Ben Cy
run Ana 0 root replace --resume --json
json "(d['state'], d['may_be_read'])" "('done', ['bank'])"
run Ben 0 guard wards --json
json "d['wards'][0]['moved_at'] is not None" True
json "d['wards'][0]['confirmed']" False
run Ben 0 guard
says "has a new root key since"
run Ana 0 guardian confirm Ben
cp "$work/answer" "$work/words"
newest Ben
shows Ben "$req" "has a new root key since"
run Ben 0 guard confirm "$req" --words-file "$work/words" --verified met
run Ben 0 guard wards --json
json "d['wards'][0]['confirmed']" True
run Ana 0 root fingerprint
cp "$work/answer" "$work/print"
run Ben 0 guard link Ana
cp "$work/answer" "$work/link"
run Eve 0 restore start --no-passphrase "@$work/link"
newest Ben
shows Ben "$req" "$(cat "$work/print")"

# ---- a new root that waits: it is listed, and one guardian refuses it at their node ----
circle Fay --hold 1h --yes short-stop
moves Fay Ben Cy
later 3700
KITH_HOME=$work/Fay "$kith" --no-input root replace --resume >"$work/answer" 2>"$work/said"
takeover() { # takeover GUARDIAN: the request that is none, in req
    run "$1" 0 guard requests --json
    req=$(python_of "[r['request'] for r in d['requests'] if r['takes_over_at'] is not None][0]")
}
takeover Ben
json "[(r['kind'], r['label'], r['state']) for r in d['requests'] if r['takes_over_at'] is not None]" \
    "[('move', 'Fay', 'approved')]"
shows Ben "$req" "Fay gets a new root key: the old keys stop counting."
shows Ben "$req" "kith guard refuse ${req:0:8}"
run Ben 2 guard approve "$req" --words-file "$work/words" --verified met --json
json "d['id']" other-kind
run Ben 0 guard refuse "$req"
says "Nothing changes here for Fay"
run Ben 0 guard requests --json
json "[r for r in d['requests'] if r['takes_over_at'] is not None]" "[]"
takeover Cy
later 3700
moved() {
    run "$1" 0 guard wards --json
    [ "$(python_of "[w['moved_at'] is not None for w in d['wards'] if w['label'] == 'Fay'][0]")" = True ]
}
soon moved Cy
soon moved Dora
moved Ben && fail "a refused root took over"
# ---- a new root where somebody keeps a card: which paper to make anew, what may have been read ----
card=Kim
circle Gia --hold 0 --yes one-person
run Gia 0 card print Kim -o "$work/kim.txt"
run Gia 0 card verify Kim "$work/kim.txt"
run Gia 0 circle seal --resume
run Gia 0 secret add bank --type password --file "$work/secret"
moves Gia Ben Cy
KITH_HOME=$work/Gia "$kith" --no-input root replace --resume >"$work/answer" 2>"$work/said"
says "The cards of Kim are of the old root key: print new ones (kith card print), and tear the old ones up once your guardians confirmed."
says "A circle sheet you printed names the old key and lets nobody in: print it again (kith circle sheet)."
says "These may have been read."
run Gia 0 secret list --json
json "[i['name'] for i in d['items'] if i['may_be_read']]" "['bank']"

e2e_end
