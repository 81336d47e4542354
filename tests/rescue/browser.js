// SPDX-License-Identifier: Apache-2.0
// The rescue page in headless Chromium, without a network: cards in, root and items out.
//   node browser.js CHROMIUM [PAGE [FOLDER [HOW]]]
// Needs playwright-core in the working directory. FOLDER holds cards, the line, a copy and
// what must come out (tests/golden/1). HOW = bundle: line and vault came with PAGE; copy:
// they come from FOLDER; without it also what needs that folder's own cards.
"use strict";
const assert = require("assert");
const crypto = require("crypto");
const fs = require("fs");
const http = require("http");
const os = require("os");
const path = require("path");
const { spawnSync } = require("child_process");
const { pathToFileURL } = require("url");
const { chromium } = require(path.join(process.cwd(), "node_modules", "playwright-core"));

const root = path.join(__dirname, "..", "..");
const [executablePath, file = path.join(root, "client", "rescue", "rescue.html"),
  folder = path.join(root, "tests", "golden", "1"), filled = ""] = process.argv.slice(2);
const read = (name) => fs.readFileSync(path.join(folder, name));
const text = (name) => read(name).toString().trim();
const cards = fs.readdirSync(folder).filter((f) => /^card-.*\.txt$/.test(f)).sort();
const url = pathToFileURL(path.resolve(file)).href;
const shots = process.env.KITH_SHOTS;

let cases = 0;

async function opened(browser, offline = true) {
  const context = await browser.newContext({ acceptDownloads: true, viewport: { width: 900, height: 1100 } });
  await context.setOffline(offline);
  const page = await context.newPage();
  page.asked = [];
  page.errors = [];
  page.on("request", (r) => page.asked.push(r.url()));
  page.on("pageerror", (e) => page.errors.push(String(e)));
  page.on("console", (m) => { if (m.type() === "error") page.errors.push(m.text()); });
  await page.addInitScript(() => {
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (e) => window.violations.push(e.effectiveDirective));
  });
  await page.goto(url);
  return page;
}

async function shot(page, name, fullPage = true) {
  if (shots) await page.screenshot({ path: path.join(shots, `${name}.png`), fullPage });
}

const says = (page, id) => page.locator(`#${id}`).innerText();

async function take(page, name) {
  await page.fill("#card", text(name));
  await page.click("#card-take");
  assert.match(await says(page, "card-says"), /^Taken/);
  assert.strictEqual(await page.inputValue("#card"), "", "the words are gone from the screen");
}

async function put(page) {
  for (const name of cards.slice(0, 3)) await take(page, name);
  if (filled !== "bundle") {
    assert.ok(await page.isDisabled("#open"), "the cards alone open nothing");
    await page.fill("#line", `The line:\n${text("wrapped.txt")}\nKeep it.`);
  }
  assert.match(await says(page, "line-says"), /whole line/);
  await page.click("#open");
  await page.waitForSelector("#compare", { state: "visible", timeout: 120000 });
}

async function saved(page, deed) {
  const [download] = await Promise.all([page.waitForEvent("download"), deed()]);
  return { name: download.suggestedFilename(), bytes: fs.readFileSync(await download.path()) };
}

// Nothing but the page itself was asked for, nothing is kept, nothing failed.
async function quiet(page) {
  const other = page.asked.filter((u) => u !== url && !u.startsWith("blob:"));
  assert.deepStrictEqual(other, [], "requests left the page");
  assert.deepStrictEqual(page.errors, []);
  assert.deepStrictEqual(await page.evaluate(() => window.violations), []);
  const kept = await page.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie]);
  assert.deepStrictEqual(kept, [0, 0, ""]);
  await page.context().close();
}

// ---- the cases ----

async function wrongWord(browser) {
  const page = await opened(browser);
  const rows = text(cards[0]).split("\n");
  rows[2] = rows[2].replace(/ \w+ /, " academik ");
  await page.fill("#card", rows.join("\n"));
  await page.click("#card-take");
  assert.match(await says(page, "card-says"), /row 3.*"academik" is no word of a card.*"academic"/);
  assert.strictEqual(await page.locator("#cards li").count(), 0);
  await shot(page, "wrong-word");
  // A word that is on the list, but another: its row is named.
  const swapped = text(cards[0]).split("\n").filter((l) => !l.startsWith("KITH-"));
  const words = swapped[3].split(/\s+/);
  swapped[3] = [words[0], words[2], words[1], ...words.slice(3)].join(" ");
  await page.fill("#card", swapped.join("\n"));
  await page.click("#card-take");
  assert.match(await says(page, "card-says"), /row 4 /);
  await quiet(page);
}

async function mixed(browser) {
  const page = await opened(browser);
  await take(page, cards[0]);
  for (const [name, why] of [[cards[0], /here already/], ["groups-card-1-2.txt", /not of the same set.*number 4.*number 3/]]) {
    await page.fill("#card", text(name));
    await page.click("#card-take");
    assert.match(await says(page, "card-says"), why);
  }
  assert.strictEqual(await page.locator("#cards li").count(), 1);
  await take(page, cards[1]);
  await take(page, cards[2]);
  await page.fill("#line", text("groups-wrapped.txt"));
  assert.match(await says(page, "line-says"), /of circle number 4; the cards are of number 3/);
  await page.click("#open");
  await page.waitForFunction(() => /another circle, or of another number/.test(document.getElementById("open-says").innerText));
  assert.ok(await page.isHidden("#compare"));
  await quiet(page);
}

async function differ(browser) {
  const page = await opened(browser);
  await put(page);
  await page.click("#differ");
  assert.match(await says(page, "open-says"), /Then stop/);
  assert.ok(await page.isHidden("#root-section"));
  assert.ok(!(await page.content()).includes(text("root.txt")), "the root is nowhere on the page");
  await quiet(page);
}

function sums(files) {
  return files.map((bytes) => crypto.createHash("sha256").update(bytes).digest("hex")).sort();
}

// The archive, unpacked by tar itself: every content byte for byte.
function archiveHolds(bytes, want) {
  const at = fs.mkdtempSync(path.join(os.tmpdir(), "kith-rescue-"));
  fs.writeFileSync(path.join(at, "vault.tar"), bytes);
  fs.mkdirSync(path.join(at, "out"));
  const p = spawnSync("tar", ["-xf", "../vault.tar"], { cwd: path.join(at, "out"), encoding: "utf8" });
  assert.strictEqual(p.status, 0, p.stderr);
  const names = fs.readdirSync(path.join(at, "out")).filter((n) => n !== "items.json");
  const list = JSON.parse(fs.readFileSync(path.join(at, "out", "items.json"), "utf8"));
  assert.deepStrictEqual(list.map((l) => l.file).sort(), [...names].sort());
  assert.deepStrictEqual(sums(names.map((n) => fs.readFileSync(path.join(at, "out", n)))), want);
  fs.rmSync(at, { recursive: true });
}

async function whole(browser) {
  const page = await opened(browser);
  await shot(page, "start");
  await put(page);
  await shot(page, "words");
  assert.strictEqual(await says(page, "words"), text("fingerprint.txt"));
  assert.ok(await page.isHidden("#root-section"), "first the words are compared");
  await page.click("#same");
  assert.ok(!(await page.content()).includes(text("root.txt")), "the root is not shown by itself");
  assert.strictEqual((await saved(page, () => page.click("#root-save"))).bytes.toString(), `${text("root.txt")}\n`);
  await page.click("#root-show");
  assert.strictEqual(await says(page, "root"), text("root.txt"));
  await page.click("#root-show");
  assert.ok(!(await page.content()).includes(text("root.txt")), "and is hidden again");
  if (filled !== "bundle") await page.setInputFiles("#vault-file", path.join(folder, "vault.copy"));
  await page.waitForSelector("#vault-open", { state: "visible", timeout: 60000 });
  await shot(page, "items", false);
  await items(page);
  await page.click("#wipe");
  assert.ok(await page.isHidden("#vault-section"));
  assert.strictEqual(await page.locator("#items li, #cards li").count(), 0);
  await quiet(page);
}

// A standalone card brings its line, and none of its words with it.
async function standalone(browser) {
  const page = await opened(browser);
  await page.fill("#card", `${text("wrapped.txt")}\n${text(cards[0])}`);
  await page.click("#card-take");
  assert.match(await says(page, "line-says"), /whole line, of circle number/);
  assert.strictEqual(await page.inputValue("#line"), text("wrapped.txt"));
  assert.match(await says(page, "open-says"), /First more cards/);
  await quiet(page);
}

async function items(page) {
  const want = JSON.parse(text("items.json"));
  assert.strictEqual(await page.locator("#items > li").count(), want.length);
  assert.ok(!(await page.content()).includes("correct horse"), "no content is shown by itself");
  const item = (name) => page.locator("#items > li").filter({ has: page.locator("h3", { hasText: new RegExp(`^${name}$`) }) });
  await item("bank").getByRole("button", { name: "Show: bank", exact: true }).click();
  assert.strictEqual(await item("bank").locator("pre").first().innerText(), "correct horse");
  await item("passport.pdf").getByRole("button", { name: /^Show/ }).click();
  assert.match(await item("passport.pdf").innerText(), /no short text/);
  const pdf = await saved(page, () => item("passport.pdf").getByRole("button", { name: /^Save/ }).click());
  assert.strictEqual(pdf.name, "passport.pdf");
  assert.deepStrictEqual(sums([pdf.bytes]), [want.find((i) => i.name === "passport.pdf").now[0].sha256]);
  await page.fill("#filter", "SITE 1");
  assert.strictEqual(await page.locator("#items > li").count(), want.filter((i) => i.name.startsWith("site 1")).length);
  await page.fill("#filter", "");
  const all = want.flatMap((i) => [...i.now, ...i.past]).map((r) => r.sha256).sort();
  archiveHolds((await saved(page, () => page.click("#save-all"))).bytes, all);
}

// With a network and somebody who listens: the policy inside the page lets nothing out.
async function sealed(browser) {
  let hits = 0;
  const server = http.createServer((_, answer) => { hits++; answer.end(); });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const out = `http://127.0.0.1:${server.address().port}/`;
  const page = await opened(browser, false);
  const broken = await page.evaluate(async (to) => {
    const got = [];
    await fetch(to).catch(() => got.push("fetch"));
    for (const make of [() => new WebSocket(to.replace("http", "ws")), () => new EventSource(to)])
      try { make(); } catch { got.push("thrown"); }
    navigator.sendBeacon(to, "x");
    for (const tag of ["img", "iframe", "audio", "script"]) {
      const e = document.createElement(tag);
      e.src = to;
      document.body.append(e);
    }
    const style = document.createElement("style");
    style.textContent = `body { background: url(${to}) }`;
    document.head.append(style);
    const inline = document.createElement("script");
    inline.textContent = "window.ran = true";
    document.body.append(inline);
    const form = document.createElement("form");
    form.action = to;
    document.body.append(form);
    form.submit();
    await new Promise((done) => setTimeout(done, 1000));
    return { got, violations: window.violations, ran: window.ran === true };
  }, out);
  server.close();
  assert.strictEqual(hits, 0, "something left the page");
  assert.ok(!broken.ran, "a script put into the page ran");
  for (const what of ["connect-src", "img-src", "frame-src", "media-src", "script-src-elem", "style-src-elem", "form-action"])
    assert.ok(broken.violations.includes(what), `${what}: ${broken.violations}`);
  await page.context().close();
}

// The whole way by keyboard alone.
async function keyboard(browser) {
  const page = await opened(browser);
  await page.focus("#card");
  for (const name of cards.slice(0, 3)) {
    await page.keyboard.insertText(text(name));
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    assert.strictEqual(await page.evaluate(() => document.activeElement.id), "card");
  }
  assert.strictEqual(await page.locator("#cards li").count(), 3);
  if (filled !== "bundle") {
    for (let i = 0; i < 9 && (await page.evaluate(() => document.activeElement.id)) !== "line"; i++) await page.keyboard.press("Tab");
    await page.keyboard.insertText(text("wrapped.txt"));
  }
  for (let i = 0; i < 9 && (await page.evaluate(() => document.activeElement.id)) !== "open"; i++) await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#compare", { state: "visible", timeout: 120000 });
  assert.strictEqual(await page.evaluate(() => document.activeElement.id), "same");
  await page.keyboard.press("Enter");
  assert.ok(await page.isVisible("#root-section"));
  await quiet(page);
}

async function main() {
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  const all = filled === "" ? { wrongWord, mixed, standalone, differ, whole, sealed, keyboard } : { whole, sealed, keyboard };
  for (const [name, run] of Object.entries(all)) {
    try {
      await run(browser);
      console.log(`ok: ${name}`);
      cases++;
    } catch (e) {
      console.log(`FAILED: ${name}: ${e.stack}`);
      process.exitCode = 1;
    }
  }
  await browser.close();
  console.log(`${cases} cases in ${browser.version()}`);
}

main();
