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

#endif
