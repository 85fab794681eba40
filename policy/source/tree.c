#include "policy/source/tree.h"

#include <string.h>
#include <yaml.h>

enum { BLOCK_SIZE = 256 << 10 };

struct block {
	struct block *next;
	size_t used, size;
	_Alignas(max_align_t) char bytes[];
};

struct anchor {
	const char *name;
	struct node *node; /* NULL while its collection is still open */
};

struct tree {
	struct block *blocks;
	struct node *root;
};

/* A collection whose end has not come yet. */
struct frame {
	struct node *node;
	struct node **children; /* keys and values take turns in a mapping */
	size_t n, room;
	size_t anchor; /* its index in anchors, or SIZE_MAX */
};

struct reader {
	yaml_parser_t parser;
	struct source *source;
	struct messages *m;
	struct tree *tree;
	struct frame frames[TREE_DEPTH_MAX];
	size_t depth, n_nodes, n_alias_nodes, n_documents, n_anchors;
	struct anchor anchors[TREE_ANCHORS_MAX];
};

struct tree *tree_free(struct tree *t)
{
	if (!t)
		return NULL;
	for (struct block *b = t->blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	free(t);
	return NULL;
}

const struct node *tree_root(const struct tree *t)
{
	return t->root;
}

bool node_is_null(const struct node *n)
{
	return n->type == NODE_SCALAR && n->plain &&
		(n->n == 0 || !strcmp(n->text, "~") || !strcmp(n->text, "null") ||
			!strcmp(n->text, "Null") || !strcmp(n->text, "NULL"));
}

/* Memory that lives as long as the tree; NULL when there is none. */
static void *tree_allocate(struct tree *t, size_t size)
{
	struct block *b = t->blocks;
	void *p;

	size = (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
	if (!b || b->size - b->used < size) {
		size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;

		b = malloc(sizeof(*b) + room);
		if (!b)
			return NULL;
		*b = (struct block){ .next = t->blocks, .size = room };
		t->blocks = b;
	}
	p = b->bytes + b->used;
	b->used += size;
	return p;
}

static struct place place_of(const struct reader *r, yaml_mark_t mark)
{
	return (struct place){ r->source, (uint32_t) mark.line + 1, (uint32_t) mark.column + 1 };
}

static int complain_parser(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	struct place at;

	if (p->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	at = p->error == YAML_READER_ERROR ? message_place(r->source, p->problem_offset)
					   : place_of(r, p->problem_mark);
	if (p->context && p->error != YAML_READER_ERROR)
		message_error(r->m, at, "this is not YAML: %s, %s that began on line %zu",
			p->problem, p->context, p->context_mark.line + 1);
	else
		message_error(r->m, at, "this is not YAML: %s", p->problem ?: "unknown error");
	return -EINVAL;
}

static int frame_append(struct frame *f, struct node *child)
{
	if (f->n == f->room) {
		size_t room = f->room ? 2 * f->room : 8;
		struct node **children = reallocarray(f->children, room, sizeof(struct node *));

		if (!children)
			return -ENOMEM;
		f->children = children;
		f->room = room;
	}
	f->children[f->n++] = child;
	return 0;
}

/* Puts a finished node where it belongs: into the open collection, or at the root. */
static int attach(struct reader *r, struct node *child)
{
	struct frame *f;

	if (r->depth == 0) {
		r->tree->root = child;
		return 0;
	}
	f = &r->frames[r->depth - 1];
	if (f->node->type == NODE_MAPPING && f->n % 2 == 0 && child->type != NODE_SCALAR) {
		message_error(r->m, child->at, "a key must be a word, not a %s",
			child->type == NODE_MAPPING ? "mapping" : "list");
		return -EINVAL;
	}
	return frame_append(f, child);
}

static int new_node(struct reader *r, enum node_type type, yaml_mark_t mark, struct node **ret)
{
	struct node *n;

	if (++r->n_nodes > TREE_NODES_MAX) {
		message_error(r->m, place_of(r, mark),
			"the file has more than %d values; split it into several files",
			TREE_NODES_MAX);
		return -EINVAL;
	}
	n = tree_allocate(r->tree, sizeof(*n));
	if (!n)
		return -ENOMEM;
	*n = (struct node){ .type = type, .at = place_of(r, mark), .weight = 1 };
	*ret = n;
	return 0;
}

static int add_anchor(struct reader *r, const yaml_char_t *name, struct place at, size_t *ret)
{
	size_t size;
	char *copy;

	*ret = SIZE_MAX;
	if (!name)
		return 0;
	if (r->n_anchors >= TREE_ANCHORS_MAX) {
		message_error(r->m, at, "the file has more than %d anchors", TREE_ANCHORS_MAX);
		return -EINVAL;
	}
	size = strlen((const char *) name) + 1;
	copy = tree_allocate(r->tree, size);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, name, size);
	*ret = r->n_anchors++;
	r->anchors[*ret] = (struct anchor){ .name = copy };
	return 0;
}

static int refuse_tag(struct reader *r, const yaml_char_t *tag, struct place at)
{
	if (!tag)
		return 0;
	message_error(
		r->m, at, "tags such as '%s' have no meaning here; remove it", (const char *) tag);
	return -EINVAL;
}

static int on_scalar(struct reader *r, const yaml_event_t *e)
{
	size_t size = e->data.scalar.length, anchor;
	struct node *n;
	char *text;
	int k = new_node(r, NODE_SCALAR, e->start_mark, &n);

	if (k < 0)
		return k;
	k = refuse_tag(r, e->data.scalar.tag, n->at);
	if (k < 0)
		return k;
	if (memchr(e->data.scalar.value, '\0', size)) {
		message_error(r->m, n->at, "a text cannot hold the character \\0");
		return -EINVAL;
	}
	text = tree_allocate(r->tree, size + 1);
	if (!text)
		return -ENOMEM;
	memcpy(text, e->data.scalar.value, size);
	text[size] = '\0';
	n->text = text;
	n->n = size;
	n->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	k = add_anchor(r, e->data.scalar.anchor, n->at, &anchor);
	if (k < 0)
		return k;
	if (anchor != SIZE_MAX)
		r->anchors[anchor].node = n;
	return attach(r, n);
}

static int refuse_depth(struct reader *r, struct place at)
{
	message_error(r->m, at, "more than %d collections within each other", TREE_DEPTH_MAX);
	return -EINVAL;
}

static int on_alias(struct reader *r, const yaml_event_t *e)
{
	const char *name = (const char *) e->data.alias.anchor;
	struct place at = place_of(r, e->start_mark);
	size_t i = r->n_anchors;

	while (i > 0 && strcmp(r->anchors[i - 1].name, name) != 0)
		i--;
	if (i == 0) {
		message_error(r->m, at, "no anchor '&%s' comes before this alias", name);
		return -EINVAL;
	}
	if (!r->anchors[i - 1].node) {
		message_error(r->m, at, "the alias '*%s' stands within what it names", name);
		return -EINVAL;
	}
	r->n_alias_nodes += r->anchors[i - 1].node->weight;
	if (r->n_alias_nodes > TREE_ALIAS_NODES_MAX) {
		message_error(r->m, at, "aliases stand for more than %d values; write them out",
			TREE_ALIAS_NODES_MAX);
		return -EINVAL;
	}
	if (r->depth + r->anchors[i - 1].node->height > TREE_DEPTH_MAX)
		return refuse_depth(r, at);
	return attach(r, r->anchors[i - 1].node);
}

static int on_start(struct reader *r, enum node_type type, const yaml_event_t *e)
{
	const yaml_char_t *anchor = type == NODE_MAPPING ? e->data.mapping_start.anchor
							 : e->data.sequence_start.anchor;
	const yaml_char_t *tag = type == NODE_MAPPING ? e->data.mapping_start.tag
						      : e->data.sequence_start.tag;
	struct frame frame = { 0 };
	int k = new_node(r, type, e->start_mark, &frame.node);

	if (k < 0)
		return k;
	k = refuse_tag(r, tag, frame.node->at);
	if (k < 0)
		return k;
	if (r->depth == TREE_DEPTH_MAX)
		return refuse_depth(r, frame.node->at);
	k = add_anchor(r, anchor, frame.node->at, &frame.anchor);
	if (k < 0)
		return k;
	r->frames[r->depth++] = frame;
	return 0;
}

static int by_key(const void *x, const void *y)
{
	const struct node *a = *(struct node *const *) x, *b = *(struct node *const *) y;
	int k = strcmp(a->text, b->text);

	if (k == 0 && a->at.line != b->at.line)
		k = a->at.line < b->at.line ? -1 : 1;
	if (k == 0)
		k = a->at.column < b->at.column ? -1 : a->at.column > b->at.column;
	return k;
}

static int check_keys(struct reader *r, const struct node *mapping)
{
	_cleanup_free_ struct node **keys = NULL;

	if (mapping->n < 2)
		return 0;
	keys = calloc(mapping->n, sizeof(struct node *));
	if (!keys)
		return -ENOMEM;
	for (size_t i = 0; i < mapping->n; i++)
		keys[i] = mapping->pairs[i].key;
	qsort(keys, mapping->n, sizeof(struct node *), by_key);
	for (size_t i = 1; i < mapping->n; i++)
		if (!strcmp(keys[i - 1]->text, keys[i]->text))
			message_error(r->m, keys[i]->at,
				"the key '%s' is given twice; first on line %u", keys[i]->text,
				keys[i - 1]->at.line);
	return 0;
}

static int on_end(struct reader *r)
{
	struct frame *f = &r->frames[--r->depth];
	_cleanup_free_ struct node **children = f->children;
	struct node *n = f->node;
	size_t size = f->n * sizeof(struct node *);
	void *copy = tree_allocate(r->tree, size);
	int k;

	if (!copy)
		return -ENOMEM;
	if (f->n > 0)
		memcpy(copy, children, size);
	for (size_t i = 0; i < f->n; i++) {
		n->weight += children[i]->weight;
		if (children[i]->height > n->height)
			n->height = children[i]->height;
	}
	n->height++;
	n->n = f->n;
	n->items = copy;
	if (n->type == NODE_MAPPING) {
		n->n = f->n / 2;
		n->pairs = copy;
		k = check_keys(r, n);
		if (k < 0)
			return k;
	}
	if (f->anchor != SIZE_MAX)
		r->anchors[f->anchor].node = n;
	return attach(r, n);
}

static int on_document(struct reader *r, const yaml_event_t *e)
{
	if (r->n_documents++ == 0)
		return 0;
	message_error(r->m, place_of(r, e->start_mark),
		"a second document begins here; a file holds one");
	return -EINVAL;
}

static int on_event(struct reader *r, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		return on_document(r, e);
	case YAML_SCALAR_EVENT:
		return on_scalar(r, e);
	case YAML_ALIAS_EVENT:
		return on_alias(r, e);
	case YAML_SEQUENCE_START_EVENT:
		return on_start(r, NODE_SEQUENCE, e);
	case YAML_MAPPING_START_EVENT:
		return on_start(r, NODE_MAPPING, e);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return on_end(r);
	case YAML_STREAM_END_EVENT:
		return 1;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		return 0;
	}
	return 0;
}

static int read_events(struct reader *r)
{
	int k = 0;

	while (k == 0) {
		yaml_event_t event;

		if (!yaml_parser_parse(&r->parser, &event))
			return complain_parser(r);
		k = on_event(r, &event);
		yaml_event_delete(&event);
	}
	return k < 0 ? k : 0;
}

static struct reader *reader_free(struct reader *r)
{
	if (!r)
		return NULL;
	for (size_t i = 0; i < r->depth; i++)
		free(r->frames[i].children);
	yaml_parser_delete(&r->parser);
	tree_free(r->tree);
	free(r);
	return NULL;
}
DEFINE_CLEANUP(struct reader, reader_free)

int tree_parse(struct source *source, struct messages *m, struct tree **ret)
{
	_cleanup_(reader_freep) struct reader *r = NULL;
	int k;

	if (!source_check(source, m, TREE_SIZE_MAX))
		return -EINVAL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->source = source;
	r->m = m;
	r->tree = calloc(1, sizeof(*r->tree));
	if (!r->tree || !yaml_parser_initialize(&r->parser))
		return -ENOMEM;
	yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(
		&r->parser, (const unsigned char *) source->text, source->size);
	k = read_events(r);
	if (k < 0)
		return k;
	*ret = TAKE_PTR(r->tree);
	return 0;
}
