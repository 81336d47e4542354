// SPDX-License-Identifier: Apache-2.0
// A card as it is typed: words in rows with their checks, and its public line.
import { Fault, equal, unbase32 } from "./bytes.js";
import { blake, publicOf } from "./crypt.js";
import { CARD } from "./lists.js";
import { decode, find, near, rs1024 } from "./slip39.js";
import { decode as unpack } from "./wire.js";

const WORDS = 33;
const ROW = 5; // words of a row; the seventh and last has three
const FIELD = 0x409;
const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

// ---- the public line ----

const LINE = {
  1: ["circle", "bin", 16, 16], 2: ["epoch", "uint"], 3: ["group", "uint"], 4: ["index", "uint"],
  5: ["need", "uint"], 6: ["of", "uint"], 7: ["owner", "bin", 32, 32], 8: ["key", "bin", 32, 32],
  9: ["manifest", "bin", 32, 32], 10: ["made", "uint"], 11: ["name", "str", 1, 64],
};

/** The line KITH-CARD1: in a text, or null where there is none. */
export function publicLine(text) {
  const found = /^\s*KITH-CARD([1-9]):(.*)$/im.exec(text);
  if (found === null) return null;
  if (found[1] !== "1") throw new Fault("card-version", "This card is of a later version than this page knows.");
  const raw = unbase32(found[2].replace(/\s/g, "").toUpperCase());
  const n = raw === null ? 0 : raw.length - 4;
  if (n < 1 || !equal(blake("kith card line", [raw.subarray(0, n)], 16).subarray(0, 4), raw.subarray(n)))
    throw new Fault("card-line", "A letter of the line KITH-CARD1 is wrong or missing. You may leave that line out.");
  return unpack(LINE, raw.subarray(0, n));
}

// ---- words ----

/** Words of row r, from 0. */
function rowWords(r) {
  return r < 6 ? ROW : WORDS - 6 * ROW;
}

/** The two letters behind a row; words as indices. */
export function rowCheck(words, row) {
  let sum = row + 1;
  for (const w of words) {
    sum <<= 1;
    if (sum >> 10) sum ^= FIELD;
    sum ^= w;
  }
  return DIGITS[sum >> 5] + DIGITS[sum & 31];
}

// The lines of words: of a whole card's text the seven numbered rows, else all but KITH-….
function wordLines(text) {
  const lines = text.split(/\r\n|[\n\r\v\f]/).filter((l) => l.trim() !== "" && !/^\s*kith-/i.test(l));
  const numbered = (l, n) => new RegExp(`^\\s*${n}[.:)]?\\s+[A-Za-z]`).test(l);
  const at = lines.findIndex((_, i) => [1, 2, 3, 4, 5, 6, 7].every((n) => numbered(lines[i + n - 1] ?? "", n)));
  return at < 0 ? lines : lines.slice(at, at + 7);
}

// The tokens of a text line by line.
function* tokens(text) {
  for (const line of wordLines(text)) {
    const all = line.match(/[A-Za-z0-9\u0080-\uffff]+/g) || [];
    for (const [i, text_] of all.entries()) yield { text: text_, last: i === all.length - 1 };
  }
}

// The row that the n-th word ended, or -1.
function rowEnded(n) {
  return n > 0 && n <= WORDS && (n % ROW === 0 || n === WORDS) ? Math.ceil(n / ROW) - 1 : -1;
}

/** Where a word stands, as a person counts. at: from 0. */
export function place(at) {
  return `Word ${at + 1} (row ${Math.floor(at / ROW) + 1}, word ${(at % ROW) + 1} of the row)`;
}

/**
 * What was typed: { words: [{typed, index}], rows: rows (from 0) whose check does not fit,
 * uneven: [row, its words] where a line with a check has too few or too many }. Numbers
 * before words and lines KITH-… are passed over; two signs behind the last word of a row, or
 * at the end of a line, are a check.
 */
export function read(text) {
  const words = [];
  const rows = [];
  const uneven = [];
  let lines = 0;
  let since = 0;
  for (const t of tokens(text)) {
    const row = rowEnded(words.length);
    const number = /^[0-9]+$/.test(t.text);
    const check = /^[A-Za-z0-9]{2}$/.test(t.text);
    if (check && t.last && words.length > 0) {
      if (lines < 7 && words.length - since !== rowWords(lines)) uneven.push([lines, words.length - since]);
      lines++;
      since = words.length;
    }
    if (check && row >= 0 && (!number || t.last)) {
      const typed = t.text.toUpperCase().replace(/0/g, "O").replace(/1/g, "I").replace(/8/g, "B");
      const mine = words.slice(row * ROW, row * ROW + rowWords(row)).map((w) => Math.max(w.index, 0));
      if (typed !== rowCheck(mine, row) && !rows.includes(row)) rows.push(row);
    } else if (!number && !(check && t.last)) {
      words.push({ typed: t.text, index: find(t.text) });
    }
  }
  return { words, rows, uneven };
}

function quote(list) {
  return list.map((w) => `"${w}"`).join(" or ");
}

// Sentences about words that are not on the list.
function unknownWords(words) {
  return words.flatMap((w, i) => {
    if (w.index >= 0) return [];
    const like = near(w.typed);
    const hint = w.typed.length < 4 ? " At least four letters are needed."
      : like.length > 0 ? ` On the list is ${quote(like)}.` : "";
    return [`${place(i)}: "${w.typed}" is no word of a card.${hint}`];
  });
}

// ---- mending ----

/** Whether the share is the piece that the public line commits to. */
export function fits(line, share, words) {
  let head = words.slice(0, 4).reduce((v, w) => (v << 10n) | BigInt(w), 0n);
  const header = new Uint8Array(5);
  for (let i = 4; i >= 0; i--) {
    header[i] = Number(head & 255n);
    head >>= 8n;
  }
  return equal(publicOf(blake("kith piece key", [header], 32, share.value)), line.key);
}

function shareOrNull(words) {
  try {
    return decode(words);
  } catch {
    return null;
  }
}

function* changes(words) {
  for (let i = 0; i + 1 < words.length; i++) {
    const w = [...words];
    [w[i], w[i + 1]] = [w[i + 1], w[i]];
    yield { words: w, says: `${place(i)} and the one behind it have changed places` };
  }
  for (let i = 0; i < words.length; i++) {
    const w = [...words];
    for (w[i] = 0; w[i] < CARD.length; w[i]++)
      if (rs1024(true, w) === 1) yield { words: [...w], says: `${place(i)} is "${CARD[w[i]]}"` };
  }
}

/** One wrong word or two neighbours swapped, confirmed by the line's key; or null. */
export function mend(words, line) {
  for (const c of changes(words)) {
    const share = rs1024(true, c.words) === 1 ? shareOrNull(c.words) : null;
    if (share !== null && fits(line, share, c.words)) return c.says;
  }
  return null;
}

// ---- all of it ----

/**
 * The card in a text: { share, line (or null) }. Faults: card-count, card-word,
 * card-row, share-…, card-line, card-other; the sentence names words and rows.
 */
export function parse(text) {
  const { words, rows, uneven } = read(text);
  if (uneven.length > 0)
    throw new Fault("card-count", uneven.map(([r, n]) => `Row ${r + 1} has ${rowWords(r)} words; there are ${n} here.`).join("\n"));
  const unknown = unknownWords(words);
  if (unknown.length > 0) throw new Fault("card-word", unknown.join("\n"));
  if (words.length !== WORDS)
    throw new Fault("card-count", `A card has ${WORDS} words; there are ${words.length} here.`);
  const line = publicLine(text);
  const indices = words.map((w) => w.index);
  const whole = rs1024(((indices[1] >> 4) & 1) === 1, indices) === 1;
  if (!whole) throw wrongWords(indices, rows, line);
  const share = decode(indices);
  if (line !== null && !fits(line, share, indices))
    throw new Fault("card-other", "The line KITH-CARD1 is of another card than these words.");
  return { share, line };
}

function wrongWords(indices, rows, line) {
  const meant = line === null ? null : mend(indices, line);
  if (meant !== null)
    return new Fault("share-check", `The words do not fit together. The card's public line confirms: ${meant}.`);
  if (rows.length > 0)
    return new Fault("card-row", `Compare ${rows.length === 1 ? "row" : "rows"} ${rows.sort((a, b) => a - b).map((r) => r + 1).join(", ")} with the card: the letters at the end of the row do not fit its words.`);
  return new Fault("share-check", "Each word is on the list, but they do not fit together: one is wrong, or two have changed places. Type the two letters behind each row as well, and the wrong row is named.");
}
