/*
 * A purl that is taken must survive the way to its canonical text and back, and the way through
 * its parts, unchanged; and what can be matched is the same before and after.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/identity/npm.h"
#include "policy/identity/purl.h"
#include "policy/identity/purl_package.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void must_be_same(const struct purl *a, const struct purl *b)
{
	must(strcmp(a->text, b->text) == 0);
	must(strcmp(a->type, b->type) == 0);
	must(strcmp(a->namespace, b->namespace) == 0);
	must(strcmp(a->name, b->name) == 0);
	must(strcmp(a->version, b->version) == 0);
	must(strcmp(a->subpath, b->subpath) == 0);
	must(a->n_qualifiers == b->n_qualifiers);
	for (size_t i = 0; i < a->n_qualifiers; i++) {
		must(strcmp(a->qualifiers[i].key, b->qualifiers[i].key) == 0);
		must(strcmp(a->qualifiers[i].value, b->qualifiers[i].value) == 0);
	}
}

static void check_general(const char *text)
{
	_cleanup_(purl_done) struct purl p = { 0 }, read = { 0 }, built = { 0 };
	const char *error = NULL;

	if (purl_parse(text, PURL_LENIENT, &p, &error) < 0) {
		must(error && *error);
		return;
	}
	must(strlen(p.text) <= PURL_TEXT_MAX && *p.name);
	must(purl_parse(p.text, PURL_STRICT, &read, &error) == 0);
	must_be_same(&p, &read);
	must(purl_build(&p, &built, &error) == 0);
	must_be_same(&p, &built);
}

static void check_package(const char *text)
{
	char first[PURL_PACKAGE_SIZE_MAX], second[PURL_PACKAGE_SIZE_MAX];
	char base[PACKAGE_VERSION_MAX + 1];
	const char *error = NULL;
	struct package p, q;

	if (purl_package_read(text, &p, &error) < 0) {
		must(error && *error);
		return;
	}
	must(p.type > PACKAGE_NONE && p.type < _PACKAGE_TYPE_MAX && *p.name);
	must(p.type != PACKAGE_NPM || npm_name_valid(p.name));
	must(purl_package_write(&p, first) == 0);
	must(purl_package_read(first, &q, &error) == 0);
	must(p.type == q.type && strcmp(p.name, q.name) == 0 && strcmp(p.version, q.version) == 0);
	must(purl_package_write(&q, second) == 0 && strcmp(first, second) == 0);
	npm_version_base(p.version, base, sizeof(base));
	must(strncmp(base, p.version, strlen(base)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *) data, size);

	if (!text)
		return 0;
	check_general(text);
	check_package(text);
	return 0;
}
