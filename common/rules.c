/* One table per process: who may send what, and when. */

#include "common/rules.h"

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
