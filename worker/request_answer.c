/*
 * Which question a frame answers.  Ids decide where there are any; a broker
 * that echoes none says what its answer is about, or answers in order.  Where
 * it does neither, an answer that comes too late may be taken for the next
 * one's; nothing in it would tell.
 */

#include "worker/request.h"

#include <stdio.h>
#include <string.h>

#include "common/encode.h"
#include "worker/request_impl.h"

/* What a frame says that is of use to find its question. */
struct answer {
	const struct frame *f;
	struct frame_error e;		/* of an error; else only req_id */
	char		 refused[REASON_SIZE];	/* an ack's error, or "" */
};

/* 0, or -1: it answers nothing. */
static int
answer_read(struct answer *a, const struct frame *f)
{
	const char	*s;

	memset(a, 0, sizeof *a);
	a->f = f;
	if (f->type == FRAME_ERROR)
		return frame_get_error(f, &a->e);
	(void)frame_string(f->json, "_reqId", a->e.req_id,
	    sizeof a->e.req_id);
	if (f->type != FRAME_ACK)
		return 0;
	if (a->e.req_id[0] == '\0')
		(void)frame_string(f->json, "id", a->e.req_id,
		    sizeof a->e.req_id);
	s = json_string_value(json_object_get(f->json, "error"));
	if (s != NULL && *s != '\0')
		strcpy(a->refused, "refused");
	return 0;
}

/* May it be an answer to that kind of question at all? */
static int
answer_fits(const struct answer *a, const struct request *r)
{
	return r->sent && (a->f->type == FRAME_ERROR ||
	    kind_is_answered_by(r->kind, a->f->name));
}

/* A field of the question; "" when it has none. */
static const char *
request_value(const struct request *r, const char *name)
{
	const char	*s;

	s = json_string_value(json_object_get(r->frame, name));
	return s != NULL ? s : "";
}

static struct request *
find_by_id(struct requests *rs, const struct answer *a)
{
	struct request	*r;

	TAILQ_FOREACH(r, &rs->list, entry)
		if (strcmp(r->id, a->e.req_id) == 0 && answer_fits(a, r))
			return r;
	/* What is forgotten may be named instead. */
	if (a->f->type == FRAME_ACK)
		TAILQ_FOREACH(r, &rs->list, entry)
			if (answer_fits(a, r) && strcmp(a->e.req_id,
			    request_value(r, "memoryId")) == 0)
				return r;
	return NULL;
}

/*
 * An error without an id: the oldest question that it may be about; where
 * nothing is known of it, the only one.
 */
static struct request *
find_by_code(struct requests *rs, const char *code)
{
	struct request	*r, *only = NULL;
	unsigned	 sent = 0;
	int		 fits;

	TAILQ_FOREACH(r, &rs->list, entry) {
		if (!r->sent)
			continue;
		if ((fits = kind_error_fits(code, r->kind)) == 1)
			return r;
		if (fits == -1 && (only == NULL ||
		    strcmp(only->id, r->id) != 0)) {
			only = r;
			sent++;
		}
	}
	return sent == 1 ? only : NULL;
}

/* What the answer repeats of this question; NULL: nothing that it could. */
static const char *
answer_about(const struct answer *a, const struct request *r)
{
	const json_t	*o = a->f->json;

	if (r->kind->about == NULL)
		return NULL;
	if (r->kind->in != NULL)
		o = json_object_get(o, r->kind->in);
	return json_string_value(json_object_get(o, r->kind->about));
}

/* Several may be sent: the first that it is about, else the oldest. */
static struct request *
find_by_content(struct requests *rs, const struct answer *a)
{
	struct request	*r, *oldest = NULL;
	const char	*about, *asked;

	TAILQ_FOREACH(r, &rs->list, entry) {
		if (!answer_fits(a, r))
			continue;
		about = answer_about(a, r);
		if (about != NULL) {
			/* A message may have been asked for by a prefix. */
			asked = request_value(r, r->kind->about);
			if (strncmp(about, asked, strlen(asked)) == 0 &&
			    (about[strlen(asked)] == '\0' ||
			    (r->kind->flags & KIND_PREFIX)))
				return r;
			if (!(r->kind->flags & KIND_LOOSE))
				continue;
		}
		if (oldest == NULL)
			oldest = r;
	}
	return oldest;
}

/* "code: sentence", cut where it is too long. */
static void
error_text(char out[REASON_SIZE], const struct frame_error *e)
{
	size_t		len, n;
	const char	*s = e->message;
	uint32_t	cp;

	len = (size_t)snprintf(out, REASON_SIZE, "%s%s", e->code,
	    *s != '\0' ? ": " : "");
	while ((n = utf8_next(s, strlen(s), &cp)) != 0 &&
	    len + n < REASON_SIZE) {
		memcpy(out + len, s, n);
		len += n;
		s += n;
	}
	out[len] = '\0';
}

/* This is what it gets. */
static void
request_done(struct requests *rs, struct request *r, const struct answer *a)
{
	char	error[REASON_SIZE];

	if (a->f->type == FRAME_ERROR) {
		error_text(error, &a->e);
		request_refused(rs, r, kind_error_status(a->e.code), error);
	} else if (a->refused[0] != '\0')
		request_refused(rs, r, 502, a->refused);
	else
		request_taken(rs, r, a->f);
}

void
requests_frame(struct requests *rs, const struct frame *f)
{
	struct request	*r, *next;
	struct answer	 a;
	char		 id[REQ_ID_SIZE];

	if (answer_read(&a, f) == -1)
		return;
	if (a.e.req_id[0] != '\0')
		r = find_by_id(rs, &a);
	else if (f->type == FRAME_ERROR)
		r = find_by_code(rs, a.e.code);
	else
		r = find_by_content(rs, &a);
	if (r == NULL) {
		if (f->type == FRAME_ERROR)
			log_debug("broker: %s: %s, but nobody waits for it",
			    a.e.code, a.e.message);
		return;
	}
	if (strcmp(f->name, "peers_list") == 0 && f->len <= JSON_MAX)
		roster_keep(rs->roster, f->text, f->len, r->sent_ms,
		    r->changes);
	memcpy(id, r->id, sizeof id);
	for (; r != NULL; r = next) {
		next = TAILQ_NEXT(r, entry);
		if (strcmp(r->id, id) == 0)
			request_done(rs, r, &a);
	}
}
