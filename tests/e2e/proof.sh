#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Checks, drills and status with real nodes: what each ends with and prints, a guardian who
# is away, a status that is watched.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh" || exit 1

# part TEXT: it stands in the answer.
part() {
    grep -qF -- "$1" "$work/answer" || fail "not in the answer: $1"
    checks=$((checks + 1))
}

run Ana 10 check
says "There is no circle yet."
run Ana 10 drill
run Ana 0 check --due
[ -s "$work/said" ] && fail "the timer says something without a circle"

for n in Ben Cy Dora; do guardian "$n"; done
run Ana 0 init --name Ana --no-passphrase
for n in Ben Cy Dora; do
    run "$n" 0 guard invite
    cp "$work/answer" "$work/invite"
    run Ana 0 guardian add "$n" "@$work/invite"
    run Ana 0 guardian confirm "$n"
    cp "$work/answer" "$work/words"
    run "$n" 0 guard confirm Ana --words-file "$work/words" --verified met
    cp "$work/answer" "$work/back"
    run Ana 0 guardian confirm "$n" --answer-file "$work/back"
done
run Ana 0 circle plan -k 2
part "If 1 in 10 guardians cannot be reached, you get back: 97.2 %."
run Ana 0 circle seal
[ -s "$work/Ana/check" ] || fail "nothing is kept to compare with"

# ---- a check ----
head -c 100000 /dev/urandom >"$work/file"
run Ana 0 secret add film --type file --file "$work/file"
run Ana 0 check
part "Ben: all there, and"
says "3 of 3 nodes proved that they hold what they should."
run Ana 0 check --json
json "(d['schema'], d['agree'], d['of'], d['caught'], d['restorable'])" "('kith.check/1', 3, 3, 0, True)"
json "[(g['name'], g['state'], g['fault']) for g in d['guardians']]" \
    "[('Ben', 'ok', None), ('Cy', 'ok', None), ('Dora', 'ok', None)]"
run Ana 3 status --json
json "(d['stored'], d['confirmed'], d['openable'], d['checked'], d['locked'])" "(3, 3, None, 3, False)"
mv "$work/Ana/check" "$work/kept"
run Ana 3 check
part "nothing to compare it with"
mv "$work/kept" "$work/Ana/check"

# ---- a drill ----
run Ana 0 drill
answers "No drill is due. The next one: Ben, in 14 days."
run Ana 5 drill Zoe
run Ana 7 drill Cy
part "Cy: asked."
run Cy 0 guard drill
run Ana 0 drill Cy --json
json "[(g['name'], g['state'], g['drills']) for g in d['drills']][1]" "('Cy', 'opened', 1)"
run Ana 3 status --json
json "(d['openable'], d['guardians'][1]['opened_at'] is not None)" "(1, True)"

# ---- somebody is away, then all ----
node_kill Ben
run Ana 3 check
run Ana 13 drill Ben
run Ana 3 status
says "Pieces: 3 of 3 stored (1 silent now, last heard of "
says "), 3 confirmed, 1 seen to open, 3 checked"
node_kill Cy
node_kill Dora
run Ana 13 check

# ---- a status that is watched: a line at once, the end with a signal ----
KITH_HOME=$work/Ana "$kith" status --watch >"$work/watched" 2>/dev/null </dev/null &
watch=$!
for _ in $(seq 600); do
    grep -q "You can be restored: yes, but not today" "$work/watched" && break
    sleep 0.05
done
kill -TERM "$watch"
code=0
wait "$watch" || code=$?
[ "$code" = 130 ] || fail "a watched status ends with $code"
[ "$(grep -c "You can be restored" "$work/watched")" = 1 ] || fail "not one line for one change"
e2e_end
