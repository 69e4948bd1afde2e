/* What the processes of a world use, by what the kernel says. */

#include "tests/bench/usage.h"

#include <stdio.h>
#include <string.h>

double
usage_pss(long pid)
{
	char	 path[64], line[256];
	long	 kib = -1;
	FILE	*f;

	snprintf(path, sizeof path, "/proc/%ld/smaps_rollup", pid);
	if ((f = fopen(path, "re")) == NULL)
		return -1;
	while (kib == -1 && fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "Pss: %ld kB", &kib) != 1)
			kib = -1;
	fclose(f);
	return (double)kib;
}

double
usage_cpu(long pid)
{
	char			 path[64];
	unsigned long long	 ns;
	double			 us = -1;
	FILE			*f;

	snprintf(path, sizeof path, "/proc/%ld/schedstat", pid);
	if ((f = fopen(path, "re")) == NULL)
		return -1;
	if (fscanf(f, "%llu", &ns) == 1)
		us = (double)ns / 1000;
	fclose(f);
	return us;
}

double
usage_role(const json_t *status, const char *role, double (*usage)(long pid),
    struct result *each)
{
	json_t		*processes = json_object_get(status, "processes"), *p;
	const char	*is;
	double		 v, sum = 0;
	size_t		 i;

	json_array_foreach(processes, i, p) {
		is = json_string_value(json_object_get(p, "role"));
		if (is == NULL || strcmp(is, role) != 0)
			continue;
		v = usage((long)json_integer_value(json_object_get(p,
		    "pid")));
		if (v < 0)
			return -1;
		if (each != NULL)
			result_add(each, v);
		sum += v;
	}
	return sum;
}

double
usage_cpu_now(const struct world *w, const char *role)
{
	json_t	*status = world_status(w);
	double	 us = usage_role(status, role, usage_cpu, NULL);

	json_decref(status);
	return us > 0 ? us : 0;
}
