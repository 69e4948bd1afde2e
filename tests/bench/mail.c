/* What sessions send. */

#include "tests/bench/mail.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "tests/bench/api.h"

static void
body_init(struct mail *m, const struct session *s, unsigned n)
{
	memset(m, 0, sizeof *m);
	m->sessions = s;
	m->nsessions = n;
	memset(m->body, 'x', MAIL_BODY);
}

void
mail_init(struct mail *m, const struct session *s, unsigned n)
{
	struct key	k;

	body_init(m, s, n);
	for (; m->ntargets < MAIL_TARGETS; m->ntargets++) {
		key_new(&k);
		strcpy(m->targets[m->ntargets], k.hex);
	}
}

void
mail_init_to(struct mail *m, const struct session *s, unsigned n,
    const char *target)
{
	body_init(m, s, n);
	snprintf(m->targets[0], sizeof m->targets[0], "%s", target);
	m->ntargets = 1;
}

void
mail_json(const struct mail *m, unsigned n, const char *client_id, char *buf,
    size_t size)
{
	int	len;

	len = snprintf(buf, size, "{\"to\":\"%s\",\"message\":\"%s\"%s%s%s}",
	    m->targets[n % m->ntargets], m->body,
	    client_id != NULL ? ",\"client_message_id\":\"" : "",
	    client_id != NULL ? client_id : "", client_id != NULL ? "\"" : "");
	if (len < 0 || (size_t)len >= size)
		fatalx("request too long");
}

size_t
mail_fill(void *arg, unsigned client, unsigned n, char *buf, size_t size)
{
	const struct mail	*m = arg;
	char			 json[1024];

	mail_json(m, n, NULL, json, sizeof json);
	return http_request(buf, size, "POST", "/v1/send",
	    m->sessions[client % m->nsessions].token, json);
}

void
mail_send(const struct world *w, struct mail *m, unsigned clients, unsigned n)
{
	struct load	l = { .socket = w->socket, .clients = clients,
			    .max_n = n, .expect = 202, .fill = mail_fill,
			    .arg = m };

	load_run(&l);
	if (l.n != n)
		fatalx("%u of %u messages were accepted", l.n, n);
	load_clear(&l);
}
