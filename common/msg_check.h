#ifndef COMMON_MSG_CHECK_H
#define COMMON_MSG_CHECK_H

/*
 * Look at a packet before msgpack-c unpacks it.  msgpack-c reserves memory for
 * as many elements as a header claims: five bytes made it reserve 4 GB.
 */

#include <stddef.h>
#include <stdint.h>

#define MSG_DEPTH_MAX		3	/* packet, list in it, element of that */
#define MSG_ELEMENTS_MAX	4096	/* over the whole packet */

/*
 * 0 when the bytes are exactly one well-formed msgpack array that is no deeper
 * than MSG_DEPTH_MAX, has no map and no ext, and claims no more elements and
 * bytes than are there.  Else -1.
 */
int	msg_check(const uint8_t *, size_t);

#endif
