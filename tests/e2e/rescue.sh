#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# kith card bundle and kith vault copy: what a page without Kith makes of them and of cards.
# Needs node; KITH_BROWSER names a folder with playwright-core: then also in a browser
# (rescue.browser). KITH_GOLDEN names a folder: what a released format leaves behind.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh" || exit 1

rescue=$(cd "$(dirname "$0")/../rescue" && pwd)
type -P node >/dev/null || {
    echo "skipped: node is not installed"
    exit 77
}

page() { command node "$rescue/bundle.js" "$@" >"$work/answer" 2>"$work/said" || fail "bundle.js $*"; }
fact() { json "d['$1']" "$2"; }
# The rows of a printed card, as a person types them.
rows() { grep -E '^  [1-7]  ' "$1"; }

# $1: what Ana goes by
make_circle() {
    run Ana 0 init --name "$1" --no-passphrase --import-root "$work/root.txt"
    cp "$work/answer" "$work/fingerprint.txt"
    run Ana 10 card bundle -o "$work/early.html"
    [ ! -e "$work/early.html" ] || fail "a page before the seal"
    for n in Ben Cy; do
        guardian "$n"
        run "$n" 0 guard invite
        cp "$work/answer" "$work/$n.invite"
        run Ana 0 guardian add "$n" "@$work/$n.invite"
        run Ana 0 guardian confirm "$n"
        cp "$work/answer" "$work/words"
        run "$n" 0 guard wards --json
        ward=$(grep -oE '"ward": ?"[0-9a-f]{32}"' "$work/answer" | grep -oE '[0-9a-f]{32}')
        run "$n" 0 guard confirm "$ward" --words-file "$work/words" --verified met
        cp "$work/answer" "$work/back"
        run Ana 0 guardian confirm "$n" --answer-file "$work/back"
    done
    for n in Dora Eve Fay; do run Ana 0 guardian add "$n" --card; done
    run Ana 0 circle plan -k 3 --hold 0 --yes cards-alone
    run Ana 3 circle seal
    run Ana 0 card bundle -o "$work/few.html"
    says "your circle has 0 cards, and 3 pieces are needed"
}

# Printed, and read back as typed.
make_cards() {
    local i=0
    for n in Dora Eve Fay; do
        i=$((i + 1))
        run Ana 0 card print "$n" -o "$work/card-$i.txt"
        rows "$work/card-$i.txt" >"$work/typed"
        run Ana 0 card verify "$n" "$work/typed"
    done
    run Ana 0 circle seal --resume
}

make_items() {
    head -c 60000 /dev/urandom >"$work/passport.pdf"
    printf 'hunter2' >"$work/old"
    printf 'correct horse' >"$work/bank"
    printf '\0\1\377' >"$work/bytes"
    run Ana 0 secret add bank --type password --user ana --file "$work/old"
    run Ana 0 secret edit bank --file "$work/bank"
    run Ana 0 secret add passport.pdf --type file --file "$work/passport.pdf"
    run Ana 0 secret add bytes --type key --file "$work/bytes"
    run Ana 0 secret add gone --type note --file "$work/old"
    run Ana 0 secret remove gone --yes remove
}

# What must come out: each content by size and hash, as bundle.js prints it.
expect_items() {
    local name type user file
    while IFS='|' read -r name type user file; do
        printf '%s\t%s\t%s\t%s\t%s\n' "$name" "$type" "$user" "$(stat -c %s "$work/$file")" \
            "$(sha256sum <"$work/$file" | cut -d' ' -f1)"
    done <<'ITEMS'
bank|password|ana|bank
bank|password|ana|old
bytes|key||bytes
gone|note||old
passport.pdf|file||passport.pdf
ITEMS
}

# The same as JSON, for browser.js.
items_json() {
    python3 -c 'import json, sys
out = {}
for line in sys.stdin:
    name, kind, user, size, digest = line.rstrip("\n").split("\t")
    item = out.setdefault(name, {"name": name, "now": [], "past": []})
    some = item["past"] if item["now"] or name == "gone" else item["now"]
    some.append({"size": int(size), "sha256": digest})
json.dump(list(out.values()), sys.stdout, indent=1)'
}

printf '%064x\n' 77 >"$work/root.txt"
# A name that is markup, an end of an element and of a string.
name='Ana</script><b>&"'\'
make_circle "$name"
make_cards

# ---- what is refused, and leaves nothing behind ----
run Ana 2 card bundle
run Ana 2 card bundle -o "$work/no.html" --with-wrapped
says with-wrapped
run Ana 5 card bundle -o "$work/no.html" --with-vault
says "nothing in the vault"
run Ana 1 card bundle -o "$work/none/no.html"
[ ! -e "$work/no.html" ] || fail "half a page"

# ---- public facts alone ----
run Ana 0 card bundle -o "$work/page.html"
[ "$(stat -c %a "$work/page.html")" = 600 ] || fail "others may read the page"
run Ana 2 card bundle -o "$work/page.html"
says "is there already"
page "$work/page.html" facts
fact name "$name"
fact fingerprint "$(cat "$work/fingerprint.txt")"
fact epoch 1
fact need 3
fact of 5
json "'wrapped' in d" False

# ---- with everything ----
make_items
run Ana 0 circle sheet
grep -o 'KITH-WRAPPED:[A-Z2-7]*' "$work/answer" >"$work/wrapped.txt"
run Ana 0 card bundle -o "$work/whole.html" --with-wrapped --yes with-wrapped --with-vault --json
json "d['schema']" kith.bundle/1
json "d['wrapped'], d['vault'], d['cards'], d['need']" "(True, True, 3, 3)"
page "$work/whole.html" facts
fact wrapped "$(cat "$work/wrapped.txt")"
# Three cards of three, none of a guardian's node; then everything that was in the vault.
page "$work/whole.html" root "$work"/card-?.txt
answers "$(cat "$work/root.txt")"
page "$work/whole.html" items "$work/root.txt"
expect_items >"$work/items"
diff "$work/items" "$work/answer" >&2 || fail "not what was kept"
run Ana 0 vault copy -o "$work/vault.copy"
page "$work/page.html" items "$work/root.txt" "$work/vault.copy"
cmp -s "$work/items" "$work/answer" || fail "the copy and the page differ"
printf '%064x\n' 78 >"$work/other"
command node "$rescue/bundle.js" "$work/whole.html" items "$work/other" >"$work/answer" 2>&1 &&
    fail "another root opens the vault"
grep -q 'not of this root' "$work/answer" || fail "another root: no sentence"
checks=$((checks + 4))

# ---- the root imported is the same person ----
run New 0 init --name New --no-passphrase --import-root "$work/root.txt"
answers "$(cat "$work/fingerprint.txt")"

items_json <"$work/items" >"$work/items.json"
if [ -n "${KITH_BROWSER:-}" ]; then
    (cd "$KITH_BROWSER" && command node "$rescue/browser.js" "$(type -P chromium)" "$work/whole.html" \
        "$work" bundle) || fail "in the browser"
    (cd "$KITH_BROWSER" && command node "$rescue/browser.js" "$(type -P chromium)" "$work/page.html" \
        "$work" copy) || fail "in the browser, with a copy"
    checks=$((checks + 2))
fi
if [ -n "${KITH_GOLDEN:-}" ]; then
    mkdir -p "$KITH_GOLDEN"
    cp "$work"/card-?.txt "$work/wrapped.txt" "$work/root.txt" "$work/fingerprint.txt" \
        "$work/items.json" "$work/vault.copy" "$KITH_GOLDEN/"
    cp "$work/whole.html" "$KITH_GOLDEN/bundle.html"
fi
e2e_end
