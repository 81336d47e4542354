/* SPDX-License-Identifier: Apache-2.0 */
#include "client/seen.h"
#include "tests/sim/desk.h"

struct desk_watch {
    struct day *day;
    struct day_node node;
};

struct desk_watch *desk_watch_new(const uint8_t node_key[PUB_BYTES],
                                  const uint8_t node_sign[PUB_BYTES])
{
    struct desk_watch *w = calloc(1, sizeof *w);

    MUST(w != NULL);
    w->day = calloc(1, sizeof *w->day);
    MUST(w->day != NULL);
    memcpy(w->node.node_key, node_key, PUB_BYTES);
    memcpy(w->node.node_sign, node_sign, PUB_BYTES);
    return w;
}

void desk_watch_end(struct desk_watch *w)
{
    if (w == NULL)
        return;
    day_free(w->day);
    free(w);
}

/* All pages of the drop, as one conversation takes them. */
static enum err read_drop(struct seen_drop *s, const struct call *c, desk_ask ask,
                          void *ctx)
{
    AUTO_FREE uint8_t *rep = calloc(1, msg_struct_max());
    struct call_reply reply = { 0 };
    struct call_send send = { 0 };

    MUST(rep != NULL);
    TRY(seen_step(s, c, NULL, &send));
    while (send.kind != 0) {
        reply = (struct call_reply){ .kind = send.kind, .rep = rep };
        memset(rep, 0, msg_struct_max());
        reply.err = ask(ctx, send.kind, send.req, rep);
        send = (struct call_send){ 0 };
        TRY(seen_step(s, c, &reply, &send));
    }
    return s->err;
}

const char *desk_look(struct desk_watch *w, desk_ask ask, void *ctx,
                      const struct rng *rng, uint64_t now, enum err *out_err)
{
    struct req_hello hello = { .version = 1 };
    struct call c = { .stage = CALL_ENDED };
    struct seen_drop s = { .which = DROP_ALERTS, .node = &w->node, .rng = rng };

    *out_err = ask(ctx, MSG_HELLO, &hello, &c.hello);
    if (*out_err != OK)
        return NULL;
    *out_err = read_drop(&s, &c, ask, ctx);
    seen_note(&w->node, &c, now);
    seen_keep(&s, w->day, &w->node, now);
    seen_drop_free(&s);
    return seen_fault_name(w->node.fault);
}
