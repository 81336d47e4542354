#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Secrets of real programs: kept, lost with the whole home, restored by two of three
# guardians, and used, by the very lines that kith secret show --howto prints.
#   tools.sh KITHD KITH
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

scripts=$(cd "$(dirname "$0")/../../scripts" && pwd)
bin=$work/bin
mkdir "$bin" "$work/home"
ln -s "$kith" "$bin/kith"
ln -s "$scripts/git-credential-kith" "$scripts/kith-askpass" "$bin/"
export PATH=$bin:$PATH:/usr/sbin:/sbin
# The programs' own files; short, for gpg-agent's socket.
export HOME=$work/home GNUPGHOME=$work/gpg BORG_BASE_DIR=$work/home RESTIC_CACHE_DIR=$work/home
export GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0
unset SSH_AUTH_SOCK SSH_ASKPASS GIT_ASKPASS SSH_ASKPASS_REQUIRE DISPLAY XDG_CONFIG_HOME

tools=
for tool in restic borg age ssh-add gpg cryptsetup git oathtool; do
    if command -v "$tool" >/dev/null; then
        tools+=" $tool "
    else
        echo "skipped: $tool is not installed"
    fi
done
has() { [[ $tools == *" $1 "* ]]; }

quietly() {
    "$@" >"$work/answer" 2>"$work/said" || fail "$*"
    checks=$((checks + 1))
}

# keep NAME FILE [ARGS…]
keep() {
    run Ana 0 secret add "$1" --file "$2" --no-push "${@:3}"
}

# howto WHO NAME PROGRAM SED: runs the line for that program, its capitals filled in
howto() {
    local line
    run "$1" 0 secret show "$2" --howto --json
    line=$(python3 -c 'import json, sys
print([l["line"] for l in json.load(open(sys.argv[1]))["lines"] if l["with"] == sys.argv[2]][0])' \
        "$work/answer" "$3") || fail "$2 has no line for $3"
    line=$(sed -e "$4" <<<"$line")
    KITH_HOME=$work/$1 sh -c "$line" </dev/null >"$work/answer" 2>"$work/said" ||
        fail "line for $3: $line"
    checks=$((checks + 1))
}

agent() {
    eval "$(ssh-agent -s)" >/dev/null
    pid[agent]=$SSH_AGENT_PID
}

# ---- a circle of three, two are needed ----
guardians="Ben Cy Dora"
for g in $guardians; do guardian "$g"; done
run Ana 0 init --name Ana --no-passphrase
cp "$work/answer" "$work/print"
for g in $guardians; do
    run "$g" 0 guard invite
    cp "$work/answer" "$work/$g.invite"
    run Ana 0 guardian add "$g" "@$work/$g.invite" --reach "phone of $g"
done
run Ana 0 circle plan -k 2 --hold 0
run Ana 3 circle seal

# ---- the programs at work with Ana's secrets ----
export KITH_HOME=$work/Ana
echo "the old mill" >"$work/deed"

for name in "restic home" borg disk; do run Ana 0 secret add "$name" --make --no-push; done
run Ana 0 secret edit disk --hint "LUKS of the big disk" --no-push
if has restic; then
    quietly restic --password-command "kith secret get 'restic home'" --repo "$work/restic" init
    quietly restic --password-command "kith secret get 'restic home'" --repo "$work/restic" \
        backup "$work/deed"
fi
if has borg; then
    BORG_PASSCOMMAND="kith secret get borg" quietly borg init -e repokey "$work/borg"
    BORG_PASSCOMMAND="kith secret get borg" quietly borg create "$work/borg::one" "$work/deed"
fi
if has cryptsetup; then
    truncate -s 20M "$work/disk.img"
    kith secret get disk | quietly cryptsetup luksFormat --batch-mode --pbkdf pbkdf2 \
        --pbkdf-force-iterations 1000 --key-file=- "$work/disk.img"
fi
if has age; then
    quietly age-keygen -o "$work/age.key"
    age-keygen -y "$work/age.key" >"$work/age.pub" 2>/dev/null
    quietly age -R "$work/age.pub" -o "$work/deed.age" "$work/deed"
    keep "age key" "$work/age.key" --hint "opens the letters"
fi
if has ssh-add; then
    quietly ssh-keygen -q -t ed25519 -N '' -C ana -f "$work/id"
    keep "ssh laptop" "$work/id"
    run Ana 0 secret add "ssh words" --make --no-push --url "file://$work/locked"
    kith secret get "ssh words" >"$work/words"
    quietly ssh-keygen -q -t ed25519 -N "$(cat "$work/words")" -C locked -f "$work/locked"
    keep "locked key" "$work/locked" --type file
fi
if has gpg; then
    mkdir -m 700 "$GNUPGHOME"
    quietly gpg --batch --passphrase '' --quick-gen-key ana@example.org rsa2048 encr
    quietly gpg --batch --trust-model always -r ana@example.org -o "$work/deed.gpg" -e "$work/deed"
    gpg --batch --armor --export-secret-keys ana@example.org >"$work/gpg.key" 2>/dev/null
    keep "gpg" "$work/gpg.key"
    gpgconf --kill all
fi
printf 'git-word' >"$work/word"
keep "git word" "$work/word" --type password --user ana --url https://git.example/team
printf 'GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ\n' >"$work/totp"
keep "totp plain" "$work/totp" --type totp
printf 'otpauth://totp/Shop:ana?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&algorithm=SHA512&digits=8&period=3600' >"$work/totp"
keep "totp shop" "$work/totp"
printf 'code-one\ncode-two\n' >"$work/codes"
keep codes "$work/codes" --type codes
keep "deed.txt" "$work/deed" --type file
keep "a note" "$work/deed" --type note
run Ana 0 vault push

# ---- everything of Ana's is gone; Ben and Dora bring it back ----
rm -rf "$work/Ana" "$work/age.key" "$work/id" "$work/locked" "$work/words" "$work/gpg.key" "$GNUPGHOME"
unset KITH_HOME
node_kill Cy
for g in Ben Dora; do
    run "$g" 0 guard link Ana
    cp "$work/answer" "$work/$g.link"
done
run New 0 restore start --name Ana --no-passphrase "@$work/Ben.link" "@$work/Dora.link"
cp "$work/answer" "$work/lines"
line=1
for g in Ben Dora; do
    sed -n "${line}p" "$work/lines" | cut -f3 >"$work/words"
    run "$g" 0 guard approve "$(sed -n "${line}p" "$work/lines" | cut -f2)" \
        --words-file "$work/words" --verified met
    line=$((line + 1))
done
run New 0 restore --accept "$(cat "$work/print")"
says "Your vault is back"
export KITH_HOME=$work/New

# ---- and used ----
if has restic; then
    howto New "restic home" restic "s|REPOSITORY|$work/restic|"
    quietly restic --password-command "kith secret get 'restic home'" --repo "$work/restic" \
        restore latest --target "$work/from-restic"
    cmp -s "$work/deed" "$work/from-restic/$work/deed" || fail "restic gives another deed"
    restic --password-command "kith secret get borg" --repo "$work/restic" snapshots >"$work/answer" 2>&1 &&
        fail "restic opens with any secret"
fi
if has borg; then
    howto New borg borg "s|REPOSITORY|$work/borg|"
    grep -q '^one ' "$work/answer" || fail "borg does not list its archive"
fi
if has cryptsetup; then
    howto New disk cryptsetup "s|sudo ||; s|DEVICE NAME|--test-passphrase $work/disk.img|"
    kith secret get borg | cryptsetup open --test-passphrase --key-file=- "$work/disk.img" 2>/dev/null &&
        fail "the disk opens with any secret"
fi
if has age; then
    howto New "age key" age "s|FILE.age|$work/deed.age|; s|FILE|$work/from-age|"
    cmp -s "$work/deed" "$work/from-age" || fail "age gives another deed"
fi
if has ssh-add; then
    agent
    howto New "ssh laptop" ssh ""
    ssh-add -l | grep -q ' ana (ED25519)$' || fail "the agent does not have the key"
    howto New "locked key" "as a file" "s|FILE|$work/locked|"
    chmod 600 "$work/locked"
    howto New "ssh words" ssh ""
    ssh-add -l | grep -q ' locked (ED25519)$' || fail "the agent does not have the locked key"
    kill "$SSH_AGENT_PID"
fi
if has gpg; then
    mkdir -m 700 "$GNUPGHOME"
    howto New gpg gpg ""
    quietly gpg --batch --decrypt "$work/deed.gpg"
    cmp -s "$work/deed" "$work/answer" || fail "gpg gives another deed"
    gpgconf --kill all
fi
if has git; then
    howto New "git word" git ""
    printf 'protocol=https\nhost=git.example\n\n' | quietly git credential fill
    grep -qx password=git-word "$work/answer" || fail "git is not answered"
    grep -qx username=ana "$work/answer" || fail "git is not told who"
    printf 'protocol=https\nhost=other.example\n\n' | git credential fill >"$work/answer" 2>/dev/null &&
        fail "git is answered for another host"
    GIT_ASKPASS=kith-askpass git -c credential.helper= credential fill \
        <<<$'protocol=https\nhost=git.example\nusername=ana\n' >"$work/answer" 2>"$work/said" ||
        fail "git asks kith-askpass in vain"
    grep -qx password=git-word "$work/answer" || fail "kith-askpass does not answer git"
fi
howto New "totp plain" "a code" ""
howto New "totp shop" "a code" ""
code=$(cat "$work/answer")
if has oathtool; then
    howto New "totp shop" oathtool ""
    answers "$code"
    # A code of 30 seconds may end between the two.
    for _ in 1 2; do
        howto New "totp plain" "a code" ""
        code=$(cat "$work/answer")
        howto New "totp plain" oathtool ""
        [ "$code" != "$(cat "$work/answer")" ] || break
    done
    answers "$code"
fi
howto New codes "the next unused code" ""
answers code-one
howto New codes "the next unused code" ""
answers code-two
howto New "deed.txt" "as a file" "s|FILE|$work/deed2|"
cmp -s "$work/deed" "$work/deed2" || fail "the file is another"
howto New "a note" "to read it" ""
cmp -s "$work/deed" "$work/answer" || fail "the note is another"
run New 0 secret add plain --make --no-push
# shellcheck disable=SC2016 # for the line's shell
howto New plain "any program that takes a file" 's|COMMAND|sh -c '\''cat "$SECRET_FILE"'\''|'
answers "$(kith secret get plain)"
e2e_end
