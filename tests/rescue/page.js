// SPDX-License-Identifier: Apache-2.0
// The script of a rescue page, loaded without a browser: its modules by name.
"use strict";
const fs = require("fs");
const path = require("path");
const vm = require("vm");

const root = path.join(__dirname, "..", "..");

/** The modules of the page: load()["slip39.js"].combine(…). */
function load(file = path.join(root, "client", "rescue", "rescue.html")) {
  const script = /<script>([^]*)<\/script>/.exec(fs.readFileSync(file, "utf8"))[1];
  // In this context, so that its bytes are our bytes.
  return vm.runInThisContext(`(() => {${script}\nreturn kith; })()`);
}

module.exports = { load, root };
