/* Addresses and names of hosts. */

#include "worker/address.h"

#include <string.h>

#include "common/xalloc.h"

unsigned
address_list(const char *s, char out[ADDRESSES_MAX][ADDRESS_SIZE])
{
	unsigned	i = 0;
	size_t		n;

	for (; *s != '\0' && i < ADDRESSES_MAX; s += n) {
		s += strspn(s, " ");
		n = strcspn(s, " ");
		if (n == 0 || n >= ADDRESS_SIZE)
			continue;
		memcpy(out[i], s, n);
		out[i++][n] = '\0';
	}
	return i;
}

char *
address_host(const char *host, uint32_t port, int tls)
{
	const char	*v6 = strchr(host, ':');
	char		*s;

	if (port == (tls ? 443u : 80u))
		xasprintf(&s, v6 != NULL ? "[%s]" : "%s", host);
	else
		xasprintf(&s, v6 != NULL ? "[%s]:%u" : "%s:%u", host, port);
	return s;
}
