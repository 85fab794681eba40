/*
 * YAML -> a tree of nodes that know where they stood. Runs in proscribe-compiler; every byte comes
 * from whoever wrote the file. What a policy has no use for is refused here: tags, several
 * documents, repeated keys, keys that are not plain text.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/base/cleanup.h"
#include "policy/source/message.h"

enum {
	TREE_SIZE_MAX = 16 << 20,    /* bytes of one file */
	TREE_DEPTH_MAX = 32,         /* collections within each other */
	TREE_NODES_MAX = 2000000,    /* in one file, aliases not followed */
	TREE_ALIAS_NODES_MAX = 1000, /* that aliases stand for, all together */
	TREE_ANCHORS_MAX = 1000,
};

enum node_type {
	NODE_SCALAR,
	NODE_SEQUENCE,
	NODE_MAPPING,
};

/* An alias is the very node that its anchor names, with that one's place. */
struct node {
	enum node_type type;
	bool plain; /* a scalar without quotes */
	struct place at;
	uint32_t weight; /* nodes in it, itself included */
	uint32_t height; /* collections on its longest way down, itself included */
	size_t n;        /* bytes, items or pairs */
	union {
		const char *text; /* NUL-terminated UTF-8 without a NUL in it */
		struct node **items;
		struct pair *pairs;
	};
};

struct pair {
	struct node *key; /* a scalar */
	struct node *value;
};

struct tree;

/* Reads @source (kept by the caller as long as the tree; a byte order mark at its beginning is
 * taken off). Returns 0; -EINVAL when messages say why it cannot be read; -ENOMEM. A repeated key
 * is an error among the messages, too, but the tree is there, so that the rest can be checked. */
int tree_parse(struct source *source, struct messages *m, struct tree **ret);
struct tree *tree_free(struct tree *t);
DEFINE_CLEANUP(struct tree, tree_free)

/* NULL for a file without any content. */
const struct node *tree_root(const struct tree *t);

/* A scalar that says nothing: empty without quotes, ~ or null. */
bool node_is_null(const struct node *n);
