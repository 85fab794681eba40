/*
 * The smallest program there is to launch: what remains is the cost of the launch itself.
 */
int main(void)
{
	return 0;
}
