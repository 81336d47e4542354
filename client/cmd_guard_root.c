/* SPDX-License-Identifier: Apache-2.0 */
/* By whose word a ward's circle changes, and a new root since its note was opened. */
#include "client/cmd_guard_sit.h"

/* ---- whose word is known ---- */

/* None is known: n_groups is 0. ERR_FORMAT: the day was written by another hand. */
static enum err judges_load(const struct day_ward *w, struct descriptor *out)
{
    *out = (struct descriptor){ 0 };
    return w->judges.n > 0 ? wire_get(&descriptor_schema, w->judges, out) : OK;
}

static enum err judges_save(struct sitting *s, const struct descriptor *d)
{
    AUTO_FREE uint8_t *raw = calloc(1, DESCRIPTOR_MAX);
    struct buf b = { .p = raw, .cap = DESCRIPTOR_MAX };

    if (raw == NULL)
        return ERR_NOMEM;
    if (d->n_groups == 0)
        return OK;
    wire_put(&descriptor_schema, d, &b);
    if (b.over)
        return ERR_TOO_BIG;
    if (bytes_equal(s->ward->judges, buf_bytes(&b)))
        return OK;
    s->ward->judges = day_keep(s->d->day, buf_bytes(&b));
    return ctx_day_save(s->d->ctx, &s->d->home, s->d->day);
}

static bool has_newer(const struct guard_case *c, const struct descriptor *d)
{
    bool newer = false;

    for (uint32_t i = 0; i < c->view.n_epochs && d->n_groups > 0; i++)
        newer = newer || c->view.epochs[i].epoch > d->epoch;
    return newer;
}

enum err sitting_confirmed(struct sitting *s)
{
    static const uint8_t none[PUB_BYTES];
    AUTO_FREE struct descriptor *d = calloc(1, sizeof *d);
    const struct guard_past nothing = { 0 };
    bool begun = s->ward->confirmed != 0 ||
                 !bytes_equal(BYTES_OF(s->ward->before), BYTES_OF(none));

    if (d == NULL)
        return ERR_NOMEM;
    /* Later ones need the word of more people than this one. */
    if (begun || s->c->view.purpose == PURPOSE_END)
        return OK;
    if (s->c->view.purpose == PURPOSE_EPOCH)
        TRY(guard_people(s->c, &s->who, guard_subject(&s->c->view), d));
    else
        TRY(guard_judges(s->c, &s->who, &nothing, d));
    return judges_save(s, d);
}

/* ---- a new root ---- */

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

/* The owner key follows only what the guardians of the circle known here prove. */
static enum err follow_root(struct sitting *s, const struct descriptor *judges,
                            struct bytes proof)
{
    struct move m = { 0 };
    enum err e = guard_move_judge(judges, &s->who, proof, &m);

    if (e == ERR_NOMEM)
        return e;
    s->unproven = e != OK;
    if (e == OK)
        return take_root(s, &m, s->tale.at_node->moved);
    term_warn(
        s->t,
        "your node says that %s has a new root key, but the guardians of the circle "
        "that you know did not say so. Nothing sealed by a new key is opened.",
        s->tale.name);
    return OK;
}

enum err sitting_root(struct sitting *s)
{
    AUTO_FREE struct descriptor *d = calloc(1, sizeof *d);
    const struct ward_line *w = s->tale.at_node;
    bool moved = w != NULL && w->moved != 0 && w->moved != s->ward->moved;
    struct guard_past past = { 0 };
    struct call call = { 0 };

    if (d == NULL)
        return ERR_NOMEM;
    TRY(judges_load(s->ward, d));
    TRY(guard_judges(s->c, &s->who, &past, d));
    if (w == NULL || (!moved && !has_newer(s->c, d)))
        return judges_save(s, d);
    enum err e =
        guard_past_fetch(s->d->ctx->params, s->d->day, sitting_seat(s), w, &past, &call);
    if (e != OK && moved)
        return desk_failed(s->d, sitting_seat(s), &call, e);
    /* Else the certificate comes with the next request. */
    if (e == OK)
        TRY(guard_judges(s->c, &s->who, &past, d));
    TRY(judges_save(s, d));
    return moved ? follow_root(s, d, past.proof) : OK;
}

enum err sitting_unproven(struct sitting *s)
{
    return term_fail_as(s->t, ERR_CERT, EXIT_INTEGRITY, "root-unproven",
                        "The guardians' word for it was not found, or is about another "
                        "circle. Speak with them; take them on anew with kith guard "
                        "invite if it is really them.",
                        NULL, "The new root key of %s is not proven.", s->tale.name);
}
