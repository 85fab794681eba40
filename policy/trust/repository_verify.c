#include "policy/trust/repository_verify.h"

#include <string.h>

/* One target after the other. */
struct round {
	const struct repository_verify *v;
	struct repository_verified *ret;
	struct tuf_error *e;
};

static int check_target(void *context, const struct tuf_target *t, const char *role)
{
	_cleanup_(tuf_digest_freep) struct tuf_digest *digest = NULL;
	char file[TUF_FILE_MAX + 1];
	struct round *round = context;
	int r = tuf_client_target_file(round->ret->client, t, file);

	if (r == 0)
		r = tuf_digest_new(&t->info, &digest);
	if (r < 0)
		return tuf_fail(round->e, r, role, t->path,
			"has no hash that hosts know, or too long a name");
	r = round->v->content(round->v->context, t, file, digest, round->e);
	if (r == 0 && tuf_digest_end(digest) < 0)
		r = tuf_fail(round->e, -EUCLEAN, role, file,
			"does not have the length and hash that were signed");
	if (r < 0)
		return r;
	round->ret->n_files++;
	round->ret->bytes += t->info.length;
	return 0;
}

int repository_verify(
	const struct repository_verify *v, struct repository_verified *ret, struct tuf_error *e)
{
	struct tuf_client_options options = {
		.transport = v->metadata, .store = &ret->store, .now_utc_sec = v->now_utc_sec
	};
	struct round round = { v, ret, e };
	int r;

	*ret = (struct repository_verified){ 0 };
	r = tuf_bundle_new(NULL, 0, &ret->bundle);
	if (r < 0)
		return tuf_fail(e, r, NULL, NULL, "%s", strerror(-r));
	tuf_bundle_store(ret->bundle, &ret->store);
	r = tuf_client_init(&ret->store, v->now_utc_sec, v->root, v->root_size, e);
	if (r == 0)
		r = tuf_client_new(&options, &ret->client, e);
	if (r == 0)
		r = tuf_client_refresh(ret->client, e);
	return r < 0 ? r : tuf_client_each(ret->client, "", check_target, &round, e);
}

void repository_verified_done(struct repository_verified *v)
{
	tuf_client_free(v->client);
	tuf_bundle_free(v->bundle);
	*v = (struct repository_verified){ 0 };
}
