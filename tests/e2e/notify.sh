#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# scripts/notify: an alert becomes a mail through sendmail's interface, or a note through
# notify-send's; stand-ins of the two record their arguments and what they read. Whatever
# stands in a name, it adds no header, no option, no markup, no command.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/e2e/lib.sh
. "$here/lib.sh"
notify=$here/../../scripts/notify
ward=aabb0000000000000000000000000000
req=ccddee00000000000000000000000000

# A stand-in: arguments one a line, each in brackets, and all it reads.
stand_in() {
    cat >"$work/$1" <<END
#!/bin/sh
for a in "\$@"; do printf '[%s]\n' "\$a"; done >>'$work/$1.args'
cat >>'$work/$1.in'
exit ${2:-0}
END
    chmod +x "$work/$1"
}

fresh() {
    rm -f "$work"/*.args "$work"/*.in
}

# alert EVENT SIDE WHO NEXT: python writes the JSON, so that any name can be in it.
alert() {
    python3 -c 'import json, sys
e, s, w, n = sys.argv[1:5]
print(json.dumps({"schema": "kith.alert/1", "event": e, "what": "Somebody asks for your keys at " + (w or "the") + "'"'"'s node.",
    "time": 1766000000, "side": s, "who": w or None, "node": None, "seat": None,
    "ward": "'$ward'", "request": "'$req'", "word": None, "next": n}, ensure_ascii=False))' "$@" 2>/dev/null # its reader may be gone
}

has() { # has FILE LINE: a whole line
    grep -qxF -- "$2" "$work/$1" || fail "$1 has no line: $2"
    checks=$((checks + 1))
}

lines() { # lines FILE PATTERN N: so many lines match
    local n
    n=$(grep -cE -- "$2" "$work/$1")
    [ "$n" = "$3" ] || fail "$1 has $n lines like $2, not $3"
    checks=$((checks + 1))
}

mail() { # mail CODE ARG…
    local want=$1 got=0
    shift
    "$notify/mail" "$@" >"$work/answer" 2>"$work/said" || got=$?
    [ "$got" = "$want" ] || fail "mail $*: exit $got, not $want"
    checks=$((checks + 1))
}

stand_in sendmail
stand_in notify-send

# ---- a mail ----
alert request-live owner Ben "kith stop $req" | mail 0 ben@example.org "$work/sendmail"
printf '[-t]\n[-i]\n' >"$work/want"
cmp -s "$work/want" "$work/sendmail.args" || fail "arguments of sendmail"
has sendmail.in 'To: ben@example.org'
has sendmail.in 'Subject: Kith: somebody asks for a key'
has sendmail.in 'Auto-Submitted: auto-generated'
has sendmail.in "Somebody asks for your keys at Ben's node."
has sendmail.in 'Guardian: Ben'
has sendmail.in 'When: 2025-12-17 19:33 UTC'
has sendmail.in "Request: $req"
has sendmail.in "Next: kith stop $req"
[ "$(sed '/^$/q' "$work/sendmail.in" | grep -c .)" = 6 ] || fail "six headers, an empty line"

# By the environment too; the caller's exit is sendmail's.
fresh
alert request-live node '' 'kith guard wards' | SENDMAIL=$work/sendmail mail 0 ben
has sendmail.in 'To: ben'
stand_in broken 75
alert request-live node '' 'kith guard wards' | mail 75 ben "$work/broken"

# ---- who can be written to ----
for to in '' -oQ/tmp 'ben@example.org,eve@example.org' 'ben eve' "ben
Bcc: eve" 'ben;id' '"|id"' .forward; do
    fresh
    alert request-live owner Ben 'kith status' | mail 2 "$to" "$work/sendmail"
    says 'RECIPIENT must be one plain address'
    [ ! -e "$work/sendmail.in" ] || fail "a mail to $to"
done
alert request-live owner Ben 'kith status' | mail 2 ben relative/sendmail

# ---- what is no alert is no mail ----
for bad in '' '{' '[]' '{"schema":"kith.alert/1"}' '{"schema":"other/1","event":"x"}' \
    '{"schema":"kith.alert/1","event":{"a":"b"}}' '{"schema":"kith.alert/1","event":"x'; do
    fresh
    printf '%s\n' "$bad" | mail 1 ben "$work/sendmail"
    [ ! -e "$work/sendmail.in" ] || fail "a mail from: $bad"
done

# ---- names that would be more than names ----
# shellcheck disable=SC2016 # they must not expand
for name in $'Ben\nBcc: eve@example.org\n\nX' $'Ben\r\nBcc: eve@example.org' \
    '$(touch hit)' '`touch hit`' "'; touch hit; '" '%s%n%x' '\n\nBcc: eve' '.' \
    '<b>Ben</b> & "co"' $'Ben\e[2J\a' $'Ben \u202egnikrow' "--help" "$(printf 'x%.0s' {1..5000})"; do
    fresh
    alert request-live owner "$name" "kith stop $req" | mail 0 ben@example.org "$work/sendmail"
    lines sendmail.in '^(To|Subject|Bcc|X).*:' 2
    [ "$(sed '/^$/q' "$work/sendmail.in" | grep -c .)" = 6 ] || fail "headers of: $name"
    has sendmail.in "Next: kith stop $req"
    LC_ALL=C grep -qP '[\x00-\x09\x0b-\x1f\x7f\x5c]|\xe2\x80\xae' "$work/sendmail.in" &&
        fail "raw: $name"
    [ "$(wc -c <"$work/sendmail.in")" -lt 1500 ] || fail "too long: ${#name}"
    if [ -e hit ] || [ -e "$work/hit" ]; then fail "ran: $name"; fi

    alert request-live owner "$name" "kith stop $req" |
        "$notify/desktop" "$work/notify-send" || fail "desktop: $name"
    lines notify-send.args '^\[--' 3
    has notify-send.args '[--app-name=Kith]'
    has notify-send.args '[--urgency=critical]'
    has notify-send.args '[--]'
    has notify-send.args '[Kith: somebody asks for a key]'
    lines notify-send.args '<|>' 0
done

# ---- a command that would be more than ours is not shown ----
# shellcheck disable=SC2016
for next in 'kith stop all; rm -rf ~' 'rm -rf ~' $'kith stop\nrm -rf ~' 'kith stop $(id)' \
    'kith stop `id`' 'kith stop & id' 'kith stop > x'; do
    fresh
    alert request-live owner Ben "$next" | mail 0 ben@example.org "$work/sendmail"
    lines sendmail.in '^Next: ' 1
    has sendmail.in 'Next: kith'
done

# ---- nothing to do: no command ----
fresh
alert request-live owner Ben "" | mail 0 ben@example.org "$work/sendmail"
lines sendmail.in "^Next: " 0
lines sendmail.in "stop it" 0

# ---- a test says so, with its word ----
fresh
alert alert-test guardian Ana 'kith alert test' | sed 's/"word": null/"word": "walnut"/' |
    NOTIFY_SEND=$work/notify-send "$notify/desktop" || fail "desktop"
lines notify-send.args '^The word of this test: walnut$' 1

# ---- a node tells by mail ----
mkdir -p "$work/ben.node"
node_extra="[Alerts]
Exec = $notify/mail ben@example.org $work/sendmail"
fresh
guardian ben
run ben 0 guard invite
cp "$work/answer" "$work/invite"
run ana 0 init --name Ana --no-passphrase
run ana 0 guardian add Ben "@$work/invite"
kill "${pid[ben]}" && wait "${pid[ben]}" # it waits for what it still has to tell
has sendmail.in 'Subject: Kith: ward enrolled'
has sendmail.in 'From the node "ben": a ward was enrolled.'
has sendmail.in 'Next: kith guard wards'
lines sendmail.in 'Ana' 0
grep -q 'alert\.' "$work/ben.node/log" && fail "alerts failed: $(cat "$work/ben.node/log")"
unset "pid[ben]"

e2e_end
