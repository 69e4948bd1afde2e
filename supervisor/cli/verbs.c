/* The table of verbs.  Everything that help says stands here. */

#include "supervisor/cli/verbs.h"

#include <stdint.h>
#include <string.h>

static const struct opt_def opts_any[] = {
	{ "color", "auto|always|never", "colours; auto: on a terminal, "
	    "unless NO_COLOR is set", OPT_COLOR },
	{ "help", NULL, "show this", OPT_HELP },
	{ NULL, NULL, NULL, 0 }
};

static const struct opt_def opts_place[] = {
	{ "run-dir", "DIR", "the run directory of the meshsup that is meant",
	    OPT_RUN_DIR },
	{ NULL, NULL, NULL, 0 }
};

static const struct opt_def opts_socket[] = {
	{ "socket", "PATH", "its socket, when that is elsewhere", OPT_SOCKET },
	{ NULL, NULL, NULL, 0 }
};

static const struct opt_def opts_admin[] = {
	{ "admin", NULL, "for whoever runs meshsup: everybody's, by "
	    "admin.sock", OPT_ADMIN },
	{ NULL, NULL, NULL, 0 }
};

static const struct opt_def opts_json[] = {
	{ "json", NULL, "print JSON", OPT_JSON },
	{ NULL, NULL, NULL, 0 }
};

static const struct opt_def opts_token[] = {
	{ "as", "NAME", "speak for the session registered by this name",
	    OPT_AS },
	{ "token-file", "FILE", "speak for the session of this token file",
	    OPT_TOKEN_FILE },
	{ NULL, NULL, NULL, 0 }
};

static const struct opt_def opts_version[] = {
	{ "version", NULL, "print the version", OPT_VERSION },
	{ NULL, NULL, NULL, 0 }
};

static const struct opt_def opts_start[] = {
	{ "config", "FILE", "the configuration", OPT_CONFIG },
	{ "state-dir", "DIR", "the state directory", OPT_STATE_DIR },
	{ "foreground", NULL, "do not detach; log to the standard error",
	    OPT_FOREGROUND },
	{ NULL, NULL, NULL, 0 }
};

static const struct opt_def opts_check[] = {
	{ "config", "FILE", "the configuration", OPT_CONFIG },
	{ "state-dir", "DIR", "the state directory", OPT_STATE_DIR },
	{ "run-dir", "DIR", "the run directory", OPT_RUN_DIR },
	{ NULL, NULL, NULL, 0 }
};

static const struct opt_def opts_stop[] = {
	{ "timeout", "SECONDS", "how long to wait for the end (20)",
	    OPT_TIMEOUT },
	{ NULL, NULL, NULL, 0 }
};

static const struct opt_def opts_register[] = {
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

static const struct opt_def opts_launch[] = {
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

static const struct opt_def opts_list[] = {
	{ "key", "NAME", "print only the key of the session of this name, to "
	    "send to", OPT_KEY },
	{ NULL, NULL, NULL, 0 }
};

static const struct opt_def opts_send[] = {
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

static const struct opt_def opts_inbox[] = {
	{ "unread", NULL, "only what was not seen before", OPT_UNREAD },
	{ "limit", "N", "at most N, 1 to 1000 (100)", OPT_LIMIT },
	{ "no-mark", NULL, "do not mark as seen", OPT_NO_MARK },
	{ "mesh", "MESH", "only from this mesh", OPT_MESH },
	{ "from", "KEY", "only from this sender", OPT_FROM },
	{ "topic", "TOPIC", "only of this topic", OPT_TOPIC },
	{ "since", "TIME", "only later ones, as 2026-11-23T22:05:09Z",
	    OPT_SINCE },
	{ "quarantine", NULL, "only those that no key of yours opens; they "
	    "have no text", OPT_QUARANTINE },
	{ NULL, NULL, NULL, 0 }
};

static const struct opt_def opts_flush[] = {
	{ "mesh", "MESH", "those of this mesh", OPT_MESH },
	{ "before", "TIME", "those received before, as 2026-11-23T22:05:09Z",
	    OPT_BEFORE },
	{ "all", NULL, "every one", OPT_ALL },
	{ NULL, NULL, NULL, 0 }
};

static const struct opt_def opts_outbox_list[] = {
	{ "status", "STATUS", "only pending, inflight, done, dead or aborted "
	    "ones", OPT_STATUS },
	{ "limit", "N", "at most N, 1 to 500 (50)", OPT_LIMIT },
	{ NULL, NULL, NULL, 0 }
};

static const struct opt_def opts_requeue[] = {
	{ "to", "TO", "to this recipient instead (direct messages only)",
	    OPT_TO },
	{ "id", "ID", "the client_message_id of the new row (a new one)",
	    OPT_ID },
	{ NULL, NULL, NULL, 0 }
};

static const struct opt_def opts_events[] = {
	{ "since", "ID", "begin behind the event with this id", OPT_SINCE },
	{ NULL, NULL, NULL, 0 }
};

static const struct opt_def opts_peers[] = {
	{ "mesh", "MESH", "only of this mesh", OPT_MESH },
	{ "all", NULL, "members' own connections too", OPT_ALL },
	{ NULL, NULL, NULL, 0 }
};

static const struct opt_def opts_mesh_create[] = {
	{ "slug", "SLUG", "its short name, for commands (made of NAME)",
	    OPT_SLUG },
	{ "display-name", "NAME", "how its first member is called (the "
	    "host's name)", OPT_DISPLAY_NAME },
	{ NULL, NULL, NULL, 0 }
};

static const struct opt_def opts_mesh_invite[] = {
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

static const struct opt_def opts_mesh_join[] = {
	{ "slug", "SLUG", "its short name here (as it is called there)",
	    OPT_SLUG },
	{ "display-name", "NAME", "how the new member is called (the host's "
	    "name)", OPT_DISPLAY_NAME },
	{ NULL, NULL, NULL, 0 }
};

static const struct opt_def opts_presence[] = {
	{ "mesh", "MESH", "only this mesh (every one that is yours)",
	    OPT_MESH },
	{ NULL, NULL, NULL, 0 }
};

#define AS_SESSION	(VERB_PLACE | VERB_API | VERB_TOKEN | VERB_JSON)
#define AS_USER		(VERB_PLACE | VERB_API | VERB_JSON | VERB_ADMIN)
#define OR_ADMIN	(AS_SESSION | VERB_ADMIN)

static const struct verb verbs[] = {
	{ "start", "", "start meshsup in the background",
	    "Returns when it answers, or says why it does not run.  "
	    "Starting what runs already is a success.",
	    opts_start, VERB_PLACE | VERB_JSON, 0, 0, v_start },
	{ "stop", "", "stop it and wait for its end", NULL,
	    opts_stop, VERB_PLACE | VERB_JSON, 0, 0, v_stop },
	{ "reload", "", "have it read its configuration and meshes again",
	    "What is the same goes on undisturbed.  When a file is faulty, "
	    "nothing changes at all, and the exit code is 1.  For the owner "
	    "of the daemon.",
	    NULL, VERB_PLACE | VERB_API | VERB_JSON | VERB_ADMIN, 0, 0,
	    v_reload },
	{ "check", "", "look whether it could start, and change nothing",
	    "Every fault of the configuration, the mesh files and whatever "
	    "else a start reads is printed with file and line, and what to "
	    "do.  Exits with 1 when there is one.  A meshsup that runs does "
	    "not notice.",
	    opts_check, VERB_JSON, 0, 0, v_check },
	{ "status", "", "show its processes, meshes and sessions",
	    "Exits with 0 when it runs, 1 when it died, 3 when it does not "
	    "run, 4 when that cannot be said.",
	    NULL, VERB_PLACE | VERB_API | VERB_JSON | VERB_ADMIN, 0, 0,
	    v_status },
	{ "mesh create", "NAME", "make a mesh on the embedded broker", NULL,
	    opts_mesh_create, AS_USER, 1, 1, v_mesh_create },
	{ "mesh invite", "MESH", "make an invite to a mesh of yours",
	    "Prints a link.  Whoever has it can join, so pass it on as you "
	    "would a password.  For meshes of the embedded broker; which "
	    "address the link names is set with url in [broker].",
	    opts_mesh_invite, AS_USER, 1, 1, v_mesh_invite },
	{ "mesh join", "LINK", "join a mesh with an invite",
	    "LINK \"-\" is read from the standard input, where nobody sees "
	    "it in the list of processes.  Takes at most 30 seconds.",
	    opts_mesh_join, AS_USER, 1, 1, v_mesh_join },
	{ "mesh list", "", "list the meshes that you may use", NULL,
	    NULL, OR_ADMIN, 0, 0, v_mesh_list },
	{ "mesh leave", "MESH", "leave a mesh, for good",
	    "Its file is removed, and with it the member's key: to come back "
	    "takes a new invite.  Its sessions end.  For the owner of the "
	    "mesh.",
	    NULL, OR_ADMIN, 1, 1, v_mesh_leave },
	{ "session register", "", "make a session and keep its token",
	    "Prints the session's key and the line that makes it the one "
	    "that other verbs speak for.  Registering a name again is the "
	    "same session.  The command waits until it is on the mesh, at "
	    "most 3 seconds; it gets there by itself, too.",
	    opts_register, VERB_PLACE | VERB_API | VERB_JSON, 0, 0,
	    v_session_register },
	{ "session list", "", "list your sessions", NULL,
	    opts_list, VERB_PLACE | VERB_API | VERB_JSON | VERB_ADMIN, 0, 0,
	    v_session_list },
	{ "session end", "[NAME]", "end a session",
	    "Its key and messages are kept for a while: they come back when "
	    "the name is registered again.",
	    NULL, AS_SESSION, 0, 1, v_session_end },
	{ "launch", "[--] COMMAND [ARGUMENT ...]", "run a command as a session",
	    "The command finds its session's token by MESHSUP_TOKEN_FILE in "
	    "its environment, and so do the verbs that it calls.  The "
	    "session ends with it.  Signals go to the command, and launch "
	    "ends as it ended; 126 and 127 mean that it could not be run, or "
	    "was not found.",
	    opts_launch, VERB_PLACE | VERB_API | VERB_COMMAND, 0, SIZE_MAX,
	    v_launch },
	{ "session resume", "NAME|ID", "let a parked session connect again",
	    "Whatever parked it, a kick for instance, is undone.",
	    NULL, VERB_PLACE | VERB_API | VERB_JSON | VERB_ADMIN, 1, 1,
	    v_session_resume },
	{ "presence pause", "", "keep away from the mesh for a while",
	    "The session that is spoken for; without one your meshes with "
	    "all of their sessions.  Nothing ends: what is sent meanwhile "
	    "waits here, what comes waits at the broker.  It lasts until "
	    "presence resume, over restarts too.",
	    opts_presence, OR_ADMIN, 0, 0, v_presence_pause },
	{ "presence resume", "", "come back, whatever the reason was",
	    "Undoes a pause, a kick of the session, a ban of the mesh.  A "
	    "mesh that is resumed leaves sessions parked that are parked by "
	    "themselves.",
	    opts_presence, OR_ADMIN, 0, 0, v_presence_resume },
	{ "send", "TO MESSAGE", "send a message",
	    "TO is a peer's name, its key or the first 8 digits or more of "
	    "that, or \"*\" for everybody on the mesh.  "
	    "MESSAGE \"-\" is read from the standard input as it is, at "
	    "most 256 KiB of it; what the mesh takes, and the answer says, "
	    "is less.  The command exits with 0 when the message is "
	    "safely stored; it is sent from there.",
	    opts_send, AS_SESSION, 2, 2, v_send },
	{ "inbox", "", "show messages, newest first",
	    "What is shown is marked as seen, but for --admin.",
	    opts_inbox, OR_ADMIN, 0, 0, v_inbox },
	{ "inbox delete", "ID", "delete a message, by the id that inbox shows",
	    NULL, NULL, AS_SESSION, 1, 1, v_inbox_delete },
	{ "inbox flush", "", "delete many messages",
	    "One of --mesh, --before and --all has to be given; of the first "
	    "two, both may be.",
	    opts_flush, AS_SESSION, 0, 0, v_inbox_flush },
	{ "outbox list", "", "show what was sent and what became of it", NULL,
	    opts_outbox_list, OR_ADMIN, 0, 0, v_outbox_list },
	{ "outbox show", "ID", "show all of a row", NULL,
	    NULL, OR_ADMIN, 1, 1, v_outbox_show },
	{ "outbox cat", "ID", "print the text of a row",
	    "As it is, except on a terminal, where control characters "
	    "become visible.  A row that is done has no text any more.",
	    NULL, AS_SESSION, 1, 1, v_outbox_cat },
	{ "outbox requeue", "ID", "end a row, and queue its message anew",
	    "For what is dead or waits.  The message goes to the same "
	    "recipient, unless --to names another.",
	    opts_requeue, OR_ADMIN, 1, 1, v_outbox_requeue },
	{ "outbox hold", "ID ...", "keep rows from being sent; later ones "
	    "pass them",
	    "Exits with 1 when any was refused, as do release and abort.",
	    NULL, OR_ADMIN, 1, SIZE_MAX, v_outbox_hold },
	{ "outbox release", "ID ...", "let rows be sent that were held", NULL,
	    NULL, OR_ADMIN, 1, SIZE_MAX, v_outbox_release },
	{ "outbox abort", "ID ...", "end rows for good, unsent", NULL,
	    NULL, OR_ADMIN, 1, SIZE_MAX, v_outbox_abort },
	{ "events", "", "follow messages and peers as they come",
	    "Connects again by itself, and goes on behind the last message "
	    "that was shown.  An interrupt ends it, with exit code 0.",
	    opts_events, OR_ADMIN, 0, 0, v_events },
	{ "peers", "", "show who is on the mesh", NULL,
	    opts_peers, OR_ADMIN, 0, 0, v_peers },
	{ "broker", "[ARGUMENT ...]", "run the embedded broker by itself",
	    "All arguments are the broker's; try: meshsup broker --help",
	    NULL, VERB_RAW, 0, 0, v_broker },
	{ "version", "", "print the version", NULL,
	    NULL, VERB_JSON, 0, 0, v_version },
	{ "help", "[VERB]", "explain a verb", NULL,
	    NULL, 0, 0, 2, v_help },
	{ NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL }
};

const struct verb *
verb_find(const char *first, const char *second, int *words_r)
{
	const struct verb	*v, *one = NULL;
	size_t			 len = strlen(first);

	*words_r = 0;
	for (v = verbs; v->name != NULL; v++) {
		if (strncmp(v->name, first, len) != 0)
			continue;
		if (v->name[len] == '\0')
			one = v;
		else if (v->name[len] != ' ')
			continue;
		else if (second != NULL &&
		    strcmp(v->name + len + 1, second) == 0) {
			*words_r = 2;
			return v;
		}
		*words_r = 1;
	}
	return one;
}

const struct verb *
verb_next(const struct verb *v)
{
	v = v == NULL ? verbs : v + 1;
	return v->name != NULL ? v : NULL;
}

void
verb_tables(const struct verb *v,
    const struct opt_def *tables_r[OPTS_TABLES_MAX + 1])
{
	size_t	 n = 0;

	if (v == NULL) {
		tables_r[n++] = opts_place;
		tables_r[n++] = opts_socket;
		tables_r[n++] = opts_admin;
		tables_r[n++] = opts_token;
		tables_r[n++] = opts_json;
		tables_r[n++] = opts_any;
		tables_r[n++] = opts_version;
		tables_r[n] = NULL;
		return;
	}
	if (v->opts != NULL)
		tables_r[n++] = v->opts;
	if (v->flags & VERB_TOKEN)
		tables_r[n++] = opts_token;
	if (v->flags & VERB_PLACE)
		tables_r[n++] = opts_place;
	if (v->flags & VERB_API)
		tables_r[n++] = opts_socket;
	if (v->flags & VERB_ADMIN)
		tables_r[n++] = opts_admin;
	if (v->flags & VERB_JSON)
		tables_r[n++] = opts_json;
	tables_r[n++] = opts_any;
	tables_r[n] = NULL;
}
