#include "crypto/password.h"

#include "crypto/hmac.h"
#include <crypt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "$2b$"

bool password_is_allowed(struct str password)
{
    return password.len >= PASSWORD_BYTES_MIN && password.len <= PASSWORD_BYTES_MAX &&
           !memchr(password.at, '\0', password.len);
}

/* False when the library fails, which it says by NULL or by a text that begins with '*'. */
static bool hash_with(struct str password, const char *setting, char out[PASSWORD_HASH_SIZE])
{
    char phrase[PASSWORD_BYTES_MAX + 1];
    void *memory = NULL;
    int memory_size = 0;
    const char *made;
    bool is_good;

    memcpy(phrase, password.at, password.len);
    phrase[password.len] = '\0';
    made = crypt_ra(phrase, setting, &memory, &memory_size);
    is_good = made && made[0] == '$' && strlen(made) < PASSWORD_HASH_SIZE;
    if (is_good)
        memcpy(out, made, strlen(made) + 1);
    explicit_bzero(phrase, sizeof phrase);
    if (memory)
        explicit_bzero(memory, (size_t)memory_size);
    free(memory);
    return is_good;
}

bool password_hash(struct str password, int cost, char out[PASSWORD_HASH_SIZE])
{
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];

    if (!password_is_allowed(password))
        return false;
    /* Without random bytes of ours the library takes its own from the system. */
    if (!crypt_gensalt_rn(PREFIX, (unsigned long)cost, NULL, 0, setting, sizeof setting))
        return false;
    return hash_with(password, setting, out);
}

bool password_check(struct str password, const char *hash, int cost)
{
    char made[PASSWORD_HASH_SIZE], dummy[32];
    bool is_same;

    /* Says nothing about the account: the same password is refused for every one. */
    if (!password_is_allowed(password))
        return false;
    if (!hash || strncmp(hash, PREFIX, sizeof PREFIX - 1) != 0) {
        (void)snprintf(dummy, sizeof dummy, PREFIX "%02d$ABCDEFGHIJKLMNOPQRSTUu", cost);
        (void)hash_with(password, dummy, made);
        return false;
    }
    is_same = hash_with(password, hash, made) && bytes_equal(str_from(made), str_from(hash));
    explicit_bzero(made, sizeof made);
    return is_same;
}
