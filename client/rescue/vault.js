// SPDX-License-Identifier: Apache-2.0
// A vault copy in a file: the state, the index, the items, their contents.
import { Fault, hex, isZero, number, utf8, equal } from "./bytes.js";
import { blake, unseal, vaultKeys } from "./crypt.js";
import { decode } from "./wire.js";

const MAGIC = utf8("KITH-VAULT-1\n");
const GENERATIONS = 64; // tried before the copy is of another root
const OBJECT_MAX = 48 * 1024;
const CONTENT = 1, LIST = 2, INDEX = 3, PAGE = 4;
const ID = 32;

const REF = {
  1: ["changed", "uint"], 2: ["device", "bin", 16, 16], 3: ["size", "uint"], 4: ["depth", "uint"],
  5: ["root", "bin", ID, ID],
};
const ITEM = {
  1: ["id", "bin", 16, 16], 2: ["name", "str", 1, 200], 3: ["type", "uint"], 4: ["hint", "str", 0, 500],
  5: ["user", "str", 0, 200], 6: ["url", "str", 0, 500], 7: ["made", "uint"], 8: ["changed", "uint"],
  9: ["device", "bin", 16, 16], 10: ["removed", "uint"], 11: ["now", "list", REF, 1],
  12: ["past", "list", REF, 16],
};
const INDEX_MAP = { 1: ["bits", "uint"], 2: ["items", "uint"], 3: ["pages", "bin", ID, 1024 * ID] };
const PARENT = { 1: ["hash", "bin", 32, 32] };
const STATE = {
  1: ["generation", "uint"], 2: ["version", "uint"], 3: ["made", "uint"], 4: ["circle", "bin", 16, 16],
  5: ["device", "bin", 16, 16], 6: ["deviceName", "str", 0, 64], 7: ["index", "bin", ID, ID],
  8: ["items", "uint"], 9: ["bytes", "uint"], 10: ["parents", "list", PARENT, 4],
};

export const TYPES = ["", "note", "password", "totp", "codes", "key", "file"];

const damaged = (what) => new Fault("damaged", `${what} is damaged or missing in this copy.`);

// ---- the file ----

// The next frame off at io.at, or null at the end or where the file is cut.
function frame(bytes, io) {
  if (io.at + 4 > bytes.length) return null;
  const n = number(bytes.subarray(io.at, io.at + 4));
  if (n > bytes.length - io.at - 4) return null;
  io.at += 4 + n;
  return bytes.subarray(io.at - n, io.at);
}

const pause = () => new Promise((done) => setTimeout(done, 0));

// Objects by their id, which is made of their bytes: a changed one is simply not found.
async function readObjects(bytes, io, progress) {
  const objects = new Map();
  for (let n = 1, o = frame(bytes, io); o !== null; o = frame(bytes, io), n++) {
    if (o.length <= OBJECT_MAX) objects.set(hex(blake("kith vault object id", [o])), o);
    if (n % 100 === 0) {
      progress?.(io.at / bytes.length);
      await pause();
    }
  }
  return objects;
}

// ---- objects ----

// The content of an object; null if it is not there or not what it should be.
function contentOf(vault, kind, id) {
  const object = vault.objects.get(hex(id));
  const plain = object && unseal(vault.keys.object, "kith vault object", Uint8Array.of(kind), object);
  if (!plain || plain.length < 12) return null;
  const n = number(plain.subarray(0, 4));
  return n <= plain.length - 12 && isZero(plain.subarray(12 + n)) ? plain.subarray(12, 12 + n) : null;
}

// Ids of the chunks below an object that stands depth lists above them.
function chunksOf(vault, id, depth) {
  if (depth === 0) return [id];
  const list = contentOf(vault, LIST, id);
  if (list === null || list.length % ID !== 0) return null;
  const below = [];
  for (let at = 0; at < list.length; at += ID) {
    const some = chunksOf(vault, list.subarray(at, at + ID), depth - 1);
    if (some === null) return null;
    below.push(...some);
  }
  return below;
}

/** A content, whole: ref is an item's now[0] or one of its past. Fault "damaged". */
export function content(vault, ref, what = "This content") {
  const chunks = ref.depth <= 2 ? chunksOf(vault, ref.root, ref.depth) : null;
  if (chunks === null) throw damaged(what);
  if (ref.size > chunks.length * OBJECT_MAX) throw damaged(what);
  const out = new Uint8Array(ref.size);
  let at = 0;
  for (const id of chunks) {
    const c = contentOf(vault, CONTENT, id);
    if (c === null || c.length > out.length - at) throw damaged(what);
    out.set(c, at);
    at += c.length;
  }
  if (at !== out.length) throw damaged(what);
  return out;
}

// ---- state, index, pages ----

function openState(root, sealed) {
  for (let generation = 1; generation <= GENERATIONS; generation++) {
    const keys = vaultKeys(root, generation);
    const plain = unseal(keys.head, "kith vault state", new Uint8Array(16), sealed);
    if (plain === null) continue;
    const n = plain.length < 2 ? 0 : number(plain.subarray(0, 2));
    return { keys, state: decode(STATE, plain.subarray(2, 2 + n)) };
  }
  throw new Fault("copy-root", "This copy is not of this root key: of another person, or of the time before or after the root was replaced.");
}

function* itemsOf(page) {
  for (let at = 0; at < page.length;) {
    const n = at + 2 <= page.length ? number(page.subarray(at, at + 2)) : page.length;
    if (n > page.length - at - 2) throw damaged("A page of the index");
    yield decode(ITEM, page.subarray(at + 2, at + 2 + n));
    at += 2 + n;
  }
}

function readItems(vault) {
  if (vault.state.index.length === 0) return;
  const raw = contentOf(vault, INDEX, vault.state.index);
  if (raw === null) throw damaged("The index of the vault");
  const { pages } = decode(INDEX_MAP, raw);
  for (let at = 0; at < pages.length; at += ID) {
    const id = pages.subarray(at, at + ID);
    if (isZero(id)) continue;
    const page = contentOf(vault, PAGE, id);
    if (page === null) vault.lostPages++;
    else vault.items.push(...itemsOf(page));
  }
  vault.items.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/**
 * Opens a copy: { state, items, lostPages, cut } and what content() needs. progress: called
 * with 0 to 1. Faults: copy-none, copy-root, damaged. What can be read of a damaged copy
 * is read.
 */
export async function open(bytes, root, progress = undefined) {
  const io = { at: MAGIC.length };
  if (!equal(bytes.subarray(0, MAGIC.length), MAGIC))
    throw new Fault("copy-none", "This file is no vault copy of Kith (it would begin with KITH-VAULT-1).");
  const sealed = frame(bytes, io);
  if (sealed === null) throw damaged("The beginning of the file");
  const vault = { ...openState(root, sealed), items: [], lostPages: 0 };
  vault.objects = await readObjects(bytes, io, progress);
  vault.cut = io.at !== bytes.length;
  readItems(vault);
  return vault;
}
