private rule claude_marker
{
	strings:
		$ = "tengu_"
		$ = "CLAUDE_CODE_"
	condition:
		any of them
}
