#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A request's whole life with real nodes and homes, holds of seconds, and clocks that are
# moved on: alert, stop, contested, approval despite the stop, restore; refusal, expiry,
# pause; a freeze while a thief with the old device tries everything.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh" || exit 1
built=$3
notify=$(cd "$(dirname "$0")/../../scripts/notify" && pwd)

# ---- all of them live under one clock that runs ahead ----
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
day=86400

# ---- people ----
python_of() { python3 -c "import json,sys; d = json.load(open(sys.argv[1])); print($1)" "$work/answer"; }

newest() { # newest GUARDIAN: the request that came last, in req
    run "$1" 0 guard requests --json
    req=$(python_of 'max(d["requests"], key=lambda r: r["opened_at"])["request"]')
}

state() { # state GUARDIAN STATE: of req
    run "$1" 0 guard requests --all --json
    json "[r['state'] for r in d['requests'] if r['request'] == '$req']" "['$2']"
}

link() { # link GUARDIAN FILE
    run "$1" 0 guard link Ana
    cp "$work/answer" "$work/$2"
}

words() { # words HOME GUARDIAN'S PORT: what this home reads out there
    KITH_HOME=$work/$1 "$kith" --no-input restore status --json >"$work/answer" 2>"$work/said"
    python_of "[g['words'] for g in d['guardians'] if g['node'].endswith(':$(cat "$work/$2.node/port")')][0]" >"$work/words"
}

approve() { # approve GUARDIAN CODE HOME [ARG…]
    local who=$1 code=$2 home=$3
    shift 3
    words "$home" "$who"
    newest "$who"
    run "$who" "$code" guard approve "$req" --words-file "$work/words" --verified called "$@"
}

mailed() { # mailed LINE: to Ana, since she last looked
    grep -qxF -- "$1" "$work/mail" || fail "no mail says: $1 ($(cat "$work/mail"))"
    checks=$((checks + 1))
}

look() { # look CODE: what Ana's timer does
    : >"$work/mail"
    run Ana "$1" alert watch --once
}

echo "correct horse" >"$work/pass"
cat >"$work/sendmail" <<END
#!/bin/sh
cat >>'$work/mail'
END
chmod +x "$work/sendmail"
echo "I spoke with Ana after the stop and Ana wants this" >"$work/sentence"

for n in Ben Cy Dora; do
    guardian "$n"
    run "$n" 0 guard invite
    cp "$work/answer" "$work/$n.invite"
done
run Ana 0 init --name Ana --passphrase-file "$work/pass"
cp "$work/answer" "$work/print"
for n in Ben Cy Dora; do
    run Ana 0 guardian add "$n" "@$work/$n.invite" --reach "phone of $n" --passphrase-file "$work/pass"
    run Ana 0 guardian confirm "$n" --passphrase-file "$work/pass"
    cp "$work/answer" "$work/words"
    run "$n" 0 guard confirm Ana --words-file "$work/words" --verified met
    cp "$work/answer" "$work/back"
    run Ana 0 guardian confirm "$n" --answer-file "$work/back" --passphrase-file "$work/pass"
done
run Ana 2 circle plan -k 2 --hold 4s --stop-hold 10s
says "--yes short-stop"
run Ana 0 circle plan -k 2 --hold 4s --stop-hold 10s --yes short-stop
run Ana 0 circle seal --passphrase-file "$work/pass"
run Ana 0 alert add "exec:$notify/mail" ana@example.org "$work/sendmail"
look 0
run Ana 3 status
alerts_reach Ana
run Ana 0 status

# ---- a stranger with a link: alert, stop, no ----
link Ben link
run Eve 0 restore start --name Ana --no-passphrase "@$work/link"
newest Ben
look 0
mailed "Somebody asks for your keys at Ben's node."
mailed "Next: kith stop all"
mailed "Request: $req"
run Ana 0 stop "$req" --json
json "[r['result'] for r in d['requests']]" "['stopped']"
state Ben contested
approve Ben 6 Eve
says "A device of Ana said stop"
run Ben 0 guard refuse "$req"
state Ben refused
look 0
mailed "A request for your keys at Ben's node was stopped, and starts again."
mailed "Ben said no to a request for your keys."
run Eve 6 restore
run Ana 0 stop all
says "Nobody asks for your keys"

# ---- nobody answers: it ends by itself, long after it could have opened ----
later $((101 * day)) # the stop is forgotten
link Cy link
run Eve2 0 restore start --name Ana --no-passphrase "@$work/link"
newest Cy
state Cy live
later $((10 * day))
state Cy live
later $((5 * day))
state Cy expired
run Cy 5 guard refuse "$req"
node_kill Cy # so long after what it last made durable, it wants a person to say the time
node Cy
run Cy 3 guard clock
run Cy 0 guard clock --confirm # and then looks at once for what is over, else each minute
for _ in $(seq 100); do
    look 0
    grep -q 'its time was over' "$work/mail" && break
    sleep 0.1
done
mailed "A request for your keys at Cy's node ended because its time was over."

# ---- the guardian is away ----
link Dora link
run Eve3 0 restore start --name Ana --no-passphrase "@$work/link"
run Dora 0 guard pause 3d
approve Dora 6 Eve3
says "You said that you are away"
state Dora live
run Dora 0 guard resume
approve Dora 0 Eve3
state Dora approved
run Dora 0 guard refuse "$req"
state Dora refused

# ---- Ana lost everything, and a thief has her device: stop after stop ----
cp -r "$work/Ana" "$work/Thief"
link Ben b
link Cy c
run New 0 restore start --name Ana --no-passphrase "@$work/b" "@$work/c"
approve Ben 0 New
approve Cy 0 New
run New 7 restore
for _ in 1 2; do
    run Thief 0 stop all --json
    json "sorted({r['result'] for r in d['requests']})" "['stopped']"
    for n in Ben Cy; do
        newest "$n"
        state "$n" contested
        approve "$n" 6 New
        approve "$n" 2 New --despite-stop
        approve "$n" 0 New --despite-stop --sentence-file "$work/sentence"
        state "$n" approved
    done
    later 15 # the stop hold is over, the hour after the approval is not
    run New 7 restore
done
run Thief 0 stop all --json
json "sorted({r['result'] for r in d['requests']})" "['recorded']"
newest Ben
state Ben approved
later 3600
run New 3 restore
run New 0 restore --accept "$(cat "$work/print")"
run New 0 root fingerprint
answers "$(cat "$work/print")"
state Ben released
run Thief 1 stop "$req" # too late, and it says so
look 0
mailed "Ben's node let your piece go."
# Whoever never looks at alerts reads it here all the same, as the first step to take.
run Ana 3 status --json
json "d['next'][0]['id']" let-go
json "d['level']" degraded
run Ana 0 alert settle Ben
run Ana 3 status --json
json "[n['id'] for n in d['next']].count('let-go')" 1
run Ana 5 alert settle Ben

# ---- a freeze: the thief tries everything a day box can ----
later $((101 * day))
link Ben b
link Dora d
run New2 0 restore start --name Ana --no-passphrase "@$work/b" "@$work/d"
for n in Ben Dora; do
    run "$n" 0 guard freeze Ana --verified called
done
run Ana 3 stop all
says "kith stop --root all"
approve Ben 0 New2
approve Dora 0 New2
run Thief 3 stop all --json
json "sorted({r['result'] for r in d['requests']})" "['frozen']"
for n in Ben Dora; do
    newest "$n"
    run Thief 3 stop "$req"
    state "$n" approved
done
for n in Ben Dora; do
    run "$n" 0 guard wards --json
    cp "$work/answer" "$work/$n.before"
done
run Thief 4 circle sheet --revoke
run Thief 4 stop --root all
run Thief 0 circle plan -k 3 --yes short-stop # in the thief's own home: no node hears of it
run Thief 4 circle seal
run Thief 2 guardian add Eve "@$work/Ben.invite"
run Thief 0 alert list
run Thief 0 alert test
run Thief 0 log
for n in Ben Dora; do
    run "$n" 0 guard wards --json
    cmp "$work/answer" "$work/$n.before" || fail "the thief changed something at $n"
    newest "$n"
    state "$n" approved
done
run Ben 0 guard wards --json
json "d['wards'][0]['epoch']" 2 # of the first restore: its pieces were in the open
later 3600
run New2 3 restore
run New2 0 restore --accept "$(cat "$work/print")"
run New2 0 root fingerprint
answers "$(cat "$work/print")"
look 0
mailed "The freeze at Ben's node ended."

# ---- all of it is on record for 180 days ----
run Ana 0 log
for each in "Dora said no" "Dora is away" "was stopped" "stop was recorded" "froze all changes" \
    "let your piece go" "its time was over" "A person confirmed the clock of Cy's node"; do
    grep -qF "$each" "$work/answer" || fail "not in the log: $each"
    checks=$((checks + 1))
done
sort "$work/answer" >"$work/log"
run New2 0 log # and reads the same for who comes back with the root alone
sort "$work/answer" | diff "$work/log" - || fail "the log reads differently"

e2e_end
