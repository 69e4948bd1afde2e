#ifndef COMMON_BROKER_DB_H
#define COMMON_BROKER_DB_H

/* What a broker.db says of itself, so that others need not open it. */

#define BROKER_DB_APPLICATION_ID	0x6d736272	/* "msbr" */
#define BROKER_DB_VERSION		5

#endif
