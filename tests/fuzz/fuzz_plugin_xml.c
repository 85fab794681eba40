/* Whatever a plugin.xml holds: a plugin or none, which reads as the same when it is written anew,
 * whatever stands around it. */
#include <stdio.h>

#include "agent/inspector/plugin_xml.h"
#include "tests/fuzz/package.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char format[] = "<?xml version='1.0'?><!-- <id>x</id> --><idea-plugin a=\">\">"
				     "<depends><id>y</id></depends><id>%s</id><version>%s</version>"
				     "</idea-plugin>";
	char text[sizeof(format) + PACKAGE_NAME_MAX + PACKAGE_VERSION_MAX];
	struct package p;
	int n;

	if (package_fuzz(plugin_xml_parse, data, size, &p) <= 0)
		return 0;
	if (strncmp(p.name, "jetbrains/", strlen("jetbrains/")) != 0)
		abort();
	n = snprintf(text, sizeof(text), format, p.name + strlen("jetbrains/"), p.version);
	package_round_trip(plugin_xml_parse, text, (size_t) n, &p);
	return 0;
}
