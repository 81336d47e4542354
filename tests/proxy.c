/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line on loopback between kith and a kithd that keeps what passes, and can be bad:
 *
 *     proxy RECORD PORTFILE [DELAY_MS [CUT]]
 *
 * Prints "listening 127.0.0.1:PORT"; each connection goes on to the port that stands in
 * PORTFILE then. RECORD.N.up and RECORD.N.down are the bytes of connection N from and to
 * the caller. Every read waits DELAY_MS; after CUT bytes of both directions a connection
 * is cut. Serves 10,000 connections, or an hour.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 10000, SECONDS = 3600, PIECE = 4096 };

struct line {
    const char *record;
    const char *port_file;
    unsigned delay_ms;
    unsigned long cut; /* 0: never */
};

static struct sockaddr_in loopback(unsigned port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return at;
}

static int record(const struct line *l, int n, const char *which)
{
    char path[512];

    (void)snprintf(path, sizeof path, "%s.%d.%s", l->record, n, which); /* fits */
    return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

static int dial(const struct line *l)
{
    unsigned port = 0;
    FILE *f = fopen(l->port_file, "r");

    if (f == NULL)
        return -1;
    int got = fscanf(f, "%u", &port);

    (void)fclose(f); /* was only read */
    struct sockaddr_in at = loopback(port);
    int fd = got == 1 ? socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;

    if (fd >= 0 && connect(fd, (const struct sockaddr *)&at, sizeof at) != 0)
        return -1;
    return fd;
}

/* Moves what is there; 0 or less when that direction is over. */
static ssize_t carry(const struct line *l, int from, int to, int kept)
{
    char piece[PIECE];
    ssize_t n = read(from, piece, sizeof piece);

    if (n <= 0)
        return n;
    if (l->delay_ms > 0)
        (void)usleep(l->delay_ms * 1000); /* a little less is fine */
    if (write(kept, piece, (size_t)n) != n || write(to, piece, (size_t)n) != n)
        return -1;
    return n;
}

/* In a child of its own; ends with the connection. */
static void serve(const struct line *l, int caller, int n)
{
    int node = dial(l);
    int up = record(l, n, "up");
    int down = record(l, n, "down");
    unsigned long passed = 0;

    while (node >= 0 && up >= 0 && down >= 0) {
        struct pollfd in[2] = { { .fd = caller, .events = POLLIN },
                                { .fd = node, .events = POLLIN } };

        if (poll(in, 2, SECONDS * 1000) <= 0)
            return;
        int from = in[0].revents != 0 ? 0 : 1;
        ssize_t moved =
            from == 0 ? carry(l, caller, node, up) : carry(l, node, caller, down);

        if (moved <= 0)
            return;
        passed += (unsigned long)moved;
        if (l->cut != 0 && passed >= l->cut)
            return;
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in at = loopback(0);
    socklen_t size = sizeof at;
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (argc < 3 || argc > 5 || s < 0)
        return 2;
    struct line l = { .record = argv[1],
                      .port_file = argv[2],
                      .delay_ms = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 0,
                      .cut = argc > 4 ? strtoul(argv[4], NULL, 10) : 0 };
    if (bind(s, (const struct sockaddr *)&at, sizeof at) != 0 || listen(s, 64) != 0 ||
        getsockname(s, (struct sockaddr *)&at, &size) != 0 ||
        signal(SIGCHLD, SIG_IGN) == SIG_ERR || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return 1;
    (void)alarm(SECONDS);
    (void)printf("listening 127.0.0.1:%u\n", ntohs(at.sin_port));
    (void)fflush(stdout); /* nobody listening is seen below */
    for (int n = 0; n < CONNECTIONS; n++) {
        int caller = accept(s, NULL, NULL);

        if (caller < 0)
            return 1;
        pid_t pid = fork();

        if (pid == 0) {
            (void)alarm(SECONDS);
            serve(&l, caller, n);
            _exit(0);
        }
        (void)close(caller); /* the child's */
    }
    return 0;
}
