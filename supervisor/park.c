/* Who keeps away from the broker, and why. */

#include "supervisor/park.h"

#include <stdio.h>
#include <string.h>

#include "common/encode.h"
#include "supervisor/child.h"
#include "supervisor/member.h"
#include "supervisor/registry.h"
#include "supervisor/session.h"
#include "supervisor/session_name.h"

#define PARK_CRASH	"crash_loop"

static int
park_is_crash(const char *reason)
{
	return strncmp(reason, PARK_CRASH, strlen(PARK_CRASH)) == 0;
}

const char *
park_of_member(const struct member *mb)
{
	return mb->park[0] != '\0' ? mb->park : NULL;
}

const char *
park_of_session(const struct session *se)
{
	if (se->rec.park[0] != '\0')
		return se->rec.park;
	return se->member->park_whole ? park_of_member(se->member) : NULL;
}

int
park_session_runs(const struct session *se)
{
	return !park_is_crash(se->rec.park);
}

int
park_member_runs(const struct member *mb)
{
	return !park_is_crash(mb->park);
}

/* As much of it as fits, and no half of a character. */
static void
park_copy(char out[REASON_SIZE], const char *reason)
{
	size_t	len;

	if (reason[0] == '\0')
		reason = "refused";
	snprintf(out, REASON_SIZE, "%s", reason);
	for (len = strlen(out); len > 0 && !utf8_valid(out, len, 1); )
		out[--len] = '\0';
}

void
park_crash_reason(struct child *c, char out[REASON_SIZE])
{
	struct child_info	 info;
	char			 text[2 * REASON_SIZE];

	child_info(c, &info);
	snprintf(text, sizeof text, "%s: %s%s%s", PARK_CRASH, info.last_exit,
	    info.last_words[0] != '\0' ? ": " : "", info.last_words);
	park_copy(out, text);
}

/* Its worker: away from the broker, or back. */
static void
park_tell(struct child *c, const char *why)
{
	struct msg_park	body;

	memset(&body, 0, sizeof body);
	body.parked = why != NULL;
	if (why != NULL)
		strcpy(body.reason, why);
	child_send(c, MSG_SUP_PARK, 0, &body, -1);
}

/* After a change: its worker, and everyone who wants to know. */
static void
park_apply_session(struct session *se, int was)
{
	const char	*why = park_of_session(se);

	if (se->dead || (why == NULL && !was))
		return;
	session_set_state(se, CONN_CONNECTING, "");
	park_tell(se->child, why);
	if (!se->lingered)
		session_start(se);
}

static void
park_apply_member(struct member *mb, int was)
{
	const char	*why = park_of_member(mb);

	if (why == NULL && !was && mb->state != CONN_PARKED)
		return;
	member_set_state(mb, CONN_CONNECTING, "");
	park_tell(mb->child, why);
	member_start(mb);
}

/* Set a member's park; -1: not kept.  Its sessions follow, when it is whole. */
static int
park_set_member(struct member *mb, const char *reason, int whole, int must)
{
	struct session	*se;
	char		 park[REASON_SIZE] = "";
	int		 was = park_of_member(mb) != NULL;
	int		 was_whole = mb->park_whole;

	if (reason != NULL)
		park_copy(park, reason);
	if (registry_park_member(mb->sup->registry, mb->owner, park, whole) ==
	    -1) {
		if (must)
			return -1;
		log_warnx("mesh %s: that it is parked is not in sessions.db",
		    mb->mesh.slug);
	}
	strcpy(mb->park, park);
	mb->park_whole = whole;
	log_info("mesh %s: %s%s%s", mb->mesh.slug, reason == NULL ?
	    "resumed" : whole ? "parked with its sessions: " :
	    "its member is parked: ", park, reason == NULL ? "" :
	    ", until it is resumed");
	park_apply_member(mb, was);
	if (whole || was_whole)
		TAILQ_FOREACH(se, &mb->sup->sessions, entry)
			if (se->member == mb)
				park_apply_session(se, was_whole);
	return 0;
}

void
park_member(struct member *mb, const char *reason, int whole)
{
	if (mb->gone)
		return;
	if (park_of_member(mb) == NULL || park_is_crash(reason) ||
	    whole > mb->park_whole)
		(void)park_set_member(mb, reason, whole || mb->park_whole, 0);
	else
		park_tell(mb->child, park_of_member(mb));
}

int
park_mesh_pause(struct member *mb)
{
	return mb->park_whole ? 0 : park_set_member(mb,
	    park_member_runs(mb) ? PARK_PAUSED : mb->park, 1, 1);
}

int
park_mesh_resume(struct member *mb)
{
	if (park_of_member(mb) == NULL && mb->state != CONN_PARKED)
		return 0;
	return park_set_member(mb, NULL, 0, 1);
}

void
park_forget(struct member *mb)
{
	mb->park[0] = '\0';
	mb->park_whole = 0;
	if (registry_park_member(mb->sup->registry, mb->owner, "", 0) == -1)
		log_warnx("mesh %s: that it is parked no more is not in "
		    "sessions.db", mb->mesh.slug);
	member_set_state(mb, CONN_STARTING, "");
}

static void
park_set_session(struct session *se, const char *reason)
{
	int	was = park_of_session(se) != NULL;

	if (reason != NULL)
		park_copy(se->rec.park, reason);
	else
		se->rec.park[0] = '\0';
	log_info("session %s: %s%s%s", se->wire_id, reason == NULL ?
	    "resumed" : "parked: ", se->rec.park, reason == NULL ? "" :
	    ", until it is resumed");
	park_apply_session(se, was);
}

void
park_session(struct session *se, const char *reason)
{
	if (se->dead || se->dismissed)
		return;
	if (se->rec.park[0] != '\0' && !park_is_crash(reason)) {
		park_tell(se->child, se->rec.park);
		return;
	}
	park_set_session(se, reason);
	session_save(se);
}

/* Kept first, so that what is said to a person holds. */
static int
park_keep_session(struct session *se, const char *park)
{
	char	before[REASON_SIZE];
	int	ret;

	strcpy(before, se->rec.park);
	snprintf(se->rec.park, sizeof se->rec.park, "%s", park);
	ret = registry_put(se->sup->registry, &se->rec);
	strcpy(se->rec.park, before);
	return ret;
}

int
park_session_pause(struct session *se)
{
	if (se->rec.park[0] != '\0')
		return 0;
	if (park_keep_session(se, PARK_PAUSED) == -1)
		return -1;
	park_set_session(se, PARK_PAUSED);
	return 0;
}

int
park_session_resume(struct session *se)
{
	if (se->rec.park[0] == '\0')
		return 0;
	if (park_keep_session(se, "") == -1)
		return -1;
	park_set_session(se, NULL);
	return 0;
}
