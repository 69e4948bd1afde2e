/*
 * Hash tables with links inside the objects.
 */

#include "contrib/broker/table.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

#define FIRST_SLOTS	16

static uint64_t
hash_of(const void *key, size_t keylen)
{
	static unsigned char	 seed[crypto_shorthash_KEYBYTES];
	static int		 seeded;
	unsigned char		 out[crypto_shorthash_BYTES];
	uint64_t		 hash;

	if (!seeded) {
		crypto_shorthash_keygen(seed);
		seeded = 1;
	}
	crypto_shorthash(out, key, keylen, seed);
	memcpy(&hash, out, sizeof hash);
	return hash;
}

static struct link **
slot_of(const struct table *t, uint64_t hash)
{
	return &t->slots[hash & (t->nslots - 1)];
}

static void
table_grow(struct table *t)
{
	struct table	 old = *t;
	struct link	*l, *next, **slot;
	size_t		 i;

	t->nslots = old.nslots == 0 ? FIRST_SLOTS : old.nslots * 2;
	t->slots = xcalloc(t->nslots, sizeof *t->slots);
	for (i = 0; i < old.nslots; i++) {
		for (l = old.slots[i]; l != NULL; l = next) {
			next = l->next;
			slot = slot_of(t, l->hash);
			l->next = *slot;
			*slot = l;
		}
	}
	free(old.slots);
}

struct link *
table_get(const struct table *t, const void *key, size_t keylen)
{
	struct link	*l;
	uint64_t	 hash;

	if (t->count == 0)
		return NULL;
	hash = hash_of(key, keylen);
	for (l = *slot_of(t, hash); l != NULL; l = l->next)
		if (l->hash == hash && l->keylen == keylen &&
		    memcmp(l->key, key, keylen) == 0)
			return l;
	return NULL;
}

void
table_put(struct table *t, struct link *l, const void *key, size_t keylen)
{
	struct link	**slot;

	if (t->count >= t->nslots)
		table_grow(t);
	l->key = key;
	l->keylen = keylen;
	l->hash = hash_of(key, keylen);
	slot = slot_of(t, l->hash);
	l->next = *slot;
	*slot = l;
	t->count++;
}

void
table_del(struct table *t, struct link *l)
{
	struct link	**at;

	if (l->key == NULL)
		return;
	for (at = slot_of(t, l->hash); *at != l; at = &(*at)->next)
		continue;
	*at = l->next;
	l->key = NULL;
	t->count--;
}

void
table_clear(struct table *t)
{
	free(t->slots);
	t->slots = NULL;
	t->nslots = t->count = 0;
}
