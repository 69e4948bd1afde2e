/* The skills of the mesh, as prompts and as resources. */

#include "supervisor/cli/mcp_skills.h"

#include <stdlib.h>
#include <string.h>

#include "common/encode.h"
#include "common/xalloc.h"
#include "supervisor/cli/mcp_ask.h"
#include "supervisor/cli/mcp_tools.h"

#define PREFIX		"skill://meshsup/"
#define MIME		"text/markdown"

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char *
mcp_skill_name(const char *uri)
{
	struct buf	 b = { 0 };
	char		*name = NULL, c;
	int		 hi, lo;

	if (strncmp(uri, PREFIX, strlen(PREFIX)) != 0)
		return NULL;
	for (uri += strlen(PREFIX); *uri != '\0'; uri++) {
		c = *uri;
		if (c == '%') {
			if ((hi = hex_value(uri[1])) == -1 ||
			    (lo = hex_value(uri[2])) == -1 || hi + lo == 0)
				goto out;
			c = (char)(hi << 4 | lo);
			uri += 2;
		}
		buf_add(&b, &c, 1);
	}
	if (b.len > 0 && utf8_valid(b.p, b.len, 0))
		name = xstrdup(b.p);
out:
	buf_free(&b);
	return name;
}

/* The request failed at the daemon. */
static void
skill_error(struct req *r, const struct api_answer *a, int not_found)
{
	struct buf	 why = { 0 };
	int		 code = RPC_INTERNAL;

	if (a->result == CLIENT_OK && a->status == 404 && strcmp(
	    cli_json_or(a->json, "error", ""), "skill_not_found") == 0)
		code = not_found;
	tool_add_reason(a, &why);
	req_error(r, code, "%s", why.p);
	buf_free(&why);
}

static void
ask_skills(struct req *r, const char *name, req_answer_cb cb)
{
	struct buf	 path = { 0 };

	buf_adds(&path, "/v1/skills");
	if (name != NULL) {
		buf_adds(&path, "/");
		buf_add_escaped(&path, name);
	}
	mcp_add_mesh(req_mcp(r), &path);
	req_ask(r, "GET", path.p, NULL, MCP_ASK_AGAIN, API_TIMEOUT_MS, cb);
	buf_free(&path);
}

/* ---- lists ---- */

static json_t *
as_prompt(const json_t *skill)
{
	return json_pack("{s:s, s:s, s:[]}", "name",
	    cli_json_or(skill, "name", "?"), "description",
	    cli_json_or(skill, "description", ""), "arguments");
}

static json_t *
as_resource(const json_t *skill)
{
	struct buf	 uri = { 0 };
	json_t		*j;

	buf_adds(&uri, PREFIX);
	buf_add_escaped(&uri, cli_json_or(skill, "name", "?"));
	j = json_pack("{s:s, s:s, s:s, s:s}", "uri", uri.p, "name",
	    cli_json_or(skill, "name", "?"), "description",
	    cli_json_or(skill, "description", ""), "mimeType", MIME);
	buf_free(&uri);
	return j;
}

static void
list_skills(struct req *r, const struct api_answer *a, const char *key,
    json_t *(*as)(const json_t *))
{
	json_t		*list;
	const json_t	*skill;
	size_t		 i;

	if (!api_is_ok(a)) {
		skill_error(r, a, RPC_INTERNAL);
		return;
	}
	list = json_array();
	json_array_foreach(json_object_get(a->json, "skills"), i, skill)
		json_array_append_new(list, as(skill));
	req_result(r, json_pack("{s:o}", key, list), NULL);
}

static void
on_prompts(struct req *r, struct api_answer *a)
{
	list_skills(r, a, "prompts", as_prompt);
}

static void
on_resources(struct req *r, struct api_answer *a)
{
	list_skills(r, a, "resources", as_resource);
}

void
mcp_prompts_list(struct req *r)
{
	ask_skills(r, NULL, on_prompts);
}

void
mcp_resources_list(struct req *r)
{
	ask_skills(r, NULL, on_resources);
}

void
mcp_resources_templates(struct req *r)
{
	req_result(r, json_pack("{s:[{s:s, s:s, s:s, s:s}]}",
	    "resourceTemplates", "uriTemplate", PREFIX "{name}", "name",
	    "skill", "description", "A skill that a peer has shared with the "
	    "mesh", "mimeType", MIME), NULL);
}

/* ---- one ---- */

static const char *
instructions_of(const struct api_answer *a)
{
	return cli_json_or(json_object_get(a->json, "skill"),
	    "instructions", "");
}

static void
on_prompt(struct req *r, struct api_answer *a)
{
	const json_t	*skill = json_object_get(a->json, "skill");

	if (!api_is_ok(a)) {
		skill_error(r, a, RPC_PARAMS);
		return;
	}
	req_result(r, json_pack("{s:s, s:[{s:s, s:{s:s, s:s}}]}",
	    "description", cli_json_or(skill, "description", ""), "messages",
	    "role", "user", "content", "type", "text", "text",
	    instructions_of(a)), NULL);
}

static void
on_resource(struct req *r, struct api_answer *a)
{
	if (!api_is_ok(a)) {
		skill_error(r, a, RPC_NO_RESOURCE);
		return;
	}
	req_result(r, json_pack("{s:[{s:s, s:s, s:s}]}", "contents", "uri",
	    cli_json_or(req_params(r), "uri", ""), "mimeType", MIME, "text",
	    instructions_of(a)), NULL);
}

void
mcp_prompts_get(struct req *r)
{
	const char	*name = cli_json_str(req_params(r), "name");

	if (name == NULL || *name == '\0')
		req_error(r, RPC_PARAMS, "prompts/get needs the name of a "
		    "prompt");
	else
		ask_skills(r, name, on_prompt);
}

void
mcp_resources_read(struct req *r)
{
	const char	*uri = cli_json_str(req_params(r), "uri");
	char		*name = uri != NULL ? mcp_skill_name(uri) : NULL;

	if (uri == NULL)
		req_error(r, RPC_PARAMS, "resources/read needs the uri of a "
		    "resource");
	else if (name == NULL)
		req_error(r, RPC_NO_RESOURCE, "resources here are "
		    PREFIX "NAME; resources/list has those there are");
	else
		ask_skills(r, name, on_resource);
	free(name);
}
