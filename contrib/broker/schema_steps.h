#ifndef BROKER_SCHEMA_STEPS_H
#define BROKER_SCHEMA_STEPS_H

#ifndef PROCESS_BROKER
#error "this header belongs to the broker"
#endif

/*
 * From one version of the file to the next.  A step that was ever released is
 * not changed again.
 */

extern const char	schema_1[], schema_2[], schema_3[], schema_4[],
			schema_5[];

#endif
