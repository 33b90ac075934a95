/* Whether a port is ours to take: workers share theirs by SO_REUSEPORT, which would share it with
 * another server too, without a word. */
#ifndef SOUK_APP_PORT_H
#define SOUK_APP_PORT_H

#include <stdbool.h>

/* False: printed who should move. Port 0 is always free. */
bool port_is_free(const char *host, int port);

#endif
