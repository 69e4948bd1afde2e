#ifndef COMMON_UUID_H
#define COMMON_UUID_H

#define UUID_SIZE	37	/* 36 characters and NUL */

/* A new UUIDv7 (RFC 9562), lower case, rising within one process. */
char	*uuid_v7(char out[UUID_SIZE]);

/* A new random UUIDv4. */
char	*uuid_v4(char out[UUID_SIZE]);

/* Is it a UUID of any version, 8-4-4-4-12 lower or upper case? */
int	 uuid_is(const char *);

#endif
