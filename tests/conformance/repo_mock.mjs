// Writes the repository that npm's @tufjs/repo-mock makes of the targets on standard input, {name: content}, below FOLDER.
// usage: node repo_mock.mjs NODE_MODULES FOLDER [mended]
//
// The package writes two things that the specification does not allow: key ids that are no digest of the key's canonical
// form, and times with milliseconds. "mended" has it write both as they must be, and changes nothing else.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const [modules, folder, mended] = process.argv.slice(2);
const require = createRequire(join(modules, "x.js"));

if (mended) {
	const crypto = require("@tufjs/repo-mock/dist/crypto.js");
	const { canonicalize } = require("@tufjs/canonical-json");
	const digest = crypto.digestSHA256;
	crypto.digestSHA256 = data => {
		if (!String(data).startsWith('{"keyType":'))
			return digest(data);
		const { keyType, scheme, keyVal } = JSON.parse(data);
		return digest(canonicalize({ keytype: keyType, scheme, keyval: keyVal }));
	};
	const toISOString = Date.prototype.toISOString;
	Date.prototype.toISOString = function () {
		return toISOString.call(this).replace(/\.\d+Z$/, "Z");
	};
}

const { initializeTUFRepo, tufHandlers } = require("@tufjs/repo-mock");
const targets = Object.entries(JSON.parse(readFileSync(0, "utf8"))).map(([name, content]) => ({ name, content }));
for (const { path, fn } of tufHandlers(initializeTUFRepo(targets), {})) {
	const { statusCode, response } = fn();
	if (statusCode !== 200)
		continue;
	mkdirSync(dirname(join(folder, path)), { recursive: true });
	writeFileSync(join(folder, path), response);
}
