#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A kith of a later version meets nodes of this one: exit 14, and which is to be updated.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh" || exit 1
now=$kith
later=$4

other="speaks another version of Kith than this program"

# ---- somebody who has nothing there yet ----
node Ben
kith=$later
run Ben 14 guard setup --link-file "$work/Ben.node/state/operator.link" --name Ben --no-passphrase
says "$other"
kith=$now
run Ben 0 guard setup --link-file "$work/Ben.node/state/operator.link" --name Ben --no-passphrase
guardian Cy
guardian Dora
run Ana 0 init --name Ana --no-passphrase
for name in Ben Cy Dora; do
    run "$name" 0 guard invite
    cp "$work/answer" "$work/$name.link"
done
kith=$later
run Ana 14 guardian add Ben "@$work/Ben.link" --json
json "(d['id'], d['exit'], d['why'])" "('version', 14, 'Update the older of the two programs.')"
kith=$now
for name in Ben Cy Dora; do run Ana 0 guardian add "$name" "@$work/$name.link"; done
run Ana 0 circle plan -k 2
run Ana 3 circle seal

# ---- a guardian, an owner, a restore ----
kith=$later
run Ben 14 guard wards
says "Your node 127.0.0.1"
says "$other"
run Ben 14 guard
run Ben 14 guard invite
says "$other"
run Ana 14 guardian confirm Ben
says "Ben's node $other"
run Ana 14 check
grep -q "Ben's node $other" "$work/answer" || fail "check: $(cat "$work/answer")"
run Ana 14 circle rotate
says "Ben's node $other"
says "kith circle seal --resume"
kith=$now
for name in Ben Cy; do
    run "$name" 0 guard link Ana
    cp "$work/answer" "$work/$name.link"
done
kith=$later
run Eve 14 restore start "@$work/Ben.link" "@$work/Cy.link" --no-passphrase
says "$other. Update kith here, or ask the guardian to have the node updated"
kith=$now
run Eve 7 restore # the links are as good as before
run Eve 7 restore status --json
json "sorted(g['state'] for g in d['guardians'])" "['live', 'live']"

# ---- strangers hear nothing, whatever version they speak ----
python3 - "$work/Ben.node/port" <<'P' || fail "a stranger was answered"
import socket, sys
port = int(open(sys.argv[1]).read())
for version in (1, 2, 255):
    s = socket.create_connection(("127.0.0.1", port))
    s.settimeout(20)
    s.sendall(b"KITH" + bytes([version, 0, 0, 0]) + bytes(16 + 65))
    assert s.recv(100) == b""
P
checks=$((checks + 1))
e2e_end
