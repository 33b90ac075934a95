#include "app/port.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A trial without SO_REUSEPORT fails while anybody listens there. */
bool port_is_free(const char *host, int port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *address = NULL;
    char service[8];
    int on = 1;
    bool is_free = true;

    (void)snprintf(service, sizeof(service), "%d", port);
    if (port == 0 || getaddrinfo(host, service, &hints, &address) != 0)
        return true; /* a wrong address is the listener's to report */
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        is_free = bind(fd, address->ai_addr, address->ai_addrlen) == 0 || errno != EADDRINUSE;
        close(fd);
    }
    freeaddrinfo(address);
    if (!is_free)
        (void)fprintf(stderr,
                      "souk: port %d of %s is taken: stop what listens there, or choose another "
                      "(SOUK_PORT, SOUK_STRIPE_PORT, --set http.port=…)\n",
                      port, host);
    return is_free;
}
