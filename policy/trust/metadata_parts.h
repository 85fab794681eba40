/*
 * The parts that metadata files are made of; for metadata.c alone. Each fills what it reads into a
 * struct that tuf_metadata_free() can free at any time. 0, -EBADMSG with the reading's error
 * filled, or -ENOMEM.
 */
#pragma once

#include "policy/trust/member.h"
#include "policy/trust/metadata.h"

int metadata_read_root(const struct reading *rd, const json_t *object, struct tuf_metadata *m);
/* Timestamp and snapshot. */
int metadata_read_metas(const struct reading *rd, const json_t *object, struct tuf_metadata *m);
int metadata_read_targets(const struct reading *rd, const json_t *object, struct tuf_metadata *m);

/* "keys" of @object. */
int metadata_read_keys(const struct reading *rd, const json_t *object, struct tuf_metadata *m);
/* "keyids" and "threshold" of @object; not its name. */
int metadata_read_role(const struct reading *rd, const json_t *object, struct tuf_role *role);
/* "length", which may be missing unless @wants_length, and "hashes", likewise @wants_hashes. */
int metadata_read_fileinfo(const struct reading *rd, const json_t *object, bool wants_length,
	bool wants_hashes, struct tuf_fileinfo *info);
int metadata_read_delegations(
	const struct reading *rd, const json_t *object, struct tuf_metadata *m);

void metadata_role_done(struct tuf_role *role);
void metadata_delegations_done(struct tuf_metadata *m);
