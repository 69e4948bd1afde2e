/*
 * The gate's world.  The store here is a few lines of SQL over the real
 * schema: what it promises is tested elsewhere, here it is only asked.
 */

#define PROCESS_STORE			/* for its schema */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "gate_world.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/body.h"
#include "common/channel.h"
#include "common/clock.h"
#include "common/encode.h"
#include "common/inherit.h"
#include "common/xalloc.h"
#include "supervisor/store/schema.h"

/* ---- the database ---- */

static void
sql_run(struct world *w, const char *sql)
{
	char	*err = NULL;

	if (sqlite3_exec(w->db, sql, NULL, NULL, &err) != SQLITE_OK)
		fail_msg("%s: %s", sql, err);
}

static void
db_make(struct world *w)
{
	char	path[128], *sql;

	snprintf(path, sizeof path, "%s/mesh.db", w->dir);
	assert_int_equal(sqlite3_open(path, &w->db), SQLITE_OK);
	sql_run(w, "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF");
	sql_run(w, schema_step(1));
	sql = sqlite3_mprintf("INSERT INTO meta VALUES (1, %Q, 1)",
	    WORLD_EPOCH);
	sql_run(w, sql);
	sqlite3_free(sql);
}

int64_t
world_number(struct world *w, const char *sql)
{
	sqlite3_stmt	*st;
	int64_t		 n;

	assert_int_equal(sqlite3_prepare_v2(w->db, sql, -1, &st, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return n;
}

static void
bind_blob(sqlite3_stmt *st, int i, const void *p, size_t len)
{
	sqlite3_bind_blob(st, i, p, (int)len, SQLITE_TRANSIENT);
}

static void
bind_text(sqlite3_stmt *st, int i, const char *s)
{
	if (s != NULL)
		sqlite3_bind_text(st, i, s, -1, SQLITE_TRANSIENT);
}

int64_t
world_deliver(struct world *w, const struct person *to, const char *text,
    char *id)
{
	struct body_context	 ctx;
	struct msg_rows		 rows;
	sqlite3_stmt		*st;
	char			 uuid[UUID_SIZE], sender[HEX_KEY_SIZE];
	uint8_t			*body;
	size_t			 len;

	memset(&ctx, 0, sizeof ctx);
	memset(sender, 'e', sizeof sender);
	sender[64] = '\0';
	randombytes_buf(ctx.body_id, sizeof ctx.body_id);
	ctx.direction = BODY_IN;
	ctx.mesh = to->mesh;
	memcpy(ctx.owner, to->owner, sizeof ctx.owner);
	ctx.sender = sender;
	ctx.recipient = to->hex;
	ctx.recipient_kind = to->is_member ? "member" : "session";
	ctx.priority = PRIO_NEXT;
	ctx.created_at = 1795473802000;
	ctx.encrypted = ctx.authenticated = 1;
	body = body_seal(to->body_key, &ctx, NULL, text, strlen(text), &len);
	uuid_v7(uuid);
	assert_int_equal(sqlite3_prepare_v2(w->db, "INSERT INTO inbox (id,"
	    " owner, kind, state, mesh, recipient, sender,"
	    " client_message_id, priority, created_at, received_at,"
	    " encrypted, authenticated, body_id, body) VALUES"
	    " (?, ?, ?, 0, ?, ?, ?, ?, 1, 1795473802000, ?, 1, 1, ?, ?)", -1,
	    &st, NULL), SQLITE_OK);
	bind_text(st, 1, uuid);
	bind_blob(st, 2, to->owner, sizeof to->owner);
	sqlite3_bind_int(st, 3, to->is_member ? OWNER_MEMBER : OWNER_SESSION);
	bind_text(st, 4, to->mesh);
	bind_text(st, 5, to->hex);
	bind_text(st, 6, sender);
	bind_text(st, 7, uuid);
	sqlite3_bind_int64(st, 8, clock_wall_ms());
	bind_blob(st, 9, ctx.body_id, sizeof ctx.body_id);
	bind_blob(st, 10, body, len);
	assert_int_equal(sqlite3_step(st), SQLITE_DONE);
	sqlite3_finalize(st);
	free(body);
	if (id != NULL)
		memcpy(id, uuid, sizeof uuid);
	memset(&rows, 0, sizeof rows);
	memcpy(rows.owner, to->owner, sizeof rows.owner);
	rows.seq = sqlite3_last_insert_rowid(w->db);
	if (w->store != NULL)
		assert_int_equal(msg_send(w->store, MSG_STORE_ROWS, 0, &rows,
		    -1), 0);
	return rows.seq;
}

/* ---- the store ---- */

static void
accept_fill(struct world *w, const struct msg_accept *a,
    struct msg_accepted *out)
{
	sqlite3_stmt	*st;

	assert_int_equal(sqlite3_prepare_v2(w->db, "SELECT seq, id, state,"
	    " fingerprint, target, broker_message_id, last_error FROM outbox"
	    " WHERE owner = ? AND client_message_id = ?", -1, &st, NULL),
	    SQLITE_OK);
	bind_blob(st, 1, a->owner, sizeof a->owner);
	bind_text(st, 2, a->client_id);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	out->row = sqlite3_column_int64(st, 0);
	strcpy(out->id, (const char *)sqlite3_column_text(st, 1));
	out->state = sqlite3_column_int64(st, 2);
	memcpy(out->fingerprint, sqlite3_column_blob(st, 3), FINGERPRINT_LEN);
	strcpy(out->target, (const char *)sqlite3_column_text(st, 4));
	if (sqlite3_column_text(st, 5) != NULL)
		strcpy(out->broker_id, (const char *)sqlite3_column_text(st,
		    5));
	if (sqlite3_column_text(st, 6) != NULL)
		strcpy(out->reason, (const char *)sqlite3_column_text(st, 6));
	sqlite3_finalize(st);
}

static void
on_accept(struct world *w, struct msg *m)
{
	struct msg_accept	 a;
	struct msg_accepted	 out;
	sqlite3_stmt		*st;

	assert_int_equal(msg_decode(m, &a), 0);
	w->accepts++;
	w->last_accept = a;
	if (w->hold)
		return;
	memset(&out, 0, sizeof out);
	out.result = w->accept;
	if (w->accept != ACCEPT_NEW && w->accept != ACCEPT_KNOWN)
		goto answer;
	assert_int_equal(sqlite3_prepare_v2(w->db, "INSERT OR IGNORE INTO"
	    " outbox (id, owner, sender, mesh, client_message_id, fingerprint,"
	    " target, priority, reply_to, nonce, body_id, payload_bytes,"
	    " created_at, enqueued_at, body) VALUES"
	    " (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", -1, &st, NULL),
	    SQLITE_OK);
	bind_text(st, 1, a.id);
	bind_blob(st, 2, a.owner, sizeof a.owner);
	bind_blob(st, 3, a.sender, sizeof a.sender);
	bind_text(st, 4, a.mesh);
	bind_text(st, 5, a.client_id);
	bind_blob(st, 6, a.fingerprint, sizeof a.fingerprint);
	bind_text(st, 7, a.target);
	sqlite3_bind_int64(st, 8, a.priority);
	bind_text(st, 9, a.has_reply_to ? a.reply_to : NULL);
	bind_blob(st, 10, a.nonce, sizeof a.nonce);
	bind_blob(st, 11, a.body_id, sizeof a.body_id);
	sqlite3_bind_int64(st, 12, a.payload_bytes);
	sqlite3_bind_int64(st, 13, a.created_at);
	sqlite3_bind_int64(st, 14, a.created_at);
	bind_blob(st, 15, a.body.p, a.body.len);
	assert_int_equal(sqlite3_step(st), SQLITE_DONE);
	sqlite3_finalize(st);
	out.result = sqlite3_changes(w->db) > 0 ? ACCEPT_NEW : ACCEPT_KNOWN;
	accept_fill(w, &a, &out);
answer:
	assert_int_equal(msg_send(w->store, MSG_STORE_ACCEPTED, m->seq, &out,
	    -1), 0);
}

/* Of owners' own rows only; readers of a member's row are the store's test. */
static void
on_seen(struct world *w, struct msg *m)
{
	struct msg_seen		 s;
	struct msg_count	 out = { ACCEPT_NEW, 0 };
	char			*sql;
	uint32_t		 i;

	assert_int_equal(msg_decode(m, &s), 0);
	w->seens++;
	if (w->hold)
		return;
	for (i = 0; i < s.rows.n; i++) {
		sql = sqlite3_mprintf("UPDATE inbox SET seen_at = 1795473803000"
		    " WHERE seq = %lld AND seen_at IS NULL",
		    (long long)s.rows.v[i]);
		sql_run(w, sql);
		sqlite3_free(sql);
		out.count += sqlite3_changes(w->db);
	}
	assert_int_equal(msg_send(w->store, MSG_STORE_SEEN, m->seq, &out, -1),
	    0);
}

static void
store_msg(struct world *w, struct msg *m)
{
	if (m->type == MSG_GATE_ACCEPT)
		on_accept(w, m);
	else if (m->type == MSG_GATE_SEEN)
		on_seen(w, m);
	else
		fail_msg("the store was told %s", msg_name(m->type));
}

/* ---- the supervisor ---- */

static void
log_add(struct world *w, const char *line)
{
	size_t	have = w->log != NULL ? strlen(w->log) : 0;

	w->log = xreallocarray(w->log, have + strlen(line) + 2, 1);
	sprintf(w->log + have, "%s\n", line);
}

static void
on_register(struct world *w, struct msg *m)
{
	struct msg_registered	 out;
	struct person		 p;

	assert_int_equal(msg_decode(m, &w->last_register), 0);
	w->registers++;
	memset(&out, 0, sizeof out);
	out.result = w->register_result;
	out.registered_at = 1795473802122;
	person_make(&p, w->last_register.display_name, w->last_register.mesh,
	    w->last_register.uid, &w->member);
	memcpy(out.pub, p.pub, sizeof out.pub);
	assert_int_equal(msg_send(w->sup, MSG_SUP_REGISTERED, m->seq, &out,
	    -1), 0);
}

static void
sup_msg(struct world *w, struct msg *m)
{
	struct msg_log		 line;
	struct msg_end		 end;
	struct msg_ended	 ended = { 0 };
	struct msg_status	 status;
	struct msg_json		 json;

	switch ((int)m->type) {
	case MSG_LOG:
		assert_int_equal(msg_decode(m, &line), 0);
		log_add(w, line.text);
		break;
	case MSG_READY:
		w->ready = 1;
		break;
	case MSG_GATE_REGISTER:
		if (w->hold)
			w->registers++;
		else
			on_register(w, m);
		break;
	case MSG_GATE_END:
		assert_int_equal(msg_decode(m, &end), 0);
		ended.found = w->ends++ == 0;
		msg_send(w->sup, MSG_SUP_ENDED, m->seq, &ended, -1);
		break;
	case MSG_GATE_STATUS:
		assert_int_equal(msg_decode(m, &status), 0);
		json.json.p = (const uint8_t *)(status.all ? "{\"all\":1}" :
		    "{\"all\":0}");
		json.json.len = 9;
		msg_send(w->sup, MSG_SUP_STATUS, m->seq, &json, -1);
		break;
	default:
		fail_msg("the supervisor was told %s", msg_name(m->type));
	}
}

static void
worker_msg(struct world *w, struct person *p, struct msg *m)
{
	struct msg_answer	out;
	struct msg_ask		in;

	assert_int_equal(m->type, MSG_GATE_ASK);
	assert_int_equal(msg_decode(m, &in), 0);
	assert_string_equal(in.what, "list_peers");
	w->asks++;
	if (w->hold)
		return;
	memset(&out, 0, sizeof out);
	out.status = w->ask_status;
	out.json.p = (const uint8_t *)w->peers;
	out.json.len = strlen(w->peers);
	assert_int_equal(msg_send(p->worker, MSG_WRK_ANSWER, m->seq, &out,
	    -1), 0);
}

/* ---- the loop ---- */

static void
drain(struct world *w, struct channel **ch, struct person *worker)
{
	struct msg	m;
	int		ret;

	while (*ch != NULL && (ret = msg_recv(*ch, &m)) != 0) {
		if (ret == -1) {
			channel_free(ch);
			break;
		}
		if (ch == &w->sup)
			sup_msg(w, &m);
		else if (ch == &w->store)
			store_msg(w, &m);
		else
			worker_msg(w, worker, &m);
		msg_drop_fd(&m);
	}
}

static void
world_poll(struct world *w, int ms, int more_fd)
{
	struct person	*people[] = { &w->member, &w->alice, &w->bob };
	struct pollfd	 p[6];
	nfds_t		 n = 0;
	size_t		 i;

	if (more_fd != -1)
		p[n++] = (struct pollfd){ more_fd, POLLIN, 0 };
	if (w->sup != NULL)
		p[n++] = (struct pollfd){ channel_fd(w->sup), POLLIN, 0 };
	if (w->store != NULL)
		p[n++] = (struct pollfd){ channel_fd(w->store), POLLIN, 0 };
	for (i = 0; i < 3; i++)
		if (people[i]->worker != NULL)
			p[n++] = (struct pollfd){
			    channel_fd(people[i]->worker), POLLIN, 0 };
	(void)poll(p, n, ms);
	drain(w, &w->sup, NULL);
	drain(w, &w->store, NULL);
	for (i = 0; i < 3; i++)
		drain(w, &people[i]->worker, people[i]);
}

void
world_pump(struct world *w, int ms)
{
	world_poll(w, ms, -1);
}

void
world_until(struct world *w, const int *what, int n)
{
	int64_t	until = clock_mono_ms() + WORLD_MS;

	while (*what < n) {
		if (clock_mono_ms() > until)
			fail_msg("waited in vain; the gate's log:\n%s",
			    w->log != NULL ? w->log : "");
		world_pump(w, 20);
	}
}

void
world_logged(struct world *w, const char *text)
{
	int64_t	until = clock_mono_ms() + WORLD_MS;

	while (w->log == NULL || strstr(w->log, text) == NULL) {
		if (clock_mono_ms() > until)
			fail_msg("'%s' is not in the log:\n%s", text,
			    w->log != NULL ? w->log : "");
		world_pump(w, 20);
	}
}

/* ---- people and channels ---- */

void
person_make(struct person *p, const char *name, const char *mesh,
    uint64_t uid, struct person *member)
{
	uint8_t	token[32];

	memset(p, 0, sizeof *p);
	p->is_member = member == NULL;
	p->member = member;
	randombytes_buf(p->owner, sizeof p->owner);
	crypto_sign_keypair(p->pub, p->sec);
	hex_encode(p->hex, p->pub, sizeof p->pub);
	randombytes_buf(p->body_key, sizeof p->body_key);
	randombytes_buf(token, sizeof token);
	hex_encode(p->token, token, sizeof token);
	snprintf(p->auth, sizeof p->auth,
	    "Authorization: ClaudeMesh-Session %s\r\n", p->token);
	p->uid = uid;
	p->caps = CAP_ALL;
	p->state = CONN_OPEN;
	snprintf(p->name, sizeof p->name, "%s", name);
	snprintf(p->mesh, sizeof p->mesh, "%s", mesh);
}

void
world_send(struct world *w, enum msg_type type, const void *body)
{
	assert_int_equal(msg_send(w->sup, type, 0, body, -1), 0);
}

static void
tell_member(struct world *w, const struct person *p)
{
	static struct msg_member	m;

	memset(&m, 0, sizeof m);
	memcpy(m.owner, p->owner, sizeof m.owner);
	strcpy(m.mesh, p->mesh);
	strcpy(m.name, p->name);
	memcpy(m.pub, p->pub, sizeof m.pub);
	m.owner_uid = p->uid;
	memcpy(m.body_key, p->body_key, sizeof m.body_key);
	m.state = p->state;
	world_send(w, MSG_SUP_MEMBER, &m);
}

void
world_tell(struct world *w, const struct person *p)
{
	static struct msg_session	 s;
	uint8_t				 raw[32];

	if (p->is_member) {
		tell_member(w, p);
		return;
	}
	memset(&s, 0, sizeof s);
	memcpy(s.owner, p->owner, sizeof s.owner);
	s.uid = p->uid;
	assert_int_equal(hex_decode(raw, sizeof raw, p->token), 0);
	crypto_generichash(s.token_hash, sizeof s.token_hash, raw, sizeof raw,
	    NULL, 0);
	memcpy(s.token_prefix, raw, sizeof s.token_prefix);
	snprintf(s.session_id, sizeof s.session_id, "id-of-%s", p->name);
	strcpy(s.mesh, p->mesh);
	strcpy(s.display_name, p->name);
	s.pid = 4711;
	s.groups.p = (const uint8_t *)"[{\"name\":\"dev\"}]";
	s.groups.len = 16;
	s.caps = p->caps;
	memcpy(s.pub, p->pub, sizeof s.pub);
	memcpy(s.member_owner, p->member->owner, sizeof s.member_owner);
	memcpy(s.member_pub, p->member->pub, sizeof s.member_pub);
	memcpy(s.body_key, p->body_key, sizeof s.body_key);
	s.state = p->state;
	s.registered_at = 1795473802122;
	world_send(w, MSG_SUP_SESSION, &s);
}

void
world_forget(struct world *w, const struct person *p)
{
	struct msg_owner	o;

	memcpy(o.owner, p->owner, sizeof o.owner);
	world_send(w, p->is_member ? MSG_SUP_MEMBER_GONE :
	    MSG_SUP_SESSION_GONE, &o);
}

static void
world_channel(struct world *w, struct channel **end,
    const struct msg_channel *who)
{
	int	fds[2];

	assert_int_equal(channel_pair(fds), 0);
	channel_free(end);
	*end = channel_new(fds[0]);
	assert_int_equal(msg_send(w->sup, MSG_SUP_CHANNEL, 0, who, fds[1]), 0);
}

void
world_store_new(struct world *w)
{
	struct msg_channel	who;

	memset(&who, 0, sizeof who);
	who.peer = PEER_STORE;
	world_channel(w, &w->store, &who);
}

void
world_store_gone(struct world *w)
{
	channel_free(&w->store);
}

void
world_worker(struct world *w, struct person *p)
{
	struct msg_channel	who;

	memset(&who, 0, sizeof who);
	who.peer = PEER_WORKER;
	memcpy(who.owner, p->owner, sizeof who.owner);
	who.kind = p->is_member ? OWNER_MEMBER : OWNER_SESSION;
	strcpy(who.mesh, p->mesh);
	world_channel(w, &p->worker, &who);
}

/* ---- start and stop ---- */

static int
listen_unix(struct world *w, const char *name)
{
	struct sockaddr_un	 a = { .sun_family = AF_UNIX };
	int			 fd = socket(AF_UNIX,
				    SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof a.sun_path, "%s/%s", w->dir, name);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(chmod(a.sun_path, 0666), 0);
	assert_int_equal(listen(fd, 256), 0);
	return fd;
}

static int	tcp_port;

static int
listen_tcp(void)
{
	struct sockaddr_in	 a = { .sin_family = AF_INET };
	socklen_t		 len = sizeof a;
	int			 fd = socket(AF_INET,
				    SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	tcp_port = ntohs(a.sin_port);
	return fd;
}

static void
gate_spawn(struct world *w, int nofile)
{
	struct rlimit	rl = { (rlim_t)nofile, (rlim_t)nofile };
	int		fds[2];

	assert_int_equal(channel_pair(fds), 0);
	assert_int_not_equal(w->pid = fork(), -1);
	if (w->pid == 0) {
		if (fds[1] == INHERIT_CTL_FD)
			fcntl(fds[1], F_SETFD, 0);
		else
			dup2(fds[1], INHERIT_CTL_FD);
		if (nofile > 0)
			setrlimit(RLIMIT_NOFILE, &rl);
		execl(GATE_PROGRAM, "gate", (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	w->sup = channel_new(fds[0]);
}

static void
gate_setup_send(struct world *w)
{
	static struct msg_setup_gate	s;

	memset(&s, 0, sizeof s);
	s.log_level = LOG_LV_INFO;
	snprintf(s.db, sizeof s.db, "%s/mesh.db", w->dir);
	s.owner_uid = w->uid;
	s.started_at = clock_wall_ms();
	s.supervisor_pid = (uint64_t)getpid();
	strcpy(s.local_token, WORLD_BEARER);
	world_send(w, MSG_SUP_SETUP_GATE, &s);
}

static void
listen_send(struct world *w, enum listen_kind kind, int fd)
{
	struct msg_listen	l = { kind };

	assert_int_equal(msg_send(w->sup, MSG_SUP_LISTEN, 0, &l, fd), 0);
}

void
world_start(struct world *w, int nofile)
{
	memset(w, 0, sizeof *w);
	strcpy(w->dir, "/tmp/gate-test-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	assert_int_equal(chmod(w->dir, 0755), 0);
	w->uid = geteuid();
	w->accept = ACCEPT_NEW;
	w->peers = "{\"type\":\"peers_list\",\"peers\":[]}";
	db_make(w);
	gate_spawn(w, nofile);
	gate_setup_send(w);
	world_until(w, &w->ready, 1);
	person_make(&w->member, "member", "acme", w->uid, NULL);
	person_make(&w->alice, "alice", "acme", w->uid, &w->member);
	person_make(&w->bob, "bob", "acme", w->uid, &w->member);
	world_tell(w, &w->member);
	world_tell(w, &w->alice);
	world_tell(w, &w->bob);
	world_store_new(w);
	listen_send(w, LISTEN_UNIX, listen_unix(w, "daemon.sock"));
	listen_send(w, LISTEN_ADMIN, listen_unix(w, "admin.sock"));
	listen_send(w, LISTEN_TCP, listen_tcp());
}

static void
world_remove(struct world *w)
{
	static const char *const names[] = { "mesh.db", "mesh.db-wal",
	    "mesh.db-shm", "daemon.sock", "admin.sock" };
	char	 path[128];
	size_t	 i;

	for (i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s", w->dir, names[i]);
		unlink(path);
	}
	rmdir(w->dir);
}

int
world_wait(struct world *w, int *status_r)
{
	int64_t	until = clock_mono_ms() + WORLD_MS;

	*status_r = 0;
	while (waitpid(w->pid, status_r, WNOHANG) == 0) {
		if (clock_mono_ms() > until) {
			kill(w->pid, SIGKILL);
			waitpid(w->pid, status_r, 0);
		}
		world_pump(w, 10);
	}
	return 1;
}

void
world_stop(struct world *w)
{
	int	status = 0;

	if (!w->exited) {
		if (w->sup != NULL)
			(void)msg_send(w->sup, MSG_SUP_STOP, 0, NULL, -1);
		world_wait(w, &status);
	}
	channel_free(&w->sup);
	channel_free(&w->store);
	channel_free(&w->member.worker);
	channel_free(&w->alice.worker);
	channel_free(&w->bob.worker);
	sqlite3_close(w->db);
	world_remove(w);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("the gate ended with %#x; its log:\n%s", status,
		    w->log != NULL ? w->log : "");
	free(w->log);
}

int
world_setup(void **state)
{
	*state = xcalloc(1, sizeof(struct world));
	world_start(*state, 0);
	return 0;
}

int
world_teardown(void **state)
{
	world_stop(*state);
	free(*state);
	return 0;
}

/* ---- clients ---- */

/* Bytes that came with an answer and belong to the next one, by descriptor. */
static struct {
	char	*buf;
	size_t	 len;
}	rest[1024];

int
client_open(struct world *w, const char *name)
{
	struct sockaddr_un	 un = { .sun_family = AF_UNIX };
	struct sockaddr_in	 in = { .sin_family = AF_INET };
	int			 fd;

	if (name == NULL) {
		in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		in.sin_port = htons((uint16_t)tcp_port);
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(fd, (struct sockaddr *)&in,
		    sizeof in), 0);
	} else {
		snprintf(un.sun_path, sizeof un.sun_path, "%s/%s", w->dir,
		    name);
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(fd, (struct sockaddr *)&un,
		    sizeof un), 0);
	}
	fcntl(fd, F_SETFL, O_NONBLOCK);
	free(rest[fd].buf);		/* of who had this number before */
	rest[fd].buf = NULL;
	rest[fd].len = 0;
	return fd;
}

/* As much as the other side takes: it may have closed, and said why. */
void
client_write(struct world *w, int fd, const void *data, size_t len)
{
	const char	*p = data;
	int64_t		 until = clock_mono_ms() + WORLD_MS;
	ssize_t		 n;

	while (len > 0 && clock_mono_ms() < until) {
		n = send(fd, p, len, MSG_NOSIGNAL);
		if (n == -1 && errno != EAGAIN)
			return;
		if (n == -1) {
			world_pump(w, 5);
			continue;
		}
		p += n;
		len -= (size_t)n;
	}
}

/* More bytes at the end of *buf.  0: closed; -1: nothing within ms. */
static ssize_t
client_more(struct world *w, int fd, char **buf, size_t *len, int ms)
{
	int64_t	until = clock_mono_ms() + ms;
	ssize_t	n;

	*buf = xreallocarray(*buf, *len + 65537, 1);
	for (;;) {
		n = recv(fd, *buf + *len, 65536, 0);
		if (n >= 0 || errno != EAGAIN)
			break;
		if (clock_mono_ms() > until)
			return -1;
		world_poll(w, 20, fd);
	}
	if (n < 0)
		n = 0;			/* reset: closed, too */
	*len += (size_t)n;
	(*buf)[*len] = '\0';
	return n;
}

static size_t
content_length(const char *head)
{
	const char	*p = strcasestr(head, "\r\nContent-Length:");

	return p != NULL ? strtoul(p + 17, NULL, 10) : 0;
}

/* Is there a whole answer in front?  Its parts are then set. */
static int
answer_take(struct answer *a, char **buf, size_t *len)
{
	char	*end = *buf != NULL ? strstr(*buf, "\r\n\r\n") : NULL;
	size_t	 head, body;

	if (end == NULL)
		return 0;
	if (strncmp(*buf, "HTTP/1.1 100", 12) == 0) {
		head = (size_t)(end + 4 - *buf);
		memmove(*buf, *buf + head, *len - head + 1);
		*len -= head;
		return answer_take(a, buf, len);
	}
	head = (size_t)(end + 4 - *buf);
	body = content_length(*buf);
	if (*len < head + body)
		return 0;
	a->head = xstrndup(*buf, head);
	a->body = xstrndup(*buf + head, body);
	a->len = body;
	a->status = atoi(*buf + 9);
	a->json = json_loads(a->body, JSON_DECODE_ANY, NULL);
	return 1;
}

void
client_read(struct world *w, int fd, struct answer *a)
{
	char	*buf = rest[fd].buf;
	size_t	 len = rest[fd].len, used;
	int64_t	 until = clock_mono_ms() + WORLD_MS;

	memset(a, 0, sizeof *a);
	rest[fd].buf = NULL;
	rest[fd].len = 0;
	while (!answer_take(a, &buf, &len)) {
		if (clock_mono_ms() > until)
			fail_msg("no answer; so far: %s; the gate's log:\n%s",
			    buf != NULL ? buf : "", w->log != NULL ? w->log :
			    "");
		if (client_more(w, fd, &buf, &len, 100) == 0)
			break;
	}
	if (a->status != 0) {
		used = strlen(a->head) + a->len;
		if (len > used) {
			rest[fd].buf = xmalloc(len - used + 1);
			memcpy(rest[fd].buf, buf + used, len - used + 1);
			rest[fd].len = len - used;
		}
	}
	free(buf);
}

void
answer_clear(struct answer *a)
{
	free(a->head);
	free(a->body);
	json_decref(a->json);
	memset(a, 0, sizeof *a);
}

char *
client_read_until(struct world *w, int fd, char *have, const char *needle)
{
	size_t	len = have != NULL ? strlen(have) : 0;
	int64_t	until = clock_mono_ms() + WORLD_MS;

	while (have == NULL || strstr(have, needle) == NULL) {
		if (clock_mono_ms() > until ||
		    client_more(w, fd, &have, &len, 100) == 0)
			fail_msg("'%s' did not come; but: %s", needle,
			    have != NULL ? have : "");
	}
	return have;
}

int
client_is_closed(struct world *w, int fd)
{
	int64_t	 until = clock_mono_ms() + WORLD_MS;
	char	*buf = NULL;
	size_t	 len = 0;
	ssize_t	 n;

	do
		n = client_more(w, fd, &buf, &len, 100);
	while (n != 0 && clock_mono_ms() < until);
	free(buf);
	return n == 0;
}

void
ask_on(struct world *w, int fd, const char *method, const char *path,
    const char *headers, const void *body, size_t len)
{
	char	head[4096];
	int	n;

	n = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\n"
	    "Host: localhost\r\n%s", method, path,
	    headers != NULL ? headers : "");
	if (body != NULL)
		n += snprintf(head + n, sizeof head - (size_t)n,
		    "Content-Length: %zu\r\n", len);
	n += snprintf(head + n, sizeof head - (size_t)n, "\r\n");
	client_write(w, fd, head, (size_t)n);
	if (body != NULL)
		client_write(w, fd, body, len);
}

static struct answer	last;

struct answer *
ask(struct world *w, const char *method, const char *path,
    const char *headers, const char *body)
{
	int	fd = client_open(w, "daemon.sock");

	answer_clear(&last);
	ask_on(w, fd, method, path, headers, body,
	    body != NULL ? strlen(body) : 0);
	client_read(w, fd, &last);
	close(fd);
	return &last;
}

const char *
said(const char *name)
{
	const char	*s;

	s = json_string_value(json_object_get(last.json, name));
	return s != NULL ? s : "";
}
