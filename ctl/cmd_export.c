/*
 * proscribectl export
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/ledger/export.h"
#include "ctl/records.h"

/* The file appears under its name when it is complete: half an export must not pass for a whole
 * one. What is no regular file (a pipe, /dev/stdout) is written to as it is. */
struct output {
	FILE *f;
	char *temporary; /* NULL: written in place */
	const char *path;
};

static void output_done(struct output *o)
{
	if (o->f && o->f != stdout)
		(void) fclose(o->f);
	if (o->temporary)
		(void) unlink(o->temporary);
	free(o->temporary);
}

static int open_temporary(struct output *o)
{
	_cleanup_close_ int fd = -1;

	if (asprintf(&o->temporary, "%s.XXXXXX", o->path) < 0) {
		o->temporary = NULL;
		return -ENOMEM;
	}
	fd = mkostemp(o->temporary, O_CLOEXEC); /* mode 0600: it says who ran what */
	if (fd < 0) {
		free(TAKE_PTR(o->temporary));
		return -errno;
	}
	o->f = fdopen(fd, "w");
	if (!o->f)
		return -errno;
	(void) TAKE_FD(fd);
	return 0;
}

static int output_open(struct output *o, const char *path)
{
	struct stat st;

	o->path = path;
	if (!path || strcmp(path, "-") == 0) {
		o->f = stdout;
		return 0;
	}
	if (stat(path, &st) < 0 || S_ISREG(st.st_mode))
		return open_temporary(o);
	o->f = fopen(path, "we");
	return o->f ? 0 : -errno;
}

static int output_finish(struct output *o)
{
	if (fflush(o->f) != 0 || ferror(o->f))
		return errno ? -errno : -EIO;
	if (!o->temporary)
		return 0;
	if (fsync(fileno(o->f)) < 0 || rename(o->temporary, o->path) < 0)
		return -errno;
	free(TAKE_PTR(o->temporary));
	return 0;
}

static enum exit_code failed(const struct output *o, int error)
{
	complain("cannot write %s: %s", o->path ? o->path : "the export", strerror(-error));
	return EXIT_CODE_FAILED;
}

/* *ret_n counts what was written; a failure to read is said here, one to write is returned. */
static int export_all(struct records *records, const struct record_filter *f,
	enum export_format format, FILE *out, uint64_t *ret_n, enum exit_code *ret_code)
{
	struct progress progress;
	struct record record;
	int r, w = export_begin(out, format);
	uint64_t n = 0;

	progress_start(&progress, stderr);
	r = w < 0 ? 0 : records_find(records, f);
	while (w >= 0 && r >= 0 && (r = records_next(records, &record)) > 0) {
		w = export_record(out, format, &record);
		progress_tick(&progress, "records", ++n, UINT64_MAX);
	}
	progress_end(&progress);
	if (r < 0) {
		complain("cannot read the records: %s", records_error(records, r));
		*ret_code = records_code(records);
	}
	*ret_n = n;
	return w < 0 ? w : 0;
}

enum exit_code cmd_export(const struct arguments *a)
{
	_cleanup_(records_freep) struct records *records = NULL;
	_cleanup_(output_done) struct output output = { 0 };
	struct record_filter f = { .since_nsec = a->since_nsec, .uid = -1, .with_digests = true };
	enum export_format format = EXPORT_JSONL;
	enum exit_code code;
	uint64_t n;
	int r;

	if (!a->format && !(a->given & OPTION_JSON)) {
		complain("export wants --format csv or --format jsonl");
		(void) fputs("Try 'proscribectl export --help'.\n", stderr);
		return EXIT_CODE_USAGE;
	}
	if (a->format)
		(void) export_format_from_string(a->format, &format);
	if (records_open(a, &records, &code) < 0)
		return code;
	r = output_open(&output, a->output);
	if (r < 0)
		return failed(&output, r);
	code = EXIT_CODE_FINE;
	r = export_all(records, &f, format, output.f, &n, &code);
	if (code != EXIT_CODE_FINE)
		return code;
	r = r < 0 ? r : output_finish(&output);
	if (r < 0)
		return failed(&output, r);
	if (a->output && output.f != stdout && isatty(STDERR_FILENO))
		(void) fprintf(stderr, "%llu records\n", (unsigned long long) n);
	return EXIT_CODE_FINE;
}
