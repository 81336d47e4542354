#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Alerts with real nodes: a test that a person answers, a thief's request that reaches the
# owner's program, the stop, the log; nodes that rewind, fork, or come out of a backup are
# named, and still let a rightful restore finish.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

names=(Ben Cy Dora Eli)

word_of() {
    python3 -c 'import json, sys
print([d["word"] for d in map(json.loads, open(sys.argv[1])) if d["word"]][-1])' "$1"
}

# events FILE: what was told, one name a line, in order.
events() {
    python3 -c 'import json, sys
for line in open(sys.argv[1]):
    print(json.loads(line)["event"])' "$1"
}

told() {
    events "$work/told" >"$work/told.events"
    grep -qx "$1" "$work/told.events" || fail "the program was not told: $1"
    checks=$((checks + 1))
}

# wait_for FILE TEXT: within a minute.
wait_for() {
    for _ in $(seq 600); do
        grep -qF -- "$2" "$1" 2>/dev/null && return
        sleep 0.1
    done
    fail "not in $1: $2"
}

state_copy() {
    kill -TERM "${pid[$1]}"
    wait "${pid[$1]}" 2>/dev/null
    rm -rf "$work/$1.copy"
    cp -a "$work/$1.node/state" "$work/$1.copy"
    node "$1"
}

state_back() {
    kill -TERM "${pid[$1]}"
    wait "${pid[$1]}" 2>/dev/null
    rm -rf "$work/$1.node/state"
    mv "$work/$1.copy" "$work/$1.node/state"
    node "$1"
}

# ---- nobody to be alerted by ----
run Nobody 5 alert list
run Nobody 5 alert test
run Nobody 5 stop all
run Nobody 5 log

# ---- a circle ----
for g in "${names[@]}"; do guardian "$g"; done
run Ana 0 init --name Ana --no-passphrase
cp "$work/answer" "$work/fingerprint"
for g in "${names[@]}"; do
    run "$g" 0 guard invite
    cp "$work/answer" "$work/invite"
    run Ana 0 guardian add "$g" "@$work/invite"
    run Ana 0 guardian confirm "$g"
    cp "$work/answer" "$work/words"
    run "$g" 0 guard confirm Ana --words-file "$work/words" --verified called
    cp "$work/answer" "$work/words"
    run Ana 0 guardian confirm "$g" --answer-file "$work/words"
done
run Ana 0 circle plan -k 2 --hold 0
run Ana 0 circle seal

# ---- programs ----
cat >"$work/tell" <<'END'
#!/bin/sh
# Stands for mail: keeps what it is given, and what it could have seen.
cat >>"$1"
env >"$1.env"
ls /proc/self/fd | wc -l >"$1.fds"
END
chmod +x "$work/tell"
run Ana 2 alert add "$work/tell"
run Ana 5 alert add "exec:$work/nothing"
run Ana 0 alert add "exec:$work/tell" "$work/told" --json
json "d['schema']" kith.alert-programs/1
run Ana 0 alert add "exec:$work/tell" "$work/told" # the same twice is once
run Ana 0 alert list --json
json "d['programs']" "['$work/tell']"
run Ana 5 alert remove nobody

# ---- a test reaches a person, or does not ----
run Ana 3 status --json
json "d['alerts']['state'], d['level']" "('untested', 'degraded')"
run Ana 1 alert test acid
run Ana 2 alert test zzzz
run Ana 0 alert test --json
json "(d['schema'], d['sent'], d['of'])" "('kith.alert-test/1', 4, 4)"
run Ana 0 log --json
json "{e['word'] for e in d['entries']}, 'alert-test' in [e['event'] for e in d['entries']]" "({None}, True)"
KITH_PASSPHRASE_COMMAND="echo secret-of-ana" run Ana 0 alert watch --once
told alert-test
run Ana 0 alert list --json
json "[e['word'] for e in d['alerts'] if e['event'] == 'alert-test']" "[None, None, None, None]"
grep -q KITH_ "$work/told.env" && fail "a program sees Kith's environment"
[ "$(cat "$work/told.fds")" -le 4 ] || fail "a program inherits descriptors"
run Ana 0 alert test "$(word_of "$work/told")" --json
json "d['schema']" kith.alert-tested/1
run Ana 0 status --json
json "d['alerts']['state'], d['level']" "('ok', 'ok')"
json "d['alerts']['watched_at'] is not None" True
alerts_reach Ben # a guardian has alerts of their own
run Ana 0 alert watch --once
says "Nothing new."

# ---- a program that fails is said, and tried again ----
run Ana 0 alert add exec:false
run Ana 0 alert test
run Ana 3 alert watch --once
says "/false failed."
run Ana 3 status --json
json "d['alerts']['state']" failing
run Ana 0 alert remove false
run Ana 0 status

# ---- the timer: two files, and systemctl where there is one ----
mkdir "$work/bin" "$work/none"
printf '#!/bin/sh\necho "$@" >>%s/systemctl\n' "$work" >"$work/bin/systemctl"
chmod +x "$work/bin/systemctl"
units=$work/config/systemd/user
XDG_CONFIG_HOME=$work/config PATH=$work/none run Ana 3 alert timer on
says "systemctl --user is not there"
printf '#!/bin/sh\necho "Failed to connect to bus" >&2\nexit 1\n' >"$work/none/systemctl"
chmod +x "$work/none/systemctl"
XDG_CONFIG_HOME=$work/config PATH=$work/none:$PATH run Ana 3 alert timer on
says "systemctl --user is not there or refused"
grep -q "Failed to connect" "$work/said" && fail "systemctl's own words are shown"
run Ana 0 status --json
json "d['alerts']['timer']" null
XDG_CONFIG_HOME=$work/config PATH=$work/bin:$PATH run Ana 0 alert timer on --json
json "(d['schema'], d['runs'], d['every'])" "('kith.alert-timer/1', True, 21600)"
grep -q "^--user enable kith-alert-.*\.timer$" "$work/systemctl" || fail "the timer is not enabled"
grep -qF "KITH_HOME=$work/Ana\"" "$units"/kith-alert-*.service || fail "the service has another home"
grep -q 'alert watch --once --no-input$' "$units"/kith-alert-*.service || fail "the service does not watch"
grep -q '^ExecStart=-".*" check --due --no-input$' "$units"/kith-alert-*.service || fail "the service does not check"
grep -q '^OnUnitActiveSec=21600s$' "$units"/kith-alert-*.timer || fail "the timer has another time"
run Ana 2 alert timer perhaps
XDG_CONFIG_HOME=$work/config PATH=$work/bin:$PATH run Ana 0 alert timer off
[ -z "$(ls "$units")" ] || fail "files of the timer are left"
cp -r "$work/Ana" "$work/An \$a 5%"
XDG_CONFIG_HOME=$work/config PATH=$work/bin:$PATH run "An \$a 5%" 0 alert timer on
grep -qF "\"KITH_HOME=$work/An \$a 5%%\"" "$units"/kith-alert-*.service || fail "a path is not quoted"
XDG_CONFIG_HOME=$work/config PATH=$work/bin:$PATH run "An \$a 5%" 0 alert timer off
rm -rf "$work/An \$a 5%"

# ---- a thief asks; the owner's program is told at once ----
run Ben 0 guard link Ana
cp "$work/answer" "$work/link"
: >"$work/told"
KITH_HOME=$work/Ana "$kith" alert watch --json >"$work/stream" 2>"$work/stream.said" &
watcher=$!
pid[watcher]=$watcher
sleep 1
run Thief 0 restore start "@$work/link" --no-passphrase --name "Ana, your dear friend"
req=$(cut -f2 "$work/answer")
cut -f3 "$work/answer" >"$work/words"
wait_for "$work/told" request-live
wait_for "$work/stream" '"event":"request-live"'
kill -INT "$watcher"
wait "$watcher"
[ $? = 130 ] || fail "a watch that is interrupted does not end with 130"
unset "pid[watcher]"
grep -q "dear friend" "$work/told" && fail "a requester's text is in an alert"
run Ana 3 status
grep -q "^Somebody asks for your keys at Ben's node: nobody has answered" "$work/answer" ||
    fail "status does not say first who asks"
run Ana 3 status --json
json "[(r['state'], r['request']) for r in d['requests']]" "[('live', '$req')]"

# ---- stop ----
run Ana 5 stop 0123456789
run Ben 0 guard approve "$req" --words-file "$work/words" --verified called
run Ana 0 stop "${req:0:8}" --json
json "d['schema']" kith.stop/1
json "[(r['guardian'], r['result'], r['state'], r['stops']) for r in d['requests']]" \
    "[('Ben', 'stopped', 'contested', 1)]"
json "d['requests'][0]['opens_at'] > 0" True
run Thief 7 restore
run Ana 0 stop all
says "only if Ben says yes despite your stop"
run Ana 0 stop all
grep -q "^Ben: recorded" "$work/answer" || fail "the third stop is not only recorded"
run Ben 0 guard refuse "$req"
run Thief 6 restore
run Ana 0 stop all
says "Nobody asks for your keys"
run Ana 0 stop "$req" --json
json "d['requests'][0]['result']" over
run Ana 0 alert watch --once
for each in request-approved request-stopped stop-noted request-refused; do told $each; done

# ---- whoever asks is not hidden by how much came after it ----
run Ben 0 guard link Ana
cp "$work/answer" "$work/link"
run Quiet 0 restore start "@$work/link" --no-passphrase
for _ in $(seq 17); do
    run Ben 0 guard pause 1d
    run Ben 0 guard resume
done
: >"$work/told"
run Ana 0 alert watch --once
says "more alerts: kith alert list"
told request-live
run Quiet 0 restore cancel

# ---- too late, away ----
run Eli 0 guard link Ana
cp "$work/answer" "$work/link"
run Late 0 restore start "@$work/link" --no-passphrase
req=$(cut -f2 "$work/answer")
cut -f3 "$work/answer" >"$work/words"
run Eli 0 guard approve "$req" --words-file "$work/words" --verified met
run Late 7 restore
run Ana 1 stop "$req" --json
json "d['requests'][0]['result']" late
run Late 0 restore cancel --yes cancel
node_kill Eli
run Ana 3 stop all --json
json "d['away']" "['Eli']"
run Ana 13 stop 0123456789
run Ana 3 log
node Eli

# ---- the log ----
run Ana 0 log --json
json "d['schema'], [g['state'] for g in d['guardians']]" "('kith.log/1', ['ok', 'ok', 'ok', 'ok'])"
json "[e['event'] for e in d['entries'] if e['who'] == 'Ben'][0]" ward-enrolled
json "len([e for e in d['entries'] if e['event'] == 'request-tried']) > 0" True
run Ana 3 status
says "Eli's node let your piece go"
says "kith alert settle Eli"
run Ana 0 alert settle Eli
run Ana 0 status

# ---- a node that rewinds ----
state_copy Cy
run Ana 0 alert test
run Ana 0 alert watch --once
state_back Cy
run Ana 3 status --json
json "[(g['name'], g['state'], g['fault']) for g in d['guardians'] if g['fault']]" \
    "[('Cy', 'rolled-back', 'rewound')]"
run Ana 3 status
says "Cy's node went back to an older state of itself."
: >"$work/told"
run Ana 9 alert watch --once
told node-rewound
run Ana 9 log
says "Cy's node went back to an older state of itself."

# ---- a node that tells another story to another time ----
state_copy Dora
run Ana 9 alert test
run Ana 9 log
state_back Dora
for _ in 1 2 3 4 5 6; do run Dora 0 guard invite; done # so that its log is longer again
run Dora 0 guard link Ana
run Ana 3 status --json
json "[(g['name'], g['fault']) for g in d['guardians'] if g['fault']][1][0]" Dora
json "[g['fault'] for g in d['guardians'] if g['name'] == 'Dora'][0] in ('rewound', 'forked')" True

# ---- a node out of a backup ----
"$kithd" --config "$work/Eli.node/conf" backup "$work/Eli.backup" >/dev/null 2>>"$work/Eli.node/log" ||
    fail "no backup"
run Ana 9 alert test
kill -TERM "${pid[Eli]}"
wait "${pid[Eli]}" 2>/dev/null
rm -rf "$work/Eli.node/state"
"$kithd" --config "$work/Eli.node/conf" load "$work/Eli.backup" >/dev/null 2>>"$work/Eli.node/log" ||
    fail "the backup does not load"
node Eli
run Ana 8 status --json
json "[(g['state'], g['fault']) for g in d['guardians'] if g['name'] == 'Eli']" \
    "[('rolled-back', 'loaded')]"
run Ana 8 status
says "Eli's node came back out of a backup"

# ---- all the same a rightful restore finishes, by the caught ones alone ----
run Dora 0 guard link Ana
cp "$work/answer" "$work/link"
run New 0 restore start "@$work/link" --no-passphrase --name Ana
cut -f3 "$work/answer" >"$work/words"
run Dora 0 guard approve "$(cut -f2 "$work/answer")" --words-file "$work/words" --verified met
run New 7 restore
awk -F'\t' '$1 == "Cy" { print $3 }' "$work/answer" >"$work/words"
run Cy 0 guard approve "$(awk -F'\t' '$1 == "Cy" { print $2 }' "$work/answer")" \
    --words-file "$work/words" --verified called
run New 0 restore --accept "$(cat "$work/fingerprint")"
says "What your guardians' nodes recorded lately:"
run New 0 log
grep -q "Cy: .*let your piece go" "$work/answer" || fail "the log does not say who let a piece go"

# ---- settled ----
run Ana 5 alert settle Ben
for g in Cy Dora Eli; do run Ana 0 alert settle $g; done
run Ana 3 status # two pieces went since
for g in Cy Dora; do run Ana 0 alert settle $g; done
run Ana 3 status --json
json "[g['fault'] for g in d['guardians']]" "[None, None, None, None]"
# Whoever restored has made a new circle since; this home is told, and holds what it held.
json "(d['next'][0]['id'], d['stored'], d['restorable'])" "('newer', 4, True)"
run Ana 0 log
e2e_end
