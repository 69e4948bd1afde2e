#ifndef GATE_CAPS_H
#define GATE_CAPS_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/* Capabilities by name: "dm", "broadcast", ... */

#include <jansson.h>
#include <stdint.h>

/* An array of names, a new reference. */
json_t	*caps_json(uint32_t caps);

/*
 * An array of names to bits.  0, or -1: something else, or an unknown name.
 */
int	caps_parse(const json_t *, uint32_t *caps_r);

/* The name of one capability (CAP_*). */
const char *caps_name(uint32_t cap);

#endif
