/* The key of the access tokens: from auth.secret, or a file under home that is made on first use
 * (0600). */
#ifndef SOUK_OPS_AUTH_KEY_H
#define SOUK_OPS_AUTH_KEY_H

struct conf;
struct token_key;

/* NULL: printed why. */
struct token_key *auth_key_open(const struct conf *conf);

#endif
