/* What a client says of a session that it registers. */

#include "supervisor/gate/registration.h"

#include <string.h>

#include "common/xalloc.h"
#include "supervisor/gate/caps.h"
#include "supervisor/gate/input.h"
#include "supervisor/gate/session.h"

#define GROUP_NAME_MAX	128
#define GROUPS_MAX	64
#define PID_MAX		4194304		/* the kernel's, on 64 bits */

static int
bad_groups(struct fault *f)
{
	return fault_set(f, 400, "invalid_groups", "'groups' is a list of up "
	    "to %d \"@name:role\" or {\"name\", \"role\"}; a name has letters, "
	    "digits, '_', '-' and '/'.", GROUPS_MAX);
}

/* role may be NULL: none. */
static json_t *
group_make(const char *name, size_t len, const char *role)
{
	json_t	*j;

	if (*name == '@') {
		name++;
		len--;
	}
	if (len > GROUP_NAME_MAX || !input_group_ok(name, len) ||
	    (role != NULL && (strlen(role) >= MSG_ROLE_SIZE ||
	    !input_line_ok(role, strlen(role)))))
		return NULL;
	j = json_pack("{s:s%}", "name", name, len);
	if (j != NULL && role != NULL && *role != '\0')
		json_object_set_new(j, "role", json_string(role));
	return j;
}

static json_t *
group_parse(const json_t *v)
{
	const char	*name = json_string_value(v), *role;
	const json_t	*r;

	if (name != NULL) {
		role = strchr(name, ':');
		return role == NULL ? group_make(name, strlen(name), NULL) :
		    group_make(name, (size_t)(role - name), role + 1);
	}
	name = json_string_value(json_object_get(v, "name"));
	r = json_object_get(v, "role");
	if (name == NULL || (r != NULL && !json_is_null(r) &&
	    !json_is_string(r)))
		return NULL;
	return group_make(name, strlen(name), json_string_value(r));
}

json_t *
registration_groups(const json_t *in, struct fault *f)
{
	json_t	*out, *group, *v;
	size_t	 i;

	if (!json_is_array(in) || json_array_size(in) > GROUPS_MAX) {
		bad_groups(f);
		return NULL;
	}
	out = json_array();
	json_array_foreach(in, i, v) {
		if ((group = group_parse(v)) == NULL) {
			bad_groups(f);
			json_decref(out);
			return NULL;
		}
		json_array_append_new(out, group);
	}
	return out;
}

static int
parse_token(const json_t *j, struct msg_register *out, struct fault *f)
{
	const char	*s = json_string_value(json_object_get(j, "token"));

	if (s == NULL || token_hash(out->token_hash, out->token_prefix,
	    s) == -1)
		return fault_set(f, 400, "invalid_token",
		    "'token' must be 64 random hex digits.");
	return 0;
}

/* Text into a field of size bytes; min 0: it may be absent. */
static int
parse_text(const json_t *j, const char *name, size_t min, char *out,
    size_t size, struct fault *f)
{
	const char	*s;

	if (input_text(j, name, min, size - 1, &s, f) == -1)
		return -1;
	if (s != NULL)
		memcpy(out, s, strlen(s) + 1);
	return 0;
}

static int
parse_pid(const json_t *j, struct msg_register *out, struct fault *f)
{
	const json_t	*v = json_object_get(j, "pid");
	json_int_t	 pid = json_integer_value(v);

	if (!json_is_integer(v) || pid < 1 || pid > PID_MAX)
		return fault_set(f, 400, "invalid_request",
		    "'pid' must be the number of the session's process.");
	out->pid = (uint64_t)pid;
	return 0;
}

static int
parse_caps(const json_t *j, struct msg_register *out, struct fault *f)
{
	const json_t	*v = json_object_get(j, "caps");

	out->caps = CAP_ALL;
	if (v == NULL || json_is_null(v))
		return 0;
	out->caps_given = 1;
	if (caps_parse(v, &out->caps) == 0)
		return 0;
	return fault_set(f, 400, "invalid_caps", "'caps' is a list of: dm, "
	    "broadcast, state-read, state-write, grant, kick, ban, "
	    "profile-write, service-deploy.");
}

/* Absent is not the same as an empty list, which wins over the member's. */
static int
parse_groups(const json_t *j, struct msg_register *out, char **text_r,
    struct fault *f)
{
	const json_t	*v = json_object_get(j, "groups");
	json_t		*groups;

	if (v == NULL || json_is_null(v))
		return 0;
	if ((groups = registration_groups(v, f)) == NULL)
		return -1;
	*text_r = json_dumps(groups, JSON_COMPACT);
	json_decref(groups);
	if (*text_r == NULL || strlen(*text_r) > MSG_GROUPS_MAX) {
		wipe_free(*text_r);
		*text_r = NULL;
		return bad_groups(f);
	}
	out->groups.p = (const uint8_t *)*text_r;
	out->groups.len = strlen(*text_r);
	return 0;
}

int
registration_parse(const json_t *j, struct msg_register *out, char **groups_r,
    struct fault *f)
{
	memset(out, 0, sizeof *out);
	*groups_r = NULL;
	if (parse_token(j, out, f) == -1 ||
	    parse_text(j, "session_id", 1, out->session_id,
	    sizeof out->session_id, f) == -1 ||
	    parse_text(j, "mesh", 0, out->mesh, sizeof out->mesh, f) == -1 ||
	    parse_text(j, "display_name", 1, out->display_name,
	    sizeof out->display_name, f) == -1 ||
	    parse_pid(j, out, f) == -1 ||
	    parse_text(j, "cwd", 0, out->cwd, sizeof out->cwd, f) == -1 ||
	    parse_text(j, "role", 0, out->role, sizeof out->role, f) == -1 ||
	    parse_caps(j, out, f) == -1)
		return -1;
	return parse_groups(j, out, groups_r, f);
}
