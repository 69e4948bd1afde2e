/*
 * supervisor/owner.c: a process is what it was, or it is gone; its end is told
 * once, at once; a pid used again, a zombie or somebody else's process is not
 * taken for it.  syscall() is wrapped, to try a kernel without pidfd.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "fds.h"
#include "supervisor/owner.h"

#define NOBODY	65534
#define LONG_MS	20000		/* a deadline, never waited for */

long	__wrap_syscall(long, pid_t, unsigned);
long	__real_syscall(long, pid_t, unsigned);

static int	 no_pidfd;

long
__wrap_syscall(long nr, pid_t pid, unsigned flags)
{
	if (no_pidfd && nr == SYS_pidfd_open) {
		errno = ENOSYS;
		return -1;
	}
	return __real_syscall(nr, pid, flags);
}

static struct event_base	*base;
static struct owner		*o;
static unsigned			 gone;
static int			 free_gone, before;
static pid_t			 child;

static int
setup(void **state)
{
	(void)state;
	before = fds_count();
	assert_non_null(base = event_base_new());
	gone = 0;
	free_gone = no_pidfd = 0;
	child = 0;
	return 0;
}

static void
reap(void)
{
	int	status;

	if (child > 0)
		while (waitpid(child, &status, 0) == -1 && errno == EINTR)
			;
	child = 0;
}

static int
teardown(void **state)
{
	(void)state;
	owner_free(&o);
	if (child > 0)
		kill(child, SIGKILL);
	reap();
	event_base_free(base);
	return fds_count() == before ? 0 : -1;
}

/* A child that waits to be killed, with this real uid and name. */
static void
start(uid_t uid, const char *name)
{
	int	fds[2];
	char	c;

	assert_int_equal(pipe(fds), 0);
	assert_int_not_equal(child = fork(), -1);
	if (child == 0) {
		close(fds[0]);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (name != NULL)
			prctl(PR_SET_NAME, name);
		if (uid != getuid() && setuid(uid) == -1)
			_exit(1);
		close(fds[1]);		/* ready */
		for (;;)
			pause();
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &c, 1), 0);
	close(fds[0]);
}

/* It ends, and is a zombie until it is reaped. */
static void
end(void)
{
	siginfo_t	si;

	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)child, &si, WEXITED | WNOWAIT),
	    0);
}

static void
gone_cb(void *arg)
{
	assert_ptr_equal(arg, &gone);
	gone++;
	if (free_gone)
		owner_free(&o);
}

static void
turns(int n)
{
	while (n-- > 0)
		event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

/* Run the loop until it is told; how long that took. */
static int64_t
wait_gone(void)
{
	int64_t		start_ms = clock_mono_ms();
	struct timeval	tick = { 0, 5000 };

	while (gone == 0 && clock_mono_ms() - start_ms < LONG_MS) {
		event_base_loopexit(base, &tick);
		event_base_dispatch(base);
	}
	assert_int_equal(gone, 1);
	return clock_mono_ms() - start_ms;
}

static void
test_look(void **state)
{
	struct owner_id	id, again;

	(void)state;
	assert_int_equal(owner_look(getpid(), getuid(), &id), 0);
	assert_int_equal(id.pid, getpid());
	assert_true(id.start_time > 0);
	assert_int_equal(strlen(id.boot_id), BOOT_ID_SIZE - 1);
	assert_true(owner_alive(&id));
	assert_int_equal(owner_look(getpid(), getuid(), &again), 0);
	assert_memory_equal(&id, &again, sizeof id);

	start(getuid(), NULL);
	assert_int_equal(owner_look(child, getuid(), &again), 0);
	assert_true(again.start_time >= id.start_time);
	assert_true(owner_alive(&again));
}

static void
test_look_refused(void **state)
{
	struct owner_id	id;
	pid_t		pid;

	(void)state;
	assert_int_equal(owner_look(0, getuid(), &id), -1);
	assert_int_equal(owner_look(-1, getuid(), &id), -1);
	assert_int_equal(owner_look(-getpid(), getuid(), &id), -1);
	assert_int_equal(owner_look(getpid(), getuid() + 1, &id), -1);
	assert_int_equal(owner_look(getpid(), (uid_t)-1, &id), -1);

	start(getuid(), NULL);
	pid = child;
	end();
	assert_int_equal(owner_look(pid, getuid(), &id), -1);	/* zombie */
	reap();
	assert_int_equal(owner_look(pid, getuid(), &id), -1);
}

static void
test_other_uid(void **state)
{
	struct owner_id	id;

	(void)state;
	if (getuid() != 0)
		skip();
	start(NOBODY, NULL);
	assert_int_equal(owner_look(child, 0, &id), -1);
	assert_int_equal(owner_look(child, NOBODY, &id), 0);
	assert_true(owner_alive(&id));
	/* Ours does not count as theirs either. */
	assert_int_equal(owner_look(getpid(), NOBODY, &id), -1);
}

/* A name made to look like the fields behind it. */
static void
test_names(void **state)
{
	static const char	*const names[] = { ") Z 1 1", "a b) R 1",
				    "))) X", "\n) Z\n", "Uid:\t0\t0", "" };
	struct owner_id		 id, plain;
	size_t			 i;

	(void)state;
	assert_int_equal(owner_look(getpid(), getuid(), &plain), 0);
	for (i = 0; i < sizeof names / sizeof *names; i++) {
		start(getuid(), names[i]);
		if (owner_look(child, getuid(), &id) == -1)
			fail_msg("\"%s\"", names[i]);
		assert_true(id.start_time >= plain.start_time);
		assert_true(id.start_time < plain.start_time + 100 * 3600);
		assert_int_equal(owner_look(child, getuid() + 1, &id), -1);
		end();
		assert_int_equal(owner_look(child, getuid(), &id), -1);
		reap();
	}
}

static void
test_alive(void **state)
{
	struct owner_id	id, other;

	(void)state;
	start(getuid(), NULL);
	assert_int_equal(owner_look(child, getuid(), &id), 0);
	assert_true(owner_alive(&id));
	other = id;
	other.start_time++;			/* the pid was used again */
	assert_false(owner_alive(&other));
	other = id;
	other.boot_id[0] ^= 1;			/* before the last boot */
	assert_false(owner_alive(&other));
	other = id;
	other.boot_id[0] = '\0';
	assert_false(owner_alive(&other));
	end();
	assert_false(owner_alive(&id));		/* a zombie */
	reap();
	assert_false(owner_alive(&id));
}

static void *
other_thread(void *arg)
{
	close(*(int *)arg);			/* ready */
	for (;;)
		pause();
	return NULL;
}

/* Its first thread ends, which looks like a zombie, and is none. */
static void
test_first_thread_ends(void **state)
{
	struct owner_id	id;
	pthread_t	t;
	int		fds[2];
	char		c;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_not_equal(child = fork(), -1);
	if (child == 0) {
		close(fds[0]);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (pthread_create(&t, NULL, other_thread, &fds[1]) != 0)
			_exit(1);
		syscall(SYS_exit, 0, 0);	/* this thread only */
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &c, 1), 0);
	close(fds[0]);
	assert_int_equal(owner_look(child, getuid(), &id), 0);
	o = owner_watch(base, &id, gone_cb, &gone);
	turns(5);
	assert_true(owner_alive(&id));
	assert_int_equal(gone, 0);
	end();
	assert_true(wait_gone() < 3000);
	assert_false(owner_alive(&id));
}

/* With a full table of descriptors nobody is taken for dead, nor for alive. */
static void
test_no_descriptors(void **state)
{
	struct owner_id	 id, other;
	struct rlimit	 rl, none;

	(void)state;
	start(getuid(), NULL);
	assert_int_equal(owner_look(child, getuid(), &id), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &rl), 0);
	none = rl;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_true(owner_alive(&id));
	assert_int_equal(owner_look(child, getuid(), &other), -1);
	o = owner_watch(base, &id, gone_cb, &gone);
	turns(5);
	assert_int_equal(gone, 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &rl), 0);
	end();
	assert_true(wait_gone() < 3000);
}

static void
watch(void)
{
	struct owner_id	id;

	start(getuid(), NULL);
	assert_int_equal(owner_look(child, getuid(), &id), 0);
	o = owner_watch(base, &id, gone_cb, &gone);
	assert_non_null(o);
}

/* At once, where there are pidfds; valgrind has none. */
static void
expect_gone_at_once(void)
{
	int64_t	took = wait_gone();
	int	fd = (int)__real_syscall(SYS_pidfd_open, getpid(), 0);

	assert_true(took < (fd != -1 ? 1000 : LONG_MS));
	if (fd != -1)
		close(fd);
}

static void
test_watch(void **state)
{
	(void)state;
	watch();
	turns(5);
	assert_int_equal(gone, 0);
	assert_int_equal(kill(child, SIGSTOP), 0);	/* is not its end */
	turns(5);
	assert_int_equal(gone, 0);
	assert_int_equal(kill(child, SIGCONT), 0);
	end();					/* and not reaped: a zombie */
	expect_gone_at_once();
	turns(5);
	assert_int_equal(gone, 1);
	reap();
	turns(5);
	assert_int_equal(gone, 1);
}

static void
test_watch_free(void **state)
{
	(void)state;
	free_gone = 1;
	watch();
	end();
	wait_gone();
	assert_null(o);
	reap();

	watch();
	owner_free(&o);
	assert_null(o);
	owner_free(&o);
	end();
	turns(5);
	assert_int_equal(gone, 1);
}

/* It had ended before; or another process has its pid now. */
static void
test_watch_late(void **state)
{
	struct owner_id	id;

	(void)state;
	start(getuid(), NULL);
	assert_int_equal(owner_look(child, getuid(), &id), 0);
	id.start_time--;
	o = owner_watch(base, &id, gone_cb, &gone);
	assert_int_equal(gone, 0);		/* from the loop only */
	wait_gone();
	owner_free(&o);

	id.start_time++;
	end();
	reap();
	gone = 0;
	o = owner_watch(base, &id, gone_cb, &gone);
	assert_int_equal(gone, 0);
	expect_gone_at_once();
	turns(5);
	assert_int_equal(gone, 1);
}

static void
test_watch_poll(void **state)
{
	(void)state;
	no_pidfd = 1;
	watch();
	turns(5);
	assert_int_equal(gone, 0);
	end();
	wait_gone();
	turns(5);
	assert_int_equal(gone, 1);
}

/* Descriptors were short when it was first watched: it is not for ever. */
static void
test_pidfd_later(void **state)
{
	int64_t	start_ms = clock_mono_ms();
	int	n, fd = (int)__real_syscall(SYS_pidfd_open, getpid(), 0);

	(void)state;
	if (fd == -1)
		skip();
	close(fd);
	no_pidfd = 1;
	watch();
	no_pidfd = 0;
	n = fds_count();
	while (fds_count() == n && clock_mono_ms() - start_ms < LONG_MS)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(fds_count(), n + 1);
	end();
	expect_gone_at_once();
}

static unsigned	said;

static void
log_cb(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	said += level <= LOG_LV_WARN && strstr(text, "no pidfd") != NULL;
}

/* That there is none is said, once.  To be run first. */
static void
test_said_once(void **state)
{
	unsigned	i;

	(void)state;
	log_set_sink(log_cb, NULL);
	no_pidfd = 1;
	for (i = 0; i < 3; i++) {
		watch();
		owner_free(&o);
		kill(child, SIGKILL);
		reap();
	}
	log_set_sink(NULL, NULL);
	assert_int_equal(said, 1);
}

#define TEST(t)	cmocka_unit_test_setup_teardown(t, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		TEST(test_said_once),
		TEST(test_look),
		TEST(test_look_refused),
		TEST(test_other_uid),
		TEST(test_names),
		TEST(test_alive),
		TEST(test_first_thread_ends),
		TEST(test_no_descriptors),
		TEST(test_pidfd_later),
		TEST(test_watch),
		TEST(test_watch_free),
		TEST(test_watch_late),
		TEST(test_watch_poll),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
