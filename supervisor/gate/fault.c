/* Why a request is refused. */

#include "supervisor/gate/fault.h"

#include <stdarg.h>
#include <stdio.h>

int
fault_set(struct fault *f, int status, const char *code, const char *fmt, ...)
{
	va_list	 ap;

	f->status = status;
	f->code = code;
	va_start(ap, fmt);
	vsnprintf(f->detail, sizeof f->detail, fmt, ap);
	va_end(ap);
	return -1;
}
