/* Outgoing HTTP. Two difficulties. libcurl counts the time a request waits for a connection as part
 * of its timeout, so admission is ours and libcurl only ever holds what may run. And what failed
 * must say whether the other side may have acted on it: libcurl silently sends a request again when
 * a kept connection turns out closed, so "a connection could not be made" alone proves nothing.
 * CURLOPT_PREREQFUNCTION, called before each sending, settles it. */
#include "fetch/fetch.h"

#include "fetch/address.h"

#include "base/buf.h"
#include "base/list.h"
#include "loop/loop.h"
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CONNECT_TIMEOUT_MS 3000
#define TIMEOUT_MS         20000
#define ANSWER_MAX_BYTES   1048576
#define HEADERS_MAX_BYTES  65536

struct job {
    struct list node; /* in waiting, running or refused */
    CURL *easy;       /* owned; NULL when refused */
    struct curl_slist *headers;
    struct buf sent_body, body, answer_headers;
    char reason[CURL_ERROR_SIZE];
    const char *refusal;
    bool is_sent, is_too_large, is_kept_away; /* the last: from an address that is not public */
    fetch_done_fn *done;
    void *arg;
};

struct fetch {
    struct loop *loop;
    CURLM *multi;
    struct loop_timer *curl_timer;    /* what libcurl asked for */
    struct loop_timer *refusal_timer; /* runs while refused has jobs */
    struct list waiting, running, refused, watches;
    int running_count, waiting_count, refused_count;
    int running_max, waiting_max;
};

struct watch {
    struct list node;
    struct fetch *fetch;
    struct loop_watch *watch;
    curl_socket_t fd;
};

static void *alloc_or_abort(size_t size)
{
    void *at = calloc(1, size);

    if (!at)
        abort();
    return at;
}

static struct job *take_first(struct list *from)
{
    struct job *job = list_entry(from->next, struct job, node);

    list_remove(&job->node);
    return job;
}

/* The job is in no list any more. */
static void job_free(struct job *job)
{
    curl_easy_cleanup(job->easy);
    curl_slist_free_all(job->headers);
    buf_done(&job->sent_body);
    buf_done(&job->body);
    buf_done(&job->answer_headers);
    free(job);
}

static size_t on_body(char *bytes, size_t one, size_t len, void *arg)
{
    struct job *job = arg;

    (void)one;
    buf_add(&job->body, bytes, len);
    job->is_too_large = job->is_too_large || job->body.is_full;
    return job->is_too_large ? 0 : len;
}

/* A status line begins the headers of another answer: those of 100 Continue are dropped. */
static size_t on_header(char *bytes, size_t one, size_t len, void *arg)
{
    struct job *job = arg;

    (void)one;
    if (len >= 5 && memcmp(bytes, "HTTP/", 5) == 0)
        buf_clear(&job->answer_headers);
    buf_add(&job->answer_headers, bytes, len);
    job->is_too_large = job->is_too_large || job->answer_headers.is_full;
    return job->is_too_large ? 0 : len;
}

static int on_before_sending(void *arg, char *to, char *from, int to_port, int from_port)
{
    struct job *job = arg;

    (void)to, (void)from, (void)to_port, (void)from_port;
    job->is_sent = true;
    return CURL_PREREQFUNC_OK;
}

/* After sending, only a verdict of ours can mean anything but "unknown". */
static enum fetch_outcome outcome_of(CURLcode code, const struct job *job)
{
    if (code == CURLE_OK)
        return FETCH_ANSWERED;
    if (job->is_too_large || code == CURLE_FILESIZE_EXCEEDED)
        return FETCH_TOO_LARGE;
    if (job->is_sent)
        return FETCH_UNKNOWN;
    if (job->is_kept_away)
        return FETCH_REFUSED;
    switch (code) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT: return FETCH_REFUSED;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_CIPHER: return FETCH_TLS;
    default: return FETCH_NOT_SENT;
    }
}

static const char *problem_of(CURLcode code, const struct job *job)
{
    if (job->is_too_large)
        return "the answer is too large";
    if (job->is_kept_away && !job->is_sent)
        return "the address is not a public one";
    return job->reason[0] ? job->reason : curl_easy_strerror(code);
}

static void start_waiting(struct fetch *fetch)
{
    while (fetch->running_count < fetch->running_max && !list_is_empty(&fetch->waiting)) {
        struct job *job = take_first(&fetch->waiting);

        fetch->waiting_count--;
        list_add_last(&fetch->running, &job->node);
        fetch->running_count++;
        if (curl_multi_add_handle(fetch->multi, job->easy) != CURLM_OK)
            abort();
    }
}

static void finish(struct fetch *fetch, struct job *job, CURLcode code)
{
    struct fetch_answer answer = {.outcome = outcome_of(code, job)};
    long status = 0;

    curl_multi_remove_handle(fetch->multi, job->easy);
    fetch->running_count--;
    list_remove(&job->node);
    if (answer.outcome == FETCH_ANSWERED) {
        curl_easy_getinfo(job->easy, CURLINFO_RESPONSE_CODE, &status);
        answer.status = (int)status;
        answer.body = buf_str(&job->body);
        answer.headers = buf_str(&job->answer_headers);
    } else {
        answer.problem = problem_of(code, job);
    }
    job->done(job->arg, &answer);
    job_free(job);
}

/* Called from events only, never from inside a callback of libcurl. */
static void finish_ended(struct fetch *fetch)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(fetch->multi, &left))) {
        struct job *job = NULL;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&job);
        finish(fetch, job, message->data.result);
    }
    start_waiting(fetch);
}

static void on_ready(void *arg, int ready)
{
    struct watch *watch = arg; /* libcurl may end it in the call below */
    struct fetch *fetch = watch->fetch;
    int running;

    (void)curl_multi_socket_action(fetch->multi, watch->fd,
                                   (ready & LOOP_READ ? CURL_CSELECT_IN : 0) |
                                       (ready & LOOP_WRITE ? CURL_CSELECT_OUT : 0),
                                   &running);
    finish_ended(fetch);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct fetch *fetch = arg;
    struct watch *watch = socket_arg;
    int ready = (what & CURL_POLL_IN ? LOOP_READ : 0) | (what & CURL_POLL_OUT ? LOOP_WRITE : 0);

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (!watch)
            return 0;
        loop_watch_free(watch->watch);
        list_remove(&watch->node);
        free(watch);
        curl_multi_assign(fetch->multi, fd, NULL);
    } else if (watch) {
        loop_watch_set(watch->watch, ready);
    } else {
        watch = alloc_or_abort(sizeof *watch);
        watch->fetch = fetch;
        watch->fd = fd;
        watch->watch = loop_watch_new(fetch->loop, fd, ready, on_ready, watch);
        list_add_last(&fetch->watches, &watch->node);
        curl_multi_assign(fetch->multi, fd, watch);
    }
    return 0;
}

static void on_curl_timer(void *arg)
{
    struct fetch *fetch = arg;
    int running;

    loop_timer_free(fetch->curl_timer);
    fetch->curl_timer = NULL;
    (void)curl_multi_socket_action(fetch->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    finish_ended(fetch);
}

/* Must not call libcurl. -1 means no timer. */
static int on_timer_wish(CURLM *multi, long delay_ms, void *arg)
{
    struct fetch *fetch = arg;

    (void)multi;
    loop_timer_free(fetch->curl_timer);
    fetch->curl_timer =
        delay_ms < 0 ? NULL : loop_after(fetch->loop, delay_ms, on_curl_timer, fetch);
    return 0;
}

struct fetch *fetch_new(struct loop *loop, int in_flight_max, int queue_max)
{
    struct fetch *fetch = alloc_or_abort(sizeof *fetch);

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        abort();
    *fetch = (struct fetch){.loop = loop, .running_max = in_flight_max, .waiting_max = queue_max};
    list_init(&fetch->waiting);
    list_init(&fetch->running);
    list_init(&fetch->refused);
    list_init(&fetch->watches);
    fetch->multi = curl_multi_init();
    if (!fetch->multi)
        abort();
    curl_multi_setopt(fetch->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(fetch->multi, CURLMOPT_SOCKETDATA, fetch);
    curl_multi_setopt(fetch->multi, CURLMOPT_TIMERFUNCTION, on_timer_wish);
    curl_multi_setopt(fetch->multi, CURLMOPT_TIMERDATA, fetch);
    curl_multi_setopt(fetch->multi, CURLMOPT_MAXCONNECTS, (long)in_flight_max);
    return fetch;
}

void fetch_free(struct fetch *fetch)
{
    if (!fetch)
        return;
    while (!list_is_empty(&fetch->running)) {
        struct job *job = take_first(&fetch->running);

        curl_multi_remove_handle(fetch->multi, job->easy);
        job_free(job);
    }
    while (!list_is_empty(&fetch->waiting))
        job_free(take_first(&fetch->waiting));
    while (!list_is_empty(&fetch->refused))
        job_free(take_first(&fetch->refused));
    curl_multi_cleanup(fetch->multi);
    while (!list_is_empty(&fetch->watches)) {
        struct watch *watch = list_entry(fetch->watches.next, struct watch, node);

        list_remove(&watch->node);
        loop_watch_free(watch->watch);
        free(watch);
    }
    loop_timer_free(fetch->curl_timer);
    loop_timer_free(fetch->refusal_timer);
    free(fetch);
    curl_global_cleanup();
}

static void on_refused(void *arg)
{
    struct fetch *fetch = arg;

    loop_timer_free(fetch->refusal_timer);
    fetch->refusal_timer = NULL;
    /* What done() asks for and is refused again waits for the next turn of the loop. */
    for (int left = fetch->refused_count; left > 0; left--) {
        struct job *job = take_first(&fetch->refused);
        struct fetch_answer answer = {.outcome = FETCH_REFUSED, .problem = job->refusal};

        fetch->refused_count--;
        job->done(job->arg, &answer);
        job_free(job);
    }
}

static const char *refusal_of(const struct fetch *fetch, const struct fetch_request *request)
{
    bool is_plain = strncmp(request->url, "http://", 7) == 0;

    if (!is_plain && strncmp(request->url, "https://", 8) != 0)
        return "only http and https are spoken";
    if (is_plain && !request->is_plain_http_allowed)
        return "only https is allowed here";
    if (!request->method[0] ||
        request->method[strspn(request->method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")])
        return "the method is not a word in capitals";
    for (int i = 0; i < request->header_count; i++)
        if (strpbrk(request->headers[i], "\r\n") || !strchr(request->headers[i], ':'))
            return "a header is malformed";
    if (fetch->running_count >= fetch->running_max && fetch->waiting_count >= fetch->waiting_max)
        return "too many requests are waiting";
    return NULL;
}

static void set_method(struct job *job, const struct fetch_request *request)
{
    bool is_get = strcmp(request->method, "GET") == 0;

    if (strcmp(request->method, "HEAD") == 0) {
        curl_easy_setopt(job->easy, CURLOPT_NOBODY, 1L);
        return;
    }
    if (request->body.len || strcmp(request->method, "POST") == 0) {
        buf_init(&job->sent_body, request->body.len);
        buf_add_str(&job->sent_body, request->body);
        curl_easy_setopt(job->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(job->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
        curl_easy_setopt(job->easy, CURLOPT_POSTFIELDS, buf_str(&job->sent_body).at);
    }
    if (!is_get || request->body.len)
        curl_easy_setopt(job->easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static void set_headers(struct job *job, const struct fetch_request *request)
{
    /* libcurl would wait a second for "100 Continue" before large bodies. */
    job->headers = curl_slist_append(NULL, "Expect:");
    for (int i = 0; job->headers && i < request->header_count; i++) {
        struct curl_slist *longer = curl_slist_append(job->headers, request->headers[i]);

        if (!longer)
            abort();
        job->headers = longer;
    }
    curl_easy_setopt(job->easy, CURLOPT_HTTPHEADER, job->headers);
}

static void set_limits(struct job *job, const struct fetch_request *request)
{
    CURL *easy = job->easy;
    size_t answer_max = request->answer_max_bytes ? request->answer_max_bytes : ANSWER_MAX_BYTES;
    long connect_ms =
        request->connect_timeout_ms ? request->connect_timeout_ms : CONNECT_TIMEOUT_MS;

    buf_init(&job->body, answer_max);
    buf_init(&job->answer_headers, HEADERS_MAX_BYTES);
    curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)answer_max);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
                     request->timeout_ms ? (long)request->timeout_ms : (long)TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR,
                     request->is_plain_http_allowed ? "http,https" : "https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    /* A request that times out while its name is looked up would else wait, and the loop with it,
     * until the resolver's thread gives up: half a minute where a name server is silent. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    /* Where requests go is said by conf alone: no proxy from the environment. */
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
}

/* Asked with the address that is about to be connected to: a name that resolves to something else
 * the second time gains nothing. */
static curl_socket_t open_public(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct job *job = arg;

    (void)purpose;
    if (!address_is_public(&address->addr)) {
        job->is_kept_away = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* Connections are not shared with requests that may go anywhere. */
static void set_reach(struct job *job, const struct fetch_request *request)
{
    if (!request->is_public_only)
        return;
    curl_easy_setopt(job->easy, CURLOPT_OPENSOCKETFUNCTION, open_public);
    curl_easy_setopt(job->easy, CURLOPT_OPENSOCKETDATA, job);
    curl_easy_setopt(job->easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(job->easy, CURLOPT_FORBID_REUSE, 1L);
}

static void set_callbacks(struct job *job)
{
    CURL *easy = job->easy;

    curl_easy_setopt(easy, CURLOPT_PRIVATE, job);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, job->reason);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, job);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, job);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_before_sending);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, job);
}

void fetch_run(struct fetch *fetch,
               const struct fetch_request *request,
               fetch_done_fn *done,
               void *arg)
{
    struct job *job = alloc_or_abort(sizeof *job);

    job->done = done;
    job->arg = arg;
    job->refusal = refusal_of(fetch, request);
    if (job->refusal) {
        list_add_last(&fetch->refused, &job->node);
        fetch->refused_count++;
        if (!fetch->refusal_timer)
            fetch->refusal_timer = loop_after(fetch->loop, 0, on_refused, fetch);
        return;
    }
    job->easy = curl_easy_init();
    if (!job->easy)
        abort();
    curl_easy_setopt(job->easy, CURLOPT_URL, request->url);
    set_method(job, request);
    set_headers(job, request);
    set_limits(job, request);
    set_reach(job, request);
    set_callbacks(job);
    list_add_last(&fetch->waiting, &job->node);
    fetch->waiting_count++;
    start_waiting(fetch);
}

struct str fetch_header(struct str headers, const char *name)
{
    size_t name_len = strlen(name);
    const char *at = headers.at, *end = headers.at + headers.len;

    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *line_end = newline ? newline : end;
        const char *value = at + name_len + 1;

        if ((size_t)(line_end - at) > name_len && at[name_len] == ':' &&
            strncasecmp(at, name, name_len) == 0) {
            while (value < line_end && (*value == ' ' || *value == '\t'))
                value++;
            while (line_end > value && strchr(" \t\r", line_end[-1]) && line_end[-1])
                line_end--;
            return (struct str){value, (size_t)(line_end - value)};
        }
        at = newline ? newline + 1 : end;
    }
    return (struct str){NULL, 0};
}
