/* The key of this host. */

#include "supervisor/keys.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/xalloc.h"

/* Make it, once. */
static int
keys_make(uint8_t key[HOST_KEY_LEN], const char *path, char *err,
    size_t errlen)
{
	randombytes_buf(key, HOST_KEY_LEN);
	if (fd_write_file(path, 0600, key, HOST_KEY_LEN) == 0)
		return 0;
	sodium_memzero(key, HOST_KEY_LEN);
	snprintf(err, errlen, "%s: cannot make the host key: %s", path,
	    strerror(errno));
	return -1;
}

int
keys_load(uint8_t key[HOST_KEY_LEN], const char *path, int may_make,
    char *err, size_t errlen)
{
	struct stat	 st;
	char		*buf;
	size_t		 len;

	if (lstat(path, &st) == -1) {
		if (errno == ENOENT && may_make)
			return keys_make(key, path, err, errlen);
		snprintf(err, errlen, "%s: %s; without it nothing that is "
		    "stored can be read: restore it from a backup, or move "
		    "the state directory away to start anew", path,
		    strerror(errno));
		return -1;
	}
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid()) {
		snprintf(err, errlen, "%s: not a regular file of ours", path);
		return -1;
	}
	if ((st.st_mode & 077) != 0) {
		snprintf(err, errlen, "%s: others can read the host key (mode "
		    "%04o): chmod 600 it, and think of who may have it", path,
		    (unsigned)(st.st_mode & 07777));
		return -1;
	}
	buf = fd_read_file(path, HOST_KEY_LEN, &len);
	if (buf == NULL || len != HOST_KEY_LEN) {
		snprintf(err, errlen, "%s: not a host key of %d bytes; restore "
		    "it from a backup", path, HOST_KEY_LEN);
		if (buf != NULL)
			freezero(buf, len + 1);
		return -1;
	}
	memcpy(key, buf, HOST_KEY_LEN);
	freezero(buf, len + 1);
	return 0;
}
