# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# What needs no node: usage, init, passphrases, an empty home.

topic "usage"
run Nobody 2 nonsense
silent
says nonsense
errs Nobody 2 nonsense
run Nobody 2 root nonsense
run Nobody 2 init --name
run Nobody 2 init --nonsense
says --nonsense
run Nobody 2 root fingerprint surplus
run Nobody 0 help
run Nobody 0 help glossary
run Nobody 0 help guard approve
expect "usage made a home" test ! -e "$work/Nobody"

topic "an empty machine"
run Nobody 5 root fingerprint
silent
errs Nobody 5 root fingerprint
run Nobody 10 status
run Nobody 10 status --json
doc any
run Nobody '5|10' circle show
run Nobody '5|10' circle sheet
errs Nobody 5 restore
errs Nobody 5 restore status
errs Nobody 5 restore cancel
run Nobody '0|3|5|10' # where you stand
says "kith init"
errs Nobody 5 guard wards
errs Nobody 5 guard requests
errs Nobody 5 guard show 1234
expect "a look made a home" test ! -e "$work/Nobody"

topic "init"
run Ana 2 init --no-passphrase
says --name
run Ana 2 init --no-passphrase --no-input
says --name
errs Ana 2 init --no-passphrase --no-input
run Ana 2 init --name Ana --no-input
says --passphrase-file
run Ana 2 init --name Ana
run deep/Ana '[1-9][0-9]*' init --name Ana --no-passphrase
expect "no parents are made" test ! -e "$work/deep"
errs deep/Ana '[1-9][0-9]*' init --name Ana --no-passphrase
run Ana '1|2|5' init --name Ana --passphrase-file "$work/nofile"
expect "a failed init made a root" test ! -e "$work/Ana/root"

run Ana 0 init --name Ana --passphrase-file "$work/pass"
words_line 4
cp "$work/answer" "$work/ana.words"
expect "the home is not 0700" test "$(stat -c %a "$work/Ana")" = 700
run Ana 0 root fingerprint
words_line 4
expect "other words" cmp -s "$work/answer" "$work/ana.words"
errs Ana 5 restore
errs Ana 5 restore status
errs Ana 5 restore cancel
run Ana 10 status
run Ana 0 root fingerprint --json
doc fingerprint
holds "d['fingerprint'] == '$(cat "$work/ana.words")'"
run Ana '[1-9]' init --name Ana --no-passphrase
run Ana 0 root fingerprint
expect "a second init changed the root" cmp -s "$work/answer" "$work/ana.words"

run Plain 0 init --name Plain --no-passphrase --json
doc init
holds "d['name'] == 'Plain'"

topic "import"
python3 -c 'print("00112233445566778899aabbccddeeff" * 2)' >"$work/hex"
tr '[:lower:]' '[:upper:]' <"$work/hex" >"$work/hex.upper"
cut -c 1-63 "$work/hex" >"$work/hex.short"
sed 's/^./g/' "$work/hex" >"$work/hex.bad"
run Imp 0 init --name Imp --no-passphrase --import-root "$work/hex"
cp "$work/answer" "$work/imp.words"
run Imp2 0 init --import-root "$work/hex.upper" --no-passphrase --name Imp2
expect "one root, other words" cmp -s "$work/answer" "$work/imp.words"
run Imp3 '1|2' init --name Imp3 --no-passphrase --import-root "$work/hex.short"
run Imp3 '1|2' init --name Imp3 --no-passphrase --import-root "$work/hex.bad"
run Imp3 '1|2|5' init --name Imp3 --no-passphrase --import-root "$work/nofile"
run Imp3 5 root fingerprint

topic "options anywhere, -- ends them"
run Ana 0 --json root fingerprint
doc fingerprint
run Ana 0 root --json fingerprint
doc fingerprint
run Ana 0 root fingerprint --json --
doc fingerprint
run Ana 2 root fingerprint -- --json
run Dash 0 --no-passphrase --name -- init
run Dash 0 root fingerprint

topic "where a passphrase comes from"
printf 'pass phrase' >"$work/noeol"
run P1 0 init --name P1 --passphrase-fd 8 8<"$work/noeol"
KITH_PASSPHRASE_FD=8 run P2 0 init --name P2 8<"$work/pass"
KITH_PASSPHRASE_COMMAND="cat $work/pass" run P3 0 init --name P3 --no-input
run P4 '[1-9][0-9]*' init --name P4 --passphrase-fd 77
KITH_PASSPHRASE_COMMAND=false run P4 '[1-9][0-9]*' init --name P4
run P4 5 root fingerprint
