/*
 * Runs inside the inspector.
 */
#include "agent/inspector/payload.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/inspector/bun.h"

static int one_range(struct range range, struct payload *p)
{
	p->ranges = malloc(sizeof(range));
	if (!p->ranges)
		return -ENOMEM;
	p->ranges[0] = range;
	p->n_ranges = 1;
	p->size = range.size;
	return 0;
}

int payload_whole(const struct view *v, struct payload *ret)
{
	*ret = (struct payload){ .whole = true };
	return one_range((struct range){ 0, v->size }, ret);
}

static int find_bun(const struct view *v, const struct range *modules, struct payload *p)
{
	int r = bun_find_contents(v, modules, &p->ranges, &p->n_ranges);

	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		r = payload_whole(v, p);
		p->damaged = true;
		return r;
	}
	for (size_t i = 0; i < p->n_ranges; i++)
		p->size += p->ranges[i].size;
	p->has_rest = true;
	return 0;
}

/* What lies in front of an archive is read as well: it may be a program of its own. */
static int find_packed(const struct range *packed, enum payload_packing packing, struct payload *p)
{
	p->packing = packing;
	p->packed = *packed;
	return one_range((struct range){ 0, packed->offset }, p);
}

int payload_find(const struct view *v, const struct facts *f, struct payload *ret)
{
	const struct range carried = { f->payload_offset, f->payload_size };

	*ret = (struct payload){ 0 };
	if (f->class == FILE_CLASS_SCRIPT || f->class == FILE_CLASS_JS)
		return one_range((struct range){ 0, v->size }, ret);
	if (carried.size == 0)
		return payload_whole(v, ret);
	switch ((enum file_class) f->class) {
	case FILE_CLASS_BUN:
		return find_bun(v, &carried, ret);
	case FILE_CLASS_NODE_SEA:
		ret->has_rest = true;
		return one_range(carried, ret);
	case FILE_CLASS_ZIP:
	case FILE_CLASS_JAR:
	case FILE_CLASS_PYZ:
		return find_packed(&carried, PAYLOAD_ZIP, ret);
	case FILE_CLASS_APPIMAGE:
	case FILE_CLASS_SQUASHFS:
		return find_packed(&carried, PAYLOAD_SQUASHFS, ret);
	case FILE_CLASS_UNKNOWN:
	case FILE_CLASS_ELF:
	case FILE_CLASS_SCRIPT:
	case FILE_CLASS_JS:
	case FILE_CLASS_ELECTRON:
	case FILE_CLASS_UPX:
	case FILE_CLASS_WASM:
	case _FILE_CLASS_MAX:
		break;
	}
	return payload_whole(v, ret);
}

void payload_done(struct payload *p)
{
	free(p->ranges);
	*p = (struct payload){ 0 };
}
