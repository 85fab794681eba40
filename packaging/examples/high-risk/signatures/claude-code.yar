// Claude Code by its own names: the JavaScript releases (to 2.1.112), the programs made with Bun
// (2.1.113 on), and the same program inside other packages. Whoever edits these seven strings out
// is met by claude_code_literals. The licence header names the version in every release.
// Who makes a program of cli.js with Bun may get UTF-16, and no header: a copy of unknown version.
rule claude_code
{
	meta:
		purl = "pkg:npm/%40anthropic-ai/claude-code"
		class = "js, script, bun, node-sea"
		min_size = 1000000
		version = "// Version: ([0-9]+[.][0-9]+[.][0-9]+)"
	strings:
		$a_package = "PACKAGE_URL:\"@anthropic-ai/claude-code\""
		$a_prompt = "Anthropic's official CLI for Claude"
		$a_entrypoint = "CLAUDE_CODE_ENTRYPOINT"
		$a_init = "tengu_init"
		$a_success = "tengu_api_success"
		$a_releases = "claude-code-releases"
		$a_licence = "// (c) Anthropic PBC. All rights reserved. Use is subject to"
		$w_package = "PACKAGE_URL:\"@anthropic-ai/claude-code\"" wide
		$w_prompt = "Anthropic's official CLI for Claude" wide
		$w_entrypoint = "CLAUDE_CODE_ENTRYPOINT" wide
		$w_init = "tengu_init" wide
		$w_success = "tengu_api_success" wide
		$w_releases = "claude-code-releases" wide
		$w_licence = "// (c) Anthropic PBC. All rights reserved. Use is subject to" wide
	condition:
		3 of ($a_*) or 3 of ($w_*)
}
