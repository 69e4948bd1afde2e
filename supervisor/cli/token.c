/* Token files: read strictly, written whole or not at all. */

#include "supervisor/cli/token.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/encode.h"
#include "common/fd.h"
#include "common/xalloc.h"

#define TOKEN_RAW	(TOKEN_HEX / 2)

static int token_fail(char *err, size_t errlen, const char *, ...)
	    __attribute__((__format__(printf, 3, 4)));

static int
token_fail(char *err, size_t errlen, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	vsnprintf(err, errlen, fmt, ap);
	va_end(ap);
	return -1;
}

void
token_wipe(struct token *t)
{
	explicit_bzero(t, sizeof *t);
}

void
token_mint(struct token *t)
{
	unsigned char	 raw[TOKEN_RAW];

	randombytes_buf(raw, sizeof raw);
	hex_encode(t->hex, raw, sizeof raw);
	explicit_bzero(raw, sizeof raw);
}

const char *
token_hex(const struct token *t)
{
	return *t->hex != '\0' ? t->hex : NULL;
}

int
token_id_is_valid(const char *id)
{
	size_t	 i;

	for (i = 0; id[i] != '\0'; i++) {
		if (i == TOKEN_ID_MAX || id[i] <= ' ' || id[i] > '~')
			return 0;
	}
	return i > 0;
}

/* The next line, without its end.  Returns its length, -1: it does not fit. */
static int
line_next(const char **p, size_t *left, char *out, size_t outsize)
{
	const char	*nl = memchr(*p, '\n', *left);
	size_t		 len = nl != NULL ? (size_t)(nl - *p) : *left;
	size_t		 took = nl != NULL ? len + 1 : len;

	if (len > 0 && (*p)[len - 1] == '\r')
		len--;
	if (len >= outsize || memchr(*p, '\0', len) != NULL)
		return -1;
	memcpy(out, *p, len);
	out[len] = '\0';
	*p += took;
	*left -= took;
	return (int)len;
}

int
token_parse(struct token *t, const char *p, size_t len)
{
	token_wipe(t);
	if (line_next(&p, &len, t->hex, sizeof t->hex) == -1 ||
	    !hex_is(t->hex, TOKEN_HEX))
		goto fail;
	if (len > 0 && line_next(&p, &len, t->session_id,
	    sizeof t->session_id) == -1)
		goto fail;
	if (*t->session_id != '\0' && !token_id_is_valid(t->session_id))
		goto fail;
	if (len > 0)
		goto fail;
	return 0;

fail:
	token_wipe(t);
	return -1;
}

int
token_load(struct token *t, const char *path, char *err, size_t errlen)
{
	size_t	 len = 0;
	char	*text = fd_read_file(path, TOKEN_FILE_MAX, &len);
	int	 absent = text == NULL && errno == ENOENT, valid;

	if (text == NULL && errno != EFBIG && errno != EINVAL) {
		token_fail(err, errlen, "token file %s: %s", path,
		    strerror(errno));
		return absent ? 1 : -1;
	}
	valid = text != NULL && token_parse(t, text, len) == 0;
	freezero(text, len + 1);
	if (!valid)
		return token_fail(err, errlen, "token file %s: not a "
		    "session's token (64 hex digits)", path);
	return 0;
}

int
token_prepare(struct token_draft *d, const struct token *t, const char *path,
    char *err, size_t errlen)
{
	char	 text[TOKEN_FILE_MAX];
	int	 fd, len, failed;

	d->path = xstrdup(path);
	xasprintf(&d->temp, "%s.XXXXXX", path);
	/* mkostemp() makes it 0600 and never opens what is there. */
	if ((fd = mkostemp(d->temp, O_CLOEXEC)) == -1) {
		token_fail(err, errlen, "cannot write %s: %s", path,
		    strerror(errno));
		free(d->temp);
		d->temp = NULL;
		token_drop(d);
		return -1;
	}
	len = snprintf(text, sizeof text, "%s\n%s%s", t->hex, t->session_id,
	    *t->session_id != '\0' ? "\n" : "");
	failed = fd_write_all(fd, text, (size_t)len) == -1 || fsync(fd) == -1;
	explicit_bzero(text, sizeof text);
	if (failed)
		token_fail(err, errlen, "cannot write %s: %s", path,
		    strerror(errno));
	close(fd);
	if (failed)
		token_drop(d);
	return failed ? -1 : 0;
}

int
token_commit(struct token_draft *d, char *err, size_t errlen)
{
	if (rename(d->temp, d->path) == -1) {
		token_fail(err, errlen, "cannot write %s: %s", d->path,
		    strerror(errno));
		token_drop(d);
		return -1;
	}
	free(d->temp);
	d->temp = NULL;
	token_drop(d);
	return 0;
}

void
token_drop(struct token_draft *d)
{
	if (d->temp != NULL)
		unlink(d->temp);
	free(d->temp);
	free(d->path);
	memset(d, 0, sizeof *d);
}
