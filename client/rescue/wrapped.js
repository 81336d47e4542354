// SPDX-License-Identifier: Apache-2.0
// The line with the locked root (W_e), as sheets, standalone cards and nodes give it.
import { Fault, equal, number, unbase32 } from "./bytes.js";
import { blake } from "./crypt.js";

const HEAD = "KITH-WRAPPED:";
const RAW = 1 + 16 + 4 + 32 + 72 + 4;
const LETTERS = Math.ceil((RAW * 8) / 5);
const CHECK = 4; // bytes

/** The letters behind the head, white space left out; null where there is no head. */
function lettersOf(text) {
  // The head itself may be broken by the end of a line.
  const found = new RegExp(HEAD.split("").join("\\s*"), "i").exec(text);
  if (found === null) return null;
  const rest = text.slice(found.index + found[0].length).toUpperCase();
  let letters = "";
  for (const c of rest) {
    if (/\s/.test(c)) continue;
    if (!/[A-Z0-9]/.test(c) || letters.length === LETTERS) break;
    letters += c;
  }
  return letters;
}

/** Finds the line in any text around it. { circle, epoch, ad, sealed }, or a Fault. */
export function parse(text) {
  const letters = lettersOf(text);
  if (letters === null)
    throw new Fault("wrapped-none", "There is no line here that begins with KITH-WRAPPED:");
  if (letters.length < LETTERS)
    throw new Fault("wrapped-short",
      `The line is cut: ${LETTERS - letters.length} of its ${LETTERS} letters are missing.`);
  const odd = letters.search(/[^A-Z2-7]/);
  if (odd >= 0)
    throw new Fault("wrapped-letter",
      `Letter ${odd + 1} of the line, "${letters[odd]}", cannot stand there: the line has letters and the digits 2 to 7 only (O is not 0, I is not 1, B is not 8).`);
  const raw = unbase32(letters);
  const body = raw && raw.subarray(0, RAW - CHECK);
  if (raw === null || !equal(blake("kith wrapped line", [body], 16).subarray(0, CHECK), raw.subarray(RAW - CHECK)))
    throw new Fault("wrapped-check", "A letter of the line is wrong: its check does not fit. Compare it once more.");
  if (body[0] !== 1)
    throw new Fault("wrapped-version", "The line is of a later version than this page knows.");
  return {
    circle: body.slice(1, 17), epoch: number(body.subarray(17, 21)),
    ad: body.slice(21, 53), sealed: body.slice(53),
  };
}

/** The line alone, out of any text; "" where there is none. */
export function lineIn(text) {
  const letters = lettersOf(text);
  return letters === null ? "" : HEAD + letters;
}
