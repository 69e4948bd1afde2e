#ifndef CLI_VERBS_H
#define CLI_VERBS_H

/* The table of verbs: dispatch and help both come from it. */

#include <stddef.h>

#include "supervisor/cli/cli.h"

enum {
	VERB_API = 1,		/* speaks to the daemon: takes --socket */
	VERB_TOKEN = 2,		/* as a session: --as, --token-file */
	VERB_JSON = 4,		/* prints data: --json */
	VERB_PLACE = 8,		/* takes --run-dir */
	VERB_RAW = 16,		/* takes its arguments as they come */
	VERB_ADMIN = 32,	/* of everybody, where asked: --admin */
	VERB_COMMAND = 64,	/* its operands are a command line */
	VERB_MESH = 128,	/* of one mesh: --mesh */
	VERB_MESHES = 256,	/* a list of every mesh, or of one: --mesh */
};

struct verb {
	const char		*name;		/* "session list" */
	const char		*operands;	/* for help; "" for none */
	const char		*summary;	/* one line */
	const char		*details;	/* paragraphs, or NULL */
	const struct opt_def	*opts;		/* its own, or NULL */
	int			 flags;
	size_t			 min;		/* operands */
	size_t			 max;
	int			(*run)(struct cli *);
};

/* Ends with one that has no name; verb_table.c. */
extern const struct verb verb_table[];

/*
 * The verb of these one or two words (the second may be NULL), and how many
 * of them it took; two go before one ("inbox delete", "inbox").  NULL: none;
 * *words_r is then 1 when the first word begins verbs of two, else 0.
 */
const struct verb *verb_find(const char *first, const char *second,
	    int *words_r);

/* The verb behind this one in the table, or the first; NULL at the end. */
const struct verb *verb_next(const struct verb *);

/*
 * The option tables that a verb takes, NULL at the end.  Without a verb: what
 * may stand before one.
 */
void	verb_tables(const struct verb *,
	    const struct opt_def *tables_r[OPTS_TABLES_MAX + 1]);

/* help.c: all verbs, those of a group ("session"), or one in full. */
void	verbs_print(void);
void	verbs_print_group(const char *group);
void	verb_print(const struct verb *);

/* The verbs, each in the v_ file of its kind. */
int	v_broker(struct cli *);
int	v_check(struct cli *);
int	v_events(struct cli *);
int	v_group_join(struct cli *);
int	v_group_leave(struct cli *);
int	v_help(struct cli *);
int	v_inbox(struct cli *);
int	v_inbox_delete(struct cli *);
int	v_inbox_flush(struct cli *);
int	v_inbox_seen(struct cli *);
int	v_launch(struct cli *);
int	v_mcp(struct cli *);
int	v_memory_add(struct cli *);
int	v_memory_delete(struct cli *);
int	v_memory_search(struct cli *);
int	v_mesh_create(struct cli *);
int	v_mesh_info(struct cli *);
int	v_mesh_invite(struct cli *);
int	v_mesh_join(struct cli *);
int	v_mesh_leave(struct cli *);
int	v_mesh_list(struct cli *);
int	v_outbox_abort(struct cli *);
int	v_outbox_cat(struct cli *);
int	v_outbox_hold(struct cli *);
int	v_outbox_list(struct cli *);
int	v_outbox_release(struct cli *);
int	v_outbox_requeue(struct cli *);
int	v_outbox_show(struct cli *);
int	v_peers(struct cli *);
int	v_peers_ban(struct cli *);
int	v_peers_bans(struct cli *);
int	v_peers_disconnect(struct cli *);
int	v_peers_kick(struct cli *);
int	v_peers_unban(struct cli *);
int	v_presence_pause(struct cli *);
int	v_presence_resume(struct cli *);
int	v_profile_set(struct cli *);
int	v_profile_status(struct cli *);
int	v_reload(struct cli *);
int	v_schedule_add(struct cli *);
int	v_schedule_cancel(struct cli *);
int	v_schedule_list(struct cli *);
int	v_send(struct cli *);
int	v_session_end(struct cli *);
int	v_session_list(struct cli *);
int	v_session_register(struct cli *);
int	v_session_resume(struct cli *);
int	v_skill_list(struct cli *);
int	v_skill_remove(struct cli *);
int	v_skill_share(struct cli *);
int	v_skill_show(struct cli *);
int	v_start(struct cli *);
int	v_state_get(struct cli *);
int	v_state_list(struct cli *);
int	v_state_set(struct cli *);
int	v_status(struct cli *);
int	v_stop(struct cli *);
int	v_topic_create(struct cli *);
int	v_topic_history(struct cli *);
int	v_topic_join(struct cli *);
int	v_topic_leave(struct cli *);
int	v_topic_list(struct cli *);
int	v_topic_members(struct cli *);
int	v_topic_read(struct cli *);
int	v_upgrade(struct cli *);
int	v_version(struct cli *);

#endif
