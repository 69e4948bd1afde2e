/* What others are told once a transaction is committed. */

#include "supervisor/store/notes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

void
notes_add(struct notes *n, enum note_kind kind,
    const uint8_t owner[OWNER_ID_LEN], int64_t seq)
{
	struct note	*note;

	if (n->n == n->size) {
		n->size = n->size != 0 ? 2 * n->size : 64;
		n->v = xreallocarray(n->v, n->size, sizeof *n->v);
	}
	note = &n->v[n->n++];
	note->kind = kind;
	memcpy(note->owner, owner, OWNER_ID_LEN);
	note->seq = seq;
}

void
notes_ended(struct notes *n, const uint8_t owner[OWNER_ID_LEN],
    const char *client_id, enum row_state state, const char *reason)
{
	struct msg_outcome	*o;

	if (n->nended == n->endedsize) {
		n->endedsize = n->endedsize != 0 ? 2 * n->endedsize : 64;
		n->ended = xreallocarray(n->ended, n->endedsize,
		    sizeof *n->ended);
	}
	o = &n->ended[n->nended++];
	memset(o, 0, sizeof *o);
	memcpy(o->owner, owner, OWNER_ID_LEN);
	snprintf(o->client_id, sizeof o->client_id, "%s", client_id);
	o->state = state;
	snprintf(o->reason, sizeof o->reason, "%s", reason);
}

/* By kind and owner, the greatest sequence first. */
static int
note_compare(const void *va, const void *vb)
{
	const struct note	*a = va, *b = vb;
	int			 c;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if ((c = memcmp(a->owner, b->owner, OWNER_ID_LEN)) != 0)
		return c;
	return a->seq > b->seq ? -1 : a->seq < b->seq;
}

void
notes_unique(struct notes *n)
{
	size_t	i, kept = 0;

	if (n->n == 0)
		return;
	qsort(n->v, n->n, sizeof *n->v, note_compare);
	for (i = 0; i < n->n; i++)
		if (kept == 0 || n->v[i].kind != n->v[kept - 1].kind ||
		    memcmp(n->v[i].owner, n->v[kept - 1].owner,
		    OWNER_ID_LEN) != 0)
			n->v[kept++] = n->v[i];
	n->n = kept;
}

void
notes_clear(struct notes *n)
{
	n->n = n->nended = 0;
}

void
notes_free(struct notes *n)
{
	free(n->v);
	free(n->ended);
	memset(n, 0, sizeof *n);
}
