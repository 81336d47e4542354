# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# What is left without a file to send: a telephone, a sheet of paper.

topic "guard link --spoken"
errs Ben 5 guard link Anna --spoken
run Ben 0 guard link Ana --spoken --no-input # no passphrase
one_line
expect "not an address and a code" \
    grep -qxE '[^ ]+:[0-9]+ ([0-9A-HJKMNP-TV-Z]{4}-){4}[0-9A-HJKMNP-TV-Z]{2}' "$work/answer"
cp "$work/answer" "$work/spoken"
run Ben 0 guard link Ana --spoken --json
doc link
holds "d['type'] == 'restore' and ' ' in d['link']"
read -r at code <"$work/spoken"
errs Voice 2 restore start --no-passphrase "$at ${code%?}"
holds "d['id'] == 'mistyped'"
errs Voice 2 restore start --no-passphrase "$at"
errs Voice 2 restore start --no-passphrase "$code"
run Voice 1 restore start --no-passphrase "$at" 0000-0000-0000-0000-00 --json # nobody's
doc restore
holds "d['guardians'][0]['state'] == 'unopened' and d['guardians'][0]['node'] == '$at'"
run Voice2 0 restore start --no-passphrase "$at" "${code,,}" # any case, two words
one_line
run Voice3 1 restore start --no-passphrase "@$work/spoken" # once
feed=$work/spoken run Voice4 1 restore start --no-passphrase -
run Voice2 7 restore status --json
doc restore
holds "d['guardians'][0]['state'] == 'live' and d['guardians'][0]['node'] == '$at'"
run Voice2 0 restore cancel

topic "circle sheet: links"
run Ana 0 circle sheet --passphrase-file "$work/pass" --no-input
cp "$work/answer" "$work/sheet"
expect "not a link to each of five" \
    test "$(grep -cE '(^|[ 	])KITH1:[A-Z2-7]{60,148}$' "$work/sheet")" = 5
run Ana 0 circle sheet --json --passphrase-file "$work/pass"
doc sheet
holds "all(g['link'] and g['link'] not in open('$work/sheet').read() for g in d['guardians'])"
sed 's/\(KITH1:[A-Z2-7]*\)[A-Z2-7]$/\19/' "$work/sheet" >"$work/badsheet"
errs Paper 2 restore start --no-passphrase --sheet "$work/badsheet"
holds "d['id'] == 'mistyped'"
errs Paper 2 restore start --no-passphrase --sheet "$work/w"
errs Paper 5 restore start --no-passphrase --sheet "$work/nothing"
expect "a wrong sheet made a home" test ! -e "$work/Paper"
run Paper 0 restore start --no-passphrase --sheet "$work/sheet"
expect "not five requests" test "$(wc -l <"$work/answer")" = 5
run Ben 0 guard requests --json
doc requests
holds "[r['sheet'] for r in d['requests'] if r['kind'] == 'restore'] == [True]"
run Paper 0 restore cancel
errs Ana 4 circle sheet --revoke
run Ana 0 circle sheet --revoke --json --passphrase-file "$work/pass"
doc revoked
now=$(date +%s)
holds "all(g['state'] == 'ok' and g['links'] == 1 for g in d['guardians'])"
holds "all(abs(g['ends_at'] - $now - 14 * 86400) < 120 for g in d['guardians'])"
run Ben 0 guard link Ana --end --json
doc ended
holds "d['links'] >= 2"
run Ben 0 guard link Ana --end --json
holds "d['links'] == 0"
