# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# An owner's circle: guardians, a plan, a seal that nodes miss and that goes on.

topic "guardian add, list"
run Ana 2 guardian add --passphrase-file "$work/pass" --no-input
run Ana 4 guardian add Ben "$(cat "$work/Ben.invite")" --no-input
errs Ana 4 guardian add Ben "$(cat "$work/Ben.invite")" --no-input
run Ana 12 guardian add Ben "$(cat "$work/Ben.invite")" --passphrase-file "$work/nopass"
errs Ana 12 guardian add Ben "$(cat "$work/Ben.invite")" --passphrase-file "$work/nopass"
python3 -c 'import sys; t = sys.stdin.read(); c = t[30]
print(t[:30] + ("A" if c != "A" else "B") + t[31:], end="")' <"$work/Ben.invite" >"$work/typo"
errs Ana 2 guardian add Ben "@$work/typo" --passphrase-file "$work/pass"
errs Ana '2|5' guardian add Ben "@$work/nofile" --passphrase-file "$work/pass"
run Ana 0 guardian list --json
doc any

run Ana 0 guardian add Ben "$(cat "$work/Ben.invite")" --reach "+49 30 5550101" \
    --contact "the kitchen phone" --passphrase-file "$work/pass" --no-input
run Ana 0 guardian add Cy "@$work/Cy.invite" --passphrase-file "$work/pass" --reach "over the yard"
feed=$work/Dora.invite run Ana 0 guardian add Dora - --passphrase-file "$work/pass"
run Ana 0 guardian --reach "the red door" add --passphrase-file "$work/pass" --json Eli \
    -- "@$work/Eli.invite"
doc any
KITH_PASSPHRASE_COMMAND="cat $work/pass" run Ana 0 guardian add Fay "@$work/Fay.invite"
run Ana 2 guardian add Ben "@$work/Cy.invite" --passphrase-file "$work/pass"
errs Plain 1 guardian add Ben "@$work/Ben.invite" # used
run Ana 0 guardian list
for g in "${guards[@]}"; do
    expect "$g is not listed" grep -q "$g" "$work/answer"
done
run Cy 0 guard wards --json # a home without a passphrase can read the label
holds "[w['label'] for w in d['wards']] == ['Ana']"
run Ben 0 guard wards --json
doc wards
holds "len(d['wards']) == 1 and d['wards'][0]['epoch'] is None"
holds "d['wards'][0]['confirmed'] is False"

topic "before a seal"
run Ana 10 status --json
doc any
run Ana 10 circle show
run Ana 10 circle sheet
errs Ana 10 circle show

topic "circle plan"
for bad in 1.5h 1w -1 '3 h' h 72 '' 31d; do
    run Ana 2 circle plan -k 3 --hold "$bad"
done
run Ana '1|2' circle plan -k 6
run Ana '1|2' circle plan -k 0
run Ana 2 circle plan -k 3 --stop-hold 1d --no-input
says "--yes" "short-stop"
errs Ana 2 circle plan -k 3 --stop-hold 1d
run Ana 2 circle plan -k 3 --stop-hold 1d --yes long-stop
run Ana 0 circle plan -k 3 --stop-hold 1d --yes short-stop --no-input
run Ana 2 circle plan -k 1 --no-input # one piece alone is never enough
run Ana 0 circle plan -k 3 --hold 72h --json
doc any
run Ana 0 circle plan -k 2 --group family:2/2 --group friends:2/3 --hold 259200s
run Ana 0 circle plan -k 3 --hold 0 --about-me "Ask me what we called the boat." --no-input

topic "circle seal with nodes away"
run Ana 4 circle seal --no-input
run Ana 12 circle seal --passphrase-file "$work/nopass"
node_stop Eli
node_stop Fay
run Ana 13 circle seal --passphrase-file "$work/pass"
errs Ana 13 circle seal --passphrase-file "$work/pass"
run Ana 10 status --json
doc any
run Ben 0 guard wards --json
holds "d['wards'][0]['epoch'] is None"
node Eli
run Ana 3 circle seal --passphrase-file "$work/pass" --resume
says Fay
run Ana 3 circle seal --passphrase-file "$work/pass" --json
doc any
run Ana 3 status --json --no-input # no passphrase
doc status
holds "(d['epoch'], d['need'], d['of'], d['stored'], d['confirmed']) == (1, 3, 5, 4, 0)"
holds "d['spare'] == 0 and d['restorable'] and d['level'] == 'degraded'"
holds "d['openable'] is None"
holds "[g['name'] for g in d['guardians']] == ['Ben', 'Cy', 'Dora', 'Eli', 'Fay']"
holds "[g['state'] for g in d['guardians'][:4]] == ['ok'] * 4"
holds "d['guardians'][4]['state'] != 'ok' and d['guardians'][4]['stored_at'] is None"
holds "len(d['next']) > 0"
node Fay
run Ana 3 circle seal --resume --passphrase-file "$work/pass" # nobody was called yet
run Ana 3 status --json
doc status
holds "d['stored'] == 5 and all(g['state'] == 'ok' and g['stored_at'] for g in d['guardians'])"
run Ana 3 status
expect "status says nothing" test -s "$work/answer"

topic "circle show, sheet"
run Ana 0 circle show
run Ana 0 circle show --json
doc any
run Ana 0 circle sheet
for text in "$(cat "$work/ana.words")" "${guards[@]}" "+49 30 5550101" "the red door" \
    "$(addr Ben)" "$(addr Fay)"; do
    expect "the sheet lacks $text" grep -qF -e "$text" "$work/answer"
done
run Ben 0 guard wards --json
doc wards
holds "d['wards'][0]['epoch'] == 1 and d['wards'][0]['hold'] == 0"
