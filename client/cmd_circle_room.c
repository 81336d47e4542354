/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in the way of a change: another one, or too many before it. */
#include "client/ceremony_change.h"
#include "client/cmd_circle_part.h"

enum { LIST_TEXT = 900 };

/* ---- another one ---- */

static bool has_seat(const struct bytes *seats, const struct day_guardian *g)
{
    for (size_t i = 0; (i + 1) * SEAT_BYTES <= seats->n; i++)
        if (bytes_equal(bytes_of(seats->p + i * SEAT_BYTES, SEAT_BYTES),
                        BYTES_OF(g->seat)))
            return true;
    return false;
}

/* ": Kim comes, Gus goes", as far as it is known. */
static void who_changes(const struct day *d, char *out, size_t cap)
{
    const struct bytes *seats = &d->me.next[0].seats;
    char comes[LIST_TEXT / 2] = "";
    char goes[LIST_TEXT / 2] = "";
    out[0] = 0;
    if (d->me.n_next == 0)
        return;
    for (size_t i = 0; i < d->n_guardians; i++) {
        const struct day_guardian *g = &d->guardians[i];
        bool is = i < circle_pieces(&d->me);
        if (has_seat(seats, g) && !is)
            list_add(comes, sizeof comes, g->name);
        else if (!has_seat(seats, g) && is)
            list_add(goes, sizeof goes, g->name);
    }
    if (comes[0] == 0 && goes[0] == 0)
        (void)snprintf(out, cap, ": new pieces for the same guardians");
    else
        (void)snprintf(out, cap, ":%s%s%s%s%s", comes[0] != 0 ? " new " : "", comes,
                       comes[0] != 0 && goes[0] != 0 ? "," : "",
                       goes[0] != 0 ? " without " : "", goes);
}

enum err changing_other(struct changing *c)
{
    enum seal_phase phase = SEAL_COMMIT;
    bool early = seal_peek(&c->h, &phase) == OK && phase < SEAL_COMMIT;
    char who[LIST_TEXT + 32];
    who_changes(c->d, who, sizeof who);
    return term_fail_as(c->ctx->term, ERR_STATE, EXIT_FAILED, "change-in-progress",
                        early ? "One change after the other. It is not active yet: to "
                                "finish it first, kith circle seal --resume; to give it "
                                "up for this one:"
                              : "One change after the other: it is active, and only goes "
                                "on.",
                        early ? "kith circle seal --abandon"
                              : "kith circle seal --resume",
                        "Another change of your circle is under way%s.", who);
}

/* ---- too many before it ---- */

/* Whether that node got a piece of an old epoch, and was not seen to let it go. */
static bool keeps(const struct manifest *m, const struct day_guardian *g)
{
    for (uint32_t i = 0; i < m->n_pieces; i++)
        if (bytes_equal(BYTES_OF(m->pieces[i].approval), BYTES_OF(g->approval)))
            return g->retired <= m->epoch;
    return false;
}

/* What each keeps of this root's epochs: other roots' have places of their own. */
static void count_kept(const struct day *d, struct manifest *m, size_t out[DAY_GUARDIANS])
{
    uint8_t owner[PUB_BYTES];
    if (manifest_open(d->me.manifest, m) != OK)
        return;
    memcpy(owner, m->owner, PUB_BYTES);
    for (size_t i = 0; i < d->n_guardians; i++)
        out[i] = d->guardians[i].epoch == d->me.epoch;
    for (size_t k = 0; k < d->n_past; k++) {
        if (manifest_open(d->past[k].manifest, m) != OK ||
            !bytes_equal(BYTES_OF(m->owner), BYTES_OF(owner)))
            continue;
        for (size_t i = 0; i < d->n_guardians; i++)
            out[i] += keeps(m, &d->guardians[i]);
    }
}

/* As far as this home knows: a node that was away once may have room all the same. */
static bool all_full(const struct day *d)
{
    AUTO_FREE struct manifest *m = calloc(1, sizeof *m);
    size_t kept[DAY_GUARDIANS] = { 0 };
    bool full = d->n_past + 1 >= EPOCHS_OWNER && m != NULL;
    if (full)
        count_kept(d, m, kept);
    for (size_t i = 0; full && i < circle_pieces(&d->me) && i < d->n_guardians; i++)
        full = d->guardians[i].kind == PIECE_CARD || kept[i] >= EPOCHS_OWNER;
    return full;
}

/* Whom to call, and what becomes of somebody who was added for this change. */
static void say_who(struct term *t, const struct day *d, const struct change_stand *s,
                    char call[LIST_TEXT])
{
    char added[LIST_TEXT] = "";
    for (size_t i = 0; i < d->n_guardians; i++) {
        if (i >= circle_pieces(&d->me))
            list_add(added, sizeof added, d->guardians[i].name);
        else if (s->call[i])
            list_add(call, LIST_TEXT, d->guardians[i].name);
    }
    if (added[0] != 0)
        term_say(t, "Added, and without a piece so far: %s.", added);
}

static enum err refuse(const struct changing *c, const struct change_stand *s)
{
    struct term *t = c->ctx->term;
    char command[TERM_TEXT];
    char call[LIST_TEXT] = "";
    char when[TIME_TEXT];
    char why[TERM_TEXT];
    say_who(t, c->d, s, call);
    change_next(c->d, s, command);
    if (s->step == CHANGE_CALLS && command[0] != 0) {
        (void)snprintf(
            why, sizeof why,
            "A node keeps %u circles of yours, at most, and lets the old ones "
            "go 14 days after people confirmed the newest. Call: %.400s. Then begin "
            "this change again.",
            EPOCHS_OWNER, call);
        return term_fail_as(t, ERR_FULL, EXIT_FAILED, "no-room", why, command,
                            "The changes before this one have to be confirmed first. "
                            "Nothing was changed.");
    }
    time_text(s->due, when);
    if (s->step == CHANGE_WAITS)
        (void)snprintf(why, sizeof why,
                       "A node keeps %u circles of yours, at most. The old ones go by "
                       "%s; then begin this change again.",
                       EPOCHS_OWNER, when);
    else
        (void)snprintf(
            why, sizeof why,
            "A node keeps %u circles of yours, at most, and some keep old ones "
            "that have not gone yet. Begin this change again later.",
            EPOCHS_OWNER);
    return term_fail_as(t, ERR_FULL, EXIT_WAITING, "no-room", why,
                        command[0] != 0 ? command : NULL,
                        "There is no room for another change yet. Nothing was changed.");
}

enum err changing_room(struct changing *c)
{
    struct change_stand s;
    uint32_t planned = c->d->me.n_next;
    if (c->d->me.epoch == 0 || seal_busy(&c->h, c->d) || !all_full(c->d))
        return OK;
    c->d->me.n_next = 0; /* while a plan waits, it is what comes next */
    change_look(c->d, &c->h, &s);
    if (s.step == CHANGE_CALLS && change_call(c->d, &s) != NULL) {
        if (planned > 0)
            TRY(ctx_day_save(c->ctx, &c->h, c->d));
        return refuse(c, &s);
    }
    c->d->me.n_next = planned;
    return OK;
}

enum err changing_no_room(struct changing *c, const struct seal_work *w)
{
    struct change_stand s;
    unsigned left = 0;
    TRY(seal_abandon(c->s, w, &left));
    TRY(change_round(w, c->notes));
    change_look(c->d, &c->h, &s);
    return refuse(c, &s);
}
