#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

/* The benches: each makes its world, measures, and writes its results. */

struct bench {
	const char	*meshsup;	/* the installed command */
	const char	*dir;		/* worlds are made below it */
	unsigned	 runs;
	int		 ms;		/* length of one load */
	unsigned	 rows;		/* of one drain */
	unsigned	 backlog;	/* rows of the session in the way */
	unsigned	 ended;		/* rows of the past */
	unsigned	 workers;	/* whose memory is taken */
	unsigned	 messages;	/* one by one, in one run */
	unsigned	 sessions;	/* of `thousand` */
	unsigned	 idle;		/* seconds of its rest */
};

void	accept_bench(const struct bench *);
void	backlog_bench(const struct bench *);
void	drain_bench(const struct bench *);
void	e2e_bench(const struct bench *);
void	ended_bench(const struct bench *);
void	memory_bench(const struct bench *);
void	thousand_bench(const struct bench *);

/* A line about how far it is, on stderr. */
void	bench_note(const char *, ...) __attribute__((__format__(printf, 1, 2)));

#endif
