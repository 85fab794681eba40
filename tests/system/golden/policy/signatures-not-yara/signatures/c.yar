rule tool
{
	strings:
		$a = "a"
		$b = { zz }
	condition:
		good and tool and $a
}
