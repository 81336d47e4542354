// SPDX-License-Identifier: Apache-2.0
// Bytes and their texts; the one kind of error a person is shown.

/** What went wrong, as a sentence for a person; id is for tests. */
export class Fault extends Error {
  constructor(id, sentence, more = {}) {
    super(sentence);
    this.id = id;
    Object.assign(this, more);
  }
}

export function hex(bytes) {
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

export function unhex(text) {
  if (text.length % 2 !== 0 || /[^0-9a-f]/i.test(text))
    throw new Fault("hex", "These are not hexadecimal digits.");
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => parseInt(text.substr(2 * i, 2), 16));
}

export function utf8(text) {
  return new TextEncoder().encode(text);
}

export function join(...parts) {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}

export function equal(a, b) {
  let differ = a.length ^ b.length;
  for (let i = 0; i < a.length && i < b.length; i++) differ |= a[i] ^ b[i];
  return differ === 0;
}

export function isZero(bytes) {
  return bytes.every((b) => b === 0);
}

/** n bytes big-endian as a number; above 2^53 it is refused. */
export function number(bytes) {
  const v = bytes.reduce((sum, b) => sum * 256 + b, 0);
  if (!Number.isSafeInteger(v)) throw new Fault("format", "A number is too large.");
  return v;
}

export function u32(v) {
  return Uint8Array.of(v >>> 24, v >>> 16, v >>> 8, v);
}

const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** RFC 4648 base32 without padding, upper case; null if it is none. */
export function unbase32(text) {
  const out = [];
  let bits = 0;
  let have = 0;
  for (const c of text) {
    const v = BASE32.indexOf(c);
    if (v < 0) return null;
    bits = ((bits << 5) | v) & 0xfff;
    have += 5;
    if (have < 8) continue;
    have -= 8;
    out.push((bits >> have) & 255);
  }
  if (have >= 5 || (bits & ((1 << have) - 1)) !== 0) return null;
  return Uint8Array.from(out);
}

/** Standard Base64 with padding and any white space. */
export function unbase64(text) {
  const plain = atob(text.replace(/\s+/g, ""));
  const out = new Uint8Array(plain.length);
  for (let i = 0; i < plain.length; i++) out[i] = plain.charCodeAt(i);
  return out;
}
