rule d
{
	strings:
		$unused = "a"
	condition:
		good
}
