/* Access tokens. The difficulty is what libjwt 1.10.2 lets through: it takes the algorithm from the
 * token, checks no time, and verifies nothing at all when the key is NULL. So the header is read
 * here first, strictly, and only what says exactly HS256 gets to libjwt. */
#include "crypto/token.h"

#include "crypto/hmac.h"
#include <errno.h>
#include <jwt.h>
#include <stdlib.h>
#include <string.h>

#define SECRET_BYTES_MIN 32
#define TOKEN_BYTES_MIN  16
#define TOKEN_BYTES_MAX  2048
#define HEADER_BYTES_MAX 256
#define LEEWAY_S         60
#define ISSUER           "souk"
#define CACHE_SETS       1024
#define CACHE_WAYS       8
#define CACHED_BYTES_MAX 512

struct cached {
    size_t len; /* 0: free */
    char text[CACHED_BYTES_MAX];
    struct token_claims claims;
};

struct cache_set {
    uint64_t tails[CACHE_WAYS]; /* ends of the texts: who looks reads one of them whole, if any */
    unsigned next;              /* the way that is overwritten next */
    struct cached ways[CACHE_WAYS];
};

struct token_key {
    unsigned char *secret; /* owned */
    int secret_len;
    struct cache_set *cache; /* CACHE_SETS; owned */
    uint64_t serial;         /* of the token kept last */
};

/* The three parts of a compact token; all of them base64url and not empty. */
struct parts {
    struct str header, payload, signature;
};

struct token_key *token_key_new(struct str secret)
{
    struct token_key *key;

    if (secret.len < SECRET_BYTES_MIN || secret.len > 65536)
        return NULL;
    key = calloc(1, sizeof *key);
    if (!key)
        abort();
    key->secret = malloc(secret.len);
    key->cache = calloc(CACHE_SETS, sizeof *key->cache);
    if (!key->secret || !key->cache)
        abort();
    memcpy(key->secret, secret.at, secret.len);
    key->secret_len = (int)secret.len;
    return key;
}

/* Only what was used: the rest has no memory of its own yet. */
static void wipe(struct cache_set *set)
{
    for (int i = 0; i < CACHE_WAYS; i++)
        if (set->ways[i].len)
            explicit_bzero(&set->ways[i], sizeof set->ways[i]);
}

void token_key_free(struct token_key *key)
{
    if (!key)
        return;
    explicit_bzero(key->secret, (size_t)key->secret_len);
    free(key->secret);
    for (int i = 0; i < CACHE_SETS; i++)
        wipe(&key->cache[i]);
    free(key->cache);
    free(key);
}

char *token_issue(const struct token_key *key, const struct token_claims *claims)
{
    jwt_t *jwt = NULL;
    char *text = NULL;

    if (jwt_new(&jwt) != 0)
        return NULL;
    if (jwt_set_alg(jwt, JWT_ALG_HS256, key->secret, key->secret_len) == 0 &&
        jwt_add_grant(jwt, "iss", ISSUER) == 0 && jwt_add_grant(jwt, "sub", claims->sub) == 0 &&
        jwt_add_grant(jwt, "role", claims->role) == 0 &&
        jwt_add_grant(jwt, "jti", claims->jti) == 0 &&
        jwt_add_grant_int(jwt, "iat", claims->iat_s) == 0 &&
        jwt_add_grant_int(jwt, "exp", claims->exp_s) == 0)
        text = jwt_encode_str(jwt);
    jwt_free(jwt);
    return text;
}

static int base64url_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

static bool is_base64url(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (base64url_value(text.at[i]) < 0)
            return false;
    return text.len > 0 && text.len % 4 != 1;
}

static bool split(struct str token, struct parts *out)
{
    const char *end = token.at + token.len;
    const char *first = memchr(token.at, '.', token.len);
    const char *second = first ? memchr(first + 1, '.', (size_t)(end - first - 1)) : NULL;

    if (!second)
        return false;
    out->header = (struct str){token.at, (size_t)(first - token.at)};
    out->payload = (struct str){first + 1, (size_t)(second - first - 1)};
    out->signature = (struct str){second + 1, (size_t)(end - second - 1)};
    return is_base64url(out->header) && is_base64url(out->payload) && is_base64url(out->signature);
}

static bool decode_header(struct str encoded, char *out, size_t *out_len)
{
    unsigned bits = 0, value = 0;
    size_t len = 0;

    if (encoded.len > HEADER_BYTES_MAX)
        return false;
    for (size_t i = 0; i < encoded.len; i++) {
        value = (value << 6 | (unsigned)base64url_value(encoded.at[i])) & 0xFFFFFF;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[len++] = (char)(value >> bits & 0xFF);
        }
    }
    *out_len = len;
    return true;
}

static void skip_space(struct str *text)
{
    while (text->len && strchr(" \t\r\n", *text->at) && *text->at) {
        text->at++;
        text->len--;
    }
}

static bool take_char(struct str *text, char c)
{
    skip_space(text);
    if (!text->len || *text->at != c)
        return false;
    text->at++;
    text->len--;
    return true;
}

/* A JSON string without escapes: nobody needs them here, and they could hide a name. */
static bool take_string(struct str *text, struct str *out)
{
    if (!take_char(text, '"'))
        return false;
    for (size_t i = 0; i < text->len; i++) {
        unsigned char c = (unsigned char)text->at[i];

        if (c == '"') {
            *out = (struct str){text->at, i};
            *text = (struct str){text->at + i + 1, text->len - i - 1};
            return true;
        }
        if (c < 0x20 || c == '\\')
            return false;
    }
    return false;
}

/* The header may be one flat object of strings; alg once and exactly HS256; typ, if there, JWT; no
 * crit. Other members (kid, jku, x5u) are ignored. Nested ones (crit, jwk) make it malformed. */
static bool is_header_ours(struct str text)
{
    struct str name, value;
    bool has_alg = false;

    if (!take_char(&text, '{'))
        return false;
    do {
        if (!take_string(&text, &name) || !take_char(&text, ':') || !take_string(&text, &value))
            return false;
        if (str_eq(name, STR("crit")) ||
            (str_eq(name, STR("typ")) && !str_eq_nocase(value, STR("JWT"))))
            return false;
        if (str_eq(name, STR("alg"))) {
            if (has_alg || !str_eq(value, STR("HS256")))
                return false;
            has_alg = true;
        }
    } while (take_char(&text, ','));
    if (!take_char(&text, '}'))
        return false;
    skip_space(&text);
    return has_alg && text.len == 0;
}

static bool copy_grant(jwt_t *jwt, const char *name, char *out, size_t size)
{
    const char *value = jwt_get_grant(jwt, name);

    if (!value || !*value || strlen(value) >= size)
        return false;
    memcpy(out, value, strlen(value) + 1);
    return true;
}

/* False: the grant is there, but not as a whole number above 0; jwt_get_grant_int says 0 for what
 * is a text or a fraction. Absent: *out is left as it was. */
static bool read_time(jwt_t *jwt, const char *name, int64_t *out)
{
    long value;

    errno = 0;
    value = jwt_get_grant_int(jwt, name);
    if (errno == ENOENT)
        return true;
    if (errno != 0 || value <= 0)
        return false;
    *out = value;
    return true;
}

static enum err check_claims(jwt_t *jwt, int64_t now_s, struct token_claims *out)
{
    const char *issuer = jwt_get_grant(jwt, "iss");
    int64_t not_before_s = 0;
    struct token_claims claims = {.iat_s = -1, .exp_s = -1};

    if (!issuer || strcmp(issuer, ISSUER) != 0 ||
        !copy_grant(jwt, "sub", claims.sub, sizeof claims.sub) ||
        !copy_grant(jwt, "role", claims.role, sizeof claims.role) ||
        !copy_grant(jwt, "jti", claims.jti, sizeof claims.jti))
        return ERR_UNAUTHENTICATED;
    if (!read_time(jwt, "iat", &claims.iat_s) || !read_time(jwt, "exp", &claims.exp_s) ||
        !read_time(jwt, "nbf", &not_before_s) || claims.iat_s < 0 || claims.exp_s < 0)
        return ERR_UNAUTHENTICATED;
    if (claims.exp_s <= now_s)
        return ERR_TOKEN_EXPIRED;
    if (claims.iat_s > now_s + LEEWAY_S || not_before_s > now_s + LEEWAY_S)
        return ERR_UNAUTHENTICATED;
    *out = claims;
    return ERR_OK;
}

static enum err
verify_whole(struct token_key *key, struct str token, int64_t now_s, struct token_claims *out)
{
    char text[TOKEN_BYTES_MAX + 1], header[HEADER_BYTES_MAX];
    struct parts parts;
    size_t header_len;
    jwt_t *jwt = NULL;
    enum err e = ERR_UNAUTHENTICATED;

    if (!split(token, &parts) || !decode_header(parts.header, header, &header_len) ||
        !is_header_ours((struct str){header, header_len}))
        return ERR_UNAUTHENTICATED;
    memcpy(text, token.at, token.len);
    text[token.len] = '\0';
    if (jwt_decode(&jwt, text, key->secret, key->secret_len) != 0)
        return ERR_UNAUTHENTICATED;
    if (jwt_get_alg(jwt) == JWT_ALG_HS256)
        e = check_claims(jwt, now_s, out);
    jwt_free(jwt);
    return e;
}

static uint64_t tail_of(struct str token)
{
    uint64_t tail;

    memcpy(&tail, token.at + token.len - sizeof tail, sizeof tail);
    return tail;
}

/* The set is chosen by the end of the signature, which is as good as a hash, and only tokens that
 * were verified get in, so nobody can crowd a set. */
static struct cache_set *set_of(const struct token_key *key, struct str token)
{
    uint64_t mixed = tail_of(token) * UINT64_C(0x9E3779B97F4A7C15);

    return &key->cache[(mixed >> 32) % CACHE_SETS];
}

static const struct cached *find(const struct cache_set *set, struct str token)
{
    uint64_t tail = tail_of(token);

    for (int i = 0; i < CACHE_WAYS; i++)
        if (set->tails[i] == tail &&
            bytes_equal((struct str){set->ways[i].text, set->ways[i].len}, token))
            return &set->ways[i];
    return NULL;
}

static bool is_sized(struct str token)
{
    return token.len >= TOKEN_BYTES_MIN && token.len <= TOKEN_BYTES_MAX;
}

uint64_t token_known(const struct token_key *key, struct str token, int64_t now_s)
{
    const struct cached *kept = is_sized(token) ? find(set_of(key, token), token) : NULL;

    return kept && kept->claims.exp_s > now_s ? kept->claims.serial : 0;
}

enum err
token_verify(struct token_key *key, struct str token, int64_t now_s, struct token_claims *out)
{
    struct cache_set *set;
    const struct cached *kept;
    struct cached *slot;
    enum err e;

    if (!is_sized(token))
        return ERR_UNAUTHENTICATED;
    set = set_of(key, token);
    kept = find(set, token);
    if (kept && kept->claims.exp_s <= now_s)
        return ERR_TOKEN_EXPIRED;
    if (kept) {
        *out = kept->claims;
        return ERR_OK;
    }
    e = verify_whole(key, token, now_s, out);
    if (e != ERR_OK || token.len > CACHED_BYTES_MAX)
        return e;
    out->serial = ++key->serial;
    set->tails[set->next % CACHE_WAYS] = tail_of(token);
    slot = &set->ways[set->next++ % CACHE_WAYS];
    memcpy(slot->text, token.at, token.len);
    slot->len = token.len;
    slot->claims = *out;
    return ERR_OK;
}

void token_seal(const struct token_key *key, struct str text, char out[DIGEST_HEX_SIZE])
{
    static const char word[] = "seal ";
    size_t len = sizeof word - 1 + text.len;
    char *data = malloc(len);

    if (!data)
        abort();
    memcpy(data, word, sizeof word - 1);
    memcpy(data + sizeof word - 1, text.at, text.len);
    hmac_sha256_hex((struct str){(const char *)key->secret, (size_t)key->secret_len},
                    (struct str){data, len}, out);
    free(data);
}
