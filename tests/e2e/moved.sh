#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A guardian's node is reached elsewhere: one command proves it is the same node and renews
# the list that all nodes keep for the owner's way back; who lost everything finds it there
# with one link of another guardian, without a new epoch.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh" || exit 1

for name in Ben Cy Dora; do guardian "$name"; done
run Ana 0 init --name Ana --no-passphrase
for name in Ben Cy Dora; do
    run "$name" 0 guard invite
    cp "$work/answer" "$work/link"
    run Ana 0 guardian add "$name" "@$work/link"
done
run Ana 2 guardian address Cy
run Ana 0 circle plan -k 2 --hold 0
run Ana 3 circle seal
run Ana 0 alert watch --once # what happened so far was the own doing

moves() { # moves NAME: its node listens on another port
    node_kill "$1"
    was=$(cat "$work/$1.node/port")
    rm "$work/$1.node/port"
    node "$1"
    at=127.0.0.1:$(cat "$work/$1.node/port")
}

# ---- Cy moves while Dora's node is away ----
moves Cy
run Ana 13 guardian address Cy "127.0.0.1:$(cat "$work/Ben.node/port")"
says "Nothing was changed"
node_kill Dora
run Ana 3 guardian address Cy "$at"
says "it is the same node"
says "When they answer, go on with: kith guardian address Cy"
node Dora
run Ana 0 guardian address Cy
says "Every guardian's node has the new list"
run Ana 0 guardian address Cy --json
json "(d['name'], d['behind'])" "('Cy', [])"

# ---- and once more: both lists stay, a third one would push the second out ----
moves Cy
run Ana 0 guardian address Cy "$at"
moves Cy
run Ana 3 guardian address Cy "$at" "localhost:${at##*:}"
says "nobody can take the true one away"
says "kith circle rotate"
moved=$(cat "$work/Cy.node/port")
run Ana 0 guardian list --json
json "[g['name'] for g in d['guardians'] if '$moved' in g['node']]" "['Cy']"
run Ana 3 status --json
json "[n['command'] for n in d['next'] if n['id'] == 'list']" "['kith guardian address Ben']"
KITH_HOME=$work/Ana "$kith" --no-input alert watch --once >"$work/answer" 2>"$work/said"
cat "$work/answer" >>"$work/said"
says "keeps a newer list of your guardians"

# ---- a change of the circle brings it; then Dora moves, and everything is lost ----
run Ana 3 circle rotate # what the sentence says helps
moves Dora
run Ana 0 guardian address Dora "$at"
run Ben 0 guard link Ana
cp "$work/answer" "$work/link"
run New 0 restore start "@$work/link" --no-passphrase --name Ana
cut -f3 "$work/answer" >"$work/words"
req=$(cut -f2 "$work/answer")
run Ben 0 guard approve "$req" --words-file "$work/words" --verified called
run New 7 restore # one piece of two, and everybody is asked
KITH_HOME=$work/New "$kith" --no-input restore status --json >"$work/answer" 2>/dev/null
json "sorted((g['name'], g['state']) for g in d['guardians'] if g['name'] != 'Ben')" \
    "[('Cy', 'live'), ('Dora', 'live')]"
python3 -c 'import json, sys
g = [g for g in json.load(open(sys.argv[1]))["guardians"] if g["name"] == "Dora"][0]
print(g["words"]); print(g["request"], file=sys.stderr)' "$work/answer" >"$work/words" 2>"$work/req"
node_kill Dora # her own program knows it at its old place
echo "$was" >"$work/Dora.node/port"
node Dora
run Dora 0 guard approve "$(cat "$work/req")" --words-file "$work/words" --verified called
run Ana 0 root fingerprint
words=$(cat "$work/answer")
KITH_HOME=$work/New "$kith" --no-input restore --accept "$words" --lost >"$work/answer" 2>"$work/said"
run New 0 root fingerprint
answers "$words"
run New 0 guardian list --json
json "[g['node'] for g in d['guardians'] if g['name'] == 'Dora'][0]" "$at"
e2e_end
