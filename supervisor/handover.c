/*
 * The layout: "mshandov", its number, the length of what follows, its hash, and
 * the fields, numbers in little-endian order, texts with their length before
 * them.  One function walks the fields both to write and to read them, so that
 * the two cannot disagree.
 */

#include "supervisor/handover.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/log.h"
#include "common/xalloc.h"

#define MAGIC		"mshandov"
#define MAGIC_LEN	8
#define HASH_LEN	32
#define HEAD_LEN	(MAGIC_LEN + 4 + 4 + HASH_LEN)
#define TOTAL_MAX	(16 * 1024 * 1024)
#define FD_MAX		(1 << 22)
#define SEALS		(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | \
	F_SEAL_WRITE)

struct wire {
	int		 writing;
	uint8_t		*out;		/* writing: allocated */
	const uint8_t	*in;
	size_t		 at, len;
	int		 bad;
};

static void
wire_bytes(struct wire *w, void *p, size_t n)
{
	if (w->bad)
		return;
	if (w->writing) {
		w->out = xreallocarray(w->out, w->at + n + 1, 1);
		memcpy(w->out + w->at, p, n);
	} else if (n > w->len - w->at) {
		w->bad = 1;
		return;
	} else
		memcpy(p, w->in + w->at, n);
	w->at += n;
}

static void
wire_u32(struct wire *w, uint32_t *v, uint32_t max)
{
	uint8_t	b[4] = { (uint8_t)*v, (uint8_t)(*v >> 8),
		    (uint8_t)(*v >> 16), (uint8_t)(*v >> 24) };

	wire_bytes(w, b, sizeof b);
	if (!w->writing && !w->bad)
		*v = (uint32_t)b[0] | (uint32_t)b[1] << 8 |
		    (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
	if (*v > max)
		w->bad = 1;
}

static void
wire_i64(struct wire *w, int64_t *v)
{
	uint64_t	u = (uint64_t)*v;
	uint32_t	low = (uint32_t)u, high = (uint32_t)(u >> 32);

	wire_u32(w, &low, UINT32_MAX);
	wire_u32(w, &high, INT32_MAX);		/* no time is negative */
	if (!w->writing && !w->bad)
		*v = (int64_t)((uint64_t)high << 32 | low);
}

/* A descriptor; may: or none, -1. */
static void
wire_fd(struct wire *w, int32_t *fd, int may)
{
	uint32_t	v = (uint32_t)(*fd + 1);

	wire_u32(w, &v, FD_MAX);
	if (v == 0 && !may)
		w->bad = 1;
	if (!w->writing && !w->bad)
		*fd = (int32_t)v - 1;
}

static void
wire_text(struct wire *w, char *s, size_t size)
{
	uint32_t	n = w->writing ? (uint32_t)strnlen(s, size) : 0;

	wire_u32(w, &n, (uint32_t)size - 1);
	wire_bytes(w, s, w->bad ? 0 : n);
	if (w->writing || w->bad)
		return;
	s[n] = '\0';
	if (strlen(s) != n)
		w->bad = 1;
}

static void
wire_path(struct wire *w, char *s)
{
	wire_text(w, s, HANDOVER_PATH_SIZE);
	if (!w->bad && s[0] != '/')
		w->bad = 1;
}

/* Room for n elements, each of which takes that many bytes here. */
static void *
wire_list(struct wire *w, uint32_t *n, size_t each, void *p, size_t size)
{
	wire_u32(w, n, HANDOVER_LIST_MAX);
	if (!w->writing && !w->bad && *n > (w->len - w->at) / each)
		w->bad = 1;
	if (w->bad && !w->writing)
		*n = 0;
	return w->writing ? p : xcalloc(*n + 1u, size);
}

static void
wire_fields(struct wire *w, struct handover *h)
{
	uint32_t	i;

	wire_text(w, h->version, sizeof h->version);
	wire_u32(w, &h->proto, INT32_MAX);
	wire_path(w, h->config);
	wire_u32(w, &h->config_named, 1);
	wire_path(w, h->state_dir);
	wire_path(w, h->run_dir);
	wire_text(w, h->reference, sizeof h->reference);
	wire_u32(w, &h->foreground, 1);
	wire_i64(w, &h->started_at);
	wire_i64(w, &h->started_mono);
	wire_u32(w, &h->upgrades, INT32_MAX);
	wire_fd(w, &h->state_lock, 0);
	wire_fd(w, &h->run_lock, 0);
	wire_fd(w, &h->listen_unix, 0);
	wire_fd(w, &h->listen_admin, 0);
	wire_fd(w, &h->listen_tcp, 1);
	wire_fd(w, &h->listen_broker, 1);
	wire_u32(w, &h->given_unix, 1);
	wire_u32(w, &h->given_admin, 1);
	wire_u32(w, &h->tcp_port, UINT16_MAX);
	wire_text(w, h->broker_listen, sizeof h->broker_listen);
	wire_text(w, h->broker_host, sizeof h->broker_host);
	wire_u32(w, &h->broker_port, UINT16_MAX);
	h->owners = wire_list(w, &h->n_owners, OWNER_ID_LEN + 4, h->owners,
	    sizeof *h->owners);
	for (i = 0; i < h->n_owners && !w->bad; i++) {
		wire_bytes(w, h->owners[i].owner, OWNER_ID_LEN);
		wire_fd(w, &h->owners[i].pidfd, 0);
	}
	h->open = wire_list(w, &h->n_open, OWNER_ID_LEN, h->open,
	    sizeof *h->open);
	for (i = 0; i < h->n_open && !w->bad; i++)
		wire_bytes(w, h->open[i], OWNER_ID_LEN);
}

static void
put_u32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
	p[2] = (uint8_t)(v >> 16);
	p[3] = (uint8_t)(v >> 24);
}

static uint32_t
get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24;
}

uint8_t *
handover_encode(const struct handover *h, size_t *len_r)
{
	struct handover	 copy = *h;
	struct wire	 w = { .writing = 1 };
	uint8_t		 head[HEAD_LEN] = MAGIC;

	wire_bytes(&w, head, sizeof head);
	wire_fields(&w, &copy);
	if (w.bad)
		fatalx("upgrade: what is handed over is out of its limits");
	put_u32(w.out + MAGIC_LEN, HANDOVER_LAYOUT);
	put_u32(w.out + MAGIC_LEN + 4, (uint32_t)(w.at - HEAD_LEN));
	crypto_generichash(w.out + MAGIC_LEN + 8, HASH_LEN, w.out + HEAD_LEN,
	    w.at - HEAD_LEN, NULL, 0);
	*len_r = w.at;
	return w.out;
}

int
handover_decode(struct handover *h, const uint8_t *p, size_t len, char *err,
    size_t errlen)
{
	struct wire	w = { .in = p, .at = HEAD_LEN, .len = len };
	uint8_t		hash[HASH_LEN];

	memset(h, 0, sizeof *h);
	if (len < HEAD_LEN || memcmp(p, MAGIC, MAGIC_LEN) != 0) {
		snprintf(err, errlen, "what is handed over is nothing of "
		    "meshsup");
		return -1;
	}
	if (get_u32(p + MAGIC_LEN) != HANDOVER_LAYOUT) {
		snprintf(err, errlen, "the running meshsup hands over in "
		    "layout %u, and this one takes layout %d: restart it "
		    "instead", get_u32(p + MAGIC_LEN), HANDOVER_LAYOUT);
		return -1;
	}
	crypto_generichash(hash, sizeof hash, p + HEAD_LEN, len - HEAD_LEN,
	    NULL, 0);
	if (get_u32(p + MAGIC_LEN + 4) != len - HEAD_LEN ||
	    memcmp(hash, p + MAGIC_LEN + 8, sizeof hash) != 0)
		w.bad = 1;
	else
		wire_fields(&w, h);
	if (!w.bad && w.at == w.len)
		return 0;
	snprintf(err, errlen, "what is handed over is damaged: restart "
	    "meshsup instead");
	return -1;
}

void
handover_clear(struct handover *h)
{
	free(h->owners);
	free(h->open);
	memset(h, 0, sizeof *h);
}

int
handover_write(const struct handover *h)
{
	size_t	 len;
	uint8_t	*buf = handover_encode(h, &len);
	int	 fd;

	fd = memfd_create("meshsup-handover", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd != -1 && (fd_write_all(fd, buf, len) == -1 ||
	    fcntl(fd, F_ADD_SEALS, SEALS) == -1))
		fd_close(&fd);
	free(buf);
	return fd;
}

int
handover_read(struct handover *h, int fd, char *err, size_t errlen)
{
	struct stat	 st;
	int		 seals = fcntl(fd, F_GET_SEALS), ret;
	void		*p;

	memset(h, 0, sizeof *h);
	if (seals == -1 || (seals & SEALS) != SEALS || fstat(fd, &st) == -1 ||
	    st.st_size <= 0 || st.st_size > TOTAL_MAX) {
		snprintf(err, errlen, "what is handed over is no sealed "
		    "memory");
		return -1;
	}
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED) {
		snprintf(err, errlen, "what is handed over: %s",
		    strerror(errno));
		return -1;
	}
	ret = handover_decode(h, p, (size_t)st.st_size, err, errlen);
	munmap(p, (size_t)st.st_size);
	return ret;
}
