# What every folder compiles and links with.
AM_CPPFLAGS = -include $(top_builddir)/config.h -D_GNU_SOURCE \
	-I$(top_srcdir) -I$(top_builddir) $(HARDEN_CPPFLAGS) \
	$(SQLITE_CFLAGS) $(SODIUM_CFLAGS) $(LWS_CFLAGS) $(SSL_CFLAGS) \
	$(EVENT_CFLAGS) $(JANSSON_CFLAGS) $(INIH_CFLAGS) $(MSGPACK_CFLAGS)
AM_CFLAGS = -std=c11 $(WARN_CFLAGS) $(HARDEN_CFLAGS) $(SAN_CFLAGS)
AM_LDFLAGS = $(HARDEN_LDFLAGS) $(SAN_CFLAGS)

COMMON_LIBS = $(top_builddir)/common/libcommon.a \
	$(MSGPACK_LIBS) $(SODIUM_LIBS) $(JANSSON_LIBS)
