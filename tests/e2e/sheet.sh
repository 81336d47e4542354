#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# kith circle sheet: links to all guardians on one piece of paper. It restores; who finds
# it can ask and no more, and blocks nobody; printing again and revoking.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh" || exit 1

ana() {
    local want=$1
    shift
    run Ana "$want" "$@" --passphrase-file "$work/pass"
}
# yes_of HOME GUARDIAN: the words that HOME shows for the request at it, typed there.
yes_of() {
    run "$2" 0 guard requests --json
    req=$(python3 -c 'import json,sys
d = json.load(open(sys.argv[1]))["requests"]
print([r for r in d if r["kind"] == "restore" and r["state"] == "live"][0]["request"])' "$work/answer")
    run "$1" 7 restore status --json
    python3 -c 'import json,sys
print([g["words"] for g in json.load(open(sys.argv[1]))["guardians"] if g["request"] == sys.argv[2]][0])' \
        "$work/answer" "$req" >"$work/words"
    run "$2" 0 guard approve "$req" --words-file "$work/words" --verified called
}
links_in() { grep -c 'KITH1:[A-Z2-7]' "$1"; }

printf 'correct horse battery\n' >"$work/pass"
for n in Ben Cy Dora; do
    guardian "$n"
    run "$n" 0 guard invite
    cp "$work/answer" "$work/$n.invite"
done
ana 0 init --name Ana
cp "$work/answer" "$work/print"
for n in Ben Cy Dora; do
    ana 0 guardian add "$n" "@$work/$n.invite" --reach "phone of $n"
    ana 0 guardian confirm "$n"
    cp "$work/answer" "$work/words"
    run "$n" 0 guard confirm Ana --words-file "$work/words" --verified met
    cp "$work/answer" "$work/back"
    ana 0 guardian confirm "$n" --answer-file "$work/back"
done
ana 0 circle plan -k 2 --hold 0
ana 10 circle sheet
run Ben 0 guard link Ana
cp "$work/answer" "$work/early"
run New 1 restore start --no-passphrase "@$work/early"
says "the circle was not sealed there"
rm -rf "$work/New"
ana 0 circle seal

# ---- the paper ----
run Ana 12 circle sheet --passphrase-file "$work/print"
run Ana 4 circle sheet --revoke
run Ana 0 circle sheet # nobody to ask for the passphrase: all but the links
says "this sheet has no links"
grep -q 'KITH1:[A-Z2-7]' "$work/answer" && fail "links without the root"
grep -q "$(cat "$work/print")" "$work/answer" || fail "no fingerprint words without the root"
ana 0 circle sheet
cp "$work/answer" "$work/sheet"
[ "$(links_in "$work/sheet")" = 3 ] || fail "not three links"
for n in Ben Cy Dora; do
    grep -q "^\[ \] $n$" "$work/sheet" || fail "$n is not on the sheet"
    grep -q "phone of $n" "$work/sheet" || fail "how to reach $n is not on the sheet"
    grep -q "127.0.0.1:$(cat "$work/$n.node/port")" "$work/sheet" || fail "no address of $n"
done
grep -q "$(cat "$work/print")" "$work/sheet" || fail "the fingerprint words are not on the sheet"
[ "$(grep -cE '^KITH-WRAPPED:[A-Z2-7]{207}$' "$work/sheet")" = 1 ] || fail "W_e is not on the sheet"
python3 - "$work/sheet" <<'PY' || fail "the line of W_e is not as documented"
import base64, hashlib, sys
line = [l.strip() for l in open(sys.argv[1]) if l.startswith("KITH-WRAPPED:")][0][13:]
raw = base64.b32decode(line + "=" * (-len(line) % 8))
check = hashlib.blake2b(b"kith wrapped line\0" + raw[:-4], digest_size=16).digest()[:4]
sys.exit(not (len(raw) == 129 and raw[0] == 1 and raw[17:21] == b"\0\0\0\1" and raw[-4:] == check))
PY
checks=$((checks + 12))
says "not beside this machine"
ana 0 circle sheet --json
json "d['schema']" kith.sheet/1
json "d['sheet']" 2
json "[g['name'] for g in d['guardians']]" "['Ben', 'Cy', 'Dora']"
json "all(g['link'].startswith('KITH1:') for g in d['guardians'])" True
json "d['wrapped'] in open('$work/sheet').read()" True
json "any(g['link'] in open('$work/sheet').read() for g in d['guardians'])" False
python3 -c 'import json,sys
for g in json.load(open(sys.argv[1]))["guardians"]: print("   ", g["name"], g["link"])' \
    "$work/answer" >"$work/second"
ana 0 circle sheet
says "Sheets that were printed before stay valid"
node_kill Dora
ana 3 circle sheet
says "no link for those"
[ "$(links_in "$work/answer")" = 2 ] || fail "a link where no node knows it"
node Dora

# ---- wrong sheets: nothing is sent ----
sed '/KITH1:[A-Z2-7]/s/.$/9/' "$work/sheet" >"$work/typo"
run New 2 restore start --no-passphrase --sheet "$work/typo" --json
json "d['id']" mistyped
grep -v 'KITH1:[A-Z2-7]' "$work/sheet" >"$work/nolink"
run New 2 restore start --no-passphrase --sheet "$work/nolink" --json
json "d['id']" no-link
run New 5 restore start --no-passphrase --sheet "$work/nofile"
{
    cat "$work/sheet"
    cat "$work/Ben.invite"
} >"$work/mixed"
run New 2 restore start --no-passphrase --sheet "$work/mixed"
[ -e "$work/New" ] && fail "a wrong sheet made a home"
run Ben 0 guard requests --json
json "d['requests']" "[]"

# ---- a finder: asks everywhere, and blocks nobody ----
run Finder 0 restore start --name Ana --no-passphrase --sheet "$work/second"
[ "$(wc -l <"$work/answer")" = 3 ] || fail "not three requests"
run Cy 0 guard requests --json
json "[r['sheet'] for r in d['requests']]" "[True]"
run Cy 0 guard show "$(python3 -c 'import json,sys
print(json.load(open(sys.argv[1]))["requests"][0]["request"])' "$work/answer")"
grep -q "circle sheet" "$work/answer" "$work/said" || fail "the guardian does not see that a sheet was used"
run Second 1 restore start --no-passphrase --sheet - <"$work/second"
says "has a request by this link already"
run Second 0 restore start --no-passphrase --sheet "$work/sheet" # another sheet has its own
run Second 0 restore cancel
run Finder 0 restore cancel
rm -rf "$work/Finder"
run Finder 1 restore start --name Ana --no-passphrase --sheet "$work/second"
says "each time longer"
run Ben 0 guard link Ana
cp "$work/answer" "$work/link"
run Lost 0 restore start --name Ana --no-passphrase "@$work/link"
run Lost 0 restore cancel
rm -rf "$work/Lost"

# ---- the owner, with the third sheet ----
ana 0 circle sheet
cp "$work/answer" "$work/third"
run New 0 restore start --name Ana --no-passphrase --sheet "$work/third"
[ "$(wc -l <"$work/answer")" = 3 ] || fail "not three requests"
yes_of New Ben
run New 7 restore
yes_of New Dora
run New 3 restore --sources-differ # one piece of paper is one source
run New 0 restore --accept "$(cat "$work/print")"
run New 0 root fingerprint
answers "$(cat "$work/print")"

# ---- a sheet as people copy it ----
ana 0 circle sheet
cp "$work/answer" "$work/fourth"
sed -n 's/.*link: *\(KITH1:.*\)/   \1  /p' "$work/fourth" | tr '[:upper:]' '[:lower:]' | sed 's/$/\r/' >"$work/copied"
[ "$(wc -l <"$work/copied")" = 3 ] || fail "three lines were to be copied"
sed -i '2s/\r$/ this is Cy, her phone is on the sheet\r/' "$work/copied"
run Third 0 restore start --no-passphrase --sheet "$work/copied"
run Third 0 restore cancel

# ---- revoked: by the owner after the dual time, by a guardian at once ----
now=$(date +%s)
ana 0 circle sheet --revoke --json
json "d['schema']" kith.revoked/1
json "[g['state'] for g in d['guardians']]" "['ok', 'ok', 'ok']"
json "[g['links'] for g in d['guardians']]" "[4, 4, 4]" # new ones that nobody used end at once
json "all(abs(g['ends_at'] - $now - 14 * 86400) < 120 for g in d['guardians'])" True
ana 0 circle sheet --revoke
says "until then they still open requests"
ana 0 circle sheet
cp "$work/answer" "$work/fifth"
run Ben 0 guard link Ana
cp "$work/answer" "$work/link"
run Ben 5 guard link Anna --end
run Ben 0 guard link Ana --end --json
json "d['schema']" kith.ended/1
json "d['links'] >= 4" True
run Ben 0 guard link --end
says "0 links, codes and sheets of Ana end now"
run Late 1 restore start --no-passphrase "@$work/link"
run Late 3 restore start --no-passphrase --sheet "$work/fifth" # not at Ben's any more
[ "$(wc -l <"$work/answer")" = 2 ] || fail "not two requests"
run Ana 3 status # and the owner is told of whoever uses one
grep -q "Somebody asks for your keys at Cy's node" "$work/answer" || fail "nobody was told"
node_kill Cy
ana 3 circle sheet --revoke
says "when the other nodes are back"
node_kill Ben
node_kill Dora
ana 13 circle sheet
ana 13 circle sheet --revoke
e2e_end
