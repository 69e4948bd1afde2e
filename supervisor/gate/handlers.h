#ifndef GATE_HANDLERS_H
#define GATE_HANDLERS_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/*
 * The handlers of route.c.  Each answers, or makes a call whose callback does;
 * what comes to them is checked as far as the route says.
 */

struct request;

void	on_version(struct request *);
void	on_health(struct request *);
void	on_status(struct request *);
void	on_metrics(struct request *);

void	on_register(struct request *);
void	on_sessions(struct request *);
void	on_session_me(struct request *);
void	on_session_delete(struct request *);
void	on_session_resume(struct request *);
void	on_presence_pause(struct request *);
void	on_presence_resume(struct request *);

void	on_send(struct request *);
void	on_sent(struct request *);
void	on_inbox(struct request *);
void	on_inbox_seen(struct request *);
void	on_inbox_delete(struct request *);
void	on_inbox_flush(struct request *);
void	on_outbox(struct request *);
void	on_outbox_row(struct request *);
void	on_outbox_requeue(struct request *);
void	on_outbox_hold(struct request *);
void	on_outbox_release(struct request *);
void	on_outbox_abort(struct request *);
void	on_events(struct request *);

void	on_mesh_create(struct request *);
void	on_mesh_invite(struct request *);
void	on_mesh_join(struct request *);

void	on_peers(struct request *);
void	on_peers_kick(struct request *);
void	on_peers_disconnect(struct request *);
void	on_peers_ban(struct request *);
void	on_peers_unban(struct request *);
void	on_peers_bans(struct request *);
void	on_mesh_info(struct request *);
void	on_state(struct request *);
void	on_state_set(struct request *);
void	on_memory(struct request *);
void	on_memory_add(struct request *);
void	on_memory_delete(struct request *);
void	on_skills(struct request *);
void	on_skill(struct request *);
void	on_skill_share(struct request *);
void	on_skill_remove(struct request *);
void	on_topics(struct request *);
void	on_topic_create(struct request *);
void	on_topic_join(struct request *);
void	on_topic_leave(struct request *);
void	on_topic_read(struct request *);
void	on_topic_members(struct request *);
void	on_topic_history(struct request *);
void	on_profile(struct request *);
void	on_group_join(struct request *);
void	on_group_leave(struct request *);
void	on_schedule(struct request *);
void	on_scheduled(struct request *);
void	on_schedule_cancel(struct request *);

/* A mesh is somebody's, not a session's.  -1, and answered: a session asks. */
int	mesh_check_no_session(struct request *);
void	on_meshes(struct request *);
void	on_mesh_leave(struct request *);
void	on_reload(struct request *);
void	on_upgrade(struct request *);

#endif
