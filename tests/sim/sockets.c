/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/sockets.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/call.h"
#include "tests/sim/net.h"

enum { LINES = 64, READ_MAX = 4096, BACKLOG = 64, SILENT_MS = 8000, SAFE_MS = 60000 };

struct line {
    int fd;
    struct net_line *net; /* NULL: nobody answers */
};

static struct {
    size_t n;
    int listeners[NET_NODES];
    struct line lines[LINES];
    size_t n_lines;
    size_t taken;
    int over; /* readable when the round is over */
    uint8_t out[NET_OUT];
} sockets;

static int listen_at(uint16_t *out_port)
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    MUST(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0);
    MUST(listen(fd, BACKLOG) == 0);
    MUST(getsockname(fd, (struct sockaddr *)&at, &n) == 0);
    *out_port = ntohs(at.sin_port);
    return fd;
}

void sockets_open(size_t n)
{
    uint16_t port = 0;

    MUST(n <= NET_NODES);
    sockets.n = n;
    sockets.taken = 0;
    for (size_t i = 0; i < n; i++) {
        sockets.listeners[i] = listen_at(&port);
        net_port(i, port);
    }
}

void sockets_close(void)
{
    for (size_t i = 0; i < sockets.n; i++)
        (void)close(sockets.listeners[i]);
    sockets.n = 0;
}

size_t sockets_taken(void)
{
    return sockets.taken;
}

/* ---- the thread ---- */

static void take(size_t i)
{
    struct line *l = &sockets.lines[sockets.n_lines];
    uint8_t key[PUB_BYTES];

    MUST(sockets.n_lines < LINES);
    l->fd = accept(sockets.listeners[i], NULL, NULL);
    MUST(l->fd >= 0);
    l->net = NULL;
    sockets.n_lines++;
    sockets.taken++;
    net_key(i, key);
    if (net_connect(key, &l->net) != OK)
        l->net = NULL;
}

static void drop(size_t at)
{
    struct line *l = &sockets.lines[at];

    if (l->net != NULL)
        net_hang_up(l->net);
    (void)close(l->fd);
    *l = sockets.lines[--sockets.n_lines];
}

static bool send_all(int fd, struct bytes b)
{
    while (b.n > 0) {
        ssize_t put = send(fd, b.p, b.n, MSG_NOSIGNAL);

        if (put <= 0)
            return false;
        b = bytes_of(b.p + put, b.n - (size_t)put);
    }
    return true;
}

/* What came goes to the node, what it says goes back. False: it is over. */
static bool carry(struct line *l)
{
    struct buf out = BUF_OF(sockets.out);
    uint8_t in[READ_MAX];
    ssize_t n = recv(l->fd, in, sizeof in, 0);

    if (n <= 0)
        return false;
    if (l->net == NULL)
        return true;
    enum err e = net_feed(l->net, bytes_of(in, (size_t)n), &out);

    return send_all(l->fd, buf_bytes(&out)) && e == OK;
}

/* The round's end first, then the listeners, then the lines. */
static size_t watch(struct pollfd *out)
{
    size_t n = 0;

    out[n++] = (struct pollfd){ .fd = sockets.over, .events = POLLIN };
    for (size_t i = 0; i < sockets.n; i++)
        out[n++] = (struct pollfd){ .fd = sockets.listeners[i], .events = POLLIN };
    for (size_t i = 0; i < sockets.n_lines; i++)
        out[n++] = (struct pollfd){ .fd = sockets.lines[i].fd, .events = POLLIN };
    return n;
}

static void *serve(void *arg)
{
    struct pollfd fds[1 + NET_NODES + LINES];

    (void)arg;
    for (;;) {
        size_t n = watch(fds);

        MUST(poll(fds, n, -1) > 0);
        if (fds[0].revents != 0)
            break;
        /* From the last: one that is dropped is replaced by one already looked at. */
        for (size_t at = n; at > 1 + sockets.n; at--)
            if (fds[at - 1].revents != 0 && !carry(&sockets.lines[at - 2 - sockets.n]))
                drop(at - 2 - sockets.n);
        for (size_t i = 0; i < sockets.n; i++)
            if (fds[1 + i].revents != 0)
                take(i);
    }
    while (sockets.n_lines > 0)
        drop(sockets.n_lines - 1);
    return NULL;
}

/* ---- a round ---- */

enum err real_round(struct call *calls, size_t n, uint32_t deadline_ms,
                    const struct rng *rng) __asm__("__real_call_round");
enum err wrap_round(struct call *calls, size_t n, uint32_t deadline_ms,
                    const struct rng *rng) __asm__("__wrap_call_round");

/* A silent node is waited for to the end; else the deadline is only a safety net, and
 * a machine that is busy with other things must not reach it. */
static uint32_t deadline(void)
{
    struct net_line *l = NULL;
    uint8_t key[PUB_BYTES];

    for (size_t i = 0; i < sockets.n; i++) {
        net_key(i, key);
        if (net_connect(key, &l) != OK)
            return SILENT_MS;
        net_hang_up(l);
    }
    return SAFE_MS;
}

enum err wrap_round(struct call *calls, size_t n, uint32_t deadline_ms,
                    const struct rng *rng)
{
    pthread_t thread;
    int ends[2];

    (void)deadline_ms;
    MUST(pipe(ends) == 0);
    sockets.over = ends[0];
    MUST(pthread_create(&thread, NULL, serve, NULL) == 0);
    enum err e = real_round(calls, n, deadline(), rng);

    (void)close(ends[1]);
    MUST(pthread_join(thread, NULL) == 0);
    (void)close(ends[0]);
    return e;
}
