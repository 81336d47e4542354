#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A root key is back and every guardian's node is away: what is said of them is true. They
# are known; nobody is to be added; all goes on when they answer.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh" || exit 1

for name in Ben Cy Dora; do guardian "$name"; done
run Ana 0 init --name Ana --no-passphrase
for name in Ben Cy Dora; do
    run "$name" 0 guard invite
    cp "$work/answer" "$work/$name.link"
    run Ana 0 guardian add "$name" "@$work/$name.link" --reach "+49 30 $name"
done
run Ana 0 circle plan -k 2 --hold 0
run Ana 3 circle seal
run Ana 0 root fingerprint
cp "$work/answer" "$work/fingerprint"
for name in Ben Cy; do
    run "$name" 0 guard link Ana
    cp "$work/answer" "$work/$name.link"
done
give() { # give GUARDIAN
    run "$1" 0 guard requests --json
    python3 -c 'import json, sys
print([r for r in json.load(open(sys.argv[1]))["requests"] if r["kind"] == "restore"][-1]["request"])' \
        "$work/answer" >"$work/req"
    KITH_HOME=$work/Eve "$kith" --no-input restore status --json >"$work/answer" 2>/dev/null
    python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
print([g["words"] for g in d["guardians"] if g["node"].endswith(":" + sys.argv[2])][0])' \
        "$work/answer" "$(cat "$work/$1.node/port")" >"$work/words"
    run "$1" 0 guard approve "$(cat "$work/req")" --words-file "$work/words" --verified called
}
run Eve 0 restore start "@$work/Ben.link" "@$work/Cy.link" --no-passphrase
for name in Ben Cy; do give "$name"; done
run Eve 3 restore
for name in Ben Cy Dora; do node_kill "$name"; done
run Eve 0 restore --accept "$(cat "$work/fingerprint")" --lost
says "Ben's node did not answer"

# nothing that is said anywhere is to add somebody
adds() {
    tr '\n' ' ' <"$work/said" | cat - "$work/answer" | grep -q "guardian add" && fail "told to add somebody"
    checks=$((checks + 1))
}
run Eve 0 guardian list
adds
grep -q "Dora  holds a piece; the node has not answered this home yet: kith circle seal --resume" \
    "$work/answer" || fail "the list: $(cat "$work/answer")"
for verb in push pull log; do
    run Eve 13 vault $verb
    adds
    says "None of your guardians' nodes has answered this home yet: Ben, Cy, Dora."
    says "Next: kith circle seal --resume"
done
run Eve 8 status
adds
grep -q "ago" "$work/answer" && fail "seen before this home was: $(cat "$work/answer")"
run Eve 8 check
says "Not asked, as their nodes have not answered this home yet: Ben, Cy, Dora."
run Eve 13 circle seal --resume
says "Only 0 of 3 guardians' nodes could be reached."
adds

# ---- two are back, and then the third ----
node Ben
node Cy
run Eve 13 circle seal --resume # two of three, and none to spare
run Eve 0 guardian list
grep -q "Ben   confirmed, holds a piece" "$work/answer" || fail "the list: $(cat "$work/answer")"
grep -q "Dora  holds a piece; the node has not answered" "$work/answer" || fail "Dora: $(cat "$work/answer")"
node Dora
run Eve 3 circle seal --resume
answers "3 of 3 guardians hold the new piece; 2 are needed."
run Eve 0 vault push
e2e_end
