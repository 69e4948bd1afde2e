/* The configuration, and the files and addresses that it names. */

#include "supervisor/check.h"

#include <sys/stat.h>

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/xalloc.h"
#include "supervisor/listen.h"

#define PEM_MAX	(4 * 1024 * 1024)

void
check_option(struct check *c, const char *section, const char *name,
    const char *fmt, ...)
{
	char	text[CHECK_TEXT_SIZE];
	va_list	ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	check_fault(c, c->paths->config,
	    conf_where(c->paths->config, section, name), "%s: %s", name,
	    text);
}

static void
conf_fault_cb(void *arg, const char *text)
{
	struct check	*c = arg;

	check_text(c, c->paths->config, text);
}

/* A file of PEM that can be read, as OpenSSL's memory.  NULL: said why. */
static BIO *
pem_open(struct check *c, const char *section, const char *name,
    const char *path, char **text_r, size_t *len_r)
{
	BIO	*bio;

	if ((*text_r = fd_read_file(path, PEM_MAX, len_r)) == NULL) {
		check_option(c, section, name, "%s: %s", path,
		    strerror(errno));
		return NULL;
	}
	if ((bio = BIO_new_mem_buf(*text_r, (int)*len_r)) == NULL)
		fatalx("BIO_new_mem_buf: no memory");
	return bio;
}

/* The first certificate of a file, every one of which must be whole. */
static X509 *
pem_certificates(struct check *c, const char *section, const char *name,
    const char *path)
{
	BIO		*bio;
	X509		*first = NULL, *one;
	char		*text;
	size_t		 len;

	if ((bio = pem_open(c, section, name, path, &text, &len)) == NULL)
		return NULL;
	ERR_clear_error();
	while ((one = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		if (first == NULL)
			first = one;
		else
			X509_free(one);
	}
	/* It ends with "no start line" after the last one. */
	if (first == NULL || ERR_GET_REASON(ERR_peek_last_error()) !=
	    PEM_R_NO_START_LINE) {
		check_option(c, section, name, "%s: not a file of whole "
		    "certificates in PEM", path);
		X509_free(first);
		first = NULL;
	}
	ERR_clear_error();
	BIO_free(bio);
	freezero(text, len + 1);
	return first;
}

/* No password can be typed for a daemon. */
static int
no_password_cb(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return 0;
}

static void
check_tls_key(struct check *c, const X509 *cert)
{
	const char	*path = c->conf.broker_tls_key;
	BIO		*bio;
	EVP_PKEY	*key;
	struct stat	 st;
	char		*text;
	size_t		 len;

	if ((bio = pem_open(c, "broker", "tls_key", path, &text, &len)) ==
	    NULL)
		return;
	if (!c->lenient && stat(path, &st) == 0 && (st.st_mode & 07) != 0)
		check_option(c, "broker", "tls_key", "%s: everybody can read "
		    "the key (mode %04o): chmod 600 it", path,
		    (unsigned)(st.st_mode & 07777));
	key = PEM_read_bio_PrivateKey(bio, NULL, no_password_cb, NULL);
	if (key == NULL)
		check_option(c, "broker", "tls_key", "%s: not a private key "
		    "in PEM without a password", path);
	else if (cert != NULL && X509_check_private_key(cert, key) != 1)
		check_option(c, "broker", "tls_key", "%s: not the key of the "
		    "certificate in %s", path, c->conf.broker_tls_cert);
	ERR_clear_error();
	EVP_PKEY_free(key);
	BIO_free(bio);
	freezero(text, len + 1);
}

void
check_tls(struct check *c)
{
	const char	*cert = c->conf.broker_tls_cert;
	const char	*key = c->conf.broker_tls_key;
	X509		*x = NULL;

	if ((*cert == '\0') != (*key == '\0')) {
		check_option(c, "broker", *cert != '\0' ? "tls_cert" :
		    "tls_key", "tls_cert and tls_key belong together: set "
		    "both or none");
		return;
	}
	if (*cert == '\0')
		return;
	x = pem_certificates(c, "broker", "tls_cert", cert);
	if (x != NULL && !c->lenient &&
	    X509_cmp_current_time(X509_get0_notAfter(x)) < 0)
		check_option(c, "broker", "tls_cert", "%s: the certificate "
		    "has expired: renew it", cert);
	check_tls_key(c, x);
	X509_free(x);
}

static void
check_listen(struct check *c)
{
	char	where[32], err[CHECK_TEXT_SIZE];
	int	running = check_is_running(c);

	if (c->conf.broker_enabled != CONF_NO && listen_try(
	    c->conf.broker_listen, running, err, sizeof err) == -1)
		check_option(c, "broker", "listen", "%s", err);
	if (c->conf.tcp_port == 0)
		return;
	snprintf(where, sizeof where, "127.0.0.1:%d", (int)c->conf.tcp_port);
	if (listen_try(where, running, err, sizeof err) == -1)
		check_option(c, "api", "tcp_port", "%s", err);
}

/* A log that is a file of its own must be one that can be written. */
static void
check_log(struct check *c)
{
	const char	*path = c->conf.log_file;
	struct stat	 st;
	char		*dir, *slash;

	if (*path != '/')
		return;
	if (lstat(path, &st) == 0) {
		if (!S_ISREG(st.st_mode))
			check_option(c, "daemon", "log_file", "%s: not a "
			    "regular file", path);
		else if (access(path, W_OK) == -1)
			check_option(c, "daemon", "log_file", "%s: %s", path,
			    strerror(errno));
		return;
	}
	dir = xstrdup(path);
	slash = strrchr(dir, '/');
	slash[slash == dir] = '\0';
	if (access(dir, W_OK | X_OK) == -1)
		check_option(c, "daemon", "log_file", "cannot be made in %s: "
		    "%s", dir, strerror(errno));
	free(dir);
}

void
check_conf(struct check *c)
{
	const char	*path = c->paths->config;
	struct stat	 st;

	if (stat(path, &st) == 0) {
		check_way(c, path);
		if (st.st_uid != 0 && st.st_uid != geteuid())
			check_fault(c, path, 0, "belongs to uid %lu: chown "
			    "it", (unsigned long)st.st_uid);
		else if ((st.st_mode & 022) != 0)
			check_fault(c, path, 0, "others can write to it (mode "
			    "%04o): chmod go-w it",
			    (unsigned)(st.st_mode & 07777));
	}
	c->conf_ok = conf_load_all(&c->conf, path, c->paths->config_named,
	    conf_fault_cb, c) == 0;
	check_tls(c);
	if (c->conf.ca_file[0] != '\0')
		X509_free(pem_certificates(c, "worker", "ca_file",
		    c->conf.ca_file));
	check_listen(c);
	check_log(c);
}
