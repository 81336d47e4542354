#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# An end that was asked for and not ordered: status tells of it, taken back it is asked
# nowhere, a node that was away is told later; and the end of a circle in which somebody
# gave up before, whose node never answers again.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh" || exit 1

# ---- all of them live under one clock that runs ahead ----
built=$3
later() { # later SECONDS
    python3 -c 'import struct, sys
with open(sys.argv[1], "r+b") as f: f.write(struct.pack("=q", int(sys.argv[2])))' "$work/later" "$1"
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

asked() { # asked GUARDIAN N: so many questions about an end are open there
    run "$1" 0 guard requests --json
    json "len([r for r in d['requests'] if r['purpose'] == 'end'])" "$2"
}
step() { # step NAME CODE COMMAND: the first step of status about an end
    run "$1" "$2" status --json
    json "[n['command'] for n in d['next'] if n['id'].startswith('end')][:1]" "$3"
}

run Ana 0 init --name Ana --no-passphrase
cp "$work/answer" "$work/print"
for g in Ben Cy Dora Eli; do
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
run Ana 0 circle plan -k 2
run Ana 0 circle seal

# ---- what is wrong with an export is said before anything is asked ----
run Ana 2 guardian export Ben
says "Next: kith guardian export Ben -o DIR"
run Ana 2 guardian export Ben -o "$work"
says "is there already"

# ---- asked, and taken back before anybody said yes ----
step Ana 3 "[]"
cp -a "$work/Ana" "$work/Two" # another device, which asked for nothing
run Ana 7 circle end --yes "$(cat "$work/print")"
says "2 more of your guardians have to say yes by telephone."
says "To take it back: kith circle end --cancel"
for g in Ben Cy Dora Eli; do asked "$g" 1; done
step Ana 3 "['kith circle end']"
run Ana 3 status
says "nobody has said yes to that yet"
step Two 3 "['kith circle end --cancel']"
run Two 3 status
says "Nobody asked for that in this home"
node_kill Cy
run Ana 3 circle end --cancel
says "It may still ask Cy whether all of it may be erased. Tell Cy to answer no"
says "Go on, until all are told: kith circle end --cancel"
for g in Ben Dora Eli; do asked "$g" 0; done
step Ana 3 "['kith circle end --cancel']"
run Ana 3 status
says "Cy's node may still ask Cy for a yes"
node Cy
asked Cy 1
run Ana 0 circle end --cancel
says "Your circle does not end. Nobody is asked for that any more."
asked Cy 0
run Ana 0 circle end --cancel
step Ana 3 "[]"

# ---- and by another device, when somebody had said yes ----
run Ana 7 circle end --yes "$(cat "$work/print")" --json
python3 -c "import json,sys
print([g['words'] for g in json.load(open(sys.argv[1]))['guardians'] if g['name'] == 'Ben'][0])" "$work/answer" >"$work/words"
run Ben 0 guard requests --json
req=$(python3 -c "import json,sys
print(json.load(open(sys.argv[1]))['requests'][0]['request'])" "$work/answer")
echo "I spoke with Ana and Ana wants all of it erased here" >"$work/sentence"
run Ben 0 guard confirm "$req" --words-file "$work/words" --verified met --sentence-file "$work/sentence"
run Ana 7 circle end --json
json "[g['state'] for g in d['guardians']]" "['planned', 'call', 'call', 'call']"
run Ana 7 circle end
says "1 more of your guardians has to say yes by telephone."
step Ana 3 "['kith circle end']" # not: how it is taken back
run Ana 3 status
says "said yes so far; the first piece is erased in 1"
run Two 0 circle end --cancel
for g in Ben Cy Dora Eli; do asked "$g" 0; done
run Ana 7 circle end --json # Ben's word of before counts no more, and is asked for again
json "[(g['state'], g['words'] is not None) for g in d['guardians']]" "[('call', True), ('call', True), ('call', True), ('call', True)]"
run Ana 0 circle end --cancel

# ---- who gave up before is not waited for, and whoever is away needs no call ----
says_end() { # says_end GUARDIAN: types Ana's words for them
    run Ana 7 circle end --json
    python3 -c "import json,sys
print([g['words'] for g in json.load(open(sys.argv[1]))['guardians'] if g['name'] == sys.argv[2]][0])" "$work/answer" "$1" >"$work/words"
    run "$1" 0 guard requests --json
    req=$(python3 -c "import json,sys
print(json.load(open(sys.argv[1]))['requests'][0]['request'])" "$work/answer")
    run "$1" 0 guard confirm "$req" --words-file "$work/words" --verified met --sentence-file "$work/sentence"
}
run Eli 0 guard leave Ana --yes leave
run Ana 3 status
node_kill Eli
run Ana 7 circle end --yes "$(cat "$work/print")"
says "Eli gave up guarding you on"
says "So the node said."
says_end Ben
says_end Dora
asked Cy 1
node_kill Cy
run Ana 7 circle end
says "Cy need not be called: enough others said yes"
node Cy
run Ana 7 circle end
for g in Ben Cy Dora; do says "$g's node erases all of it on"; done
grep -q "have to say yes\|has to say yes" "$work/said" && fail "enough said yes, and more are asked for"
says "To take it back: kith circle end --cancel"
asked Cy 0 # it is planned there without Cy's word
for g in Ben Cy Dora; do node_kill "$g"; done
later $((14 * 86400 + 3600))
for g in Ben Cy Dora; do node "$g"; done
for _ in $(seq 40); do
    KITH_HOME=$work/Ana "$kith" --no-input circle end >"$work/answer" 2>"$work/said" && break
    sleep 3
done
run Ana 0 circle end --json
json "[g['state'] for g in d['guardians']]" "['ended', 'ended', 'ended', 'left']"
json "d['ended']" True
run Ana 0 circle end
says "Nobody can restore your root key now"
grep -q -e --cancel "$work/said" && fail "all is erased, and is to be taken back"
node Eli # it can sign that too
run Ana 0 circle end --json
json "[(g['state'], g['receipt'] is not None) for g in d['guardians']][3]" "('ended', True)"
run Ana 0 circle end
says "Eli gave up guarding you on"
says "The node signed that."
run Ana 0 guardian erase Eli --json
json "d['state']" ended
e2e_end
