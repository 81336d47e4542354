#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Sets of kith-slip39 (ext 0) read by Debian's python3-electrum.

slip39_electrum.py KITH-SLIP39 SETS SEED; exit 77 where electrum is missing.
"""
import json
import random
import subprocess
import sys

try:
    from electrum import slip39
except ImportError as reason:
    print(f"skipped: python3-electrum: {reason}")
    sys.exit(77)

PLANS = [
    (1, [[3, 5]]),
    (1, [[1, 1]]),
    (1, [[16, 16]]),
    (2, [[2, 3], [4, 7], [1, 1]]),
    (15, [[1, 1]] * 15),
    (16, [[1, 1]] * 16),
    (9, [[2, 3]] * 16),
]


def main():
    kith, sets, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    chance = random.Random(seed)
    for i in range(sets):
        group_threshold, groups = PLANS[i % len(PLANS)]
        secret = chance.randbytes(chance.choice([16, 32]) if i % 2 else 16 + 2 * (i % 25))
        if i % 5 == 0:
            secret = b"\0\0" + secret[2:]
        passphrase = "" if i % 3 else f"pass {i}"
        ask = {"op": "split", "secret": secret.hex(), "passphrase": passphrase, "ext": 0,
               "e": 0, "group_threshold": group_threshold, "groups": groups}
        done = subprocess.run([kith], input=json.dumps(ask), capture_output=True,
                              text=True, check=True)
        texts = json.loads(done.stdout)["groups"]
        given = []
        for group in chance.sample(range(len(groups)), group_threshold):
            given += chance.sample(texts[group], groups[group][0])
        chance.shuffle(given)
        got = slip39.recover_ems(given).decrypt(passphrase)
        if got != secret:
            sys.exit(f"set {i} (seed {seed}): {got.hex()} is not {secret.hex()}")
    print(f"electrum: {sets} sets of ours read (seed {seed})")


main()
