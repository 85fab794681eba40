/*
 * Runs a fuzz target without libFuzzer: every corpus file as it is, then a fixed number of
 * mutations of each. The same files give the same mutations on every machine, so that a failure
 * seen once can be seen again.
 *
 * usage: fuzz_x [-n MUTATIONS] [FILE-OR-FOLDER...]
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/base/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	INPUT_MAX = 1 << 20,
	MUTATIONS_DEFAULT = 300,
	EDITS_MAX = 8,
};

/* What the handler of a crash says; a signal handler has no other way to know. */
static char now_running[512];

static void on_crash(int signal_number)
{
	(void) !write(STDERR_FILENO, now_running, strlen(now_running));
	(void) signal(signal_number, SIG_DFL);
	(void) raise(signal_number);
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static uint64_t seed_of(const uint8_t *data, size_t size)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ data[i]) * 0x100000001b3;
	return hash ? hash : 1;
}

static size_t edit(uint8_t *data, size_t size, uint64_t *random)
{
	static const uint8_t telling[] = { 0, 1, 0x7f, 0x80, 0xff, '"', '\'', '\n', '{', '[', '%',
		'/' };
	size_t at = size ? next_random(random) % size : 0;
	size_t length = size ? 1 + next_random(random) % (size - at) : 0;

	switch (next_random(random) % 6) {
	case 0:
		if (size)
			data[at] ^= (uint8_t) (1U << (next_random(random) % 8));
		return size;
	case 1:
		if (size)
			data[at] = telling[next_random(random) % ARRAY_SIZE(telling)];
		return size;
	case 2: /* cut off the end */
		return at;
	case 3: /* take a piece out */
		memmove(data + at, data + at + length, size - at - length);
		return size - length;
	case 4: /* repeat a piece */
		if (size + length > INPUT_MAX)
			return size;
		memmove(data + at + length, data + at, size - at);
		return size + length;
	default: /* overwrite a piece with another one */
		if (size)
			memmove(data + at, data + next_random(random) % (size - length + 1),
				length);
		return size;
	}
}

/* The target gets memory of exactly the input's size, so that ASan sees a read past its end. */
static void run_exactly(const uint8_t *data, size_t size)
{
	_cleanup_free_ uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	(void) LLVMFuzzerTestOneInput(copy, size);
}

static void run_input(const char *name, const uint8_t *data, size_t size, unsigned mutations)
{
	static uint8_t work[INPUT_MAX];
	uint64_t random = seed_of(data, size);

	(void) snprintf(now_running, sizeof(now_running), "crashed on %s\n", name);
	run_exactly(data, size);
	for (unsigned i = 1; i <= mutations; i++) {
		size_t n = size;

		memcpy(work, data, size);
		for (uint64_t edits = 1 + next_random(&random) % EDITS_MAX; edits > 0; edits--)
			n = edit(work, n, &random);
		(void) snprintf(now_running, sizeof(now_running), "crashed on mutation %u of %s\n",
			i, name);
		run_exactly(work, n);
	}
}

static int run_file(const char *path, unsigned mutations)
{
	static uint8_t data[INPUT_MAX];
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	size_t size;

	if (!f)
		return -errno;
	size = fread(data, 1, sizeof(data), f);
	if (ferror(f))
		return -EIO;
	run_input(path, data, size, mutations);
	return 1;
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Returns how many files were run, or a negative errno. */
static int run_path(const char *path, unsigned mutations)
{
	struct dirent **entries;
	struct stat st;
	int n, total = 0;

	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return run_file(path, mutations);

	n = scandir(path, &entries, is_visible, alphasort);
	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		char file[4096];
		int r;

		(void) snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
		r = total < 0 ? total : run_file(file, mutations);
		total = r < 0 ? r : total + r;
		free(entries[i]);
	}
	free(entries);
	return total;
}

int main(int argc, char *argv[])
{
	unsigned mutations = MUTATIONS_DEFAULT;
	int option, total = 0;

	while ((option = getopt(argc, argv, "n:")) != -1) {
		if (option != 'n') {
			fprintf(stderr, "usage: %s [-n MUTATIONS] [FILE-OR-FOLDER...]\n", argv[0]);
			return 2;
		}
		mutations = (unsigned) strtoul(optarg, NULL, 10);
	}
	(void) signal(SIGABRT, on_crash);
	(void) signal(SIGSEGV, on_crash);

	run_input("no input", (const uint8_t *) "", 0, 1);
	for (int i = optind; i < argc; i++) {
		int n = run_path(argv[i], mutations);

		if (n < 0) {
			fprintf(stderr, "%s: %s\n", argv[i], strerror(-n));
			return 1;
		}
		total += n;
	}
	printf("%d files, each with %u mutations\n", total, mutations);
	return 0;
}
