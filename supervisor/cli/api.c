/* The local API: one call, a JSON answer. */

#include "supervisor/cli/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/cli/buf.h"

#define TOKEN_ENV	"MESHSUP_TOKEN_FILE"
#define TOKEN_ENV_REF	"CLAUDEMESH_IPC_TOKEN_FILE"

char *
api_token_path(const struct cli *c, const char *name, int make)
{
	char	 err[512], *dir, *file, *path;

	if ((file = token_file_name(name)) == NULL) {
		cli_warn(c, "the name %s is empty or too long for a token "
		    "file; name one with --token-file", name);
		return NULL;
	}
	dir = token_dir(cli_run_dir_named(c) ? c->paths.run_dir : NULL, make,
	    err, sizeof err);
	if (dir == NULL) {
		cli_warn(c, "%s", err);
		free(file);
		return NULL;
	}
	path = paths_join(dir, file);
	free(dir);
	free(file);
	return path;
}

/* --as NAME, or an operand in its place. */
static int
token_by_name(const struct cli *c, struct token *t, const char *name)
{
	char	 err[512], *path;
	int	 r;

	if ((path = api_token_path(c, name, 0)) == NULL)
		return CLI_FAIL;
	if ((r = token_load(t, path, err, sizeof err)) == 1)
		cli_warn(c, "no session %s of yours here (no %s); register "
		    "it with: meshsup session register --name %s", name, path,
		    name);
	else if (r == -1)
		cli_warn(c, "%s", err);
	free(path);
	return r == 0 ? CLI_OK : CLI_FAIL;
}

int
api_token(const struct cli *c, struct token *t)
{
	const char	*file = cli_opt(c, OPT_TOKEN_FILE);
	const char	*name = cli_opt(c, OPT_AS);
	char		 err[512];

	token_wipe(t);
	if (file != NULL && name != NULL)
		return cli_usage(c, "either --as or --token-file");
	if (cli_opt(c, OPT_ADMIN) != NULL)	/* whatever the environment says */
		return file == NULL && name == NULL ? CLI_OK :
		    cli_usage(c, "either --admin or a session");
	if (name != NULL)
		return token_by_name(c, t, name);
	if (file == NULL && (file = cli_env(TOKEN_ENV)) == NULL)
		file = cli_env(TOKEN_ENV_REF);
	if (file == NULL)
		return CLI_OK;
	if (token_load(t, file, err, sizeof err) != 0)
		return cli_fail(c, "%s", err);
	return CLI_OK;
}

static int
on_body(void *arg, const char *p, size_t len)
{
	buf_add(arg, p, len);
	return 0;
}

void
api_answer_read(struct api_answer *a, const struct http_parser *http,
    const struct buf *b)
{
	a->status = http_status(http);
	a->retry_after = http_retry_after(http);
	if (a->result != CLIENT_OK || b == NULL)
		return;
	a->json = json_loadb(b->p != NULL ? b->p : "", b->len,
	    JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(a->json))
		return;
	json_decref(a->json);
	a->json = NULL;
	a->result = CLIENT_BAD;
	snprintf(a->err, sizeof a->err, "the answer (HTTP %d) is not a JSON "
	    "object: is this meshsup's socket?", a->status);
}

void
api_call(const struct cli *c, const char *method, const char *path,
    const char *token, const json_t *body, int timeout_ms,
    struct api_answer *a)
{
	api_call_until(c, method, path, token, body, timeout_ms, -1, a);
}

void
api_call_until(const struct cli *c, const char *method, const char *path,
    const char *token, const json_t *body, int timeout_ms, int stop_fd,
    struct api_answer *a)
{
	struct client_request	 req = { .socket = c->socket,
				    .method = method, .path = path,
				    .token = token, .timeout_ms = timeout_ms,
				    .stop_fd = stop_fd };
	struct buf		 out = { 0 }, in = { 0 };
	struct http_parser	*http;

	memset(a, 0, sizeof *a);
	http = http_new(API_ANSWER_MAX, on_body, &in);
	if (body != NULL) {
		cli_json_dump(&out, body);
		req.body = out.p;
		req.bodylen = out.len;
	}
	a->result = client_call(&req, http, a->err, sizeof a->err);
	api_answer_read(a, http, &in);
	http_free(&http);
	buf_free(&out);
	buf_free(&in);
}

void
api_answer_clear(struct api_answer *a)
{
	json_decref(a->json);
	a->json = NULL;
}

int
api_is_ok(const struct api_answer *a)
{
	return a->result == CLIENT_OK && a->status >= 200 && a->status < 300;
}

int
api_is_passing(const struct api_answer *a)
{
	switch (a->result) {
	case CLIENT_OK:
		return a->status == 429 || a->status == 503 ||
		    a->status == 504;
	case CLIENT_DOWN:
	case CLIENT_LOST:
	case CLIENT_LATE:
		return 1;
	default:
		return 0;
	}
}

int
api_is_unknown(const struct api_answer *a)
{
	return a->result == CLIENT_LOST || a->result == CLIENT_LATE ||
	    (a->result == CLIENT_OK && a->status == 504);
}

int
api_ends_unknown(const struct api_answer *a, int unknown)
{
	return unknown && (a->result != CLIENT_OK || a->status >= 500 ||
	    a->status == 429);
}

json_t *
api_ask(const struct cli *c, const char *method, const char *path,
    const json_t *body, int *rc_r)
{
	struct api_answer	 a;
	struct token		 t;
	json_t			*json = NULL;

	if ((*rc_r = api_token(c, &t)) != CLI_OK)
		return NULL;
	api_call(c, method, path, token_hex(&t), body,
	    API_TIMEOUT_MS, &a);
	token_wipe(&t);
	if (api_is_ok(&a))
		json = json_incref(a.json);
	else
		*rc_r = api_refused(c, &a);
	api_answer_clear(&a);
	return json;
}

int
api_show(const struct cli *c, const char *method, const char *path,
    const json_t *body, void (*print)(const struct cli *, json_t *))
{
	json_t	*j;
	int	 rc;

	if ((j = api_ask(c, method, path, body, &rc)) == NULL)
		return rc;
	if (c->json)
		cli_print_json(c, j);
	else
		print(c, j);
	json_decref(j);
	return rc;
}
