#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The vault over lines that are cut every 100 KiB and keep what passes: saved, all of it
# and n - k nodes lost, restored byte for byte; then every node's store and all that passed
# are searched for names, contents and sizes.
#   vault-lines.sh KITHD KITH DIRECTORY-OF-TEST-PROGRAMS [long]
# long: 64 MiB with a document of 5 MiB and 1,000 small items, at five nodes.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh" || exit 1
tools=$3
how=${4:-short}

if [ "$how" = long ]; then
    guardians="Ben Cy Dora Eli Flo" lost="Cy Eli" need=3 big=58720299 doc=5242897 small=1000
else
    guardians="Ben Cy Dora" lost="Cy" need=2 big=1500029 doc=300007 small=40
fi
cut=102400

reached() { # reached NAME: a node behind a line that keeps what passes
    local d=$work/$1.node
    mkdir -p "$d"
    "$tools/proxy" "$work/wire/$1" "$d/port" 0 "$cut" >"$d/line" &
    pid[line.$1]=$!
    for _ in $(seq 1200); do
        grep -q '^listening' "$d/line" && break
        sleep 0.02
    done
    node_extra="Advertise = $(sed 's/^listening //' "$d/line")"
    node "$1"
    run "$1" 0 guard setup --link-file "$d/state/operator.link" --name "$1" --no-passphrase
}

needle() { # needle LABEL HEX
    printf '%s\t%s\n' "$1" "$2" >>"$work/needles"
}
hex() { od -An -v -tx1 | tr -d ' \n'; }
size_needles() { # size_needles LABEL BYTES: as a number of four or eight bytes
    needle "the size of $1" "ce$(printf '%08x' "$2")"
    needle "the size of $1" "$(printf '%016x' "$2")"
    needle "the size of $1" "$(printf '%016x' "$2" | sed 's/\(..\)/\1 /g' | tr ' ' '\n' | tac | tr -d '\n')"
}

mkdir "$work/wire"
: >"$work/needles"
head -c "$big" /dev/urandom >"$work/big"
{ printf '%%PDF-1.4 the deed of the old mill'; head -c "$doc" /dev/urandom; } >"$work/deed"
python3 - "$work/bitwarden.json" "$small" <<'END'
import json, sys
items = [{"type": 2, "name": "Windmill note %d" % i, "secureNote": {"type": 0},
          "notes": "the gate code of garden %d is %d" % (i, i * 7919)} for i in range(int(sys.argv[2]))]
json.dump({"encrypted": False, "folders": [], "items": items}, open(sys.argv[1], "w"))
END
needle "a name" "$(printf 'Windmill note' | hex)"
needle "a name" "$(printf 'Grandmother and the deed' | hex)"
needle "a content" "$(printf 'the gate code of garden' | hex)"
needle "a content" "$(printf 'the deed of the old mill' | hex)"
needle "a content" "$(head -c 40 "$work/big" | hex)"
needle "a content" "$(tail -c 40 "$work/big" | hex)"
size_needles "a document" "$(stat -c %s "$work/deed")"
size_needles "a file" "$big"

for g in $guardians; do reached "$g"; done
run Ana 0 init --name Ana --no-passphrase
cp "$work/answer" "$work/print"
for g in $guardians; do
    run "$g" 0 guard invite
    cp "$work/answer" "$work/$g.invite"
    run Ana 0 guardian add "$g" "@$work/$g.invite" --reach "phone of $g"
done
run Ana 0 circle plan -k "$need" --hold 0
run Ana 3 circle seal

# ---- saved over lines that break ----
run Ana 0 secret add "Grandmother and the deed" --no-push --type file --file "$work/deed"
run Ana 0 secret add big --no-push --type file --file "$work/big"
run Ana 0 secret import "$work/bitwarden.json" --no-push
run Ana 0 vault push --json
json "d['saved'] == d['of']" True
run Ana 0 vault verify
run Ana 0 vault --json
items=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["items"])' "$work/answer")
[ "$items" = $((small + 2)) ] || fail "$items items, not $((small + 2))"
# A line that is new is no surprise; a cut one was used more than once.
[ "$(find "$work/wire" -name 'Ben.*.up' -size +90k | wc -l)" -ge 4 ] || fail "no line was cut"
run Ana 0 secret export "$work/before" --yes export
rm -rf "$work/Ana"

# ---- lost, with n - k nodes ----
for g in $lost; do node_kill "$g"; done
links=()
for g in $guardians; do
    [[ " $lost " = *" $g "* ]] && continue
    run "$g" 0 guard link Ana
    cp "$work/answer" "$work/$g.link"
    links+=("@$work/$g.link")
done
run New 0 restore start --name Ana --no-passphrase "${links[@]}"
cp "$work/answer" "$work/lines"
line=1
for g in $guardians; do
    [[ " $lost " = *" $g "* ]] && continue
    sed -n "${line}p" "$work/lines" | cut -f3 >"$work/words"
    req=$(sed -n "${line}p" "$work/lines" | cut -f2)
    run "$g" 0 guard approve "$req" --words-file "$work/words" --verified met
    line=$((line + 1))
done
run New 0 restore --accept "$(cat "$work/print")"
says "Your vault is back"
run New 0 secret export "$work/after" --yes export
diff -r "$work/before" "$work/after" || fail "what came back is not what was saved"
checks=$((checks + 1))

# ---- nobody learnt a name, a content or a size ----
scanned() { # scanned CODE TARGET
    local got=0
    "$tools/scan" "$work/needles" "$2" >"$work/found" || got=$?
    [ "$got" = "$1" ] || fail "scan of $2 ends with $got, not $1: $(head -3 "$work/found")"
    checks=$((checks + 1))
}
scanned 1 "$work/before" # it finds what is there
size=$(stat -c %s "$work/deed")
printf '%s' "xx$(printf '%016x' "$size")" | sed 's/^xx//' | python3 -c 'import sys; sys.stdout.buffer.write(b"x" + bytes.fromhex(sys.stdin.read()))' >"$work/planted"
scanned 1 "$work/planted"
scanned 0 "$work/wire"
for g in $guardians; do scanned 0 "$work/$g.node"; done
e2e_end
