#ifndef CLI_SHOW_H
#define CLI_SHOW_H

/* An object of the API in full, and the text of a message, for a person. */

#include <jansson.h>
#include <stdio.h>

/*
 * Every member of the object in its order, "name  value", the values below
 * each other: times local, lists of words behind each other, absent ones "-".
 * The member called text ("body"; NULL: none) comes last, as a text.
 */
void	show_object(FILE *, json_t *, const char *text);

/* A text, every line of it behind four blanks, so that none can pose. */
void	show_body(FILE *, const json_t *string);

#endif
