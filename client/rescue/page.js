// SPDX-License-Identifier: Apache-2.0
// What the page shows and does. Keeps everything in `now`; stores and sends nothing.
import { Fault, equal, hex, unbase64, utf8 } from "./bytes.js";
import * as cards from "./card.js";
import { fingerprint, ownerOf, unwrap } from "./crypt.js";
import { combine, progress, samePiece, sameSet } from "./slip39.js";
import { archive, distinct, fileName } from "./tar.js";
import * as vaults from "./vault.js";
import * as wrapped from "./wrapped.js";

const TEXT_MAX = 256 * 1024; // a longer content is saved, not shown
const PLAIN = new TextDecoder("utf-8", { fatal: true });

const now = { cards: [], line: null, root: null, vault: null, run: 0 };
let bundle = {}; // what `kith card bundle` filled in

const $ = (id) => document.getElementById(id);

function make(tag, text = "", className = "") {
  const e = document.createElement(tag);
  e.textContent = text;
  e.className = className;
  return e;
}

function button(text, deed) {
  const b = make("button", text, "plain");
  b.type = "button";
  b.addEventListener("click", deed);
  return b;
}

function say(id, text, how = "") {
  $(id).textContent = text;
  $(id).className = `says ${how}`;
}

// A Fault is a sentence for a person; anything else is a fault of ours, and is said too.
function sayFault(id, e) {
  say(id, e instanceof Fault ? e.message : `Something went wrong in this page: ${e.message}`, "bad");
}

function save(name, bytes) {
  const a = document.createElement("a");
  const url = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
  a.href = url;
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}

// ---- cards ----

function typing() {
  const { words } = cards.read($("card").value);
  if (words.length === 0) return say("card-says", "");
  // The last word may not be finished yet.
  const done = /[A-Za-z]$/.test($("card").value) ? words.slice(0, -1) : words;
  const at = done.findIndex((w) => w.index < 0);
  if (at >= 0) say("card-says", `${words.length} of 33 words. ${cards.place(at)}: "${done[at].typed}" is not on the list.`, "warn");
  else say("card-says", `${words.length} of 33 words`);
}

// Why a card may not lie beside those taken already; "" if it may.
function unfit(card) {
  for (const other of now.cards) {
    if (!sameSet(other.share, card.share))
      return `This card is not of the same set as the others: another person's, or from before or after a change of the circle.${numbers(card, other)} Cards of different sets never open anything together.`;
    if (samePiece(other.share, card.share))
      return equal(other.share.value, card.share.value) ? "This card is here already." : "A card that says it is the same piece is here already, with other words.";
  }
  return "";
}

function numbers(card, other) {
  const [a, b] = [card.line, other.line];
  return a && b && a.epoch !== b.epoch ? ` This one is of circle number ${a.epoch}, the others of number ${b.epoch}.` : "";
}

function takeCard() {
  const text = $("card").value;
  try {
    const card = cards.parse(text);
    const why = unfit(card);
    if (why !== "") throw new Fault("card-unfit", why);
    now.cards.push(card);
    if (now.line === null && wrapped.lineIn(text) !== "") $("line").value = wrapped.lineIn(text);
    $("card").value = "";
    say("card-says", "Taken. The words are not shown any more.", "good");
    readLine();
  } catch (e) {
    sayFault("card-says", e);
  }
  showCards();
  $("card").focus();
}

function cardName(card) {
  const { share, line } = card;
  const of = share.groupCount > 1 ? `group ${share.group + 1}, piece ${share.member + 1}` : `piece ${share.member + 1}`;
  return line === null ? of : `${of} (circle number ${line.epoch}${line.name === "" ? "" : `, ${line.name}`})`;
}

function countText() {
  if (now.cards.length === 0) return "";
  const { groups, have, need, enough } = progress(now.cards.map((c) => c.share));
  if (enough) return "Enough cards.";
  const each = groups.map((g) => `${g.have} of ${g.need}${need > 1 || groups.length > 1 ? ` of group ${g.group + 1}` : ""}`);
  const several = now.cards[0].share.groupCount > 1 ? ` ${have} of ${need} groups are complete.` : "";
  return `Cards so far: ${each.join(", ")}.${several}`;
}

function showCards() {
  $("cards").replaceChildren(...now.cards.map((card, i) => {
    const li = make("li", cardName(card));
    li.append(button("Remove", () => {
      now.cards.splice(i, 1);
      showCards();
      $("card").focus();
    }));
    return li;
  }));
  say("cards-say", countText());
  forget();
}

// ---- the line ----

function readLine() {
  now.line = null;
  forget();
  if ($("line").value.trim() === "") return say("line-says", "");
  try {
    now.line = wrapped.parse($("line").value);
    const other = now.cards.map((c) => c.line).find((l) => l && (l.epoch !== now.line.epoch || !equal(l.circle, now.line.circle)));
    if (other) say("line-says", `A whole line, but of circle number ${now.line.epoch}; the cards are of ${other.epoch === now.line.epoch ? "another circle" : `number ${other.epoch}`}.`, "warn");
    else say("line-says", `A whole line, of circle number ${now.line.epoch}.`, "good");
  } catch (e) {
    sayFault("line-says", e);
  }
  forget();
}

// ---- putting together ----

// What was opened belongs to other cards or another line: away with it.
function forget() {
  now.run++;
  now.root?.fill(0);
  now.root = null;
  now.vault = null;
  for (const id of ["compare", "root-section", "vault-section", "vault-open", "open-progress", "root"]) $(id).hidden = true;
  $("root").textContent = "";
  $("words").textContent = "";
  $("items").replaceChildren();
  $("vault-file").value = "";
  say("open-says", "");
  say("vault-says", "");
  const enough = progress(now.cards.map((c) => c.share)).enough;
  $("open").disabled = now.line === null || !enough;
  const cardsFirst = now.cards.length > 0 ? "First more cards" : "First the cards";
  if (!enough) say("open-says", now.line === null ? `${cardsFirst}, and the line.` : `${cardsFirst}.`);
  else if (now.line === null) say("open-says", "Only the line is missing.");
}

function rootOf() {
  const { secret, bad } = combine(now.cards.map((c) => c.share));
  const names = now.cards.filter((c) => bad.includes(c.share)).map(cardName);
  const root = secret.length === 32 ? unwrap(secret, now.line) : null;
  secret.fill(0);
  if (root === null)
    throw new Fault("wrapped-other", `The cards fit together, but they do not open this line: it is of another circle, or of another number than ${now.line.epoch}. Look for the line on paper that is as old as the cards.`);
  return { root, names };
}

async function putTogether() {
  const run = now.run;
  const bar = $("open-progress");
  $("open").disabled = true;
  try {
    const { root, names } = rootOf();
    now.root = root;
    bar.hidden = false;
    bar.value = 0;
    say("open-says", "Working out the fingerprint words. This takes some seconds, on purpose.");
    const owner = ownerOf(root);
    const words = await fingerprint(owner, (part) => { bar.value = part; });
    if (run !== now.run) return;
    say("open-says", names.length > 0 ? `A bad card was left out: ${names.join("; ")}.` : "", "warn");
    showWords(words, owner);
  } catch (e) {
    if (run === now.run) sayFault("open-says", e);
  }
  if (run !== now.run) return;
  bar.hidden = true;
  $("open").disabled = false;
}

function showWords(words, owner) {
  const others = now.cards.filter((c) => c.line !== null && !equal(c.line.owner, owner));
  $("words").textContent = words;
  $("compare").hidden = false;
  if (bundle.fingerprint && bundle.fingerprint !== words)
    say("words-say", `These are NOT the words this page was made with (${bundle.fingerprint}).`, "bad");
  else if (others.length > 0)
    say("words-say", "A card's public line names another owner. Be sure of the four words.", "bad");
  else if (bundle.fingerprint) say("words-say", "The words this page was made with are the same.", "good");
  else say("words-say", "");
  $("same").focus();
}

function accepted() {
  $("compare").hidden = true;
  say("open-says", "The key is here.", "good");
  $("root-section").hidden = false;
  $("vault-section").hidden = false;
  const inside = $("bundle-vault").textContent.trim();
  $("vault-pick").hidden = inside !== "";
  if (inside !== "") $("vault-about").textContent = "A copy of the vault came with this page.";
  if (inside !== "") openVault(async () => unbase64(inside));
  $("root-title").scrollIntoView({ block: "start" });
}

function refused() {
  forget();
  say("open-says", "Then stop. These cards or this line make another person's key, or somebody replaced them. Look for other cards, and ask the owner or the guardians.", "bad");
}

// ---- root ----

function showRoot() {
  const shown = !$("root").hidden;
  $("root").hidden = shown;
  $("root").textContent = shown ? "" : hex(now.root);
  $("root-show").textContent = shown ? "Show it here" : "Hide it";
}

// ---- vault ----

async function openVault(bytesOf) {
  const run = now.run;
  const bar = $("vault-progress");
  bar.hidden = false;
  bar.value = 0;
  $("vault-open").hidden = true;
  say("vault-says", "Reading the copy …");
  try {
    const vault = await vaults.open(await bytesOf(), now.root, (part) => { bar.value = part; });
    if (run !== now.run) return;
    now.vault = vault;
    sayVault(vault);
    showItems();
    $("vault-open").hidden = false;
  } catch (e) {
    if (run === now.run) sayFault("vault-says", e);
  }
  bar.hidden = true;
}

function day(seconds) {
  const d = new Date(seconds * 1000);
  return Number.isNaN(d.getTime()) ? "?" : d.toISOString().slice(0, 10);
}

function sayVault({ state, items, lostPages, cut }) {
  const there = items.filter((i) => i.removed === 0).length;
  const from = state.deviceName === "" ? "" : ` on ${state.deviceName}`;
  const lost = lostPages > 0 ? `\n${lostPages} parts of its list are damaged: items are missing (it says it had ${state.items}).` : "";
  const end = cut ? "\nThe file is cut: its end is missing." : "";
  say("vault-says", `Version ${state.version} of ${day(state.made)}${from}: ${there} items.${lost}${end}`, lost + end === "" ? "good" : "bad");
}

function size(n) {
  return n < 1024 ? `${n} bytes` : n < 1 << 20 ? `${(n / 1024).toFixed(1)} KiB` : `${(n / 1048576).toFixed(1)} MiB`;
}

function showItems() {
  const filter = $("filter").value.toLowerCase();
  const list = now.vault.items.filter((i) => i.name.toLowerCase().includes(filter));
  $("items").replaceChildren(...list.map(itemShown));
}

function itemShown(item) {
  const li = make("li");
  const parts = [vaults.TYPES[item.type] || "item"];
  if (item.removed !== 0) parts.push(`removed ${day(item.removed)}`);
  for (const [what, text] of [["user", item.user], ["at", item.url]]) if (text !== "") parts.push(`${what} ${text}`);
  parts.push(`changed ${day(item.changed)}`);
  li.append(make("h3", item.name), make("div", parts.join(" · "), "about"));
  if (item.hint !== "") li.append(make("div", item.hint, "about"));
  for (const ref of item.now) li.append(contentShown(item, ref, item.name, ""));
  item.past.forEach((ref, i) =>
    li.append(contentShown(item, ref, earlierName(item, i), `Earlier, of ${day(ref.changed)}: `)));
  return li;
}

function earlierName(item, i) {
  return `${item.name} (earlier ${i + 1})`;
}

// One content with its buttons; says what is wrong with it in its own line.
function contentShown(item, ref, name, before) {
  const div = make("div", "", "deeds");
  const pre = make("pre");
  const fault = make("p", "", "bad");
  const got = (deed) => () => {
    fault.textContent = "";
    try {
      deed(vaults.content(now.vault, ref, `"${name}"`));
    } catch (e) {
      fault.textContent = e.message;
    }
  };
  pre.hidden = true;
  const view = button("Show", () => {
    if (pre.hidden) return got((bytes) => showText(bytes, pre, view, fault))();
    pre.hidden = true;
    pre.textContent = "";
    view.textContent = "Show";
  });
  div.append(make("span", `${before}${size(ref.size)}`, "about"), view,
    button("Save", got((bytes) => save(fileName(name), bytes))), fault, pre);
  for (const b of div.querySelectorAll("button")) b.setAttribute("aria-label", `${b.textContent}: ${name}`);
  return div;
}

function showText(bytes, pre, view, fault) {
  try {
    if (bytes.length > TEXT_MAX || bytes.includes(0)) throw new Error();
    pre.textContent = PLAIN.decode(bytes);
    pre.hidden = false;
    view.textContent = "Hide";
  } catch {
    fault.textContent = "This is no short text. Save it, and open it with its program.";
  }
}

// What the archive holds: each content, and a list of what was with them.
function allFiles(vault) {
  const broken = [];
  const files = [];
  for (const item of vault.items) {
    const refs = [...item.now.map((r) => [r, item.name, item.changed]), ...item.past.map((r, i) => [r, earlierName(item, i), r.changed])];
    for (const [ref, name, time] of refs) {
      try {
        files.push({ name, bytes: vaults.content(vault, ref, name), time, item });
      } catch {
        broken.push(name);
      }
    }
  }
  const names = distinct(["items.json", ...files.map((f) => fileName(f.name))]).slice(1);
  files.forEach((f, i) => { f.name = names[i]; });
  return { files, broken };
}

function listOf(files) {
  return utf8(JSON.stringify(files.map(({ name, item, time }) => ({
    file: name, name: item.name, type: vaults.TYPES[item.type] || String(item.type), user: item.user, url: item.url,
    hint: item.hint, changed: time, removed: item.removed,
  })), null, 2) + "\n");
}

function saveAll() {
  const { files, broken } = allFiles(now.vault);
  save("vault.tar", archive([...files, { name: "items.json", bytes: listOf(files), time: now.vault.state.made }]));
  if (broken.length > 0) say("vault-says", `Saved, but damaged in this copy and left out: ${broken.join(", ")}.`, "bad");
}

// ---- the page ----

function wipe() {
  now.cards = [];
  now.line = null;
  for (const id of ["card", "line", "filter"]) $(id).value = "";
  say("card-says", "");
  say("line-says", "");
  showCards();
  if (bundle.wrapped) fillLine();
}

function fillLine() {
  $("line").value = bundle.wrapped;
  $("line-about").textContent = "It came with this page.";
  readLine();
}

// Facts of the circle, as the owner's program filled them in. No secret.
function showFacts() {
  const facts = [
    ["Circle of", bundle.name], ["Circle number", bundle.epoch], ["Needed", bundle.need && `${bundle.need} of ${bundle.of} pieces`],
    ["Fingerprint words", bundle.fingerprint], ["Page made", bundle.made && day(bundle.made)],
  ].filter(([, v]) => v);
  $("facts-list").replaceChildren(...facts.flatMap(([k, v]) => [make("dt", k), make("dd", String(v))]));
  $("facts").hidden = facts.length === 0;
  if (bundle.wrapped) fillLine();
}

function start() {
  const on = (id, event, deed) => $(id).addEventListener(event, deed);
  bundle = JSON.parse($("bundle").textContent);
  on("card", "input", typing);
  on("card-take", "click", takeCard);
  on("line", "input", readLine);
  on("open", "click", putTogether);
  on("same", "click", accepted);
  on("differ", "click", refused);
  on("root-show", "click", showRoot);
  on("root-save", "click", () => save("root.txt", utf8(`${hex(now.root)}\n`)));
  on("vault-file", "change", () => {
    const file = $("vault-file").files[0];
    if (file) openVault(async () => new Uint8Array(await file.arrayBuffer()));
  });
  on("filter", "input", showItems);
  on("save-all", "click", saveAll);
  on("wipe", "click", wipe);
  // A page that comes back by the browser's back button comes back empty.
  window.addEventListener("pagehide", wipe);
  wipe();
  showFacts();
}

if (typeof document !== "undefined") start();

