#ifndef BROKER_SCHEMA_H
#define BROKER_SCHEMA_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/* What the broker's file looks like. */

#define SCHEMA_APPLICATION_ID	0x6d736272	/* "msbr" */
#define SCHEMA_VERSION		1

/* SQL that brings an empty file to SCHEMA_VERSION. */
extern const char schema_sql[];

#endif
