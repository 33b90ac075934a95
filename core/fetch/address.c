#include "fetch/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct range {
    uint32_t first;
    int bits;
};

static const struct range not_public[] = {
    {0x00000000, 8},  /* this network */
    {0x0A000000, 8},  /* private */
    {0x64400000, 10}, /* shared by carriers */
    {0x7F000000, 8},  /* loopback */
    {0xA9FE0000, 16}, /* link-local: clouds tell secrets there */
    {0xAC100000, 12}, /* private */
    {0xC0000000, 24}, /* protocol assignments */
    {0xC0000200, 24}, /* documentation */
    {0xC0586300, 24}, /* 6to4 relays */
    {0xC0A80000, 16}, /* private */
    {0xC6120000, 15}, /* benchmarks */
    {0xC6336400, 24}, /* documentation */
    {0xCB007100, 24}, /* documentation */
    {0xE0000000, 4},  /* multicast */
    {0xF0000000, 4},  /* reserved, broadcast */
};

static bool is_public_v4(uint32_t address)
{
    for (size_t i = 0; i < sizeof not_public / sizeof *not_public; i++)
        if (((address ^ not_public[i].first) >> (32 - not_public[i].bits)) == 0)
            return false;
    return true;
}

static bool is_public_v6(const unsigned char *a)
{
    static const unsigned char documentation[4] = {0x20, 0x01, 0x0D, 0xB8};

    /* 2000::/3 is all that is global unicast: not in it are ::1, addresses mapped from IPv4,
     * 64:ff9b::/96 (NAT64), fc00::/7, fe80::/10 and multicast. */
    if ((a[0] & 0xE0) != 0x20)
        return false;
    if (memcmp(a, documentation, 4) == 0 || (a[0] == 0x3F && a[1] == 0xFF && a[2] < 0x10))
        return false;
    if (a[0] == 0x20 && a[1] == 0x02) /* 6to4 holds an IPv4 address */
        return is_public_v4((uint32_t)a[2] << 24 | (uint32_t)a[3] << 16 | (uint32_t)a[4] << 8 |
                            a[5]);
    return !(a[0] == 0x20 && a[1] == 0x01 && a[2] < 0x02); /* Teredo and other protocols */
}

bool address_read(const char *text, struct sockaddr_storage *out)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        memcpy(out, &v4, sizeof v4);
    else if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
        memcpy(out, &v6, sizeof v6);
    else
        return false;
    return true;
}

bool address_is_public(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof v4);
        return is_public_v4(ntohl(v4.sin_addr.s_addr));
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, address, sizeof v6);
        return is_public_v6(v6.sin6_addr.s6_addr);
    }
    return false;
}
