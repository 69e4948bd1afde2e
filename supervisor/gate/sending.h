#ifndef GATE_SENDING_H
#define GATE_SENDING_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/* The body of POST /v1/send, checked, and the size of what it becomes. */

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "common/fingerprint.h"
#include "common/rows.h"
#include "supervisor/gate/fault.h"

#define SENDING_FRAME_MAX	65536	/* bytes that a broker takes */

enum sending_target {
	TARGET_KEY,		/* 64 hex digits */
	TARGET_ALL,		/* "*" */
	TARGET_GROUP,		/* "@name" */
	TARGET_TOPIC,		/* "#name" or "#id" of a topic */
	TARGET_NAME,		/* a peer's name, or the beginning of a key */
};

/* Strings are into the body or the header, unless they say otherwise. */
struct sending {
	const char	*to;		/* as given; the fingerprint needs it */
	enum sending_target kind;
	char		 target[TARGET_SIZE];	/* as it will travel, but for */
				/* a name or topic, still to be resolved */
	const char	*message;
	size_t		 len;
	const char	*mesh, *reply_to, *client_id;	/* or NULL */
	enum row_priority priority;
	char		*meta;		/* canonical, allocated; or NULL */
};

/*
 * idempotency_key is the header's value, or NULL; the body's client_message_id
 * goes before it.  0, -1.  To be cleared in any case.
 */
int	sending_parse(struct sending *, const json_t *,
	    const char *idempotency_key, struct fault *);
void	sending_clear(struct sending *);

void	sending_fingerprint(const struct sending *,
	    uint8_t out[FINGERPRINT_LEN]);

/* Is it to one peer, and so encrypted? */
int	sending_is_direct(const struct sending *);

/* Must it be asked what that means? */
int	sending_is_name(const struct sending *);

/* What kind of target that is. */
enum sending_target sending_kind(const char *to);

/* All that decides how large a `send` frame gets, but for its text. */
struct sending_frame {
	const char	*client_id;	/* NULL: as long as a UUID */
	const char	*target;	/* NULL: not known yet, so long: */
	size_t		 target_max;	/* 0: as long as a key */
	const char	*reply_to;	/* or NULL */
	enum row_priority priority;
	int		 direct;
};

/* How many bytes of plaintext it has room for. */
size_t	sending_frame_room(const struct sending_frame *);
size_t	sending_room(const struct sending *);

#endif
