// SPDX-License-Identifier: Apache-2.0
// What `kith card bundle` filled in, opened with the page's own script.
//   node bundle.js PAGE facts                       the facts as JSON
//   node bundle.js PAGE root CARD…                  the root, from cards and the line in the page
//   node bundle.js PAGE items ROOT-FILE [COPY]      name, type, user, size and SHA-256 of each
//                                                   content, one a line; of COPY, else of the
//                                                   vault in the page
"use strict";
const crypto = require("crypto");
const fs = require("fs");
const { load } = require("./page.js");

const [file, what, ...rest] = process.argv.slice(2);
const page = fs.readFileSync(file, "utf8");
const element = (id) => new RegExp(`<script type="[^"]*" id="${id}">([^]*?)</script>`).exec(page)[1];

const kith = load(file);

function root() {
  const shares = rest.map((f) => kith["card.js"].parse(fs.readFileSync(f, "utf8")).share);
  const { secret, bad } = kith["slip39.js"].combine(shares);
  if (bad.length > 0) throw new Error("a card is bad");
  const got = kith["crypt.js"].unwrap(secret, kith["wrapped.js"].parse(facts.wrapped));
  console.log(kith["bytes.js"].hex(got));
}

async function items() {
  const [rootFile, copy] = rest;
  const { open, content, TYPES } = kith["vault.js"];
  const key = kith["bytes.js"].unhex(fs.readFileSync(rootFile, "utf8").trim());
  const bytes = copy ? new Uint8Array(fs.readFileSync(copy)) : kith["bytes.js"].unbase64(element("bundle-vault"));
  const vault = await open(bytes, key);
  if (vault.cut || vault.lostPages > 0) throw new Error("the copy is damaged");
  for (const item of vault.items)
    for (const ref of [...item.now, ...item.past]) {
      const got = content(vault, ref);
      const sum = crypto.createHash("sha256").update(got).digest("hex");
      console.log([item.name, TYPES[item.type], item.user, got.length, sum].join("\t"));
    }
}

const facts = JSON.parse(element("bundle"));
async function main() {
  if (what === "facts") console.log(JSON.stringify(facts));
  else if (what === "root") root();
  else await items();
}
main().catch((e) => { console.error(e.stack); process.exitCode = 1; });
