#include "agent/walker/walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/stat.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "agent/walker/names.h"
#include "policy/base/text.h"

enum {
	FOLDER_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK,
	FILE_FLAGS = O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC,
	LOOK_FLAGS = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC,
	LOOK_MASK = STATX_TYPE | STATX_MODE | STATX_SIZE | STATX_NLINK,
	NO_PACKAGE = -1,
};

/* A folder that has been begun. */
struct frame {
	int fd;
	uint32_t major, minor;  /* of the filesystem */
	size_t path_n, name_at; /* where its path ends and its own name begins in walk.path */
	size_t next, end;       /* names of folders to enter, in walk.folders */
	struct place place;
	int package;        /* the frame that began the listed package; NO_PACKAGE */
	unsigned left;      /* of WALK_PACKAGE_FILES_MAX, in the frame that began it */
	const char *resume; /* what is done of it: "/name/name", "/"; NULL: nothing is */
	bool keeps_atime;   /* the kernel lets us leave access times alone here */
	bool in_order;
	bool is_ours;      /* its files are this part's to see to */
	bool counts_links; /* the filesystem counts folders in the link counts of theirs */
};

struct walk {
	struct walk_options o;
	struct walk_counts counts;
	struct names *names;
	char *folders;
	size_t folders_n;
	char path[WALK_PATH_MAX];
	size_t path_n, root_n;
	char resume[WALK_PATH_MAX];
	size_t depth;
	struct frame frames[WALK_DEPTH_MAX + 1];
};

int walk_new(const struct walk_options *o, struct walk **ret)
{
	_cleanup_(walk_freep) struct walk *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->o = *o;
	w->folders = malloc(WALK_FOLDER_TEXT_MAX);
	if (!w->folders)
		return -ENOMEM;
	r = names_new(&w->names);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(w);
	return 0;
}

static void leave(struct walk *w)
{
	struct frame *f = &w->frames[--w->depth];

	(void) close(f->fd);
	if (w->depth == 0)
		return;
	w->path_n = w->frames[w->depth - 1].path_n;
	w->path[w->path_n] = '\0';
	/* Its folders are done; what is still to be entered lies before them. */
	w->folders_n = w->frames[w->depth - 1].end;
}

static void abandon(struct walk *w)
{
	while (w->depth > 0)
		leave(w);
}

struct walk *walk_free(struct walk *w)
{
	if (!w)
		return NULL;
	abandon(w);
	names_free(w->names);
	free(w->folders);
	free(w);
	return NULL;
}

const char *walk_path(const struct walk *w)
{
	return w->path;
}

const struct walk_counts *walk_counts(const struct walk *w)
{
	return &w->counts;
}

void walk_done(const struct walk *w, char out[WALK_PATH_MAX])
{
	const struct frame *f = w->depth > 0 ? &w->frames[w->depth - 1] : NULL;
	const char *done = w->path + w->root_n;

	if (f && (!f->in_order || w->path_n == f->path_n))
		(void) snprintf(out, WALK_PATH_MAX, "%.*s/", (int) (f->path_n - w->root_n), done);
	else
		(void) snprintf(out, WALK_PATH_MAX, "%s", done);
}

/* ---- what lies there ---- */

static int look(int folder, const char *name, struct statx *ret)
{
	return statx(folder, name, LOOK_FLAGS, LOOK_MASK, ret) < 0 ? -errno : 0;
}

static bool on_same(const struct frame *f, const struct statx *st)
{
	return f->major == st->stx_dev_major && f->minor == st->stx_dev_minor;
}

/* A subvolume has a device number of its own, but nothing is mounted there. */
static bool is_mount(const struct frame *above, const struct statx *st)
{
	if (st->stx_attributes & STATX_ATTR_AUTOMOUNT)
		return true;
	if (on_same(above, st))
		return false;
	return !(st->stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) ||
		(st->stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

/* Filesystems that hold no files of anybody's; and those that a server or a user's process answers
 * for, perhaps never: the agent, who gets the files, must not wait for one even to close it. */
static bool is_left_out(int fd)
{
	static const uint32_t types[] = { PROC_SUPER_MAGIC, SYSFS_MAGIC, CGROUP_SUPER_MAGIC,
		CGROUP2_SUPER_MAGIC, DEVPTS_SUPER_MAGIC, DEBUGFS_MAGIC, TRACEFS_MAGIC,
		SECURITYFS_MAGIC, PSTOREFS_MAGIC, BPF_FS_MAGIC, BINFMTFS_MAGIC, AUTOFS_SUPER_MAGIC,
		NSFS_MAGIC, SELINUX_MAGIC, SMACK_MAGIC, EFIVARFS_MAGIC, HUGETLBFS_MAGIC,
		0x62656570 /* configfs */, 0x65735543 /* fusectl */, 0x19800202 /* mqueue */,
		0x67596969 /* rpc_pipefs */, 0x6e667364 /* nfsd */, FUSE_SUPER_MAGIC,
		NFS_SUPER_MAGIC, CIFS_SUPER_MAGIC, SMB2_SUPER_MAGIC, SMB_SUPER_MAGIC,
		CEPH_SUPER_MAGIC, V9FS_MAGIC, AFS_FS_MAGIC, AFS_SUPER_MAGIC, CODA_SUPER_MAGIC };
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if ((uint32_t) fs.f_type == types[i])
			return true;
	return false;
}

/* Where a folder's link count is two more than the folders in it. Others say 1, or anything. */
static bool counts_links(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 &&
		(fs.f_type == EXT4_SUPER_MAGIC || fs.f_type == XFS_SUPER_MAGIC ||
			fs.f_type == TMPFS_MAGIC);
}

/* Leaves the access time alone where the kernel lets us: once refused, it will be refused for what
 * lies below as well, most likely. */
static int open_quietly(int folder, const char *name, int flags, bool *keeps_atime)
{
	int fd = -1;

	if (*keeps_atime) {
		fd = openat(folder, name, flags | O_NOATIME);
		if (fd >= 0 || errno != EPERM)
			return fd < 0 ? -errno : fd;
		*keeps_atime = false;
	}
	fd = openat(folder, name, flags);
	return fd < 0 ? -errno : fd;
}

/* What was there a moment ago and is gone, or something else now, is nothing that was not read. */
static void count_failure(struct walk *w, bool is_ours, int error)
{
	if (!is_ours)
		return;
	if (error == -EMFILE || error == -ENFILE || error == -ENOMEM)
		w->counts.limited++;
	else if (error != -ENOENT && error != -ELOOP && error != -ENOTDIR)
		w->counts.unread++;
}

/* ---- files ---- */

static bool is_regular(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* May one more file of this package be handed over for the package alone? */
static bool take_package_file(struct walk *w, struct frame *f)
{
	unsigned *left = &w->frames[f->package < 0 ? 0 : f->package].left;

	if (*left == 0)
		return false;
	(*left)--;
	return true;
}

static int hand_over(struct walk *w, struct frame *f, const char *name, unsigned wanted)
{
	_cleanup_close_ int fd = -1;

	if (wanted == WANTED_PACKAGE && f->place.kind != PLACE_DIST_INFO &&
		!take_package_file(w, f)) {
		w->counts.limited++;
		return 0;
	}
	fd = open_quietly(f->fd, name, FILE_FLAGS, &f->keeps_atime);
	if (fd < 0) {
		count_failure(w, f->is_ours, fd);
		return 0;
	}
	/* Somebody may have mounted something just now. */
	if (!is_regular(fd) || is_left_out(fd))
		return 0;
	return w->o.events.file(w, wanted, fd, w->o.events.context);
}

static bool append(struct walk *w, const struct frame *f, const char *name)
{
	size_t n = strlen(name), at = f->path_n;

	if (at + 1 + n >= sizeof(w->path)) {
		w->counts.limited += f->is_ours;
		return false;
	}
	w->path[at] = '/';
	memcpy(w->path + at + 1, name, n + 1);
	w->path_n = at + 1 + n;
	return true;
}

static int visit_file(struct walk *w, struct frame *f, const char *name)
{
	struct statx st;
	unsigned wanted;
	int r;

	w->counts.files++;
	if (!append(w, f, name))
		return 0;
	if (wanted_needs_stat(&w->o.rules, &f->place, name)) {
		r = look(f->fd, name, &st);
		if (r < 0) {
			count_failure(w, f->is_ours, r);
			return 0;
		}
		wanted = S_ISREG(st.stx_mode) ? wanted_file(&w->o.rules, &f->place, name,
							st.stx_size, st.stx_mode, w->path)
					      : 0;
		r = wanted ? hand_over(w, f, name, wanted) : 0;
		if (r < 0)
			return r;
	}
	return w->counts.files % WALK_TICK_FILES ? 0 : w->o.events.tick(w, w->o.events.context);
}

/* ---- one folder ---- */

/* The first name of "/name/name", and whether more follow. */
static size_t first_of(const char *resume, const char **ret_name, bool *ret_more)
{
	size_t n = strcspn(resume + 1, "/");

	*ret_name = resume + 1;
	*ret_more = resume[1 + n] == '/';
	return n;
}

/* How @name stands to the first name of @resume. */
static int compare_to(const char *name, const char *first, size_t n)
{
	int order = strncmp(name, first, n);

	return order ? order : name[n] != '\0';
}

/* Is the file done already? Of a folder that was left for one below, all files are. */
static bool is_done(const struct frame *f, const char *name)
{
	const char *first;
	bool more;
	size_t n;

	if (!f->resume)
		return false;
	n = first_of(f->resume, &first, &more);
	return more || compare_to(name, first, n) <= 0;
}

static bool folder_is_done(const struct frame *f, const char *name)
{
	const char *first;
	bool more;
	size_t n;

	if (!f->resume)
		return false;
	n = first_of(f->resume, &first, &more);
	return more && compare_to(name, first, n) < 0;
}

/* What is done of the folder @name. */
static const char *resume_in(const struct frame *f, const char *name)
{
	const char *first;
	bool more;
	size_t n;

	if (!f->resume)
		return NULL;
	n = first_of(f->resume, &first, &more);
	return more && compare_to(name, first, n) == 0 ? first + n : NULL;
}

/* Some filesystems do not say in a folder what its names are. */
static void settle_types(struct frame *f, struct names *names)
{
	struct statx st;

	for (size_t i = 0; i < names->n; i++) {
		struct name *n = &names->list[i];

		if (n->type != DT_UNKNOWN)
			continue;
		n->type = look(f->fd, n->text, &st) < 0 ? DT_UNKNOWN
			: S_ISDIR(st.stx_mode)          ? DT_DIR
			: S_ISREG(st.stx_mode)          ? DT_REG
							: DT_UNKNOWN;
	}
}

static void note_folder(struct walk *w, struct frame *f, const char *name)
{
	size_t size = strlen(name) + 1;

	if (folder_is_done(f, name))
		return;
	if (WALK_FOLDER_TEXT_MAX - w->folders_n < size) {
		w->counts.limited += f->is_ours;
		return;
	}
	memcpy(w->folders + w->folders_n, name, size);
	w->folders_n += size;
	f->end = w->folders_n;
}

/* A lot that is not the whole folder may hide its metadata: then it counts as there. */
static void note_metadata(struct frame *f, const struct names *names)
{
	bool found = !f->in_order;

	for (size_t i = 0; i < names->n && !found; i++)
		found = names->list[i].type == DT_REG && wanted_is_metadata(names->list[i].text);
	if (found)
		f->place.near_left = PLACE_NEAR_LEVELS + 1;
}

static int visit_lot(struct walk *w, struct frame *f)
{
	const struct names *names = w->names;
	int r = 0;

	settle_types(f, w->names);
	note_metadata(f, names);
	for (size_t i = 0; i < names->n; i++)
		if (names->list[i].type == DT_DIR)
			note_folder(w, f, names->list[i].text);
	for (size_t i = 0; i < names->n && r >= 0 && f->is_ours; i++)
		if (names->list[i].type == DT_REG && !is_done(f, names->list[i].text))
			r = visit_file(w, f, names->list[i].text);
	w->path_n = f->path_n;
	w->path[w->path_n] = '\0';
	return r;
}

static int visit_folder(struct walk *w, struct frame *f)
{
	int r, more;

	names_begin(w->names);
	f->next = f->end = w->folders_n;
	f->in_order = true;
	do {
		more = names_read(w->names, f->fd);
		if (more < 0) {
			w->counts.unread += f->is_ours;
			return 0;
		}
		if (!w->names->is_all) {
			f->in_order = false;
			f->resume = NULL;
		}
		r = visit_lot(w, f);
	} while (r >= 0 && more > 0);
	return r;
}

/* ---- folders within folders ---- */

/* Takes @fd over. */
static struct frame *push(struct walk *w, int fd, const struct statx *st)
{
	struct frame *f = &w->frames[w->depth++];

	*f = (struct frame){
		.fd = fd,
		.major = st->stx_dev_major,
		.minor = st->stx_dev_minor,
		.path_n = w->path_n,
		.package = NO_PACKAGE,
		.keeps_atime = true,
	};
	return f;
}

static void place_frame(struct walk *w, struct frame *f, const struct frame *above)
{
	const char *name = w->path + f->name_at;
	char above_name[NAME_MAX + 1];

	(void) snprintf(above_name, sizeof(above_name), "%.*s",
		(int) (above->path_n - above->name_at), w->path + above->name_at);
	place_enter(w->o.rules.policy, &above->place, above_name, name, &f->place);
	f->package = f->place.listed ? above->package : NO_PACKAGE;
	if (f->place.starts_listed) {
		f->package = (int) (f - w->frames);
		f->left = WALK_PACKAGE_FILES_MAX;
	}
}

static bool is_ours(const struct walk *w)
{
	uint32_t h = 2166136261u;

	if (w->o.n_parts < 2)
		return true;
	for (size_t i = 0; i < w->path_n; i++)
		h = (h ^ (unsigned char) w->path[i]) * 16777619u;
	return (h >> 16) % w->o.n_parts == w->o.part;
}

static int begin(struct walk *w, struct frame *f)
{
	int r;

	w->counts.folders += f->is_ours;
	r = visit_folder(w, f);
	return r < 0 ? r : w->o.events.tick(w, w->o.events.context);
}

static bool may_enter(struct walk *w, const struct frame *above, const struct statx *st)
{
	if (w->depth > WALK_DEPTH_MAX) {
		w->counts.limited += above->is_ours;
		return false;
	}
	if (!is_mount(above, st) || w->o.other_filesystems)
		return true;
	w->counts.other_mounts += above->is_ours;
	return false;
}

static void go_back(struct walk *w, const struct frame *to)
{
	w->path_n = to->path_n;
	w->path[w->path_n] = '\0';
}

static int enter(struct walk *w, const char *name)
{
	struct frame *above = &w->frames[w->depth - 1], *f;
	struct statx st;
	bool ours;
	int fd, r;

	r = look(above->fd, name, &st);
	if (r < 0)
		count_failure(w, above->is_ours, r);
	if (r < 0 || !S_ISDIR(st.stx_mode) || !may_enter(w, above, &st) || !append(w, above, name))
		return 0;
	ours = is_ours(w);
	if (!ours && above->counts_links && on_same(above, &st) && st.stx_nlink == 2) {
		go_back(w, above); /* there is nothing in it but files of another part's */
		return 0;
	}
	fd = open_quietly(above->fd, name, FOLDER_FLAGS, &above->keeps_atime);
	if (fd < 0 || (!on_same(above, &st) && is_left_out(fd))) {
		if (fd < 0)
			count_failure(w, ours, fd); /* another part may not even try */
		else
			w->counts.other_mounts += above->is_ours;
		cleanup_closep(&fd);
		go_back(w, above);
		return 0;
	}
	f = push(w, fd, &st);
	f->is_ours = ours;
	f->counts_links = on_same(above, &st) ? above->counts_links : counts_links(fd);
	f->name_at = above->path_n + 1;
	f->keeps_atime = above->keeps_atime;
	f->resume = resume_in(above, name);
	place_frame(w, f, above);
	return begin(w, f);
}

/* ---- roots ---- */

/* How far below a folder with metadata the folder @path may be of its package. */
static uint8_t levels_to_metadata(const char *path)
{
	static const char *const names[] = { "package.json", "codex-package.json" };
	char copy[WALK_PATH_MAX], *slash;
	struct statx st;

	(void) text_copy(copy, sizeof(copy), path);
	for (uint8_t left = PLACE_NEAR_LEVELS; left > 0 && (slash = strrchr(copy, '/')); left--) {
		*slash = '\0';
		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			char file[WALK_PATH_MAX + 32];

			(void) snprintf(file, sizeof(file), "%s/%s", copy, names[i]);
			if (look(AT_FDCWD, file, &st) == 0)
				return left;
		}
	}
	return 0;
}

/* What the folders above a root tell of it, as if the walk had come by them. */
static void place_root(struct walk *w, struct frame *f)
{
	struct place place = { 0 }, next;
	char copy[WALK_PATH_MAX], *rest = copy, *name;
	const char *above_name = "";

	(void) text_copy(copy, sizeof(copy), w->path);
	while ((name = strsep(&rest, "/"))) {
		if (!*name)
			continue;
		place_enter(w->o.rules.policy, &place, above_name, name, &next);
		place = next;
		above_name = name;
	}
	place.near_left = levels_to_metadata(w->path);
	f->place = place;
	f->package = place.listed ? 0 : NO_PACKAGE;
	f->left = WALK_PACKAGE_FILES_MAX;
	f->name_at = w->path_n - strlen(above_name);
}

/* The folder of a root that is a file, with nothing to do in it but that file. */
static int walk_single(struct walk *w, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct statx st = { 0 };
	struct frame *f;
	int fd, r;

	w->path_n = (size_t) (slash - path);
	w->path[w->path_n] = '\0';
	fd = open(w->path_n ? w->path : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	f = push(w, fd, &st);
	place_root(w, f);
	f->in_order = true;
	f->is_ours = w->o.part == 0;
	w->root_n = w->path_n;
	r = f->is_ours ? visit_file(w, f, slash + 1) : 0;
	leave(w);
	return r;
}

static int walk_all(struct walk *w)
{
	int r = 0;

	while (w->depth > 0 && r >= 0) {
		struct frame *f = &w->frames[w->depth - 1];
		const char *name = w->folders + f->next;

		if (f->next == f->end) {
			leave(w);
			continue;
		}
		f->next += strlen(name) + 1;
		r = enter(w, name);
	}
	abandon(w);
	return r;
}

int walk_root(struct walk *w, const char *path, const char *done)
{
	struct frame *f;
	struct statx st;
	bool keeps_atime = true;
	int fd, r;

	memset(&w->counts, 0, sizeof(w->counts));
	w->folders_n = 0;
	if (path[0] != '/' || text_copy(w->path, sizeof(w->path), path) < 0)
		return -ENAMETOOLONG;
	w->path_n = strlen(w->path);
	while (w->path_n > 0 && w->path[w->path_n - 1] == '/')
		w->path[--w->path_n] = '\0';
	w->root_n = w->path_n;
	r = look(AT_FDCWD, path, &st);
	if (r < 0)
		return r;
	if (S_ISREG(st.stx_mode))
		return walk_single(w, path);
	if (!S_ISDIR(st.stx_mode))
		return -ENOTDIR;
	fd = open_quietly(AT_FDCWD, path, FOLDER_FLAGS, &keeps_atime);
	if (fd < 0)
		return fd;
	f = push(w, fd, &st);
	f->keeps_atime = keeps_atime;
	place_root(w, f);
	if (done && done[0] == '/' && text_copy(w->resume, sizeof(w->resume), done) == 0)
		f->resume = w->resume;
	f->is_ours = is_ours(w);
	f->counts_links = counts_links(fd);
	r = is_left_out(fd) ? -EMEDIUMTYPE : begin(w, f);
	if (r < 0) {
		abandon(w);
		return r;
	}
	return walk_all(w);
}

/* ---- a path known from earlier ---- */

static int open_folder_of(char *path, const char **ret_name)
{
	_cleanup_close_ int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char *name = path + strspn(path, "/"), *slash;

	while (fd >= 0 && (slash = strchr(name, '/'))) {
		int next;

		*slash = '\0';
		next = *name ? openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
			     : fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (next < 0)
			return -errno;
		(void) close(fd);
		fd = next;
		name = slash + 1;
	}
	if (fd < 0)
		return -errno;
	*ret_name = name;
	return TAKE_FD(fd);
}

int walk_open(const char *path, int *ret_fd)
{
	_cleanup_close_ int folder = -1, fd = -1;
	char copy[WALK_PATH_MAX];
	const char *name = "";
	bool keeps_atime = true;
	struct statx st;
	int r;

	if (path[0] != '/' || text_copy(copy, sizeof(copy), path) < 0)
		return -ENAMETOOLONG;
	folder = open_folder_of(copy, &name);
	if (folder < 0)
		return folder;
	r = look(folder, name, &st);
	if (r < 0)
		return r;
	if (!S_ISREG(st.stx_mode))
		return -ENOENT;
	fd = open_quietly(folder, name, FILE_FLAGS, &keeps_atime);
	if (fd < 0)
		return fd;
	if (!is_regular(fd))
		return -ENOENT;
	if (is_left_out(fd))
		return -EREMOTE;
	*ret_fd = TAKE_FD(fd);
	return 0;
}
