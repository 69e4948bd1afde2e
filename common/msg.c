/* Encoding and decoding of every message, from its layout. */

#include "common/msg.h"

#include <errno.h>
#include <msgpack.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "common/msg_check.h"
#include "common/msg_layout.h"
#include "common/xalloc.h"

#define HEADER_FIELDS	2		/* type, seq */
#define OUT_SIZE	512		/* most messages fit */

static msgpack_zone	*unpack_zone;	/* reused; objects, not bytes */

const char *
msg_name(enum msg_type type)
{
	const struct msg_layout	*l = msg_layout((int)type);

	return l != NULL ? l->name : "unknown";
}

const char *
conn_state_name(enum conn_state s)
{
	static const char *const names[] = {
		[CONN_REGISTERED] = "registered",
		[CONN_STARTING] = "starting",
		[CONN_CONNECTING] = "connecting",
		[CONN_OPEN] = "open",
		[CONN_PARKED] = "parked",
		[CONN_DRAINING] = "draining",
		[CONN_ENDED] = "ended",
		[CONN_RECONNECTING] = "reconnecting",
	};

	return (unsigned)s <= CONN_STATE_MAX ? names[s] : "unknown";
}

/* ---- encode ---- */

/* What is encoded; grows without leaving a copy behind. */
struct out {
	uint8_t		*data;
	size_t		 len, size;
};

static int
out_write(void *arg, const char *data, size_t len)
{
	struct out	*o = arg;
	uint8_t		*grown;
	size_t		 size = o->size;

	if (len > size - o->len) {
		while (len > size - o->len)
			size = size == 0 ? OUT_SIZE : 2 * size;
		grown = xmalloc(size);
		if (o->len > 0)
			memcpy(grown, o->data, o->len);
		freezero(o->data, o->len);
		o->data = grown;
		o->size = size;
	}
	memcpy(o->data + o->len, data, len);
	o->len += len;
	return 0;
}

static int
put_ids(msgpack_packer *pk, const struct msg_field *f, const void *at)
{
	const uint32_t	*n = at;
	const uint64_t	*v = (const void *)((const char *)at +
			    offsetof(struct msg_ids, v));
	uint32_t	 i;

	if (*n > (uint64_t)f->max)
		return -1;
	msgpack_pack_array(pk, *n);
	for (i = 0; i < *n; i++) {
		if (v[i] > INT64_MAX)
			return -1;
		msgpack_pack_uint64(pk, v[i]);
	}
	return 0;
}

static int
put_bytes(msgpack_packer *pk, const void *p, size_t len)
{
	msgpack_pack_bin(pk, len);
	if (len > 0)
		msgpack_pack_bin_body(pk, p, len);
	return 0;
}

/* One field; -1: out of its limits. */
static int
put_field(msgpack_packer *pk, const struct msg_field *f, const void *at)
{
	const struct msg_slice	*slice = at;
	int64_t			 i;
	uint64_t		 u;
	uint32_t		 w;
	size_t			 len;

	switch (f->type) {
	case FIELD_INT:
		memcpy(&i, at, sizeof i);
		if (i < f->min || i > f->max)
			return -1;
		msgpack_pack_int64(pk, i);
		return 0;
	case FIELD_UINT:
		memcpy(&u, at, sizeof u);
		if (u > (uint64_t)f->max)
			return -1;
		msgpack_pack_uint64(pk, u);
		return 0;
	case FIELD_UINT32:
		memcpy(&w, at, sizeof w);
		if (w > f->max)
			return -1;
		msgpack_pack_uint32(pk, w);
		return 0;
	case FIELD_BYTES:
		return put_bytes(pk, at, f->size);
	case FIELD_STR:
		if ((len = strnlen(at, f->size)) == f->size)
			return -1;
		msgpack_pack_str(pk, len);
		msgpack_pack_str_body(pk, at, len);
		return 0;
	case FIELD_SLICE:
		if (slice->len > (uint64_t)f->max)
			return -1;
		return put_bytes(pk, slice->p, slice->len);
	case FIELD_IDS:
		return put_ids(pk, f, at);
	}
	return -1;
}

/* Into o; the caller wipes and frees it, also after a failure. */
static int
encode(struct out *o, enum msg_type type, uint32_t seq, const void *body)
{
	const struct msg_layout	*l = msg_layout((int)type);
	msgpack_packer		 pk;
	size_t			 i;

	if (l == NULL || (l->n > 0) != (body != NULL)) {
		errno = EINVAL;
		return -1;
	}
	msgpack_packer_init(&pk, o, out_write);
	msgpack_pack_array(&pk, HEADER_FIELDS + l->n);
	msgpack_pack_int(&pk, (int)type);
	msgpack_pack_uint32(&pk, seq);
	for (i = 0; i < l->n; i++) {
		if (put_field(&pk, &l->fields[i],
		    (const char *)body + l->fields[i].offset) == -1) {
			errno = EINVAL;
			return -1;
		}
	}
	return 0;
}

int
msg_send(struct channel *ch, enum msg_type type, uint32_t seq,
    const void *body, int fd)
{
	struct out	o = { NULL, 0, 0 };
	int		ret, saved;

	if ((ret = encode(&o, type, seq, body)) == 0)
		ret = channel_send(ch, o.data, o.len, fd);
	else
		fd_close(&fd);
	saved = errno;
	freezero(o.data, o.len);
	errno = saved;
	return ret;
}

int
msg_encode(enum msg_type type, uint32_t seq, const void *body,
    uint8_t **buf_r, size_t *len_r)
{
	struct out	o = { NULL, 0, 0 };

	if (encode(&o, type, seq, body) == -1) {
		freezero(o.data, o.len);
		return -1;
	}
	*buf_r = o.data;
	*len_r = o.len;
	return 0;
}

/* ---- decode ---- */

/* A small unsigned number of the header at *off, which moves on. */
static int
header_number(const uint8_t *p, size_t len, size_t *off, uint32_t *v)
{
	unsigned	n;
	uint8_t		b;

	if (*off >= len)
		return -1;
	b = p[(*off)++];
	if (b <= 0x7f) {
		*v = b;
		return 0;
	}
	if (b < 0xcc || b > 0xce)
		return -1;
	n = 1u << (b - 0xcc);
	if (len - *off < n)
		return -1;
	for (*v = 0; n > 0; n--)
		*v = *v << 8 | p[(*off)++];
	return 0;
}

int
msg_parse(struct msg *m, const uint8_t *data, size_t len)
{
	uint32_t	type;
	size_t		off;

	memset(m, 0, sizeof *m);
	m->fd = -1;
	if (msg_check(data, len) == -1)
		return -1;
	off = data[0] == 0xdc ? 3 : data[0] == 0xdd ? 5 : 1;
	if (header_number(data, len, &off, &type) == -1 ||
	    header_number(data, len, &off, &m->seq) == -1 ||
	    type > MSG_TYPE_MAX || msg_layout((int)type) == NULL)
		return -1;
	m->type = (enum msg_type)type;
	m->data = data;
	m->len = len;
	return 0;
}

int
msg_recv(struct channel *ch, struct msg *m)
{
	struct packet	pkt;
	int		ret;

	memset(m, 0, sizeof *m);
	m->fd = -1;
	if ((ret = channel_recv(ch, &pkt)) != 1)
		return ret;
	if (msg_parse(m, pkt.data, pkt.len) == -1 ||
	    (pkt.big && !msg_layout((int)m->type)->big)) {
		fd_close(&pkt.fd);
		errno = EPROTO;
		return -1;
	}
	m->fd = pkt.fd;
	m->big = pkt.big;
	return 1;
}

static int
get_uint(const msgpack_object *o, int64_t max, uint64_t *v)
{
	if (o->type != MSGPACK_OBJECT_POSITIVE_INTEGER ||
	    o->via.u64 > (uint64_t)max)
		return -1;
	*v = o->via.u64;
	return 0;
}

static int
get_int(const msgpack_object *o, const struct msg_field *f, void *at)
{
	int64_t	v;

	if (o->type == MSGPACK_OBJECT_POSITIVE_INTEGER &&
	    o->via.u64 <= INT64_MAX)
		v = (int64_t)o->via.u64;
	else if (o->type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
		v = o->via.i64;
	else
		return -1;
	if (v < f->min || v > f->max)
		return -1;
	memcpy(at, &v, sizeof v);
	return 0;
}

static int
get_ids(const msgpack_object *o, const struct msg_field *f, void *at)
{
	uint32_t	*n = at;
	uint64_t	*v = (void *)((char *)at + offsetof(struct msg_ids, v));
	uint32_t	 i;

	if (o->type != MSGPACK_OBJECT_ARRAY ||
	    o->via.array.size > (uint64_t)f->max)
		return -1;
	*n = o->via.array.size;
	for (i = 0; i < *n; i++)
		if (get_uint(&o->via.array.ptr[i], INT64_MAX, &v[i]) == -1)
			return -1;
	return 0;
}

/* For what is empty msgpack-c has any pointer, NULL too. */
static int
get_str(const msgpack_object *o, const struct msg_field *f, char *at)
{
	uint32_t	len = o->via.str.size;

	if (o->type != MSGPACK_OBJECT_STR || len >= f->size)
		return -1;
	if (len > 0) {
		if (memchr(o->via.str.ptr, '\0', len) != NULL)
			return -1;
		memcpy(at, o->via.str.ptr, len);
	}
	at[len] = '\0';
	return 0;
}

static int
get_slice(const msgpack_object *o, const struct msg_field *f,
    struct msg_slice *slice)
{
	static const uint8_t	empty[1];

	if (o->type != MSGPACK_OBJECT_BIN ||
	    o->via.bin.size > (uint64_t)f->max)
		return -1;
	slice->len = o->via.bin.size;
	slice->p = slice->len > 0 ? (const uint8_t *)o->via.bin.ptr : empty;
	return 0;
}

/* One field; -1: of another type, or out of its limits. */
static int
get_field(const msgpack_object *o, const struct msg_field *f, void *at)
{
	uint64_t	 u;
	uint32_t	 w;

	switch (f->type) {
	case FIELD_INT:
		return get_int(o, f, at);
	case FIELD_UINT:
		if (get_uint(o, f->max, &u) == -1)
			return -1;
		memcpy(at, &u, sizeof u);
		return 0;
	case FIELD_UINT32:
		if (get_uint(o, f->max, &u) == -1)
			return -1;
		w = (uint32_t)u;
		memcpy(at, &w, sizeof w);
		return 0;
	case FIELD_BYTES:
		if (o->type != MSGPACK_OBJECT_BIN ||
		    o->via.bin.size != f->size)
			return -1;
		memcpy(at, o->via.bin.ptr, f->size);
		return 0;
	case FIELD_STR:
		return get_str(o, f, at);
	case FIELD_SLICE:
		return get_slice(o, f, at);
	case FIELD_IDS:
		return get_ids(o, f, at);
	}
	return -1;
}

int
msg_decode(const struct msg *m, void *body)
{
	const struct msg_layout	*l = msg_layout((int)m->type);
	msgpack_object		 o;
	size_t			 i, off = 0;

	if (l == NULL)
		return -1;
	if (unpack_zone == NULL &&
	    (unpack_zone = msgpack_zone_new(16384)) == NULL)
		return -1;
	msgpack_zone_clear(unpack_zone);
	if (msgpack_unpack((const char *)m->data, m->len, &off, unpack_zone,
	    &o) != MSGPACK_UNPACK_SUCCESS || o.type != MSGPACK_OBJECT_ARRAY ||
	    o.via.array.size != HEADER_FIELDS + l->n)
		return -1;
	if (l->n == 0)
		return 0;
	memset(body, 0, l->size);
	for (i = 0; i < l->n; i++)
		if (get_field(&o.via.array.ptr[HEADER_FIELDS + i],
		    &l->fields[i], (char *)body + l->fields[i].offset) == -1)
			return -1;
	return 0;
}

void
msg_drop_fd(struct msg *m)
{
	fd_close(&m->fd);
}

int
msg_take_fd(struct msg *m)
{
	int	fd = m->fd;

	m->fd = -1;
	return fd;
}
