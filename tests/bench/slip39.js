// SPDX-License-Identifier: Apache-2.0
// Full SLIP-39 with words, 32 bytes, 3 of 5, e = 0: ours (bench_slip39, whose processor
// time is its own) beside npm's slip39, in turns.
//   node slip39.js BENCH-SLIP39     (in a directory where npm ci has run)
"use strict";
const { execFileSync } = require("child_process");
const path = require("path");
const Slip39 = require(path.join(process.cwd(), "node_modules", "slip39"));
const secret = Array.from({ length: 32 }, (_, i) => (i * 59 + 1) & 255);
const options = { passphrase: "", threshold: 1, groups: [[3, 5]], iterationExponent: 0, extendableBackupFlag: 1 };

let words;
const runs = [
  () => {
    const set = Slip39.fromArray(secret, options);
    words = [0, 1, 2].map((i) => set.fromPath(`r/0/${i}`).mnemonics[0]);
  },
  () => {
    if (Slip39.recoverSecret(words, "").join() !== secret.join()) throw new Error("npm slip39: a wrong secret");
  },
];

// Microseconds of processor time of the cheapest of five runs.
function cost(run) {
  let best = Infinity;
  for (let i = 0; i < 5; i++) {
    const from = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(from);
    best = Math.min(best, user + system);
  }
  return best;
}

const ours = [Infinity, Infinity];
const theirs = [Infinity, Infinity];
for (let i = 0; i < 6; i++) {
  JSON.parse(execFileSync(process.argv[2])).forEach((us, k) => (ours[k] = Math.min(ours[k], us)));
  runs.forEach((run, k) => (theirs[k] = Math.min(theirs[k], cost(run))));
}
["split", "combine"].forEach((what, k) => {
  const ratio = theirs[k] / ours[k];
  const ms = (us) => (us / 1000).toFixed(2);
  console.log(`slip39 ${what} with words, 3 of 5, 32 bytes: ${ratio.toFixed(2)} x npm slip39 (${ms(ours[k])} ms, ${ms(theirs[k])} ms; goal 0.6)`);
});
