// SPDX-License-Identifier: Apache-2.0
// Canonical msgpack of PROTOCOL.md section 2: maps with ascending integer keys.
import { Fault, number } from "./bytes.js";

/*
 * A schema is { key: [name, kind, …] }: ["id", "bin", 16, 16] and ["name", "str", 1, 200]
 * with least and most bytes, ["size", "uint"], ["now", "list", schema, most]. An absent
 * field becomes 0, "", empty bytes or an empty list: who reads it judges that.
 */

const malformed = () => new Fault("format", "Something in the vault copy is not in the expected form.");

class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  take(n) {
    if (n > this.bytes.length - this.at) throw malformed();
    this.at += n;
    return this.bytes.subarray(this.at - n, this.at);
  }

  byte() {
    return this.take(1)[0];
  }

  // A length or value of n bytes behind its mark; below least it had a shorter form.
  wide(n, least) {
    const v = number(this.take(n));
    if (v < least) throw malformed();
    return v;
  }

  uint() {
    const b = this.byte();
    if (b < 0x80) return b;
    if (b === 0xcc) return this.wide(1, 0x80);
    if (b === 0xcd) return this.wide(2, 0x100);
    if (b === 0xce) return this.wide(4, 0x10000);
    if (b === 0xcf) return this.wide(8, 0x100000000);
    throw malformed();
  }

  // How many follow: short is the mark that holds it, then the marks of 16 and 32 bits.
  many(short, mask, two, four) {
    const b = this.byte();
    if ((b & ~mask) === short) return b & mask;
    if (b === two) return this.wide(2, mask + 1);
    if (b === four) return this.wide(4, 0x10000);
    throw malformed();
  }

  bin() {
    const b = this.byte();
    if (b === 0xc4) return this.take(this.wide(1, 0));
    if (b === 0xc5) return this.take(this.wide(2, 0x100));
    if (b === 0xc6) return this.take(this.wide(4, 0x10000));
    throw malformed();
  }

  str() {
    const b = this.byte();
    let n = 0;
    if ((b & 0xe0) === 0xa0) n = b & 0x1f;
    else if (b === 0xd9) n = this.wide(1, 0x20);
    else if (b === 0xda) n = this.wide(2, 0x100);
    else throw malformed();
    return this.take(n);
  }

  list(schema, most, depth) {
    const n = this.many(0x90, 15, 0xdc, 0xdd);
    if (n > most) throw malformed();
    return Array.from({ length: n }, () => this.map(schema, depth + 1));
  }

  field([, kind, a, b], depth) {
    if (kind === "uint") return this.uint();
    if (kind === "list") return this.list(a, b, depth);
    const raw = kind === "str" ? this.str() : this.bin();
    if (raw.length < a || raw.length > b) throw malformed();
    return kind === "str" ? new TextDecoder("utf-8", { fatal: true }).decode(raw) : raw;
  }

  // A value nobody knows, under an odd key.
  skip(depth) {
    const b = this.bytes[this.at];
    if (depth > 8 || b === undefined) throw malformed();
    if (b < 0x80 || (b >= 0xcc && b <= 0xcf)) return void this.uint();
    if (b >= 0xc4 && b <= 0xc6) return void this.bin();
    if ((b & 0xe0) === 0xa0 || b === 0xd9 || b === 0xda) return void this.str();
    const list = (b & 0xf0) === 0x90 || b === 0xdc || b === 0xdd;
    let n = list ? this.many(0x90, 15, 0xdc, 0xdd) : 2 * this.many(0x80, 15, 0xde, 0xdf);
    for (; n > 0; n--) this.skip(depth + 1);
  }

  map(schema, depth = 0) {
    if (depth > 8) throw malformed();
    const out = {};
    for (const [name, kind] of Object.values(schema))
      out[name] = { uint: 0, str: "", list: [], bin: new Uint8Array(0) }[kind];
    let before = -1;
    for (let n = this.many(0x80, 15, 0xde, 0xdf); n > 0; n--) {
      const key = this.uint();
      if (key <= before || (!(key in schema) && key % 2 === 0)) throw malformed();
      before = key;
      if (key in schema) out[schema[key][0]] = this.field(schema[key], depth);
      else this.skip(depth + 1);
    }
    return out;
  }
}

/** The struct that bytes encode, nothing behind it. */
export function decode(schema, bytes) {
  const r = new Reader(bytes);
  let out = null;
  try {
    out = r.map(schema);
  } catch (e) {
    throw e instanceof Fault ? e : malformed();
  }
  if (r.at !== bytes.length) throw malformed();
  return out;
}
