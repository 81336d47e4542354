// SPDX-License-Identifier: Apache-2.0
// SLIP-39: words of a card to a share, shares to the secret. Both levels, cards have no passphrase.
import { hmac } from "@noble/hashes/hmac.js";
import { pbkdf2 } from "@noble/hashes/pbkdf2.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { Fault, equal, join, utf8 } from "./bytes.js";
import { CARD } from "./lists.js";

const HEADER = 4; // words before the value
const CHECK = 3; // words behind it
const EXPONENT_MAX = 5; // beyond it somebody wants this page to stand still
const TRIES = 20000; // subsets of shares tried
const SECRET_X = 255;
const DIGEST_X = 254;

// ---- words ----

/** Its index if typed is a word of the list or at least its first four letters, else -1. */
export function find(typed) {
  const word = typed.toLowerCase();
  return word.length < 4 ? -1 : CARD.findIndex((w) => w.startsWith(word));
}

function distance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let k = 1; k <= b.length; k++)
      next[k] = Math.min(row[k] + 1, next[k - 1] + 1, row[k - 1] + (a[i - 1] === b[k - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length];
}

/** Up to three words of the list that look most like what was typed. */
export function near(typed) {
  const word = typed.toLowerCase();
  const far = (w) => Math.min(distance(word, w), distance(word, w.slice(0, 4)) + 0.5);
  const scored = CARD.map((w) => [far(w), w]).filter(([d]) => d <= 2.5).sort(([a], [b]) => a - b);
  return scored.filter(([d], i, all) => d <= all[0][0] + 0.5).slice(0, 3).map(([, w]) => w);
}

const GENERATOR = [
  0x00e0e040, 0x01c1c080, 0x03838100, 0x07070200, 0x0e0e0009,
  0x1c0c2412, 0x38086c24, 0x3090fc48, 0x21b1f890, 0x03f3f120,
];

/** RS1024 over all words of a card: 1 if they are right. */
export function rs1024(extendable, indices) {
  const custom = utf8(extendable ? "shamir_extendable" : "shamir");
  let sum = 1;
  for (const v of [...custom, ...indices]) {
    const top = sum >>> 20;
    sum = ((sum & 0xfffff) << 10) ^ v;
    GENERATOR.forEach((g, i) => { if ((top >>> i) & 1) sum ^= g; });
  }
  return sum;
}

// ---- shares ----

/** A share from the indices of its words. Faults: share-length, share-check, share-numbers. */
export function decode(indices) {
  const bits = 10 * (indices.length - HEADER - CHECK);
  if (bits < 130 || bits % 16 > 8 || bits > 520)
    throw new Fault("share-length", `A card has 33 words; these are ${indices.length}.`);
  const extendable = ((indices[1] >> 4) & 1) === 1;
  if (rs1024(extendable, indices) !== 1)
    throw new Fault("share-check", "A word is wrong, or two have changed places: the card's own check does not fit.");
  let head = indices.slice(0, HEADER).reduce((v, w) => (v << 10n) | BigInt(w), 0n);
  const off = (n) => {
    const v = Number(head & ((1n << n) - 1n));
    head >>= n;
    return v;
  };
  const s = { extendable };
  s.memberThreshold = off(4n) + 1;
  s.member = off(4n);
  s.groupCount = off(4n) + 1;
  s.groupThreshold = off(4n) + 1;
  s.group = off(4n);
  s.exponent = off(4n);
  off(1n);
  s.identifier = Number(head);
  s.value = valueOf(indices.slice(HEADER, -CHECK));
  if (s.groupThreshold > s.groupCount || s.group >= s.groupCount)
    throw new Fault("share-numbers", "These words are no card: its numbers contradict each other.");
  return s;
}

function valueOf(words) {
  const n = Math.floor((10 * words.length) / 16) * 2;
  let v = words.reduce((sum, w) => (sum << 10n) | BigInt(w), 0n);
  if (v >> BigInt(8 * n) !== 0n)
    throw new Fault("share-numbers", "These words are no card: what fills them up is not zero.");
  const out = new Uint8Array(n);
  for (let i = n - 1; i >= 0; i--) {
    out[i] = Number(v & 255n);
    v >>= 8n;
  }
  return out;
}

/** Whether two shares are of one set. */
export function sameSet(a, b) {
  return ["identifier", "extendable", "exponent", "groupThreshold", "groupCount"].every((k) => a[k] === b[k]) &&
    a.value.length === b.value.length && (a.group !== b.group || a.memberThreshold === b.memberThreshold);
}

/** Whether two shares are the same piece of one set. */
export function samePiece(a, b) {
  return a.group === b.group && a.member === b.member;
}

// ---- arithmetic ----

const EXP = new Uint8Array(255);
const LOG = new Uint8Array(256);
for (let i = 0, v = 1; i < 255; i++) {
  EXP[i] = v;
  LOG[v] = i;
  v ^= v << 1; // times x + 1
  if (v & 0x100) v ^= 0x11b;
}

const times = (a, b) => (a === 0 || b === 0 ? 0 : EXP[(LOG[a] + LOG[b]) % 255]);
const over = (a, b) => (a === 0 ? 0 : EXP[(LOG[a] + 255 - LOG[b]) % 255]);

/** The polynomial through points [x, bytes], at x. */
function at(points, x) {
  const out = new Uint8Array(points[0][1].length);
  points.forEach(([xi, value], i) => {
    let c = 1;
    points.forEach(([xk], k) => { if (k !== i) c = times(c, over(x ^ xk, xi ^ xk)); });
    value.forEach((v, n) => { out[n] ^= times(c, v); });
  });
  return out;
}

function* subsets(list, n, from = 0) {
  if (n === 0) return void (yield []);
  for (let i = from; i <= list.length - n; i++)
    for (const rest of subsets(list, n - 1, i + 1)) yield [list[i], ...rest];
}

/*
 * What t of the points share, checked by its digest. Of several, the one most points
 * agree with; null if there is none. out.bad: points that do not agree.
 */
function shared(points, t, tries) {
  let best = null;
  for (const some of subsets(points, t)) {
    if (tries.left-- <= 0) break;
    const secret = t === 1 ? some[0][1] : at(some, SECRET_X);
    if (t > 1) {
      const digest = at(some, DIGEST_X);
      if (!equal(hmac(sha256, digest.subarray(4), secret).subarray(0, 4), digest.subarray(0, 4))) continue;
    }
    const bad = points.filter(([x, v]) => !equal(t === 1 ? secret : at(some, x), v));
    if (best === null || bad.length < best.bad.length) best = { secret, bad };
    if (bad.length === 0) break;
  }
  return best;
}

/** The Feistel network of SLIP-39, backwards. Cards of Kith have no passphrase. */
function decrypt(sealed, share, passphrase) {
  const half = sealed.length / 2;
  const rounds = 2500 << share.exponent;
  const id = Uint8Array.of(share.identifier >> 8, share.identifier & 255);
  const prefix = share.extendable ? new Uint8Array(0) : join(utf8("shamir"), id);
  let l = sealed.slice(0, half);
  let r = sealed.slice(half);
  for (let i = 3; i >= 0; i--) {
    const f = pbkdf2(sha256, join(Uint8Array.of(i), utf8(passphrase)), join(prefix, r), { c: rounds, dkLen: half });
    [l, r] = [r, l.map((b, n) => b ^ f[n])];
  }
  return join(r, l);
}

// ---- sets ----

function checkSet(shares) {
  if (shares.length === 0) throw new Fault("share-few", "There is no card yet.");
  shares.forEach((s, i) => {
    for (const o of shares.slice(0, i)) {
      if (!sameSet(s, o))
        throw new Fault("share-mixed", "These cards are not of one set: another person's, or from before or after a change of the circle.");
      if (samePiece(s, o) && !equal(s.value, o.value))
        throw new Fault("share-contradict", "Two cards say they are the same piece, and differ.");
      if (samePiece(s, o)) throw new Fault("share-twice", "The same card is there twice.");
    }
  });
  if (shares[0].exponent > EXPONENT_MAX)
    throw new Fault("share-exponent", "These cards ask for more work than any card of Kith.");
}

/** How far shares of one set have come: { groups: [{group, have, need}], have, need, enough }. */
export function progress(shares) {
  const groups = [];
  for (const s of shares) {
    const g = groups.find((o) => o.group === s.group);
    if (g) g.have++;
    else groups.push({ group: s.group, have: 1, need: s.memberThreshold });
  }
  const have = groups.filter((g) => g.have >= g.need).length;
  const need = shares.length > 0 ? shares[0].groupThreshold : 0;
  return { groups: groups.sort((a, b) => a.group - b.group), have, need, enough: need > 0 && have >= need };
}

/** { secret, bad: shares that do not fit the others }. Surplus shares are verified. */
export function combine(shares, passphrase = "") {
  checkSet(shares);
  if (!progress(shares).enough) throw new Fault("share-few", "More cards are needed.");
  const tries = { left: TRIES };
  const bad = [];
  const points = [];
  for (const { group, need } of progress(shares).groups) {
    const mine = shares.filter((s) => s.group === group);
    if (mine.length < need) continue;
    const found = shared(mine.map((s) => [s.member, s.value]), need, tries);
    if (found === null) {
      bad.push(...mine);
      continue;
    }
    bad.push(...mine.filter((s) => found.bad.some(([x]) => x === s.member)));
    points.push([group, found.secret]);
  }
  const all = points.length >= shares[0].groupThreshold
    ? shared(points, shares[0].groupThreshold, tries) : null;
  if (all === null)
    throw new Fault("share-digest", "The cards are of one set, but do not fit together: at least one is not what it says.");
  bad.push(...shares.filter((s) => all.bad.some(([x]) => x === s.group) && !bad.includes(s)));
  return { secret: decrypt(all.secret, shares[0], passphrase), bad };
}
