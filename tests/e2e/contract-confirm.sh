# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# The first call: four words one way, two the other; wrong ones first.

# tries WHO REQ N: the guardian has N tries left for that request.
tries() {
    run "$1" 0 guard show "$2" --json
    doc request
    holds "d['tries_left'] == $3"
}

topic "guardian confirm"
errs Ana 5 guardian confirm Nobody --passphrase-file "$work/pass"
run Ana 4 guardian confirm Ben --no-input
node_stop Ben
errs Ana 13 guardian confirm Ben --passphrase-file "$work/pass"
node Ben
run Ana 0 guardian confirm Ben --passphrase-file "$work/pass"
words_line 4
cp "$work/answer" "$work/w"
run Ana 0 guardian confirm Ben --passphrase-file "$work/pass" --json
doc confirm
holds "d['name'] == 'Ben' and d['words'] == '$(cat "$work/w")' and d['confirmed_at'] is None"
req=$(value "d['request']")
printf 'acid acrobat\n' >"$work/two"
errs Ana 7 guardian confirm Ben --answer-file "$work/two" --passphrase-file "$work/pass"

run Ben 0 guard requests --json --no-input # no passphrase
doc requests
holds "len(d['requests']) == 1"
holds "d['requests'][0]['request'] == '$req' and d['requests'][0]['kind'] == 'confirm'"
holds "d['requests'][0]['state'] == 'live' and d['requests'][0]['approved_at'] is None"
run Ben 0 guard requests --json --passphrase-file "$work/pass"
doc requests
holds "d['requests'][0]['label'] == 'Ana'"
run Ben 0 guard requests
expect "the words are on the guardian's screen" test -z "$(grep -F "$(cat "$work/w")" "$work/answer" "$work/said")"
run Ben 0 guard show "${req:0:6}"
expect "the words are on the guardian's screen" test -z "$(grep -F "$(cat "$work/w")" "$work/answer" "$work/said")"
run Ben 0 guard --no-input
expect "the screen does not say who asks" grep -q Ana <(cat "$work/answer" "$work/said")
ward=$(KITH_HOME=$work/Ben "$kith" guard wards --json | python3 "$here/contract.py" value "d['wards'][0]['ward']")

topic "guard confirm: words that are no try"
ben=(--verified called --passphrase-file "$work/pass")
run Ben 2 guard confirm "$req" --verified called --passphrase-file "$work/pass" --no-input
says --words-file
run Ben 2 guard confirm "$req" --words-file "$work/w" --passphrase-file "$work/pass" --no-input
says --verified
run Ben '2|5' guard confirm "${req:0:3}" --words-file "$work/w" "${ben[@]}"
run Ben 2 guard confirm "$req" --words-file "$work/w" --verified guess --passphrase-file "$work/pass"
run Ben 4 guard confirm "$req" --words-file "$work/w" --verified called --no-input
errs Ben 12 guard confirm "$req" --words-file "$work/w" --verified called \
    --passphrase-file "$work/nopass"
run Ben '1|2|5' guard confirm "$req" --words-file "$work/nofile" "${ben[@]}"
other_word "$work/w" 2 | sed 's/acid\|acrobat/qqqqqq/' >"$work/bad"
errs Ben 2 guard confirm "$req" --words-file "$work/bad" "${ben[@]}"
holds "d['id'] == 'words-unknown'"
cut -d ' ' -f 1-3 "$work/w" >"$work/bad"
errs Ben 2 guard confirm "$req" --words-file "$work/bad" "${ben[@]}"
holds "d['id'] == 'words-unknown'"
sed 's/$/ acid/' "$work/w" >"$work/bad"
errs Ben 2 guard confirm "$req" --words-file "$work/bad" "${ben[@]}"
tries Ben "$req" 5

topic "guard confirm: wrong words"
other_word "$work/w" 3 >"$work/slip"
errs Ben 1 guard confirm "$req" --words-file "$work/slip" "${ben[@]}"
holds "d['id'] == 'words-slip' and d['tries_left'] == 4"
other_word "$work/slip" 1 >"$work/wrong"
errs Ben 1 guard confirm "$req" --words-file "$work/wrong" "${ben[@]}"
holds "d['id'] == 'words-wrong' and d['tries_left'] == 3"
run Ben 1 guard confirm "$req" --words-file "$work/wrong" "${ben[@]}"
silent
tries Ben "$req" 2
node_stop Ben
errs Ben 13 guard confirm "$req" --words-file "$work/w" "${ben[@]}"
node Ben
errs Ana 7 guardian confirm Ben --answer-file "$work/two" --passphrase-file "$work/pass"

topic "guard confirm: the right ones, in any shape"
tr '[:lower:] ' '[:upper:]\n' <"$work/w" | sed 's/^/\t /' >"$work/shape"
run Ben 0 guard confirm Ana --words-file "$work/shape" "${ben[@]}" # by the label
words_line 2
cp "$work/answer" "$work/two.right"
feed=$work/w run Ben 0 guard confirm "$ward" --words-file - "${ben[@]}" --json # again
doc confirmed
holds "d['answer'] == '$(cat "$work/two.right")' and d['ward'] == '$ward'"
errs Ana 1 guardian confirm Ben --answer-file "$work/two" --passphrase-file "$work/pass"
holds "d['id'] == 'words-wrong' and d['tries_left'] == 2"
tr '[:lower:] ' '[:upper:]\t' <"$work/two.right" >"$work/shape"
feed=$work/shape run Ana 0 guardian confirm Ben --answer-file - --passphrase-file "$work/pass"
run Ana 0 guardian confirm Ben --passphrase-file "$work/pass"
silent
run Ana 0 guardian confirm Ben --passphrase-file "$work/pass" --json
doc confirm
holds "d['words'] is None and d['confirmed_at'] is not None"
run Ben 0 guard wards --json
holds "d['wards'][0]['confirmed'] is True"

# confirmed OWNER GUARDIAN ARG…: the whole call; ARG is what the owner's root needs.
confirmed() {
    local owner=$1 g=$2
    shift 2
    as "$owner" "$work/w" guardian confirm "$g" "$@"
    as "$g" "$work/two" guard confirm "$owner" --words-file "$work/w" --verified met
    as "$owner" "$work/none" guardian confirm "$g" --answer-file "$work/two" "$@"
}

topic "locked, unlocked"
as Ana "$work/w" guardian confirm Cy --passphrase-file "$work/pass"
for left in 4 3 2 1 0; do
    errs Cy 1 guard confirm Ana --words-file "$work/wrong" --verified called
    holds "d['tries_left'] == $left"
done
errs Cy 6 guard confirm Ana --words-file "$work/w" --verified called
errs Ana 6 guardian confirm Cy --passphrase-file "$work/pass"
run Cy 0 guard requests --json
holds "d['requests'][0]['state'] == 'locked' and d['requests'][0]['tries_left'] == 0"
req=$(value "d['requests'][0]['request']")
run Cy 2 guard unlock "$req" --no-input
says "--yes"
run Cy 2 guard unlock "$req" --json
sentence=$(value "d['what'].split('\"')[1]") # the error names the word
expect "a word of blanks is not quoted" grep -qF -e "--yes '$sentence'" "$work/answer"
run Cy 2 guard unlock "$req" --no-input --yes "whatever"
run Cy 0 guard unlock "$req" --no-input --yes "$sentence"
tries Cy "$req" 5
as Cy "$work/two" guard confirm "$req" --words-file "$work/w" --verified vouched
words_line 2
as Ana "$work/none" guardian confirm Cy --answer-file "$work/two" --passphrase-file "$work/pass"

topic "all confirmed"
for g in Dora Eli; do confirmed Ana "$g" --passphrase-file "$work/pass"; done
run Ana 3 circle seal --passphrase-file "$work/pass"
says Fay
run Ana 3 status --json # amber until a person has answered a test of the alerts
alerts_reach Ana
run Ana 0 status --json # all hold, one to spare
holds "d['confirmed'] == 4 and d['spare'] == 1 and d['guardians'][4]['confirmed_at'] is None"
confirmed Ana Fay --passphrase-file "$work/pass"
run Ana 0 circle seal --passphrase-file "$work/pass" --resume
run Ana 0 status
run Ana 0 status --json
doc status
holds "(d['stored'], d['confirmed'], d['spare'], d['level']) == (5, 5, 2, 'ok')"
holds "all(g['confirmed_at'] for g in d['guardians'])"
