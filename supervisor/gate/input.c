/* JSON and text from clients. */

#include "supervisor/gate/input.h"

#include <stdint.h>
#include <string.h>

#include "common/encode.h"

int
input_depth_ok(const char *p, size_t len)
{
	const char	*end = p + len;
	int		 depth = 0, in_string = 0;

	for (; p < end; p++) {
		if (in_string) {
			if (*p == '\\' && p + 1 < end)
				p++;
			else if (*p == '"')
				in_string = 0;
		} else if (*p == '"')
			in_string = 1;
		else if (*p == '[' || *p == '{') {
			if (++depth > INPUT_DEPTH_MAX)
				return 0;
		} else if (*p == ']' || *p == '}')
			depth--;
	}
	return 1;
}

json_t *
input_object(const char *p, size_t len, struct fault *f)
{
	json_error_t	 err;
	json_t		*j;

	if (len == 0) {
		fault_set(f, 400, "missing_body", "Send a JSON object.");
		return NULL;
	}
	if (!input_depth_ok(p, len)) {
		fault_set(f, 400, "malformed_json", "At most %d arrays and "
		    "objects may stand inside each other.", INPUT_DEPTH_MAX);
		return NULL;
	}
	if ((j = json_loadb(p, len, JSON_REJECT_DUPLICATES, &err)) == NULL) {
		/* err.text quotes what was sent. */
		fault_set(f, 400, "malformed_json", "The body is no valid "
		    "JSON: look at line %d, column %d.", err.line, err.column);
		return NULL;
	}
	if (!json_is_object(j)) {
		fault_set(f, 400, "malformed_json",
		    "The body must be a JSON object.");
		json_decref(j);
		return NULL;
	}
	return j;
}

int
input_line_ok(const char *s, size_t len)
{
	uint32_t	 cp;
	size_t		 n;

	for (; len > 0; s += n, len -= n)
		if ((n = utf8_next(s, len, &cp)) == 0 || utf8_is_control(cp))
			return 0;
	return 1;
}

int
input_text(const json_t *obj, const char *name, size_t min, size_t max,
    const char **out_r, struct fault *f)
{
	const json_t	*v = json_object_get(obj, name);
	size_t		 len;

	*out_r = NULL;
	if (v == NULL || json_is_null(v)) {
		if (min == 0)
			return 0;
		return fault_set(f, 400, "invalid_request",
		    "'%s' is missing.", name);
	}
	len = json_string_length(v);
	if (!json_is_string(v) || len < min || len > max ||
	    !input_line_ok(json_string_value(v), len))
		return fault_set(f, 400, "invalid_request", "'%s' must be "
		    "text of %zu to %zu bytes, without control characters.",
		    name, min, max);
	*out_r = json_string_value(v);
	return 0;
}

static int
is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9');
}

int
input_group_ok(const char *s, size_t len)
{
	size_t	i;

	for (i = 0; i < len; i++)
		if (!is_alnum(s[i]) && s[i] != '_' && s[i] != '-' &&
		    s[i] != '/')
			return 0;
	return len > 0;
}

char *
input_lower(char *out, const char *in, size_t size)
{
	size_t	i;

	for (i = 0; i + 1 < size && in[i] != '\0'; i++)
		out[i] = in[i] >= 'A' && in[i] <= 'Z' ?
		    (char)(in[i] - 'A' + 'a') : in[i];
	out[i] = '\0';
	return out;
}
