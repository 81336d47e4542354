// SPDX-License-Identifier: Apache-2.0
// One plain tar archive (POSIX ustar) of files in memory.
import { utf8, join } from "./bytes.js";

const BLOCK = 512;

// Text cut to at most n bytes, never inside a character.
function cut(text, n) {
  let out = "";
  for (const c of text) {
    if (utf8(out + c).length > n) break;
    out += c;
  }
  return out;
}

/** A name as a file may have it everywhere: at most 90 bytes, no separators. */
export function fileName(name) {
  const plain = name.replace(/[\u0000-\u001f\u007f/\\:*?"<>|]/g, "_").replace(/^\.+/, "_").trim();
  return cut(plain, 90).replace(/[. ]+$/, "") || "item";
}

function octal(v, size) {
  return v.toString(8).padStart(size - 1, "0") + "\0";
}

function header(name, size, time) {
  const h = new Uint8Array(BLOCK);
  const put = (at, text) => h.set(utf8(text), at);
  put(0, name);
  put(100, octal(0o600, 8));
  put(108, octal(0, 8));
  put(116, octal(0, 8));
  put(124, octal(size, 12));
  put(136, octal(Math.min(time, 0o77777777777), 12));
  put(148, "        ");
  put(156, "0");
  put(257, "ustar\0");
  put(263, "00");
  put(148, octal(h.reduce((sum, b) => sum + b, 0), 7) + " ");
  return h;
}

/** files: [{ name (at most 100 bytes), bytes, time }]. */
export function archive(files) {
  const parts = files.flatMap((f) => {
    const fill = new Uint8Array((BLOCK - (f.bytes.length % BLOCK)) % BLOCK);
    return [header(f.name, f.bytes.length, f.time), f.bytes, fill];
  });
  return join(...parts, new Uint8Array(2 * BLOCK));
}

/** The same names, made different where two are alike (also for systems that ignore case). */
export function distinct(names) {
  const seen = new Set();
  return names.map((name) => {
    let out = name;
    for (let n = 2; seen.has(out.toLowerCase()); n++) out = `${cut(name, 84)} (${n})`;
    seen.add(out.toLowerCase());
    return out;
  });
}
