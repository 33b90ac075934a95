/* Which addresses are the public Internet's. For requests to places that somebody else names: what
 * lies inside our own network must not be reached through us. */
#ifndef SOUK_FETCH_ADDRESS_H
#define SOUK_FETCH_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* False for loopback, private, link-local, shared, documentation, multicast and reserved ranges
 * (IANA's special-purpose address registries), and for all of IPv6 but global unicast. */
bool address_is_public(const struct sockaddr *address);

/* An address as people write it. False when text is none; *out is untouched then. */
bool address_read(const char *text, struct sockaddr_storage *out);

#endif
