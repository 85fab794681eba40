#include "policy/identity/pypi.h"

static bool is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_separator(char c)
{
	return c == '-' || c == '_' || c == '.';
}

static bool is_name(const char *name, size_t n)
{
	if (n == 0 || !is_alphanumeric(name[0]) || !is_alphanumeric(name[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_alphanumeric(name[i]) && !is_separator(name[i]))
			return false;
	return true;
}

bool pypi_name_normalize(const char *name, size_t n, char *out, size_t size)
{
	size_t used = 0;

	if (size == 0)
		return false;
	*out = '\0';
	if (!is_name(name, n))
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = name[i];

		if (is_separator(c) && is_separator(name[i + 1]))
			continue;
		if (used + 1 >= size) {
			*out = '\0';
			return false;
		}
		if (is_separator(c))
			c = '-';
		else if (c >= 'A' && c <= 'Z')
			c = (char) (c - 'A' + 'a');
		out[used++] = c;
	}
	out[used] = '\0';
	return true;
}
