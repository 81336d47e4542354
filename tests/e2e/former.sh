#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A guardian gets a new root key. What lies at the old place still opens by the old one, out
# of the vault: a drill, a yes to a change, a restore; after a second new root and after a
# restore of the guardian's own too. Who has the old home gains nothing. Wrong cases first.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh" || exit 1

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

takes_on() { # takes_on OWNER GUARDIAN
    run "$2" 0 guard invite
    cp "$work/answer" "$work/invite"
    run "$1" 0 guardian add "$2" "@$work/invite"
    speaks "$1" "$2"
}

yes() { # yes: each guardian named in $work/lines (name, request, words) says yes
    local name req words
    while IFS=$'\t' read -r name req words; do
        echo "$words" >"$work/words"
        run "$name" 0 guard approve "$req" --words-file "$work/words" --verified called
    done <"$work/lines"
}

begins() { # begins HOME NAME GUARDIAN…: a restore of NAME's, by a link of each
    local home=$1 name=$2 links=() g
    shift 2
    for g in "$@"; do
        run "$g" 0 guard link "$name"
        cp "$work/answer" "$work/$g.link"
        links+=("@$work/$g.link")
    done
    run "$home" 0 restore start --name "$name" --no-passphrase "${links[@]}"
    paste <(printf '%s\n' "$@") <(cut -f2- "$work/answer") >"$work/lines"
}

new_root() { # new_root HOME: its two guardians say yes
    run "$1" 7 root replace
    cp "$work/answer" "$work/lines"
    yes
    run "$1" 0 root replace --resume
}

drill() { # drill: Ben opens Ana's piece once
    run Ana 7 drill Ben
    run "$1" 0 guard drill --json
    json "[w['answered_at'] is not None for w in d['wards']]" "[True]"
    run Ana 0 drill Ben --json
    json "d['drills'][0]['state']" opened
}

for n in Ben Cy Dora; do guardian "$n"; done
run Ana 0 init --name Ana --no-passphrase
cp "$work/answer" "$work/print"
for n in Ben Cy; do takes_on Ana "$n"; done
run Ana 0 circle plan -k 2 --hold 0 --stop-hold 1s --yes short-stop
run Ana 0 circle seal
for n in Cy Dora; do takes_on Ben "$n"; done
run Ben 0 circle plan -k 2 --hold 0 --stop-hold 1s --yes short-stop
run Ben 0 circle seal

# ---- a new root, while all is well; somebody has the old home ----
cp -a "$work/Ben" "$work/Thief"
new_root Ben
says "You are a guardian for 1 person, with new keys now"
says "opens with your old root key, which your vault keeps"
says "kith guard invite"
run Ben 0 vault push

# ---- the old home is shut out of the old place ----
run Thief 13 guard requests
run Thief 13 guard link Ana
run Thief 13 guard drill
run Thief 1 guard pause 1d

# ---- without the old root there is nothing to open ----
cp -a "$work/Ben" "$work/Bare"
rm -rf "$work/Bare/vault" "$work/Bare/held"
run Ana 8 status
says "whether your piece there still opens is not known"
run Ana 7 drill Ben
run Bare 9 guard drill --json
json "d['id']" piece-broken
run Bare 0 guard wards --json
json "[(w['old_keys'], w['lost_keys'], w['label']) for w in d['wards']]" "[(True, True, 'Ana')]"
run Bare 0 guard wards
grep -q "is not in your vault here: kith vault pull" "$work/answer" || fail "a root is said to be here"
run Bare 1 guard link Ana --json # it would lead to a piece that nobody can open
json "(d['id'], d['next'])" "('old-keys', 'kith vault pull')"
json "'is not in your vault' in d['why']" True
begins New Ana Ben
IFS=$'\t' read -r _ req _ <"$work/lines"
cut -f3 "$work/lines" >"$work/words"
run Bare 1 guard approve "$req" --words-file "$work/words" --verified met --json
json "d['id']" old-keys
json "'is not in your vault' in d['why']" True
run Bare 0 guard refuse "$req"
rm -rf "$work/New"

# ---- what is missing is got back from its own guardians' nodes ----
run Bare 0 vault pull
run Bare 0 guard wards --json
json "[w['lost_keys'] for w in d['wards']]" "[False]"
rm -rf "$work/Bare"

# ---- with it: a drill ----
run Ben 0 guard wards --json
json "[(w['old_keys'], w['lost_keys'], w['label']) for w in d['wards']]" "[(True, False, 'Ana')]"
run Ben 0 guard drill
run Ana 0 drill Ben
run Ana 3 status
says "still opens by the old ones"
says "Ask Ben for a new invite"

# ---- a change of the circle, by the old keys ----
run Ana 3 circle rotate
for n in Ben Cy; do speaks Ana "$n"; done
run Ana 3 status --json
json "(d['epoch'], d['stored'], d['confirmed'])" "(2, 2, 2)"

# ---- everything is lost: Ana comes back with Ben's yes ----
rm -rf "$work/Ana"
begins Ana Ana Ben Cy
IFS=$'\t' read -r _ req _ <"$work/lines"
run Ben 0 guard show "$req"
grep -q "You lost the keys" "$work/answer" && fail "the keys are said to be lost"
yes
run Ana 0 restore --accept "$(cat "$work/print")" --lost
run Ana 0 root fingerprint
answers "$(cat "$work/print")"

# ---- a second new root: who has the first new home has nothing of the oldest place ----
for n in Cy Dora; do speaks Ben "$n"; done
cp -a "$work/Ben" "$work/Thief2"
new_root Ben
says "opens with your old root key, which your vault keeps"
run Thief2 13 guard requests
run Ben 0 root fingerprint
cp "$work/answer" "$work/benprint"
drill Ben
run Ana 3 status # she hears of his new keys now, and he opened the piece since
says "still opens by the old ones"
run Ana 3 check
grep -q "still opens by the old ones" "$work/answer" || fail "a check says nothing of new keys"

# ---- Ben loses everything too: the vault remembers ----
run Ben 0 vault push
rm -rf "$work/Ben"
begins Ben Ben Cy Dora
yes
run Ben 0 restore --accept "$(cat "$work/benprint")" --lost
run Ben 5 guard wards
node_kill Ben
"$kithd" --config "$work/Ben.node/conf" --new-operator-link >/dev/null 2>&1 || fail "no link"
node Ben
run Ben 0 guard setup --link-file "$work/Ben.node/state/operator.link"
run Ben 0 guard wards --json
json "[(w['old_keys'], w['lost_keys'], w['label']) for w in d['wards']]" "[(True, False, 'Ana')]"
drill Ben

# ---- and Ana takes him on anew; the name is that of the new place once it has the piece ----
run Ben 0 guard invite
cp "$work/answer" "$work/invite"
run Ana 0 guardian add Ben2 "@$work/invite"
run Ana 0 guardian confirm Ben2
cp "$work/answer" "$work/words"
run Ben 0 guard confirm Ana --words-file "$work/words" --verified met
cp "$work/answer" "$work/back"
run Ana 0 guardian confirm Ben2 --answer-file "$work/back"
run Ben 2 guard leave Ana --yes leave --json
json "d['id']" ambiguous

e2e_end
