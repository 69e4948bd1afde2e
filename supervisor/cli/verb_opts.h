#ifndef CLI_VERB_OPTS_H
#define CLI_VERB_OPTS_H

/* Options for the table of verbs, each table those of one verb, or of a few. */

#include "supervisor/cli/opts.h"

extern const struct opt_def opts_check[];
extern const struct opt_def opts_end_peers[];
extern const struct opt_def opts_events[];
extern const struct opt_def opts_flush[];
extern const struct opt_def opts_group_join[];
extern const struct opt_def opts_inbox[];
extern const struct opt_def opts_launch[];
extern const struct opt_def opts_list[];
extern const struct opt_def opts_mcp[];
extern const struct opt_def opts_memory_add[];
extern const struct opt_def opts_mesh_create[];
extern const struct opt_def opts_mesh_invite[];
extern const struct opt_def opts_mesh_join[];
extern const struct opt_def opts_outbox_list[];
extern const struct opt_def opts_peers[];
extern const struct opt_def opts_presence[];
extern const struct opt_def opts_profile[];
extern const struct opt_def opts_register[];
extern const struct opt_def opts_requeue[];
extern const struct opt_def opts_schedule_add[];
extern const struct opt_def opts_send[];
extern const struct opt_def opts_skill_share[];
extern const struct opt_def opts_start[];
extern const struct opt_def opts_state_set[];
extern const struct opt_def opts_stop[];
extern const struct opt_def opts_topic_create[];
extern const struct opt_def opts_topic_history[];

#endif
