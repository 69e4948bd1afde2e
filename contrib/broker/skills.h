#ifndef BROKER_SKILLS_H
#define BROKER_SKILLS_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/* Skills: instructions that members of a mesh share by name. */

#include <jansson.h>

struct conn;
struct db;
struct skills;

/* Bytes. */
#define SKILL_NAME_MAX		128
#define SKILL_DESCRIPTION_MAX	4096
#define SKILL_INSTRUCTIONS_MAX	(48 * 1024)
#define SKILL_MANIFEST_MAX	(16 * 1024)	/* of JSON text */
#define SKILL_QUERY_MAX		1024

struct skills *skills_new(struct db *);
void	skills_free(struct skills **);

/* Requests. */
void	skills_list(struct conn *, const json_t *);
void	skills_get(struct conn *, const json_t *);
void	skills_share(struct conn *, const json_t *);
void	skills_remove(struct conn *, const json_t *);

#endif
