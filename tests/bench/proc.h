#ifndef BENCH_PROC_H
#define BENCH_PROC_H

/* Programs that a bench runs. */

#include <stddef.h>
#include <sys/types.h>

/*
 * Start a program that dies with us.  Its stdout is the pipe *out_r, its
 * stderr the file errfile.  Ends the bench when that fails.
 */
pid_t	proc_spawn(const char *const argv[], const char *errfile, int *out_r);

/*
 * Run a program to its end; its stdout, cut to size, in out (NULL: dropped).
 * Returns its exit code, 128 and more for a signal.
 */
int	proc_run(const char *const argv[], char *out, size_t size);

/* Kill it, stopped or not, and reap it; then 0. */
void	proc_end(pid_t *);

/* A line of a pipe within ms, without its newline.  0 or -1. */
int	proc_line(int fd, char *line, size_t size, int ms);

#endif
