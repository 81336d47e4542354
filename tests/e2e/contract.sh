#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What other programs rely on, written from the promises of the command line alone
# (docs/kith.1.scd, docs/kithd.8.scd): every command, exit code, document and stream,
# played by a program that has five nodes, no terminal and no other knowledge.
# shellcheck source=tests/e2e/contract-lib.sh disable=SC1091,SC2154
. "$(dirname "$0")/contract-lib.sh"

printf 'correct horse battery staple\n' >"$work/pass"
printf 'wrong horse battery staple\n' >"$work/nopass"

for part in alone node guard circle confirm restore refuse paper links care more; do
    # shellcheck source=/dev/null
    . "$here/contract-$part.sh"
done

contract_end 1100
