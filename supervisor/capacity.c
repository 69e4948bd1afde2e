/* How many sessions there may be. */

#include "supervisor/capacity.h"

#include <sys/resource.h>

#include <stdio.h>

#include "supervisor/member.h"
#include "supervisor/session.h"

/*
 * A session has three descriptors here: its worker's channel and stderr, and
 * the watch of its process.  Two more are for the ends of its channels to a
 * store and a gate that have not yet read what they were told.  A member has no
 * process to be watched, but it counts the same.
 */
#define EACH		5
#define OURS		128	/* sockets, files, what is under way */
#define MEMBERS		32	/* room for so many, when it is made */

static rlim_t
capacity_descriptors(void)
{
	struct rlimit	rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		return 0;
	return rl.rlim_cur;
}

static unsigned
capacity_members(const struct supervisor *s)
{
	const struct member	*mb;
	unsigned		 n = 0;

	TAILQ_FOREACH(mb, &s->members, entry)
		n++;
	TAILQ_FOREACH(mb, &s->leaving, entry)
		n++;
	return n;
}

/* How many fit into the limit of descriptors. */
static unsigned
capacity_fit(const struct supervisor *s)
{
	rlim_t	have = capacity_descriptors();
	rlim_t	need = OURS + (rlim_t)capacity_members(s) * EACH;

	if (have <= need)
		return 0;
	have = (have - need) / EACH;
	return have > INT32_MAX ? INT32_MAX : (unsigned)have;
}

unsigned
capacity_sessions(const struct supervisor *s)
{
	unsigned	fit = capacity_fit(s);

	return fit < (unsigned)s->conf.max_sessions ? fit :
	    (unsigned)s->conf.max_sessions;
}

void
capacity_raise(struct supervisor *s)
{
	struct rlimit	rl;
	rlim_t		want, hard;
	unsigned	fit;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1) {
		log_warn("limit of descriptors");
		return;
	}
	want = OURS + ((rlim_t)s->conf.max_sessions + MEMBERS) * EACH;
	hard = rl.rlim_max;
	if (hard != RLIM_INFINITY && hard < want) {
		/* Only root may; the kernel has a limit for it, too. */
		rl.rlim_cur = rl.rlim_max = want;
		if (setrlimit(RLIMIT_NOFILE, &rl) == 0)
			hard = want;
	}
	rl.rlim_cur = rl.rlim_max = hard;
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
		log_warn("limit of descriptors");
	if ((fit = capacity_fit(s)) < (unsigned)s->conf.max_sessions)
		log_warnx("meshsup may open %llu files, which is enough for %u "
		    "sessions, not for %lld (max_sessions): raise its hard "
		    "limit (ulimit -Hn, LimitNOFILE=) to %llu",
		    (unsigned long long)capacity_descriptors(), fit,
		    (long long)s->conf.max_sessions,
		    (unsigned long long)want);
}

/* Those that drain count: they have their processes too. */
struct count {
	unsigned	 all;
	unsigned	 of_uid;
	unsigned	 ending;	/* only their process is to end yet */
};

static struct count
capacity_count(const struct supervisor *s, uint64_t uid)
{
	const struct session	*se;
	struct count		 n = { 0, 0, 0 };

	TAILQ_FOREACH(se, &s->sessions, entry) {
		n.ending += (unsigned)se->dead;
		n.all += !se->dead;
		n.of_uid += !se->dead && se->rec.uid == uid;
	}
	return n;
}

enum register_result
capacity_check(const struct supervisor *s, uint64_t uid, int64_t *limit_r,
    char *detail, size_t size)
{
	struct count	n = capacity_count(s, uid);
	unsigned	fit = capacity_fit(s);

	if (n.of_uid >= (unsigned)s->conf.max_sessions_per_uid) {
		*limit_r = s->conf.max_sessions_per_uid;
		snprintf(detail, size, "You have %u sessions, and may have %lld "
		    "(max_sessions_per_uid): end some, or have the limit "
		    "raised.", n.of_uid, (long long)*limit_r);
		return REGISTER_TOO_MANY_OF_UID;
	}
	if (n.all >= (unsigned)s->conf.max_sessions) {
		*limit_r = s->conf.max_sessions;
		snprintf(detail, size, "There may be no more than %lld sessions "
		    "(max_sessions): end some, or have the limit raised.",
		    (long long)*limit_r);
		return REGISTER_TOO_MANY;
	}
	if (n.all + n.ending >= fit) {
		*limit_r = fit;
		snprintf(detail, size, "meshsup may open %llu files, which is "
		    "enough for %u sessions: end some, or have its limit of "
		    "open files raised (ulimit -Hn, LimitNOFILE=).",
		    (unsigned long long)capacity_descriptors(), fit);
		return REGISTER_TOO_MANY_FILES;
	}
	return REGISTER_OK;
}

json_t *
capacity_json(const struct supervisor *s)
{
	rlim_t	files = capacity_descriptors();

	return json_pack("{s:I, s:I, s:I, s:I}",
	    "max_sessions", (json_int_t)s->conf.max_sessions,
	    "max_sessions_per_uid", (json_int_t)s->conf.max_sessions_per_uid,
	    "open_files", files > INT64_MAX ? INT64_MAX : (json_int_t)files,
	    "sessions", (json_int_t)capacity_sessions(s));
}
