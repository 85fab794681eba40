// A TUF client by npm's tuf-js with the command line of tests/support/tuf_client.py.
// usage: node tuf_js_client.mjs NODE_MODULES [--metadata-dir D ...] init ROOT | refresh | download
import { copyFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const options = { "target-name": [] };
const [modules, ...words] = process.argv.slice(2);
while (words[0]?.startsWith("--")) {
	const name = words.shift().slice(2), value = words.shift();
	if (name === "target-name")
		options[name].push(value);
	else
		options[name] = value;
}

const { Updater } = createRequire(join(modules, "x.js"))("tuf-js");
const updater = () => new Updater({
	metadataDir: options["metadata-dir"],
	metadataBaseUrl: options["metadata-url"],
	targetDir: options["target-dir"],
	targetBaseUrl: options["target-base-url"],
	config: { fetchRetries: 0 },
});

const verbs = {
	async init(root) {
		copyFileSync(root, join(options["metadata-dir"], "root.json"));
	},
	async refresh() {
		await updater().refresh();
	},
	async download() {
		const client = updater();
		await client.refresh();
		for (const path of options["target-name"]) {
			const target = await client.getTargetInfo(path);
			if (!target)
				throw new Error(`no such target: ${path}`);
			if (!await client.findCachedTarget(target))
				await client.downloadTarget(target);
		}
	},
};

try {
	await verbs[words[0]](...words.slice(1));
} catch (error) {
	console.error(`${error}`);
	process.exitCode = 1;
}
