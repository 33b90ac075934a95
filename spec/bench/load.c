/* A load generator for requests that wrk cannot tell: each connection sends requests of its own, in
 * order, with bodies and tokens, and every answer's status is looked at. One thread, one epoll, no
 * allocation while it runs, so that it leaves the cores to the server.
 *
 *   load PORT CONNECTIONS SECONDS RATE FILE
 *
 * SECONDS 0: each request is sent once; otherwise a connection begins again at its first. RATE 0:
 * the next request goes out when the answer is in. RATE r: r requests a second over all
 * connections, each on its own schedule; a late one counts from when it was due, so that a stall is
 * not hidden by those who politely wait for it. Whoever asks on a schedule is meant to be
 * elsewhere: where that is allowed it goes before all others of this machine, so that its own
 * lateness is not taken for the server's. It wakes every half millisecond and not for each answer,
 * which took half a core of those that it measures: what is due meanwhile goes out then, late, and
 * when an answer came the kernel has noted. A thread that only sleeps tells as the label "idle" how
 * late this machine woke it meanwhile. FILE: "connection status label length\n" and that many
 * bytes, for each request. Prints a line a label: "label answers others seconds p50 p95 p99 max"
 * (ms); others had another status than wished, and are told by their number on stderr.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 4096
#define LABELS_MAX      16
#define ANSWER_MAX      (1u << 20)
#define SAMPLES_MAX     (8u << 20)
#define EVENTS_MAX      256
#define CONNECT_TRIES   200
#define IDLE_NS         2000000 /* what the idle thread sleeps */
#define TICK_NS         500000  /* what one on a schedule sleeps */

struct request {
    char *bytes;
    size_t len;
    int status;
    int label;
};

struct connection {
    int fd;
    struct request *requests;
    size_t count, room, at;
    size_t sent;
    bool is_waiting; /* for its answer */
    bool is_done;
    uint64_t due_ns; /* when the request was, or is, to be sent */
    char *answer;
    size_t got;
};

struct label {
    char name[32];
    float *ms;
    size_t count, others;
};

static struct connection connections[CONNECTIONS_MAX];
static struct label labels[LABELS_MAX];
static int connection_count, label_count, poll_fd, port;
static uint64_t began_ns, ends_ns, interval_ns; /* ends_ns 0: once through */
static uint64_t wall_ahead_ns;                  /* of now_ns() */
static size_t statuses[600];

static void fail(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void note_clocks(void)
{
    struct timespec wall;

    clock_gettime(CLOCK_REALTIME, &wall);
    wall_ahead_ns = (uint64_t)wall.tv_sec * 1000000000u + (uint64_t)wall.tv_nsec - now_ns();
}

static int label_of(const char *name)
{
    int i;

    for (i = 0; i < label_count; i++)
        if (strcmp(labels[i].name, name) == 0)
            return i;
    if (label_count == LABELS_MAX)
        fail("too many labels");
    snprintf(labels[i].name, sizeof(labels[i].name), "%s", name);
    labels[i].ms = malloc(SAMPLES_MAX * sizeof(float)); /* pages come as they are written */
    if (!labels[i].ms)
        fail("memory");
    return label_count++;
}

static void read_requests(const char *path)
{
    FILE *file = fopen(path, "re");
    int number, status;
    char name[32];
    size_t len;

    if (!file)
        fail(path);
    while (fscanf(file, "%d %d %31s %zu", &number, &status, name, &len) == 4) {
        struct connection *c = &connections[number % connection_count];
        if (c->count == c->room) {
            c->room = c->room ? c->room * 2 : 8;
            c->requests = realloc(c->requests, c->room * sizeof(*c->requests));
        }
        char *bytes = malloc(len);
        if (!c->requests || !bytes || fgetc(file) != '\n' || fread(bytes, 1, len, file) != len)
            fail("the file of requests is cut short");
        c->requests[c->count++] =
            (struct request){.bytes = bytes, .len = len, .status = status, .label = label_of(name)};
    }
    fclose(file);
}

static void open_connection(struct connection *c)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    int one = 1, tries;

    for (tries = 0;; tries++) {
        c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (c->fd >= 0 && connect(c->fd, (struct sockaddr *)&address, sizeof(address)) == 0)
            break;
        if (c->fd < 0 || tries == CONNECT_TRIES)
            fail("connect");
        close(c->fd);
        usleep(10000);
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (interval_ns)
        setsockopt(c->fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one));
    if (fcntl(c->fd, F_SETFL, O_NONBLOCK) != 0 || epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &event))
        fail("epoll");
    if (!c->answer && !(c->answer = malloc(ANSWER_MAX)))
        fail("memory");
}

static void send_request(struct connection *c)
{
    const struct request *request = &c->requests[c->at];
    ssize_t n;

    if (!interval_ns)
        c->due_ns = now_ns();
    c->is_waiting = true;
    c->got = 0;
    for (c->sent = 0; c->sent < request->len; c->sent += (size_t)n) {
        n = send(c->fd, request->bytes + c->sent, request->len - c->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            n = 0;
            usleep(100);
        } else if (n <= 0) {
            return; /* a worker that died: reading tells */
        }
    }
}

/* What comes after an answer: the next request, at once or when it is due, or nothing. */
static void go_on(struct connection *c)
{
    c->is_waiting = false;
    if (++c->at == c->count) {
        c->at = 0;
        c->is_done = ends_ns == 0;
    }
    if (ends_ns && now_ns() >= ends_ns)
        c->is_done = true;
    c->due_ns += interval_ns;
    if (!c->is_done && (!interval_ns || c->due_ns <= now_ns()))
        send_request(c);
}

/* The length of the whole answer once its head is in; 0 before. */
static size_t answer_len(const struct connection *c, int *status)
{
    const char *end = memmem(c->answer, c->got, "\r\n\r\n", 4);
    const char *line;
    size_t body = 0;

    if (!end)
        return 0;
    *status = atoi(c->answer + 9);
    for (line = c->answer; line < end; line = (const char *)memchr(line, '\n', c->got) + 1)
        if (strncasecmp(line, "Content-Length:", 15) == 0)
            body = strtoul(line + 15, NULL, 10);
    return (size_t)(end - c->answer) + 4 + (*status == 204 || *status == 304 ? 0 : body);
}

/* The next part of an answer; *came_ns: when the kernel had it, where it says so, else now. */
static ssize_t receive(struct connection *c, uint64_t *came_ns)
{
    char control[256];
    struct iovec part = {c->answer + c->got, ANSWER_MAX - c->got};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    ssize_t n = recvmsg(c->fd, &message, 0);
    struct cmsghdr *at;

    *came_ns = now_ns();
    for (at = n > 0 ? CMSG_FIRSTHDR(&message) : NULL; at; at = CMSG_NXTHDR(&message, at)) {
        struct timespec stamp;

        if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SO_TIMESTAMPNS)
            continue;
        memcpy(&stamp, CMSG_DATA(at), sizeof(stamp));
        *came_ns = (uint64_t)stamp.tv_sec * 1000000000u + (uint64_t)stamp.tv_nsec - wall_ahead_ns;
    }
    return n;
}

static void take_answer(struct connection *c, int status, uint64_t came_ns)
{
    const struct request *request = &c->requests[c->at];
    struct label *label = &labels[request->label];

    if (status != request->status)
        label->others++;
    if (status > 0 && status < 600)
        statuses[status]++;
    if (label->count < SAMPLES_MAX)
        label->ms[label->count++] = (float)((double)(came_ns - c->due_ns) / 1e6);
    go_on(c);
}

static void on_readable(struct connection *c)
{
    int status = 0;
    size_t whole;
    uint64_t came_ns;
    ssize_t n = receive(c, &came_ns);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        /* A worker that died: what was asked is asked no more, the next one goes elsewhere. */
        close(c->fd);
        open_connection(c);
        if (c->is_waiting)
            take_answer(c, 599, came_ns);
        return;
    }
    c->got += (size_t)n;
    whole = answer_len(c, &status);
    if (whole > ANSWER_MAX)
        fail("an answer that large was not thought of");
    if (whole && c->got >= whole && c->is_waiting)
        take_answer(c, status, came_ns);
}

/* Sends what is due; how long nothing will be. */
static struct timespec send_due(void)
{
    uint64_t now = now_ns(), wait_ns = 100000000;
    int i;

    for (i = 0; i < connection_count; i++) {
        struct connection *c = &connections[i];
        if (c->is_done || c->is_waiting)
            continue;
        if (c->due_ns <= now)
            send_request(c);
        else if (c->due_ns - now < wait_ns)
            wait_ns = c->due_ns - now;
    }
    return (struct timespec){.tv_nsec = (long)wait_ns};
}

static bool is_over(void)
{
    int i;

    for (i = 0; i < connection_count; i++)
        if (connections[i].is_waiting || !connections[i].is_done)
            return ends_ns && now_ns() > ends_ns + 2000000000u; /* who has not answered by now */
    return true;
}

static void run(void)
{
    struct epoll_event events[EVENTS_MAX];
    struct timespec timeout, now = {0}, tick = {.tv_nsec = TICK_NS};
    int i, n;

    began_ns = now_ns();
    for (i = 0; i < connection_count; i++) {
        struct connection *c = &connections[i];
        c->is_done = c->count == 0;
        c->due_ns = began_ns + interval_ns * (uint64_t)i / (uint64_t)connection_count;
    }
    do {
        timeout = send_due();
        if (interval_ns)
            nanosleep(&tick, NULL);
        n = epoll_pwait2(poll_fd, events, EVENTS_MAX, interval_ns ? &now : &timeout, NULL);
        for (i = 0; i < n; i++)
            on_readable(events[i].data.ptr);
        if (interval_ns && ends_ns && now_ns() >= ends_ns)
            for (i = 0; i < connection_count; i++)
                connections[i].is_done = true;
    } while (!is_over());
}

static void *sleep_over_and_over(void *label_)
{
    struct label *label = label_;
    struct timespec till;
    uint64_t due_ns;

    for (due_ns = now_ns() + IDLE_NS; label->count < SAMPLES_MAX; due_ns = now_ns() + IDLE_NS) {
        till.tv_sec = (time_t)(due_ns / 1000000000u);
        till.tv_nsec = (long)(due_ns % 1000000000u);
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &till, NULL);
        label->ms[label->count] = (float)((double)(now_ns() - due_ns) / 1e6);
        label->count++;
    }
    return NULL;
}

/* The run on a schedule: before all others, with the idle thread beside it. */
static void run_first(void)
{
    struct sched_param first = {.sched_priority = 1};
    pthread_t thread;

    if (pthread_create(&thread, NULL, sleep_over_and_over, &labels[label_of("idle")]) != 0)
        fail("thread");
    sched_setscheduler(0, SCHED_FIFO, &first); /* this thread's alone; where refused, it stays */
    run();
    pthread_cancel(thread);
    pthread_join(thread, NULL);
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

static float percentile(const struct label *label, double part)
{
    return label->count ? label->ms[(size_t)((double)(label->count - 1) * part)] : 0;
}

static void tell(double seconds)
{
    int i;

    for (i = 0; i < label_count; i++) {
        struct label *label = &labels[i];
        qsort(label->ms, label->count, sizeof(float), by_size);
        printf("%s %zu %zu %.4f %.4f %.4f %.4f %.4f\n", label->name, label->count, label->others,
               seconds, percentile(label, 0.5), percentile(label, 0.95), percentile(label, 0.99),
               percentile(label, 1));
    }
    for (i = 0; i < 600; i++)
        if (statuses[i])
            fprintf(stderr, "%d: %zu\n", i, statuses[i]);
}

int main(int argc, char **argv)
{
    int i;
    double seconds, rate;

    if (argc != 6) {
        fprintf(stderr, "load PORT CONNECTIONS SECONDS RATE FILE\n");
        return 2;
    }
    port = atoi(argv[1]);
    connection_count = atoi(argv[2]);
    seconds = atof(argv[3]);
    rate = atof(argv[4]);
    if (connection_count < 1 || connection_count > CONNECTIONS_MAX)
        return 2;
    if (rate > 0)
        interval_ns = (uint64_t)(connection_count / rate * 1e9);
    note_clocks();
    read_requests(argv[5]);
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (poll_fd < 0)
        fail("epoll");
    for (i = 0; i < connection_count; i++)
        open_connection(&connections[i]);
    ends_ns = seconds > 0 ? now_ns() + (uint64_t)(seconds * 1e9) : 0;
    if (rate > 0)
        run_first();
    else
        run();
    tell((double)(now_ns() - began_ns) / 1e9);
    return 0;
}
