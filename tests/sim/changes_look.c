/* SPDX-License-Identifier: Apache-2.0 */
/* What nodes keep, opened with the guardians' keys and counted. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/home.h"
#include "tests/sim/changes.h"

enum {
    MANIFESTS = 64,
    HELD = 16,
    MEMORY = 65536,
    CARDS = 16,
    OWNERS = 8,
    OPENED = 256,
    DUAL_S = 14 * 86400,
    OWN_S = 30 * 86400
};

/* A manifest that was seen, and whose pieces are where. */
struct seen {
    uint8_t hash[HASH_BYTES];
    struct manifest m;
    bool card[PIECES_MAX];           /* that piece is on a card at hand */
    bool was[PIECES_MAX][NET_NODES]; /* at, when it was looked before */
    uint64_t since[NET_NODES];       /* when it was seen good there first; 0 never */
    bool said[NET_NODES];            /* its guardian confirmed it */
    uint8_t by[PIECES_MAX];          /* whose piece it is, plus one */
    bool at[PIECES_MAX][NET_NODES];  /* that piece is at that node */
};

/* A card that was read back. */
struct at_hand {
    uint8_t hash[HASH_BYTES];
    uint8_t group;
    uint8_t index;
};

struct guardian {
    bool here;
    struct guardian_keys *keys;
    uint8_t seat[ID_BYTES];
    uint8_t seal_pub[PUB_BYTES];
};

/* What was opened before, and is the same bytes, is not opened again. */
struct opened {
    uint8_t of[64];
    struct seen *s;
    size_t at;
};

static struct {
    size_t n_opened;
    struct opened opened[OPENED];
    struct guardian guardians[NET_NODES];
    uint8_t owners[OWNERS][PUB_BYTES];
    size_t n_owners;
    size_t n;
    struct seen seen[MANIFESTS];
    size_t n_cards;
    size_t n_kept; /* of them */
    struct at_hand cards[CARDS];
} look;

static void load(const char *who, struct day **out_day, struct unlocked **out_root)
{
    struct home h = { .dir = -1, .lock = -1 };

    MUST(home_open(play_home(who), HOME_READ, &h) == OK);
    MUST(home_day_load(&h, out_day) == OK);
    if (out_root != NULL)
        MUST(home_root_unlock(&h, NULL, out_root) == OK);
    home_close(&h);
}

/* ---- who keeps ---- */

void look_begin(void)
{
    struct day *day = NULL;

    memset(&look, 0, sizeof look);
    for (size_t i = 0; i < NET_NODES; i++) {
        struct guardian *g = &look.guardians[i];
        struct unlocked *root = NULL;

        if (access(play_home(play_names[i]), F_OK) != 0)
            continue;
        load(play_names[i], &day, &root);
        MUST(secret_new(&g->keys) == OK && ident_guardian(&root->root, g->keys) == OK);
        crypt_dh_public(&g->keys->seal, g->seal_pub);
        memcpy(g->seat, day->seats[0].seat, ID_BYTES);
        g->here = true;
        secret_free(root);
        day_free(day);
    }
    load("Ana", &day, NULL);
    memcpy(look.owners[look.n_owners++], day->me.owner, PUB_BYTES);
    day_free(day);
}

void look_end(void)
{
    for (size_t i = 0; i < NET_NODES; i++)
        if (look.guardians[i].here)
            secret_free(look.guardians[i].keys);
    memset(&look, 0, sizeof look);
}

static bool is_same(const struct at_hand *a, const struct at_hand *b)
{
    return a->group == b->group && a->index == b->index &&
           bytes_equal(BYTES_OF(a->hash), BYTES_OF(b->hash));
}

void look_card(const uint8_t hash[HASH_BYTES], uint8_t group, uint8_t index)
{
    struct at_hand c = { .group = group, .index = index };

    memcpy(c.hash, hash, HASH_BYTES);
    for (size_t i = 0; i < look.n_cards; i++)
        if (is_same(&look.cards[i], &c))
            return;
    MUST(look.n_cards < CARDS);
    look.cards[look.n_cards++] = c;
}

void look_keep(void)
{
    look.n_kept = look.n_cards;
}

size_t look_size(void)
{
    return sizeof look;
}

void look_out(void *mem)
{
    memcpy(mem, &look, sizeof look);
}

void look_in(const void *mem)
{
    memcpy(&look, mem, sizeof look);
}

void look_forget(void)
{
    look.n = 0;
    look.n_opened = 0;
    look.n_cards = look.n_kept;
    look.n_owners = 1;
}

static bool is_owner(const uint8_t key[PUB_BYTES])
{
    for (size_t i = 0; i < look.n_owners; i++)
        if (bytes_equal(BYTES_OF(look.owners[i]), bytes_of(key, PUB_BYTES)))
            return true;
    return false;
}

/* The owner key of the home now counts as the owner's, beside those before. */
static void look_owner(void)
{
    struct home h = { .dir = -1, .lock = -1 };
    struct day *d = NULL;

    if (home_open(play_home("Ana"), HOME_READ, &h) == OK && home_day_load(&h, &d) == OK &&
        !is_owner(d->me.owner)) {
        MUST(look.n_owners < OWNERS);
        memcpy(look.owners[look.n_owners++], d->me.owner, PUB_BYTES);
    }
    day_free(d);
    home_close(&h);
}

/* ---- pieces ---- */

static struct seen *seen_of(const uint8_t hash[HASH_BYTES])
{
    for (size_t i = 0; i < look.n; i++)
        if (bytes_equal(BYTES_OF(look.seen[i].hash), bytes_of(hash, HASH_BYTES)))
            return &look.seen[i];
    return NULL;
}

static struct seen *seen_new(const uint8_t hash[HASH_BYTES], struct bytes manifest)
{
    struct seen *s = &look.seen[look.n];

    MUST(look.n < MANIFESTS);
    *s = (struct seen){ 0 };
    if (manifest_open(manifest, &s->m) != OK)
        return NULL;
    memcpy(s->hash, hash, HASH_BYTES);
    look.n++;
    return s;
}

static bool was_opened(const uint8_t of[64], struct seen **out, size_t *out_at)
{
    for (size_t i = 0; i < OPENED && i < look.n_opened; i++) {
        if (!bytes_equal(BYTES_OF(look.opened[i].of), bytes_of(of, 64)))
            continue;
        *out = look.opened[i].s;
        *out_at = look.opened[i].at;
        return true;
    }
    return false;
}

static void was_good(const uint8_t of[64], struct seen *s, size_t at)
{
    struct opened *o = &look.opened[look.n_opened++ % OPENED];

    *o = (struct opened){ .s = s, .at = at };
    memcpy(o->of, of, 64);
}

/* Its piece opens with the guardian's keys, and is the one its manifest names. */
static bool opens(size_t node, const struct net_held *h, struct seen **out,
                  size_t *out_at)
{
    static uint8_t mem[MEMORY];
    static uint8_t raw[MANIFEST_MAX];
    const struct guardian *g = &look.guardians[node];
    struct net_epoch e = { .manifest = { 0 } };
    struct box_about about = { .epoch = h->epoch, .group = h->group, .index = h->index };
    AUTO_SECRET uint8_t *plain = NULL;
    struct box_content in = { 0 };
    uint8_t key[PUB_BYTES];
    uint8_t of[64];
    size_t n = 0;

    net_peek(node, h->ward, h->epoch, SPAN_OF(mem), &e);
    crypt_blake2b_512(PARTS(BYTES_OF(h->hash), e.box, e.manifest), of);
    if (was_opened(of, out, out_at))
        return true;
    memcpy(about.manifest_hash, h->hash, HASH_BYTES);
    memcpy(about.seat, g->seat, ID_BYTES);
    memcpy(about.seal_pub, g->seal_pub, PUB_BYTES);
    MUST(secret_alloc(BOX_MAX, (void **)&plain) == OK);
    if (box_open(BOX_OF_PIECE, &about, &g->keys->seal, e.box,
                 (struct span){ plain, BOX_MAX }, &in) != OK)
        return false;
    piece_public(in.piece, key);
    *out = seen_of(h->hash);
    if (*out == NULL) {
        struct seal_key seal;

        memcpy(seal.b, in.key, KEY_BYTES);
        if (manifest_unseal(&seal, h->hash, e.manifest, SPAN_OF(raw), &n) == OK)
            *out = seen_new(h->hash, bytes_of(raw, n));
    }
    for (size_t i = 0; *out != NULL && i < (*out)->m.n_pieces; i++) {
        *out_at = i;
        if (bytes_equal(BYTES_OF((*out)->m.pieces[i].piece_key), BYTES_OF(key))) {
            was_good(of, *out, i);
            return true;
        }
    }
    return false;
}

static void look_at(size_t node)
{
    struct net_held held[HELD];
    size_t n = net_held(node, held, HELD);

    for (size_t i = 0; i < n; i++) {
        struct seen *s = NULL;
        size_t at = 0;

        if (held[i].good && opens(node, &held[i], &s, &at))
            s->at[at][node] = true;
    }
}

static void look_everywhere(void)
{
    for (size_t i = 0; i < look.n; i++)
        memset(look.seen[i].at, 0, sizeof look.seen[i].at);
    for (size_t i = 0; i < NET_NODES; i++)
        if (look.guardians[i].here)
            look_at(i);
    for (size_t c = 0; c < look.n_cards; c++) {
        const struct at_hand *card = &look.cards[c];
        struct seen *s = seen_of(card->hash);

        for (size_t i = 0; s != NULL && i < s->m.n_pieces; i++)
            if (s->m.pieces[i].group == card->group &&
                s->m.pieces[i].index == card->index)
                s->card[i] = true;
    }
}

/* Whether its thresholds are met without that node (NET_NODES: with all). */
static bool is_enough(const struct seen *s, size_t lost)
{
    unsigned have[GROUPS_MAX] = { 0 };
    unsigned groups = 0;

    for (size_t i = 0; i < s->m.n_pieces; i++) {
        bool there = s->card[i];

        for (size_t node = 0; node < NET_NODES; node++)
            there = there || (node != lost && s->at[i][node]);
        have[s->m.pieces[i].group] += there;
    }
    for (size_t g = 0; g < s->m.n_groups; g++)
        groups += have[g] >= s->m.groups[g].t;
    return groups >= s->m.group_threshold;
}

/* ---- what went ---- */

void look_said(size_t guardian, const uint8_t hash[HASH_BYTES])
{
    struct seen *s = seen_of(hash);

    if (s != NULL)
        s->said[guardian] = true;
}

/* Whether people of the old one, who satisfy it, said yes to the new one. */
static bool people_said(const struct seen *old, const struct seen *now)
{
    unsigned have[GROUPS_MAX] = { 0 };
    unsigned groups = 0;

    for (size_t i = 0; i < old->m.n_pieces; i++)
        for (size_t node = 0; node < NET_NODES; node++)
            have[old->m.pieces[i].group] += old->by[i] == node + 1 && now->said[node];
    for (size_t g = 0; g < old->m.n_groups; g++)
        groups += have[g] >= old->m.groups[g].t;
    return groups >= old->m.group_threshold;
}

/* Where so many cannot be had any more: this one's guardian, and one more of them. */
static bool few_said(const struct seen *old, const struct seen *now, size_t at)
{
    unsigned n = 0;

    for (size_t i = 0; i < old->m.n_pieces; i++)
        for (size_t node = 0; node < NET_NODES; node++)
            n += old->by[i] == node + 1 && now->said[node];
    return n >= 2 && now->said[at];
}

/* An epoch is not at a node any more: a later one there must have been its end. */
static void went(const struct seen *old, size_t node)
{
    bool said = false;

    for (size_t i = 0; i < look.n; i++) {
        const struct seen *now = &look.seen[i];
        bool enough = people_said(old, now);

        if (now->m.epoch <= old->m.epoch || now->since[node] == 0 ||
            !(enough || few_said(old, now, node)))
            continue;
        said = true;
        if (net_now() >= now->since[node] + (enough ? DUAL_S : OWN_S))
            return;
    }
    run_broken(said ? "dual_time" : "people_say_so", "epoch %u went at %s",
               (unsigned)old->m.epoch, play_names[node]);
}

static void look_what_went(void)
{
    for (size_t i = 0; i < look.n; i++) {
        struct seen *s = &look.seen[i];

        for (size_t p = 0; p < s->m.n_pieces; p++) {
            for (size_t node = 0; node < NET_NODES; node++) {
                if (s->at[p][node] && s->since[node] == 0)
                    s->since[node] = net_now();
                if (s->at[p][node])
                    s->by[p] = (uint8_t)(node + 1);
                if (s->was[p][node] && !s->at[p][node])
                    went(s, node);
            }
        }
        memcpy(s->was, s->at, sizeof s->was);
    }
}

void look_recoverable(void)
{
    if (run_over())
        return;
    look_owner();
    look_everywhere();
    look_what_went();
    for (size_t lost = 0; lost <= NET_NODES; lost++) {
        bool some = false;

        for (size_t i = 0; i < look.n; i++)
            some = some ||
                   (is_owner(look.seen[i].m.owner) && is_enough(&look.seen[i], lost));
        if (!some)
            run_broken("some_epoch_opens", "none, without %s",
                       lost < NET_NODES ? play_names[lost] : "anybody lost");
    }
}

/* ---- the end ---- */

static const char *said(size_t node, uint32_t epoch, const char *what)
{
    static char text[200];

    (void)snprintf(text, sizeof text, "%s's node: epoch %u %s", play_names[node], epoch,
                   what); /* fits */
    return text;
}

static const char *exact_at(const struct day *d, size_t node, bool old)
{
    struct net_held held[HELD];
    size_t n = net_held(node, held, HELD);
    bool there = false;

    for (size_t k = 0; k < n; k++) {
        bool now = bytes_equal(BYTES_OF(held[k].hash), BYTES_OF(d->me.manifest_hash));

        there = there || (now && held[k].good);
        if (!held[k].good)
            return said(node, held[k].epoch, "is prepared");
        if (!now && !(old && held[k].epoch < d->me.epoch))
            return said(node, held[k].epoch, "is there");
    }
    return there ? NULL : said(node, d->me.epoch, "is missing");
}

static size_t node_of(const struct day_guardian *g)
{
    for (size_t i = 0; i < NET_NODES; i++)
        if (look.guardians[i].here &&
            bytes_equal(BYTES_OF(look.guardians[i].seat), BYTES_OF(g->seat)))
            return i;
    MUST(false);
    return 0;
}

const char *look_exact(bool old)
{
    struct day *d = NULL;
    const char *why = NULL;

    load("Ana", &d, NULL);
    for (size_t i = 0; i < d->n_guardians && why == NULL; i++)
        if (d->guardians[i].kind == PIECE_NODE)
            why = exact_at(d, node_of(&d->guardians[i]), old);
    day_free(d);
    return why;
}
