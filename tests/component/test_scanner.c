/*
 * A real inspector, in its sandbox, searches files for the signatures of the policies it is sent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "agent/inspector/message.h"
#include "agent/inspector/scanner.h"
#include "policy/base/cleanup.h"
#include "policy/base/clock.h"
#include "policy/base/fd.h"
#include "policy/base/spawn.h"
#include "tests/support/signature_image.h"

enum { LARGE_FILE = 32 << 20, COPIES = 200000, KEPT_KIB_MAX = 2048, SHRINK_ROUNDS = 20 };

/* A sanitizer keeps freed memory for a while, and what it does at the end of a process takes more
 * than the sandbox gives. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

static const char marker[] = "PROSCRIBED MARKER Version: 2.1.113\n";

struct inspector {
	pid_t pid;
	int socket;
	uint64_t last_id;
};

static void start(struct inspector *i)
{
	char path[PATH_MAX + 64] = "", *end;
	union message m;
	int pair[2], fds[MESSAGE_FDS_MAX];
	size_t n_fds;

	assert_true(readlink("/proc/self/exe", path, PATH_MAX) > 0);
	end = strstr(path, "/tests/component/");
	assert_non_null(end);
	(void) strcpy(end, "/proscribe-inspector");
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	i->last_id = 0;
	i->pid = fork();
	if (i->pid == 0) {
		char *nobody[] = { path, "65534", "65534", NULL }, *same[] = { path, NULL };

		(void) dup2(pair[1], SPAWN_FIRST_FD);
		(void) close_range(SPAWN_FIRST_FD + 1, UINT_MAX, 0);
		(void) execv(path, geteuid() == 0 ? nobody : same);
		_exit(127);
	}
	(void) close(pair[1]);
	i->socket = pair[0];
	assert_int_equal(message_receive(i->socket, MESSAGE_FROM_INSPECTOR, MESSAGE_STARTING, &m,
				 fds, &n_fds),
		0);
}

static void stop(struct inspector *i, int expected)
{
	int status = -1;

	(void) close(i->socket);
	assert_int_equal(waitpid(i->pid, &status, 0), i->pid);
	if (!SANITIZED && (!WIFEXITED(status) || WEXITSTATUS(status) != expected))
		fail_msg("the inspector's status is %#x", (unsigned) status);
}

static void send_policy(struct inspector *i, const struct signature_image *image)
{
	const union message m = { .policy = image->message };

	assert_int_equal(message_send(i->socket, &m, &image->fd, 1), 0);
}

static struct facts inspect(struct inspector *i, int fd, enum message_scan how)
{
	union message m = { .inspect = { MESSAGE_INSPECT, 0, ++i->last_id, .scan = how } };
	int fds[MESSAGE_FDS_MAX];
	size_t n_fds;

	assert_int_equal(message_send(i->socket, &m, &fd, 1), 0);
	assert_int_equal(
		message_receive(i->socket, MESSAGE_FROM_INSPECTOR, MESSAGE_BUSY, &m, fds, &n_fds),
		0);
	assert_int_equal(m.facts.error, 0);
	assert_true(facts_valid(&m.facts.facts));
	return m.facts.facts;
}

static struct signature_image image_of(const char *name, const char *text)
{
	struct signature s = { .max_size = UINT64_MAX };
	struct signature_image image;
	char *rules = NULL;

	(void) snprintf(s.name, sizeof(s.name), "%s", name);
	(void) snprintf(s.version, sizeof(s.version), "Version: ([0-9.]+)");
	assert_true(asprintf(&rules,
			    "rule %s { strings: $a = \"%s\" condition: $a } rule "
			    "proscribe_version_of_%s { strings: $v = /Version: [0-9]+\\.[0-9]+\\."
			    "[0-9]+/ condition: $v }",
			    name, text, name) > 0);
	image = signature_image_new(rules, &s, 1);
	free(rules);
	return image;
}

static int file_of(const void *bytes, size_t n, uint64_t size, uint64_t at)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t) size), 0);
	assert_int_equal(pwrite(fd, bytes, n, (off_t) at), (ssize_t) n);
	return fd;
}

static void expect(const char *name, const struct facts *f, uint32_t have, const char *version)
{
	const uint32_t all = FACTS_SCANNED | FACTS_SCAN_LATER | FACTS_PAYLOAD_REFUSED;

	if ((f->have & all) != have || f->n_signatures != (version ? 1 : 0) ||
		(version && strcmp(f->signatures[0].version, version) != 0))
		fail_msg("%s: have %#x, %u signatures, version \"%s\"", name, f->have & all,
			f->n_signatures, f->signatures[0].version);
}

static void test_policies_come_and_go(void **state)
{
	struct signature_image first = image_of("first", "PROSCRIBED"),
			       second = image_of("second", "MARKER"),
			       third = image_of("third", "something else"), none = third;
	_cleanup_close_ int fd = file_of(marker, sizeof(marker) - 1, LARGE_FILE, LARGE_FILE / 2);
	struct inspector i;
	struct facts f;

	(void) state;
	none.message = (struct message_policy){ .type = MESSAGE_POLICY };
	start(&i);
	f = inspect(&i, fd, SCAN_ALL);
	expect("before any policy", &f, 0, NULL);
	send_policy(&i, &first);
	f = inspect(&i, fd, SCAN_NONE);
	expect("not asked for", &f, 0, NULL);
	f = inspect(&i, fd, SCAN_ANSWER);
	expect("put off", &f, FACTS_SCAN_LATER, NULL);
	f = inspect(&i, fd, SCAN_ALL);
	expect("first policy", &f, FACTS_SCANNED, "2.1.113");
	assert_true(f.policy_id == first.message.policy_id);
	send_policy(&i, &second);
	send_policy(&i, &third);
	f = inspect(&i, fd, SCAN_ALL);
	expect("third policy", &f, FACTS_SCANNED, NULL);
	assert_true(f.policy_id == third.message.policy_id);
	send_policy(&i, &second);
	f = inspect(&i, fd, SCAN_ALL);
	expect("second policy", &f, FACTS_SCANNED, "2.1.113");
	send_policy(&i, &none);
	f = inspect(&i, fd, SCAN_ALL);
	expect("no policy", &f, 0, NULL);
	stop(&i, 0);
	signature_image_done(&first);
	signature_image_done(&second);
	signature_image_done(&third);
}

/* An inspector does not argue. */
static void test_policy_that_is_none(void **state)
{
	struct signature_image image = image_of("first", "PROSCRIBED");
	struct inspector i;

	(void) state;
	image.message.signatures_offset++;
	start(&i);
	send_policy(&i, &image);
	stop(&i, 1);
	signature_image_done(&image);
}

static unsigned long anonymous_kib(pid_t pid)
{
	char path[64], line[256];
	_cleanup_fclose_ FILE *f = NULL;
	unsigned long kib = 0;

	(void) snprintf(path, sizeof(path), "/proc/%d/status", (int) pid);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		(void) sscanf(line, "RssAnon: %lu kB", &kib);
	return kib;
}

/* More matches than are kept take memory while the search lasts, and give it back. */
static void test_memory_is_given_back(void **state)
{
	struct signature_image image = image_of("first", "PROSCRIBED");
	const size_t n = sizeof(marker) - 1;
	_cleanup_close_ int small = file_of(marker, n, n, 0), many = -1;
	_cleanup_free_ char *all = malloc(n * COPIES);
	struct inspector i;
	struct facts f;
	unsigned long before;

	(void) state;
	assert_non_null(all);
	for (size_t k = 0; k < COPIES; k++)
		memcpy(all + k * n, marker, n);
	many = file_of(all, n * COPIES, n * COPIES, 0);
	start(&i);
	before = anonymous_kib(i.pid);
	send_policy(&i, &image);
	for (int k = 0; k < 3; k++) {
		f = inspect(&i, small, SCAN_ANSWER);
		expect("small", &f, FACTS_SCANNED, "2.1.113");
		f = inspect(&i, many, SCAN_ALL);
		expect("many", &f, FACTS_SCANNED, "");
	}
	if (!SANITIZED && anonymous_kib(i.pid) > before + KEPT_KIB_MAX)
		fail_msg("%lu KiB before, %lu after", before, anonymous_kib(i.pid));
	stop(&i, 0);
	signature_image_done(&image);
}

/* An ELF header and nothing behind it for a terabyte. */
static void test_sparse_terabyte(void **state)
{
	static const uint8_t elf[] = { 0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
		0, 0x3e, 0, 1 };
	struct signature_image image = image_of("first", "PROSCRIBED");
	_cleanup_close_ int fd = file_of(elf, sizeof(elf), UINT64_C(1) << 40, 0);
	const uint64_t begun = clock_boot_usec();
	struct inspector i;
	struct facts f;

	(void) state;
	start(&i);
	send_policy(&i, &image);
	f = inspect(&i, fd, SCAN_ANSWER);
	expect("for an answer", &f, FACTS_SCAN_LATER, NULL);
	f = inspect(&i, fd, SCAN_ALL);
	expect("all of it", &f, FACTS_SCANNED | FACTS_PAYLOAD_REFUSED, NULL);
	assert_true(clock_boot_usec() - begun < (SCANNER_ALL_SEC + 5) * USEC_PER_SEC);
	stop(&i, 0);
	signature_image_done(&image);
}

static void test_all_that_is_ever_read(void **state)
{
	static const struct {
		const char *name;
		uint64_t size;
		uint32_t have;
		const char *version;
	} cases[] = {
		{ "as much as is read", SCANNER_ALL_MAX, FACTS_SCANNED, "2.1.113" },
		{ "one byte more", SCANNER_ALL_MAX + 1, FACTS_SCANNED | FACTS_PAYLOAD_REFUSED,
			"2.1.11" },
	};
	struct signature_image image = image_of("first", "PROSCRIBED");
	const size_t n = sizeof(marker) - 2; /* to the version's last digit */
	struct inspector i;

	(void) state;
	start(&i);
	send_policy(&i, &image);
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		_cleanup_close_ int fd = file_of(marker, n, cases[k].size, cases[k].size - n);
		struct facts f = inspect(&i, fd, SCAN_ALL);

		if (SANITIZED) /* the clock may end it before */
			assert_true(f.have & FACTS_SCANNED);
		else
			expect(cases[k].name, &f, cases[k].have, cases[k].version);
	}
	stop(&i, 0);
	signature_image_done(&image);
}

struct shrinker {
	int fd;
	bool done;
};

static void *shrink_and_grow(void *context)
{
	struct shrinker *s = context;

	while (!__atomic_load_n(&s->done, __ATOMIC_ACQUIRE)) {
		(void) !ftruncate(s->fd, 100000);
		(void) !ftruncate(s->fd, LARGE_FILE);
		(void) !pwrite(s->fd, marker, sizeof(marker) - 1, LARGE_FILE / 2);
	}
	return NULL;
}

/* Whatever it makes of them, it answers and lives on. */
static void test_files_that_change_meanwhile(void **state)
{
	struct signature_image image = image_of("first", "PROSCRIBED");
	struct shrinker s = { .fd = file_of(marker, sizeof(marker) - 1, LARGE_FILE, 0) };
	struct inspector i;
	pthread_t thread;
	struct facts f;

	(void) state;
	start(&i);
	send_policy(&i, &image);
	assert_int_equal(pthread_create(&thread, NULL, shrink_and_grow, &s), 0);
	for (int k = 0; k < SHRINK_ROUNDS; k++) {
		f = inspect(&i, s.fd, SCAN_ALL);
		assert_true(f.have & FACTS_SCANNED);
	}
	__atomic_store_n(&s.done, true, __ATOMIC_RELEASE);
	(void) pthread_join(thread, NULL);
	stop(&i, 0);
	(void) close(s.fd);
	signature_image_done(&image);
}

static int prepare(void **state)
{
	(void) state;
	return scanner_prepare();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policies_come_and_go),
		cmocka_unit_test(test_policy_that_is_none),
		cmocka_unit_test(test_memory_is_given_back),
		cmocka_unit_test(test_sparse_terabyte),
		cmocka_unit_test(test_all_that_is_ever_read),
		cmocka_unit_test(test_files_that_change_meanwhile),
	};

	return cmocka_run_group_tests_name("scanner", tests, prepare, NULL);
}
