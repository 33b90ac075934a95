/* Connection strings. The one difficulty is what libpq would do late: look names up while
 * connecting. */
#include "db/target.h"

#include <libpq-fe.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define PARAMETERS_MAX 64
/* A transaction that waits for our own code longer is a bug or a dead worker; its locks must not
 * outlive it. */
#define IDLE_IN_TRANSACTION_MS 10000

struct db_target {
    char *keywords[PARAMETERS_MAX + 1];
    char *values[PARAMETERS_MAX + 1];
    int count;
    char *options[2]; /* [is_read_only] */
    int options_at;
    const char *with_options[2][PARAMETERS_MAX + 1];
};

/* What a session of ours has unless the url says otherwise. The last four find a peer that has gone
 * silent within about three seconds (a server that is alive but stuck is the business of our own
 * deadlines). */
static const char *const defaults[][2] = {
    {"application_name", "souk"}, {"client_encoding", "UTF8"}, {"gssencmode", "disable"},
    {"tcp_user_timeout", "3000"}, {"keepalives_idle", "2"},    {"keepalives_interval", "1"},
    {"keepalives_count", "2"},
};

static char *copy_z(const char *text)
{
    char *copy = strdup(text);

    if (!copy)
        abort();
    return copy;
}

static int find(const struct db_target *target, const char *keyword)
{
    for (int i = 0; i < target->count; i++)
        if (strcmp(target->keywords[i], keyword) == 0)
            return i;
    return -1;
}

static void put(struct db_target *target, const char *keyword, const char *value)
{
    if (target->count == PARAMETERS_MAX)
        abort();
    target->keywords[target->count] = copy_z(keyword);
    target->values[target->count++] = copy_z(value);
}

static void look_up_host(struct db_target *target)
{
    int host = find(target, "host");
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    char address[64];

    if (host < 0 || find(target, "hostaddr") >= 0 || strpbrk(target->values[host], "/,@") ||
        !target->values[host][0])
        return;
    if (getaddrinfo(target->values[host], NULL, &hints, &found) != 0)
        return; /* connecting will fail and say so */
    if (getnameinfo(found->ai_addr, found->ai_addrlen, address, sizeof(address), NULL, 0,
                    NI_NUMERICHOST) == 0)
        put(target, "hostaddr", address);
    freeaddrinfo(found);
}

static void make_options(struct db_target *target, struct db_limits limits)
{
    int own = find(target, "options");
    char text[1024];

    for (int is_read_only = 0; is_read_only < 2; is_read_only++) {
        (void)snprintf(text, sizeof(text),
                       "-c statement_timeout=%d -c lock_timeout=%d "
                       "-c idle_in_transaction_session_timeout=%d -c timezone=UTC -c datestyle=ISO "
                       "-c jit=off -c default_transaction_read_only=%s %s",
                       limits.statement_timeout_ms, limits.lock_timeout_ms, IDLE_IN_TRANSACTION_MS,
                       is_read_only ? "on" : "off", own < 0 ? "" : target->values[own]);
        target->options[is_read_only] = copy_z(text);
    }
    if (own < 0)
        put(target, "options", "");
    target->options_at = own < 0 ? target->count - 1 : own;
    for (int is_read_only = 0; is_read_only < 2; is_read_only++) {
        for (int i = 0; i < target->count; i++)
            target->with_options[is_read_only][i] = target->values[i];
        target->with_options[is_read_only][target->options_at] = target->options[is_read_only];
    }
}

struct db_target *
db_target_new(const char *url, struct db_limits limits, char *message, size_t message_size)
{
    char *why = NULL;
    PQconninfoOption *parsed = PQconninfoParse(url, &why);
    struct db_target *target;

    if (!parsed) {
        (void)snprintf(message, message_size, "%s", why ? why : "out of memory");
        PQfreemem(why);
        return NULL;
    }
    target = calloc(1, sizeof(*target));
    if (!target)
        abort();
    for (PQconninfoOption *option = parsed; option->keyword; option++)
        if (option->val)
            put(target, option->keyword, option->val);
    PQconninfoFree(parsed);
    for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
        if (find(target, defaults[i][0]) < 0)
            put(target, defaults[i][0], defaults[i][1]);
    look_up_host(target);
    make_options(target, limits);
    return target;
}

void db_target_free(struct db_target *target)
{
    if (!target)
        return;
    for (int i = 0; i < target->count; i++) {
        free(target->keywords[i]);
        free(target->values[i]);
    }
    free(target->options[0]);
    free(target->options[1]);
    free(target);
}

const char *const *db_target_keywords(const struct db_target *target)
{
    return (const char *const *)target->keywords;
}

const char *const *db_target_values(const struct db_target *target, bool is_read_only)
{
    return target->with_options[is_read_only];
}
