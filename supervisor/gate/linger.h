#ifndef GATE_LINGER_H
#define GATE_LINGER_H
#ifndef PROCESS_GATE
#error "supervisor/gate is private to the gate"
#endif

/*
 * Connections that are answered and closed, while their client still writes:
 * what it writes is taken and thrown away for a moment, or it would fail to
 * write before it gets to read why.
 */

struct event_base;
struct lingers;

struct lingers *lingers_new(struct event_base *);
void	lingers_free(struct lingers **);

/* The descriptor is still the caller's, to close. */
void	linger(struct lingers *, int fd);

#endif
