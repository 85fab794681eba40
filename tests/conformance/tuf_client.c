/*
 * The command line by which a public conformance suite drives a TUF client: init, refresh and
 * download. Ends with exactly 0 or 1.
 */
#include <fcntl.h>
#include <getopt.h>
#include <string.h>
#include <time.h>

#include "policy/base/cleanup.h"
#include "policy/base/fd.h"
#include "policy/trust/client.h"
#include "policy/trust/digest.h"
#include "policy/trust/http.h"

enum { NAMES_MAX = 1024, TARGET_SIZE_MAX = 64 << 20 };

struct arguments {
	const char *metadata_dir, *metadata_url, *target_dir, *target_base_url;
	const char *names[NAMES_MAX];
	size_t n_names;
	const char *verb, *root;
};

static int usage(void)
{
	(void) fputs("tuf-client --metadata-dir D [--metadata-url U] [--target-name T ...] "
		     "[--target-dir TD]\n"
		     "           [--target-base-url TU] init ROOT | refresh | download\n",
		stderr);
	return -EINVAL;
}

static int parse(int argc, char *argv[], struct arguments *a)
{
	static const struct option options[] = {
		{ "metadata-dir", required_argument, NULL, 'd' },
		{ "metadata-url", required_argument, NULL, 'u' },
		{ "target-name", required_argument, NULL, 'n' },
		{ "target-dir", required_argument, NULL, 't' },
		{ "target-base-url", required_argument, NULL, 'b' },
		{ 0 },
	};
	bool init;
	int o;

	while ((o = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (o == 'd')
			a->metadata_dir = optarg;
		else if (o == 'u')
			a->metadata_url = optarg;
		else if (o == 't')
			a->target_dir = optarg;
		else if (o == 'b')
			a->target_base_url = optarg;
		else if (o == 'n' && a->n_names < NAMES_MAX)
			a->names[a->n_names++] = optarg;
		else
			return usage();
	}
	a->verb = optind < argc ? argv[optind] : "";
	init = strcmp(a->verb, "init") == 0;
	a->root = init ? argv[optind + 1] : NULL;
	if (!a->metadata_dir || argc != optind + 1 + init || (init && !a->root))
		return usage();
	return 0;
}

/* Says what was wrong, and returns the exit status. */
static int end(int r, const struct tuf_error *e)
{
	if (r < 0) {
		_cleanup_free_ char *line = e->error < 0 ? tuf_error_line(e) : NULL;

		(void) fprintf(stderr, "tuf-client: %s\n", line ? line : strerror(-r));
	}
	return r < 0 ? 1 : 0;
}

static int init(const struct tuf_store *store, const char *path, struct tuf_error *e)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *root = NULL;
	size_t n;
	int r;

	if (fd < 0)
		return -errno;
	r = fd_read_file(fd, TUF_ROOT_SIZE_MAX, &root, &n);
	return r < 0 ? r : tuf_client_init(store, time(NULL), root, n, e);
}

static int check(const struct tuf_target *t, const char *bytes, size_t n)
{
	_cleanup_(tuf_digest_freep) struct tuf_digest *d = NULL;
	int r = tuf_digest_new(&t->info, &d);

	if (r == 0)
		r = tuf_digest_add(d, bytes, n);
	return r < 0 ? r : tuf_digest_end(d);
}

static int download_one(struct tuf_client *c, const char *name, const struct tuf_store *folder,
	const struct tuf_transport *from, struct tuf_error *e)
{
	_cleanup_free_ char *old = NULL, *bytes = NULL;
	char file[TUF_FILE_MAX + 1], quoted[TUF_FILE_MAX + 1];
	const struct tuf_target *t;
	size_t n, max;
	int r;

	r = tuf_client_find(c, name, &t, NULL, e);
	if (r == 0)
		r = tuf_quote(name, 0, quoted, sizeof(quoted));
	if (r == 0)
		r = tuf_client_target_file(c, t, file);
	if (r < 0)
		return r;
	max = t->info.length < TARGET_SIZE_MAX ? (size_t) t->info.length : TARGET_SIZE_MAX;
	r = folder->load(folder->context, quoted, max, &old, &n);
	if (r == 0 && check(t, old, n) == 0)
		return 0;
	r = from->fetch(from->context, file, max, &bytes, &n, e);
	if (r < 0)
		return r;
	r = check(t, bytes, n);
	if (r < 0)
		return tuf_fail(e, r, NULL, name, "does not have the content that was signed");
	return folder->save(folder->context, quoted, bytes, n);
}

static int download(const struct arguments *a, struct tuf_client *c, struct tuf_error *e)
{
	const struct http_options plain = { .plain = true };
	_cleanup_(http_freep) struct http *http = NULL;
	_cleanup_close_ int fd = -1;
	struct tuf_transport from;
	struct tuf_store folder;
	int r;

	if (!a->target_dir || !a->target_base_url || a->n_names == 0)
		return usage();
	fd = open(a->target_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = http_new(a->target_base_url, &plain, &http, e);
	if (r < 0)
		return r;
	http_transport(http, &from);
	tuf_folder_store(&fd, &folder);
	for (size_t i = 0; i < a->n_names && r == 0; i++)
		r = download_one(c, a->names[i], &folder, &from, e);
	return r;
}

static int update(const struct arguments *a, const struct tuf_store *store, struct tuf_error *e)
{
	const struct http_options plain = { .plain = true };
	_cleanup_(http_freep) struct http *http = NULL;
	_cleanup_(tuf_client_freep) struct tuf_client *c = NULL;
	struct tuf_transport from;
	int r;

	if (!a->metadata_url)
		return usage();
	r = http_new(a->metadata_url, &plain, &http, e);
	if (r < 0)
		return r;
	http_transport(http, &from);
	r = tuf_client_new(
		&(struct tuf_client_options){
			.transport = &from, .store = store, .now_utc_sec = time(NULL) },
		&c, e);
	if (r < 0)
		return r;
	if (strcmp(a->verb, "refresh") == 0)
		return tuf_client_refresh(c, e);
	return strcmp(a->verb, "download") == 0 ? download(a, c, e) : usage();
}

int main(int argc, char *argv[])
{
	struct arguments a = { 0 };
	struct tuf_error e = { 0 };
	_cleanup_close_ int fd = -1;
	struct tuf_store store;

	if (parse(argc, argv, &a) < 0)
		return 1;
	fd = open(a.metadata_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return end(-errno, &e);
	tuf_folder_store(&fd, &store);
	return end(a.root ? init(&store, a.root, &e) : update(&a, &store, &e), &e);
}
