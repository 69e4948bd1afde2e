/* The gate's world: its process, its supervisor, its workers, and the loop. */

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

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/clock.h"
#include "common/encode.h"
#include "common/inherit.h"
#include "common/version.h"
#include "common/xalloc.h"

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
	out.limit = 77;
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
	struct msg_answer	 answer = { 0 };

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
	case MSG_GATE_PRESENCE:
		assert_int_equal(msg_decode(m, &w->last_presence), 0);
		answer.status = w->presence_status;
		answer.json.p = (const uint8_t *)"{\"ok\":true}";
		answer.json.len = answer.status == 0 ? 11 : 0;
		strcpy(answer.error, "not_mesh_owner: Ask its owner.");
		msg_send(w->sup, MSG_SUP_ANSWER, m->seq, &answer, -1);
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
	const char		*text = w->peers;

	assert_int_equal(m->type, MSG_GATE_ASK);
	assert_int_equal(msg_decode(m, &in), 0);
	w->asks++;
	w->last_ask = m->seq;
	if (strcmp(in.what, "roster") == 0) {
		w->rosters++;
		text = w->roster != NULL ? w->roster : w->peers;
	} else if (strcmp(in.what, "message_status") == 0) {
		w->fates++;
		text = w->fate;
	} else if (strcmp(in.what, "topic") == 0) {
		w->topics++;
		snprintf(w->last_topic, sizeof w->last_topic, "%.*s",
		    (int)in.args.len, (const char *)in.args.p);
		text = w->topic;
	} else if (strcmp(in.what, "list_peers") != 0) {
		assert_non_null(w->says);
		text = w->says;
	}
	memcpy(w->last_what, in.what, sizeof w->last_what);
	snprintf(w->last_args, sizeof w->last_args, "%.*s", (int)in.args.len,
	    (const char *)in.args.p);
	w->last_asked = p;
	if (w->hold || w->hold_workers)
		return;
	memset(&out, 0, sizeof out);
	out.status = w->ask_status;
	if (out.status != 0)
		snprintf(out.error, sizeof out.error, "%s",
		    w->ask_error != NULL ? w->ask_error : "refused");
	out.json.p = (const uint8_t *)text;
	out.json.len = strlen(text);
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
			world_store_msg(w, &m);
		else
			worker_msg(w, worker, &m);
		msg_drop_fd(&m);
	}
}

void
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

static int
listen_tcp(struct world *w)
{
	struct sockaddr_in	 a = { .sin_family = AF_INET };
	socklen_t		 len = sizeof a;
	int			 fd = socket(AF_INET,
				    SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	w->tcp_port = ntohs(a.sin_port);
	return fd;
}

static void
gate_spawn(struct world *w, int nofile)
{
	struct rlimit	rl = { (rlim_t)nofile, (rlim_t)nofile };
	char		proto[16];
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
		snprintf(proto, sizeof proto, "%d", version_proto());
		setenv(INHERIT_PROTO_ENV, proto, 1);
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
	world_db_make(w);
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
	listen_send(w, LISTEN_TCP, listen_tcp(w));
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
