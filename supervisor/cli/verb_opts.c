/* The options of the verbs, each verb's own, in the order of help. */

#include "supervisor/cli/verb_opts.h"

const struct opt_def opts_start[] = {
	{ "config", "FILE", "the configuration", OPT_CONFIG },
	{ "state-dir", "DIR", "the state directory", OPT_STATE_DIR },
	{ "foreground", NULL, "do not detach; log to the standard error",
	    OPT_FOREGROUND },
	{ NULL, NULL, NULL, 0 }
};

const struct opt_def opts_check[] = {
	{ "config", "FILE", "the configuration", OPT_CONFIG },
	{ "state-dir", "DIR", "the state directory", OPT_STATE_DIR },
	{ "run-dir", "DIR", "the run directory", OPT_RUN_DIR },
	{ NULL, NULL, NULL, 0 }
};

const struct opt_def opts_stop[] = {
	{ "timeout", "SECONDS", "how long to wait for the end (20)",
	    OPT_TIMEOUT },
	{ NULL, NULL, NULL, 0 }
};

const struct opt_def opts_register[] = {
	{ "name", "NAME", "its name on the mesh", OPT_NAME },
	{ "mesh", "MESH", "needed when there are several", OPT_MESH },
	{ "pid", "PID", "the process whose end ends the session (the one "
	    "that called this command)", OPT_PID },
	{ "session-id", "ID", "its id (that of the token file, else a new "
	    "one)", OPT_SESSION_ID },
	{ "token-file", "FILE", "where to keep the token", OPT_TOKEN_FILE },
	{ "role", "ROLE", "what it does, for its peers to see", OPT_ROLE },
	{ "group", "@GROUP[:ROLE]", "a group that it is in; may be repeated",
	    OPT_GROUP },
	{ "groups", "A,B", "several at once", OPT_GROUPS },
	{ "caps", "A,B", "what it may do (everything); \"\" is nothing, \"?\" "
	    "explains them", OPT_CAPS },
	{ NULL, NULL, NULL, 0 }
};

const struct opt_def opts_launch[] = {
	{ "name", "NAME", "its name on the mesh (that of the command)",
	    OPT_NAME },
	{ "mesh", "MESH", "needed when there are several", OPT_MESH },
	{ "session-id", "ID", "its id (a new one)", OPT_SESSION_ID },
	{ "role", "ROLE", "what it does, for its peers to see", OPT_ROLE },
	{ "group", "@GROUP[:ROLE]", "a group that it is in; may be repeated",
	    OPT_GROUP },
	{ "groups", "A,B", "several at once", OPT_GROUPS },
	{ "caps", "A,B", "what it may do (everything); \"\" is nothing, \"?\" "
	    "explains them", OPT_CAPS },
	{ NULL, NULL, NULL, 0 }
};

const struct opt_def opts_list[] = {
	{ "key", "NAME", "print only the key of the session of this name, to "
	    "send to", OPT_KEY },
	{ NULL, NULL, NULL, 0 }
};

const struct opt_def opts_send[] = {
	{ "mesh", "MESH", "needed without a session when there are several",
	    OPT_MESH },
	{ "priority", "now|next|low", "how urgent it is (next)",
	    OPT_PRIORITY },
	{ "reply-to", "ID", "the message that it answers", OPT_REPLY_TO },
	{ "id", "ID", "its client_message_id (a new one)", OPT_ID },
	{ "meta", "JSON", "an object that counts in comparing repeated "
	    "sends, and is not sent", OPT_META },
	{ "wait", "[=sent|delivered]", "wait until it is sent, or delivered; "
	    "exit with 5 when it is not yet", OPT_WAIT },
	{ "timeout", "SECONDS", "how long to wait for that (30)",
	    OPT_TIMEOUT },
	{ NULL, NULL, NULL, 0 }
};

const struct opt_def opts_inbox[] = {
	{ "unread", NULL, "only what was not seen before", OPT_UNREAD },
	{ "limit", "N", "at most N, 1 to 1000 (100)", OPT_LIMIT },
	{ "no-mark", NULL, "do not mark as seen", OPT_NO_MARK },
	{ "mesh", "MESH", "only from this mesh", OPT_MESH },
	{ "from", "KEY|NAME", "only from this sender", OPT_FROM },
	{ "topic", "TOPIC", "only of this topic", OPT_TOPIC },
	{ "since", "TIME", "only from this time on, as "
	    "2026-11-23T22:05:09Z",
	    OPT_SINCE },
	{ "quarantine", NULL, "only those that no key of yours opens; they "
	    "have no text", OPT_QUARANTINE },
	{ NULL, NULL, NULL, 0 }
};

const struct opt_def opts_flush[] = {
	{ "mesh", "MESH", "those of this mesh", OPT_MESH },
	{ "before", "TIME", "those received before, as 2026-11-23T22:05:09Z",
	    OPT_BEFORE },
	{ "all", NULL, "every one", OPT_ALL },
	{ NULL, NULL, NULL, 0 }
};

const struct opt_def opts_outbox_list[] = {
	{ "status", "STATUS", "only pending, inflight, done, dead or aborted "
	    "ones", OPT_STATUS },
	{ "limit", "N", "at most N, 1 to 500 (50)", OPT_LIMIT },
	{ NULL, NULL, NULL, 0 }
};

const struct opt_def opts_requeue[] = {
	{ "to", "TO", "to this recipient instead (direct messages only)",
	    OPT_TO },
	{ "id", "ID", "the client_message_id of the new row (a new one)",
	    OPT_ID },
	{ NULL, NULL, NULL, 0 }
};

const struct opt_def opts_events[] = {
	{ "since", "ID", "begin behind the event with this id", OPT_SINCE },
	{ NULL, NULL, NULL, 0 }
};

const struct opt_def opts_mcp[] = {
	{ "confirm", "write|tool", "when a message counts as seen: once it is "
	    "written to the host, or only once check_messages has shown it "
	    "(write)", OPT_CONFIRM },
	{ "mesh", "MESH", "without a session: only this mesh", OPT_MESH },
	{ NULL, NULL, NULL, 0 }
};

const struct opt_def opts_peers[] = {
	{ "all", NULL, "members' own connections too", OPT_ALL },
	{ NULL, NULL, NULL, 0 }
};

const struct opt_def opts_mesh_create[] = {
	{ "slug", "SLUG", "its short name, for commands (made of NAME)",
	    OPT_SLUG },
	{ "display-name", "NAME", "how its first member is called (the "
	    "host's name)", OPT_DISPLAY_NAME },
	{ NULL, NULL, NULL, 0 }
};

const struct opt_def opts_mesh_invite[] = {
	{ "role", "member|admin", "what who joins may do (member)",
	    OPT_ROLE },
	{ "expires", "TIME", "how long it is good, as 30m, 12h or 7d (7d)",
	    OPT_EXPIRES },
	{ "uses", "N", "how many may join by it (1); 0 is any number",
	    OPT_USES },
	{ "revoke", NULL, "make none; void those that there are",
	    OPT_REVOKE },
	{ NULL, NULL, NULL, 0 }
};

const struct opt_def opts_mesh_join[] = {
	{ "slug", "SLUG", "its short name here (as it is called there)",
	    OPT_SLUG },
	{ "display-name", "NAME", "how the new member is called (the host's "
	    "name)", OPT_DISPLAY_NAME },
	{ NULL, NULL, NULL, 0 }
};

const struct opt_def opts_presence[] = {
	{ "mesh", "MESH", "only this mesh (every one that is yours)",
	    OPT_MESH },
	{ NULL, NULL, NULL, 0 }
};

const struct opt_def opts_state_set[] = {
	{ "string", NULL, "VALUE is a text, and not JSON", OPT_STRING },
	{ NULL, NULL, NULL, 0 }
};

const struct opt_def opts_memory_add[] = {
	{ "tag", "TAG", "a word to find it by; may be repeated", OPT_TAG },
	{ NULL, NULL, NULL, 0 }
};

const struct opt_def opts_skill_share[] = {
	{ "description", "TEXT", "what it is for, in a line",
	    OPT_DESCRIPTION },
	{ "tag", "TAG", "a word to find it by; may be repeated", OPT_TAG },
	{ "manifest", "FILE", "a file of JSON that goes with it",
	    OPT_MANIFEST },
	{ NULL, NULL, NULL, 0 }
};

const struct opt_def opts_topic_create[] = {
	{ "description", "TEXT", "what it is about", OPT_DESCRIPTION },
	{ "visibility", "WORD", "a label that the broker keeps, as public or "
	    "private", OPT_VISIBILITY },
	{ NULL, NULL, NULL, 0 }
};

const struct opt_def opts_topic_history[] = {
	{ "limit", "N", "at most N, 1 to 200 (50)", OPT_LIMIT },
	{ "before", "ID", "only those before the message of this id",
	    OPT_BEFORE },
	{ NULL, NULL, NULL, 0 }
};

const struct opt_def opts_group_join[] = {
	{ "role", "ROLE", "what it does there, for its peers to see",
	    OPT_ROLE },
	{ NULL, NULL, NULL, 0 }
};

const struct opt_def opts_profile[] = {
	{ "summary", "TEXT", "what it works on now", OPT_SUMMARY },
	{ "status", "idle|working|dnd", "whether it should be disturbed",
	    OPT_STATUS },
	{ "visible", "yes|no", "whether others see it among the peers",
	    OPT_VISIBLE },
	{ "title", "TEXT", "what it is", OPT_TITLE },
	{ "bio", "TEXT", "more about it", OPT_BIO },
	{ "avatar", "TEXT", "a picture, mostly its address", OPT_AVATAR },
	{ "capability", "TEXT", "something that it is good at; may be "
	    "repeated; \"\" is none", OPT_CAPABILITY },
	{ "stats", "JSON", "an object of figures", OPT_STATS },
	{ NULL, NULL, NULL, 0 }
};

const struct opt_def opts_end_peers[] = {
	{ "stale", "[=TIME]", "those that were silent for TIME, as 90s or "
	    "30m (what the broker takes for stale)", OPT_STALE },
	{ "all", NULL, "everybody else", OPT_ALL },
	{ NULL, NULL, NULL, 0 }
};

const struct opt_def opts_schedule_add[] = {
	{ "at", "TIME", "when, as 2026-11-23T22:05:09Z, or +30m",
	    OPT_AT },
	{ "cron", "EXPRESSION", "again and again: minute, hour, day, month "
	    "and weekday, as in crontab(5), in UTC", OPT_CRON },
	{ NULL, NULL, NULL, 0 }
};
