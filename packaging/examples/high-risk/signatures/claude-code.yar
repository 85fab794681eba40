// Claude Code by its own names: the JavaScript releases (to 2.1.112), the programs made with Bun
// (2.1.113 on), and the same program inside other packages. Whoever edits these seven strings out
// is met by claude_code_literals. The licence header names the version in every release.
rule claude_code
{
	meta:
		purl = "pkg:npm/%40anthropic-ai/claude-code"
		class = "js, bun"
		min_size = 1000000
		version = "// Version: ([0-9]+[.][0-9]+[.][0-9]+)"
	strings:
		$package = "PACKAGE_URL:\"@anthropic-ai/claude-code\""
		$prompt = "Anthropic's official CLI for Claude"
		$entrypoint = "CLAUDE_CODE_ENTRYPOINT"
		$init = "tengu_init"
		$success = "tengu_api_success"
		$releases = "claude-code-releases"
		$licence = "// (c) Anthropic PBC. All rights reserved. Use is subject to"
	condition:
		3 of them
}
