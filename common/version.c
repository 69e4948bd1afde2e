/* Which build a program is. */

#include "common/version.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/msg.h"

#define STRING(x)	#x
#define NUMBER(x)	STRING(x)
#define BEFORE		"@(#)meshsup "
#define BETWEEN		" protocol "

/*
 * Found by version_of_file().  Volatile: what is in the file counts, not what
 * the compiler knows.  BEFORE alone must not occur as a string of its own.
 */
static const volatile char mark[VERSION_TEXT_SIZE]
    __attribute__((__used__)) =
    BEFORE PACKAGE_VERSION BETWEEN NUMBER(MSG_PROTO);

/* The parts of a mark.  0 or -1. */
static int
mark_parse(const char *text, char *version_r, size_t size, int *proto_r)
{
	const char	*p = strstr(text, BETWEEN);
	char		*end;
	size_t		 n;
	long		 proto;

	if (p == NULL || (n = (size_t)(p - text)) == 0 || n >= size)
		return -1;
	p += sizeof BETWEEN - 1;
	proto = strtol(p, &end, 10);
	if (*p < '0' || *p > '9' || *end != '\0' || proto > 1000000)
		return -1;
	memcpy(version_r, text, n);
	version_r[n] = '\0';
	*proto_r = (int)proto;
	return 0;
}

/* Of this program. */
static void
mark_own(char version_r[VERSION_TEXT_SIZE], int *proto_r)
{
	char	copy[VERSION_TEXT_SIZE];
	size_t	i;

	for (i = 0; i < sizeof copy; i++)
		copy[i] = mark[i];
	copy[sizeof copy - 1] = '\0';
	if (mark_parse(copy + sizeof BEFORE - 1, version_r,
	    VERSION_TEXT_SIZE, proto_r) == -1) {
		version_r[0] = '\0';
		*proto_r = 0;
	}
}

const char *
version_text(void)
{
	static char	text[VERSION_TEXT_SIZE];
	int		proto;

	if (text[0] == '\0')
		mark_own(text, &proto);
	return text;
}

int
version_proto(void)
{
	char	text[VERSION_TEXT_SIZE];
	int	proto;

	mark_own(text, &proto);
	return proto;
}

/* The mark in these bytes; it ends with a NUL within them. */
static int
mark_find(const char *p, size_t len, char *version_r, size_t size,
    int *proto_r)
{
	/* Not in one piece, or it would be found here. */
	const char	*before[] = { "@(#)", "meshsup " };
	char		 want[sizeof BEFORE];
	const char	*at, *end = p + len;

	snprintf(want, sizeof want, "%s%s", before[0], before[1]);
	while ((at = memmem(p, (size_t)(end - p), want, strlen(want))) !=
	    NULL) {
		p = at + strlen(want);
		if (memchr(p, '\0', (size_t)(end - p)) != NULL &&
		    mark_parse(p, version_r, size, proto_r) == 0)
			return 0;
	}
	errno = ENOEXEC;
	return -1;
}

int
version_of_file(const char *path, char *text_r, size_t size, int *proto_r)
{
	struct stat	 st;
	void		*p = MAP_FAILED;
	int		 fd, ret = -1;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == -1)
		goto out;
	if (!S_ISREG(st.st_mode) || st.st_size == 0) {
		errno = ENOEXEC;
		goto out;
	}
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		goto out;
	ret = mark_find(p, (size_t)st.st_size, text_r, size, proto_r);
	munmap(p, (size_t)st.st_size);
out:
	fd_close(&fd);
	return ret;
}
