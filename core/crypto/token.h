/* Access tokens: HS256 by libjwt, wrapped: alg pinned to exactly HS256 before and after decoding,
 * no crit, header URLs ignored, exp and nbf checked by us (60 s leeway for nbf/iat only), iss
 * "souk". Verified tokens are cached by their text until they expire (bounded). */
#ifndef SOUK_CRYPTO_TOKEN_H
#define SOUK_CRYPTO_TOKEN_H

#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct token_key;

struct token_claims {
    char sub[37];
    char role[16];
    char jti[37];
    int64_t iat_s, exp_s;
    uint64_t serial; /* of a verified token that is kept: of this one only, for good; else 0 */
};

/* secret of at least 32 bytes, else NULL. Copied; wiped by free. */
struct token_key *token_key_new(struct str secret);
void token_key_free(struct token_key *key);
/* Heap string, caller frees; NULL when libjwt fails. */
char *token_issue(const struct token_key *key, const struct token_claims *claims);
/* ERR_OK, ERR_TOKEN_EXPIRED or ERR_UNAUTHENTICATED. */
enum err
token_verify(struct token_key *key, struct str token, int64_t now_s, struct token_claims *out);
/* The serial of a token that is kept and has not expired, else 0: then ask token_verify. */
uint64_t token_known(const struct token_key *key, struct str token, int64_t now_s);
/* The mark that only we can put on text: what clients bring back unread (list cursors). Hex of an
 * HMAC under the key of the tokens; a word in front keeps it apart from what a token signs. */
void token_seal(const struct token_key *key, struct str text, char out[65]);

#endif
