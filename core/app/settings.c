#include "app/settings.h"

#include "base/conf.h"
#include "stripe/api.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool refuse(const char *key, const char *why)
{
    (void)fprintf(stderr, "souk: %s: %s\n", key, why);
    return false;
}

static bool is_tls_sound(const struct conf *conf)
{
    static const char *const keys[] = {"http.tls_cert_file", "http.tls_key_file"};
    bool has_cert = *conf_text(conf, keys[0]), has_key = *conf_text(conf, keys[1]);

    if (has_cert != has_key)
        return refuse(keys[has_cert], "set both files to serve TLS, or neither");
    for (int i = 0; has_cert && i < 2; i++)
        if (access(conf_text(conf, keys[i]), R_OK) != 0)
            return refuse(keys[i], "the file cannot be read: give a full path and permission");
    return true;
}

bool settings_are_sound(const struct conf *conf)
{
    const char *currency = conf_text(conf, "currency");
    const char *key = conf_text(conf, "stripe.secret_key");
    const char *refusal = NULL;

    if (strlen(currency) != 3 || strspn(currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 3)
        return refuse("currency", "must be three capitals of ISO 4217, as USD");
    if (*key)
        refusal = stripe_key_refusal(str_from(key), str_from(conf_text(conf, "stripe.base_url")),
                                     conf_bool(conf, "stripe.live"));
    if (refusal)
        return refuse("stripe.secret_key", refusal);
    return is_tls_sound(conf);
}
