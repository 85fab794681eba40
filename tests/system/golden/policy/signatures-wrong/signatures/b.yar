rule wrong_meta
{
	meta:
		purl = "pkg:npm/tool@1.0.0"
		class = "elf, bunn, shell"
		min_sise = 5
		min_size = 5
		max_size = 4
		version = "[0-9]+"
	condition:
		true
}

rule wrong_types
{
	meta:
		purl = 5
		class = true
		min_size = "5 MB"
		max_size = -1
		version = ""
	condition:
		true
}

rule wrong_purls
{
	meta:
		purl = "pkg:deb/bash"
		purl = "tool"
		class = ", "
		version = "(\\d+)"
	condition:
		true
}

rule essential
{
	meta:
		purl = "pkg:deb/debian/bash"
		version = "version ([0-9]{1,500}){1,500}"
	condition:
		true
}

rule unknown_type
{
	meta:
		purl = "pkg:docker/library/nginx"
		version = "version [0-9]+"
	condition:
		true
}

rule empty_match
{
	meta:
		version = "([0-9]*)"
	condition:
		true
}
