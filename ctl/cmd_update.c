/*
 * proscribectl update
 */
#include <string.h>
#include <sys/wait.h>

#include "ctl/client.h"
#include "ctl/json.h"
#include "ctl/update.h"
#include "policy/base/spawn.h"

#define PROGRAM "proscribe-update"

int update_run(char *const argv[], const int fds[], size_t n_fds)
{
	const struct spawn s = {
		.program = PROGRAM, .arguments = argv, .fds = fds, .n_fds = n_fds
	};
	int status = 0, r;
	pid_t pid;

	r = spawn_helper(&s, &pid);
	if (r < 0) {
		complain("cannot start " PROGRAM ": %s", strerror(-r));
		return r;
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR) {
			r = -errno;
			complain("cannot wait for " PROGRAM ": %s", strerror(-r));
			return r;
		}
	if (WIFSIGNALED(status))
		complain(PROGRAM " was ended by signal %d (%s)", WTERMSIG(status),
			strsignal(WTERMSIG(status)));
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ECANCELED;
}

static void print_answer(const json_t *answer)
{
	const char *name = json_get_text(answer, "policy");

	print_messages(json_get_text(answer, "messages"));
	if (!*name) {
		(void) puts("No policy is in force.");
		return;
	}
	(void) fputs(json_get_true(answer, "changed") ? "Now in force: " : "In force, as before: ",
		stdout);
	print_text(stdout, &(struct style){ 0 }, TINT_NONE, name);
	if (json_object_get(answer, "version"))
		(void) printf(", version %lld", (long long) json_get_integer(answer, "version"));
	if (*json_get_text(answer, "digest"))
		(void) printf(", digest %.16s", json_get_text(answer, "digest"));
	(void) fputc('\n', stdout);
}

/* Asks the agent to look; *ret is its answer, or NULL with *ret_error saying why there is none. */
static enum exit_code have_looked(const struct arguments *a, json_t **ret, char **ret_error)
{
	_cleanup_(client_freep) struct client *c = NULL;
	struct progress progress;
	struct waiting w = { &progress, "the agent verifies the policy", 0, 0 };
	int r = client_connect(a, &c);

	if (r < 0)
		return client_explain(a, r);
	progress_start(&progress, stderr);
	r = client_call(c, &w, ret, "Update", "");
	progress_end(&progress);
	if (r == 0)
		return EXIT_CODE_FINE;
	if (client_lost(c))
		return client_explain(a, r);
	*ret_error = strdup(client_error(c));
	print_messages(client_error(c));
	complain("what was fetched was not put in force; the policy in force stays");
	return EXIT_CODE_FAILED;
}

enum exit_code update_now(const struct arguments *a)
{
	char *const argv[] = { (char *) PROGRAM, NULL };
	_cleanup_free_ char *error = NULL;
	_cleanup_json_ json_t *answer = NULL;
	enum exit_code code;
	int r = update_run(argv, NULL, 0);

	/* Also after a failure: the agent tells it, and what stays in force is of interest. */
	code = have_looked(a, &answer, &error);
	if (a->given & OPTION_JSON) {
		_cleanup_json_ json_t *document = json_pack("{s:b, s:o?, s:o*}", "fetched", r == 0,
			"agent", answer ? json_incref(answer) : NULL, "error", json_text(error));

		(void) json_print(document);
	} else if (answer) {
		print_answer(answer);
	}
	return r < 0 ? EXIT_CODE_FAILED : code;
}

enum exit_code cmd_update(const struct arguments *a)
{
	if (geteuid() != 0) {
		complain("only root may update the policy of this host");
		return EXIT_CODE_FAILED;
	}
	return update_now(a);
}
