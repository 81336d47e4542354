#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# kith secret, credential and askpass on one machine; wrong cases first. Every secret has
# the mark "hunter" in it, and no sentence may.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

scripts=$(cd "$(dirname "$0")/../../scripts" && pwd)
bin=$work/bin
mkdir "$bin"
ln -s "$kith" "$bin/kith"
ln -s "$scripts/git-credential-kith" "$scripts/kith-askpass" "$bin/"
export PATH=$bin:$PATH
: >"$work/heard"

# Everything that is said to a person is kept for the end.
eval "run_once() $(declare -f run | sed 1d)"
run() {
    run_once "$@"
    cat "$work/said" >>"$work/heard"
}

# keep NAME TEXT [ARGS…]: adds an item through a pipe
keep() {
    local name=$1 text=$2
    shift 2
    printf '%s' "$text" >"$work/text"
    run Ana 0 secret add "$name" "@$work/text" "$@"
}

same() {
    cmp -s "$1" "$2" || fail "$1 and $2 differ"
    checks=$((checks + 1))
}

content_is() {
    run Ana 0 secret get "$1" "${@:3}"
    [ "$(cat "$work/answer")" = "$2" ] || fail "$1 is not $2"
    checks=$((checks + 1))
}

# ---- before there is a vault ----
for what in list "get web" "add web --make" "remove web --yes remove" "otp web" "history web"; do
    # shellcheck disable=SC2086 # words
    run Ana 5 secret $what
done
run Ana 0 init --name Ana --no-passphrase
run Ana 0 secret list
says "The vault is empty"
run Ana 0 secret list --json
json "d['items']" "[]"

# ---- what is refused ----
run Ana 2 secret add web hunter1 --json
json "d['id']" secret-in-arguments
run Ana 2 secret add web
says "give -, @FILE, --file FILE or --make"
run Ana 2 secret add note --type note
run Ana 2 secret add web --make --file "$work/none"
run Ana 2 secret add web - --make
run Ana 2 secret add web --length 30
run Ana 2 secret add web --make --length 7
run Ana 2 secret add web --make --length 257
run Ana 2 secret add web --make --type note
run Ana 2 secret add web --make --type paper
says "There is no type \"paper\""
run Ana 2 secret add '' --make
run Ana 2 secret add $'a\tb' --make
run Ana 2 secret add "$(printf 'x%.0s' {1..201})" --make
run Ana 2 secret add web --make --hint "$(printf 'x%.0s' {1..501})"
run Ana 2 secret add web --make --user $'a\nb'
run Ana 5 secret add web "@$work/none"
: >"$work/empty"
run Ana 2 secret add web "@$work/empty"
says "it is empty"
printf '\n' >"$work/empty"
run Ana 2 secret add web "@$work/empty" --type password
printf 'hunter-is-1-of-none' >"$work/text"
run Ana 2 secret add web "@$work/text" --type totp --json
json "d['id']" no-totp
truncate -s $((64 * 1024 * 1024 + 1)) "$work/big"
run Ana 2 secret add web "@$work/big"
rm "$work/big"
run Ana 2 secret get
run Ana 2 secret get a b
run Ana 5 secret get web
run Ana 2 secret exec web
run Ana 2 secret exec -- true
run Ana 5 secret exec web -- true
run Ana 0 secret list
says "The vault is empty"

# ---- kept exactly ----
head -c 5242880 /dev/urandom >"$work/doc.pdf"
run Ana 0 secret add doc.pdf "@$work/doc.pdf" --json
json "d['schema']" kith.secret/1
json "d['type']" file
json "d['versions'][0]['size']" 5242880
run Ana 0 secret get doc.pdf
same "$work/doc.pdf" "$work/answer"
printf 'a\0b\nhunter\r\n\n' >"$work/odd"
run Ana 0 secret add odd --file "$work/odd"
run Ana 0 secret get odd
same "$work/odd" "$work/answer"
run Ana 0 secret get odd --json
json "d['content'] == 'a' + chr(0) + 'b\nhunter\r\n\n'" True
KITH_HOME=$work/Ana "$kith" secret add piped - <"$work/odd" 2>/dev/null || fail "no pipe"
run Ana 0 secret get piped
same "$work/odd" "$work/answer"

# ---- a password has no line end; its type is seen ----
printf 'hunter2\n' >"$work/text"
run Ana 0 secret add web "@$work/text" --user ana --url https://web.example
says "The line end behind the password was left out"
run Ana 0 secret get web
[ "$(od -An -tx1 "$work/answer" | tr -d ' \n')" = 68756e74657232 ] || fail "web"
keep note $'hunter and\nmore\n'
run Ana 0 secret show note --json
json "d['type']" note
keep "age of ana" $'# hunter\nAGE-SECRET-KEY-1QQQ\n'
run Ana 0 secret show "age of ana" --json
json "d['type']" key
run Ana 2 secret add web --make
says 'There is an item "web" already'
run Ana 0 secret add made --make --length 40 --hint "the second door"
run Ana 0 secret get made
grep -qE '^[A-HJ-NP-Za-km-z2-9]{40}$' "$work/answer" || fail "not forty letters"
run Ana 0 secret add made2 --make
run Ana 0 secret get made2
[ "$(wc -c <"$work/answer")" = 24 ] || fail "not 24 letters"

# ---- warnings ----
keep "LUKS laptop" hunter-luks --type password
says "only a restore brings it"
says "kith secret edit 'LUKS laptop' --hint TEXT"
keep "kith passphrase" hunter-kith --type password --hint "home"
says "it opens nothing that leads here"
says "It is on this machine only"

# ---- lists and texts, never contents ----
run Ana 0 secret list
grep -q '^password .*web  (ana)$' "$work/answer" || fail "web is not listed"
run Ana 0 secret list WE
[ "$(wc -l <"$work/answer")" = 1 ] || fail "WE finds more than web"
run Ana 0 secret list --type key --json
json "[i['name'] for i in d['items']]" "['age of ana']"
run Ana 2 secret list --type paper
run Ana 0 secret show web --json
json "(d['user'], d['url'], d['hint'], len(d['versions']))" "('ana', 'https://web.example', None, 1)"
for what in "list" "list --json" "show web" "show web --json" "history web" "show web --howto"; do
    # shellcheck disable=SC2086 # words
    run Ana 0 secret $what
    grep -q hunter2 "$work/answer" && fail "$what shows a content"
done
id=$(KITH_HOME=$work/Ana "$kith" secret show web --json |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["id"][:8])')
content_is "$id" hunter2
run Ana 5 secret get wbe
says 'Did you mean "web"?'

# ---- a screen is refused without --show ----
on_screen() {
    KITH_HOME=$work/Ana python3 - "$kith" "$@" >"$work/screen" <<'PY'
import os, pty, sys
got = b""
def read(fd):
    global got
    data = os.read(fd, 65536)
    got += data
    return data
code = pty.spawn(sys.argv[1:], read)
sys.exit(os.waitstatus_to_exitcode(code))
PY
}
on_screen secret get web && fail "a screen was given a secret"
grep -q hunter2 "$work/screen" && fail "a screen shows a secret"
grep -q needs-show "$work/screen" || fail "why is not said"
on_screen secret get web --show || fail "--show does not show"
grep -q hunter2 "$work/screen" || fail "--show shows nothing"
checks=$((checks + 4))

# ---- typed, hidden, twice ----
typed() {
    KITH_HOME=$work/Ana python3 - "$kith" "$@" >"$work/screen" <<'PY'
import os, pty, sys, time
words = os.environ["TYPED"].split("|")
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
got = b""
while True:
    try:
        data = os.read(fd, 65536)
    except OSError:
        break
    if not data:
        break
    got += data
    if got.rstrip().endswith((b":", b"show.", b"Ctrl-D.", b"on:")) and words:
        time.sleep(0.3)  # the echo is switched off behind the prompt
        os.write(fd, words.pop(0).encode().decode("unicode_escape").encode())
        got = b""
    sys.stdout.buffer.write(data)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PY
}
TYPED='hunter3\n|hunter4\n|hunter5\n|hunter5\n' typed secret add typed || fail "typing"
grep -q hunter "$work/screen" && fail "what was typed shows"
grep -q "not equal" "$work/screen" || fail "two that differ are not noticed"
content_is typed hunter5
TYPED='hunter6\nhunter7\n\x04' typed secret add lines --type codes || fail "typing lines"
grep -q hunter "$work/screen" && fail "what was typed shows"
content_is lines $'hunter6\nhunter7'
checks=$((checks + 3))

# ---- history ----
printf 'hunter8' >"$work/text"
run Ana 0 secret edit web "@$work/text"
run Ana 0 secret edit web --hint "the shop" --name shop
run Ana 5 secret get web
content_is shop hunter8
content_is shop hunter2 --back 1
run Ana 5 secret get shop --back 2
run Ana 2 secret get shop --back 17
run Ana 2 secret get shop --back x
run Ana 0 secret history shop --json
json "len(d['versions'])" 2
run Ana 0 secret edit shop --back 1
content_is shop hunter2
content_is shop hunter8 --back 1
run Ana 2 secret edit shop --back 1 --hint x
run Ana 2 secret edit shop --name note
says 'There is an item "note" already'
run Ana 2 secret edit shop --type totp
run Ana 0 secret edit shop --hint ''
run Ana 0 secret show shop --json
json "(d['hint'], d['user'])" "(None, 'ana')"
run Ana 2 secret edit shop
run Ana 5 secret edit web --make

# ---- removed, and had again ----
run Ana 2 secret remove shop
says "--yes remove"
run Ana 2 secret remove shop --yes yes
content_is shop hunter2
run Ana 0 secret remove shop --yes remove --json
json "d['removed'] > 0" True
run Ana 5 secret get shop
says "was removed"
run Ana 0 secret list --removed --json
json "[i['name'] for i in d['items']]" "['shop']"
content_is shop hunter2 --back 1
run Ana 0 secret history shop
says "--back N brings it back"
run Ana 0 secret edit shop --back 1
content_is shop hunter2
run Ana 0 secret remove shop --yes remove
keep shop hunter9
content_is shop hunter9

# ---- recovery codes, each once ----
printf '# from the bank\n\n hunter-c1 \nhunter-c2\r\nhunter-c3\n' >"$work/text"
run Ana 0 secret add codes "@$work/text" --type codes
run Ana 2 secret get shop --next
run Ana 2 secret get codes --next --back 1
run Ana 0 secret get codes --next
answers hunter-c1
says "2 unused codes are left"
# Two at once never get the same one.
KITH_HOME=$work/Ana "$kith" secret get codes --next >"$work/c2" 2>/dev/null &
run Ana 0 secret get codes --next
wait $! || fail "one of two at once failed"
[ "$(cat "$work/c2" "$work/answer" | sort | tr '\n' ' ')" = "hunter-c2 hunter-c3 " ] ||
    fail "two at once: $(cat "$work/c2" "$work/answer")"
run Ana 5 secret get codes --next --json
json "d['id']" codes-used
run Ana 0 secret get codes
grep -qE '^ # used [0-9-]{10}: hunter-c1 $' "$work/answer" || fail "not marked as used"
grep -q '^# from the bank$' "$work/answer" || fail "a remark is lost"

# ---- one-time codes, as python makes them ----
keep otp 'otpauth://totp/a?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&digits=8&period=3600&algorithm=SHA256'
run Ana 0 secret show otp --json
json "d['type']" totp
run Ana 2 secret otp shop
run Ana 0 secret otp otp --json
code=$(python3 -c '
import hashlib, hmac, struct, time
m = hmac.new(b"12345678901234567890", struct.pack(">Q", int(time.time()) // 3600), hashlib.sha256).digest()
o = m[-1] & 15
print("%08d" % ((struct.unpack(">I", m[o:o + 4])[0] & 0x7fffffff) % 10**8))')
json "(d['code'], d['digits'], 0 < d['seconds_left'] <= 3600)" "('$code', 8, True)"
run Ana 0 secret otp otp
answers "$code"
says "more second"

# ---- handed to a command: a path in the environment, and nothing else ----
cat >"$work/look" <<'SH'
#!/bin/sh
tr '\0' '\n' </proc/self/environ
tr '\0' '\n' </proc/$$/cmdline
tr '\0' '\n' </proc/$PPID/cmdline
SH
chmod +x "$work/look"
run Ana 0 secret exec shop=SHOP_FILE "age of ana" -- "$work/look"
grep -q hunter "$work/answer" && fail "a secret stands in environment or arguments"
grep -q '^SHOP_FILE=/dev/fd/[0-9]*$' "$work/answer" || fail "no path in SHOP_FILE"
grep -q '^AGE_OF_ANA_FILE=/dev/fd/[0-9]*$' "$work/answer" || fail "no path in AGE_OF_ANA_FILE"
# shellcheck disable=SC2016 # for the command's shell
run Ana 0 secret exec shop=S -- sh -c 'cat "$S" "$S"'
answers hunter9hunter9
# shellcheck disable=SC2016
run Ana 0 secret exec doc.pdf=D -- sh -c 'cat "$D"'
same "$work/doc.pdf" "$work/answer"
# shellcheck disable=SC2016
run Ana 2 secret exec shop=S -- sh -c 'echo changed >"$S"'
# shellcheck disable=SC2016
run Ana 0 secret exec shop=S -- sh -c 'stat -Lc %a "$S"; ls /proc/self/fd | wc -l'
answers "400
$(($(sh -c 'ls /proc/self/fd | wc -l') + 1))"
# What a passphrase comes through is kith's alone.
export KITH_PASSPHRASE_FD=8
exec 8<"$work/look"
# shellcheck disable=SC2016
run Ana 0 secret exec shop=S -- sh -c '[ ! -e /proc/self/fd/8 ]; echo "$?$KITH_PASSPHRASE_FD"'
exec 8<&-
unset KITH_PASSPHRASE_FD
answers 0
run Ana 77 secret exec shop -- sh -c 'exit 77'
# shellcheck disable=SC2016
run Ana 143 secret exec shop -- sh -c 'kill $$'
run Ana 0 secret exec shop -- echo --json --yes -- -h
answers "--json --yes -- -h"
run Ana 127 secret exec shop -- "$work/none"
run Ana 126 secret exec shop -- "$work/text"
run Ana 2 secret exec shop=1x -- true
run Ana 2 secret exec shop=S note=S -- true
says "Two secrets would go by the variable S"
run Ana 5 secret exec shop=S none=N -- touch "$work/ran"
[ ! -e "$work/ran" ] || fail "the command ran without one of its secrets"
keep "a=b" hunter-eq
# shellcheck disable=SC2016
run Ana 0 secret exec "a=b" -- sh -c 'cat "$A_B_FILE"'
answers hunter-eq

# ---- nor does kith itself carry one where others can read it ----
yes hunter | head -c 1048576 >"$work/text"
run Ana 0 secret add slow "@$work/text"
mkfifo "$work/fifo"
KITH_HOME=$work/Ana "$kith" secret get slow >"$work/fifo" &
slow=$!
exec 9<"$work/fifo"
head -c 1000 <&9 >/dev/null
cat "/proc/$slow/cmdline" "/proc/$slow/environ" >"$work/proc" 2>/dev/null
grep -q hunter "$work/proc" && fail "a secret stands in kith's environment or arguments"
grep -q secret "$work/proc" || fail "nothing was read of kith's arguments"
cat <&9 >/dev/null
exec 9<&-
wait "$slow" || fail "a slow reader got no secret"
checks=$((checks + 4))

# ---- import: all or nothing ----
before=$(KITH_HOME=$work/Ana "$kith" secret list --json | md5sum)
cat >"$work/bad.json" <<'JSON'
{"items": [{"type": 2, "name": "good", "notes": "hunter"}, {"type": 2, "name": "bad", "notes": 1}]}
JSON
run Ana 1 secret import "$work/bad.json" --json
json "d['id']" import-refused
printf '{"encrypted": true, "data": "hunter"}' >"$work/bad.json"
run Ana 1 secret import "$work/bad.json" --json
json "d['id']" import-encrypted
printf '{"password": "hunter' >"$work/bad.json"
run Ana 1 secret import "$work/bad.json"
says "no whole JSON document: line 1"
printf '{"items": []}' >"$work/bad.json"
run Ana 2 secret import "$work/bad.json"
run Ana 5 secret import "$work/none"
[ "$before" = "$(KITH_HOME=$work/Ana "$kith" secret list --json | md5sum)" ] ||
    fail "something of a refused file was taken in"
python3 - >"$work/good.json" <<'PY'
import json
login = {"type": 1, "name": "shop", "notes": None, "folderId": None,
         "login": {"username": "ana", "password": "hunter-b1", "uris": [{"uri": "https://shop.example"}],
                   "totp": "GEZDGNBVGY3TQOJQ"}}
items = [login, dict(login), {"type": 2, "name": "shop (2)", "notes": "hunter-b2"},
         {"type": 2, "name": "in", "folderId": "f", "notes": "hunter-b3"},
         {"type": 1, "name": "old", "deletedDate": "2024-01-01", "login": {"password": "hunter"}}]
items += [{"type": 2, "name": "many", "notes": "hunter %d" % i} for i in range(300)]
print(json.dumps({"encrypted": False, "folders": [{"id": "f", "name": "Family"}], "items": items}))
PY
run Ana 0 secret import "$work/good.json" --json
json "(d['entries'], d['items'], d['trash'], d['renamed'])" "(304, 306, 1, 302)"
says '"shop" was there already'
content_is shop hunter9
content_is "shop (2)" hunter-b2
content_is "shop (3)" hunter-b1
content_is "shop (4)" hunter-b1
content_is "Family/in" hunter-b3
content_is "many" "hunter 0"
content_is "many (300)" "hunter 299"
run Ana 0 secret otp "shop (code)"

# ---- export: names made safe, nothing overwritten, nobody else reads it ----
for name in ../escape /etc/escape .hidden . .. index.json A/b a/B 'sp ce?' "$(printf '\xc3\xa4%.0s' {1..100})"; do
    keep "$name" "hunter of $name"
done
run Ana 2 secret export "$work/out"
says "--yes export"
[ ! -e "$work/out" ] || fail "made without the word"
mkdir "$work/full"
touch "$work/full/x"
run Ana 2 secret export "$work/full" --yes export
run Ana 2 secret export "$work/text" --yes export
ln -s "$work" "$work/link"
run Ana 2 secret export "$work/link" --yes export
run Ana 1 secret export "$work/none/out" --yes export
(umask 0 && run Ana 0 secret export "$work/out" --yes export --json) || exit 1
[ "$(stat -c %a "$work/out")" = 700 ] || fail "the directory is open"
[ "$(find "$work/out" -type f ! -perm 600 | wc -l)" = 0 ] || fail "a file is open"
[ ! -e "$work/escape" ] || fail "a name led out of the directory"
[ -z "$(find "$work/out" -mindepth 1 \( -type d -o -name '.*' \))" ] || fail "a path or a hidden file"
python3 - "$work" "$kith" <<'PY' || fail "the export is not what is kept"
import json, os, subprocess, sys
work, kith = sys.argv[1:]
out = work + "/out"
index = json.load(open(out + "/index.json"))
assert index["schema"] == "kith.export/1"
env = dict(os.environ, KITH_HOME=work + "/Ana")
kept = json.loads(subprocess.check_output([kith, "secret", "list", "--json"], env=env))["items"]
assert len(index["items"]) == len(kept) > 310
assert {i["name"] for i in index["items"]} == {i["name"] for i in kept}
files = [i["file"] for i in index["items"]]
assert len({f.lower() for f in files}) == len(files)
assert sorted(files + ["index.json"]) == sorted(os.listdir(out))
for i in index["items"]:
    if i["name"].startswith("many"):
        continue
    want = subprocess.check_output([kith, "secret", "get", "--", i["name"]], env=env)
    assert open(out + "/" + i["file"], "rb").read() == want, i
PY
checks=$((checks + 6))

# ---- git asks: git-credential-kith ----
credential() {
    local got
    # shellcheck disable=SC2086 # option and word
    got=$(printf '%b' "$2" | KITH_HOME=$work/Ana git-credential-kith $1 2>"$work/said") ||
        fail "git-credential-kith $1"
    cat "$work/said" >>"$work/heard"
    [ "$got" = "$3" ] || fail "git-credential-kith $1 $2: $got"
    checks=$((checks + 1))
}
keep git hunter-git --user ana --url https://git.example/team
credential get 'protocol=https\nhost=git.example\n\n' $'username=ana\npassword=hunter-git'
credential get 'protocol=https\nhost=git.example\npath=team/one.git\n' $'username=ana\npassword=hunter-git'
credential get 'protocol=https\nhost=git.example\npath=other/one.git\n' ''
credential get 'protocol=https\nhost=git.example\nusername=ben\n' ''
credential get 'protocol=http\nhost=git.example\n' ''
credential get 'protocol=https\nhost=evil.git.example\n' ''
credential get 'host=git.example\n' ''
credential get '' ''
credential refresh 'protocol=https\nhost=git.example\n' ''
credential store 'protocol=https\nhost=new.example\nusername=ana\npassword=hunter-new\n' ''
credential get 'protocol=https\nhost=new.example\n' ''
credential '--store store' 'protocol=https\nhost=new.example\nusername=ana\npassword=hunter-new\n' ''
credential get 'protocol=https\nhost=new.example\n' $'username=ana\npassword=hunter-new'
credential '--store store' 'protocol=https\nhost=new.example\nusername=ben\npassword=hunter-ben\n' ''
credential get 'protocol=https\nhost=new.example\n' ''
says "several items have this address"
credential get 'protocol=https\nhost=new.example\nusername=ben\n' $'username=ben\npassword=hunter-ben'
credential '--store store' 'protocol=https\nhost=new.example\nusername=ben\npassword=hunter-ben2\n' ''
content_is "new.example (ben)" hunter-ben2
content_is "new.example (ben)" hunter-ben --back 1
credential erase 'protocol=https\nhost=new.example\nusername=ben\npassword=hunter-ben2\n' ''
says "It stays"
credential '--erase erase' 'protocol=https\nhost=new.example\nusername=ben\npassword=hunter-other\n' ''
content_is "new.example (ben)" hunter-ben2
credential '--erase erase' 'protocol=https\nhost=new.example\nusername=ben\npassword=hunter-ben2\n' ''
run Ana 5 secret get "new.example (ben)"

# ---- ssh, git and sudo ask: kith-askpass ----
askpass() {
    local got=0
    KITH_HOME=$work/Ana kith-askpass "$2" >"$work/answer" 2>"$work/said" || got=$?
    cat "$work/said" >>"$work/heard"
    [ "$got" = "$1" ] || fail "kith-askpass $2: exit $got"
    [ "$(cat "$work/answer")" = "$3" ] || fail "kith-askpass $2: not $3"
    checks=$((checks + 2))
}
keep "ssh key" hunter-ssh --url "file:///keys/ana/.ssh/id_ed25519"
keep sudo hunter-sudo --url sudo:ana
keep prompt hunter-prompt --url "prompt:-- who --"
askpass 0 "Enter passphrase for key '/keys/ana/.ssh/id_ed25519': " hunter-ssh
askpass 0 "[sudo] password for ana: " hunter-sudo
askpass 0 "-- who --" hunter-prompt
askpass 0 "Username for 'https://git.example': " ana
askpass 0 "Password for 'https://ana@git.example': " hunter-git
askpass 1 "[sudo] password for ben: " ""
says "No item answers: [sudo] password for ben:"
askpass 1 "Are you sure you want to continue connecting (yes/no/[fingerprint])? " ""
askpass 1 $'\e]0;[sudo] password for ana:' ""
SSH_ASKPASS_PROMPT=confirm askpass 1 "[sudo] password for ana: " ""

# ---- nothing that was said held a secret ----
grep -a hunter "$work/heard" && fail "a sentence holds a secret"
grep -q "is kept" "$work/heard" || fail "nothing was heard"
checks=$((checks + 1))
e2e_end
