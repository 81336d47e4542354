# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Guardians say no; the person takes it back.

# five_links PREFIX: a fresh restore link of each guardian, as PREFIX.NAME.
five_links() {
    local g
    for g in "${guards[@]}"; do
        as "$g" "$work/$1.$g" guard link Ana --passphrase-file "$work/pass"
    done
}

topic "refusals"
five_links r
run No 0 restore start --no-passphrase "@$work/r.Ben" "@$work/r.Cy" "@$work/r.Dora" \
    "@$work/r.Eli" "@$work/r.Fay" --no-input
expect "not five lines" test "$(wc -l <"$work/answer")" -eq 5
cp "$work/answer" "$work/live"
run Ben 0 guard refuse "$(live 1 2)" --no-input # no passphrase
run Ben '0|6' guard refuse "$(live 1 2)"
live 1 3 >"$work/w"
errs Ben 6 guard approve "$(live 1 2)" --words-file "$work/w" --verified met --passphrase-file "$work/pass"
run Ben 0 guard requests --json
holds "[r for r in d['requests'] if r['request'] == '$(live 1 2)'] == []"
run Ben 0 guard requests --all --json
doc requests
holds "[r['state'] for r in d['requests'] if r['request'] == '$(live 1 2)'] == ['refused']"
run Cy 0 guard refuse "$(live 2 2)" --json
doc any
run No 7 restore # how many are needed nobody told yet
live 4 3 >"$work/w"
as Eli "$work/none" guard approve "$(live 4 2)" --words-file "$work/w" --verified met
run No 7 restore # three may still say yes
run Dora 0 guard refuse "$(live 3 2)"
run No 6 restore
run No 6 restore --json
doc restore
run No 6 restore status --json
doc restore
holds "d['state'] == 'impossible' and d['need'] == 3"
holds "sum(g['state'] == 'refused' for g in d['guardians']) == 3"
holds "sum(g['verdict'] == 'refused' for g in d['guardians']) == 3"
run No 6 restore status
as Eli "$work/link" guard link Ana
run One 0 restore start --no-passphrase "@$work/link"
cp "$work/answer" "$work/live"
run Eli 0 guard refuse "$(live 1 2)"
run One 6 restore # all that could be asked said no
run One 6 restore status

topic "restore cancel"
as Eli "$work/link" guard link Ana
run Back 0 restore start --no-passphrase "@$work/link"
cp "$work/answer" "$work/live"
run Back 0 restore cancel --no-input
errs Back 5 restore status
errs Back 5 restore
run Eli 0 guard requests --json
holds "[r for r in d['requests'] if r['request'] == '$(live 1 2)'] == []"
run No 2 restore cancel --no-input # one of them said yes: that is worth a word
says "--yes"
run No 0 restore cancel --yes cancel
errs No 5 restore status
