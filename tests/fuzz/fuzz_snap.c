/* Whatever snap.yaml and a flatpak's metadata hold: a package or none, which reads as the same when
 * it is written anew. */
#include <stdio.h>

#include "agent/inspector/flatpak.h"
#include "agent/inspector/snap.h"
#include "tests/fuzz/package.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* YAML takes some characters beyond ASCII for the end of a line. */
static bool is_ascii(const char *s)
{
	while (*s && (unsigned char) *s < 0x80)
		s++;
	return !*s;
}

/* In single quotes it has one escape. */
static void quote(const char *s, char *out)
{
	for (; *s; s++) {
		if (*s == '\'')
			*out++ = '\'';
		*out++ = *s;
	}
	*out = '\0';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[PACKAGE_NAME_MAX + 2 * PACKAGE_VERSION_MAX + 64],
		version[2 * PACKAGE_VERSION_MAX + 1];
	struct package p;
	int n;

	if (package_fuzz(snap_parse, data, size, &p) > 0 && is_ascii(p.version)) {
		quote(p.version, version);
		n = snprintf(text, sizeof(text), "name: '%s'\nversion: '%s'\n",
			p.name + strlen("snap/"), version);
		package_round_trip(snap_parse, text, (size_t) n, &p);
	}
	if (package_fuzz(flatpak_parse, data, size, &p) > 0) {
		n = snprintf(
			text, sizeof(text), "[Runtime]\nname=%s\n", p.name + strlen("flatpak/"));
		package_round_trip(flatpak_parse, text, (size_t) n, &p);
	}
	return 0;
}
