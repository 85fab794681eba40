rule opencode
{
	meta:
		purl = "pkg:npm/opencode-ai"
		class = "bun"
		min_size = 50000000
		version = "=\"([0-9]+[.][0-9]+[.][0-9]+)\",[A-Za-z_$]+=\"latest\""
	strings:
		$config = "OPENCODE_CONFIG_CONTENT"
		$password = "OPENCODE_SERVER_PASSWORD"
		$permission = "OPENCODE_PERMISSION"
		$schema = "opencode.ai/config.json"
		$zen = "opencode.ai/zen"
	condition:
		3 of them
}
