// SPDX-License-Identifier: Apache-2.0
// What the rescue page reckons with, against the vectors and against every wrong input.
//   node unit.js [VECTORS]     VECTORS: folder of the standards' vectors
"use strict";
const assert = require("assert");
const fs = require("fs");
const path = require("path");
const { load, root } = require("./page.js");

const kith = load();
const { hex, unhex } = kith["bytes.js"];
const crypt = kith["crypt.js"];
const slip39 = kith["slip39.js"];
const card = kith["card.js"];
const { CARD, CALL } = kith["lists.js"];

const ours = (name) => JSON.parse(fs.readFileSync(path.join(root, "tests", "vectors", `${name}.json`), "utf8"));
const golden = (...name) => fs.readFileSync(path.join(root, "tests", "golden", "1", ...name));

let cases = 0;
async function test(name, run) {
  try {
    const skipped = await run();
    console.log(skipped ? `skipped: ${name}: ${skipped}` : `ok: ${name}`);
    cases++;
  } catch (e) {
    console.log(`FAILED: ${name}: ${e.stack}`);
    process.exitCode = 1;
  }
}

function fault(id, run) {
  try {
    run();
  } catch (e) {
    assert.strictEqual(e.id, id, e.stack);
    return e.message;
  }
  throw new Error(`no ${id}`);
}

async function faultLater(id, run) {
  let error = null;
  await run().catch((e) => { error = e; });
  assert.ok(error !== null, `no ${id}`);
  assert.strictEqual(error.id, id, error.stack);
  return error.message;
}

const indices = (text) => text.split(" ").map((w) => CARD.indexOf(w));
const decodeAll = (texts) => texts.map((t) => slip39.decode(indices(t)));

// ---- wrong first ----

async function wrongShares() {
  const [a, b, c] = goldenCards().map((t) => card.parse(t).share);
  fault("share-few", () => slip39.combine([]));
  fault("share-few", () => slip39.combine([a, b]));
  fault("share-twice", () => slip39.combine([a, b, b]));
  fault("share-contradict", () => slip39.combine([a, b, { ...b, value: b.value.map((v) => v ^ 1) }]));
  for (const odd of [{ identifier: a.identifier ^ 1 }, { groupThreshold: 2, groupCount: 2 }, { extendable: false },
    { exponent: 1 }, { memberThreshold: 2, member: 9 }, { value: a.value.subarray(2) }])
    fault("share-mixed", () => slip39.combine([a, b, { ...c, ...odd }]));
  const slow = [a, b, c].map((s) => ({ ...s, exponent: 15 }));
  fault("share-exponent", () => slip39.combine(slow));
  fault("share-digest", () => slip39.combine([a, b, { ...c, value: c.value.map((v) => v ^ 1) }]));
}

async function wrongWords() {
  const text = goldenCards()[0];
  const rows = wordRows(text);
  const say = (id, change) => {
    const copy = rows.map((r) => [...r]);
    change(copy);
    return fault(id, () => card.parse(copy.map((r) => r.join(" ")).join("\n")));
  };
  assert.match(say("card-word", (r) => { r[2][1] = "academik"; }), /Word 12 \(row 3, word 2 of the row\): "academik".*"academic"/);
  assert.match(say("card-word", (r) => { r[0][0] = "aca"; }), /Word 1 .*four letters/);
  assert.match(say("card-count", (r) => { r[6].splice(2, 2); }), /33 words; there are 32/);
  assert.match(say("card-count", (r) => { r[6].push("academic"); }), /there are 34/);
  // A word that is missing or there twice: its row is named.
  for (let row = 0; row < 7; row++) {
    const n = row < 6 ? 5 : 3;
    assert.match(say("card-count", (r) => { r[row].splice(1, 1); }), new RegExp(`^Row ${row + 1} has ${n} words; there are ${n - 1} here.$`));
    assert.match(say("card-count", (r) => { r[row].splice(1, 0, r[row][0]); }), new RegExp(`^Row ${row + 1} has ${n} words; there are ${n + 1} here.$`));
  }
  // Every single wrong word is caught, and its row is named.
  for (let at = 0; at < 33; at++) {
    const row = Math.floor(at / 5);
    for (const off of [1, 17, 512, 1023]) {
      const says = say("card-row", (r) => {
        r[row][at % 5] = CARD[(CARD.indexOf(r[row][at % 5]) + off) % 1024];
      });
      assert.match(says, new RegExp(`row ${row + 1} `));
    }
  }
  // Two neighbours swapped: caught; in one row the row is named.
  for (let at = 0; at < 32; at++) {
    const [p, q] = [[Math.floor(at / 5), at % 5], [Math.floor((at + 1) / 5), (at + 1) % 5]];
    if (rows[p[0]][p[1]] === rows[q[0]][q[1]]) continue;
    const says = say("card-row", (r) => { [r[p[0]][p[1]], r[q[0]][q[1]]] = [r[q[0]][q[1]], r[p[0]][p[1]]]; });
    assert.ok(says.includes(p[0] === q[0] ? `row ${p[0] + 1} ` : `rows ${p[0] + 1}, ${q[0] + 1} `), says);
  }
  // Without row checks it is still caught, and never guessed at.
  const plain = rows.map((r, i) => r.slice(0, i < 6 ? 5 : 3));
  plain[3][3] = CARD[(CARD.indexOf(plain[3][3]) + 1) % 1024];
  assert.doesNotMatch(fault("share-check", () => card.parse(plain.flat().join(" "))), /confirms/);
}

async function mending() {
  const text = goldenCards()[0];
  const rows = wordRows(text).map((r, i) => r.slice(0, i < 6 ? 5 : 3));
  const line = /^KITH-CARD1:.*$/m.exec(text)[0];
  const right = rows[4][2];
  rows[4][2] = CARD[(CARD.indexOf(right) + 5) % 1024];
  const typed = `${rows.flat().join(" ")}\n${line}`;
  assert.match(fault("share-check", () => card.parse(typed)), new RegExp(`confirms: Word 23 \\(row 5, word 3 of the row\\) is "${right}"`));
  rows[4][2] = rows[4][3];
  rows[4][3] = right;
  assert.match(fault("share-check", () => card.parse(`${rows.flat().join(" ")}\n${line}`)), /confirms: Word 23 .* changed places/);
  fault("card-line", () => card.parse(text.replace(/(KITH-CARD1:.{30})./, "$1=")));
  fault("card-version", () => card.parse(text.replace("KITH-CARD1:", "KITH-CARD2:")));
  const other = /^KITH-CARD1:.*$/m.exec(goldenCards()[1])[0];
  fault("card-other", () => card.parse(text.replace(line, other)));
}

async function wrongLine() {
  const { parse } = kith["wrapped.js"];
  const line = golden("wrapped.txt").toString().trim();
  fault("wrapped-none", () => parse("KITH-WRAPED:AAAA"));
  assert.match(fault("wrapped-short", () => parse(line.slice(0, -3))), /3 of its 207/);
  assert.match(fault("wrapped-letter", () => parse(line.slice(0, 20) + "0" + line.slice(21))), /Letter 8 .*"0"/);
  for (let at = 13; at < line.length; at++) {
    const letter = line[at] === "A" ? "B" : "A";
    fault("wrapped-check", () => parse(line.slice(0, at) + letter + line.slice(at + 1)));
  }
  const { sealed, ...w } = parse(line);
  const escrow = slip39.combine(goldenCards().map((t) => card.parse(t).share)).secret;
  for (const odd of [{ epoch: w.epoch + 1 }, { circle: w.circle.map((b) => b ^ 1) }, { ad: w.ad.map((b) => b ^ 1) }])
    assert.strictEqual(crypt.unwrap(escrow, { sealed, ...w, ...odd }), null);
  assert.strictEqual(crypt.unwrap(escrow.map((b) => b ^ 1), { sealed, ...w }), null);
  assert.strictEqual(hex(crypt.unwrap(escrow, { sealed, ...w })), golden("root.txt").toString().trim());
}

async function wrongCopy() {
  const { open, content } = kith["vault.js"];
  const copy = new Uint8Array(golden("vault.copy"));
  const key = unhex(golden("root.txt").toString().trim());
  await faultLater("copy-none", () => open(copy.subarray(1), key));
  await faultLater("copy-none", () => open(new Uint8Array(0), key));
  await faultLater("copy-root", () => open(copy, key.map((b) => b ^ 1)));
  await faultLater("damaged", () => open(copy.subarray(0, 15), key));
  // Cut anywhere, a byte changed anywhere: never another content, and never silent.
  const whole = await open(copy, key);
  const all = (v) => new Map(v.items.flatMap((i) => [...i.now, ...i.past]).map((r) => [hex(r.root), r]));
  const right = new Map([...all(whole)].map(([id, r]) => [id, hex(content(whole, r))]));
  for (let i = 0; i < 30; i++) {
    const bad = i % 2 === 0 ? copy.slice(0, 1200 + Math.floor((copy.length * i) / 35)) : copy.slice();
    if (i % 2 === 1) bad[Math.floor((copy.length * i) / 31)] ^= 1 << (i % 8);
    let lost = 0;
    const v = await open(bad, key).catch((e) => { assert.ok(["damaged", "copy-root", "copy-none"].includes(e.id), e.stack); });
    if (v === undefined) continue;
    for (const [id, r] of all(v)) {
      try {
        assert.strictEqual(hex(content(v, r)), right.get(id));
      } catch (e) {
        assert.strictEqual(e.id, "damaged", e.stack);
        lost++;
      }
    }
    assert.ok(v.cut || v.lostPages > 0 || lost > 0, `change ${i} is not seen`);
  }
}

async function wrongWire() {
  const { decode } = kith["wire.js"];
  const schema = { 1: ["a", "uint"], 2: ["b", "bin", 0, 4], 4: ["c", "str", 1, 4], 6: ["d", "list", { 1: ["x", "uint"] }, 2] };
  const bad = ["", "80c0", "8101", "8101cc01", "8101cd0001", "8101ce00000001", "8101cf0000000000000001", "8101d0ff", "8101c3",
    "8202c400" + "0101", "82010101" + "01", "810801", "8102c50001aa", "8102c405aaaaaaaaaa", "8104a0", "8104a5aaaaaaaaaa",
    "8104a1ff", "8104d901" + "61", "8106dc0001" + "8101" + "01", "810693" + "810101".repeat(3), "810101" + "00", "de0001" + "0101",
    "8101cfffffffffffffffff", "8101ca00000000", "8107" + "91".repeat(10) + "01", "8107ff", "81a101"];
  for (const b of bad) fault("format", () => decode(schema, unhex(b)));
  assert.deepStrictEqual(decode(schema, unhex("80")), { a: 0, b: new Uint8Array(0), c: "", d: [] });
  assert.strictEqual(decode(schema, unhex("8301cc80" + "0391" + "a161" + "04a161")).c, "a");
}

// Whatever is typed or read: an answer or a sentence for a person, never anything else.
async function noise() {
  let state = 7;
  const random = (n) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % n;
  };
  const line = golden("wrapped.txt").toString();
  const page = unhex("8401c4101122334455667788990011223344556602a3616263078109060b92810120810121");
  const calm = (run) => {
    try {
      run();
    } catch (e) {
      assert.ok(e.id, e.stack);
    }
  };
  for (let i = 0; i < 400; i++) {
    let text = `${goldenCards()[i % 3]}${line}`;
    for (let k = random(4); k >= 0; k--) {
      const at = random(text.length);
      text = text.slice(0, at) + String.fromCharCode(random(i % 2 ? 128 : 0x3000)) + text.slice(at + random(3) * random(40));
    }
    calm(() => card.parse(text));
    calm(() => kith["wrapped.js"].parse(text));
    const bytes = page.map((b) => (random(9) === 0 ? random(256) : b));
    calm(() => kith["wire.js"].decode({ 1: ["id", "bin", 16, 16], 2: ["name", "str", 1, 200], 11: ["now", "list", { 1: ["size", "uint"] }, 1] }, bytes));
  }
}

// ---- then right ----

async function vectors() {
  const v = ours("crypt");
  for (const r of v.hash) assert.strictEqual(hex(crypt.blake(r.label, r.parts.map(unhex), r.out.length / 2)), r.out);
  for (const r of v.keyed)
    assert.strictEqual(hex(crypt.blake(r.label, r.parts.map(unhex), r.out.length / 2, unhex(r.key))), r.out);
  for (const r of v.level.filter((l) => l.id !== 1)) assert.strictEqual(hex(crypt.level(unhex(r.root), r.id, r.ctx)), r.out);
  for (const r of v.seal) {
    const open = (ad, sealed) => crypt.unseal(unhex(r.key), r.label, ad, sealed);
    assert.strictEqual(hex(open(unhex(r.ad), unhex(r.sealed))), r.plain);
    assert.strictEqual(open(unhex(r.ad + "00"), unhex(r.sealed)), null);
    assert.strictEqual(open(unhex(r.ad), unhex(r.sealed).map((b, i) => (i === 30 ? b ^ 1 : b))), null);
    assert.strictEqual(open(unhex(r.ad), new Uint8Array(39)), null);
  }
}

async function fingerprints() {
  const v = ours("words");
  assert.strictEqual(CALL.length, 1296);
  assert.strictEqual(CARD.length, 1024);
  for (const r of v.from_bytes.filter((f) => f.n === 4)) assert.strictEqual(crypt.fourWords(unhex(r.bytes)), r.words);
  let told = 0;
  for (const r of v.fingerprint)
    assert.strictEqual(await crypt.fingerprint(unhex(r.owner_pub), () => { told++; }, r.mem / 1024, r.passes), r.words);
  assert.ok(told > 10, "progress is shown");
  assert.ok(v.fingerprint.some((r) => r.mem === 64 * 1024 * 1024 && r.passes === 3), "the shipped cost is among them");
}

async function wrappedVector() {
  const m = ours("piece").manifest;
  const w = kith["wrapped.js"].parse(`Some text, and then\n  ${m.line.slice(0, 7).toLowerCase()}\n${m.line.slice(7, 90)}\n ${m.line.slice(90)}\nmore.`);
  assert.strictEqual(hex(w.ad), m.before);
  const root_ = crypt.unwrap(unhex(m.escrow), w);
  assert.strictEqual(hex(root_), m.root);
  assert.strictEqual(hex(crypt.ownerOf(root_)), m.pub);
}

async function vaultVectors() {
  const v = ours("vault");
  const { open, content } = kith["vault.js"];
  for (const k of v.keys) {
    const keys = crypt.vaultKeys(unhex(k.root), Number(k.generation));
    assert.strictEqual(hex(keys.object), k.object);
    assert.strictEqual(hex(keys.head), k.head);
  }
  const copy = new Uint8Array(Buffer.from(v.vault.copy, "base64"));
  const vault = await open(copy, unhex(v.keys[0].root));
  assert.strictEqual(vault.state.deviceName, v.vault.state.device_name);
  assert.deepStrictEqual(vault.items.map((i) => hex(i.id)).sort(), v.vault.items.map((i) => i.id).sort());
  assert.deepStrictEqual([...vault.objects.keys()].sort(), [...v.vault.objects].sort());
  const got = {};
  for (const i of vault.items) {
    for (const r of i.now) got[i.name] = hex(content(vault, r));
    i.past.forEach((r, n) => { got[`${i.name} ${n + 1}`] = hex(content(vault, r)); });
  }
  for (const [name, want] of Object.entries(v.vault.contents)) assert.strictEqual(got[name], want, name);
}

async function official(folder) {
  const file = path.join(folder, "slip39-official-a.json");
  if (!fs.existsSync(file)) return `${file} is not there`;
  for (const [name, texts, secret] of JSON.parse(fs.readFileSync(file, "utf8"))) {
    let got = "";
    try {
      const { secret: s, bad } = slip39.combine(decodeAll(texts), "TREZOR");
      if (bad.length === 0) got = hex(s);
    } catch (e) {
      assert.ok(e.id && e.id.startsWith("share-"), `${name}: ${e.stack}`);
    }
    assert.strictEqual(got, secret, name);
  }
  return "";
}

async function generated(folder) {
  const file = path.join(folder, "slip39-generated-a.json");
  if (!fs.existsSync(file)) return `${file} is not there`;
  let right = 0;
  for (const { name, mnemonics, passphrase, master_secret: want } of JSON.parse(fs.readFileSync(file, "utf8"))) {
    let got = "";
    try {
      got = hex(slip39.combine(decodeAll(mnemonics), passphrase).secret);
    } catch (e) {
      assert.ok(e.id && e.id.startsWith("share-"), `${name}: ${e.stack}`);
    }
    // One share more than needed, all of them good, is welcome here.
    if (want !== "" || !/surplus/.test(name)) assert.strictEqual(got, want, name);
    right += want !== "" ? 1 : 0;
  }
  assert.ok(right > 10);
  return "";
}

async function robust(folder) {
  const file = path.join(folder, "robust-and-repair-a.json");
  if (!fs.existsSync(file)) return `${file} is not there`;
  for (const r of JSON.parse(fs.readFileSync(file, "utf8")).filter((v) => v.kind === "robust")) {
    const run = () => slip39.combine(decodeAll(r.mnemonics), r.passphrase);
    if (!r.recoverable) {
      fault("share-digest", run);
      continue;
    }
    const { secret, bad } = run();
    assert.strictEqual(hex(secret), r.master_secret);
    if (r.identifiable_without_commitments)
      assert.deepStrictEqual(bad.map((s) => s.member).sort(), [...r.bad_member_indices].sort());
  }
  return "";
}

// ---- golden: what every released format gave must be given for ever ----

function goldenCards() {
  return fs.readdirSync(path.join(root, "tests", "golden", "1")).filter((f) => /^card-.*\.txt$/.test(f)).sort()
    .map((f) => golden(f).toString()).slice(0, 3);
}

// The rows of a card's text: words, then the check.
function wordRows(text) {
  return text.split("\n").map((l) => /^\s*[1-7][.:]?\s+(.*)$/.exec(l)).filter(Boolean).map((m) => m[1].trim().split(/\s+/));
}

async function goldenRoot() {
  const expected = golden("root.txt").toString().trim();
  const shares = goldenCards().map((t) => card.parse(t).share);
  const w = kith["wrapped.js"].parse(golden("wrapped.txt").toString());
  assert.strictEqual(hex(crypt.unwrap(slip39.combine(shares).secret, w)), expected);
  // Four letters of each word, in capitals, without rows.
  const short = wordRows(goldenCards()[0]).map((r) => r.slice(0, -1).map((x) => x.slice(0, 4).toUpperCase())).flat().join(" ");
  assert.deepStrictEqual(card.parse(short).share, shares[0]);
  // The whole text of a card, with all that is said around its rows.
  const around = `KITH CARD: Ana\nThree of five people are needed.\n\n${goldenCards()[0].replace(/\n/g, "\n\n")}\nEvery year [ ] 2026 [ ] 2027\n1 more word\n`;
  assert.deepStrictEqual(card.parse(around).share, shares[0]);
}

async function goldenGroups() {
  const texts = fs.readdirSync(path.join(root, "tests", "golden", "1")).filter((f) => f.startsWith("groups-card")).sort();
  const shares = texts.map((f) => card.parse(golden(f).toString()).share);
  const w = kith["wrapped.js"].parse(golden("groups-wrapped.txt").toString());
  const { secret, bad } = slip39.combine(shares);
  assert.strictEqual(bad.length, 0);
  assert.strictEqual(hex(crypt.unwrap(secret, w)), golden("root.txt").toString().trim());
  assert.deepStrictEqual(slip39.progress(shares.slice(0, 3)), { groups: [{ group: 0, have: 2, need: 2 }, { group: 1, have: 1, need: 2 }], have: 1, need: 2, enough: false });
  fault("share-few", () => slip39.combine(shares.slice(0, 3)));
}

async function goldenItems() {
  const { open, content, TYPES } = kith["vault.js"];
  const want = JSON.parse(golden("items.json").toString());
  const v = await open(new Uint8Array(golden("vault.copy")), unhex(golden("root.txt").toString().trim()));
  const got = v.items.map((i) => ({
    name: i.name, type: TYPES[i.type], user: i.user, url: i.url, hint: i.hint, made: i.made, changed: i.changed,
    removed: i.removed, now: i.now.map((r) => sum(content(v, r))), past: i.past.map((r) => sum(content(v, r))),
  }));
  assert.deepStrictEqual(got, want);
  assert.strictEqual(v.cut, false);
  assert.strictEqual(v.lostPages, 0);
}

// Every folder of tests/golden by today's page, and by the page that is kept in it.
async function goldenFolders() {
  const at = path.join(root, "tests", "golden");
  let n = 0;
  for (const name of fs.readdirSync(at).filter((d) => fs.existsSync(path.join(at, d, "root.txt")))) {
    await goldenFolder(kith, path.join(at, name));
    const page = path.join(at, name, "bundle.html");
    if (fs.existsSync(page)) await goldenFolder(load(page), path.join(at, name));
    n++;
  }
  assert.ok(n >= 2, `${n} folders`);
}

async function goldenFolder(page, folder) {
  const read = (name) => fs.readFileSync(path.join(folder, name));
  const text = (name) => read(name).toString().trim();
  const shares = fs.readdirSync(folder).filter((f) => /^card-.*\.txt$/.test(f)).slice(0, 3)
    .map((f) => page["card.js"].parse(text(f)).share);
  const key = page["crypt.js"].unwrap(page["slip39.js"].combine(shares).secret, page["wrapped.js"].parse(text("wrapped.txt")));
  assert.strictEqual(hex(key), text("root.txt"));
  // Once is enough: it takes seconds, on purpose.
  if (page === kith)
    assert.strictEqual(await page["crypt.js"].fingerprint(page["crypt.js"].ownerOf(key)), text("fingerprint.txt"));
  const vault = await page["vault.js"].open(new Uint8Array(read("vault.copy")), key);
  const sums = (list) => list.map((i) => [i.name, i.now, i.past]);
  const got = vault.items.map((i) => ({ name: i.name, now: i.now.map(of), past: i.past.map(of) }));
  function of(ref) {
    return sum(page["vault.js"].content(vault, ref));
  }
  assert.deepStrictEqual(sums(got), sums(JSON.parse(text("items.json"))));
}

// Contents stand in the list by size and hash.
function sum(bytes) {
  return { size: bytes.length, sha256: require("crypto").createHash("sha256").update(bytes).digest("hex") };
}

async function tar() {
  const { archive, distinct, fileName } = kith["tar.js"];
  assert.strictEqual(fileName("../../etc/passwd"), "__.._etc_passwd");
  assert.strictEqual(fileName("a\u0000b"), "a_b");
  assert.strictEqual(fileName("..."), "_");
  assert.ok(Buffer.byteLength(fileName("ü".repeat(100))) <= 90);
  assert.deepStrictEqual(distinct(["a", "A", "a"]), ["a", "A (2)", "a (3)"]);
  const files = [{ name: "one", bytes: new Uint8Array(0), time: 0 }, { name: "zwei \u00fc", bytes: new Uint8Array(513).fill(7), time: 1790000000 }];
  const at = fs.mkdtempSync(path.join(require("os").tmpdir(), "kith-tar-"));
  fs.writeFileSync(path.join(at, "t.tar"), archive(files));
  const p = require("child_process").spawnSync("tar", ["-xf", "t.tar"], { cwd: at, encoding: "utf8" });
  assert.strictEqual(p.status, 0, p.stderr);
  for (const f of files) assert.deepStrictEqual(new Uint8Array(fs.readFileSync(path.join(at, f.name))), f.bytes);
  fs.rmSync(at, { recursive: true });
}

async function main() {
  const folder = process.argv[2] || path.join(root, "..", "shared", "vectors");
  await test("wrong_shares", wrongShares);
  await test("wrong_words", wrongWords);
  await test("mending", mending);
  await test("wrong_line", wrongLine);
  await test("wrong_copy", wrongCopy);
  await test("wrong_wire", wrongWire);
  await test("noise", noise);
  await test("vectors", vectors);
  await test("fingerprints", fingerprints);
  await test("wrapped_vector", wrappedVector);
  await test("vault_vectors", vaultVectors);
  await test("official", () => official(folder));
  await test("generated", () => generated(folder));
  await test("robust", () => robust(folder));
  await test("golden_root", goldenRoot);
  await test("golden_groups", goldenGroups);
  await test("golden_items", goldenItems);
  await test("golden_folders", goldenFolders);
  await test("tar", tar);
  console.log(`${cases} cases`);
}

main();
