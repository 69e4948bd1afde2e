/* Help, from the table of verbs. */

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/cli/verbs.h"

#define NAME_WIDTH	20
#define OPT_WIDTH	26
#define LINE_WIDTH	79

/* What stands above a verb in the list of all, and those behind it. */
static const struct {
	const char	*verb, *title;
} parts[] = {
	{ "start", "The daemon" },
	{ "mesh create", "Meshes" },
	{ "session register", "Sessions" },
	{ "send", "Messages" },
	{ "peers", "Peers, groups and topics" },
	{ "state list", "What a mesh keeps" },
	{ "broker", "Others" },
};

/* A summary as a sentence. */
static void
print_sentence(const char *s)
{
	printf("%c%s.\n", toupper((unsigned char)*s), s + 1);
}

/* Text in the columns from indent on, broken at blanks. */
static void
print_wrapped(const char *text, int indent)
{
	int	 used = indent, len;

	while (*text != '\0') {
		len = (int)strcspn(text, " ");
		if (used > indent && used + 1 + len > LINE_WIDTH) {
			printf("\n%*s", indent, "");
			used = indent;
		}
		used += printf("%s%.*s", used > indent ? " " : "", len, text);
		text += len;
		text += strspn(text, " ");
	}
	printf("\n");
}

static void
print_option(const struct opt_def *d)
{
	int	 n;

	n = printf("  --%s%s%s", d->name,
	    d->arg != NULL && *d->arg != '[' ? " " : "",
	    d->arg != NULL ? d->arg : "");
	if (n + 2 > OPT_WIDTH) {
		printf("\n");
		n = 0;
	}
	printf("%*s", OPT_WIDTH - n, "");
	print_wrapped(d->help, OPT_WIDTH);
}

static void
print_options(const struct verb *v)
{
	const struct opt_def	*tables[OPTS_TABLES_MAX + 1], *d;
	size_t			 i;

	verb_tables(v, tables);
	for (i = 0; tables[i] != NULL; i++) {
		for (d = tables[i]; d->name != NULL; d++)
			print_option(d);
	}
}

static void
print_part(const struct verb *v)
{
	size_t	 i;

	for (i = 0; i < sizeof parts / sizeof *parts; i++)
		if (strcmp(parts[i].verb, v->name) == 0)
			printf("%s%s:\n", i > 0 ? "\n" : "",
			    parts[i].title);
}

static void
print_summary(const struct verb *v)
{
	printf("  %-*s%s\n", NAME_WIDTH, v->name, v->summary);
}

/* The verbs of two words that begin with this one; before is above them. */
static void
print_group(const char *group, const char *before)
{
	const struct verb	*v = NULL;
	size_t			 len = strlen(group);

	while ((v = verb_next(v)) != NULL) {
		if (strncmp(v->name, group, len) != 0 || v->name[len] != ' ')
			continue;
		fputs(before, stdout);
		before = "";
		print_summary(v);
	}
}

void
verbs_print(void)
{
	const struct verb	*v = NULL;

	printf("usage: meshsup VERB [OPTION ...] [OPERAND ...]\n\n"
	    "Encrypted messages between sessions, through a daemon.\n\n");
	while ((v = verb_next(v)) != NULL) {
		print_part(v);
		print_summary(v);
	}
	printf("\nmeshsup help VERB explains one.  These options may stand "
	    "before the verb:\n\n");
	print_options(NULL);
}

void
verbs_print_group(const char *group)
{
	printf("usage: meshsup %s VERB [OPTION ...]\n\n", group);
	print_group(group, "");
}

void
verb_print(const struct verb *v)
{
	if (v->flags & VERB_RAW) {
		printf("usage: meshsup %s %s\n\n", v->name, v->operands);
		print_sentence(v->summary);
	} else {
		printf("usage: meshsup %s [OPTION ...]%s%s\n\n", v->name,
		    *v->operands != '\0' ? " " : "", v->operands);
		print_sentence(v->summary);
		printf("\n");
		print_options(v);
	}
	if (v->details != NULL) {
		printf("\n");
		print_wrapped(v->details, 0);
	}
	print_group(v->name, "\n");
}
