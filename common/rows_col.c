/*
 * Columns of one row, each checked: the file is not ours, and may hold
 * anything.
 */

#include "common/rows.h"

#include <stdlib.h>
#include <string.h>

#include "common/encode.h"
#include "common/rows_impl.h"
#include "common/xalloc.h"

int64_t
cur_int(struct rows_cur *c, int64_t min, int64_t max)
{
	int	i = c->i++;
	int64_t	v;

	if (sqlite3_column_type(c->st, i) != SQLITE_INTEGER) {
		c->bad = 1;
		return min;
	}
	v = sqlite3_column_int64(c->st, i);
	if (v < min || v > max) {
		c->bad = 1;
		return min;
	}
	return v;
}

int64_t
cur_time(struct rows_cur *c)
{
	if (sqlite3_column_type(c->st, c->i) == SQLITE_NULL) {
		c->i++;
		return 0;
	}
	return cur_int(c, 0, INT64_MAX);
}

void
cur_text(struct rows_cur *c, char *buf, size_t size)
{
	if (!cur_text_opt(c, buf, size))
		c->bad = 1;
}

int
cur_text_opt(struct rows_cur *c, char *buf, size_t size)
{
	int		 i = c->i++, type = sqlite3_column_type(c->st, i);
	const void	*p;
	size_t		 len;

	*buf = '\0';
	if (type == SQLITE_NULL)
		return 0;
	p = type == SQLITE_TEXT ? sqlite3_column_text(c->st, i) : NULL;
	len = (size_t)sqlite3_column_bytes(c->st, i);
	if (p == NULL || len >= size || memchr(p, '\0', len) != NULL ||
	    !utf8_valid(p, len, 0)) {
		c->bad = 1;
		return 0;
	}
	memcpy(buf, p, len);
	buf[len] = '\0';
	return 1;
}

void
cur_blob(struct rows_cur *c, uint8_t *buf, size_t len)
{
	if (!cur_blob_opt(c, buf, len))
		c->bad = 1;
}

int
cur_blob_opt(struct rows_cur *c, uint8_t *buf, size_t len)
{
	int	i = c->i++, type = sqlite3_column_type(c->st, i);

	memset(buf, 0, len);
	if (type == SQLITE_NULL)
		return 0;
	if (type != SQLITE_BLOB ||
	    sqlite3_column_bytes(c->st, i) != (int)len) {
		c->bad = 1;
		return 0;
	}
	memcpy(buf, sqlite3_column_blob(c->st, i), len);
	return 1;
}

void
cur_body(struct rows_cur *c, uint8_t **body_r, size_t *len_r)
{
	int		 i = c->i++, type = sqlite3_column_type(c->st, i);
	const void	*p = NULL;
	int		 len;

	*body_r = NULL;
	*len_r = 0;
	if (type == SQLITE_NULL)
		return;
	if (type == SQLITE_BLOB)
		p = sqlite3_column_blob(c->st, i);
	len = sqlite3_column_bytes(c->st, i);
	if (type != SQLITE_BLOB || (p == NULL) != (len == 0) ||
	    len > ROW_BODY_MAX) {
		c->bad = 1;
		return;
	}
	*body_r = xmalloc((size_t)len);
	*len_r = (size_t)len;
	if (len > 0)
		memcpy(*body_r, p, *len_r);
}
