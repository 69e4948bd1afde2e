#ifndef UNIT_FDS_H
#define UNIT_FDS_H

/* Which descriptors this process has open: what must not grow. */

/* How many, those of the call itself not counted. */
int	fds_count(void);

/* Is this one open? */
int	fds_is_open(int fd);

#endif
