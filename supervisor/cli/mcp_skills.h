#ifndef CLI_MCP_SKILLS_H
#define CLI_MCP_SKILLS_H

/* The skills of the mesh, as prompts and as resources (skill://meshsup/...). */

#include "supervisor/cli/mcp_req.h"

void	mcp_prompts_get(struct req *);
void	mcp_prompts_list(struct req *);
void	mcp_resources_list(struct req *);
void	mcp_resources_read(struct req *);
void	mcp_resources_templates(struct req *);

/* The skill's name in such an address; allocated, NULL: it is none. */
char	*mcp_skill_name(const char *uri);

#endif
