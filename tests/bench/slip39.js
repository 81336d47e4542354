// SPDX-License-Identifier: Apache-2.0
// Full SLIP-39 with words, 32 bytes, 3 of 5, e = 0: kith-slip39 beside npm's slip39, as
// a ratio. Ours starts a process for each call; an empty call is timed and taken off.
//   node slip39.js KITH-SLIP39      (in a directory where npm ci has run)
"use strict";
const { spawnSync } = require("child_process");
const path = require("path");
const Slip39 = require(path.join(process.cwd(), "node_modules", "slip39"));
const kith = process.argv[2];
const secret = Array.from({ length: 32 }, (_, i) => (i * 59 + 1) & 255);
const hex = Buffer.from(secret).toString("hex");

function ask(question) {
  return JSON.parse(spawnSync(kith, { input: JSON.stringify(question), encoding: "utf8" }).stdout);
}

// Milliseconds of the fastest run of each; in turns, so that a slow moment hits all.
function costs(runs) {
  const best = runs.map(() => Infinity);
  for (let i = 0; i < 30; i++) {
    runs.forEach((run, k) => {
      const from = process.hrtime.bigint();
      run();
      best[k] = Math.min(best[k], Number(process.hrtime.bigint() - from) / 1e6);
    });
  }
  return best;
}

const split = { op: "split", secret: hex, passphrase: "", ext: 1, e: 0, group_threshold: 1, groups: [[3, 5]] };
const words = ask(split).groups[0].slice(0, 3);
const combine = { op: "combine", mnemonics: words, passphrase: "" };
if (ask(combine).secret !== hex) throw new Error("kith-slip39: a wrong secret");
if (Buffer.from(Slip39.recoverSecret(words, "")).toString("hex") !== hex) throw new Error("npm slip39: a wrong secret");

const options = { passphrase: "", threshold: 1, groups: [[3, 5]], iterationExponent: 0, extendableBackupFlag: 1 };
for (const [what, ours, theirs] of [
  ["split", () => ask(split), () => Slip39.fromArray(secret, options)],
  ["combine", () => ask(combine), () => Slip39.recoverSecret(words, "")],
]) {
  const [start, all, b] = costs([() => ask({ op: "none" }), ours, theirs]);
  const a = all - start;
  console.log(`slip39 ${what} with words, 3 of 5, 32 bytes: ${(b / a).toFixed(2)} x npm slip39 (${a.toFixed(2)} ms, ${b.toFixed(2)} ms)`);
}
