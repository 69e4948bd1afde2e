/* The table of verbs.  Everything that help says of them stands here. */

#include <stdint.h>

#include "supervisor/cli/verb_opts.h"
#include "supervisor/cli/verbs.h"

#define AS_SESSION	(VERB_PLACE | VERB_API | VERB_TOKEN | VERB_JSON)
#define AS_USER		(VERB_PLACE | VERB_API | VERB_JSON | VERB_ADMIN)
#define OR_ADMIN	(AS_SESSION | VERB_ADMIN)
#define ON_MESH		(AS_SESSION | VERB_MESH)
#define OF_MESHES	(OR_ADMIN | VERB_MESHES)

const struct verb verb_table[] = {
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
	{ "upgrade", "", "have it become the meshsup that is installed now",
	    "For a new version, once it is installed.  The new program "
	    "first looks whether it can take over; when it cannot, the old "
	    "one runs on, and the exit code is 1.  Sessions stay on the "
	    "mesh, and no request is refused.  For the owner of the daemon.",
	    NULL, VERB_PLACE | VERB_API | VERB_JSON | VERB_ADMIN, 0, 0,
	    v_upgrade },
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
	{ "mesh info", "[MESH]", "show what there is on a mesh",
	    "How many are there, which groups and keys, and how much of "
	    "everything else its broker keeps.",
	    NULL, ON_MESH, 0, 1, v_mesh_info },
	{ "mesh leave", "MESH", "leave a mesh, for good",
	    "Its file is removed, and with it the member's key: to come back "
	    "takes a new invite.  A mesh of the embedded broker that its "
	    "owner has left has no new invites.  Its sessions end.  For the "
	    "owner of the mesh.",
	    NULL, AS_USER, 1, 1, v_mesh_leave },
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
	{ "session resume", "NAME|ID", "let a parked session connect again",
	    "Whatever parked it, a kick for instance, is undone.",
	    NULL, VERB_PLACE | VERB_API | VERB_JSON | VERB_ADMIN, 1, 1,
	    v_session_resume },
	{ "launch", "[--] COMMAND [ARGUMENT ...]", "run a command as a session",
	    "The command finds its session's token by MESHSUP_TOKEN_FILE in "
	    "its environment, and so do the verbs that it calls.  The "
	    "session ends with it.  Signals go to the command, and launch "
	    "ends as it ended; 126 and 127 mean that it could not be run, or "
	    "was not found.",
	    opts_launch, VERB_PLACE | VERB_API | VERB_COMMAND, 0, SIZE_MAX,
	    v_launch },
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
	    "that, \"@GROUP\", \"#TOPIC\", or \"*\" for everybody on the "
	    "mesh; quote the last two for the shell.  "
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
	{ "inbox seen", "ID ...", "mark messages as seen",
	    "Only needed for what was shown with --no-mark, or by events.",
	    NULL, AS_SESSION, 1, SIZE_MAX, v_inbox_seen },
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
	    opts_peers, OF_MESHES, 0, 0, v_peers },
	{ "peers kick", "[TARGET]", "end connections; sessions stay away",
	    "TARGET is a name, a member's key or its beginning, never a "
	    "session's key; or give --stale or --all.  A session that was "
	    "kicked is parked until it is resumed.  Members' own connections "
	    "are left alone.  For admins of the mesh.",
	    opts_end_peers, ON_MESH, 0, 1, v_peers_kick },
	{ "peers disconnect", "[TARGET]", "end connections, which may come "
	    "back",
	    "As peers kick, but of members' own connections too, and "
	    "whoever it was may connect again at once.  "
	    "For admins of the mesh.",
	    opts_end_peers, ON_MESH, 0, 1, v_peers_disconnect },
	{ "peers ban", "TARGET", "ban a member, with all of its sessions",
	    "TARGET is the name of a member, or its key or the beginning of "
	    "that.  For admins of the mesh.",
	    NULL, ON_MESH, 1, 1, v_peers_ban },
	{ "peers unban", "TARGET", "let a member connect again",
	    "For admins of the mesh.",
	    NULL, ON_MESH, 1, 1, v_peers_unban },
	{ "peers bans", "", "list who is banned",
	    "For admins of the mesh.",
	    NULL, OF_MESHES, 0, 0, v_peers_bans },
	{ "profile set", "", "say what others see of you",
	    "Of the session that is spoken for, or of the member.  It holds "
	    "until it is set anew or the session ends.",
	    opts_profile, ON_MESH, 0, 0, v_profile_set },
	{ "profile status", "idle|working|dnd", "say whether you should be "
	    "disturbed", NULL,
	    NULL, ON_MESH, 1, 1, v_profile_status },
	{ "group join", "GROUP", "be in a group, to which others send as "
	    "@GROUP",
	    "It holds until it is left or the session ends.",
	    opts_group_join, ON_MESH, 1, 1, v_group_join },
	{ "group leave", "GROUP", "leave a group", NULL,
	    NULL, ON_MESH, 1, 1, v_group_leave },
	{ "topic list", "", "list the topics of the mesh", NULL,
	    NULL, OF_MESHES, 0, 0, v_topic_list },
	{ "topic create", "TOPIC", "make a topic; one that is there is fine",
	    NULL,
	    opts_topic_create, ON_MESH, 1, 1, v_topic_create },
	{ "topic join", "TOPIC", "have what is said there come to the inbox",
	    "TOPIC is its name or its id.  From now on nothing of it is "
	    "missed, until it is left.  To say something there: meshsup send "
	    "'#TOPIC' MESSAGE",
	    NULL, ON_MESH, 1, 1, v_topic_join },
	{ "topic leave", "TOPIC", "leave a topic", NULL,
	    NULL, ON_MESH, 1, 1, v_topic_leave },
	{ "topic read", "TOPIC", "tell the broker that all of it is read",
	    "Others see that among the members of the topic.",
	    NULL, ON_MESH, 1, 1, v_topic_read },
	{ "topic members", "TOPIC", "list who has joined a topic",
	    "Towards the broker it is the member who joins, for its "
	    "sessions.",
	    NULL, ON_MESH, 1, 1, v_topic_members },
	{ "topic history", "TOPIC", "show what was said there, newest first",
	    "Also what was said before you joined, or without joining.  For "
	    "more than one page: --before the last ID that was shown.",
	    opts_topic_history, ON_MESH, 1, 1, v_topic_history },
	{ "state list", "", "list the keys that the mesh shares", NULL,
	    NULL, OF_MESHES, 0, 0, v_state_list },
	{ "state get", "KEY", "print the value of a key",
	    "A text as it is, anything else as JSON.  Control characters "
	    "become visible; with --json everything is exact.",
	    NULL, ON_MESH, 1, 1, v_state_get },
	{ "state set", "KEY VALUE", "set a key, for everybody on the mesh",
	    "VALUE is JSON, or with --string a text; \"-\" is read from the "
	    "standard input.",
	    opts_state_set, ON_MESH, 2, 2, v_state_set },
	{ "memory add", "TEXT", "have the mesh remember a text",
	    "TEXT \"-\" is read from the standard input.",
	    opts_memory_add, ON_MESH, 1, 1, v_memory_add },
	{ "memory search", "[WORD ...]", "search what the mesh remembers",
	    "Without words: the newest.",
	    NULL, OF_MESHES, 0, SIZE_MAX, v_memory_search },
	{ "memory delete", "ID", "forget a text, by the id that search shows",
	    NULL,
	    NULL, ON_MESH, 1, 1, v_memory_delete },
	{ "skill list", "[QUERY]", "list the skills that are shared", NULL,
	    NULL, OF_MESHES, 0, 1, v_skill_list },
	{ "skill show", "NAME", "show a skill with its instructions",
	    "Whoever shared it wrote them: read before you follow.",
	    NULL, ON_MESH, 1, 1, v_skill_show },
	{ "skill share", "NAME [FILE]", "share a skill, or a new version",
	    "The instructions are in FILE, or come from the standard input.",
	    opts_skill_share, ON_MESH, 1, 2, v_skill_share },
	{ "skill remove", "NAME", "remove a shared skill", NULL,
	    NULL, ON_MESH, 1, 1, v_skill_remove },
	{ "schedule add", "TO MESSAGE", "have the broker send a message "
	    "later",
	    "TO is as for send; MESSAGE \"-\" is read from the standard "
	    "input.  One of --at and --cron has to be given.  The broker "
	    "sends it, and so it travels, and waits there, as plain text.",
	    opts_schedule_add, ON_MESH, 2, 2, v_schedule_add },
	{ "schedule list", "", "list what you have scheduled", NULL,
	    NULL, OF_MESHES, 0, 0, v_schedule_list },
	{ "schedule cancel", "ID", "cancel a scheduled message", NULL,
	    NULL, ON_MESH, 1, 1, v_schedule_cancel },
	{ "mcp", "", "serve an agent's program (Model Context Protocol)",
	    "For a program such as Claude Code to start, not for a terminal: "
	    "it speaks JSON-RPC on its standard input and output, tells of "
	    "messages as they come, and has tools to answer them.  It speaks "
	    "for the session of MESHSUP_TOKEN_FILE, as meshsup launch sets "
	    "it.  It ends with its input, and with the process that started "
	    "it.",
	    opts_mcp, VERB_PLACE | VERB_API | VERB_TOKEN, 0, 0, v_mcp },
	{ "broker", "[ARGUMENT ...]", "run the embedded broker by itself",
	    "All arguments are the broker's; try: meshsup broker --help",
	    NULL, VERB_RAW, 0, 0, v_broker },
	{ "version", "", "print the version", NULL,
	    NULL, VERB_JSON, 0, 0, v_version },
	{ "help", "[VERB]", "explain a verb", NULL,
	    NULL, 0, 0, 2, v_help },
	{ NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL }
};
