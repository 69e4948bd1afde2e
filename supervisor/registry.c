/* sessions.db, the supervisor's own. */

#include "supervisor/registry.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/xalloc.h"
#include "supervisor/registry_row.h"
#include "supervisor/registry_schema.h"

#define BUSY_MS		2000

struct registry {
	sqlite3		*db;
	sqlite3_stmt	*put, *get, *each, *del, *prune, *free_token;
	sqlite3_stmt	*member_put, *member_get, *park, *parked;
	sqlite3_stmt	*host_put, *host_get;
};

/* Not OR REPLACE: that would delete another session with the same token. */
static const char sql_put[] =
    "INSERT INTO session (" REGISTRY_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5,"
    " ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,"
    " ?21, ?22, ?23) ON CONFLICT (owner) DO UPDATE SET"
    " display_name = excluded.display_name,"
    " process_pid = excluded.process_pid,"
    " process_start = excluded.process_start,"
    " process_boot = excluded.process_boot, cwd = excluded.cwd,"
    " role = excluded.role, groups_json = excluded.groups_json,"
    " caps = excluded.caps, token_hash = excluded.token_hash,"
    " token_prefix = excluded.token_prefix, key_mode = excluded.key_mode,"
    " pub = excluded.pub, wrapped = excluded.wrapped,"
    " attest_expires_at = excluded.attest_expires_at,"
    " attest_sig = excluded.attest_sig,"
    " registered_at = excluded.registered_at, ended_at = excluded.ended_at,"
    " current = excluded.current, park = excluded.park";
static const char sql_get[] =
    "SELECT " REGISTRY_COLUMNS " FROM session"
    " WHERE uid = ?1 AND mesh = ?2 AND session_id = ?3 AND current = 1";
static const char sql_each[] =
    "SELECT " REGISTRY_COLUMNS " FROM session ORDER BY registered_at, owner";
static const char sql_delete[] = "DELETE FROM session WHERE owner = ?1";
static const char sql_free_token[] =
    "UPDATE session SET token_hash = NULL"
    " WHERE token_hash = ?1 AND owner <> ?2";
static const char sql_prune[] =
    "DELETE FROM session WHERE ended_at IS NOT NULL AND ended_at < ?1";
static const char sql_member_put[] =
    "INSERT OR IGNORE INTO member (mesh, pub, owner, session_id)"
    " VALUES (?1, ?2, ?3, ?4)";
static const char sql_member_get[] =
    "SELECT owner, session_id FROM member WHERE mesh = ?1 AND pub = ?2";
static const char sql_park[] =
    "UPDATE member SET park = ?2, park_whole = ?3 WHERE owner = ?1";
static const char sql_parked[] =
    "SELECT park, park_whole FROM member WHERE owner = ?1";
static const char sql_host_put[] =
    "INSERT INTO host (mark) SELECT ?1 WHERE NOT EXISTS"
    " (SELECT 1 FROM host)";
static const char sql_host_get[] = "SELECT mark FROM host";

static int
registry_exec(struct registry *r, const char *sql)
{
	return sqlite3_exec(r->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 :
	    -1;
}

static int
registry_prepare(struct registry *r)
{
	const struct {
		sqlite3_stmt	**st;
		const char	*sql;
	} all[] = {
		{ &r->put, sql_put }, { &r->get, sql_get },
		{ &r->each, sql_each }, { &r->del, sql_delete },
		{ &r->prune, sql_prune }, { &r->free_token, sql_free_token },
		{ &r->member_put, sql_member_put },
		{ &r->member_get, sql_member_get },
		{ &r->park, sql_park }, { &r->parked, sql_parked },
		{ &r->host_put, sql_host_put },
		{ &r->host_get, sql_host_get },
	};
	size_t	i;

	for (i = 0; i < sizeof all / sizeof all[0]; i++)
		if (sqlite3_prepare_v3(r->db, all[i].sql, -1,
		    SQLITE_PREPARE_PERSISTENT, all[i].st, NULL) != SQLITE_OK)
			return -1;
	return 0;
}

int
registry_in_use(const char *path)
{
	struct stat	st;

	return stat(path, &st) == 0 && st.st_size > 0;
}

/* Make it, for SQLite would use the umask; and nobody else's is taken. */
static int
registry_file(const char *path, char *err, size_t errlen)
{
	struct stat	st;
	int		fd, ret = -1;

	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd == -1 || fstat(fd, &st) == -1)
		snprintf(err, errlen, "%s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
		snprintf(err, errlen, "%s: not a regular file of ours: move "
		    "it away, or restore ours from a backup", path);
	else if (fchmod(fd, 0600) == -1)
		snprintf(err, errlen, "%s: %s", path, strerror(errno));
	else
		ret = 0;
	fd_close(&fd);
	return ret;
}

static void
registry_damaged(struct registry *r, const char *path, char *err,
    size_t errlen)
{
	snprintf(err, errlen, "%s: %s; it is no database, or it is damaged: "
	    "restore it from a backup, or move it away: sessions then have "
	    "to register again", path, sqlite3_errmsg(r->db));
}

struct registry *
registry_open(const char *path, char *err, size_t errlen)
{
	struct registry	*r = xcalloc(1, sizeof *r);

	if (registry_file(path, err, errlen) == -1) {
		free(r);
		return NULL;
	}
	if (sqlite3_open_v2(path, &r->db, SQLITE_OPEN_READWRITE, NULL) !=
	    SQLITE_OK) {
		snprintf(err, errlen, "%s: %s", path,
		    sqlite3_errmsg(r->db));
		goto fail;
	}
	sqlite3_busy_timeout(r->db, BUSY_MS);
	sqlite3_extended_result_codes(r->db, 1);
	if (registry_exec(r, "PRAGMA user_version") == -1) {
		registry_damaged(r, path, err, errlen);
		goto fail;
	}
	/* Before anything is changed: it may be somebody else's. */
	if (registry_schema(r->db, path, err, errlen) == -1)
		goto fail;
	if (registry_exec(r, "PRAGMA journal_mode = WAL") == -1 ||
	    registry_exec(r, "PRAGMA synchronous = FULL") == -1 ||
	    registry_exec(r, "PRAGMA secure_delete = ON") == -1 ||
	    registry_prepare(r) == -1) {
		registry_damaged(r, path, err, errlen);
		goto fail;
	}
	return r;

fail:
	registry_close(&r);
	return NULL;
}

void
registry_close(struct registry **rp)
{
	struct registry	*r = *rp;

	if (r == NULL)
		return;
	sqlite3_finalize(r->put);
	sqlite3_finalize(r->get);
	sqlite3_finalize(r->each);
	sqlite3_finalize(r->del);
	sqlite3_finalize(r->prune);
	sqlite3_finalize(r->free_token);
	sqlite3_finalize(r->member_put);
	sqlite3_finalize(r->member_get);
	sqlite3_finalize(r->park);
	sqlite3_finalize(r->parked);
	sqlite3_finalize(r->host_put);
	sqlite3_finalize(r->host_get);
	sqlite3_close(r->db);
	free(r);
	*rp = NULL;
}

/* Run a statement that gives no rows. */
static int
registry_run(struct registry *r, sqlite3_stmt *st)
{
	int	ret = sqlite3_step(st);

	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	if (ret == SQLITE_DONE)
		return 0;
	log_warnx("sessions.db: %s", sqlite3_errmsg(r->db));
	return -1;
}

static void
bind_text(sqlite3_stmt *st, int i, const char *s)
{
	sqlite3_bind_text(st, i, s, -1, SQLITE_STATIC);
}

static void
bind_blob(sqlite3_stmt *st, int i, const void *p, int len, int there)
{
	if (there)
		sqlite3_bind_blob(st, i, p, len, SQLITE_STATIC);
	else
		sqlite3_bind_null(st, i);
}

int
registry_bind(struct registry *r, const char *path,
    const uint8_t host_key[HOST_KEY_LEN], char *err, size_t errlen)
{
	uint8_t	mine[REGISTRY_MARK_LEN], mark[REGISTRY_MARK_LEN] = { 0 };
	int	ret;

	registry_mark(mine, host_key);
	bind_blob(r->host_put, 1, mine, sizeof mine, 1);
	ret = registry_run(r, r->host_put);
	if (ret == 0 && (sqlite3_step(r->host_get) != SQLITE_ROW ||
	    registry_row_blob(r->host_get, 0, mark, sizeof mark) != 1))
		ret = -1;
	sqlite3_reset(r->host_get);
	if (ret == -1)
		snprintf(err, errlen, "%s is damaged, or cannot be written: "
		    "restore it from a backup, or move it away: sessions then "
		    "have to register again", path);
	else if (sodium_memcmp(mine, mark, sizeof mark) != 0) {
		snprintf(err, errlen, "%s belongs to another host.key: "
		    "restore both from one backup, or move it away: sessions "
		    "then have to register again", path);
		ret = -1;
	}
	return ret;
}

int
registry_put(struct registry *r, const struct reg_session *s)
{
	sqlite3_stmt	*st = r->put;

	bind_blob(st, 1, s->owner, OWNER_ID_LEN, 1);
	sqlite3_bind_int64(st, 2, (int64_t)s->uid);
	bind_text(st, 3, s->mesh);
	bind_text(st, 4, s->session_id);
	bind_text(st, 5, s->display_name);
	sqlite3_bind_int64(st, 6, s->process.pid);
	sqlite3_bind_int64(st, 7, (int64_t)s->process.start_time);
	bind_text(st, 8, s->process.boot_id);
	bind_text(st, 9, s->cwd);
	bind_text(st, 10, s->role);
	bind_text(st, 11, s->groups);
	sqlite3_bind_int64(st, 12, s->caps);
	bind_blob(st, 13, s->token_hash, sizeof s->token_hash, s->has_token);
	bind_blob(st, 14, s->token_prefix, sizeof s->token_prefix, 1);
	sqlite3_bind_int(st, 15, (int)s->key_mode);
	bind_blob(st, 16, s->pub, KEY_PUBLIC_LEN, s->has_key);
	bind_blob(st, 17, s->wrapped, WRAPPED_LEN, s->has_key);
	sqlite3_bind_int64(st, 18, s->attest_expires_at);
	bind_blob(st, 19, s->attest_sig, KEY_SIG_LEN, 1);
	sqlite3_bind_int64(st, 20, s->registered_at);
	if (s->ended_at != 0)
		sqlite3_bind_int64(st, 21, s->ended_at);
	else
		sqlite3_bind_null(st, 21);
	sqlite3_bind_int(st, 22, s->current);
	bind_text(st, 23, s->park);
	return registry_run(r, st);
}

int
registry_delete(struct registry *r, const uint8_t owner[OWNER_ID_LEN])
{
	bind_blob(r->del, 1, owner, OWNER_ID_LEN, 1);
	return registry_run(r, r->del);
}

int
registry_free_token(struct registry *r, const uint8_t hash[32],
    const uint8_t owner[OWNER_ID_LEN])
{
	bind_blob(r->free_token, 1, hash, 32, 1);
	bind_blob(r->free_token, 2, owner, OWNER_ID_LEN, 1);
	return registry_run(r, r->free_token);
}

int
registry_prune(struct registry *r, int64_t before)
{
	sqlite3_bind_int64(r->prune, 1, before);
	if (registry_run(r, r->prune) == -1)
		return -1;
	return sqlite3_changes(r->db);
}

int
registry_find(struct registry *r, uint64_t uid, const char *mesh,
    const char *session_id, struct reg_session *s)
{
	sqlite3_stmt	*st = r->get;
	int		 ret, found = -1;

	sqlite3_bind_int64(st, 1, (int64_t)uid);
	bind_text(st, 2, mesh);
	bind_text(st, 3, session_id);
	ret = sqlite3_step(st);
	if (ret == SQLITE_DONE)
		found = 0;
	else if (ret == SQLITE_ROW && registry_row_read(st, s) == 0)
		found = 1;
	else
		log_warnx("sessions.db: %s", ret == SQLITE_ROW ?
		    "a damaged row" : sqlite3_errmsg(r->db));
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return found;
}

int
registry_each(struct registry *r,
    int (*cb)(void *arg, const struct reg_session *), void *arg)
{
	struct reg_session	s;
	int			ret, bad = 0;

	while ((ret = sqlite3_step(r->each)) == SQLITE_ROW) {
		if (registry_row_read(r->each, &s) == -1)
			bad = 1;
		else if (cb(arg, &s) != 0)
			break;
	}
	sqlite3_reset(r->each);
	return bad || (ret != SQLITE_ROW && ret != SQLITE_DONE) ? -1 : 0;
}

int
registry_member(struct registry *r, const char *mesh,
    const uint8_t pub[KEY_PUBLIC_LEN], uint8_t owner_r[OWNER_ID_LEN],
    char session_id_r[UUID_SIZE])
{
	uint8_t	owner[OWNER_ID_LEN];
	char	id[UUID_SIZE];
	int	ret = -1;

	randombytes_buf(owner, sizeof owner);
	uuid_v4(id);
	bind_text(r->member_put, 1, mesh);
	bind_blob(r->member_put, 2, pub, KEY_PUBLIC_LEN, 1);
	bind_blob(r->member_put, 3, owner, OWNER_ID_LEN, 1);
	bind_text(r->member_put, 4, id);
	if (registry_run(r, r->member_put) == -1)
		return -1;
	bind_text(r->member_get, 1, mesh);
	bind_blob(r->member_get, 2, pub, KEY_PUBLIC_LEN, 1);
	if (sqlite3_step(r->member_get) == SQLITE_ROW &&
	    registry_row_blob(r->member_get, 0, owner_r, OWNER_ID_LEN) == 1 &&
	    registry_row_text(r->member_get, 1, session_id_r, UUID_SIZE) == 0 &&
	    uuid_is(session_id_r))
		ret = 0;
	else
		log_warnx("sessions.db: no member, or a damaged row");
	sqlite3_reset(r->member_get);
	sqlite3_clear_bindings(r->member_get);
	return ret;
}

int
registry_park_member(struct registry *r, const uint8_t owner[OWNER_ID_LEN],
    const char *park, int whole)
{
	bind_blob(r->park, 1, owner, OWNER_ID_LEN, 1);
	bind_text(r->park, 2, park);
	sqlite3_bind_int(r->park, 3, whole);
	return registry_run(r, r->park);
}

int
registry_member_parked(struct registry *r, const uint8_t owner[OWNER_ID_LEN],
    char park_r[REASON_SIZE], int *whole_r)
{
	int	ret;

	bind_blob(r->parked, 1, owner, OWNER_ID_LEN, 1);
	ret = sqlite3_step(r->parked) == SQLITE_ROW ?
	    registry_row_park(r->parked, 0, park_r, whole_r) : -1;
	if (ret == -1)
		log_warnx("sessions.db: no member, or a damaged row");
	sqlite3_reset(r->parked);
	sqlite3_clear_bindings(r->parked);
	return ret;
}
