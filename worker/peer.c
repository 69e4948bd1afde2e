/*
 * A channel on the loop of libwebsockets, as a raw file.
 *
 * Two things that it does not do: a request to be told of room to write, made
 * inside the callback that tells, is lost, so that it is made through a timer;
 * and a descriptor that is closed at the other end is told only as something
 * to read.  It closes the descriptor that it adopted, so it gets a copy.
 */

#include "worker/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "common/channel.h"
#include "common/fd.h"
#include "common/xalloc.h"

#define TURN_MAX	64	/* packets per turn of the loop, for fairness */

struct peer {
	struct lws_context *ctx;
	struct lws	*wsi;		/* NULL: closed */
	struct channel	*ch;
	lws_sorted_usec_list_t sul;
	peer_msg_cb	 msg_cb;
	peer_gone_cb	 gone_cb;
	peer_room_cb	 room_cb;
	void		*arg;
	const char	*why;		/* it is gone: static text */
	int		 nonsense;
	int		 told;		/* gone_cb was called */
	int		 busy;		/* inside one of its callbacks */
	int		 dead;		/* freed when no longer busy */
};

static void
peer_destroy(struct peer *p)
{
	lws_sul_cancel(&p->sul);
	if (p->wsi != NULL) {
		lws_set_opaque_user_data(p->wsi, NULL);
		lws_set_timeout(p->wsi, PENDING_TIMEOUT_USER_OK,
		    LWS_TO_KILL_ASYNC);
	}
	channel_free(&p->ch);
	free(p);
}

/* After a callback.  Returns 1 when it was freed inside. */
static int
peer_leave(struct peer *p)
{
	if (--p->busy > 0 || !p->dead)
		return 0;
	peer_destroy(p);
	return 1;
}

/* From the loop: tell that it is gone, or ask to be told of room. */
static void
peer_sul_cb(lws_sorted_usec_list_t *sul)
{
	struct peer	*p = lws_container_of(sul, struct peer, sul);

	if (p->why == NULL) {
		if (p->wsi != NULL && channel_queued(p->ch) > 0)
			lws_callback_on_writable(p->wsi);
		return;
	}
	if (p->told)
		return;
	p->told = 1;
	p->busy++;
	p->gone_cb(p->arg, p->why, p->nonsense);
	(void)peer_leave(p);
}

static void
peer_soon(struct peer *p)
{
	lws_sul_schedule(p->ctx, 0, &p->sul, peer_sul_cb, 1);
}

static void
peer_bad(struct peer *p, const char *why, int nonsense)
{
	if (p->why != NULL)
		return;
	p->why = why;
	p->nonsense = nonsense;
	peer_soon(p);
}

struct peer *
peer_new(struct lws_context *ctx, struct lws_vhost *vh, int fd,
    peer_msg_cb msg_cb, peer_gone_cb gone_cb, peer_room_cb room_cb, void *arg)
{
	struct peer		*p = xcalloc(1, sizeof *p);
	lws_sock_file_fd_type	 u;

	p->ctx = ctx;
	p->msg_cb = msg_cb;
	p->gone_cb = gone_cb;
	p->room_cb = room_cb;
	p->arg = arg;
	p->ch = channel_new(fd);
	if ((u.filefd = fcntl(fd, F_DUPFD_CLOEXEC, 0)) == -1)
		fatal("channel: dup");
	p->wsi = lws_adopt_descriptor_vhost(vh, LWS_ADOPT_RAW_FILE_DESC, u,
	    WORKER_PROTOCOL, NULL);
	if (p->wsi == NULL)
		fatalx("channel: no place in the loop");
	lws_set_opaque_user_data(p->wsi, p);
	return p;
}

void
peer_free(struct peer **pp)
{
	struct peer	*p = *pp;

	*pp = NULL;
	if (p == NULL)
		return;
	if (p->busy > 0)
		p->dead = 1;
	else
		peer_destroy(p);
}

int
peer_send(struct peer *p, enum msg_type type, uint32_t seq, const void *body)
{
	if (p->why != NULL) {
		errno = EPIPE;
		return -1;
	}
	if (msg_send(p->ch, type, seq, body, -1) == -1) {
		if (errno != ENOBUFS && errno != EINVAL && errno != EMSGSIZE)
			peer_bad(p, "closed while writing", 0);
		return -1;
	}
	if (channel_queued(p->ch) > 0)
		peer_soon(p);
	return 0;
}

size_t
peer_queued(const struct peer *p)
{
	return channel_queued(p->ch);
}

void
peer_drain(struct peer *p, int timeout_ms)
{
	if (p->why == NULL)
		(void)channel_drain(p->ch, timeout_ms);
}

/* Returns -1 when there is nothing more to come. */
static int
peer_read(struct peer *p)
{
	struct msg	 m;
	int		 i, ret;

	for (i = 0; i < TURN_MAX && !p->dead && p->why == NULL; i++) {
		if ((ret = msg_recv(p->ch, &m)) == 0)
			break;
		if (ret == -1) {
			peer_bad(p, errno == 0 ? "closed" :
			    errno == EPROTO ? "broke the protocol" :
			    strerror(errno), errno == EPROTO);
			break;
		}
		ret = p->msg_cb(p->arg, &m);
		msg_drop_fd(&m);
		if (ret == -1 && !p->dead)
			peer_bad(p, msg_name(m.type), 1);
	}
	return p->dead || p->why != NULL ? -1 : 0;
}

static int
peer_write(struct peer *p)
{
	int	ret = channel_flush(p->ch);

	if (ret == -1)
		peer_bad(p, "closed while writing", 0);
	else if (ret == 1)
		peer_soon(p);
	else if (p->room_cb != NULL)
		p->room_cb(p->arg);
	return p->dead || p->why != NULL ? -1 : 0;
}

int
peer_callback(struct lws *wsi, enum lws_callback_reasons reason)
{
	struct peer	*p = lws_get_opaque_user_data(wsi);
	int		 ret;

	if (reason == LWS_CALLBACK_RAW_CLOSE_FILE) {
		if (p != NULL) {
			p->wsi = NULL;
			peer_bad(p, "closed", 0);
		}
		return 0;
	}
	if (p == NULL)			/* freed, or not ours yet */
		return reason == LWS_CALLBACK_RAW_ADOPT_FILE ? 0 : -1;
	if (reason != LWS_CALLBACK_RAW_RX_FILE &&
	    reason != LWS_CALLBACK_RAW_WRITEABLE_FILE)
		return 0;
	p->busy++;
	ret = reason == LWS_CALLBACK_RAW_RX_FILE ? peer_read(p) :
	    peer_write(p);
	return peer_leave(p) ? -1 : ret;
}
