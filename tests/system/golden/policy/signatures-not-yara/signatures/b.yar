rule good
{
	condition:
		filesize > 0
}
