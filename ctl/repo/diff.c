/*
 * proscribectl repo diff: what publishing the working copy would change for hosts, in words. For
 * whoever is asked to sign.
 */
#include <string.h>

#include "ctl/json.h"
#include "ctl/repo/changes.h"
#include "ctl/repo/commands.h"
#include "ctl/repo/compare.h"
#include "ctl/repo/published.h"
#include "ctl/repo/signers.h"
#include "ctl/repo/working.h"
#include "policy/trust/repository_folder.h"

enum exit_code cmd_repo_diff(const struct arguments *a)
{
	_cleanup_(repository_freep) struct repository *r = NULL;
	_cleanup_(published_done) struct published p = { .folders = { -1, -1 }, .copy_fd = -1 };
	_cleanup_json_ json_t *changes = NULL;
	_cleanup_free_ char *ours = NULL;
	struct tuf_error e = { 0 };
	int k = working_open(a, false, &r, &e);

	if (k == 0)
		k = published_take(a->operands[0], a, &p, &e);
	if (k < 0)
		return signers_failed(&e);
	if (asprintf(&ours, "%s/" REPOSITORY_TARGETS "policy", working_folder(a)) < 0)
		return EXIT_CODE_FAILED;
	k = compare_folders(p.copy, ours, &changes);
	if (k == -EINVAL)
		complain("%s holds no policy that can be published", ours);
	else if (k < 0)
		complain("the policies cannot be compared: %s", strerror(-k));
	if (k < 0)
		return EXIT_CODE_FAILED;
	if (a->given & OPTION_JSON)
		(void) json_print(changes);
	else if (json_array_size(changes) == 0)
		(void) puts("No rule, software or signature differs from what is published.");
	else
		changes_print(changes);
	return EXIT_CODE_FINE;
}
