private rule elf
{
	condition:
		uint32(0) == 0x464c457f
}

rule all_programs
{
	meta:
		class = "elf"
		min_size = 1
	condition:
		elf
}

rule all_shell_scripts
{
	strings:
		$shell = "#!/bin/sh"
	condition:
		$shell at 0
}

rule all_but_one
{
	meta:
		min_size = 2000
	strings:
		$approved = "approved"
	condition:
		not $approved
}

rule all_appimages
{
	meta:
		class = "appimage"
	condition:
		true
}

rule all_large_programs
{
	meta:
		class = "elf"
		min_size = 100MB
	condition:
		true
}
