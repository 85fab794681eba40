/*
 * proscribectl enroll: from here on this host takes its policy from a repository, signed by whom
 * root.json names. What is read here was brought by an administrator; proscribe-update looks at it
 * in its sandbox, and nothing is changed before it was found to be right.
 */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "agent/update/report.h"
#include "ctl/print.h"
#include "ctl/update.h"
#include "policy/base/fd.h"
#include "policy/base/spawn.h"
#include "policy/trust/http.h"
#include "policy/trust/metadata.h"

#define CONFIG_NEXT UPDATE_CONFIG_FILE ".new"
#define ROOT_NEXT   UPDATE_ROOT_FILE ".new"
#define TIMER       "proscribe-update.timer"

enum {
	CONFIG_SIZE_MAX = 64 << 10,
	CA_SIZE_MAX = 4 << 20,
	DESCRIPTION_MAX = 64 << 10,
	FOLDER_MODE = 0755,
	FILE_MODE = 0644,
};

struct enrolment {
	const struct arguments *a;
	char *root, *config; /* owned; what will be written */
	size_t root_size, config_size;
	char ca_file[PATH_MAX]; /* absolute; "" for the system's */
};

static int read_file(const char *path, size_t max, char **ret, size_t *ret_size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	return fd < 0 ? -errno : fd_read_file(fd, max, ret, ret_size);
}

static int write_file(const char *path, const char *bytes, size_t n)
{
	_cleanup_close_ int fd = -1;
	int r;

	(void) unlinkat(AT_FDCWD, path, 0);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
	if (fd < 0)
		return -errno;
	r = fd_write_full(fd, bytes, n);
	if (r == 0 && (fchmod(fd, FILE_MODE) < 0 || fsync(fd) < 0))
		r = -errno;
	return r;
}

/* ---- what was given ---- */

static int check_repository(const char *url)
{
	_cleanup_(http_freep) struct http *h = NULL;
	struct tuf_error e = { 0 };
	int r = http_new(url, NULL, &h, &e);

	if (r == 0 && strpbrk(url, "\"\\")) {
		complain("--repository: %s is no URL: it holds a quotation mark or a backslash",
			url);
		return -EINVAL;
	}
	if (r < 0)
		complain("--repository: %s", e.text);
	return r;
}

static int check_ca_file(struct enrolment *n)
{
	const char *path = n->a->ca_file;
	_cleanup_free_ char *pem = NULL;
	size_t size;
	int r;

	if (!path)
		return 0;
	if (!realpath(path, n->ca_file)) {
		r = -errno;
		complain("--ca-file: %s: %s", path, strerror(-r));
		return r;
	}
	r = read_file(n->ca_file, CA_SIZE_MAX, &pem, &size);
	if (r == 0 &&
		(!pem || !strstr(pem, "-----BEGIN CERTIFICATE-----") ||
			strpbrk(n->ca_file, "\"\\")))
		r = -EINVAL;
	if (r < 0)
		complain("--ca-file: %s %s", n->ca_file,
			r == -EINVAL ? "holds no certificate (PEM)" : strerror(-r));
	return r;
}

/* ---- settings: what is there stays, but for the keys that are given ---- */

static void put_line(FILE *out, const char *key, const char *value)
{
	(void) fprintf(out, "%s: \"%s\"\n", key, value);
}

static bool is_key(const char *line, const char *key)
{
	const size_t n = strlen(key);

	return strncmp(line, key, n) == 0 && line[n] == ':';
}

static void edit_lines(const struct enrolment *n, char *before, FILE *out)
{
	bool repository = false, ca_file = !n->ca_file[0];
	char *line;

	while ((line = strsep(&before, "\n"))) {
		if (!before && !*line) /* behind the last line end */
			break;
		if (is_key(line, "repository")) {
			put_line(out, "repository", n->a->repository);
			repository = true;
		} else if (n->ca_file[0] && is_key(line, "ca_file")) {
			put_line(out, "ca_file", n->ca_file);
			ca_file = true;
		} else {
			(void) fprintf(out, "%s\n", line);
		}
	}
	if (!repository)
		put_line(out, "repository", n->a->repository);
	if (!ca_file)
		put_line(out, "ca_file", n->ca_file);
}

static int make_config(struct enrolment *n)
{
	_cleanup_free_ char *before = NULL;
	size_t size;
	FILE *out;
	int r = read_file(UPDATE_CONFIG_FILE, CONFIG_SIZE_MAX, &before, &size);

	if (r == -ENOENT) {
		before = strdup(
			"# Where the signed policy comes from: proscribe-update.yaml(5).\n");
		r = before ? 0 : -ENOMEM;
	}
	out = r == 0 ? open_memstream(&n->config, &n->config_size) : NULL;
	if (!out) {
		r = r ?: -errno;
		complain("cannot read " UPDATE_CONFIG_FILE ": %s", strerror(-r));
		return r;
	}
	edit_lines(n, before, out);
	return fclose(out) == 0 ? 0 : -ENOMEM;
}

/* ---- looking at it, in a sandbox ---- */

static void print_description(const char *text)
{
	_cleanup_free_ char *copy = strdup(text);
	struct style style;
	char *save = NULL;

	print_style(stdout, &style);
	(void) puts("This host will trust:");
	for (char *s = copy ? strtok_r(copy, "\n", &save) : NULL; s;
		s = strtok_r(NULL, "\n", &save)) {
		(void) fputs("  ", stdout);
		print_text(stdout, &style, TINT_NONE, s);
		(void) fputc('\n', stdout);
	}
}

static int look(const struct enrolment *n)
{
	char *const argv[] = { (char *) "proscribe-update", (char *) "--describe-root",
		(char *) "/proc/self/fd/3", (char *) "--to-fd", (char *) "4", (char *) "--config",
		(char *) CONFIG_NEXT, NULL };
	_cleanup_close_ int root = memfd_create("root.json", MFD_CLOEXEC);
	_cleanup_close_ int out = memfd_create("description", MFD_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r;

	if (root < 0 || out < 0)
		return -errno;
	r = fd_write_full(root, n->root, n->root_size);
	r = r ?: update_run(argv, (const int[]){ root, out }, 2);
	if (r < 0)
		return r;
	r = lseek(out, 0, SEEK_SET) < 0 ? -errno : fd_read_file(out, DESCRIPTION_MAX, &text, &size);
	if (r == 0 && text)
		print_description(text);
	return r;
}

/* ---- putting it in place ---- */

static int make_folder(const char *path)
{
	const int error = mkdir(path, FOLDER_MODE) < 0 ? errno : 0;

	if (error == 0 || error == EEXIST)
		return 0;
	complain("cannot make %s: %s", path, strerror(error));
	return -error;
}

static int sync_folder(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* Another root means other people: that must be meant. */
static int check_enrolled(const struct enrolment *n)
{
	_cleanup_free_ char *before = NULL;
	size_t size = 0;
	int r = read_file(UPDATE_ROOT_FILE, TUF_ROOT_SIZE_MAX, &before, &size);

	if (r == -ENOENT || (n->a->given & OPTION_YES) ||
		(r == 0 && before && n->root && size == n->root_size &&
			memcmp(before, n->root, size) == 0))
		return 0;
	complain("this host is enrolled already, with another root.json in " UPDATE_ROOT_FILE
		 "; nothing was changed. With --yes it trusts this one instead");
	return -EEXIST;
}

static int put_in_place(const struct enrolment *n)
{
	int r = make_folder("/etc/proscribe/trust");

	if (r < 0)
		return r;
	r = write_file(ROOT_NEXT, n->root, n->root_size);
	if (r == 0 &&
		(rename(CONFIG_NEXT, UPDATE_CONFIG_FILE) < 0 ||
			rename(ROOT_NEXT, UPDATE_ROOT_FILE) < 0))
		r = -errno;
	r = r ?: sync_folder("/etc/proscribe");
	r = r ?: sync_folder("/etc/proscribe/trust");
	if (r < 0)
		complain("cannot write " UPDATE_ROOT_FILE " and " UPDATE_CONFIG_FILE ": %s",
			strerror(-r));
	return r;
}

static int enroll(struct enrolment *n)
{
	int r = check_repository(n->a->repository);

	r = r ?: check_ca_file(n);
	if (r < 0)
		return r;
	r = read_file(n->a->root, TUF_ROOT_SIZE_MAX, &n->root, &n->root_size);
	if (r < 0) {
		complain("--root: %s: %s", n->a->root, strerror(-r));
		return r;
	}
	r = make_config(n);
	r = r ?: make_folder("/etc/proscribe");
	if (r == 0) {
		r = write_file(CONFIG_NEXT, n->config, n->config_size);
		if (r < 0)
			complain("cannot write " CONFIG_NEXT ": %s", strerror(-r));
	}
	if (r < 0)
		return r;
	r = look(n);
	if (r < 0)
		complain("nothing was changed");
	r = r ?: check_enrolled(n);
	r = r ?: put_in_place(n);
	(void) unlink(CONFIG_NEXT);
	(void) unlink(ROOT_NEXT);
	return r;
}

/* Without the timer nobody fetches again. */
static void tell_next(void)
{
	if (access("/run/systemd/system", F_OK) == 0 &&
		access("/etc/systemd/system/timers.target.wants/" TIMER, F_OK) < 0)
		(void) puts("Next: systemctl enable --now " TIMER);
}

enum exit_code cmd_enroll(const struct arguments *a)
{
	struct enrolment n = { .a = a };
	enum exit_code code;
	int r;

	if (!a->root || !a->repository) {
		complain("enroll wants --root FILE and --repository URL");
		return EXIT_CODE_USAGE;
	}
	if (geteuid() != 0) {
		complain("only root may enroll this host");
		return EXIT_CODE_FAILED;
	}
	r = enroll(&n);
	free(n.root);
	free(n.config);
	if (r < 0)
		return EXIT_CODE_FAILED;
	(void) printf("Enrolled: policy comes from %s\n", a->repository);
	(void) fflush(stdout);
	code = update_now(a);
	if (code == EXIT_CODE_UNREACHABLE) {
		complain("the host is enrolled; the agent takes up the policy when it runs");
		code = EXIT_CODE_FINE;
	} else if (code != EXIT_CODE_FINE) {
		complain("the host is enrolled, but its first update came to nothing; it is tried "
			 "again by " TIMER " or `proscribectl update`");
	}
	tell_next();
	return code;
}
