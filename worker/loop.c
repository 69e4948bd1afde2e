/* Opening libwebsockets' loop. */

#include "worker/loop.h"

#include "common/log.h"

#define LOOP_FDS	16		/* channels twice, socket, its own */

void
loop_open(struct lws_context_creation_info *info, const char *name,
    const char *ca_file, struct lws_context **ctx_r, struct lws_vhost **vh_r)
{
	info->port = CONTEXT_PORT_NO_LISTEN;
	info->fd_limit_per_thread = LOOP_FDS;
	info->options |= LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
	if ((*ctx_r = lws_create_context(info)) == NULL)
		fatalx("libwebsockets: no context");
	info->vhost_name = name;
	if (ca_file[0] != '\0') {
		info->options |= LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS;
		info->client_ssl_ca_filepath = ca_file;
	}
	if ((*vh_r = lws_create_vhost(*ctx_r, info)) == NULL)
		fatalx("libwebsockets: no vhost, ca_file \"%s\"", ca_file);
}
