/*
 * Descriptors that are no connections, in libwebsockets' loop.
 *
 * A raw file that asks for a callback inside its own is forgotten by
 * libwebsockets, so what a watch wants is kept until the end of the turn.
 */

#include "contrib/broker/watch.h"

#include <string.h>

int
watch_cb(struct lws *wsi, enum lws_callback_reasons reason, void *user,
    void *in, size_t len)
{
	struct watch	*w = lws_get_opaque_user_data(wsi);

	(void)user;
	(void)in;
	(void)len;
	if (w == NULL || w->wsi != wsi)
		return 0;
	switch (reason) {
	case LWS_CALLBACK_RAW_RX_FILE:
		w->readable(w);
		break;
	case LWS_CALLBACK_RAW_WRITEABLE_FILE:
		if (w->writable != NULL)
			w->writable(w);
		break;
	case LWS_CALLBACK_RAW_CLOSE_FILE:
		w->wsi = NULL;
		TAILQ_REMOVE(w->list, w, entry);
		break;
	default:
		break;
	}
	return 0;
}

int
watch_add(struct watches *list, struct lws_vhost *vhost, struct watch *w,
    int fd)
{
	lws_adopt_desc_t	 desc;

	memset(&desc, 0, sizeof desc);
	desc.vh = vhost;
	desc.type = LWS_ADOPT_RAW_FILE_DESC;
	desc.fd.filefd = fd;
	desc.vh_prot_name = WATCH_PROTOCOL;
	desc.opaque = w;
	w->fd = fd;
	if ((w->wsi = lws_adopt_descriptor_vhost_via_info(&desc)) == NULL)
		return -1;
	w->list = list;
	TAILQ_INSERT_TAIL(list, w, entry);
	return 0;
}

void
watch_read(struct watch *w, int on)
{
	if (w->wsi != NULL)
		lws_rx_flow_control(w->wsi, on);
}

void
watch_arm(struct watches *list)
{
	struct watch	*w;

	TAILQ_FOREACH(w, list, entry) {
		if (w->want_write)
			lws_callback_on_writable(w->wsi);
		w->want_write = 0;
	}
}
