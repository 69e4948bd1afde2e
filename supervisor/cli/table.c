/* A table of cells, aligned by what they show and not by bytes. */

#include "supervisor/cli/table.h"

#include <stdarg.h>
#include <stdlib.h>

#include "common/encode.h"
#include "common/xalloc.h"
#include "supervisor/cli/text.h"

#define KEY_DIGITS	64
#define KEY_SHOWN	16

struct table {
	size_t		 ncols;
	const char	*const *heads;
	char		**cells;
	size_t		 ncells;
	size_t		 cap;
};

struct table *
table_new(const char *const heads[])
{
	struct table	*t = xcalloc(1, sizeof *t);

	t->heads = heads;
	while (heads[t->ncols] != NULL)
		t->ncols++;
	return t;
}

void
table_add(struct table *t, const char *s)
{
	if (t->ncells == t->cap) {
		t->cap = t->cap == 0 ? 64 : t->cap * 2;
		t->cells = xreallocarray(t->cells, t->cap, sizeof *t->cells);
	}
	t->cells[t->ncells++] = text_clean(s != NULL ? s : "-", TEXT_LINE);
}

void
table_add_cut(struct table *t, const char *s, size_t width)
{
	char	*text = text_clean(s, TEXT_LINE);

	text_cut(text, width);
	table_add(t, *text != '\0' ? text : NULL);
	free(text);
}

void
table_add_time(struct table *t, const char *iso)
{
	char	*text = text_time(iso);

	table_add(t, text);
	free(text);
}

void
table_add_key(struct table *t, const char *s)
{
	if (s != NULL && hex_is(s, KEY_DIGITS))
		table_addf(t, "%.*s", KEY_SHOWN, s);
	else
		table_add(t, s);
}

void
table_addf(struct table *t, const char *fmt, ...)
{
	va_list	 ap;
	char	*s;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) == -1)
		s = NULL;
	va_end(ap);
	table_add(t, s);
	free(s);
}

static const char *
head_text(const struct table *t, size_t col)
{
	return t->heads[col] + (*t->heads[col] == '>');
}

/* A cell and the blanks around it; none at the end of a line. */
static void
cell_print(const struct table *t, FILE *f, size_t col, const char *s,
    size_t width)
{
	size_t	 fill = width - text_width(s);

	if (col > 0)
		fputs("  ", f);
	if (*t->heads[col] == '>')
		fprintf(f, "%*s%s", (int)fill, "", s);
	else if (col + 1 < t->ncols)
		fprintf(f, "%s%*s", s, (int)fill, "");
	else
		fputs(s, f);
}

static void
table_print(const struct table *t, FILE *f, int bold)
{
	size_t	*width = xcalloc(t->ncols, sizeof *width);
	size_t	 i, w;

	for (i = 0; i < t->ncols; i++)
		width[i] = text_width(head_text(t, i));
	for (i = 0; i < t->ncells; i++) {
		w = text_width(t->cells[i]);
		if (w > width[i % t->ncols])
			width[i % t->ncols] = w;
	}
	fputs(bold ? "\033[1m" : "", f);
	for (i = 0; i < t->ncols; i++)
		cell_print(t, f, i, head_text(t, i), width[i]);
	fputs(bold ? "\033[0m\n" : "\n", f);
	for (i = 0; i < t->ncells; i++) {
		cell_print(t, f, i % t->ncols, t->cells[i],
		    width[i % t->ncols]);
		if (i % t->ncols == t->ncols - 1)
			fputs("\n", f);
	}
	free(width);
}

void
table_end(struct table **tp, FILE *f, int bold, const char *none)
{
	struct table	*t = *tp;
	size_t		 i;

	if (t->ncells > 0)
		table_print(t, f, bold);
	else
		fprintf(f, "%s\n", none);
	for (i = 0; i < t->ncells; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t);
	*tp = NULL;
}
