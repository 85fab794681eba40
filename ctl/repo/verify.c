/*
 * proscribectl repo verify: what a host would do with what is published, without being one. Runs
 * anywhere; nothing that is fetched is believed, parsed outside the client and the sandboxed
 * compiler, or kept.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "ctl/json.h"
#include "ctl/print.h"
#include "ctl/repo/commands.h"
#include "ctl/repo/signers.h"
#include "ctl/repo/working.h"
#include "policy/base/clock.h"
#include "policy/base/fd.h"
#include "policy/base/text.h"
#include "policy/image/policy.h"
#include "policy/source/compiler.h"
#include "policy/trust/http.h"
#include "policy/trust/repository_folder.h"
#include "policy/trust/repository_verify.h"
#include "policy/trust/summary.h"

enum { BLOCK_SIZE = 1 << 16, RETRIES = 2 };

struct verifying {
	const char *where;    /* a folder or an URL */
	struct http *http[2]; /* metadata, targets; NULL: folders */
	int folders[2];
	struct tuf_transport inner;
	char *copy; /* where the policy is put together; owned */
	int copy_fd;
	uint64_t requests, bytes;
	char *root; /* owned */
	size_t root_size;
	struct repository_verified verified;
	struct compiled compiled;
	struct trust_summary summary;
};

static void verifying_done(struct verifying *v)
{
	repository_verified_done(&v->verified);
	compiled_done(&v->compiled);
	for (size_t i = 0; i < ARRAY_SIZE(v->http); i++) {
		http_free(v->http[i]);
		cleanup_closep(&v->folders[i]);
	}
	cleanup_closep(&v->copy_fd);
	if (v->copy)
		(void) repository_remove_tree(AT_FDCWD, v->copy);
	free(v->copy);
	free(v->root);
}

/* ---- where it comes from ---- */

static int open_urls(struct verifying *v, const struct arguments *a, struct tuf_error *e)
{
	static const char *const parts[] = { "metadata", "targets" };
	const struct http_options options = {
		.ca_file = a->ca_file, .retries = RETRIES, .plain = true
	};
	size_t n = strlen(v->where);

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		_cleanup_free_ char *url = NULL;
		int r;

		if (asprintf(&url, "%s%s%s/", v->where, n > 0 && v->where[n - 1] == '/' ? "" : "/",
			    parts[i]) < 0) {
			url = NULL;
			return tuf_fail(e, -ENOMEM, NULL, NULL, "not enough memory");
		}
		r = http_new(url, &options, &v->http[i], e);
		if (r < 0)
			return r;
	}
	http_transport(v->http[0], &v->inner);
	return 0;
}

static int open_folders(struct verifying *v, struct tuf_error *e)
{
	static const char *const parts[] = { "metadata", "targets" };
	_cleanup_close_ int fd = open(v->where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return tuf_fail(e, -errno, NULL, v->where, "cannot be opened: %s", strerror(errno));
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		v->folders[i] = openat(fd, parts[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (v->folders[i] < 0)
			return tuf_fail(e, -errno, NULL, v->where,
				"is no folder that was published to: %s/: %s", parts[i],
				strerror(errno));
	}
	tuf_folder_transport(&v->folders[0], &v->inner);
	return 0;
}

/* Counts what a folder is asked for; for URLs, http does. */
static int fetch(void *context, const char *path, size_t max, char **ret, size_t *ret_size,
	struct tuf_error *e)
{
	struct verifying *v = context;
	int r = v->inner.fetch(v->inner.context, path, max, ret, ret_size, e);

	v->requests++;
	if (r == 0)
		v->bytes += *ret_size;
	return r;
}

static int get_root(struct verifying *v, const struct arguments *a, struct tuf_error *e)
{
	int r;

	if (!a->root)
		return fetch(v, "1.root.json", TUF_ROOT_SIZE_MAX, &v->root, &v->root_size, e);
	r = repository_read(AT_FDCWD, a->root, TUF_ROOT_SIZE_MAX, &v->root, &v->root_size);
	return r < 0 ? tuf_fail(e, r, "root", a->root, "cannot be read: %s", strerror(-r)) : 0;
}

/* ---- the policy's files ---- */

/* A name that can be no way out of the folder. */
static bool name_valid(const char *name)
{
	return *name && *name != '.' && strlen(name) <= NAME_MAX && !strchr(name, '/');
}

/* The folder of lists or of signatures, when @name up to @slash is one of them. */
static int open_below(const struct verifying *v, const char *name, const char *slash)
{
	static const char *const kinds[] = { POLICY_LISTS, POLICY_SIGNATURES };
	size_t n = (size_t) (slash - name) + 1;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strlen(kinds[i]) == n && strncmp(name, kinds[i], n) == 0)
			return openat(v->copy_fd, kinds[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return -1;
}

/* Opens the place of the target @path in the copy: a file of the policy, or one that nobody keeps.
 */
static int open_copy(struct verifying *v, const char *path, struct tuf_error *e)
{
	const char *name, *slash;
	_cleanup_close_ int below = -1;
	int fd = -1;

	if (strncmp(path, REPOSITORY_POLICY, strlen(REPOSITORY_POLICY)) == 0) {
		name = path + strlen(REPOSITORY_POLICY);
		slash = strchr(name, '/');
		if (!slash && name_valid(name))
			fd = openat(v->copy_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		else if (slash && name_valid(slash + 1))
			below = open_below(v, name, slash);
		if (below >= 0)
			fd = openat(below, slash + 1, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	}
	if (fd < 0)
		fd = open(v->copy, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	return fd < 0
		? tuf_fail(e, -errno, NULL, v->copy, "cannot be written to: %s", strerror(errno))
		: fd;
}

static int copy_folder_file(
	struct verifying *v, const char *file, uint64_t size, int to, struct tuf_error *e)
{
	_cleanup_close_ int from = openat(
		v->folders[1], file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	_cleanup_free_ char *block = malloc(BLOCK_SIZE);
	uint64_t offset = 0;
	ssize_t n = 0;

	if (from < 0)
		return tuf_fail(e, -errno, NULL, file, "cannot be opened: %s", strerror(errno));
	if (!block)
		return tuf_fail(e, -ENOMEM, NULL, file, "not enough memory");
	do {
		int r;

		n = fd_pread_full(from, block, BLOCK_SIZE, (off_t) offset);
		r = n < 0 ? (int) n : fd_write_full(to, block, (size_t) n);
		if (r < 0)
			return tuf_fail(e, r, NULL, file, "cannot be copied: %s", strerror(-r));
		offset += (uint64_t) n;
	} while (n > 0 && offset <= size);
	v->requests++;
	v->bytes += offset;
	return 0;
}

static int digest_file(int fd, struct tuf_digest *digest, const char *file, struct tuf_error *e)
{
	_cleanup_free_ char *block = malloc(BLOCK_SIZE);
	uint64_t offset = 0;
	ssize_t n;

	if (!block)
		return tuf_fail(e, -ENOMEM, NULL, file, "not enough memory");
	while ((n = fd_pread_full(fd, block, BLOCK_SIZE, (off_t) offset)) > 0) {
		if (tuf_digest_add(digest, block, (size_t) n) < 0)
			return tuf_fail(e, -EUCLEAN, NULL, file, "is longer than what was signed");
		offset += (uint64_t) n;
	}
	return n < 0 ? tuf_fail(e, (int) n, NULL, file, "%s", strerror((int) -n)) : 0;
}

static int content(void *context, const struct tuf_target *t, const char *file,
	struct tuf_digest *digest, struct tuf_error *e)
{
	struct verifying *v = context;
	_cleanup_close_ int fd = open_copy(v, t->path, e);
	uint64_t have = 0;
	int r;

	if (fd < 0)
		return fd;
	if (t->info.length > POLICY_LIST_SIZE_MAX)
		return tuf_fail(e, -EFBIG, NULL, file,
			"has %" PRIu64 " bytes; no file of a policy may have more than %d",
			t->info.length, POLICY_LIST_SIZE_MAX);
	r = v->http[1] ? http_fetch_file(v->http[1], file, fd, t->info.length, &have, e)
		       : copy_folder_file(v, file, t->info.length, fd, e);
	return r < 0 ? r : digest_file(fd, digest, file, e);
}

static int make_copy(struct verifying *v, struct tuf_error *e)
{
	const char *base = getenv("TMPDIR");

	if (asprintf(&v->copy, "%s/proscribe-verify-XXXXXX", base && *base ? base : "/tmp") < 0) {
		v->copy = NULL;
		return tuf_fail(e, -ENOMEM, NULL, NULL, "not enough memory");
	}
	if (!mkdtemp(v->copy)) {
		int r = tuf_fail(e, -errno, NULL, v->copy, "cannot be made: %s", strerror(errno));

		free(v->copy);
		v->copy = NULL;
		return r;
	}
	v->copy_fd = open(v->copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (v->copy_fd < 0 || mkdirat(v->copy_fd, "lists", 0700) < 0 ||
		mkdirat(v->copy_fd, "signatures", 0700) < 0)
		return tuf_fail(
			e, -errno, NULL, v->copy, "cannot be written to: %s", strerror(errno));
	return 0;
}

static int run(struct verifying *v, const struct arguments *a, struct tuf_error *e)
{
	const struct tuf_transport transport = { .fetch = fetch, .context = v };
	struct repository_verify verify = { .metadata = &transport,
		.now_utc_sec = clock_utc_nsec() / NSEC_PER_SEC,
		.content = content,
		.context = v };
	int r = strstr(v->where, ":/") ? open_urls(v, a, e) : open_folders(v, e);

	if (r == 0)
		r = get_root(v, a, e);
	if (r == 0)
		r = make_copy(v, e);
	if (r < 0)
		return r;
	verify.root = v->root;
	verify.root_size = v->root_size;
	r = repository_verify(&verify, &v->verified, e);
	if (r == 0)
		trust_summary_make(v->verified.client, &v->summary);
	return r;
}

static void count(struct verifying *v)
{
	if (!v->http[0])
		return;
	v->requests = v->bytes = 0;
	for (size_t i = 0; i < ARRAY_SIZE(v->http); i++) {
		struct http_counts c;

		http_counts(v->http[i], &c);
		v->requests += c.requests;
		v->bytes += c.bytes;
	}
}

/* ---- telling ---- */

static json_t *role_json(const struct trust_role *role)
{
	char expires[21];

	tuf_time_format(role->expires_utc_sec, expires);
	return json_pack("{s:I, s:s}", "version", (json_int_t) role->version, "expires", expires);
}

static void say_json(struct verifying *v, const struct policy_info *info)
{
	_cleanup_json_ json_t *o = json_pack("{s:o, s:b, s:{}, s:[], s:I, s:I, s:I, s:i, s:i}",
		"repository", json_text(v->where), "valid", info != NULL, "roles", "signers",
		"files", (json_int_t) v->verified.n_files, "requests", (json_int_t) v->requests,
		"bytes", (json_int_t) v->bytes, "errors", (int) v->compiled.n_errors, "warnings",
		(int) v->compiled.n_warnings);

	for (enum tuf_type t = TUF_ROOT; t < _TUF_TYPE_MAX; t++)
		(void) json_object_set_new(json_object_get(o, "roles"), tuf_type_to_string(t),
			role_json(&v->summary.roles[t]));
	for (uint32_t i = 0; i < v->summary.n_signers; i++)
		(void) json_array_append_new(json_object_get(o, "signers"),
			json_pack("{s:o, s:s, s:o}", "role", json_text(v->summary.signers[i].role),
				"keyid", v->summary.signers[i].keyid, "owner",
				json_text(v->summary.signers[i].owner)));
	if (info)
		(void) json_object_set_new(o, "policy",
			json_pack("{s:o, s:I, s:I, s:I}", "name", json_text(info->name), "software",
				(json_int_t) info->n_software, "rules", (json_int_t) info->n_rules,
				"hashes", (json_int_t) info->n_hashes));
	(void) json_print(o);
}

static void say_role(const struct verifying *v, const struct style *style, const char *role,
	const struct trust_role *version)
{
	_cleanup_free_ char *names = NULL, *text = NULL;
	char span[WORKING_SPAN_SIZE];
	size_t size = 0, n = 0;
	FILE *f = open_memstream(&names, &size);

	if (!f)
		return;
	for (uint32_t i = 0; i < v->summary.n_signers; i++) {
		const struct trust_signer *s = &v->summary.signers[i];

		if (strcmp(s->role, role) == 0)
			(void) fprintf(f, "%s%.*s", n++ > 0 ? ", " : ", signed by ",
				*s->owner ? TUF_OWNER_MAX : 12, *s->owner ? s->owner : s->keyid);
	}
	(void) fclose(f);
	working_span(version->expires_utc_sec, clock_utc_nsec() / NSEC_PER_SEC, span);
	if (asprintf(&text, "version %lld, expires %s%s", (long long) version->version, span,
		    names) < 0) {
		text = NULL;
		return;
	}
	print_labelled(stdout, style, 2, 11, role, TINT_NONE, text);
}

static void say(const struct verifying *v, const struct arguments *a, const struct policy_info *i)
{
	char size[PRINT_SIZE_SIZE], signed_size[PRINT_SIZE_SIZE];
	struct style style;

	print_style(stdout, &style);
	print_text(stdout, &style, TINT_BOLD, v->where);
	(void) fputs(": ", stdout);
	print_text(stdout, &style, i ? TINT_GOOD : TINT_BAD,
		i ? "hosts take this" : "hosts would refuse this policy");
	(void) putchar('\n');
	for (enum tuf_type t = TUF_ROOT; t < _TUF_TYPE_MAX; t++)
		say_role(v, &style, tuf_type_to_string(t), &v->summary.roles[t]);
	print_size(v->bytes, size);
	print_size(v->verified.bytes, signed_size);
	(void) printf("  files      %zu, %s; all of it cost %" PRIu64 " requests, %s\n",
		v->verified.n_files, signed_size, v->requests, size);
	if (i)
		(void) printf("  policy     %u software, %u rules, %u hashes\n", i->n_software,
			i->n_rules, i->n_hashes);
	if (!a->root)
		(void) puts("Trust began with the first root it offers itself; --root FILE begins "
			    "with one you know.");
}

enum exit_code cmd_repo_verify(const struct arguments *a)
{
	_cleanup_(verifying_done) struct verifying v = { .where = a->operands[0],
		.folders = { -1, -1 },
		.copy_fd = -1,
		.compiled.image_fd = -1 };
	_cleanup_(policy_unrefp) struct policy *policy = NULL;
	struct policy_info info;
	struct tuf_error e = { 0 };
	int r = run(&v, a, &e);

	if (r < 0)
		return signers_failed(&e);
	count(&v);
	r = compiler_run(v.copy, 0, &v.compiled);
	if (v.compiled.messages)
		print_messages(v.compiled.messages);
	if (r == 0 && v.compiled.image_fd >= 0 && v.compiled.n_errors == 0)
		r = policy_open(v.compiled.image_fd, &policy);
	if (r < 0)
		complain("the policy cannot be compiled: %s", strerror(-r));
	if (policy)
		policy_info(policy, &info);
	if (a->given & OPTION_JSON)
		say_json(&v, policy ? &info : NULL);
	else
		say(&v, a, policy ? &info : NULL);
	return policy ? EXIT_CODE_FINE : EXIT_CODE_FAILED;
}
