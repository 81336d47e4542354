/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/net/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_S = 10 };

/* ---- a client ---- */

void caller_dial(struct caller *c, uint16_t port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct timeval patience = { .tv_sec = PATIENCE_S };

    c->peer = (struct peer){ 0 };
    c->in_n = 0;
    c->tag = 0;
    c->port = port;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    MUST(c->fd >= 0);
    MUST(setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
    MUST(setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0);
    /* A node that a test has killed refuses; then the first bytes do not go out. */
    MUST(connect(c->fd, (const struct sockaddr *)&at, sizeof at) == 0 ||
         errno == ECONNREFUSED || errno == ECONNRESET);
}

bool caller_send(struct caller *c, struct bytes raw)
{
    while (raw.n > 0) {
        ssize_t n = send(c->fd, raw.p, raw.n, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        raw.p += n;
        raw.n -= (size_t)n;
    }
    return true;
}

/* More bytes of the node. ERR_CLOSED: no more come; ERR_TIMEOUT: none for ten seconds. */
static enum err more(struct caller *c)
{
    ssize_t n = recv(c->fd, c->in + c->in_n, sizeof c->in - c->in_n, 0);

    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return ERR_TIMEOUT;
    if (n <= 0)
        return ERR_CLOSED;
    c->in_n += (size_t)n;
    return OK;
}

/* Until the peer has an event of this kind. */
static enum err until(struct caller *c, enum peer_event_kind what, struct peer_event *ev,
                      size_t *out_used)
{
    struct buf out = BUF_OF(c->out);

    for (;;) {
        TRY(peer_feed(&c->peer, (struct span){ c->in, c->in_n }, out_used, &out, ev));
        if (out.n > 0 && !caller_send(c, buf_bytes(&out)))
            return ERR_CLOSED;
        out.n = 0;
        if (ev->what == what)
            return OK;
        c->in_n -= *out_used;
        memmove(c->in, c->in + *out_used, c->in_n);
        if (ev->what == PEER_NEED_MORE)
            TRY(more(c));
    }
}

static void took(struct caller *c, size_t used)
{
    c->in_n -= used;
    memmove(c->in, c->in + used, c->in_n);
}

enum err caller_open(struct caller *c, uint16_t port, const uint8_t node[PUB_BYTES],
                     const struct sim_login *l)
{
    struct peer_login login = { .node = node,
                                .key = &l->key,
                                .pub = l->pub,
                                .psk = &l->psk,
                                .id = l->id,
                                .role = (uint8_t)l->role };
    struct buf out = BUF_OF(c->out);
    struct peer_event ev = { 0 };
    size_t used = 0;

    caller_dial(c, port);
    TRY(peer_start(&c->peer, &login, &crypt_random, &out));
    if (!caller_send(c, buf_bytes(&out)))
        return ERR_CLOSED;
    TRY(until(c, PEER_READY, &ev, &used));
    took(c, used);
    return OK;
}

void caller_frame(struct caller *c, uint16_t kind, const void *req, struct buf *out)
{
    AUTO_FREE uint8_t *mem = calloc(1, PEER_BODY_MAX);
    struct buf body = { .p = mem, .cap = PEER_BODY_MAX };

    MUST(mem != NULL && msg_put_req(msg_find(kind), req, &body) == OK);
    enum err e = peer_send(&c->peer, kind, ++c->tag, buf_bytes(&body), out);

    MUST(e == OK);
}

enum err caller_reply(struct caller *c, uint16_t kind, void *out_rep)
{
    struct peer_event ev = { 0 };
    struct rep_error error = { 0 };
    size_t used = 0;
    size_t n;

    TRY(until(c, PEER_FRAME, &ev, &used));
    n = ev.body.n;
    memcpy(c->body, ev.body.p, n);
    c->reply_tag = ev.tag;
    took(c, used);
    if (ev.kind == MSG_ERROR) {
        TRY(wire_get(&rep_error_schema, bytes_of(c->body, n), &error));
        return err_from_wire(error.code);
    }
    if (ev.kind != (kind | MSG_REPLY))
        return ERR_FORMAT;
    return out_rep == NULL ? OK
                           : msg_get_rep(msg_find(kind), bytes_of(c->body, n), out_rep);
}

enum err caller_ask(struct caller *c, uint16_t kind, const void *req, void *out_rep)
{
    struct buf out = BUF_OF(c->out);

    caller_frame(c, kind, req, &out);
    if (!caller_send(c, buf_bytes(&out)))
        return ERR_CLOSED;
    return caller_reply(c, kind, out_rep);
}

size_t caller_rest(struct caller *c)
{
    size_t n = c->in_n;

    for (int i = 0; i < 100000; i++) {
        c->in_n = 0;
        enum err e = more(c);

        if (e != OK)
            return e == ERR_CLOSED ? n : SIZE_MAX;
        n += c->in_n;
    }
    return SIZE_MAX;
}

void caller_close(struct caller *c)
{
    peer_end(&c->peer);
    (void)close(c->fd); /* a socket: nothing to lose */
    c->fd = -1;
}

/* ---- a kithd ---- */

const char *kithd_path(const struct kithd *k, const char *name)
{
    static char path[160];

    MUST(snprintf(path, sizeof path, "%s/%s", k->dir, name) < (int)sizeof path);
    return path;
}

void kithd_new(struct kithd *k, const char *listen, const char *extra)
{
    *k = (struct kithd){ .pid = -1, .out = -1 };
    (void)snprintf(k->dir, sizeof k->dir, "/tmp/kith-net-XXXXXX"); /* fits */
    MUST(mkdtemp(k->dir) != NULL);
    FILE *f = fopen(kithd_path(k, "conf"), "w");

    MUST(f != NULL);
    MUST(fprintf(f,
                 "[Node]\nName = Test\nListen = %s\nState = %s/state\n"
                 "TrustClock = yes\nLockMemory = no\n%s\n",
                 listen, k->dir, extra) > 0);
    MUST(fclose(f) == 0);
}

/* In the child; never returns. */
static void become_kithd(const struct kithd *k, int out, const char *more_)
{
    int err = open(kithd_path(k, "log"), O_WRONLY | O_CREAT | O_APPEND, 0600);

    if (err < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0)
        _exit(126);
    /* Whatever becomes of the test, no node outlives it. */
    (void)alarm(300);
    (void)execl(KITHD, KITHD, "--config", kithd_path(k, "conf"), more_, (char *)NULL);
    _exit(127);
}

static void spawn(struct kithd *k, const char *more_)
{
    int ends[2] = { -1, -1 };

    MUST(pipe2(ends, O_CLOEXEC) == 0);
    k->pid = fork();
    MUST(k->pid >= 0);
    if (k->pid == 0)
        become_kithd(k, ends[1], more_);
    (void)close(ends[1]); /* the child's */
    k->out = ends[0];
}

bool kithd_start(struct kithd *k, const char *more_)
{
    char line[128] = "";
    size_t n = 0;
    unsigned port = 0;

    spawn(k, more_);
    while (n < sizeof line - 1 && (n == 0 || line[n - 1] != '\n') &&
           read(k->out, line + n, 1) == 1)
        n++;
    line[n] = '\0';
    const char *colon = strrchr(line, ':');

    if (strncmp(line, "listening ", 10) != 0 || colon == NULL ||
        sscanf(colon, ":%u", &port) != 1)
        return false;
    k->port = (uint16_t)port;
    return true;
}

static int reap(struct kithd *k)
{
    int status = 0;

    MUST(waitpid(k->pid, &status, 0) == k->pid);
    (void)close(k->out); /* a pipe: nothing to lose */
    k->pid = -1;
    k->out = -1;
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

int kithd_stop(struct kithd *k, int sig)
{
    MUST(k->pid > 0 && kill(k->pid, sig) == 0);
    return reap(k);
}

int kithd_fails(struct kithd *k, const char *more_)
{
    (void)unlink(kithd_path(k, "log")); /* of an earlier run */
    spawn(k, more_);
    return reap(k);
}

void kithd_cut(struct kithd *k, unsigned us)
{
    spawn(k, NULL);
    (void)usleep(us);             /* interrupted: a little earlier */
    (void)kithd_stop(k, SIGKILL); /* it may have ended by itself */
}

static size_t read_file(const char *path, char *out, size_t cap)
{
    FILE *f = fopen(path, "r");
    size_t n = 0;

    if (f != NULL) {
        n = fread(out, 1, cap - 1, f);
        (void)fclose(f); /* was only read */
    }
    out[n] = '\0';
    return n;
}

void kithd_log(const struct kithd *k, char *out, size_t cap)
{
    (void)read_file(kithd_path(k, "log"), out, cap);
}

int net_shell(const char *line)
{
    int status = 0;
    pid_t pid = fork();

    MUST(pid >= 0);
    if (pid == 0) {
        (void)execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    MUST(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void kithd_end(struct kithd *k)
{
    char line[128];

    if (k->pid > 0)
        (void)kithd_stop(k, SIGKILL);                         /* however it ends */
    (void)snprintf(line, sizeof line, "rm -rf '%s'", k->dir); /* fits */
    MUST(net_shell(line) == 0);
}

/* ---- who calls ---- */

enum err kithd_link(const struct kithd *k, struct link *out)
{
    char text[LINK_TEXT + 2];
    size_t n = read_file(kithd_path(k, "state/operator.link"), text, sizeof text);

    return n == 0 ? ERR_UNKNOWN : link_parse(bytes_of(text, n), out);
}

void net_keys(struct node_sim *keys, struct store_identity *id,
              const uint8_t node[PUB_BYTES])
{
    *keys = (struct node_sim){ .now = (uint64_t)time(NULL), .rng = crypt_random };
    memcpy(id->node_pub, node, PUB_BYTES);
    keys->env.id = id;
}

void net_guardian_new(struct node_sim *keys, const struct link *link,
                      struct sim_guardian *g)
{
    uint8_t fp[FP_BYTES];

    *g = (struct sim_guardian){ 0 };
    rng_fill(&keys->rng, &g->sign, sizeof g->sign);
    crypt_sign_public(&g->sign, g->sign_pub);
    rng_fill(&keys->rng, &g->seal, sizeof g->seal);
    crypt_dh_public(&g->seal, g->seal_pub);
    ident_fingerprint(g->sign_pub, g->seal_pub, fp);
    ident_seat_id(keys->env.id->node_pub, fp, g->seat);
    sim_login_new(&g->login, ROLE_GUARDIAN, &keys->rng);
    g->link = g->login;
    sim_login_token(&g->link, ROLE_OPERATOR, BYTES_OF(link->token));
}

static struct caller *caller_new(void)
{
    struct caller *c = calloc(1, sizeof *c);

    MUST(c != NULL);
    return c;
}

enum err net_seat(struct node_sim *keys, uint16_t port, struct sim_guardian *g)
{
    AUTO_FREE struct caller *c = caller_new();
    struct req_seat_enrol req = { 0 };
    enum err e = caller_open(c, port, keys->env.id->node_pub, &g->link);

    if (e == OK) {
        sim_seat_req(keys, g, c->peer.hash, &req);
        e = caller_ask(c, MSG_SEAT_ENROL, &req, NULL);
    }
    caller_close(c);
    return e;
}

enum err net_ward(struct node_sim *keys, uint16_t port, const struct sim_guardian *g,
                  struct sim_owner *o)
{
    AUTO_FREE struct caller *c = caller_new();
    struct req_cred_new invite = { 0 };
    struct req_ward_enrol req = { 0 };
    struct rep_ward_enrol rep = { 0 };

    sim_owner_new(keys, g, o, &invite);
    enum err e = caller_open(c, port, keys->env.id->node_pub, &g->login);

    if (e == OK)
        e = caller_ask(c, MSG_CRED_NEW, &invite, NULL);
    caller_close(c);
    TRY(e);
    e = caller_open(c, port, keys->env.id->node_pub, &o->link);
    sim_ward_req(keys, o, &req);
    if (e == OK)
        e = caller_ask(c, MSG_WARD_ENROL, &req, &rep);
    caller_close(c);
    if (e == OK)
        memcpy(o->ward, rep.ward, ID_BYTES);
    return e;
}
