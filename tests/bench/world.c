/* One meshsup, and the broker beside it. */

#include "tests/bench/world.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/log.h"
#include "tests/bench/proc.h"

#define BROKER_START_MS	10000
#define SLUG		"bench"

/* A port that nobody has now. */
static int
port_free(void)
{
	struct sockaddr_in	sin = { .sin_family = AF_INET };
	socklen_t		len = sizeof sin;
	int			fd;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if ((fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1 ||
	    bind(fd, (struct sockaddr *)&sin, sizeof sin) == -1 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) == -1)
		fatal("a free port");
	close(fd);
	return ntohs(sin.sin_port);
}

static void
file_write(const char *dir, const char *name, const char *text)
{
	char	path[WORLD_PATH_SIZE + 64];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	if (fd_write_file(path, 0600, text, strlen(text)) == -1)
		fatal("%s", path);
}

static void
dir_make(const char *path, mode_t mode)
{
	if (mkdir(path, mode) == -1)
		fatal("%s", path);
}

/* Make the member in the broker's file; its ids. */
static void
broker_add_member(struct world *w, const char *db)
{
	char		 what[256], out[1024];
	const char	*argv[] = { w->bench->meshsup, "broker", "--db", db,
			    "--add-member", what, NULL };
	const char	*mesh, *member;
	json_t		*o;

	key_new(&w->member.key);
	strcpy(w->member.slug, SLUG);
	snprintf(what, sizeof what, SLUG ":%s:bench", w->member.key.hex);
	if (proc_run(argv, out, sizeof out) != 0)
		fatalx("meshsup broker --add-member failed");
	o = json_loads(out, 0, NULL);
	if (o == NULL || json_unpack(o, "{s:s,s:s}", "meshId", &mesh,
	    "memberId", &member) == -1)
		fatalx("meshsup broker --add-member: %.200s", out);
	snprintf(w->member.mesh_id, sizeof w->member.mesh_id, "%s", mesh);
	snprintf(w->member.member_id, sizeof w->member.member_id, "%s",
	    member);
	json_decref(o);
}

static void
broker_start(struct world *w)
{
	char		 db[WORLD_PATH_SIZE + 32], log[WORLD_PATH_SIZE + 32];
	char		 line[256];
	const char	*argv[] = { w->bench->meshsup, "broker", "--ack-only",
			    "--listen", "127.0.0.1:0", "--db", db, NULL };
	int		 out;

	snprintf(db, sizeof db, "%s/broker.db", w->dir);
	snprintf(log, sizeof log, "%s/broker.log", w->dir);
	broker_add_member(w, db);
	w->broker = proc_spawn(argv, log, &out);
	if (proc_line(out, line, sizeof line, BROKER_START_MS) == -1 ||
	    sscanf(line, "listening on 127.0.0.1:%d", &w->port) != 1)
		fatalx("meshsup broker --ack-only does not start, see %s",
		    log);
	/* Held open, so that no later line of it meets a closed pipe. */
}

void
world_new(struct world *w, const struct bench *b, int own_broker)
{
	static unsigned	 count;
	char		 conf[128] = "", meshes[WORLD_PATH_SIZE + 32], *text;

	memset(w, 0, sizeof *w);
	w->bench = b;
	snprintf(w->dir, sizeof w->dir, "%s/w%u", b->dir, ++count);
	snprintf(w->state, sizeof w->state, "%s/s", w->dir);
	snprintf(w->run, sizeof w->run, "%s/r", w->dir);
	snprintf(w->socket, sizeof w->socket, "%s/daemon.sock", w->run);
	snprintf(w->db, sizeof w->db, "%s/store/mesh.db", w->state);
	dir_make(w->dir, 0755);
	if (own_broker) {
		broker_start(w);
		snprintf(meshes, sizeof meshes, "%s/meshes.d", w->state);
		dir_make(w->state, 0700);
		dir_make(meshes, 0700);
		text = member_file(&w->member, w->port);
		file_write(meshes, SLUG ".json", text);
		free(text);
	} else {
		strcpy(w->member.slug, "local");
		w->port = port_free();
		snprintf(conf, sizeof conf, "[broker]\n"
		    "listen = 127.0.0.1:%d\n", w->port);
	}
	file_write(w->dir, "conf", conf);
}

void
world_free(struct world *w)
{
	const char	*argv[] = { "/bin/rm", "-rf", w->dir, NULL };

	world_stop(w);
	proc_end(&w->broker);
	if (proc_run(argv, NULL, 0) != 0)
		log_warnx("%s: not removed", w->dir);
}

void
world_start(struct world *w)
{
	char		 conf[WORLD_PATH_SIZE + 16];
	char		 path[WORLD_PATH_SIZE + 64];
	const char	*argv[] = { w->bench->meshsup, "start", "--config",
			    conf, "--state-dir", w->state, "--run-dir",
			    w->run, NULL };

	snprintf(conf, sizeof conf, "%s/conf", w->dir);
	w->running = 1;
	if (proc_run(argv, NULL, 0) != 0)
		fatalx("meshsup start failed");
	snprintf(path, sizeof path, "%s/meshes.d/local.json", w->state);
	if (w->broker == 0 && member_read(&w->member, path) == -1)
		fatalx("%s: not understood", path);
}

void
world_stop(struct world *w)
{
	const char	*argv[] = { w->bench->meshsup, "stop", "--run-dir",
			    w->run, NULL };

	if (w->running && proc_run(argv, NULL, 0) != 0)
		fatalx("meshsup stop failed");
	w->running = 0;
}

/* A signal, and until it has come to pass. */
static void
broker_signal(struct world *w, int sig, int options)
{
	int	status;

	if (kill(w->broker, sig) == -1 ||
	    waitpid(w->broker, &status, options) != w->broker)
		fatal("broker: signal %d", sig);
	if (WIFEXITED(status) || WIFSIGNALED(status))
		fatalx("the broker has died, see %s/broker.log", w->dir);
}

void
world_broker_stop(struct world *w)
{
	broker_signal(w, SIGSTOP, WUNTRACED);
}

void
world_broker_continue(struct world *w)
{
	broker_signal(w, SIGCONT, WCONTINUED);
}
