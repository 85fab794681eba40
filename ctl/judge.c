/*
 * Runs in proscribectl. The file is opened here, as the caller, and handed to an agent of our own,
 * also as the caller: nobody learns anything about a file that they cannot read, and a file that
 * hangs holds up nobody else. From the running agent comes its policy only.
 */
#include "ctl/judge.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "ctl/json.h"
#include "policy/base/text.h"

enum { LIMIT_TRIES = 50, LIMIT_PAUSE_USEC = 100000 };

static int open_file(const char *path, const char **ret_error)
{
	/* A FIFO must not hang us, a terminal must not become ours. */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		*ret_error = strerror(errno);
		return -errno;
	}
	if (S_ISDIR(st.st_mode)) {
		*ret_error = "Is a directory: name the files in it";
		return -EISDIR;
	}
	if (!S_ISREG(st.st_mode)) {
		*ret_error = "Not a regular file";
		return -EMEDIUMTYPE;
	}
	return TAKE_FD(fd);
}

/* The kernel will name the file by where it really lies. What D-Bus cannot carry is left to the
 * agent, which sees it for itself. */
static char *real_path(const char *path)
{
	char *real = realpath(path, NULL);

	if (real && !text_utf8_valid(real, strlen(real)))
		*real = '\0';
	return real ? real : strdup("");
}

static int ask(struct client *c, const struct waiting *w, int fd, const char *real, json_t **ret)
{
	int r = -EBUSY;

	for (int i = 0; i < LIMIT_TRIES; i++) {
		r = client_call(c, w, ret, "Check", "hs", fd, real);
		if (r >= 0 || !client_error_is(c, "LimitReached"))
			break;
		(void) usleep(LIMIT_PAUSE_USEC);
	}
	return r;
}

static json_t *judge_one(struct client *c, const struct waiting *w, const char *path)
{
	_cleanup_free_ char *real = real_path(path);
	const char *error = "out of memory";
	_cleanup_close_ int fd = open_file(path, &error);
	json_t *answer = NULL;
	int r = fd;

	if (fd >= 0 && real) {
		r = ask(c, w, fd, real, &answer);
		if (r < 0)
			error = client_error(c);
	}
	if (!answer)
		answer = json_object();
	(void) json_object_set_new(answer, "file", json_text(path));
	if (r < 0) {
		(void) json_object_set_new(answer, "error", json_text(error));
		progress_end(w->progress);
		complain("%s: %s", path, error);
	}
	return answer;
}

static enum exit_code start_offline(const char *policy, int image, struct client **ret)
{
	int r = client_start_offline(policy, image, ret);

	if (r >= 0)
		return EXIT_CODE_FINE;
	complain("cannot start proscribed --offline: %s", strerror(-r));
	return EXIT_CODE_FAILED;
}

/* An agent that has no policy judges by none. *ret_image is the caller's. */
static enum exit_code fetch_image(struct client *agent, int *ret_image)
{
	if (client_image(agent, ret_image) >= 0 || client_error_is(agent, "NoPolicy"))
		return EXIT_CODE_FINE;
	complain("%s", client_error(agent));
	return client_lost(agent) ? EXIT_CODE_UNREACHABLE : EXIT_CODE_FAILED;
}

/* @ret_has_policy: it must have one, then. */
static enum exit_code start_any(
	const struct arguments *a, bool without_policy, struct client **ret, bool *ret_has_policy)
{
	_cleanup_(client_freep) struct client *agent = NULL;
	_cleanup_close_ int image = -1;
	enum exit_code code;
	int r;

	*ret_has_policy = a->policy != NULL;
	if (a->policy) {
		if (access(a->policy, R_OK | X_OK) == 0)
			return start_offline(a->policy, -1, ret);
		complain("cannot read the policy folder %s: %s", a->policy, strerror(errno));
		return EXIT_CODE_FAILED;
	}
	r = client_connect(a, &agent);
	if (r < 0 && (!without_policy || a->socket))
		return client_explain(a, r);
	if (r < 0)
		complain("the agent is not reachable; looking at the files without it");
	code = r < 0 ? EXIT_CODE_FINE : fetch_image(agent, &image);
	*ret_has_policy = image >= 0;
	return code == EXIT_CODE_FINE ? start_offline(NULL, image, ret) : code;
}

/* Judging by none would call everything allowed. */
static enum exit_code demand_policy(
	const struct arguments *a, struct client *c, bool has_policy, json_t **ret_policy)
{
	_cleanup_json_ json_t *status = NULL;

	if (client_call(c, NULL, &status, "Status", "") < 0) {
		complain("%s", client_error(c));
		return client_lost(c) && !client_offline(c) ? EXIT_CODE_UNREACHABLE
							    : EXIT_CODE_FAILED;
	}
	*ret_policy = json_incref(json_object_get(status, "policy"));
	if (!has_policy || *ret_policy)
		return EXIT_CODE_FINE;
	if (a->policy)
		complain("the policy in %s has errors; see: proscribectl policy check %s",
			a->policy, a->policy);
	else
		complain("the agent's policy cannot be used here: %s",
			json_get_text(status, "policy_error"));
	return EXIT_CODE_FAILED;
}

enum exit_code judge_connect(const struct arguments *a, struct client **ret, json_t **ret_policy)
{
	_cleanup_(client_freep) struct client *c = NULL;
	bool has_policy = a->policy != NULL;
	enum exit_code code = EXIT_CODE_FINE;
	int r = 0;

	if (a->policy)
		code = start_any(a, false, &c, &has_policy);
	else
		r = client_connect(a, &c);
	if (r < 0)
		return client_explain(a, r);
	if (code == EXIT_CODE_FINE)
		code = demand_policy(a, c, has_policy, ret_policy);
	if (code == EXIT_CODE_FINE)
		*ret = TAKE_PTR(c);
	return code;
}

enum exit_code judge_files(
	const struct arguments *a, bool without_policy, json_t **ret, json_t **ret_policy)
{
	_cleanup_(client_freep) struct client *c = NULL;
	_cleanup_json_ json_t *all = json_array(), *policy = NULL;
	bool has_policy;
	enum exit_code code = start_any(a, without_policy, &c, &has_policy);
	struct progress progress;

	if (code == EXIT_CODE_FINE)
		code = demand_policy(a, c, has_policy, &policy);
	if (code != EXIT_CODE_FINE)
		return code;
	progress_start(&progress, stderr);
	for (int i = 0; i < a->n_operands; i++) {
		struct waiting w = { &progress, a->operands[i], (uint64_t) i + 1,
			(uint64_t) a->n_operands };
		json_t *one;

		progress_tick(&progress, w.what, w.done, w.all);
		one = judge_one(c, &w, a->operands[i]);
		if (json_object_get(one, "error"))
			code = EXIT_CODE_FAILED;
		(void) json_array_append_new(all, one);
		if (client_lost(c)) { /* the rest would fail alike */
			code = EXIT_CODE_FAILED;
			break;
		}
	}
	progress_end(&progress);
	*ret = TAKE_PTR(all);
	*ret_policy = TAKE_PTR(policy);
	return code;
}
