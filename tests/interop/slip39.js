// SPDX-License-Identifier: Apache-2.0
// Random sets both ways between kith-slip39 and npm's slip39, each its own process.
//   node slip39.js KITH-SLIP39 SETS SEED
"use strict";
const { spawnSync } = require("child_process");
const path = require("path");
const Slip39 = require(path.join(process.cwd(), "node_modules", "slip39"));

const [kith, sets, seed] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];

// Mulberry32: the seed that is printed repeats a failure.
let state = seed >>> 0;
function random(n) {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = state;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) % n;
}

function ask(question) {
  const p = spawnSync(kith, { input: JSON.stringify(question), encoding: "utf8" });
  const answer = JSON.parse(p.stdout);
  if (p.status !== 0 || answer.error) throw new Error(`kith-slip39: ${p.stdout}`);
  return answer;
}

// The shapes that break implementations first, then random ones.
function shape(i) {
  if (i % 10 === 0) return { t: 15, groups: Array(15).fill([1, 1]) };
  if (i % 10 === 1) return { t: 1 + random(16), groups: Array(16).fill([1, 1]) };
  if (i % 10 === 2) return { t: 1, groups: [[16, 16]] };
  if (i % 10 === 3) return { t: 16, groups: Array(16).fill([2, 3]) };
  if (i % 10 === 4) return { t: 1, groups: [[2 + random(15), 16]] };
  const groups = Array.from({ length: 1 + random(5) }, () => {
    const n = 1 + random(7);
    return [n === 1 ? 1 : 2 + random(n - 1), n];
  });
  return { t: 1 + random(groups.length), groups };
}

function pick(list, n) {
  const rest = [...list];
  return Array.from({ length: n }, () => rest.splice(random(rest.length), 1)[0]);
}

// A threshold of members from a threshold of groups, shuffled.
function threshold(texts, plan) {
  const chosen = pick([...plan.groups.keys()], plan.t);
  return pick(chosen.flatMap((g) => pick(texts[g], plan.groups[g][0])), chosen.reduce((n, g) => n + plan.groups[g][0], 0));
}

function check(i, way, got, want) {
  if (got !== want) throw new Error(`set ${i}, ${way}: ${got} is not ${want} (seed ${seed})`);
}

for (let i = 0; i < sets; i++) {
  const plan = shape(i);
  // Every even length from 16 to 64, both values of ext, e = 0 and sometimes 1.
  const secret = Buffer.from(Array.from({ length: 16 + 2 * (i % 25) }, () => random(256)));
  if (i % 7 === 0) secret.fill(0, 0, 2);
  const ext = Math.floor(i / 2) % 2;
  const e = i % 20 === 5 ? 1 : 0;
  const passphrase = i % 3 === 0 ? "" : `pass ~${i}`;
  const hex = secret.toString("hex");

  const ours = ask({ op: "split", secret: hex, passphrase, ext, e, group_threshold: plan.t, groups: plan.groups });
  const read = Slip39.recoverSecret(threshold(ours.groups, plan), passphrase);
  check(i, "ours read by npm", Buffer.from(read).toString("hex"), hex);

  // As the code of a card has them.
  const codes = threshold(ours.groups, plan).map((m) => m.toUpperCase());
  check(i, "a card's code read by npm", Buffer.from(Slip39.recoverSecret(codes, passphrase)).toString("hex"), hex);

  const theirs = Slip39.fromArray([...secret], {
    passphrase, threshold: plan.t, groups: plan.groups, iterationExponent: e, extendableBackupFlag: ext,
  });
  const texts = plan.groups.map((g, k) => g && theirs.fromPath(`r/${k}`).mnemonics);
  const back = ask({ op: "combine", mnemonics: threshold(texts, plan), passphrase });
  check(i, "npm's read by us", back.secret, hex);
  check(i, "bad shares", JSON.stringify(back.bad), "[]");
}

// Golden cards of every format, as they stand in the folder: any three of five.
const fs = require("fs");
const golden = path.join(__dirname, "..", "golden", "1");
const cards = [1, 2, 3, 4, 5].map((n) => fs.readFileSync(path.join(golden, `card-${n}.txt`), "utf8").split("\n")
  .slice(0, 7).map((row) => row.replace(/^\d +/, "").replace(/ +\S\S$/, "")).join(" "));
const keys = [[0, 1, 2], [4, 2, 0], [1, 3, 4]].map((pick3) =>
  Buffer.from(Slip39.recoverSecret(pick3.map((n) => cards[n]), "")).toString("hex"));
check(0, "golden cards", new Set(keys).size, 1);

console.log(`npm slip39: ${sets} sets both ways agree (seed ${seed})`);
