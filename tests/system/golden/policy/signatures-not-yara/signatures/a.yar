import "pe"
include "/etc/passwd"

rule tool
{
	meta:
		version = "version ([0-9]+\.[0-9]+)"
	condition:
		true
}
