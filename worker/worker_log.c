/* Log lines go to the supervisor, as many as it takes. */

#include <libwebsockets.h>
#include <stdio.h>
#include <string.h>

#include "worker/worker_impl.h"

#define LOG_QUEUE_MAX	(128 * 1024)

/* A line, unless the supervisor does not keep up. */
static int
worker_log_line(struct worker *w, enum log_level level, const char *text)
{
	struct msg_log	l;
	size_t		queued;

	queued = w->sup != NULL ? peer_queued(w->sup) :
	    channel_queued(w->early);
	if (queued > LOG_QUEUE_MAX)
		return -1;
	l.level = (int64_t)level;
	memset(l.text, 0, sizeof l.text);
	memcpy(l.text, text, strnlen(text, sizeof l.text - 1));
	if (w->sup != NULL)
		return peer_send(w->sup, MSG_LOG, 0, &l);
	return msg_send(w->early, MSG_LOG, 0, &l, -1);
}

static void
worker_log_cb(void *arg, enum log_level level, const char *text)
{
	struct worker	*w = arg;
	char		 note[64];

	if (w->sup == NULL && w->early == NULL)
		return;
	if (w->log_dropped > 0) {
		snprintf(note, sizeof note, "%u log lines were dropped",
		    w->log_dropped);
		if (worker_log_line(w, LOG_LV_WARN, note) == 0)
			w->log_dropped = 0;
	}
	if (worker_log_line(w, level, text) == -1)
		w->log_dropped++;
}

void
worker_log_to(struct worker *w)
{
	log_set_sink(worker_log_cb, w);
}

void
worker_lws_log(int level, const char *line)
{
	int	len = (int)strcspn(line, "\n");

	if (level & LLL_ERR)
		log_info("lws: %.*s", len, line);
	else
		log_debug("lws: %.*s", len, line);
}
