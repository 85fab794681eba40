#include "agent/walker/wanted.h"

#include <string.h>
#include <sys/stat.h>

#include "policy/image/signature.h"

/* ---- sizes that signatures admit ---- */

/* Keeps the ranges in order and apart from each other. */
static void add_range(struct wanted_rules *w, uint64_t min, uint64_t max)
{
	unsigned at = 0, end, n_joined;

	while (at < w->n_ranges && w->ranges[at].max < min)
		at++;
	for (end = at; end < w->n_ranges && w->ranges[end].min <= max; end++) {
		min = w->ranges[end].min < min ? w->ranges[end].min : min;
		max = w->ranges[end].max > max ? w->ranges[end].max : max;
	}
	n_joined = end - at;
	if (n_joined == 0 && w->n_ranges == WANTED_RANGES_MAX) {
		/* No room: the neighbour grows over the gap, which opens more and hides nothing. */
		at -= at == w->n_ranges;
		w->ranges[at].min = min < w->ranges[at].min ? min : w->ranges[at].min;
		w->ranges[at].max = max > w->ranges[at].max ? max : w->ranges[at].max;
		return;
	}
	if (n_joined == 0) /* the later ones make room */
		for (unsigned i = w->n_ranges++; i > at; i--)
			w->ranges[i] = w->ranges[i - 1];
	else /* one takes the place of several */
		for (unsigned i = at + 1; end < w->n_ranges; i++, end++)
			w->ranges[i] = w->ranges[end];
	w->n_ranges -= n_joined > 1 ? n_joined - 1 : 0;
	w->ranges[at].min = min;
	w->ranges[at].max = max;
}

static bool in_ranges(const struct wanted_rules *w, uint64_t size)
{
	for (unsigned i = 0; i < w->n_ranges && w->ranges[i].min <= size; i++)
		if (size <= w->ranges[i].max)
			return true;
	return false;
}

/* ---- preparing ---- */

/* Packages that no folder's name tells of: a program carries them, or a database knows its path. */
static bool is_told_by_program(enum package_type type)
{
	switch (type) {
	case PACKAGE_DEB:
	case PACKAGE_RPM:
	case PACKAGE_PYPI:
	case PACKAGE_GOLANG:
	case PACKAGE_CARGO:
	case PACKAGE_BREW:
	case PACKAGE_GENERIC:
		return true;
	case PACKAGE_NONE:
	case PACKAGE_NPM:
	case PACKAGE_VSCODE_EXTENSION:
	case PACKAGE_MAVEN:
	case _PACKAGE_TYPE_MAX:
		break;
	}
	return false;
}

void wanted_prepare(const struct policy *p, const char *const homes[], struct wanted_rules *ret)
{
	struct wanted_rules w = { .policy = p, .homes = homes };
	struct policy_signatures signatures;
	struct policy_info info;

	policy_info(p, &info);
	policy_signatures(p, &signatures);
	w.sizes = info.n_hashes > 0;
	w.paths = info.has_paths;
	w.programs = policy_has_build_ids(p);
	w.packages = w.archives = policy_n_packages(p) > 0;
	for (uint32_t i = 0; i < policy_n_packages(p) && !w.programs; i++) {
		struct policy_package package;

		policy_package(p, i, &package);
		w.programs = is_told_by_program(package.type);
	}
	for (uint32_t i = 0; i < signatures.n; i++) {
		const struct signature *s = policy_signature(p, i);

		add_range(&w, s->min_size, s->max_size);
	}
	*ret = w;
}

/* ---- one file ---- */

static bool has_suffix(const char *name, const char *const suffixes[], size_t n)
{
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && dot > name && i < n; i++)
		if (strcasecmp(dot, suffixes[i]) == 0)
			return true;
	return false;
}

static bool is_script(const char *name)
{
	static const char *const suffixes[] = { ".js", ".cjs", ".mjs", ".py", ".jar" };

	return has_suffix(name, suffixes, ARRAY_SIZE(suffixes));
}

/* Read by a runtime or mounted, and so not marked as executable. */
static bool is_archive(const struct place *place, const char *name)
{
	static const char *const suffixes[] = { ".jar", ".war", ".ear", ".pyz", ".whl", ".vsix",
		".appimage" };
	static const char *const in_caches[] = { ".zip" };

	return has_suffix(name, suffixes, ARRAY_SIZE(suffixes)) ||
		(place->kind == PLACE_CACHE && has_suffix(name, in_caches, ARRAY_SIZE(in_caches)));
}

static bool is_library(const char *name)
{
	static const char *const suffixes[] = { ".so", ".node" };

	return has_suffix(name, suffixes, ARRAY_SIZE(suffixes)) || strstr(name, ".so.");
}

bool wanted_is_metadata(const char *name)
{
	return strcmp(name, "package.json") == 0 || strcmp(name, "codex-package.json") == 0;
}

static bool is_of_distribution(const struct place *place, const char *name)
{
	return place->kind == PLACE_DIST_INFO &&
		(strcmp(name, "METADATA") == 0 || strcmp(name, "PKG-INFO") == 0);
}

static bool matches_path(const struct wanted_rules *w, const char *path)
{
	const struct facts nothing = { 0 };
	struct policy_match m;

	return policy_match(w->policy, &nothing, path, w->homes, &m, 1) > 0;
}

bool wanted_needs_stat(const struct wanted_rules *w, const struct place *place, const char *name)
{
	return w->sizes || w->n_ranges > 0 || w->programs || w->paths || place->near_left > 0 ||
		place->listed || is_of_distribution(place, name) ||
		(w->archives && is_archive(place, name));
}

static bool is_program(
	const struct wanted_rules *w, const struct place *place, const char *name, mode_t mode)
{
	const bool executable = mode & (S_IXUSR | S_IXGRP | S_IXOTH);

	if (w->programs && (executable || is_library(name)))
		return true;
	if (w->archives && is_archive(place, name))
		return true;
	return w->packages && executable && place->near_left > 0;
}

unsigned wanted_file(const struct wanted_rules *w, const struct place *place, const char *name,
	uint64_t size, mode_t mode, const char *path)
{
	unsigned wanted = 0;

	if (w->sizes && policy_size_listed(w->policy, size))
		wanted |= WANTED_SIZE;
	if (w->n_ranges > 0 && in_ranges(w, size))
		wanted |= WANTED_SIGNATURE;
	if (w->paths && matches_path(w, path))
		wanted |= WANTED_PATH;
	if (size == 0)
		return wanted;
	if ((place->listed && ((mode & (S_IXUSR | S_IXGRP | S_IXOTH)) || is_script(name))) ||
		is_of_distribution(place, name))
		wanted |= WANTED_PACKAGE;
	else if (is_program(w, place, name, mode))
		wanted |= WANTED_PROGRAM;
	return wanted;
}
