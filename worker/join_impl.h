#ifndef WORKER_JOIN_IMPL_H
#define WORKER_JOIN_IMPL_H

/* Between join.c and the files join_*.c. */

#include <jansson.h>

#include "common/invite.h"
#include "common/msg.h"
#include "worker/address.h"
#include "worker/http.h"
#include "worker/peer.h"

/* States, for the table of who may send what. */
#define JOIN_SETUP	0x1u
#define JOIN_CODE	0x2u		/* asks what a short link stands for */
#define JOIN_POST	0x4u		/* asks to be taken in */
#define JOIN_OVER	0x8u		/* said how it ended */

struct join {
	unsigned	 state;
	struct channel	*early;		/* before the loop */
	struct peer	*sup;
	struct lws_context *ctx;
	struct lws_vhost *vh;
	struct http	*http;
	lws_sorted_usec_list_t sul;	/* the end of our patience */
	int		 quit, dying;

	char		 ca_file[MSG_PATH_SIZE];
	char		 slug[MESH_SLUG_SIZE];
	char		 display_name[NAME_SIZE];
	char		*link, *token;	/* secrets */
	struct invite_link where;
	struct invite	 invite;
	uint8_t		 pub[KEY_PUBLIC_LEN];
	uint8_t		*secret;	/* in guarded memory; NULL: none yet */

	/* Who is asked now. */
	char		 host[MSG_HOST_SIZE];
	uint16_t	 port;
	int		 tls;
	char		 addrs[ADDRESSES_MAX][ADDRESS_SIZE];
	unsigned	 naddrs, next;
};

/* join_talk.c: to the supervisor, and a message of its. */
void	join_say(struct join *, enum msg_type, const void *body);
int	join_msg(void *arg, struct msg *);

/* A http_cb: what was asked is answered, or is not. */
void	join_http_cb(void *arg, int status, const char *text, size_t len,
	    int connected);

/* Say how it ended.  The second: "code: what a person can do". */
void	join_done(struct join *, const char *member_id, int already);
void	join_refuse(struct join *, int status, const char *, ...)
	    LOG_FMT(3, 4);

/* The next host is to be asked. */
void	join_ask_host(struct join *, const char *host, uint16_t port, int tls);

/* join_invite.c: begin with the link; go on with a token. */
void	join_link(struct join *);
void	join_token(struct join *, const char *token, size_t len);

/* The body of POST /join, for wipe_free(). */
char	*join_body(const struct join *);

/* join_answer.c: what came over HTTP, by state. */
void	join_code_answer(struct join *, int status, const char *, size_t);
void	join_post_answer(struct join *, int status, const char *, size_t);

#endif
