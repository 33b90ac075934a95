#include "base/err.h"

#include <stddef.h>
#include <string.h>

static const struct err_info infos[ERR_COUNT] = {
    [ERR_OK] = {"OK", 200, "ok", NULL, "ok"},
#define ERR(name, status, code, sqlstate, message) \
    [ERR_##name] = {#name, status, code, sqlstate, message},
#define ERR_CONSTRAINT(constraint, name)
#include "base/err.def"
#undef ERR
#undef ERR_CONSTRAINT
};

static const struct {
    const char *constraint;
    enum err e;
} constraints[] = {
#define ERR(name, status, code, sqlstate, message)
#define ERR_CONSTRAINT(constraint, name) {#constraint, ERR_##name},
#include "base/err.def"
#undef ERR
#undef ERR_CONSTRAINT
};

/* A whole SQLSTATE or a class of them; the first row that is a prefix wins. */
static const struct {
    const char *prefix;
    enum err e;
} sql_classes[] = {
    {"57014", ERR_STATEMENT_TIMEOUT}, /* query_canceled, statement_timeout included */
    {"57P", ERR_DATABASE_AWAY},       /* shutdown, crash, cannot_connect_now */
    {"08", ERR_DATABASE_AWAY},
    {"22P02", ERR_INVALID},
    {"22003", ERR_INVALID},
    {"53", ERR_BUSY},    /* too_many_connections, out of memory, disk full */
    {"55P03", ERR_BUSY}, /* lock_not_available */
};

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Payload Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Entity"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

const struct err_info *err_info(enum err e)
{
    if ((int)e < 0 || e >= ERR_COUNT)
        e = ERR_INTERNAL;
    return &infos[e];
}

enum err err_from_sql(const char *sqlstate, const char *constraint)
{
    if (constraint && *constraint)
        for (size_t i = 0; i < COUNT_OF(constraints); i++)
            if (strcmp(constraints[i].constraint, constraint) == 0)
                return constraints[i].e;
    if (!sqlstate)
        return ERR_INTERNAL;
    for (int e = 0; e < ERR_COUNT; e++)
        if (infos[e].sqlstate && strcmp(infos[e].sqlstate, sqlstate) == 0)
            return (enum err)e;
    for (size_t i = 0; i < COUNT_OF(sql_classes); i++)
        if (strncmp(sqlstate, sql_classes[i].prefix, strlen(sql_classes[i].prefix)) == 0)
            return sql_classes[i].e;
    return ERR_INTERNAL;
}

const char *err_reason(int status)
{
    static const char *const by_class[] = {"Unknown",   "Continue",    "OK",
                                           "See Other", "Bad Request", "Internal Server Error"};

    for (size_t i = 0; i < COUNT_OF(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return status >= 100 && status < 600 ? by_class[status / 100] : by_class[0];
}
