#ifndef CHAOS_DISKLOG_H
#define CHAOS_DISKLOG_H

/* The log of disklog.c, between the shim and those who read it. */

#include <stdint.h>

#define RECORD_MAGIC	0x6c6f7373u

enum what {
	MADE = 1,	/* a file that was not there */
	WROTE,		/* len bytes at an offset */
	CUT,		/* made as long as `at` */
	SYNCED,		/* all before is on the disk */
	GONE,		/* unlinked */
};

struct record {
	uint32_t	magic;
	uint32_t	what;
	uint64_t	at;
	uint64_t	len;		/* of the data of WROTE */
	uint32_t	namelen;
	uint32_t	spare;
};

#endif
