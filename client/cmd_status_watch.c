/* SPDX-License-Identifier: Apache-2.0 */
/* kith status --watch. */
#include <errno.h>
#include <poll.h>
#include <termios.h>

#include "client/cmd_status_part.h"

enum {
    WATCH_S = 60,
    WATCH_ROUNDS = 24 * 60, /* a day; whoever wants more starts it again */
    LINE_TEXT = 2 * TERM_TEXT
};

/* No line is waited for: any key counts. Restored by term_echo, also on a signal. */
static void keys_on(int fd)
{
    struct termios t;
    term_echo(fd, ECHO_OFF);
    if (tcgetattr(fd, &t) != 0)
        return;
    t.c_lflag &= (tcflag_t) ~(tcflag_t)ICANON;
    (void)tcsetattr(fd, TCSANOW, &t); /* else a line ends it */
}

/* True if a key was pressed; waits a minute for it. */
static bool wait_key(const struct ctx *ctx, bool screen)
{
    struct pollfd p = { .fd = screen ? ctx->term->in : -1, .events = POLLIN };
    int n = 0;
    do
        n = poll(&p, 1, WATCH_S * 1000);
    while (n < 0 && errno == EINTR);
    return n != 0;
}

/* The sentence and the one step, to see whether anything changed. */
static void line_of(const struct look *l, char out[LINE_TEXT])
{
    char sentence[TERM_TEXT];
    look_sentence(l, sentence);
    (void)snprintf(out, LINE_TEXT, "%s%s%s", sentence, l->n_next > 0 ? " Next: " : "",
                   l->n_next > 0 ? l->next[0].text : "");
}

static void show(struct ctx *ctx, const struct look *l, bool screen, char last[LINE_TEXT])
{
    char line[LINE_TEXT];
    char when[TIME_TEXT];
    line_of(l, line);
    if (screen) {
        (void)fputs("\033[H\033[2J", ctx->term->out); /* the screen anew */
        look_show(ctx, l);
        time_text(l->now, when);
        term_say(ctx->term, "As of %s. Any key ends this.", when);
    } else if (strcmp(line, last) != 0 && ctx->term->json) {
        look_show(ctx, l);
    } else if (strcmp(line, last) != 0) {
        time_text(l->now, when);
        term_answer(ctx->term, "%s  %s", when, line);
    }
    (void)fflush(ctx->term->out); /* a pipe waits for it */
    memcpy(last, line, LINE_TEXT);
}

static enum err rounds(struct ctx *ctx, bool screen)
{
    AUTO_FREE char *last = calloc(1, LINE_TEXT);
    if (last == NULL)
        return ERR_NOMEM;
    for (unsigned i = 0; i < WATCH_ROUNDS; i++) {
        AUTO_LOOK struct look *l = NULL;
        enum err e = look_take(ctx, &l);
        if (e != OK && e != ERR_BUSY)
            return e;
        ctx->term->problem = (struct problem){ 0 }; /* another kith: the next time */
        if (e == OK)
            show(ctx, l, screen, last);
        ctx->exit = e == OK ? look_exit(l) : ctx->exit;
        if (wait_key(ctx, screen))
            return OK;
    }
    return OK;
}

enum err look_watch(struct ctx *ctx)
{
    bool screen = ctx->term->ask && ctx->term->page && !ctx->term->json;
    if (screen)
        keys_on(ctx->term->in);
    enum err e = rounds(ctx, screen);
    if (screen)
        term_echo(ctx->term->in, ECHO_ON);
    return e;
}
