/* Who this worker is. */

#include "worker/self.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/encode.h"
#include "common/xalloc.h"
#include "worker/secret.h"

/* The strings of the set-up. */
static void
self_copy(struct self *s, const struct msg_setup_worker *su)
{
	s->mesh = xstrdup(su->mesh);
	s->mesh_id = xstrdup(su->mesh_id);
	s->member_id = xstrdup(su->member_id);
	s->host = xstrdup(su->host);
	s->ca_file = xstrdup(su->ca_file);
	s->db = xstrdup(su->db);
	s->display_name = xstrdup(su->display_name);
	s->wire_session_id = xstrdup(su->wire_session_id);
	s->cwd = xstrdup(su->cwd);
	s->role = xstrdup(su->role);
	s->hostname = xstrdup(su->hostname);
	if (su->groups.len > 0)
		s->groups = xstrndup((const char *)su->groups.p,
		    su->groups.len);
}

/* Only an attestation of the member for this very key is of use. */
static void
self_take_attestation(struct self *s, const struct msg_setup_worker *su)
{
	if (su->attest_expires_at == 0)
		return;
	if (identity_attest_verify(su->attest_sig, s->member_pub, s->pub,
	    su->attest_expires_at) == -1) {
		log_warnx("the attestation that was brought does not verify");
		return;
	}
	s->attest_expires_at = su->attest_expires_at;
	memcpy(s->attest_sig, su->attest_sig, sizeof s->attest_sig);
}

struct self *
self_new(struct msg_setup_worker *su, uint8_t wrapped_r[WRAPPED_LEN])
{
	struct self	*s = xcalloc(1, sizeof *s);

	s->kind = (enum row_kind)su->kind;
	s->port = su->port;
	s->tls = su->tls != 0;
	s->pid = su->pid;
	s->parked = su->parked != 0;
	memcpy(s->owner, su->owner, sizeof s->owner);
	memcpy(s->member_owner, su->member_owner, sizeof s->member_owner);
	memcpy(s->member_pub, su->member_pub, sizeof s->member_pub);
	self_copy(s, su);
	if ((s->secret = secret_new(su, wrapped_r)) == NULL) {
		self_free(&s);
		return NULL;
	}
	memcpy(s->pub, secret_pub(s->secret), sizeof s->pub);
	hex_encode(s->pub_hex, s->pub, sizeof s->pub);
	hex_encode(s->member_pub_hex, s->member_pub, sizeof s->member_pub);
	if (s->kind == OWNER_MEMBER &&
	    memcmp(s->pub, s->member_pub, sizeof s->pub) != 0) {
		log_warnx("set-up: the member's keys do not belong together");
		self_free(&s);
		return NULL;
	}
	if (s->kind == OWNER_SESSION)
		self_take_attestation(s, su);
	return s;
}

void
self_free(struct self **sp)
{
	struct self	*s = *sp;

	if (s == NULL)
		return;
	secret_free(&s->secret);
	free(s->mesh);
	free(s->mesh_id);
	free(s->member_id);
	free(s->host);
	free(s->ca_file);
	free(s->db);
	free(s->display_name);
	free(s->wire_session_id);
	free(s->cwd);
	free(s->role);
	free(s->hostname);
	free(s->groups);
	free(s);
	*sp = NULL;
}
