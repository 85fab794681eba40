/*
 * The input writes a policy, line by line, and then damages its image:
 *   s ID        software        p NAME [VERSION]   package of the last software
 *   h BYTE SIZE [VERSION]       sha256             g GLOB     path
 *   r ACTION [VERS]             rule of it         e LANGUAGE TEXT   reason of the last rule
 *   @ OFFSET BYTE               damage, after building
 * An undamaged image must open, and no damage may make a look-up leave the image or not end.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "policy/base/fd.h"
#include "policy/image/builder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DAMAGES_MAX = 32, WORDS_MAX = 3 };

struct writer {
	struct builder *b;
	uint32_t software, rule, n_damages;
	struct {
		unsigned long offset;
		uint8_t value;
	} damages[DAMAGES_MAX];
};

static void add_hash(struct writer *w, char *const words[WORDS_MAX])
{
	uint8_t digest[SHA256_SIZE] = { (uint8_t) strtoul(words[0], NULL, 10) };

	(void) builder_add_sha256(
		w->b, w->software, digest, strtoull(words[1], NULL, 10), words[2]);
}

static void add_rule(struct writer *w, char *const words[WORDS_MAX])
{
	struct policy_rule rule = { .id = words[0],
		.action = (enum action)(strtoul(words[0], NULL, 10) % _ACTION_MAX),
		.unknown_version_matches = true };

	(void) builder_add_rule(
		w->b, &rule, *words[1] ? words[1] : NULL, &w->software, 1, &w->rule);
}

static void read_line(struct writer *w, char *line)
{
	char *words[WORDS_MAX], *state = NULL, command = *line, nothing[] = "";
	struct policy_software s;

	for (int i = 0; i < WORDS_MAX; i++) {
		words[i] = strtok_r(i == 0 && *line ? line + 1 : NULL, " ", &state);
		if (!words[i])
			words[i] = nothing;
	}
	s = (struct policy_software){ words[0], words[1], words[2] };
	if (command == 's')
		(void) builder_add_software(w->b, &s, &w->software);
	else if (command == 'p')
		(void) builder_add_package(w->b, w->software, PACKAGE_NPM, words[0], words[1]);
	else if (command == 'h')
		add_hash(w, words);
	else if (command == 'g')
		(void) builder_add_path(w->b, w->software, words[0]);
	else if (command == 'r')
		add_rule(w, words);
	else if (command == 'e')
		(void) builder_add_reason(w->b, w->rule, words[0], words[1]);
	else if (command == '@' && w->n_damages < DAMAGES_MAX) {
		w->damages[w->n_damages].offset = strtoul(words[0], NULL, 10);
		w->damages[w->n_damages++].value = (uint8_t) strtoul(words[1], NULL, 10);
	}
}

static size_t look_up(const struct policy *p, const struct policy_info *info, const char *path)
{
	static const char *const homes[] = { "/home/eve", NULL };
	struct facts f = { .size = 10, .have = FACTS_SHA256, .n_packages = 2 };
	struct policy_match m[POLICY_MATCHES_MAX];
	size_t n, used = 0;

	f.sha256[0] = 1;
	f.packages[0] = (struct package){ PACKAGE_NPM, METADATA_PACKAGE_JSON, "@a/claude",
		"2.1.91" };
	f.packages[1] = (struct package){ PACKAGE_NPM, METADATA_PACKAGE_JSON, "x", "" };
	n = policy_match(p, &f, path, homes, m, POLICY_MATCHES_MAX);
	if (n > POLICY_MATCHES_MAX)
		abort();
	for (size_t i = 0; i < n; i++) {
		if (m[i].software >= info->n_software)
			abort();
		used += m[i].version ? strlen(m[i].version) : 0;
		for (uint32_t k = 0; k < info->n_rules && k < 64; k++)
			used += policy_rule_covers(p, k, &m[i]);
	}
	return used;
}

static size_t read_all(const struct policy *p, const struct policy_info *info)
{
	size_t used = 0;

	for (uint32_t i = 0; i < info->n_software; i++) {
		struct policy_software s;

		policy_software(p, i, &s);
		used += strlen(s.id) + strlen(s.name) + strlen(s.vendor);
		for (uint32_t k = 0; k < policy_software_n_rules(p, i); k++)
			if (policy_software_rule(p, i, k) >= info->n_rules)
				abort();
	}
	for (uint32_t i = 0; i < info->n_rules; i++) {
		struct policy_rule r;

		policy_rule(p, i, &r);
		if (r.action <= ACTION_NONE || r.action >= _ACTION_MAX)
			abort();
		used += strlen(r.id) + strlen(r.url) + strlen(policy_rule_reason(p, i, "pt_BR"));
	}
	return used;
}

static void use(int fd, const char *path, bool damaged)
{
	_cleanup_(policy_unrefp) struct policy *p = NULL;
	struct policy_info info;
	int r = policy_open(fd, &p);

	if (r < 0) {
		if (!damaged || (r != -EBADMSG && r != -EPROTONOSUPPORT))
			abort();
		return;
	}
	policy_info(p, &info);
	(void) policy_size_listed(p,
		look_up(p, &info, path) + read_all(p, &info) + strlen(info.name) +
			strlen(info.owner) + strlen(info.contact));
}

/* The input as an image of its own; files whose bytes libFuzzer finds by itself. */
static void use_raw(const uint8_t *data, size_t size)
{
	_cleanup_close_ int fd = memfd_create("raw", MFD_CLOEXEC);

	if (fd >= 0 && fd_write_full(fd, data, size) == 0)
		use(fd, "/home/eve/.claude/x", true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *) data, size);
	_cleanup_(builder_freep) struct builder *b = NULL;
	_cleanup_close_ int fd = memfd_create("image", MFD_CLOEXEC);
	struct writer w = { 0 };
	char *state = NULL;

	use_raw(data, size);
	if (!text || fd < 0 || builder_new("list", "", "", &b) < 0)
		return 0;
	w.b = b;
	for (char *line = strtok_r(text, "\n", &state); line; line = strtok_r(NULL, "\n", &state))
		read_line(&w, line);
	if (builder_write(b, fd) < 0)
		abort();
	use(fd, "/home/eve/.claude/x", false);
	for (uint32_t i = 0; i < w.n_damages; i++)
		if (pwrite(fd, &w.damages[i].value, 1, (off_t) (w.damages[i].offset % 4096)) < 0)
			return 0;
	use(fd, "/home/eve/.claude/x", true);
	return 0;
}
