#ifndef GATE_FAULT_H
#define GATE_FAULT_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/* Why a request is refused, as what parses it says it. */

struct fault {
	int		 status;	/* HTTP */
	const char	*code;		/* static text */
	char		 detail[256];	/* what a person can do */
};

/* Fill it in.  Returns -1, for the caller to return. */
int	fault_set(struct fault *, int status, const char *code,
	    const char *fmt, ...) __attribute__((__format__(printf, 4, 5)));

/* 504, naming who did not answer, or 503, when it is gone. */
int	fault_unanswered(struct fault *, int timed_out, const char *who);

#endif
