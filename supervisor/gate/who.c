/* Who is asking. */

#include "supervisor/gate/who.h"

#include <event2/http.h>
#include <sodium.h>
#include <string.h>
#include <strings.h>

#include "common/log.h"
#include "supervisor/gate/gate.h"
#include "supervisor/gate/reply.h"
#include "supervisor/gate/request.h"
#include "supervisor/gate/session.h"

#define SCHEME_SESSION	"ClaudeMesh-Session"
#define SCHEME_BEARER	"Bearer"
#define HEADER_SESSION	"X-ClaudeMesh-Session"

int
who_host_ok(const char *host)
{
	static const char *const names[] = { "localhost", "127.0.0.1",
	    "[::1]" };
	size_t	 i, len, digits;

	if (*host == '\0')
		return 1;
	for (i = 0; i < sizeof names / sizeof *names; i++) {
		len = strlen(names[i]);
		if (strncasecmp(host, names[i], len) != 0)
			continue;
		if (host[len] == '\0')
			return 1;
		digits = strspn(host + len + 1, "0123456789");
		if (host[len] == ':' && host[len + 1 + digits] == '\0')
			return 1;
	}
	return 0;
}

/* What follows "<scheme> ", or NULL: another scheme. */
static const char *
after_scheme(const char *value, const char *scheme)
{
	size_t	len = strlen(scheme);

	if (strncasecmp(value, scheme, len) != 0 ||
	    (value[len] != ' ' && value[len] != '\0'))
		return NULL;
	value += len;
	return value + strspn(value, " ");
}

enum who_token
who_token_find(const char *authorization, const char *own,
    const char **token_r)
{
	const char	*token = NULL;

	*token_r = NULL;
	if (authorization != NULL) {
		token = after_scheme(authorization, SCHEME_SESSION);
		if (token == NULL &&
		    after_scheme(authorization, SCHEME_BEARER) == NULL)
			return WHO_MALFORMED;
	}
	if (own != NULL) {
		if (token != NULL && strcasecmp(token, own) != 0)
			return WHO_MALFORMED;	/* which one is it? */
		token = own;
	}
	if (token == NULL)
		return WHO_NONE;
	*token_r = token;
	return strlen(token) == TOKEN_HEX ? WHO_TOKEN : WHO_MALFORMED;
}

int
who_bearer_ok(const char *authorization, const char *token)
{
	uint8_t		 want[32], got[32];
	const char	*given;
	int		 ok;

	if (*token == '\0' || authorization == NULL)
		return 0;
	if ((given = after_scheme(authorization, SCHEME_BEARER)) == NULL)
		return 0;
	/* Hashes are of one length, whatever was sent. */
	crypto_generichash(want, sizeof want, (const uint8_t *)token,
	    strlen(token), NULL, 0);
	crypto_generichash(got, sizeof got, (const uint8_t *)given,
	    strlen(given), NULL, 0);
	ok = sodium_memcmp(want, got, sizeof want) == 0;
	sodium_memzero(want, sizeof want);
	return ok;
}

static int
refuse_host(struct request *r)
{
	reply_error(r, 403, "forbidden_host", "Only requests to localhost "
	    "are answered.");
	return -1;
}

int
who_check_guards(struct request *r)
{
	const struct evhttp_uri	*uri = evhttp_request_get_evhttp_uri(r->http);
	const char		*host = request_header(r, "Host");
	const char		*uri_host = evhttp_uri_get_host(uri);

	if (request_headers(r, "Host") > 1 ||
	    (host != NULL && !who_host_ok(host)) ||
	    (uri_host != NULL && !who_host_ok(uri_host)))
		return refuse_host(r);
	if (request_headers(r, "Origin") > 0) {
		reply_error(r, 403, "forbidden_origin", "The API is not for "
		    "pages in a browser.");
		return -1;
	}
	if (query_parse(&r->query, evhttp_uri_get_query(uri)) == -1) {
		reply_error(r, 400, "invalid_query", "The part behind '?' is "
		    "malformed, or names something twice.");
		return -1;
	}
	if (query_get(&r->query, "token") != NULL) {
		log_warnx("uid %llu: a token in a query string was refused",
		    (unsigned long long)r->uid);
		reply_error(r, 400, "token_in_query", "Send the token in the "
		    "header Authorization, never in the path.");
		return -1;
	}
	return 0;
}

int
who_check_uid(struct request *r)
{
	if (r->via == LISTEN_TCP) {
		if (request_headers(r, "Authorization") == 1 &&
		    who_bearer_ok(request_header(r, "Authorization"),
		    r->gate->local_token))
			return 0;
		reply_error(r, 401, "unauthorized", "Send 'Authorization: "
		    "Bearer' with the content of the file local-token.");
		return -1;
	}
	if (gate_uid_allowed(r->gate, r->uid))
		return 0;
	r->close = 1;
	reply_error(r, 403, "forbidden_uid", "The daemon does not serve your "
	    "uid: its configuration names those that it does.");
	return -1;
}

int
who_check_session(struct request *r)
{
	uint8_t		 hash[TOKEN_HASH_LEN];
	const char	*token;
	struct session	*s = NULL;
	enum who_token	 found;

	found = who_token_find(request_header(r, "Authorization"),
	    request_header(r, HEADER_SESSION), &token);
	if (request_headers(r, "Authorization") > 1 ||
	    request_headers(r, HEADER_SESSION) > 1)
		found = WHO_MALFORMED;
	if (found == WHO_NONE)
		return 0;
	if (found == WHO_TOKEN && token_hash(hash, NULL, token) == 0)
		s = sessions_by_hash(r->gate->sessions, hash);
	if (s == NULL || s->uid != r->uid || !session_is_alive(s)) {
		reply_error(r, 401, "invalid_session_token", "No session of "
		    "yours has this token: register it again.");
		return -1;
	}
	r->session = s;
	return 0;
}
