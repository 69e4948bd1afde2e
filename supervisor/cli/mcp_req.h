#ifndef CLI_MCP_REQ_H
#define CLI_MCP_REQ_H

/*
 * Requests of the host that are not answered yet.  Whoever handles one ends
 * it with one of the answers below, at once or in the callback of a question
 * to the daemon; after that it is gone.  The host may cancel it meanwhile.
 */

#include <jansson.h>

#include "supervisor/cli/api.h"
#include "supervisor/cli/mcp.h"

/* Of JSON-RPC, and of the Model Context Protocol (the last). */
#define RPC_PARSE	(-32700)
#define RPC_INVALID	(-32600)
#define RPC_NO_METHOD	(-32601)
#define RPC_PARAMS	(-32602)
#define RPC_INTERNAL	(-32603)
#define RPC_NO_RESOURCE	(-32002)

struct req;
struct mcp_batch;

/* The list of all of them, in struct mcp_rpc. */
struct req_list;
struct req_list *req_list_new(void);
void	req_list_free(struct req_list **);	/* unanswered ones too */
unsigned req_list_count(const struct req_list *);

/* id and params are only borrowed; batch: it came in one, or NULL. */
struct req *req_new(struct mcp *, struct req_list *, const json_t *id,
	    const json_t *params, struct mcp_batch *);

/* The host wants no answer to the request of this id any more. */
void	req_cancel(struct req_list *, const json_t *id);

struct mcp *req_mcp(const struct req *);

/* An object, empty when there was none; borrowed. */
json_t	*req_params(const struct req *);

/* Something of the handler's own, freed with the request; takes it. */
void	req_keep(struct req *, json_t *);
json_t	*req_kept(const struct req *);

/*
 * Answer: takes result.  rows: ids of messages that this answer shows, to be
 * marked as seen once it is written; takes it, may be NULL.
 */
void	req_result(struct req *, json_t *result, json_t *rows);
void	req_error(struct req *, int code, const char *, ...)
	    __attribute__((__format__(printf, 3, 4)));

/* Ask the daemon (mcp_ask.h); one question at a time. */
typedef void (*req_answer_cb)(struct req *, struct api_answer *);
void	req_ask(struct req *, const char *method, const char *path,
	    const json_t *body, int flags, int timeout_ms, req_answer_cb);

/*
 * Answers of a batch are one line, written when the last of them is there.
 * mcp_batch_end(): no more requests are added to it.
 */
struct mcp_batch *mcp_batch_new(struct mcp *);
void	mcp_batch_end(struct mcp_batch *);

/* An answer to what was no request that could be told: id is null. */
void	req_fault(struct mcp *, struct mcp_batch *, int code, const char *);

#endif
