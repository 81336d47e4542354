/* SPDX-License-Identifier: Apache-2.0 */
/* A new root of a ward, since its note was opened here. */
#include "client/cmd_guard_sit.h"

static enum err take_root(struct sitting *s, const struct move *m, uint64_t moved)
{
    struct day_ward *w = s->ward;
    uint16_t words[WORDS_CALL];
    char text[WORDS_TEXT];

    TRY(words_fingerprint(m->new_owner, s->d->ctx->params->cost, words));
    words_format(words, WORDS_CALL, text, sizeof text);
    w->fingerprint = day_keep(s->d->day, bytes_text(text));
    memcpy(w->before, w->owner, PUB_BYTES);
    memcpy(w->owner, m->new_owner, PUB_BYTES);
    memset(w->answered, 0, ID_BYTES);
    w->confirmed = 0;
    w->moved = moved;
    desk_who(s->d, s->seat, w, s->approval, &s->who);
    return ctx_day_save(s->d->ctx, &s->d->home, s->d->day);
}

/* The owner key follows only what the guardians of the old circle prove. */
enum err sitting_root(struct sitting *s)
{
    const struct ward_line *w = s->tale.at_node;
    struct call call = { 0 };
    struct bytes proof = { 0 };
    struct move m = { 0 };

    if (w == NULL || w->moved == 0 || w->moved == s->ward->moved)
        return OK;
    enum err e = guard_move_fetch(s->d->ctx->params, s->d->day, sitting_seat(s), w->ward,
                                  &proof, &call);
    if (e != OK)
        return desk_failed(s->d, sitting_seat(s), &call, e);
    e = guard_move_judge(s->c, &s->who, proof, &m);
    if (e == ERR_NOMEM)
        return e;
    s->unproven = e != OK;
    if (e == OK)
        return take_root(s, &m, w->moved);
    term_warn(s->t,
              "your node says that %s has a new root key, but your own piece does not "
              "prove it. Nothing sealed by a new key is opened.",
              s->tale.name);
    return OK;
}

enum err sitting_unproven(struct sitting *s)
{
    return term_fail_as(s->t, ERR_CERT, EXIT_INTEGRITY, "root-unproven",
                        "The guardians' word for it was not found, or is about another "
                        "circle. Speak with them; take them on anew with kith guard "
                        "invite if it is really them.",
                        NULL, "The new root key of %s is not proven.", s->tale.name);
}
