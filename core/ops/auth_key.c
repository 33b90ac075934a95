#include "ops/auth_key.h"

#include "base/buf.h"
#include "base/conf.h"
#include "crypto/random.h"
#include "crypto/token.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_BYTES 48

static void make_file(const char *path)
{
    char key[2 * KEY_BYTES + 1];
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return; /* it is there, or opening it will say why not */
    random_hex(key, KEY_BYTES);
    if (write(fd, key, sizeof(key) - 1) != (ssize_t)sizeof(key) - 1)
        unlink(path);
    close(fd);
}

static struct str trimmed(struct str text)
{
    while (text.len && strchr(" \t\r\n", text.at[text.len - 1]))
        text.len--;
    return text;
}

static struct token_key *from_file(const struct conf *conf)
{
    char path[600];
    struct buf text;
    struct token_key *key = NULL;
    const char *named = conf_text(conf, "auth.secret_file");

    if (*named)
        snprintf(path, sizeof(path), "%s", named);
    else
        snprintf(path, sizeof(path), "%.500s/auth.key", conf_text(conf, "home"));
    mkdir(conf_text(conf, "home"), 0755);
    make_file(path);
    buf_init(&text, 4096);
    if (!buf_read_file(&text, path))
        fprintf(stderr, "souk: %s: %s: give it read permission, or set auth.secret\n", path,
                strerror(errno));
    else if (!(key = token_key_new(trimmed(buf_str(&text)))))
        fprintf(stderr, "souk: %s holds less than 32 bytes: remove it and a new one is made\n",
                path);
    if (text.at)
        explicit_bzero(text.at, text.len);
    buf_done(&text);
    return key;
}

struct token_key *auth_key_open(const struct conf *conf)
{
    const char *secret = conf_text(conf, "auth.secret");
    struct token_key *key;

    if (!*secret)
        return from_file(conf);
    key = token_key_new(str_from(secret));
    if (!key)
        fprintf(stderr, "souk: auth.secret is shorter than 32 bytes: take 48 random ones\n");
    return key;
}
