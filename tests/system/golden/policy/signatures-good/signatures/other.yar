rule other
{
	strings:
		$ = "other"
	condition:
		all of them
}

rule nobody_uses_me
{
	condition:
		other
}
