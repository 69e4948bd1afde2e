/* Sessions of a world, and what it says of itself. */

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/encode.h"
#include "common/log.h"
#include "tests/bench/api.h"
#include "tests/bench/world.h"

#define OPEN_MAX_MS	30000

json_t *
world_status(const struct world *w)
{
	struct api	 api;
	json_t		*o;

	api_open(&api, w->socket);
	if (api_call(&api, "GET", "/v1/status", NULL, NULL, &o) != 200 ||
	    o == NULL)
		fatalx("GET /v1/status: no status");
	api_close(&api);
	return o;
}

void
session_register(const struct world *w, struct session *s, unsigned n)
{
	uint8_t		 raw[32];
	char		 body[512];
	struct api	 api;
	json_t		*o;
	const char	*pub;
	int		 status;

	if (s->token[0] == '\0') {
		randombytes_buf(raw, sizeof raw);
		hex_encode(s->token, raw, sizeof raw);
	}
	snprintf(s->id, sizeof s->id, "bench-%u", n);
	snprintf(body, sizeof body, "{\"token\":\"%s\",\"session_id\":\"%s\","
	    "\"mesh\":\"%s\",\"display_name\":\"%s\",\"pid\":%ld}", s->token,
	    s->id, w->member.slug, s->id, (long)getpid());
	api_open(&api, w->socket);
	status = api_call(&api, "POST", "/v1/sessions/register", NULL, body,
	    &o);
	if (status != 200 || o == NULL ||
	    (pub = json_string_value(json_object_get(o, "session_pubkey")))
	    == NULL)
		fatalx("%s: register: %d %.200s", s->id, status, api.buf);
	snprintf(s->pub, sizeof s->pub, "%s", pub);
	json_decref(o);
	api_close(&api);
}

void
session_wait_open(const struct world *w, const struct session *s)
{
	int64_t		 deadline = clock_mono_ms() + OPEN_MAX_MS;
	struct api	 api;
	const char	*state;
	json_t		*o;
	int		 done;

	api_open(&api, w->socket);
	do {
		o = NULL;
		if (api_call(&api, "GET", "/v1/sessions/me", s->token, NULL,
		    &o) != 200)
			fatalx("%s: not known", s->id);
		state = json_string_value(json_object_get(json_object_get(o,
		    "session"), "state"));
		done = state != NULL && strcmp(state, "open") == 0;
		if (!done && clock_mono_ms() > deadline)
			fatalx("%s: not open but %s, see the log in %s", s->id,
			    state != NULL ? state : "nothing", w->state);
		json_decref(o);
		if (!done)
			usleep(5000);
	} while (!done);
	api_close(&api);
}
