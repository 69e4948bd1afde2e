#ifndef UNIT_REQUEST_HELP_H
#define UNIT_REQUEST_HELP_H

/*
 * A worker's questions, worker/request.c, without a loop: what the gate was
 * answered, and what the broker was asked, is noted here.
 */

#include "worker/request.h"

#define ASKED_SIZE	256		/* what is noted of a frame */

struct one_answer {
	uint32_t	seq;
	int64_t		status;
	char		error[REASON_SIZE], json[256];
};

extern struct peer	*gate;
extern struct requests	*rs;
extern struct one_answer answers[200];
extern int		 nanswers;
extern char		 asked[200][ASKED_SIZE];
extern int		 nasked, is_open;

/* For each test. */
int	asking_new(void **state);
int	asking_free(void **state);

/* The gate asks; it is not, or is, written at once. */
void	ask_only(uint32_t seq, const char *what, const char *args);
void	ask_with(uint32_t seq, const char *what, const char *args);
void	ask(uint32_t seq, const char *what);

/* The broker says. */
void	frame(const char *text);

#endif
