#ifndef BROKER_TABLE_H
#define BROKER_TABLE_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/*
 * Hash tables whose entries are links inside the objects they find: putting
 * one in allocates nothing.  The hash is keyed with a random key, so that a
 * peer who chooses its names cannot make a long chain.
 */

#include <stddef.h>
#include <stdint.h>

struct link {
	struct link	*next;
	const void	*key;		/* in the object; NULL: out */
	size_t		 keylen;
	uint64_t	 hash;
};

struct table {
	struct link	**slots;
	size_t		 nslots;	/* 0, or a power of two */
	size_t		 count;
};

#define table_entry(link, type, member)					\
	((type *)(void *)((char *)(link) - offsetof(type, member)))

struct link *table_get(const struct table *, const void *key, size_t keylen);

/* The key must stay where it is while the link is in, and be unique. */
void	table_put(struct table *, struct link *, const void *key,
	    size_t keylen);

/* Does nothing when the link is in no table. */
void	table_del(struct table *, struct link *);

/* Frees the slots; the objects are their owner's. */
void	table_clear(struct table *);

#endif
