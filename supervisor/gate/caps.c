/* Capabilities by name. */

#include "supervisor/gate/caps.h"

#include <stddef.h>
#include <string.h>

#include "common/msg.h"

static const struct {
	const char	*name;
	uint32_t	 bit;
} caps[] = {
	{ "dm", CAP_DM },
	{ "broadcast", CAP_BROADCAST },
	{ "state-read", CAP_STATE_READ },
	{ "state-write", CAP_STATE_WRITE },
	{ "grant", CAP_GRANT },
	{ "kick", CAP_KICK },
	{ "ban", CAP_BAN },
	{ "profile-write", CAP_PROFILE_WRITE },
	{ "service-deploy", CAP_SERVICE_DEPLOY },
};
#define NCAPS	(sizeof caps / sizeof *caps)

json_t *
caps_json(uint32_t bits)
{
	json_t	*names = json_array();
	size_t	 i;

	for (i = 0; i < NCAPS; i++)
		if (bits & caps[i].bit)
			json_array_append_new(names,
			    json_string(caps[i].name));
	return names;
}

static uint32_t
cap_find(const char *name)
{
	size_t	i;

	for (i = 0; i < NCAPS; i++)
		if (strcmp(caps[i].name, name) == 0)
			return caps[i].bit;
	return 0;
}

int
caps_parse(const json_t *names, uint32_t *caps_r)
{
	const char	*name;
	uint32_t	 bit;
	json_t		*v;
	size_t		 i;

	*caps_r = 0;
	if (!json_is_array(names))
		return -1;
	json_array_foreach(names, i, v) {
		if ((name = json_string_value(v)) == NULL ||
		    (bit = cap_find(name)) == 0)
			return -1;
		*caps_r |= bit;
	}
	return 0;
}

const char *
caps_name(uint32_t cap)
{
	size_t	i;

	for (i = 0; i < NCAPS; i++)
		if (caps[i].bit == cap)
			return caps[i].name;
	return "none";
}
