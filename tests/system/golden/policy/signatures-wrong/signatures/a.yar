private rule helper
{
	condition:
		true
}

global rule everywhere
{
	condition:
		filesize > 0
}

rule proscribe_version_of_tool
{
	condition:
		true
}
