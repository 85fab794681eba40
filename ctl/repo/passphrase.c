/*
 * Runs in proscribectl. While a passphrase is typed the signals that end or stop the program wait,
 * so that the terminal never stays without an echo.
 */
#include "ctl/repo/passphrase.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <termios.h>

#include "ctl/arguments.h"
#include "policy/base/fd.h"
#include "policy/base/text.h"

enum { TRIES_MAX = 5 };

static const int waiting_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };

/* ---- a file ---- */

static int open_file(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	int r = 0;

	if (fd < 0 || fstat(fd, &st) < 0) {
		r = -errno;
		complain("cannot open the passphrase file %s: %s", file, strerror(errno));
	} else if (st.st_mode & (S_IRWXG | S_IRWXO)) {
		r = -EACCES;
		complain("others can get at the passphrase file %s (mode %04o); 'chmod 600' makes "
			 "it private",
			file, st.st_mode & 07777U);
	}
	if (r < 0)
		cleanup_closep(&fd);
	return r < 0 ? r : fd;
}

/* Reads until @n bytes or the end, also from a pipe. */
static ssize_t read_all(int fd, char *out, size_t n)
{
	size_t have = 0;
	ssize_t got;

	while (have < n) {
		got = read(fd, out + have, n - have);
		if (got < 0 && errno != EINTR)
			return -errno;
		if (got == 0)
			break;
		have += got > 0 ? (size_t) got : 0;
	}
	return (ssize_t) have;
}

/* Its one line, without the line's end. */
static int take_line(struct passphrase *p, const char *file, ssize_t n)
{
	if (n < 0) {
		complain("cannot read the passphrase file %s: %s", file, strerror((int) -n));
		return (int) n;
	}
	p->size = (size_t) n;
	if (p->size && p->kept[p->size - 1] == '\n')
		p->size--;
	if (p->size && p->kept[p->size - 1] == '\r')
		p->size--;
	if (p->size == 0 || p->size > SIGNER_PASSPHRASE_MAX || memchr(p->kept, '\0', p->size) ||
		memchr(p->kept, '\n', p->size)) {
		complain("the passphrase file %s must hold one line of 1 to %d bytes", file,
			SIGNER_PASSPHRASE_MAX);
		return -EBADMSG;
	}
	p->kept[p->size] = '\0';
	return 0;
}

int passphrase_init(struct passphrase *p, const char *file)
{
	_cleanup_close_ int fd = -1;
	int r;

	*p = (struct passphrase){ 0 };
	if (!file)
		return 0;
	fd = open_file(file);
	if (fd < 0)
		return fd;
	p->kept = OPENSSL_secure_zalloc(SIGNER_PASSPHRASE_MAX + 4);
	if (!p->kept)
		return -ENOMEM;
	r = take_line(p, file, read_all(fd, p->kept, SIGNER_PASSPHRASE_MAX + 3));
	if (r < 0)
		passphrase_done(p);
	return r;
}

void passphrase_done(struct passphrase *p)
{
	OPENSSL_secure_clear_free(p->kept, SIGNER_PASSPHRASE_MAX + 4);
	p->kept = NULL;
}

/* ---- the terminal ---- */

/* One line into @out (SIGNER_PASSPHRASE_MAX + 1 bytes, its end included): its length,
 * -ECANCELED at the end of file, -EMSGSIZE, or -EINTR when a signal waits. */
static int read_line(int tty, int signals, char *out)
{
	struct pollfd polled[] = { { tty, POLLIN, 0 }, { signals, POLLIN, 0 } };
	size_t n = 0;
	bool cut = false;

	for (;;) {
		char c;
		ssize_t got;

		if (poll(polled, ARRAY_SIZE(polled), -1) < 0)
			return -errno;
		if (polled[1].revents)
			return -EINTR;
		got = read(tty, &c, 1);
		if (got < 0)
			return -errno;
		if (got == 0)
			return -ECANCELED;
		if (c == '\n')
			break;
		cut |= n == SIGNER_PASSPHRASE_MAX;
		if (!cut)
			out[n++] = c;
	}
	out[n] = '\0';
	return cut ? -EMSGSIZE : (int) n;
}

/* Asks with the echo off; the terminal is as before on return. */
static int ask_silently(int tty, int signals, const char *prompt, char *out)
{
	struct termios before, silent;
	int r;

	if (tcgetattr(tty, &before) < 0)
		return -errno;
	silent = before;
	silent.c_lflag &= ~(tcflag_t) (ECHO | ECHOE | ECHOK | ECHONL);
	silent.c_lflag |= ICANON | ISIG;
	silent.c_iflag |= ICRNL;
	if (tcsetattr(tty, TCSAFLUSH, &silent) < 0)
		return -errno;
	r = fd_write_full(tty, prompt, strlen(prompt));
	if (r == 0)
		r = read_line(tty, signals, out);
	(void) tcsetattr(tty, TCSAFLUSH, &before);
	(void) fd_write_full(tty, "\n", 1);
	return r;
}

/* As ask_silently(), and lets the signals in afterwards: those that end the program do so here. */
static int ask_between_signals(int tty, const char *prompt, char *out)
{
	_cleanup_close_ int signals = -1;
	sigset_t set, before;
	int r;

	(void) sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(waiting_signals); i++)
		(void) sigaddset(&set, waiting_signals[i]);
	(void) sigprocmask(SIG_BLOCK, &set, &before);
	signals = signalfd(-1, &set, SFD_CLOEXEC);
	r = signals < 0 ? -errno : ask_silently(tty, signals, prompt, out);
	(void) sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}

static int ask_terminal(const char *prompt, char *out)
{
	_cleanup_close_ int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	int r;

	if (tty < 0)
		return -ENOKEY;
	/* stopped and continued, or a signal that is ignored: the question is put again */
	do
		r = ask_between_signals(tty, prompt, out);
	while (r == -EINTR);
	if (r < 0)
		OPENSSL_cleanse(out, SIGNER_PASSPHRASE_MAX + 1);
	return r;
}

/* "Passphrase of PATH: " */
static char *make_prompt(const char *kind, const char *what)
{
	size_t size = strlen(what) * 10 + 1;
	_cleanup_free_ char *clean = malloc(size);
	char *prompt;

	if (!clean)
		return NULL;
	(void) text_escape(what, clean, size);
	return asprintf(&prompt, "%s of %s: ", kind, clean) < 0 ? NULL : prompt;
}

int passphrase_ask(void *context, const char *what, char *out)
{
	struct passphrase *p = context;
	_cleanup_free_ char *prompt = NULL;

	if (p->kept) {
		memcpy(out, p->kept, p->size);
		return (int) p->size;
	}
	prompt = make_prompt(strncmp(what, "pkcs11:", 7) == 0 ? "PIN" : "Passphrase", what);
	if (!prompt)
		return -ENOMEM;
	p->asked++;
	return ask_terminal(prompt, out);
}

/* ---- a new one ---- */

static bool long_enough(const char *s)
{
	size_t characters = 0;

	for (; *s; s++)
		characters += (*s & 0xc0) != 0x80;
	if (characters >= PASSPHRASE_LEAST)
		return true;
	complain("a passphrase has at least %d characters", PASSPHRASE_LEAST);
	return false;
}

/* 1: the two differ, or it is too short: again. */
static int ask_twice(const char *prompt, char *out, char *again)
{
	int n = ask_terminal(prompt, out), m;

	if (n < 0)
		return n;
	if (!long_enough(out))
		return 1;
	m = ask_terminal("The same again: ", again);
	if (m < 0)
		return m;
	if (n == m && CRYPTO_memcmp(out, again, (size_t) n) == 0)
		return 0;
	complain("the two are not the same");
	return 1;
}

static int ask_new(const char *what, char *out)
{
	_cleanup_free_ char *prompt = make_prompt("New passphrase", what);
	char *again = OPENSSL_secure_zalloc(SIGNER_PASSPHRASE_MAX + 1);
	int r = prompt && again ? 1 : -ENOMEM;

	for (unsigned i = 0; r == 1 && i < TRIES_MAX; i++)
		r = ask_twice(prompt, out, again);
	OPENSSL_secure_clear_free(again, SIGNER_PASSPHRASE_MAX + 1);
	if (r == -ENOKEY)
		complain("a passphrase is needed for %s, and there is no terminal to ask for it; "
			 "--passphrase-file tells where it is, --no-passphrase does without",
			what);
	else if (r < 0)
		complain("no passphrase was given: %s", strerror(-r));
	return r > 0 ? -EINVAL : r;
}

int passphrase_new(struct passphrase *p, const char *what, char *out)
{
	if (!p->kept)
		return ask_new(what, out);
	if (!long_enough(p->kept))
		return -EINVAL;
	memcpy(out, p->kept, p->size + 1);
	return 0;
}
