/*
 * A policy of a million hashes: how long it takes to open, also as an agent does that at its start
 * with the one it has kept, what a hash costs in bytes, and how long a look-up takes. Look-ups go
 * to hashes in random order, so that most of them miss the caches.
 *
 * Each figure is that of the least disturbed round.
 *
 * usage: bench_image [HASHES]      exits 1 when a figure misses its bar
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "agent/kept.h"
#include "policy/base/cleanup.h"
#include "policy/image/builder.h"

enum { HASHES = 1000000, OPENS = 21, LOADS = 7, LOOKUPS = 200000, ROUNDS = 5, BATCH = 64 };

static const double open_bar_msec = 50, bytes_bar = 48, lookup_bar_nsec = 200;

static uint64_t now_nsec(void)
{
	struct timespec t;

	(void) clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t) t.tv_sec * 1000000000 + (uint64_t) t.tv_nsec;
}

static uint64_t mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* The @i-th file of the list: a third of all sizes occur more than once. */
static void make_file(uint64_t i, struct facts *ret)
{
	ret->have = FACTS_SHA256;
	ret->size = 1000 + mix(i) % (3 * HASHES);
	for (size_t k = 0; k < SHA256_SIZE / sizeof(uint64_t); k++) {
		uint64_t word = mix(i * 4 + k + 1);

		memcpy(ret->sha256 + k * sizeof(word), &word, sizeof(word));
	}
}

static int build(int fd, uint64_t n)
{
	_cleanup_(builder_freep) struct builder *b = NULL;
	struct policy_software s = { "list", "A list", "" };
	struct facts f = { 0 };
	uint32_t software;
	int r = builder_new("bench", "", "", &b);

	if (r == 0)
		r = builder_add_software(b, &s, &software);
	for (uint64_t i = 0; i < n && r == 0; i++) {
		make_file(i, &f);
		r = builder_add_sha256(b, software, f.sha256, f.size, "1.0.0");
	}
	return r < 0 ? r : builder_write(b, fd);
}

static double least(const double values[], size_t n)
{
	double found = values[0];

	for (size_t i = 1; i < n; i++)
		found = values[i] < found ? values[i] : found;
	return found;
}

/* Opening, and the first look-up, which is when an agent can work again. */
static double open_msec(int fd)
{
	double took[OPENS];

	for (int i = 0; i < OPENS; i++) {
		_cleanup_(policy_unrefp) struct policy *p = NULL;
		uint64_t start = now_nsec();

		if (policy_open(fd, &p) < 0)
			return -1;
		(void) policy_size_listed(p, 1000);
		took[i] = (double) (now_nsec() - start) / 1e6;
	}
	return least(took, OPENS);
}

/* The kept image, from its file to the first look-up. */
static double load_msec(int fd)
{
	char folder[] = "/tmp/proscribe-bench-XXXXXX", path[sizeof(folder) + sizeof("/policy")];
	double took[LOADS] = { 0 };
	int r = mkdtemp(folder) ? 0 : -errno;

	if (r < 0)
		return -1;
	(void) snprintf(path, sizeof(path), "%s/policy", folder);
	r = kept_save(path, fd);
	for (int i = 0; i < LOADS && r == 0; i++) {
		_cleanup_(policy_unrefp) struct policy *p = NULL;
		uint64_t start = now_nsec();

		r = kept_load(path, &p);
		if (r == 0)
			(void) policy_size_listed(p, 1000);
		took[i] = (double) (now_nsec() - start) / 1e6;
	}
	(void) unlink(path);
	(void) rmdir(folder);
	return r < 0 ? -1 : least(took, LOADS);
}

/* @offset 0: files that are in the list; else files that are not. -1 when an answer is wrong. */
static double lookup_nsec(const struct policy *p, uint64_t n, uint64_t offset)
{
	_cleanup_free_ struct facts *files = calloc(BATCH, sizeof(*files));
	double took[ROUNDS] = { 0 };
	uint64_t found = 0;

	if (!files)
		return -1;
	for (int round = 0; round < ROUNDS; round++) {
		for (uint64_t done = 0; done < LOOKUPS; done += BATCH) {
			uint64_t start;

			for (uint64_t i = 0; i < BATCH; i++)
				make_file(offset + mix(done + i + (uint64_t) round * LOOKUPS) % n,
					&files[i]);
			start = now_nsec();
			for (int i = 0; i < BATCH; i++) {
				struct policy_match m;

				found += policy_match(p, &files[i], NULL, NULL, &m, 1);
			}
			took[round] += (double) (now_nsec() - start) / LOOKUPS;
		}
	}
	return (found > 0) == (offset == 0) ? least(took, ROUNDS) : -1;
}

/* What any one look into a table of this size costs here: the least a look-up could take. */
static double read_nsec(const uint8_t *image, uint64_t size)
{
	double took[ROUNDS];
	volatile uint64_t result; /* or the compiler would find that nobody needs it */
	uint64_t at = 0, sum = 0;

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t start = now_nsec();

		for (uint64_t i = 0; i < LOOKUPS; i++) {
			at = mix(at + i) % size;
			sum += image[at];
			at += sum & 1;
		}
		result = sum;
		(void) result;
		took[round] = (double) (now_nsec() - start) / LOOKUPS;
	}
	return least(took, ROUNDS);
}

static void show_read(int fd)
{
	size_t size = (size_t) lseek(fd, 0, SEEK_END);
	void *image = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);

	if (image == MAP_FAILED)
		return;
	printf("%-44s %8.2f ns    (no bar: what this machine's memory takes)\n",
		"one read at random in as much memory", read_nsec(image, size));
	(void) munmap(image, size);
}

static int show(const char *what, double value, double bar, const char *unit)
{
	int missed = value < 0 || value > bar;

	printf("%-44s %8.2f %-5s bar %6.0f  %s\n", what, value, unit, bar,
		missed ? "MISSED" : "met");
	return missed;
}

int main(int argc, char *argv[])
{
	uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : HASHES;
	_cleanup_close_ int fd = memfd_create("policy", MFD_CLOEXEC);
	_cleanup_(policy_unrefp) struct policy *p = NULL;
	uint64_t start = now_nsec();
	int missed = 0, r = fd < 0 ? -errno : build(fd, n);

	if (r == 0)
		r = policy_open(fd, &p);
	if (r < 0 || n == 0) {
		fprintf(stderr, "cannot build a policy of %llu hashes: %s\n",
			(unsigned long long) n, strerror(-r));
		return 2;
	}
	printf("%llu hashes, built in %.0f ms\n", (unsigned long long) n,
		(double) (now_nsec() - start) / 1e6);
	missed += show("policy: open", open_msec(fd), open_bar_msec, "ms");
	missed += show("policy: load what was kept", load_msec(fd), open_bar_msec, "ms");
	missed += show("policy: size of a hash", (double) lseek(fd, 0, SEEK_END) / (double) n,
		bytes_bar, "bytes");
	missed += show(
		"policy: look-up of a listed file", lookup_nsec(p, n, 0), lookup_bar_nsec, "ns");
	missed += show(
		"policy: look-up of another file", lookup_nsec(p, n, n), lookup_bar_nsec, "ns");
	show_read(fd);
	return missed ? 1 : 0;
}
