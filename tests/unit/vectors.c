/* Reads tests/vectors/wire-vectors.json for the tests that need it. */

#include "vectors.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/encode.h"

json_t *
vectors_load(void)
{
	json_error_t	 error;
	json_t		*file;

	/* As doubles: one integer there is above what jansson has for them. */
	file = json_load_file(TESTDATA "/wire-vectors.json",
	    JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);
	if (file == NULL)
		fprintf(stderr, "%s:%d: %s\n", error.source, error.line,
		    error.text);
	return file;
}

static const json_t *
vectors_get(const json_t *object, const char *name)
{
	const json_t	*v;

	if ((v = json_object_get(object, name)) == NULL) {
		fprintf(stderr, "vectors: no member %s\n", name);
		abort();
	}
	return v;
}

const char *
vectors_string(const json_t *object, const char *name)
{
	return json_string_value(vectors_get(object, name));
}

int64_t
vectors_integer(const json_t *object, const char *name)
{
	return json_number_value(vectors_get(object, name));
}

void
vectors_hex(const json_t *object, const char *name, void *out, size_t len)
{
	if (hex_decode(out, len, vectors_string(object, name)) == -1) {
		fprintf(stderr, "vectors: %s is not %zu bytes of hex\n", name,
		    len);
		abort();
	}
}

void
vectors_key(const json_t *file, const char *name, uint8_t pub[KEY_PUBLIC_LEN],
    uint8_t sec[KEY_SECRET_LEN])
{
	const json_t	*key = vectors_get(vectors_get(file, "keys"), name);

	if (pub != NULL)
		vectors_hex(key, "publicKey", pub, KEY_PUBLIC_LEN);
	if (sec != NULL)
		vectors_hex(key, "secretKey", sec, KEY_SECRET_LEN);
}
