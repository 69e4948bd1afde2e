/* One table per process: who may send what, and when. */

#include "common/rules.h"

#include "common/log.h"

int
rules_dispatch(const struct rule *rules, size_t n, unsigned peer,
    unsigned state, void *arg, struct msg *m)
{
	size_t	i;

	for (i = 0; i < n; i++) {
		if (rules[i].type != m->type)
			continue;
		if (!(rules[i].peers & peer) || !(rules[i].states & state))
			continue;
		return rules[i].handle(arg, m);
	}
	return -1;
}

int
rules_log_level(void *arg, struct msg *m)
{
	struct msg_log_level	 l;

	(void)arg;
	if (msg_decode(m, &l) == -1)
		return -1;
	log_set_level((enum log_level)l.level);
	return 0;
}
