/* Why a request is refused. */

#include "supervisor/gate/fault.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/encode.h"

int
fault_set(struct fault *f, int status, const char *code, const char *fmt, ...)
{
	va_list	 ap;

	f->status = status;
	f->code = code;
	va_start(ap, fmt);
	vsnprintf(f->detail, sizeof f->detail, fmt, ap);
	va_end(ap);
	utf8_trim(f->detail);
	return -1;
}

int
fault_unanswered(struct fault *f, int timed_out, const char *who)
{
	if (timed_out)
		return fault_set(f, 504, "timeout", "The %s did not answer "
		    "within 2.5 s: try again; `meshsup status` says more.",
		    who);
	return fault_set(f, 503, "unavailable", "The %s is away: try again in "
	    "a moment.", who);
}
