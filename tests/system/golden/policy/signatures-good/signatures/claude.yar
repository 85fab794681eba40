/* rule commented { condition: true } */
rule claude_code : assistant
{
	meta:
		author = "Information Security"
		purl = "pkg:npm/%40anthropic-ai/claude-code"
		class = "js, bun elf"
		min_size = 1MB
		max_size = "900000000"
		version = "// Version: ([0-9]+[.][0-9]+[.][0-9]+)"
	strings:
		$hex = { 41 42 [2-4] ( 43 | 44 ) /* } */ }
		$text = "rule quoted { condition: true }"
		$expression = /import "pe"\/{2}/
	condition:
		claude_marker or #hex + #text > 2 or $expression
}

rule claude_literals
{
	meta:
		purl = "pkg:npm/%40anthropic-ai/claude-code"
		min_size = 1048576
	strings:
		$ = "some literal that nothing else has"
	condition:
		all of them
}
