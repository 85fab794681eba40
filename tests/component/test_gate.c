/*
 * agent/gate against a real kernel and a pool of the test's own: every launch is answered exactly
 * once, by what was found out, or in time by the fail mode. Marks only a tmpfs of its own, in a
 * mount namespace of its own, and asserts that it is neither the filesystem of / nor of /tmp.
 */
#include "tests/component/gate_world.h"

/* ---- the tests ---- */

static void an_unbanned_program_runs(void **state)
{
	struct gate *g = start_gate(FAIL_MODE_ALLOW);
	const char *path = program("user", 1000);
	struct gate_status s;

	(void) state;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(launch(path), 0);
		usleep(GATE_HOLD_USEC *
			3); /* /bin/true is a file of another filesystem: one event each */
	}
	gate_status(g, &s);
	assert_int_equal(s.allowed, 5);
	assert_int_equal(s.cached, 4);
	assert_int_equal(jobs(), 1);
	assert_int_equal(world.n_events, 0);
	stop_gate(g);
}

static void roots_own_program_is_asked_about_once(void **state)
{
	struct gate *g = start_gate(FAIL_MODE_ALLOW);
	const char *path = program("root", 0);
	struct gate_status s;
	int fd;

	(void) state;
	usleep(SETTLE_USEC);
	for (int i = 0; i < 5; i++)
		assert_int_equal(launch(path), 0);
	gate_status(g, &s);
	assert_int_equal(s.events, 1);
	assert_int_equal(s.marked, 1);
	usleep(GATE_HOLD_USEC * 3);
	fd = open(path, O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, "x", 1), 1);
	(void) close(fd);
	/* written to, so asked about again; and once more, as its ctime is too young to tell the
	 * next write from this one */
	for (int i = 0; i < 2; i++)
		assert_int_equal(launch(path), 0);
	gate_status(g, &s);
	assert_int_equal(s.events, 3);
	assert_int_equal(jobs(), 3);
	stop_gate(g);
}

static void a_banned_program_is_refused_and_recorded(void **state)
{
	struct gate *g = start_gate(FAIL_MODE_ALLOW);
	const char *path = program("banned", 1000);
	struct event *e;

	(void) state;
	world.banned = true;
	assert_int_equal(launch(path), -EPERM);
	e = event_number(1);
	assert_non_null(e);
	assert_int_equal(e->kind, EVENT_LAUNCH);
	assert_int_equal(e->outcome, OUTCOME_REFUSED);
	assert_int_equal(e->verdict, VERDICT_BLOCK);
	assert_string_equal(e->path, path);
	assert_string_equal(e->rules, "R-1");
	assert_string_equal(e->version, "2.0.0");
	assert_int_equal(e->uid, geteuid());
	e = event_number(2); /* its hash, computed after the answer */
	assert_non_null(e);
	assert_int_equal(e->kind, EVENT_DIGEST);
	assert_string_equal(e->id, world.events[0]->id);
	assert_int_equal(launch(path), -EPERM);
	e = event_number(3);
	assert_non_null(e);
	assert_true(e->have_sha256); /* known by now */
	assert_int_equal(world.n_notices, 2);
	stop_gate(g);
}

/* A table in which the file at @path belongs to the banned package. */
static struct installed *make_table(const char *path)
{
	const struct package banned = {
		.type = PACKAGE_NPM, .told = METADATA_DPKG, .name = "banned"
	};
	struct installed *t = NULL;
	struct path_status st;
	uint32_t package;

	assert_int_equal(path_status(AT_FDCWD, path, &st), 0);
	assert_int_equal(installed_table_new(&t), 0);
	assert_int_equal(installed_table_add_package(t, &banned, &package), 0);
	assert_int_equal(installed_table_add_file(t, package, &st.file), 0);
	installed_table_finish(t);
	return t;
}

static int launch_until(const char *path, int want)
{
	int r = launch(path);

	for (int i = 0; i < 1000 && r != want; i++) {
		usleep(1000);
		r = launch(path);
	}
	return r;
}

static void a_new_table_of_installed_files_holds_soon(void **state)
{
	struct gate *g = start_gate(FAIL_MODE_ALLOW);

	(void) state;
	for (uid_t owner = 0; owner <= 1000; owner += 1000) {
		const char *path = program("installed", owner);
		struct installed *t = make_table(path);

		usleep(SETTLE_USEC);
		for (int i = 0; i < 3; i++) /* until the kernel does not ask any more */
			assert_int_equal(launch(path), 0);
		gate_set_installed(g, t);
		assert_int_equal(launch_until(path, -EPERM), -EPERM);
		gate_set_installed(g, NULL);
		gate_set_installed(g, t); /* before the one above was taken up, or after */
		gate_set_installed(g, NULL);
		assert_int_equal(launch_until(path, 0), 0);
		gate_set_installed(g, t);
		(void) installed_unref(t);
		usleep(GATE_HOLD_USEC * 3);
	}
	stop_gate(g);
}

static void a_new_policy_holds_at_once(void **state)
{
	static const struct {
		const char *name;
		enum action action;
		int want;
	} steps[] = {
		{ "blocked", ACTION_BLOCK, -EPERM },
		{ "only logged from now on", ACTION_LOG, 0 },
		{ "warned of from now on", ACTION_WARN, 0 },
		{ "blocked again", ACTION_BLOCK, -EPERM },
	};
	struct gate *g = start_gate(FAIL_MODE_ALLOW);

	(void) state;
	for (uid_t owner = 0; owner <= 1000; owner += 1000) {
		const char *path = program("flips", owner);

		world.banned = false;
		assert_int_equal(launch(path), 0);
		world.banned = true;
		for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
			int r;

			use_policy(g, steps[i].action);
			r = launch(path);
			if (r != steps[i].want)
				fail_msg("owner %u, %s: %d, expected %d", owner, steps[i].name, r,
					steps[i].want);
		}
		usleep(GATE_HOLD_USEC * 3);
	}
	stop_gate(g);
}

static void nobody_answers_in_time(void **state)
{
	static const struct {
		const char *name;
		enum fail_mode mode;
		int want;
		enum outcome outcome;
	} cases[] = {
		{ "fail mode allow lets it run", FAIL_MODE_ALLOW, 0, OUTCOME_RAN },
		{ "fail mode deny refuses it", FAIL_MODE_DENY, -EPERM, OUTCOME_REFUSED },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct gate *g = start_gate(cases[i].mode);
		const char *path = program("slow", 1000);
		uint64_t begun = clock_boot_usec();
		struct event *e;
		int r;

		world.hold = true;
		r = launch(path);
		if (r != cases[i].want)
			fail_msg("%s: %d", cases[i].name, r);
		assert_in_range(clock_boot_usec() - begun, TIMEOUT_USEC, TIMEOUT_USEC * 5);
		e = event_number(1);
		assert_non_null(e);
		assert_int_equal(e->verdict, VERDICT_UNJUDGED);
		assert_int_equal(e->outcome, cases[i].outcome);
		let_go();
		stop_gate(g);
	}
}

/* It ran and has ended: there is nothing left to stop, and the record must not claim it. */
static void found_banned_after_its_end_is_recorded(void **state)
{
	struct gate *g = start_gate(FAIL_MODE_ALLOW);
	const char *path = program("brief", 1000);
	struct event *e;

	(void) state;
	world.hold = world.banned = true;
	assert_int_equal(launch(path), 0);
	assert_non_null(event_number(1));
	let_go();
	e = event_number(2);
	assert_non_null(e);
	assert_int_equal(e->verdict, VERDICT_BLOCK);
	assert_int_equal(e->outcome, OUTCOME_RAN);
	stop_gate(g);
}

static void a_running_banned_program_is_killed(void **state)
{
	struct gate *g = start_gate(FAIL_MODE_ALLOW);
	struct event *e;
	int status;
	pid_t pid;

	(void) state;
	world.hold = world.banned = true;
	pid = launch_sleeper("60");
	assert_non_null(event_number(1)); /* fail mode allowed it */
	usleep(TIMEOUT_USEC / 3);
	let_go();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), SIGKILL);
	e = event_number(2);
	assert_non_null(e);
	assert_int_equal(e->outcome, OUTCOME_STOPPED);
	stop_gate(g);
}

static void what_is_too_large_is_searched_after_the_answer(void **state)
{
	static const struct {
		const char *name;
		enum action action;
		bool banned;
		int status; /* of the sleeper */
		unsigned events;
		enum outcome outcome;
	} cases[] = {
		{ "unbanned: it runs on", ACTION_BLOCK, false, 0, 0, OUTCOME_RAN },
		{ "to be logged: it runs on", ACTION_LOG, true, 0, 1, OUTCOME_RAN },
		{ "banned: it is stopped", ACTION_BLOCK, true, SIGKILL, 1, OUTCOME_STOPPED },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct gate *g = start_gate(FAIL_MODE_ALLOW);
		int status;
		pid_t pid;

		use_policy(g, cases[i].action);
		world.large = true;
		world.banned = cases[i].banned;
		pid = launch_sleeper("1");
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WEXITSTATUS(status) != cases[i].status)
			fail_msg("%s: it ended with %d", cases[i].name, WEXITSTATUS(status));
		stop_gate(g);
		if (jobs() < 2 || world.n_events < cases[i].events ||
			(cases[i].events == 0 && world.n_events > 0))
			fail_msg("%s: %u jobs, %u records", cases[i].name, jobs(), world.n_events);
		if (cases[i].events && world.events[0]->outcome != cases[i].outcome)
			fail_msg("%s: recorded as %d", cases[i].name, world.events[0]->outcome);
	}
}

static void what_cannot_all_be_read_is_recorded(void **state)
{
	static const struct {
		const char *name;
		uint32_t have;
		enum fail_mode mode;
		int want;
		unsigned events; /* of two launches */
	} cases[] = {
		{ "metadata, fail mode allow", FACTS_METADATA_REFUSED, FAIL_MODE_ALLOW, 0, 1 },
		{ "metadata, fail mode deny", FACTS_METADATA_REFUSED, FAIL_MODE_DENY, 0, 1 },
		{ "a payload, fail mode allow", FACTS_PAYLOAD_REFUSED, FAIL_MODE_ALLOW, 0, 1 },
		{ "a payload, fail mode deny", FACTS_PAYLOAD_REFUSED, FAIL_MODE_DENY, -EPERM, 2 },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct gate *g = start_gate(cases[i].mode);
		char path[256];
		int first, second;

		strcpy(path, program("hidden", 1000));
		usleep(SETTLE_USEC);
		world.have = cases[i].have;
		first = launch(path);
		second = launch(path);
		stop_gate(g);
		if (first != cases[i].want || second != cases[i].want)
			fail_msg("%s: %d and %d", cases[i].name, first, second);
		if (world.n_events != cases[i].events)
			fail_msg("%s: %u records", cases[i].name, world.n_events);
		assert_int_equal(world.events[0]->verdict, VERDICT_UNJUDGED);
		assert_string_not_equal(world.events[0]->detail, "");
	}
}

/* Only the first launch costs a search, and the file can be written to meanwhile. */
static void launches_share_a_search(void **state)
{
	enum { LAUNCHES = INSPECTION_KEPT + 3 };
	struct gate *g = start_gate(FAIL_MODE_ALLOW);
	char path[256];
	unsigned searches = 0;

	(void) state;
	strcpy(path, program("large", 1000));
	world.large = world.hold_search = true;
	for (int i = 0; i < LAUNCHES; i++)
		assert_int_equal(launch(path), 0);
	pthread_mutex_lock(&world.lock);
	for (unsigned i = 0; i < world.n_kept; i++)
		searches += world.kept[i]->scan == SCAN_ALL;
	pthread_mutex_unlock(&world.lock);
	assert_int_equal(searches, 1);
	assert_int_equal(world.n_events, LAUNCHES - INSPECTION_KEPT);
	for (unsigned i = 0; i < world.n_events; i++)
		assert_int_equal(world.events[i]->verdict, VERDICT_UNJUDGED);
	usleep(GATE_HOLD_USEC * 3);
	write_status(path, 0, 0);
	let_go();
	stop_gate(g);
}

/* The policy changed while the file was looked at for the last time that it may be. */
static void what_another_policy_was_searched_for_is_not_remembered(void **state)
{
	static const struct signature any = { .name = "any", .max_size = UINT64_MAX };
	struct gate *g = start_gate(FAIL_MODE_ALLOW);
	struct policy *p = make_policy(ACTION_BLOCK, &any);
	char path[256];
	pthread_t thread;
	void *result;

	(void) state;
	strcpy(path, program("outdated", 0));
	usleep(SETTLE_USEC);
	world.hold = true;
	world.result = -EPIPE;
	world.failures = 1;
	assert_int_equal(pthread_create(&thread, NULL, launch_thread, path), 0);
	for (int i = 0; i < 2; i++) {
		while (jobs() < 1 + (unsigned) i)
			usleep(1000);
		if (i == 0)
			let_these_go();
	}
	assert_int_equal(gate_set_policy(g, p, NULL), 0);
	(void) policy_unref(p);
	let_go();
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_int_equal((intptr_t) result, 0);
	assert_int_equal(jobs(), 2);
	assert_int_equal(launch(path), 0);
	assert_int_equal(jobs(), 3);
	stop_gate(g);
}

static void the_inspection_fails(void **state)
{
	static const struct {
		const char *name;
		int result;
		_Atomic unsigned failures;
		_Atomic bool refuse;
		unsigned jobs, events;
	} cases[] = {
		{ "the inspector dies once: tried again, judged", -EPIPE, 1, false, 2, 0 },
		{ "the inspector dies over it each time", -EPIPE, 0, false, 2, 1 },
		{ "the inspector lies", -EBADMSG, 0, false, 1, 1 },
		{ "the pool is full", 0, 0, true, 0, 1 },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct gate *g = start_gate(FAIL_MODE_ALLOW);
		const char *path = program("fails", 1000);

		world.result = cases[i].result;
		world.failures = cases[i].failures;
		world.refuse = cases[i].refuse;
		if (launch(path) != 0)
			fail_msg("%s: was refused", cases[i].name);
		stop_gate(g);
		if (jobs() != cases[i].jobs || world.n_events != cases[i].events)
			fail_msg("%s: %u inspections and %u records, expected %u and %u",
				cases[i].name, jobs(), world.n_events, cases[i].jobs,
				cases[i].events);
		if (cases[i].events && world.events[0]->verdict != VERDICT_UNJUDGED)
			fail_msg("%s: recorded as %d", cases[i].name, world.events[0]->verdict);
	}
}

static void launches_of_one_file_share_an_inspection(void **state)
{
	enum { LAUNCHERS = 24 };
	struct gate *g = start_gate(FAIL_MODE_ALLOW);
	char path[256];
	pthread_t threads[LAUNCHERS];
	void *result;

	(void) state;
	strcpy(path, program("storm", 1000));
	world.hold = true;
	for (size_t i = 0; i < LAUNCHERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, launch_thread, path), 0);
	usleep(TIMEOUT_USEC / 3);
	assert_int_equal(jobs(), 1);
	let_go();
	for (size_t i = 0; i < LAUNCHERS; i++) {
		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_int_equal((intptr_t) result, 0);
	}
	assert_int_equal(world.n_events, 0);
	stop_gate(g);
}

static void a_file_with_a_writer_is_not_remembered(void **state)
{
	struct gate *g = start_gate(FAIL_MODE_ALLOW);
	const char *path = program("written", 1000);

	(void) state;
	world.writer = world.script = true;
	assert_int_equal(launch(path), 0);
	usleep(GATE_HOLD_USEC * 3);
	assert_int_equal(jobs(), 2); /* and looked at again */
	world.writer = false;
	assert_int_equal(launch(path), 0);
	assert_int_equal(jobs(), 3);
	usleep(GATE_HOLD_USEC * 3);
	assert_int_equal(launch(path), 0);
	assert_int_equal(jobs(), 3);
	stop_gate(g);
}

/* The kernel would say ETXTBSY, were the writer still there when it looks. */
static void a_program_that_is_written_to_is_not_launched(void **state)
{
	struct gate *g = start_gate(FAIL_MODE_ALLOW);
	const char *path = program("contested", 1000);
	struct event *e;
	pthread_t thread;
	void *result;

	(void) state;
	world.writer = true;
	assert_int_equal(launch(path), -EPERM);
	e = event_number(1);
	assert_non_null(e);
	assert_int_equal(e->verdict, VERDICT_UNJUDGED);
	assert_int_equal(e->outcome, OUTCOME_REFUSED);
	assert_non_null(strstr(e->detail, "open for writing"));
	assert_int_equal(pthread_create(&thread, NULL, launch_thread, (void *) path), 0);
	usleep(GATE_GUARD_USEC * 3);
	world.writer = false; /* a compiler that is done */
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_int_equal((intptr_t) result, 0);
	assert_int_equal(world.n_events, 1);
	stop_gate(g);
}

/* A script that somebody had open for writing turns out to be banned at the second look. */
static void what_a_writer_made_of_it_is_found_and_stopped(void **state)
{
	struct gate *g = start_gate(FAIL_MODE_ALLOW);
	struct event *e;
	int status;
	pid_t pid;

	(void) state;
	world.writer = world.script = true;
	pid = launch_sleeper("60");
	while (world.finished == 0) /* looked at once, as what it was */
		usleep(100);
	world.banned = true;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), SIGKILL);
	e = event_number(1);
	assert_non_null(e);
	assert_int_equal(e->outcome, OUTCOME_STOPPED);
	assert_string_equal(e->detail, "the file changed while it was launched");
	stop_gate(g);
}

/* Writers that come at any moment of a launch: before the question, between check and answer, and
 * before the program runs. The program's exit status is a byte of its own file. */
static void no_writer_gets_in_between(void **state)
{
	enum { ROUNDS = 200, BANNED_STATUS = 7, DELAY_MAX_USEC = 1200 };
	struct gate *g = start_gate(FAIL_MODE_ALLOW);
	char path[256];
	unsigned ran = 0;
	off_t at;

	(void) state;
	at = exit_program("between", path);
	world.by_content = at;
	for (unsigned round = 0; round < ROUNDS; round++) {
		bool before = round % 2;
		int fd = -1, status;
		unsigned finished;
		pid_t pid;

		write_status(path, at, 0);
		assert_int_equal(launch(path), 0); /* judged, and remembered */
		usleep(GATE_HOLD_USEC * 2);
		if (before)
			fd = open(path, O_WRONLY);
		finished = world.finished;
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			leave_gate();
			_exit(launch(path) == BANNED_STATUS ? BANNED_STATUS : 0);
		}
		/* with the file open already: just when it was looked at, the best moment there is
		 */
		for (uint64_t end = clock_boot_usec() + TIMEOUT_USEC;
			before && world.finished == finished && clock_boot_usec() < end;)
			;
		if (!before) {
			usleep(round * 37 % DELAY_MAX_USEC);
			fd = open(path, O_WRONLY);
		}
		(void) !pwrite(fd, &(char){ BANNED_STATUS + '0' }, 1, at);
		(void) close(fd);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		ran += WEXITSTATUS(status) == BANNED_STATUS;
		usleep(GATE_HOLD_USEC * 2);
	}
	stop_gate(g);
	if (ran > 0)
		fail_msg("%u of %u ran what was written into them unjudged", ran, ROUNDS);
}

static void a_late_writer_waits_for_the_launch(void **state)
{
	struct gate *g = start_gate(FAIL_MODE_ALLOW);
	const char *path = program("late", 1000);
	int fd;

	(void) state;
	assert_int_equal(launch(path), 0);
	assert_int_equal(open(path, O_WRONLY | O_NONBLOCK), -1); /* the lease is still held */
	assert_int_equal(errno, EWOULDBLOCK);
	usleep(GATE_HOLD_USEC * 3);
	fd = open(path, O_WRONLY | O_NONBLOCK);
	assert_true(fd >= 0);
	(void) close(fd);
	stop_gate(g);
}

/* While the lease keeps writers out, the kernel need not ask; whatever a writer then leaves is
 * asked about before it runs. */
static void a_guarded_file_is_asked_about_once(void **state)
{
	struct gate *g = start_gate(FAIL_MODE_ALLOW);
	const char *path = program("again", 1000);
	uint64_t begun, asked;
	struct gate_status s;
	int fd;

	(void) state;
	assert_int_equal(launch(path), 0); /* inspected */
	usleep(GATE_HOLD_USEC * 3);
	begun = clock_boot_usec();
	for (int i = 0; i < 20; i++)
		assert_int_equal(launch(path), 0);
	/* at most one question for each time of guarding */
	gate_status(g, &s);
	assert_in_range(s.events, 2, 3 + (clock_boot_usec() - begun) / GATE_GUARD_USEC);
	fd = open(path, O_WRONLY | O_APPEND); /* waits for the lease */
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
	(void) close(fd);
	gate_status(g, &s);
	asked = s.events;
	world.banned = true;
	assert_int_equal(launch(path), -EPERM);
	gate_status(g, &s);
	assert_int_equal(s.events, asked + 1);
	stop_gate(g);
}

/* More launches than the gate keeps: each one still gets its answer, and a record. */
static void one_launch_too_many(void **state)
{
	enum { LAUNCHERS = GATE_LAUNCHES_MAX + 1 };
	struct gate *g = start_gate(FAIL_MODE_ALLOW);
	char path[256], *argv[] = { path, NULL };
	pid_t pids[LAUNCHERS];
	int status;

	(void) state;
	strcpy(path, program("many", 1000));
	world.hold = true;
	for (size_t i = 0; i < LAUNCHERS; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0) {
			pid_t pid;

			leave_gate();
			pid = vfork();

			if (pid == 0) {
				(void) execv(path, argv);
				_exit(126);
			}
			(void) waitpid(pid, &status, 0);
			_exit(WEXITSTATUS(status));
		}
	}
	for (size_t i = 0; i < LAUNCHERS; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	assert_non_null(event_number(LAUNCHERS));
	let_go();
	stop_gate(g);
	assert_int_equal(world.n_events, LAUNCHERS);
}

static void stopping_answers_what_waits(void **state)
{
	struct gate *g = start_gate(FAIL_MODE_ALLOW);
	char path[256];
	pthread_t thread;
	void *result;

	(void) state;
	strcpy(path, program("waits", 1000));
	world.hold = true;
	assert_int_equal(pthread_create(&thread, NULL, launch_thread, path), 0);
	while (jobs() == 0)
		usleep(1000);
	gate_halt(g);
	world.result = -ESHUTDOWN; /* as pool_stop() gives queued jobs back */
	let_go();
	stop_gate(g);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_int_equal((intptr_t) result, 0);
}

static int enter_scratch(void **state)
{
	struct stat root, tmp, own;

	(void) state;
	(void) alarm(LIFETIME_SEC); /* an agent that hangs must not outlive its test */
	(void) signal(SIGIO, SIG_IGN);
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_non_null(mkdtemp(scratch));
	assert_int_equal(mount("scratch", scratch, "tmpfs", 0, "size=64m,mode=755"), 0);
	assert_int_equal(stat("/", &root) | stat("/tmp", &tmp) | stat(scratch, &own), 0);
	assert_true(own.st_dev != root.st_dev && own.st_dev != tmp.st_dev);
	return 0;
}

static int leave_scratch(void **state)
{
	(void) state;
	forget_world();
	(void) umount2(scratch, MNT_DETACH);
	return rmdir(scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unbanned_program_runs),
		cmocka_unit_test(roots_own_program_is_asked_about_once),
		cmocka_unit_test(a_banned_program_is_refused_and_recorded),
		cmocka_unit_test(a_new_policy_holds_at_once),
		cmocka_unit_test(a_new_table_of_installed_files_holds_soon),
		cmocka_unit_test(nobody_answers_in_time),
		cmocka_unit_test(found_banned_after_its_end_is_recorded),
		cmocka_unit_test(a_running_banned_program_is_killed),
		cmocka_unit_test(what_is_too_large_is_searched_after_the_answer),
		cmocka_unit_test(launches_share_a_search),
		cmocka_unit_test(what_cannot_all_be_read_is_recorded),
		cmocka_unit_test(what_another_policy_was_searched_for_is_not_remembered),
		cmocka_unit_test(the_inspection_fails),
		cmocka_unit_test(launches_of_one_file_share_an_inspection),
		cmocka_unit_test(a_file_with_a_writer_is_not_remembered),
		cmocka_unit_test(a_program_that_is_written_to_is_not_launched),
		cmocka_unit_test(what_a_writer_made_of_it_is_found_and_stopped),
		cmocka_unit_test(no_writer_gets_in_between),
		cmocka_unit_test(a_late_writer_waits_for_the_launch),
		cmocka_unit_test(a_guarded_file_is_asked_about_once),
		cmocka_unit_test(one_launch_too_many),
		cmocka_unit_test(stopping_answers_what_waits),
	};

	if (geteuid() != 0) {
		print_message("SKIP: needs root (fanotify marks, a mount namespace of its own)\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, enter_scratch, leave_scratch);
}
