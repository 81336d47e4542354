# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# After a stop, freeze, pause, leave, log, reset: what a guardian does beside saying yes.

topic "guard freeze, pause, resume, leave, reset, log: nobody's guardian yet"
for verb in "freeze Uma --verified met" "pause 1d" resume "leave Uma --yes leave" log \
    "reset --no-passphrase --yes reset"; do
    # shellcheck disable=SC2086
    errs Nobody 5 guard $verb
done
expect "a look made a home" test ! -e "$work/Nobody"

carers=(Pia Quy Rob)
as Uma "$work/none" init --name Uma --no-passphrase
for g in "${carers[@]}"; do
    node "$g"
    as "$g" "$work/none" guard setup --link-file "$work/$g.node/state/operator.link" \
        --name "$g" --passphrase-file "$work/pass"
    as "$g" "$work/invite" guard invite --passphrase-file "$work/pass"
    as Uma "$work/none" guardian add "$g" "@$work/invite"
    as Uma "$work/w" guardian confirm "$g"
    as "$g" "$work/two" guard confirm Uma --words-file "$work/w" --verified met \
        --passphrase-file "$work/pass"
    as Uma "$work/none" guardian confirm "$g" --answer-file "$work/two"
done
as Uma "$work/none" circle plan -k 2 --hold 2h
run Uma 0 circle seal

topic "after a stop"
as Pia "$work/link" guard link Uma
run NewUma 0 restore start --no-passphrase "@$work/link"
cp "$work/answer" "$work/live"
req=$(live 1 2)
live 1 3 >"$work/w"
pia=(--words-file "$work/w" --verified called --passphrase-file "$work/pass")
as Pia "$work/none" guard approve "$req" "${pia[@]}"
run Uma 0 stop "$req" --no-input
run Pia 0 guard show "$req" --json --no-input # no passphrase
doc request
holds "d['state'] == 'contested' and d['stops'] == 1 and d['approved_at'] is None"
holds "d['opens_at'] - d['stopped_at'] >= 7 * 86400 - 60"
run Pia 0 guard show "$req"
expect "the stop is not told" grep -q "said stop" "$work/answer"
errs Pia 6 guard approve "$req" "${pia[@]}"
holds "'--despite-stop' in d['next']"
errs Pia 2 guard approve "$req" "${pia[@]}" --despite-stop
sentence=$(value "d['what'].split('\"')[1]") # the error names the sentence
holds "'Uma' in d['what']"
printf 'yes\n' >"$work/sentence"
errs Pia 2 guard approve "$req" "${pia[@]}" --despite-stop --sentence-file "$work/sentence"
errs Pia '1|2|5' guard approve "$req" "${pia[@]}" --despite-stop --sentence-file "$work/nofile"
printf '%s\n' "$sentence" >"$work/sentence"
tries Pia "$req" 4
run Pia 2 guard approve "$req" --words-file "$work/w" --despite-stop --no-input \
    --sentence-file "$work/sentence" --passphrase-file "$work/pass"
says --verified
run Pia 0 guard approve "$req" "${pia[@]}" --despite-stop --sentence-file "$work/sentence" --json
doc any
holds "d['state'] == 'approved'"
run Pia 0 guard show "$req" --json
doc request
holds "d['state'] == 'approved' and d['opens_at'] - d['stopped_at'] >= 7 * 86400 - 60"
run Pia 0 guard refuse "$req" --no-input # taken back
run Pia 0 guard show "$req" --json
holds "d['state'] == 'refused'"

topic "guard pause, resume"
for t in 0 31d soon; do errs Pia 2 guard pause "$t"; done
run Pia 2 guard pause --no-input
run Pia 0 guard pause 14d --no-input # no passphrase
silent
run Pia 0 guard pause 14d --json
doc pause
holds "abs(d['until'] - $(date +%s) - 14 * 86400) < 120"
as Pia "$work/link" guard link Uma
run Again 0 restore start --no-passphrase "@$work/link"
cp "$work/answer" "$work/live"
live 1 3 >"$work/w"
errs Pia 6 guard approve "$(live 1 2)" "${pia[@]}" --despite-stop --sentence-file "$work/sentence"
holds "'resume' in d['next']"
node_stop Pia
errs Pia 13 guard resume
node Pia
run Pia 0 guard resume --json
doc pause
holds "d['until'] is None"
run Pia 0 guard resume
run Pia 0 guard approve "$(live 1 2)" "${pia[@]}" --despite-stop --sentence-file "$work/sentence"

topic "guard freeze"
run Quy 2 guard freeze Uma --no-input
says --verified
errs Quy 2 guard freeze Uma --verified guess
errs Quy 5 guard freeze Zoe --verified met
run Quy 0 guard freeze Uma --verified met --no-input # no passphrase
silent
run Quy 0 guard freeze Uma --verified met --json
doc freeze
holds "d['label'] == 'Uma' and abs(d['until'] - $(date +%s) - 30 * 86400) < 120"
run Quy 0 guard wards --json
doc wards
holds "d['wards'][0]['frozen_until'] is not None"
node_stop Quy
errs Quy 13 guard freeze Uma --verified met
node Quy

topic "guard log"
run Quy 0 guard log --no-input # no passphrase
expect "nothing in the log" test -s "$work/answer"
run Quy 0 guard log --json
doc seat-log
node_stop Quy
errs Quy 13 guard log
node Quy

topic "guard reset"
run Quy 2 guard reset --passphrase-file "$work/nopass" --no-input
says "--yes reset"
run Quy 2 guard reset --yes reset --no-input # a new passphrase is required
run Quy 0 guard wards --json
run Quy 0 guard reset --yes reset --passphrase-file "$work/nopass" --json
doc reset
holds "d['lost'][0]['label'] == 'Uma' and d['seats'][0]['seat'] != d['seats'][0]['old']"
errs Quy 12 guard invite --passphrase-file "$work/pass"
run Quy 0 guard invite --passphrase-file "$work/nopass"
link_line
errs Quy 1 guard link Uma
run Quy 0 guard wards --json
doc wards
holds "d['wards'][0]['old_keys'] is True"

topic "guard leave"
run Rob 2 guard leave Uma --no-input
says "--yes leave"
errs Rob 5 guard leave Zoe --yes leave
run Rob 0 guard leave Uma --yes leave --no-input # no passphrase
silent
run Rob 0 guard leave Uma --yes leave --json # again
doc left
holds "d['label'] == 'Uma'"
errs Rob 1 guard link Uma
run Quy 0 guard leave Uma --yes leave
