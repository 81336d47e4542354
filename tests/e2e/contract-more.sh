# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Holds, equal labels, one house with two seats, nodes that went back, all confirmed.

# small OWNER HOLD: an owner with a circle 2 of 3 at Cy, Dora and Eli.
small() {
    local g
    as "$1" "$work/none" init --name "$1" --no-passphrase
    for g in Cy Dora Eli; do
        as "$g" "$work/invite" guard invite
        as "$1" "$work/none" guardian add "$g" "@$work/invite"
    done
    as "$1" "$work/none" circle plan -k 2 --hold "$2"
    run "$1" 3 circle seal
}

# held OWNER HOLD: a request's times before and after its approval.
held() {
    small "$1" "$2"
    as Dora "$work/link" guard link "$1"
    run "New$1" 0 restore start --no-passphrase "@$work/link"
    cp "$work/answer" "$work/live"
    run Dora 0 guard show "$(live 1 2)" --json
    doc request
    holds "d['state'] == 'live' and d['approved_at'] is None"
    holds "d['opens_at'] >= d['opened_at'] + max($3, 3600)"
    holds "d['opens_at'] <= d['opened_at'] + max($3, 3600) + 60"
    live 1 3 >"$work/w"
    as Dora "$work/none" guard approve "$(live 1 2)" --words-file "$work/w" --verified met
    run Dora 0 guard show "$(live 1 2)" --json
    doc request
    holds "d['state'] == 'approved'"
    holds "d['opens_at'] == max(d['opened_at'] + $3, d['approved_at'] + 3600)"
    due=$(value "d['opens_at']")
    run "New$1" 7 restore
    run "New$1" 7 restore status --json
    doc restore
    holds "d['have'] == 0"
    opens=$(value "[g['opens_at'] for g in d['guardians'] if g['request'] == '$(live 1 2)'][0]")
    holds "[g['state'] for g in d['guardians'] if g['request'] == '$(live 1 2)'] == ['approved']"
    expect "opens at $opens here, at $due there" test "$opens" = "$due"
}

topic "holds"
held Hal 30m 1800
held Ida 3d 259200

topic "two wards with one label"
as Twin "$work/none" init --name Hal --no-passphrase
as Cy "$work/invite" guard invite
as Twin "$work/none" guardian add Cy "@$work/invite"
run Cy 0 guard wards --json
first=$(value "[w['ward'] for w in d['wards'] if w['label'] == 'Hal'][0]")
second=$(value "[w['ward'] for w in d['wards'] if w['label'] == 'Hal'][1]")
run Cy 2 guard link Hal
silent
says "${first:0:4}" "${second:0:4}"
errs Cy 2 guard link Hal
run Cy 0 guard link "$first"
link_line

topic "a confirmation refused, a node away"
as Twin "$work/w" guardian confirm Cy
run Cy 0 guard requests --json
req=$(value "[r['request'] for r in d['requests'] if r['kind'] == 'confirm' and r['label'] == 'Hal'][0]")
node_stop Cy
errs Cy 13 guard refuse "$req"
errs Cy 13 guard show "$req"
errs Cy 13 guard link "$first"
node Cy
as Cy "$work/none" guard refuse "$req"
errs Twin 6 guardian confirm Cy
errs Cy 6 guard confirm "$req" --words-file "$work/w" --verified met

topic "groups"
as Gro "$work/none" init --name Gro --no-passphrase
for g in "${guards[@]}"; do
    as "$g" "$work/invite" guard invite --passphrase-file "$work/pass"
    as Gro "$work/none" guardian add "$g" "@$work/invite"
done
as Gro "$work/none" circle plan -k 2 --group family:2/2 --group friends:2/3 --hold 0
run Gro 3 circle seal
run Gro 3 status --json
doc status
holds "d['of'] == 5 and d['stored'] == 5 and d['need'] == 4"
as Gro "$work/gro.words" root fingerprint
as Dora "$work/link" guard link Gro
run NewGro 0 restore start --no-passphrase "@$work/link"
cp "$work/answer" "$work/live"
live 1 3 >"$work/w"
as Dora "$work/none" guard approve "$(live 1 2)" --words-file "$work/w" --verified met
run NewGro 7 restore
for g in Eli Fay Cy; do approved NewGro $g; done
run NewGro 7 restore --accept "$(cat "$work/gro.words")" # two groups, one is not enough
told NewGro Ben
run Ben 0 guard approve "$(asked NewGro Ben)" --words-file "$work/w" --verified met \
    --passphrase-file "$work/pass"
run NewGro 0 restore
run NewGro 0 root fingerprint
expect "another root" cmp -s "$work/answer" "$work/gro.words"

topic "one house"
as Cy "$work/seat" guard host Kim
as Kim "$work/none" guard setup --link-file "$work/seat" --name Kim --no-passphrase
as Lea "$work/none" init --name Lea --no-passphrase
for g in Cy Kim Dora; do
    as "$g" "$work/invite" guard invite
    as Lea "$work/none" guardian add "$g" "@$work/invite"
done
run Lea 2 circle plan -k 2 --no-input
says "--yes"
word=$(grep -oE -e '--yes [a-z-]+' "$work/said" | head -n 1 | cut -d ' ' -f 2)
run Lea 0 circle plan -k 2 --yes "${word:-none}" --no-input

topic "all confirmed"
for g in Cy Dora Eli; do confirmed Ida "$g"; done
run Ida 0 circle seal
run Ida 0 circle seal --resume --json
doc any
alerts_reach Ida
run Ida 3 status # somebody still asks for the keys, which is the first thing to say
expect "it is not said first" grep -qE '^Somebody asks for your keys' "$work/answer"
run NewIda 0 restore cancel --yes cancel
run Ida 0 status
run Ida 0 status --json
doc status
holds "d['confirmed'] == 3 and d['spare'] == 1 and d['level'] == 'ok'"
node_stop Eli
run Ida 0 status --json # a quarter of an hour without current is no alarm
doc status
holds "[g['state'] for g in d['guardians']] == ['ok', 'ok', 'away'] and d['restorable']"
node Eli
run Ida 0 status

topic "nodes that went back"
for g in Cy Dora; do
    node_stop "$g"
    cp -a "$work/$g.node/state" "$work/$g.before"
    node "$g"
done
as Max "$work/none" init --name Max --no-passphrase
for g in Cy Dora Eli; do
    as "$g" "$work/invite" guard invite
    as Max "$work/none" guardian add "$g" "@$work/invite"
done
as Max "$work/none" circle plan -k 2 --hold 1h
run Max 3 circle seal
run Max 3 status --json
doc status
holds "d['stored'] == 3 and d['level'] == 'degraded'"
for g in Cy Dora; do
    node_stop "$g"
    rm -rf "$work/$g.node/state"
    mv "$work/$g.before" "$work/$g.node/state"
    node "$g"
done
run Max 8 status
run Max 8 status --json
doc status
holds "d['stored'] == 1 and d['restorable'] is False and d['level'] == 'lost'"
holds "all(g['state'] in ('missing', 'behind', 'rolled-back') for g in d['guardians'][:2])"

topic "the nodes drain"
for g in "${guards[@]}"; do
    node_stop "$g"
    expect "more than one line on standard output" test "$(wc -l <"$work/$g.node/out")" -eq 1
done
