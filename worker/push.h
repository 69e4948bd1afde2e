#ifndef WORKER_PUSH_H
#define WORKER_PUSH_H

/* A push, checked field by field. */

#include "worker/frame.h"

struct push {
	char		 message_id[BROKER_ID_SIZE];	/* "": none */
	char		 client_id[CLIENT_ID_SIZE];	/* "": none */
	char		 sender[SENDER_SIZE];
	int		 has_key;			/* sender is a key */
	uint8_t		 sender_key[KEY_PUBLIC_LEN];
	char		 sender_member[HEX_KEY_SIZE];	/* "": not given */
	char		 sender_name[NAME_SIZE];	/* "": not given */
	enum row_priority priority;
	int		 has_nonce;
	uint8_t		 nonce[ENVELOPE_NONCE_LEN];
	int		 has_topic, has_subtype, has_reply_to;
	char		 topic[TOPIC_SIZE];
	char		 subtype[SUBTYPE_SIZE];
	char		 reply_to[CLIENT_ID_SIZE];
	int64_t		 created_at;
	int		 system;	/* subtype "system" */
	int		 history;	/* read, not pushed: nothing to acknowledge */
	char		 event[65];	/* system and webhook; "": none */
	const json_t	*event_data;	/* an object of the frame, or NULL */
	/* The ciphertext, decoded when it is base64, else as it came. */
	int		 base64;
	uint8_t		*data;		/* allocated */
	size_t		 len;
};

/*
 * 0, or -1: what a message cannot be without (sender, ciphertext) is missing
 * or malformed.  Other malformed fields are left out.  now_ms stands in for a
 * time that is missing.
 */
int	push_parse(struct push *, const struct frame *, int64_t now_ms);
void	push_clear(struct push *);	/* wipes and frees */

#endif
