# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Becoming a guardian: setup, invite, host; what needs the passphrase and what does not.

topic "guard setup"
op=$work/Ben.node/state/operator.link
run Ben 2 guard setup --no-input --name Ben --no-passphrase
says --link-file
run Ben 2 guard setup --link-file "$op" --no-input --name Ben
says --passphrase-file
# One character of the link is another one.
python3 -c 'import sys; t = sys.stdin.read(); c = t[20]
print(t[:20] + ("A" if c != "A" else "B") + t[21:], end="")' <"$op" >"$work/typo"
errs Ben 2 guard setup --link-file "$work/typo" --name Ben --passphrase-file "$work/pass"
run Ben '1|2|5' guard setup --link-file "$work/nofile" --name Ben --no-passphrase
errs Ben 5 guard wards

run Ben 0 guard setup --link-file "$op" --name Ben --passphrase-file "$work/pass"
expect "the home is not 0700" test "$(stat -c %a "$work/Ben")" = 700
feed=$work/Cy.node/state/operator.link run Cy 0 guard setup --link-file - --name Cy \
    --no-passphrase --json
doc any
for g in Dora Eli Fay; do
    run $g 0 guard setup --link-file "$work/$g.node/state/operator.link" --name $g --no-passphrase
done
errs Late 1 guard setup --link-file "$op" --name Late --no-passphrase # used

topic "guard invite"
run Ben 4 guard invite --no-input
silent
errs Ben 4 guard invite --no-input
errs Ben 12 guard invite --passphrase-file "$work/nopass"
run Ben 0 guard invite --passphrase-file "$work/pass"
link_line
run Ben 0 guard invite --passphrase-file "$work/pass" --json
doc link
holds "d['type'] == 'invite' and d['ward'] is None"
now=$(date +%s)
holds "abs(d['expires_at'] - $now - 14 * 86400) < 120"
value "d['link']" >"$work/Ben.invite"
for g in Cy Dora Eli Fay; do
    as "$g" "$work/$g.invite" guard invite
    link_line
done
run Cy 0 guard invite --lan
link_line

topic "guard wards, requests, show: empty"
run Ben 0 guard wards --json --no-input # no passphrase
doc wards
holds "d['wards'] == []"
run Ben 0 guard wards
run Ben 0 guard requests --json
doc requests
holds "d['requests'] == []"
run Ben 0 guard requests --all --json
doc requests
run Ben 0 guard requests
errs Ben 5 guard show 0123456789abcdef0123456789abcdef
errs Ben 5 guard show abcd
errs Ben 5 guard refuse abcd
errs Ben 5 guard link Ana
errs Ben 5 guard unlock abcd --passphrase-file "$work/pass"
errs Ben 5 guard approve abcd --words-file "$work/ana.words" --verified met \
    --passphrase-file "$work/pass"
errs Ben 5 guard confirm abcd --words-file "$work/ana.words" --verified met \
    --passphrase-file "$work/pass"
run Ben 0 guard --no-input

topic "one home, both sides"
as Cy "$work/seat" guard host Plain
run Plain 0 guard setup --link-file "$work/seat" --no-input # the home is there
run Plain 0 guard wards --json
doc wards
as Dora "$work/invite" guard invite
run Cy 0 guardian add Dora "@$work/invite" --no-input # a guardian with guardians
run Cy 0 root fingerprint
words_line 4
run deep/Mia '[1-9][0-9]*' guard setup --link-file "$work/seat" --name Mia --no-passphrase
expect "no parents are made" test ! -e "$work/deep"

topic "guard host: a guardian with a seat at two nodes"
run Cy 0 guard host Gil
link_line
cp "$work/answer" "$work/gil1"
run Dora 0 guard host Gil --json
doc link
holds "d['type'] != 'invite'"
value "d['link']" >"$work/gil2"
run Gil 0 guard setup --link-file "$work/gil1" --name Gil --no-passphrase
run Gil 0 guard setup --link-file "$work/gil2"
run Gil '[1-9][0-9]*' guard host Mia # a guest, not the operator
node_stop Cy
run Gil 3 guard requests --json
doc requests
says "$(addr Cy)"
run Gil 3 guard requests
node_stop Dora
run Gil 13 guard requests
errs Gil 13 guard requests
errs Gil 13 guard invite
node Cy
node Dora
run Gil 0 guard requests
