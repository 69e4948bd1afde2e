/*
 * Log lines about what peers do, limited.
 */

#include "contrib/broker/quiet.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include "common/clock.h"

#define LINES_A_SECOND	10

void
quiet_info(const char *fmt, ...)
{
	static int64_t	 since;
	static unsigned	 lines, left_out;
	char		 line[LOG_LINE_MAX];
	int64_t		 now = clock_mono_ms();
	va_list		 ap;

	if (now - since >= 1000) {
		if (left_out > 0)
			log_info("peers: %u lines left out", left_out);
		since = now;
		lines = left_out = 0;
	}
	if (++lines > LINES_A_SECOND) {
		left_out++;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	log_info("%s", line);
}
