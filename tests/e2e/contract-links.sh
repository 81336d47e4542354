# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Five links, nodes away, a home with a passphrase, a node that never answers.

topic "some nodes away"
five_links f
node_stop Eli
node_stop Fay
run Five 3 restore start --passphrase-file "$work/pass" --no-input "@$work/f.Ben" "@$work/f.Cy" \
    "@$work/f.Dora" "@$work/f.Eli" "@$work/f.Fay"
expect "not three lines" test "$(grep -cE "${tab}[0-9a-f]{32}${tab}" "$work/answer")" -eq 3
cp "$work/answer" "$work/live"
run Five 4 restore --no-input
run Five 12 restore --passphrase-file "$work/nopass"
run Five 7 restore status --json --passphrase-file "$work/pass"
doc restore
holds "len(d['guardians']) == 5" # every link has its entry from the start
holds "sum(g['state'] in ('unreachable', 'unopened') for g in d['guardians']) == 2"
holds "sum(g['words'] is None for g in d['guardians']) == 2"
node Eli
run Five 7 restore --passphrase-file "$work/pass"
run Five 7 restore status --json --passphrase-file "$work/pass"
holds "sum(g['words'] is not None for g in d['guardians']) == 4"

topic "all away, used links"
node Fay
run Used 1 restore start --no-passphrase "@$work/ben.link" # used by another
for g in "${guards[@]}"; do node_stop "$g"; done
run Away 13 restore start --no-passphrase --deadline 2s "@$work/f.Fay"
silent
run Away2 13 restore start --no-passphrase --deadline 2s "@$work/f.Fay" --json
doc any
for g in "${guards[@]}"; do node "$g"; done

topic "sources differ"
for i in 1 2 3; do
    g=${guards[i - 1]}
    live $i 3 >"$work/w"
    run "$g" 0 guard approve "$(live $i 2)" --words-file "$work/w" --verified met \
        --passphrase-file "$work/pass"
done
run Five 3 restore --passphrase-file "$work/pass"
run Five 3 restore --passphrase-file "$work/pass"
run Five 0 restore --sources-differ --passphrase-file "$work/pass" --no-input
run Five 0 restore --passphrase-file "$work/pass"
run Five 0 root fingerprint
expect "another root" cmp -s "$work/answer" "$work/ana.words"
run Five 0 restore status --json --passphrase-file "$work/pass"
doc restore
holds "d['state'] == 'done'"

topic "a busy home"
as Fay "$work/fay.link" guard link Ana
node_stop Fay
"$python" -c 'import socket, sys, time
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen(); time.sleep(600)' "$(cat "$work/Fay.node/port")" &
pid[deaf]=$!
sleep 0.5
KITH_HOME=$work/Busy timeout 60 "$kith" restore start --no-passphrase --deadline 16s \
    "@$work/fay.link" </dev/null >"$work/busy.out" 2>"$work/busy.err" &
pid[busy]=$!
for _ in $(seq 60); do
    [ -e "$work/Busy" ] && break
    sleep 0.05
done
sleep 0.5
errs Busy 11 restore
rc=0
wait "${pid[busy]}" || rc=$?
unset "pid[busy]"
expect "restore start at a node that never answers ended $rc" test "$rc" -eq 13
expect "something on standard output" test ! -s "$work/busy.out"
now=$SECONDS
run Slow 13 restore start --no-passphrase --deadline 2s "@$work/fay.link"
expect "a deadline of 2 s took $((SECONDS - now)) s" test $((SECONDS - now)) -le 30
# interrupted: 130, and the file is there to go on
KITH_HOME=$work/Slow python3 -c 'import signal, subprocess, sys, time
p = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                     stderr=subprocess.DEVNULL,
                     preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
time.sleep(1)
p.send_signal(signal.SIGINT)
print(p.wait(timeout=20))' "$kith" restore >"$work/code"
expect "interrupted, it ended $(cat "$work/code")" grep -qx -e 130 -e -2 "$work/code"
run Slow 7 restore status
kill "${pid[deaf]}"
wait "${pid[deaf]}" 2>/dev/null
unset "pid[deaf]"
node Fay
run Busy 7 restore # the file was there first, so going on finds it
expect "the link is live now" test "$(KITH_HOME=$work/Busy "$kith" restore status --json 2>/dev/null |
    python3 "$here/contract.py" value "d['guardians'][0]['state']")" = live
