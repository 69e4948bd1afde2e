/* Texts that a verb sends. */

#include "supervisor/cli/input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/encode.h"
#include "supervisor/cli/api.h"

/* All that there is to read; where is "the standard input", or a path. */
static int
read_all(const struct cli *c, int fd, const char *what, const char *where,
    struct buf *b)
{
	char	 piece[16384];
	ssize_t	 n;
	int	 rc = CLI_OK;

	while (rc == CLI_OK && (n = read(fd, piece, sizeof piece)) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			rc = cli_fail(c, "%s: %s", where, strerror(errno));
		else
			buf_add(b, piece, (size_t)n);
		if (b->len > API_BODY_MAX)
			rc = cli_fail(c, "%s on %s is over %d bytes, more "
			    "than the daemon takes", what, where,
			    API_BODY_MAX);
	}
	explicit_bzero(piece, sizeof piece);
	return rc;
}

static int
check(const struct cli *c, const char *what, const struct buf *b)
{
	if (b->len == 0)
		return cli_fail(c, "%s is empty", what);
	if (!utf8_valid(b->p, b->len, 0) ||
	    memchr(b->p, '\0', b->len) != NULL)
		return cli_fail(c, "%s is not UTF-8 text", what);
	return CLI_OK;
}

int
input_text(const struct cli *c, const char *operand, const char *what,
    struct buf *b)
{
	if (strcmp(operand, "-") == 0)
		return input_file(c, operand, what, b);
	buf_adds(b, operand);
	return check(c, what, b);
}

int
input_file(const struct cli *c, const char *path, const char *what,
    struct buf *b)
{
	int	 fd, rc;

	if (strcmp(path, "-") == 0)
		rc = read_all(c, STDIN_FILENO, what, "the standard input", b);
	else if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return cli_fail(c, "%s: %s: %s", what, path, strerror(errno));
	else {
		rc = read_all(c, fd, what, path, b);
		close(fd);
	}
	return rc == CLI_OK ? check(c, what, b) : rc;
}
