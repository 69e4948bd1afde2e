/* Lines of the host, piece by piece. */

#include "supervisor/cli/mcp_in.h"

#include <string.h>

#include "common/xalloc.h"
#include "supervisor/cli/buf.h"

#define KEEP_MAX	65536	/* memory that is kept for the next line */

struct mcp_in {
	size_t		 max;
	mcp_line_cb	 cb;
	void		*arg;
	struct buf	 line;
	int		 too_long;	/* drop all up to its end */
};

struct mcp_in *
mcp_in_new(size_t max, mcp_line_cb cb, void *arg)
{
	struct mcp_in	*in = xcalloc(1, sizeof *in);

	in->max = max;
	in->cb = cb;
	in->arg = arg;
	return in;
}

void
mcp_in_free(struct mcp_in **inp)
{
	if (*inp == NULL)
		return;
	buf_free(&(*inp)->line);
	freezero(*inp, sizeof **inp);
	*inp = NULL;
}

static int
is_blank(const struct buf *b)
{
	size_t	 i;

	for (i = 0; i < b->len; i++) {
		if (b->p[i] != ' ' && b->p[i] != '\t')
			return 0;
	}
	return 1;
}

static void
line_forget(struct mcp_in *in)
{
	in->too_long = 0;
	if (in->line.cap > KEEP_MAX)
		buf_free(&in->line);
	else
		buf_reset(&in->line);
}

static void
line_end(struct mcp_in *in)
{
	struct buf	*b = &in->line;

	if (in->too_long)
		in->cb(in->arg, NULL, 0);
	else {
		if (b->len > 0 && b->p[b->len - 1] == '\r')
			b->p[--b->len] = '\0';
		if (!is_blank(b))
			in->cb(in->arg, b->p, b->len);
	}
	line_forget(in);
}

/* Bytes of a line, up to its end. */
static void
line_add(struct mcp_in *in, const char *p, size_t len)
{
	if (!in->too_long && len > in->max - in->line.len) {
		line_forget(in);
		in->too_long = 1;
	}
	if (!in->too_long)
		buf_add(&in->line, p, len);
}

void
mcp_in_feed(struct mcp_in *in, const char *p, size_t len)
{
	const char	*nl;
	size_t		 n;

	while (len > 0) {
		nl = memchr(p, '\n', len);
		n = nl != NULL ? (size_t)(nl - p) : len;
		line_add(in, p, n);
		if (nl == NULL)
			return;
		line_end(in);
		p += n + 1;
		len -= n + 1;
	}
}

void
mcp_in_end(struct mcp_in *in)
{
	if (in->line.len > 0 || in->too_long)
		line_end(in);
}
