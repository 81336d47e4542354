/* SPDX-License-Identifier: Apache-2.0 */
/* From what is known to a sentence, a level and an exit code. Asks nobody. */
#include "client/cmd_status_part.h"

/* "%.*s" of a slice. */
#define TEXT(b) (int)(b).n, (const char *)(b).p

bool look_asks(const struct seen_request *r)
{
    return r->line.kind != REQUEST_CONFIRM && r->line.state != STATE_RELEASED &&
           r->line.state != STATE_REFUSED && r->line.state != STATE_EXPIRED;
}

bool look_own(const struct look *l, const struct seen_request *r)
{
    for (size_t i = 0; i < l->n_asked; i++)
        if (bytes_equal(bytes_of(l->asked + i * ID_BYTES, ID_BYTES),
                        BYTES_OF(r->line.request)))
            return r->line.kind == REQUEST_MOVE;
    return false;
}

bool look_gone(const struct day_guardian *g)
{
    return g->n_node > 0 && g->node[0].let_go > g->node[0].let_go_settled;
}

unsigned look_let_go(const struct look *l)
{
    unsigned n = 0;
    for (size_t i = 0; i < look_pieces(l->day); i++)
        n += look_gone(&l->day->guardians[i]);
    return n;
}

bool look_unsaved(const struct look *l)
{
    return l->has_vault && !l->vault.empty && !l->vault.enough;
}

bool look_only_guards(const struct day *d)
{
    return d->n_seats > 0 && d->n_guardians == 0;
}

size_t look_pieces(const struct day *d)
{
    size_t n = circle_pieces(&d->me);
    return n < d->n_guardians ? n : d->n_guardians;
}

uint64_t look_moved(const struct look *l)
{
    uint64_t due = 0;
    for (size_t i = 0; i < look_pieces(l->day); i++)
        due = l->nodes[i].move > due ? l->nodes[i].move : due;
    return l->moving ? 0 : due;
}

const struct day_guardian *look_newer(const struct look *l)
{
    for (size_t i = 0; i < look_pieces(l->day); i++)
        if (l->nodes[i].newer > l->change.epoch && l->nodes[i].newer > l->day->me.epoch)
            return &l->day->guardians[i];
    return NULL;
}

/* ---- proofs ---- */

/* After new keys a piece counts once an answer to a drill showed that it still opens. */
static void judge_reset(struct look *l, size_t i)
{
    l->nodes[i].lost = check_keys_lost(l->day, &l->day->guardians[i]);
    if (l->nodes[i].lost)
        l->states[i] = HOLDS_MISSING;
}

/* It said once that it does not have the piece, and nothing since. */
static void judge_gone(struct look *l, size_t i)
{
    const struct day_guardian *g = &l->day->guardians[i];
    if (l->states[i] == HOLDS_AWAY && g->gone != 0 && g->gone == l->day->me.epoch)
        l->states[i] = HOLDS_MISSING;
}

/* A new root, or a change, that this home did not make: until the node answers again. */
static void judge_silent(struct look *l, size_t i)
{
    struct day_guardian *g = &l->day->guardians[i];
    struct node_look *n = &l->nodes[i];
    if (!n->answered) {
        n->move = g->moving;
        n->newer = g->newer;
        return;
    }
    g->moving = l->moving ? 0 : n->move;
    g->newer = n->newer;
}

/* A node whose last check failed holds nothing that is counted on. */
static void judge_states(struct look *l)
{
    for (size_t i = 0; i < look_pieces(l->day); i++) {
        const struct day_guardian *g = &l->day->guardians[i];
        struct node_look *n = &l->nodes[i];
        unsigned fault = day_proven(g)->fault;
        judge_silent(l, i);
        look_judge_end(l, i);
        judge_gone(l, i);
        judge_reset(l, i);
        bool holds = l->states[i] == HOLDS_OK || l->states[i] == HOLDS_AWAY;
        if (!check_fault_of_piece(fault) || !holds || g->kind != PIECE_NODE)
            continue;
        l->states[i] = HOLDS_MISSING;
        n->failed = true;
        (void)snprintf(n->why, sizeof n->why, "%.*s's node %s.", TEXT(g->name),
                       check_fault_text(fault));
    }
}

bool look_opens(const struct look *l, size_t i)
{
    const struct day_guardian *g = &l->day->guardians[i];
    if (g->kind == PIECE_CARD)
        return circle_card_state(l->day, g) == HOLDS_OK;
    return check_opens(l->day, g);
}

/* When the piece of this epoch was last compared, or came to its place. */
static uint64_t last_check(const struct look *l, const struct day_guardian *g)
{
    const struct day_proof *p = day_proven(g);
    return p->checked_epoch == l->day->me.epoch && p->checked > g->stored ? p->checked
                                                                          : g->stored;
}

static bool is_late(const struct look *l, const struct day_guardian *g)
{
    const struct day_proof *p = day_proven(g);
    enum drill_state s = drill_standing(l->day, g, l->now);
    if (s == DRILL_FAILED)
        return true;
    if (s == DRILL_ASKED)
        return l->now > p->asked + DRILL_WAIT_S;
    return s == DRILL_DUE && l->now > drill_due(l->day, g) + DRILL_WAIT_S;
}

static void judge_proof(struct look *l, size_t i)
{
    const struct day_guardian *g = &l->day->guardians[i];
    const struct day_proof *p = day_proven(g);
    struct look_proofs *out = &l->proofs;
    uint64_t since = last_check(l, g);
    uint64_t age = l->now > since ? l->now - since : 0;
    out->openable += l->states[i] != HOLDS_MISSING && look_opens(l, i);
    if (g->kind == PIECE_CARD)
        return;
    out->caught |= p->fault != CHECK_FINE;
    out->drill_late |= is_late(l, g);
    if (g->epoch != l->day->me.epoch || p->fault != CHECK_FINE)
        return;
    out->unchecked |= age > CHECK_RED_S;
    out->check_due |= age > CHECK_AMBER_S;
    if (p->checked_epoch != l->day->me.epoch || age > CHECK_RED_S)
        return;
    out->checked++;
    if (out->oldest == 0 || p->checked < out->oldest)
        out->oldest = p->checked;
}

/* ---- the whole ---- */

/* A change of the circle that waits for somebody: a person, or a node that is away. */
static bool change_open(const struct look *l)
{
    enum change_step s = l->change.step;
    return s == CHANGE_SEALING || s == CHANGE_STORING || s == CHANGE_CALLS ||
           s == CHANGE_NODES;
}

static bool node_amber(const struct look *l, size_t i)
{
    const struct day_guardian *g = &l->day->guardians[i];
    return g->clock != 0 || g->frozen > l->now || l->nodes[i].move != 0 ||
           look_end_at(l, i) != 0 || g->reset != 0 ||
           (g->n_node > 0 && g->node[0].fault != SEEN_FINE);
}

/* What colours the whole, whatever the pieces say. */
static bool is_amber(const struct look *l)
{
    const struct look_proofs *p = &l->proofs;
    bool amber = l->care != CARE_FINE || look_unsaved(l) || look_let_go(l) > 0 ||
                 look_asked(l) > 0 || l->moving || look_newer(l) != NULL ||
                 change_open(l) || p->caught || p->unchecked || p->drill_late;
    for (size_t i = 0; i < l->n_requests; i++)
        amber = amber || look_asks(&l->requests[i]);
    for (size_t i = 0; i < look_pieces(l->day); i++)
        amber = amber || node_amber(l, i);
    return amber;
}

/* A node that took the new root answers, though not to this device. */
static void stand(struct look *l)
{
    enum circle_state states[DAY_GUARDIANS];
    memcpy(states, l->states, sizeof states);
    for (size_t i = 0; i < look_pieces(l->day); i++)
        if (l->nodes[i].between == BETWEEN_TAKEN && states[i] == HOLDS_AWAY &&
            l->day->guardians[i].epoch == l->day->me.epoch)
            states[i] = HOLDS_OK;
    circle_stand(l->day, states, l->now, &l->standing);
    l->alone = l->alone || look_took(l);
}

void look_judge(struct look *l)
{
    l->proofs = (struct look_proofs){ 0 };
    l->n_next = 0;
    if (l->day->me.epoch > 0) {
        look_judge_unknown(l);
        judge_states(l);
        stand(l);
        for (size_t i = 0; i < look_pieces(l->day); i++)
            judge_proof(l, i);
        if (l->alone || look_unknown(l)) {
            l->standing.level = CIRCLE_LOST;
            l->standing.restorable = false;
        }
        if (l->standing.level == CIRCLE_OK && is_amber(l))
            l->standing.level = CIRCLE_DEGRADED;
    }
    look_next(l);
}

void look_sentence(const struct look *l, char out[TERM_TEXT])
{
    static const uint8_t none[PUB_BYTES];
    const struct circle_standing *s = &l->standing;
    const char *spread = l->day->me.n_groups > 1 ? ", spread over your groups" : "";
    bool owner = !bytes_equal(BYTES_OF(l->day->me.owner), BYTES_OF(none));
    out[0] = 0;
    if (l->day->me.epoch == 0 && owner && !look_only_guards(l->day))
        (void)snprintf(out, TERM_TEXT,
                       "You can be restored: no. There is no circle yet.");
    if (l->day->me.epoch == 0)
        return;
    if (look_unknown_sentence(l, out))
        return;
    if (l->alone) {
        (void)snprintf(out, TERM_TEXT,
                       "You can be restored: no. Your new root key is in this home alone "
                       "until your guardians' nodes have new pieces.");
    } else if (look_end_sentence(l, out)) {
        return;
    } else if (!s->restorable && l->change.step == CHANGE_CALLS)
        (void)snprintf(out, TERM_TEXT,
                       "You can be restored: by the old pieces only. Only %u of %u new "
                       "ones are where they should be, and %u are needed%s.",
                       s->stored, s->of, s->need, spread);
    else if (!s->restorable)
        (void)snprintf(out, TERM_TEXT,
                       "You can be restored: no. Only %u of %u pieces are where they "
                       "should be, and %u are needed%s.",
                       s->stored, s->of, s->need, spread);
    else if (!s->today && s->cards > 0)
        (void)snprintf(out, TERM_TEXT,
                       "You can be restored: yes, but not today. Only %u nodes answer "
                       "now, beside %u cards; %u pieces are needed%s, one at least at a "
                       "node.",
                       s->answering - s->cards, s->cards, s->need, spread);
    else if (!s->today)
        (void)snprintf(out, TERM_TEXT,
                       "You can be restored: yes, but not today. Only %u of %u nodes "
                       "answer now, and %u are needed%s.",
                       s->answering, s->of, s->need, spread);
    else if (s->spare == 0)
        (void)snprintf(out, TERM_TEXT,
                       "You can be restored: yes, but with none to spare.");
    else
        (void)snprintf(out, TERM_TEXT, "You can be restored: yes, with %u to spare.",
                       s->spare);
}

enum exit_code look_exit(const struct look *l)
{
    static const enum exit_code codes[] = {
        [CIRCLE_OK] = EXIT_FINE,
        [CIRCLE_DEGRADED] = EXIT_DEGRADED,
        [CIRCLE_LOST] = EXIT_LOST,
    };

    return l->day->me.epoch == 0 ? EXIT_NO_CIRCLE : codes[l->standing.level];
}
