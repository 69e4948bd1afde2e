#ifndef GATE_WHO_H
#define GATE_WHO_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/*
 * Who is asking.  Each check answers the request when it returns -1; they come
 * in this order, and guards before anything else.
 */

struct request;

/* Host, Origin, and no token in the query, which is parsed here. */
int	who_check_guards(struct request *);

/* A uid that may talk to us; by TCP, whoever has the local token. */
int	who_check_uid(struct request *);

/* The session whose token came with it, or none. */
int	who_check_session(struct request *);

/* An empty one, or a loopback name, with or without a port. */
int	who_host_ok(const char *);

enum who_token { WHO_NONE, WHO_TOKEN, WHO_MALFORMED };

/*
 * The session token in "Authorization: ClaudeMesh-Session <token>" or
 * "X-ClaudeMesh-Session: <token>"; each may be NULL.  A Bearer is somebody
 * else's.  *token_r is into an argument.
 */
enum who_token who_token_find(const char *authorization, const char *own,
	    const char **token_r);

/* Is it "Bearer <token>"?  Takes as long for one token as for any. */
int	who_bearer_ok(const char *authorization, const char *token);

#endif
