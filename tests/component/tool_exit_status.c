/*
 * Ends with the status that stands in its own file, so that a test can tell which content ran.
 */
int main(void)
{
	static const volatile char text[] = "exit status: 0";

	return text[sizeof(text) - 2] - '0';
}
