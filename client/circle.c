/* SPDX-License-Identifier: Apache-2.0 */
#include "client/circle.h"

/* ---- the plan ---- */

/* A number of one or two digits at *p; 0 for none. */
static unsigned short_number(const char **p)
{
    unsigned v = 0;
    for (int i = 0; i < 2 && **p >= '0' && **p <= '9'; i++)
        v = v * 10 + (unsigned)(*(*p)++ - '0');
    return v;
}

enum err circle_group_parse(const char *text, struct bytes *out_name,
                            struct manifest_group *out)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL)
        return ERR_FORMAT;
    struct bytes name = bytes_of(text, (size_t)(colon - text));
    const char *p = colon + 1;
    unsigned t = short_number(&p);
    if (*p != '/')
        return ERR_FORMAT;
    p++;
    unsigned n = short_number(&p);
    if (*p != 0 || n == 0 || name.n == 0 || name.n > NAME_MAX_BYTES ||
        !wire_printable(name))
        return ERR_FORMAT;
    *out_name = name;
    *out = (struct manifest_group){ .t = (uint8_t)t, .n = (uint8_t)n };
    return OK;
}

size_t circle_pieces(const struct day_me *me)
{
    size_t n = 0;
    for (uint32_t g = 0; g < me->n_groups; g++)
        n += me->groups[g].n;
    return n;
}

void circle_place(const struct day_me *me, size_t i, uint8_t *out_group,
                  uint8_t *out_index)
{
    uint8_t g = 0;
    while (g < me->n_groups && i >= me->groups[g].n)
        i -= me->groups[g++].n;
    MUST(g < me->n_groups);
    *out_group = g;
    *out_index = (uint8_t)i;
}

static void sort_up(unsigned *v, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        for (size_t j = i; j > 0 && v[j] < v[j - 1]; j--) {
            unsigned swap = v[j];
            v[j] = v[j - 1];
            v[j - 1] = swap;
        }
    }
}

/* The fewest pieces still missing beside those in c. */
unsigned circle_missing(const struct day_me *me, const struct circle_count *c)
{
    unsigned left[GROUPS_MAX] = { 0 };
    unsigned sum = 0;
    for (uint32_t g = 0; g < me->n_groups; g++)
        left[g] = me->groups[g].t > c->of[g] ? me->groups[g].t - c->of[g] : 0;
    sort_up(left, me->n_groups);
    for (uint32_t g = 0; g < me->group_threshold && g < me->n_groups; g++)
        sum += left[g];
    return sum;
}

unsigned circle_need(const struct day_me *me)
{
    const struct circle_count none = { { 0 } };
    return circle_missing(me, &none);
}

static enum circle_fault group_check(const struct manifest_group *g)
{
    if (g->t == 0)
        return CIRCLE_ZERO;
    if (g->t > g->n)
        return CIRCLE_TOO_FEW;
    if (g->n > CIRCLE_GROUP_MAX)
        return CIRCLE_GROUP_TOO_BIG;
    return g->t == 1 && g->n > 1 ? CIRCLE_ONE_OF_MANY : CIRCLE_FINE;
}

static enum circle_fault groups_check(const struct day_me *me, size_t *out_at)
{
    if (me->group_threshold > me->n_groups || me->n_groups == 0)
        return CIRCLE_GROUPS;
    if (me->group_threshold == 0)
        return CIRCLE_ZERO;
    if (circle_need(me) == 1)
        return CIRCLE_ONE_ENOUGH;
    for (size_t g = 0; g < me->n_groups; g++) {
        enum circle_fault fault = group_check(&me->groups[g]);
        *out_at = g;
        if (fault != CIRCLE_FINE)
            return fault;
    }
    return CIRCLE_FINE;
}

enum circle_fault circle_check(const struct day *d, size_t *out_at)
{
    *out_at = 0;
    if (d->n_guardians == 0)
        return CIRCLE_NOBODY;
    enum circle_fault fault = groups_check(&d->me, out_at);
    if (fault != CIRCLE_FINE)
        return fault;
    if (circle_pieces(&d->me) != d->n_guardians)
        return CIRCLE_OTHER_NUMBER;
    size_t nodes = 0;
    for (size_t i = 0; i < d->n_guardians; i++) {
        const struct day_guardian *g = &d->guardians[i];
        nodes += g->kind == PIECE_NODE;
        *out_at = i;
        if (g->kind == PIECE_NODE && g->progress != GUARDIAN_READY)
            return CIRCLE_NOT_ENTERED;
    }
    *out_at = 0;
    return nodes > 0 ? CIRCLE_FINE : CIRCLE_NO_NODE;
}

/* ---- counting ---- */

bool circle_enough(const struct day_me *me, const struct circle_count *c)
{
    return me->group_threshold > 0 && circle_missing(me, c) == 0;
}

unsigned circle_spare(const struct day_me *me, const struct circle_count *c)
{
    unsigned cost[GROUPS_MAX] = { 0 }; /* losses that break a group which is complete */
    size_t n = 0;
    unsigned sum = 0;
    for (uint32_t g = 0; g < me->n_groups; g++) {
        if (c->of[g] >= me->groups[g].t)
            cost[n++] = c->of[g] - me->groups[g].t + 1;
    }
    if (!circle_enough(me, c))
        return 0;
    sort_up(cost, n);
    for (size_t i = 0; i < n - me->group_threshold + 1; i++)
        sum += cost[i];
    return sum - 1;
}

unsigned circle_saved_at(const struct day *d)
{
    struct circle_count cards = { { 0 } };
    size_t n = circle_pieces(&d->me);
    unsigned nodes = 0;
    unsigned all = 0;
    for (size_t i = 0; i < d->n_guardians; i++) {
        uint8_t group = 0;
        uint8_t index = 0;
        bool planned = d->me.epoch > 0 && i < n;
        bool card = d->guardians[i].kind == PIECE_CARD;
        all += !card && d->guardians[i].progress == GUARDIAN_READY;
        nodes += planned && !card;
        if (planned && card) {
            circle_place(&d->me, i, &group, &index);
            cards.of[group]++;
        }
    }
    unsigned fewest = circle_missing(&d->me, &cards);
    if (nodes == 0 || fewest == 0)
        return nodes == 0 ? all : nodes;
    return fewest > nodes ? 1 : nodes - fewest + 1;
}

/* ---- who counts as one ---- */

static bool equal32(const uint8_t *a, const uint8_t *b)
{
    return bytes_equal(bytes_of(a, PUB_BYTES), bytes_of(b, PUB_BYTES));
}

static bool same_person(const struct day_guardian *a, const struct day_guardian *b)
{
    return equal32(a->sign_pub, b->sign_pub);
}

static bool same_address(const struct roster_address *a, const struct roster_address *b)
{
    struct address x = { 0 };
    struct address y = { 0 };
    return address_get(a->at, &x) == OK && address_get(b->at, &y) == OK &&
           !address_is_loopback(&x) && address_same_host(&x, &y);
}

static bool same_domain(const struct day_guardian *a, const struct day_guardian *b)
{
    if (same_person(a, b))
        return true;
    if (a->n_node == 0 || b->n_node == 0)
        return false;
    const struct day_node *x = &a->node[0];
    const struct day_node *y = &b->node[0];
    if (equal32(x->node_key, y->node_key))
        return true;
    for (uint32_t i = 0; i < x->n_addresses; i++) {
        for (uint32_t j = 0; j < y->n_addresses; j++) {
            if (same_address(&x->addresses[i], &y->addresses[j]))
                return true;
        }
    }
    return false;
}

typedef bool (*same_fn)(const struct day_guardian *a, const struct day_guardian *b);

/* Node-held pieces by who counts as one; cards apart. */
struct sets {
    const struct day_me *me;
    size_t n;
    size_t first[DAY_GUARDIANS];
    struct circle_count of[DAY_GUARDIANS];
    struct circle_count cards;
    unsigned merged; /* pieces less sets */
};

static void class_join(uint8_t *class, size_t n, uint8_t from, uint8_t to)
{
    for (size_t i = 0; i < n; i++) {
        if (class[i] == from)
            class[i] = to;
    }
}

/* class[i] is the first guardian that counts as one with i, also through others. */
static void classes(const struct day *d, size_t n, same_fn same, uint8_t *class)
{
    for (size_t i = 0; i < n; i++) {
        class[i] = (uint8_t)i;
        for (size_t j = 0; j < i; j++) {
            bool nodes =
                d->guardians[i].kind == PIECE_NODE && d->guardians[j].kind == PIECE_NODE;
            if (nodes && class[i] != class[j] && same(&d->guardians[i], &d->guardians[j]))
                class_join(class, i + 1, class[i] > class[j] ? class[i] : class[j],
                           class[i] > class[j] ? class[j] : class[i]);
        }
    }
}

static size_t in_plan(const struct day *d)
{
    size_t n = circle_pieces(&d->me);
    return n < d->n_guardians ? n : d->n_guardians;
}

static void sets_make(const struct day *d, same_fn same, struct sets *s)
{
    uint8_t class[DAY_GUARDIANS] = { 0 };
    size_t at[DAY_GUARDIANS] = { 0 };
    size_t n = in_plan(d);
    *s = (struct sets){ .me = &d->me };
    classes(d, n, same, class);
    for (size_t i = 0; i < n; i++) {
        uint8_t group = 0;
        uint8_t index = 0;
        circle_place(&d->me, i, &group, &index);
        if (d->guardians[i].kind == PIECE_CARD) {
            s->cards.of[group]++;
            continue;
        }
        if (class[i] == i) {
            at[i] = s->n;
            s->first[s->n++] = i;
        } else {
            s->merged++;
        }
        s->of[at[class[i]]].of[group]++;
    }
}

static void count_add(struct circle_count *to, const struct circle_count *c)
{
    for (size_t g = 0; g < GROUPS_MAX; g++)
        to->of[g] += c->of[g];
}

bool circle_one_domain(const struct day *d, size_t *out_first)
{
    struct sets s;
    sets_make(d, same_domain, &s);
    for (size_t i = 0; i < s.n; i++) {
        struct circle_count c = s.cards;
        count_add(&c, &s.of[i]);
        if (!circle_enough(&d->me, &c))
            continue;
        *out_first = s.first[i];
        return true;
    }
    return false;
}

bool circle_unlocked(const struct day *d)
{
    struct circle_count open = { { 0 } };
    for (size_t i = 0; i < in_plan(d); i++) {
        uint8_t group = 0;
        uint8_t index = 0;
        circle_place(&d->me, i, &group, &index);
        open.of[group] += d->guardians[i].unlocked != 0;
    }
    return circle_enough(&d->me, &open);
}

/* Whether left more sets, from the from-th on, can complete c. */
static bool can_do(const struct sets *s, size_t from, unsigned left,
                   const struct circle_count *c)
{
    if (circle_enough(s->me, c))
        return true;
    for (size_t i = from; left > 0 && i < s->n; i++) {
        struct circle_count more = *c;
        count_add(&more, &s->of[i]);
        if (can_do(s, i + 1, left - 1, &more))
            return true;
    }
    return false;
}

unsigned circle_fewest(const struct day *d)
{
    enum { EXACT = 3 }; /* beyond, the search would grow and the number not matter */
    struct sets s;
    sets_make(d, same_person, &s);
    for (unsigned n = 0; n <= EXACT; n++) {
        if (can_do(&s, 0, n, &s.cards))
            return n;
    }
    /* Exact where each person has one piece, else the least it can be. */
    unsigned pieces = circle_missing(&d->me, &s.cards);
    return pieces > s.merged + EXACT ? pieces - s.merged : EXACT + 1;
}

/* ---- how it stands ---- */

const char *circle_state_name(enum circle_state s)
{
    static const char *const names[] = {
        [HOLDS_OK] = "ok",           [HOLDS_AWAY] = "away",
        [HOLDS_BEHIND] = "behind",   [HOLDS_ROLLED_BACK] = "rolled-back",
        [HOLDS_MISSING] = "missing",
    };
    return names[s];
}

const char *circle_level_name(enum circle_level l)
{
    static const char *const names[] = {
        [CIRCLE_OK] = "ok",
        [CIRCLE_DEGRADED] = "degraded",
        [CIRCLE_LOST] = "lost",
    };
    return names[l];
}

static uint64_t silence(const struct day_guardian *g, uint64_t now)
{
    uint64_t seen = g->n_node > 0 ? g->node[0].seen : 0;
    return now > seen ? now - seen : 0;
}

bool circle_counted(const struct day *d, const struct day_guardian *g,
                    enum circle_state state, uint64_t now)
{
    if (state == HOLDS_OK)
        return true;
    return state == HOLDS_AWAY && g->epoch == d->me.epoch &&
           silence(g, now) <= CIRCLE_RED_S;
}

enum circle_state circle_card_state(const struct day *d, const struct day_guardian *card)
{
    bool held = card->epoch == d->me.epoch || card->before == d->me.epoch;
    return d->me.epoch != 0 && held ? HOLDS_OK : HOLDS_MISSING;
}

static enum circle_level level_of(const struct circle_standing *s)
{
    if (!s->restorable)
        return CIRCLE_LOST;
    bool fine = s->stored == s->of && s->spare >= 1 && s->silent == 0 && s->today;
    return fine ? CIRCLE_OK : CIRCLE_DEGRADED;
}

void circle_stand(const struct day *d, const enum circle_state *states, uint64_t now,
                  struct circle_standing *out)
{
    struct circle_standing s = { .need = circle_need(&d->me),
                                 .of = (unsigned)circle_pieces(&d->me) };
    struct circle_count stored = { { 0 } };
    struct circle_count confirmed = { { 0 } };
    struct circle_count answering = { { 0 } };
    size_t first = 0;
    unsigned nodes = 0;
    for (size_t i = 0; i < in_plan(d); i++) {
        const struct day_guardian *g = &d->guardians[i];
        uint8_t group = 0;
        uint8_t index = 0;
        circle_place(&d->me, i, &group, &index);
        s.silent += states[i] == HOLDS_AWAY && silence(g, now) > CIRCLE_AMBER_S;
        if (!circle_counted(d, g, states[i], now))
            continue;
        s.stored++;
        stored.of[group]++;
        s.confirmed += circle_confirmed(d, g);
        confirmed.of[group] += circle_confirmed(d, g);
        s.cards += g->kind == PIECE_CARD;
        nodes += states[i] == HOLDS_OK && g->kind == PIECE_NODE;
        s.answering += states[i] == HOLDS_OK;
        answering.of[group] += states[i] == HOLDS_OK;
    }
    s.restorable = circle_enough(&d->me, &stored);
    s.spare = circle_spare(&d->me, &confirmed);
    /* What opens a locked card comes from a node. */
    s.today = nodes > 0 && circle_enough(&d->me, &answering);
    s.one_domain = circle_one_domain(d, &first);
    s.level = level_of(&s);
    *out = s;
}

bool circle_root_alone(const struct day *d)
{
    AUTO_FREE struct manifest *m = calloc(1, sizeof *m);

    return m != NULL && d->me.epoch != 0 && manifest_open(d->me.manifest, m) == OK &&
           !bytes_equal(BYTES_OF(m->owner), BYTES_OF(d->me.owner));
}

bool circle_over(const struct day *d)
{
    bool ended = false;
    for (size_t i = 0; d->me.epoch > 0 && i < in_plan(d); i++) {
        const struct day_guardian *g = &d->guardians[i];
        if (g->kind == PIECE_NODE && g->ended == 0 && g->left == 0)
            return false;
        ended = ended || g->ended != 0;
    }
    return ended;
}
