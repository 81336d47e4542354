# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Everything is lost but one friend's telephone number.

# entry N FIELD, live N FIELD: of line N that restore start printed.
live() { awk -F '\t' -v n="$1" -v f="$2" 'NR == n { print $f }' "$work/live"; }
# told HOME NAME: the words that HOME's screen has for the guardian NAME, into a file.
told() {
    KITH_HOME=$work/$1 "$kith" restore status --json 2>/dev/null </dev/null |
        python3 "$here/contract.py" value \
            "[g for g in d['guardians'] if g['name'] == '$2'][0]['words']" >"$work/w"
}
# asked HOME NAME: the request that HOME has at the guardian NAME.
asked() {
    KITH_HOME=$work/$1 "$kith" restore status --json 2>/dev/null </dev/null |
        python3 "$here/contract.py" value \
            "[g for g in d['guardians'] if g['name'] == '$2'][0]['request']"
}
# approved HOME NAME: the guardian NAME, without a passphrase, says yes to HOME.
approved() {
    told "$1" "$2"
    as "$2" "$work/none" guard approve "$(asked "$1" "$2")" --words-file "$work/w" --verified met
}
tab=$'\t'

topic "guard link"
run Ben 0 guard link "$ward" --no-input # no passphrase
link_line
run Ben 0 guard link "${ward:0:8}" --json
doc link
holds "d['type'] == 'restore' and d['ward'] == '$ward'"
now=$(date +%s)
holds "abs(d['expires_at'] - $now - 14 * 86400) < 120"
run Ben 0 guard link Ana --passphrase-file "$work/pass"
link_line
cp "$work/answer" "$work/ben.link"
as Ben "$work/ben.link2" guard link "$ward"
errs Ben 5 guard link Anna

topic "restore start"
python3 -c 'import sys; t = sys.stdin.read(); c = t[50]
print(t[:50] + ("A" if c != "A" else "B") + t[51:], end="")' <"$work/ben.link" >"$work/typo"
errs New 2 restore start --no-passphrase "@$work/ben.link" "@$work/typo"
run New 2 restore start --no-passphrase --no-input "@$work/typo"
silent
run New 2 restore start --no-passphrase --no-input
run New 2 restore start --no-input "@$work/ben.link"
says --passphrase-file
errs Plain 2 restore start --no-passphrase "@$work/ben.link" # it has a root
run Ben 0 guard requests --json
holds "d['requests'] == []"
errs New 5 restore status
run New 0 restore start --name "Ana M." --no-passphrase "@$work/ben.link" --no-input
one_line
expect "not NODE, REQ, four words" \
    grep -qxE "$(addr Ben)${tab}[0-9a-f]{32}${tab}[a-z-]+( [a-z-]+){3}" "$work/answer"
cp "$work/answer" "$work/live"
req=$(live 1 2)
live 1 3 >"$work/w"
expect "the home is not 0700" test "$(stat -c %a "$work/New")" = 700
run New 7 restore status --json
doc restore
holds "d['state'] == 'waiting' and d['have'] == 0 and d['fingerprint'] is None"
holds "len(d['guardians']) == 1 and d['guardians'][0]['name'] is None"
holds "d['guardians'][0]['node'] == '$(addr Ben)' and d['guardians'][0]['state'] == 'live'"
holds "d['guardians'][0]['words'] == '$(cat "$work/w")' and d['guardians'][0]['request'] == '$req'"
holds "d['guardians'][0]['verdict'] is None"
run New 7 restore status
run New 7 restore --no-input
run New 7 restore --json
doc restore
run New '[0-9]+' restore start --no-passphrase "@$work/ben.link2"
run Ben 0 guard requests --json
doc requests
holds "len(d['requests']) == 1" # never a second one where one is live
holds "d['requests'][0]['kind'] == 'restore' and d['requests'][0]['claimed'] == 'Ana M.'"
holds "d['requests'][0]['stops'] == 0 and d['requests'][0]['tries_left'] == 5"
holds "d['requests'][0]['opens_at'] is None or d['requests'][0]['opens_at'] >= d['requests'][0]['opened_at']"
errs New 5 root fingerprint

topic "guard approve"
run Ben 2 guard approve "$req" --verified met --passphrase-file "$work/pass" --no-input
says --words-file
run Ben 2 guard approve "$req" --words-file "$work/w" --passphrase-file "$work/pass" --no-input
says --verified
run Ben 2 guard approve "$req" --words-file "$work/w" --verified unsure --passphrase-file "$work/pass"
run Ben 4 guard approve "$req" --words-file "$work/w" --verified met --no-input
errs Ben 12 guard approve "$req" --words-file "$work/w" --verified met --passphrase-file "$work/nopass"
cut -d ' ' -f 2-4 "$work/w" >"$work/bad"
errs Ben 2 guard approve "$req" --words-file "$work/bad" --verified met --passphrase-file "$work/pass"
holds "d['id'] == 'words-unknown'"
other_word "$work/w" 4 >"$work/slip"
errs Ben 1 guard approve "$req" --words-file "$work/slip" --verified met --passphrase-file "$work/pass"
holds "d['id'] == 'words-slip' and d['tries_left'] == 4"
other_word "$work/slip" 1 >"$work/wrong"
errs Ben 1 guard approve "$req" --words-file "$work/wrong" --verified met --passphrase-file "$work/pass"
holds "d['id'] == 'words-wrong' and d['tries_left'] == 3"
node_stop Ben
errs Ben 13 guard approve "$req" --words-file "$work/w" --verified met --passphrase-file "$work/pass"
node Ben
run New 7 restore
awk '{ for (i = 1; i <= NF; i++) print toupper(substr($i, 1, 3)) }' "$work/w" >"$work/shape"
run Ben 0 guard approve "${req:0:8}" --words-file "$work/shape" --verified question \
    --passphrase-file "$work/pass" --no-input
feed=$work/w run Ben 0 guard approve "$req" --words-file - --verified met \
    --passphrase-file "$work/pass" # again
run Ben 0 guard approve "$req" --words-file "$work/w" --verified met --json \
    --passphrase-file "$work/pass"
doc any
run Ben 0 guard show "$req" --json
doc request
holds "d['state'] in ('approved', 'released') and d['approved_at'] is not None"
holds "d['opens_at'] is not None and d['opens_at'] >= d['opened_at']"

topic "one friend suffices"
run New 7 restore --no-input
run New 7 restore status --json
doc restore
holds "{g['name'] for g in d['guardians']} == {'Ben', 'Cy', 'Dora', 'Eli', 'Fay'}"
holds "d['need'] == 3 and d['have'] == 1"
holds "all(g['words'] and g['state'] == 'live' for g in d['guardians'] if g['name'] != 'Ben')"
holds "[g['words'] for g in d['guardians'] if g['name'] == 'Ben'] == [None]"
run Dora 0 guard requests --json
doc requests
holds "len([r for r in d['requests'] if r['kind'] == 'restore']) == 1"
approved New Cy
approved New Dora
run New 3 restore --no-input
run New 3 restore
run New 3 restore status --json
doc restore
holds "d['state'] == 'unconfirmed' and d['fingerprint'] is None and d['have'] == 3"
errs New 5 root fingerprint
errs New 1 restore --accept "acid acrobat acid acrobat"
holds "d['id'] == 'fingerprint-wrong'"
run New 3 restore status
run New 2 restore --accept "acid acrobat acid"
run New 0 restore --accept "$(tr '[:lower:]' '[:upper:]' <"$work/ana.words" | sed 's/ /  /')" --no-input
run New 0 restore --no-input
run New 0 restore --json
doc restore
run New 0 root fingerprint
expect "another root" cmp -s "$work/answer" "$work/ana.words"
run New 0 restore status --json
doc restore
holds "d['state'] == 'done' and d['fingerprint'] == '$(cat "$work/ana.words")' and d['epoch'] == 1"
holds "sum(g['verdict'] == 'good' for g in d['guardians']) == 3"
run New '0|3|10' status --json
doc any
holds "len(d['next']) > 0" # the next epoch
errs New 2 restore start --no-passphrase "@$work/ben.link2"
for g in Cy Eli; do # one whose piece was used, one who was not needed
    run $g 0 guard requests --json
    holds "[r for r in d['requests'] if r['kind'] == 'restore'] == []"
done
run Cy 0 guard requests --all --json
doc requests
holds "[r['state'] for r in d['requests'] if r['kind'] == 'restore'] == ['released']"

topic "the words of the key, given early"
as Cy "$work/cy.link" guard link Ana
run New2 0 restore start --no-passphrase "$(cat "$work/cy.link")" --json
lines any
run New2 7 restore --accept "acid acrobat acid acrobat"
run New2 7 restore --accept "$(cat "$work/ana.words")" # a later one counts
KITH_HOME=$work/New2 "$kith" restore status --json >"$work/answer" 2>/dev/null
holds "d['fingerprint'] is None"
req=$(value "d['guardians'][0]['request']")
value "d['guardians'][0]['words']" >"$work/w"
as Cy "$work/none" guard approve "$req" --words-file "$work/w" --verified vouched
run New2 7 restore
approved New2 Eli
approved New2 Fay
run New2 0 restore --no-input
run New2 0 root fingerprint
expect "another root" cmp -s "$work/answer" "$work/ana.words"
