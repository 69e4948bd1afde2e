/* From a link to a verified invite.  Nothing is sent before that. */

#include <sodium.h>
#include <string.h>

#include "common/clock.h"
#include "common/encode.h"
#include "common/xalloc.h"
#include "worker/join_impl.h"

/* As the supervisor will have it. */
static int
slug_ok(const char *s)
{
	size_t	n = strspn(s, "abcdefghijklmnopqrstuvwxyz"
		    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

	return n > 0 && n < MESH_SLUG_SIZE && s[n] == '\0' && s[0] != '.';
}

void
join_link(struct join *j)
{
	if (invite_link_parse(&j->where, j->link) == -1)
		join_refuse(j, 400, "invalid_invite: This is no invite link: "
		    "paste all of it, as ic://join/... or https://...");
	else if (j->where.token != NULL)
		join_token(j, j->where.token, j->where.tokenlen);
	else {
		j->state = JOIN_CODE;
		join_ask_host(j, j->where.host, j->where.port, 1);
	}
}

/* -1, and refused. */
static int
token_read(struct join *j, const char *token, size_t len)
{
	json_t	*o = invite_token_json(token, len);
	int	 ret = o != NULL ? invite_from_json(&j->invite, o) : -1;

	json_decref(o);
	if (ret == -1)
		join_refuse(j, 400, "invalid_invite: The invite is damaged: "
		    "copy it again, or ask for another.");
	else if (invite_verify(&j->invite) == -1) {
		join_refuse(j, 400, "invite_bad_signature: The invite is not "
		    "signed by the mesh's owner: do not trust it.");
		ret = -1;
	} else if (invite_is_expired(&j->invite, clock_wall_ms())) {
		join_refuse(j, 410, "invite_expired: The invite is over: ask "
		    "for another.");
		ret = -1;
	}
	return ret;
}

void
join_token(struct join *j, const char *token, size_t len)
{
	char		host[INVITE_HOST_SIZE];
	uint16_t	port;
	int		tls;

	if (token_read(j, token, len) == -1)
		return;
	if (invite_url_parse(j->invite.url, host, &port, &tls) == -1) {
		join_refuse(j, 400, "invalid_invite: The invite names no "
		    "broker that can be reached: ask for another.");
		return;
	}
	if (j->slug[0] == '\0' && slug_ok(j->invite.slug))
		strcpy(j->slug, j->invite.slug);
	if (j->slug[0] == '\0') {
		join_refuse(j, 400, "slug_required: The mesh's own name cannot "
		    "be used here: give one with 'slug' (--slug).");
		return;
	}
	j->token = xstrndup(token, len);
	if ((j->secret = sodium_malloc(KEY_SECRET_LEN)) == NULL)
		fatal("guarded memory");
	crypto_sign_keypair(j->pub, j->secret);
	j->state = JOIN_POST;
	join_ask_host(j, host, port, tls);
}

char *
join_body(const struct join *j)
{
	char	 pub[2 * KEY_PUBLIC_LEN + 1], *text;
	json_t	*o;

	o = json_pack("{s:s,s:o,s:s,s:s}", "invite_token", j->token,
	    "invite_payload", invite_token_json(j->token, strlen(j->token)),
	    "peer_pubkey", hex_encode(pub, j->pub, sizeof j->pub),
	    "display_name", j->display_name);
	text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	if (text == NULL)
		fatalx("join: no memory");
	return text;
}
