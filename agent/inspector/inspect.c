/*
 * Runs inside the inspector, after sandbox_enter(). Every byte read here was chosen by whoever made
 * the file, who may also be changing it meanwhile.
 */
#include "agent/inspector/inspect.h"

#include <sys/stat.h>

#include "agent/inspector/class.h"
#include "agent/inspector/digest.h"
#include "agent/inspector/embedded.h"
#include "agent/inspector/evidence.h"
#include "agent/inspector/scanner.h"
#include "policy/base/cleanup.h"
#include "policy/base/fd.h"

/* What takes more than to know the class. */
static void look_inside(
	const struct inspect_request *request, const struct view *v, struct facts *f)
{
	if (request->scanner && scanner_scan(request->scanner, v, request->scan, f) < 0)
		f->have |= FACTS_PAYLOAD_REFUSED;
}

/* A function of its own: only files that need the tail pay for its buffer. */
static int inspect_with_tail(const struct inspect_request *request, struct view v, struct facts *f)
{
	uint8_t tail[CLASS_TAIL_SIZE];
	const uint64_t offset = v.size > sizeof(tail) ? v.size - sizeof(tail) : 0;
	ssize_t n;

	if (v.size <= v.n_head) {
		v.tail = v.head;
		v.n_tail = (size_t) v.size;
	} else {
		n = fd_pread_full(v.fd, tail, (size_t) (v.size - offset), (off_t) offset);
		if (n < 0)
			return (int) n;
		v.tail = tail;
		v.n_tail = (uint64_t) n == v.size - offset ? (size_t) n : 0; /* it shrank */
	}
	class_refine(&v, f);
	embedded_find(&v, f);
	look_inside(request, &v, f);
	return 0;
}

int inspect_file(const struct inspect_request *request, struct facts *ret)
{
	const int fd = request->fd;
	uint8_t head[CLASS_HEAD_SIZE];
	struct view v = { .fd = fd, .head = head };
	struct facts f = { 0 };
	struct stat st;
	ssize_t n;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	f.size = (uint64_t) st.st_size;
	n = fd_pread_full(fd, head, sizeof(head), 0);
	if (n < 0)
		return (int) n;
	v.size = f.size;
	v.n_head = (size_t) n;
	class_of(head, v.n_head, f.size, &f);
	r = 0;
	if (class_wants_tail(head, v.n_head, &f))
		r = inspect_with_tail(request, v, &f);
	else
		look_inside(request, &v, &f);
	if (r < 0)
		return r;
	if (request->want_sha256 && digest_file(fd, f.size, f.sha256) == 0)
		f.have |= FACTS_SHA256;
	evidence_read(request, &f);
	*ret = f;
	return 0;
}
