#ifndef BROKER_QUIET_H
#define BROKER_QUIET_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/*
 * Log lines about what peers do, limited, so that a peer cannot fill the log:
 * a few a second, and then how many were left out.
 */

#include "common/log.h"

void	quiet_info(const char *, ...) LOG_FMT(1, 2);

#endif
