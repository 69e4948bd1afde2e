#ifndef BROKER_QUOTA_H
#define BROKER_QUOTA_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/*
 * How much a member may store in the services, so that none can fill the file,
 * or take from the others.  An entry counts for whoever wrote it last.
 */

#include <stdint.h>

struct db;
struct quota;

/* As in the triggers of the schema. */
enum service {
	SERVICE_STATE = 1,
	SERVICE_MEMORY,
	SERVICE_SKILL,
	SERVICE_SCHEDULED,
	SERVICE_WAITING,	/* messages that nobody has taken yet */
	SERVICE_TOPICS,		/* messages in histories */
};

/* Entries, and bytes of them, that one member may have. */
#define QUOTA_STATE_ENTRIES	1000
#define QUOTA_STATE_BYTES	(1024 * 1024)
#define QUOTA_MEMORY_ENTRIES	10000
#define QUOTA_MEMORY_BYTES	(16 * 1024 * 1024)
#define QUOTA_SKILL_ENTRIES	200
#define QUOTA_SKILL_BYTES	(4 * 1024 * 1024)
#define QUOTA_SCHEDULED_ENTRIES	200
#define QUOTA_SCHEDULED_BYTES	(1024 * 1024)
#define QUOTA_WAITING_ENTRIES	500000
#define QUOTA_WAITING_BYTES	(256 * 1024 * 1024)
#define QUOTA_TOPICS_ENTRIES	1000000
#define QUOTA_TOPICS_BYTES	(512 * 1024 * 1024)

struct quota *quota_new(struct db *);
void	quota_free(struct quota **);

/* May this member have one more entry of so many bytes?  1, 0, -1. */
int	quota_allows(struct quota *, int64_t member, enum service,
	    int64_t bytes);

#endif
