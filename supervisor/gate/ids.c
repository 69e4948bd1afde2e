/* Lists of ids. */

#include "supervisor/gate/ids.h"

const json_t *
ids_parse(const json_t *obj, size_t max, struct fault *f)
{
	const json_t	*ids = json_object_get(obj, "ids"), *v;
	size_t		 i, n = json_array_size(ids);
	int		 ok = n > 0 && n <= max;

	json_array_foreach(ids, i, v)
		ok = ok && json_is_string(v);
	if (ok)
		return ids;
	fault_set(f, 400, "invalid_request", "'ids' must be a list of 1 to "
	    "%zu ids.", max);
	return NULL;
}
