/*
 * Rows of sessions.db, checked as they are read: the file may be damaged, and
 * SQLite makes something of everything.
 */

#include "supervisor/registry_row.h"

#include <limits.h>
#include <sodium.h>
#include <string.h>

#include "common/encode.h"

void
registry_mark(uint8_t out[REGISTRY_MARK_LEN],
    const uint8_t host_key[HOST_KEY_LEN])
{
	static const uint8_t	label[] = "sessions.db";

	crypto_generichash(out, REGISTRY_MARK_LEN, label, sizeof label,
	    host_key, HOST_KEY_LEN);
}

int
registry_row_text(sqlite3_stmt *st, int i, char *buf, size_t size)
{
	const unsigned char	*p;
	size_t			 n;

	if (sqlite3_column_type(st, i) != SQLITE_TEXT ||
	    (p = sqlite3_column_text(st, i)) == NULL)
		return -1;
	n = (size_t)sqlite3_column_bytes(st, i);
	if (n >= size || memchr(p, '\0', n) != NULL || !utf8_valid(p, n, 0))
		return -1;
	memcpy(buf, p, n);
	buf[n] = '\0';
	return 0;
}

/* An integer within bounds; SQLite would make 0, a uid, of any text. */
static int
get_int(sqlite3_stmt *st, int i, int64_t min, int64_t max, int64_t *v)
{
	if (sqlite3_column_type(st, i) != SQLITE_INTEGER)
		return -1;
	*v = sqlite3_column_int64(st, i);
	return *v < min || *v > max ? -1 : 0;
}

int
registry_row_blob(sqlite3_stmt *st, int i, void *buf, int size)
{
	const void	*p;

	if (sqlite3_column_type(st, i) == SQLITE_NULL)
		return 0;
	if (sqlite3_column_type(st, i) != SQLITE_BLOB ||
	    sqlite3_column_bytes(st, i) != size ||
	    (p = sqlite3_column_blob(st, i)) == NULL)
		return -1;
	memcpy(buf, p, (size_t)size);
	return 1;
}

static int
registry_row_numbers(sqlite3_stmt *st, struct reg_session *s)
{
	int64_t	uid, pid, start, caps, mode, current;

	if (get_int(st, 1, 0, UINT32_MAX - 1, &uid) == -1 ||
	    get_int(st, 5, 1, INT_MAX, &pid) == -1 ||
	    get_int(st, 6, 0, INT64_MAX, &start) == -1 ||
	    get_int(st, 11, 0, CAP_ALL, &caps) == -1 ||
	    get_int(st, 14, KEY_MINT, KEY_BROUGHT, &mode) == -1 ||
	    get_int(st, 17, 0, INT64_MAX, &s->attest_expires_at) == -1 ||
	    get_int(st, 19, 0, INT64_MAX, &s->registered_at) == -1 ||
	    get_int(st, 21, 0, 1, &current) == -1)
		return -1;
	if (sqlite3_column_type(st, 20) != SQLITE_NULL &&
	    get_int(st, 20, 1, INT64_MAX, &s->ended_at) == -1)
		return -1;
	s->uid = (uint64_t)uid;
	s->process.pid = (pid_t)pid;
	s->process.start_time = (uint64_t)start;
	s->caps = (uint32_t)caps;
	s->key_mode = (enum key_mode)mode;
	s->current = (int)current;
	return 0;
}

static int
registry_row_texts(sqlite3_stmt *st, struct reg_session *s)
{
	const struct {
		int	 column;
		char	*buf;
		size_t	 size;
	} texts[] = {
		{ 2, s->mesh, sizeof s->mesh },
		{ 3, s->session_id, sizeof s->session_id },
		{ 4, s->display_name, sizeof s->display_name },
		{ 7, s->process.boot_id, sizeof s->process.boot_id },
		{ 8, s->cwd, sizeof s->cwd },
		{ 9, s->role, sizeof s->role },
		{ 10, s->groups, sizeof s->groups },
		{ 22, s->park, sizeof s->park },
	};
	size_t	i;

	for (i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (registry_row_text(st, texts[i].column, texts[i].buf,
		    texts[i].size) == -1)
			return -1;
	return 0;
}

static int
registry_row_blobs(sqlite3_stmt *st, struct reg_session *s)
{
	const struct {
		int	 column;
		void	*buf;
		int	 size;
		int	*has;		/* NULL: it must be there */
	} blobs[] = {
		{ 0, s->owner, OWNER_ID_LEN, NULL },
		{ 12, s->token_hash, sizeof s->token_hash, &s->has_token },
		{ 13, s->token_prefix, sizeof s->token_prefix, NULL },
		{ 15, s->pub, KEY_PUBLIC_LEN, &s->has_key },
		{ 18, s->attest_sig, KEY_SIG_LEN, NULL },
	};
	size_t	i;
	int	has;

	for (i = 0; i < sizeof blobs / sizeof blobs[0]; i++) {
		has = registry_row_blob(st, blobs[i].column, blobs[i].buf,
		    blobs[i].size);
		if (has == -1 || (blobs[i].has == NULL && !has))
			return -1;
		if (blobs[i].has != NULL)
			*blobs[i].has = has;
	}
	/* The one with the other. */
	return registry_row_blob(st, 16, s->wrapped, WRAPPED_LEN) ==
	    s->has_key ? 0 : -1;
}

int
registry_row_park(sqlite3_stmt *st, int i, char park[REASON_SIZE],
    int *whole_r)
{
	int64_t	whole;

	if (registry_row_text(st, i, park, REASON_SIZE) == -1 ||
	    get_int(st, i + 1, 0, 1, &whole) == -1)
		return -1;
	*whole_r = (int)whole;
	return 0;
}

int
registry_row_read(sqlite3_stmt *st, struct reg_session *s)
{
	memset(s, 0, sizeof *s);
	if (registry_row_texts(st, s) == -1 ||
	    registry_row_blobs(st, s) == -1)
		return -1;
	return registry_row_numbers(st, s);
}
