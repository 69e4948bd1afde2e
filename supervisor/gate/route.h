#ifndef GATE_ROUTE_H
#define GATE_ROUTE_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/* Which method and path goes to which handler. */

#include <stdint.h>

struct request;

#define ROUTE_OPEN	0x1	/* no session token is looked at, no limit */
#define ROUTE_BODY	0x2	/* a JSON object must come with it */
#define ROUTE_STREAM	0x4	/* counts as a stream, not as a request */
#define ROUTE_WAIT	0x8	/* one with ?wait= counts as a wait */
#define ROUTE_BODY_MAY	0x10	/* one may come; none counts as {} */
#define ROUTE_NEW	0x20	/* begins something: not while we stop */

#define ROUTE_ALLOW_SIZE 64

struct route {
	int		 method;	/* enum evhttp_cmd_type */
	const char	*path;		/* "{}" stands for any one segment */
	unsigned	 flags;
	uint32_t	 cap;		/* that a session needs, or 0 */
	void		(*handle)(struct request *);
};

/* The route behind this one, or the first; NULL at the end. */
const struct route *route_next(const struct route *);

/*
 * NULL: none; allow is then "" when there is no such path, else the methods
 * that it takes.  *arg_r is the decoded segment at "{}", allocated, or NULL.
 */
const struct route *route_find(int method, const char *path, char **arg_r,
	    char allow[ROUTE_ALLOW_SIZE]);

#endif
