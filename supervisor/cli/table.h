#ifndef CLI_TABLE_H
#define CLI_TABLE_H

/*
 * A table of cells, as wide as their widest, two blanks between.  Cells are
 * cleaned for a terminal when they are added.
 */

#include <stdio.h>

struct table;

/* heads ends with NULL; a head that starts with ">" is right-aligned. */
struct table *table_new(const char *const heads[]);

/* The next cell, row by row.  NULL is "-". */
void	table_add(struct table *, const char *);
/* Cut to the width, empty ones as "-"; a time of the API, local. */
void	table_add_cut(struct table *, const char *, size_t width);
void	table_add_time(struct table *, const char *iso);

/* A key by its first digits, enough to send to; anything else whole. */
void	table_add_key(struct table *, const char *);

void	table_addf(struct table *, const char *, ...)
	    __attribute__((__format__(printf, 2, 3)));

/*
 * Print it, the heads bold when that is asked for, or only the line none when
 * it has no cells; and free it.
 */
void	table_end(struct table **, FILE *, int bold, const char *none);

#endif
