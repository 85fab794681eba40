#include "ctl/repo/compare.h"

#include <string.h>

#include "ctl/arguments.h"
#include "ctl/print.h"
#include "ctl/repo/changes.h"
#include "policy/base/fd.h"
#include "policy/image/policy.h"
#include "policy/source/compiler.h"
#include "policy/source/folder.h"
#include "policy/trust/canonical.h"

/* Says what is wrong with @path when @loud. */
static int compile(const char *path, bool loud, struct policy **ret)
{
	_cleanup_(compiled_done) struct compiled c = { .image_fd = -1 };
	int r = compiler_run(path, 0, &c);

	if (loud && c.messages)
		print_messages(c.messages);
	if (loud && r < 0 && !(c.messages && *c.messages))
		complain("cannot check %s: %s", path, strerror(-r));
	if (r == 0 && (c.n_errors > 0 || c.image_fd < 0))
		r = -EINVAL;
	return r < 0 ? r : policy_open(c.image_fd, ret);
}

/* Every signature of the folder, one file behind the other. */
static int read_signatures(const char *path, char **ret)
{
	_cleanup_(folder_done) struct folder folder;
	_cleanup_free_ char *all = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&all, &size);
	int r = f ? folder_open(path, false, &folder) : -ENOMEM;

	if (!f)
		folder = (struct folder){ 0 };
	for (size_t i = 0; i < folder.n && r == 0; i++) {
		_cleanup_free_ char *text = NULL;
		size_t n;

		if (strncmp(folder.files[i].name, POLICY_SIGNATURES, strlen(POLICY_SIGNATURES)) !=
			0)
			continue;
		r = fd_read_file(folder.files[i].fd, POLICY_FILE_SIZE_MAX, &text, &n);
		if (r == 0)
			(void) fprintf(f, "%s\n", text);
	}
	if (f && fclose(f) != 0 && r == 0)
		r = -ENOMEM;
	if (r == 0)
		*ret = TAKE_PTR(all);
	return r;
}

int compare_folders(const char *old, const char *new, json_t **ret)
{
	_cleanup_(policy_unrefp) struct policy *old_policy = NULL, *new_policy = NULL;
	_cleanup_free_ char *old_text = NULL, *new_text = NULL;
	_cleanup_json_ json_t *changes = NULL;
	int r;

	if (compile(new, true, &new_policy) < 0)
		return -EINVAL;
	if (old && compile(old, false, &old_policy) < 0)
		complain("the policy in %s cannot be compiled, so all of the new one counts as new",
			old);
	r = changes_policies(old_policy, new_policy, &changes);
	if (r == 0 && old_policy)
		(void) read_signatures(old, &old_text);
	if (r == 0)
		(void) read_signatures(new, &new_text);
	if (r == 0)
		r = changes_signatures(old_text, new_text, changes);
	if (r == 0)
		*ret = TAKE_PTR(changes);
	return r;
}
