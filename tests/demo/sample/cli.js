#!/usr/bin/env node
// A command line tool that only knows its version.
const { name, version } = require("./package.json");

console.log(`${version} (${name})`);
