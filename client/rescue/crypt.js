// SPDX-License-Identifier: Apache-2.0
// The constructions of PROTOCOL.md sections 2 and 3, as far as a rescue needs them.
import { argon2idAsync } from "@noble/hashes/argon2.js";
import { blake2b } from "@noble/hashes/blake2.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { getPublicKey, hashes } from "@noble/ed25519";
import { join, u32, utf8 } from "./bytes.js";
import { CALL } from "./lists.js";

hashes.sha512 = sha512; // @noble/ed25519 brings none of its own

const KIB = 64 * 1024; // 64 MiB
const PASSES = 3;

/** H(label, parts), or K(key, label, parts). */
export function blake(label, parts, size = 32, key = undefined) {
  return blake2b(join(utf8(label), Uint8Array.of(0), ...parts), { dkLen: size, key });
}

/** libsodium's crypto_kdf_derive_from_key. */
export function level(root, id, ctx) {
  const salt = new Uint8Array(16);
  const person = new Uint8Array(16);
  salt[0] = id;
  person.set(utf8(ctx));
  return blake2b(new Uint8Array(0), { dkLen: 32, key: root, salt, personalization: person });
}

/** Opens nonce, ciphertext, tag; null if it was changed or the key is another. */
export function unseal(key, label, ad, sealed) {
  if (sealed.length < 40) return null;
  try {
    return xchacha20poly1305(key, sealed.subarray(0, 24), blake(label, [ad])).decrypt(sealed.subarray(24));
  } catch {
    return null;
  }
}

/** W_e with the escrow key: the root, or null. wrapped: as in wrapped.js. */
export function unwrap(escrow, wrapped) {
  const kek = blake("kith kek", [wrapped.circle, u32(wrapped.epoch)], 32, escrow);
  return unseal(kek, "kith kek", wrapped.ad, wrapped.sealed);
}

/** The Ed25519 public key of a seed. */
export function publicOf(seed) {
  return getPublicKey(seed);
}

/** The owner's public key. */
export function ownerOf(root) {
  return publicOf(blake("kith owner sign", [], 32, level(root, 5, "kithsign")));
}

/** The first 8 bytes as four words of the call list. */
export function fourWords(bytes) {
  const n = BigInt(CALL.length);
  let v = bytes.subarray(0, 8).reduce((sum, b) => (sum << 8n) | BigInt(b), 0n);
  const words = [];
  for (let i = 0; i < 4; i++) {
    words.unshift(CALL[Number(v % n)]);
    v /= n;
  }
  return words.join(" ");
}

/** Fingerprint words of an owner's public key. progress: called with 0 to 1. */
export async function fingerprint(owner, progress = undefined, kib = KIB, passes = PASSES) {
  const salt = blake("kith fingerprint", [], 16);
  const out = await argon2idAsync(owner, salt, {
    t: passes, m: kib, p: 1, dkLen: 16, asyncTick: 20, maxmem: 2 ** 31, onProgress: progress,
  });
  return fourWords(out);
}

/** Keys of the vault's generation. */
export function vaultKeys(root, generation) {
  const key = blake("kith vault generation", [u32(generation)], 32, level(root, 2, "kithvalt"));
  return {
    object: blake("kith vault object key", [], 32, key),
    head: blake("kith vault head key", [], 32, key),
  };
}

