/* TLS by libevent's OpenSSL bufferevents. A proxy in front is the usual way; this is for those who
 * have none. */
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/log.h"
#include "http/conn.h"

struct ssl_ctx_st *tls_new(const char *cert_file, const char *key_file)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    char reason[256];

    if (tls && SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) == 1 &&
        SSL_CTX_use_certificate_chain_file(tls, cert_file) == 1 &&
        SSL_CTX_use_PrivateKey_file(tls, key_file, SSL_FILETYPE_PEM) == 1 &&
        SSL_CTX_check_private_key(tls) == 1) {
        SSL_CTX_set_options(tls, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
        /* Clients that close without a close_notify are an end of file, as they are in the clear.
         */
        SSL_CTX_set_options(tls, SSL_OP_IGNORE_UNEXPECTED_EOF);
        SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
        return tls;
    }
    ERR_error_string_n(ERR_get_error(), reason, sizeof reason);
    log_error("http.tls.failed", "cert=%s key=%s reason=%s", cert_file, key_file, reason);
    SSL_CTX_free(tls);
    return NULL;
}

void tls_free(struct ssl_ctx_st *tls)
{
    SSL_CTX_free(tls);
}

struct bufferevent *tls_accept(struct ssl_ctx_st *tls, struct event_base *base, int fd)
{
    SSL *ssl = SSL_new(tls);
    struct bufferevent *wrapped;

    if (!ssl)
        return NULL;
    wrapped = bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING,
                                             BEV_OPT_CLOSE_ON_FREE);
    if (!wrapped) {
        SSL_free(ssl);
        return NULL;
    }
    bufferevent_openssl_set_allow_dirty_shutdown(wrapped, 1);
    return wrapped;
}

void tls_end(struct bufferevent *wrapped)
{
    SSL *ssl = bufferevent_openssl_get_ssl(wrapped);

    if (ssl && SSL_is_init_finished(ssl))
        SSL_shutdown(ssl);
    ERR_clear_error();
}
