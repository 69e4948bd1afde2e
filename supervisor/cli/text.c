/* Text for people: harmless, measured, cut. */

#include "supervisor/cli/text.h"

#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#include "common/clock.h"
#include "common/encode.h"
#include "common/xalloc.h"
#include "supervisor/cli/buf.h"

#define REPLACEMENT	0xfffd
#define ELLIPSIS	0x2026

static int	ascii_only;

void
text_init(int to_terminal)
{
	setlocale(LC_ALL, "");
	if (strcmp(nl_langinfo(CODESET), "UTF-8") == 0)
		return;
	ascii_only = to_terminal;
	/* What is written is UTF-8 all the same; wcwidth() has to know it. */
	setlocale(LC_CTYPE, "C.UTF-8");
}

/*
 * The next character of len bytes, at least one.  Returns how many it took, 1
 * with *c_r = REPLACEMENT for a byte that belongs to none.
 */
static size_t
next_char(const char *s, size_t len, uint32_t *c_r)
{
	size_t	 n = utf8_next(s, len, c_r);

	if (n == 0)
		*c_r = REPLACEMENT;
	return n > 0 ? n : 1;
}

static void
utf8_add(struct buf *b, uint32_t c)
{
	char	 u[4];
	size_t	 n;

	if (c >= 0x80 && ascii_only)
		c = '?';
	if (c < 0x80) {
		u[0] = (char)c;
		n = 1;
	} else if (c < 0x800) {
		u[0] = (char)(0xc0 | c >> 6);
		n = 2;
	} else if (c < 0x10000) {
		u[0] = (char)(0xe0 | c >> 12);
		n = 3;
	} else {
		u[0] = (char)(0xf0 | c >> 18);
		n = 4;
	}
	if (n > 2)
		u[n - 2] = (char)(0x80 | (c >> 6 & 0x3f));
	if (n > 3)
		u[1] = (char)(0x80 | (c >> 12 & 0x3f));
	if (n > 1)
		u[n - 1] = (char)(0x80 | (c & 0x3f));
	buf_add(b, u, n);
}

/*
 * What is shown for a character.  C0 has pictures of its own; C1, the marks
 * that turn the direction of writing, line separators, tags and what does
 * not exist are one sign.
 */
static uint32_t
harmless(uint32_t c, enum text_kind kind)
{
	if (kind == TEXT_BLOCK && (c == '\n' || c == '\t'))
		return c;
	if (c < 0x20)
		return ascii_only ? '?' : 0x2400 + c;
	if (c == 0x7f)
		return ascii_only ? '?' : 0x2421;
	if (c < 0x7f)
		return c;
	if (c < 0xa0 || c == 0x061c || c == 0x200e || c == 0x200f ||
	    (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
	    c == 0xfeff || (c >= 0xe0000 && c <= 0xe007f) ||
	    wcwidth((wchar_t)c) < 0)
		return REPLACEMENT;
	return c;
}

char *
text_clean_n(const char *s, size_t len, enum text_kind kind)
{
	struct buf	 b = { 0 };
	uint32_t	 c;
	size_t		 i;
	char		*out;

	for (i = 0; i < len; ) {
		i += next_char(s + i, len - i, &c);
		if (kind == TEXT_BLOCK && c == '\r' && i < len && s[i] == '\n')
			continue;		/* CR LF is a line end */
		utf8_add(&b, harmless(c, kind));
	}
	out = xstrdup(b.p != NULL ? b.p : "");
	buf_free(&b);
	return out;
}

char *
text_clean(const char *s, enum text_kind kind)
{
	return text_clean_n(s != NULL ? s : "", s != NULL ? strlen(s) : 0,
	    kind);
}

void
text_printf(const char *fmt, ...)
{
	size_t	 len = strlen(fmt);
	int	 has_end = len > 0 && fmt[len - 1] == '\n';
	va_list	 ap;
	char	*raw, *text;

	va_start(ap, fmt);
	if (vasprintf(&raw, fmt, ap) == -1)
		raw = NULL;
	va_end(ap);
	if (raw == NULL)
		return;
	text = text_clean_n(raw, strlen(raw) - (size_t)has_end, TEXT_LINE);
	printf("%s%s", text, has_end ? "\n" : "");
	freezero_str(text);
	freezero_str(raw);
}

static size_t
char_width(uint32_t c)
{
	int	 w = wcwidth((wchar_t)c);

	return w < 0 ? 1 : (size_t)w;
}

size_t
text_width(const char *s)
{
	size_t	 len = strlen(s), i, width = 0;
	uint32_t c;

	for (i = 0; i < len; ) {
		i += next_char(s + i, len - i, &c);
		width += char_width(c);
	}
	return width;
}

void
text_cut(char *s, size_t width)
{
	struct buf	 b = { 0 };
	size_t		 len = strlen(s), i, n, used = 0;
	uint32_t	 c;

	if (width == 0 || text_width(s) <= width)
		return;
	for (i = 0; i < len; i += n) {
		n = next_char(s + i, len - i, &c);
		if (used + char_width(c) > width - 1)
			break;
		used += char_width(c);
	}
	/* The ellipsis is 3 bytes; a cut may have dropped fewer. */
	utf8_add(&b, ELLIPSIS);
	if (b.len > len - i) {
		buf_free(&b);
		buf_adds(&b, ".");
	}
	memcpy(s + i, b.p, b.len + 1);
	buf_free(&b);
}

char *
text_time(const char *iso)
{
	int64_t		 ms;
	time_t		 t;
	struct tm	 tm;
	char		 out[32];

	if (iso == NULL)
		return xstrdup("-");
	if (clock_parse_iso(iso, &ms) == -1)
		return text_clean(iso, TEXT_LINE);
	t = (time_t)(ms / 1000);
	if (localtime_r(&t, &tm) == NULL ||
	    strftime(out, sizeof out, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		return text_clean(iso, TEXT_LINE);
	return xstrdup(out);
}

char *
text_duration(long long s)
{
	char	*out;

	if (s < 0)
		s = 0;
	if (s < 60)
		xasprintf(&out, "%llds", s);
	else if (s < 3600)
		xasprintf(&out, "%lldm %llds", s / 60, s % 60);
	else if (s < 86400)
		xasprintf(&out, "%lldh %lldm", s / 3600, s / 60 % 60);
	else
		xasprintf(&out, "%lldd %lldh", s / 86400, s / 3600 % 24);
	return out;
}

char *
text_quote(const char *s)
{
	static const char	 plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_@%+=:,./-";
	struct buf		 b = { 0 };
	char			*out;

	if (*s != '\0' && s[strspn(s, plain)] == '\0')
		return xstrdup(s);
	buf_adds(&b, "'");
	for (; *s != '\0'; s++) {
		if (*s == '\'')
			buf_adds(&b, "'\\''");
		else
			buf_add(&b, s, 1);
	}
	buf_adds(&b, "'");
	out = xstrdup(b.p);
	buf_free(&b);
	return out;
}
