/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/people.h"

#include <stdlib.h>

#include "node/ward.h"

/* Three guardians at one hoster; then each at home. */
struct layout {
    size_t seats;
    size_t houses;
    unsigned k;
    size_t house[SEATS];
};

static const struct layout layouts[] = {
    { 3, 3, 2, { 0, 1, 2 } },
    { 3, 3, 2, { 0, 1, 2 } },
    { 4, 4, 3, { 0, 1, 2, 3 } },
    { 5, 3, 3, { 0, 0, 0, 1, 2 } },
};

static const uint32_t holds[] = { 0, 3600, 72 * 3600, 72 * 3600, 7 * 86400, 30 * 86400 };

const char *seat_name(size_t i)
{
    static const char *const names[SEATS] = { "Ben", "Cy", "Dora", "Eli", "Fay" };

    return names[i];
}

/* ---- enrolment ---- */

/* A credential of the owner's: a device, or a standing one by its token. */
static enum err owner_cred(struct people *p, struct seat *s, enum cred_type type,
                           struct sim_login *out)
{
    struct req_cred_new req = { .type = (uint8_t)type };
    uint8_t token[TOKEN_STANDING];
    struct sign_seed sign;

    sim_login_new(out, type == CRED_DEVICE ? ROLE_DEVICE : ROLE_RESTORE, &p->w.rng);
    rng_fill(&p->w.rng, token, sizeof token);
    rng_fill(&p->w.rng, req.op, ID_BYTES);
    if (type != CRED_DEVICE) {
        sim_login_token(out, ROLE_RESTORE, BYTES_OF(token));
        memcpy(req.id, out->id, ID_BYTES);
    } else {
        rng_fill(&p->w.rng, req.id, ID_BYTES);
        rng_fill(&p->w.rng, sign.b, sizeof sign.b);
        memcpy(req.stat, out->pub, PUB_BYTES);
        crypt_sign_public(&sign, req.sign);
        s->device_sign = sign;
        memcpy(s->device_cred, req.id, ID_BYTES);
    }
    memcpy(req.psk, out->psk.b, KEY_BYTES);
    return world_ask(&p->w, s->house, &s->o.login, MSG_CRED_NEW, &req, NULL);
}

enum err people_device(struct people *p, size_t seat)
{
    struct seat *s = &p->seats[seat];
    struct seat was = *s;
    enum err e = owner_cred(p, s, CRED_DEVICE, &s->device);

    if (e != OK)
        *s = was;
    return e;
}

void people_enrol_at(struct people *p, size_t i)
{
    struct seat *s = &p->seats[i];
    bool calm = p->w.calm;

    s->keys.sign = s->g.sign;
    s->keys.seal = s->g.seal;
    sim_ward(&p->w.houses[s->house].n, &s->g, &s->o);
    p->w.calm = true; /* they try until it is done */
    MUST(people_device(p, i) == OK);
    MUST(owner_cred(p, s, CRED_SHEET, &s->sheet) == OK);
    MUST(owner_cred(p, s, CRED_ROSTER, &s->roster) == OK);
    p->w.calm = calm;
    s->robbed = s->o;
    s->robbed_device = s->device;
    s->robbed_device_sign = s->device_sign;
}

static void enrol(struct people *p, size_t i)
{
    sim_seat(&p->w.houses[p->seats[i].house].n, &p->seats[i].g);
    people_enrol_at(p, i);
}

/* ---- an epoch ---- */

static void seal_roster(struct people *p, struct made *m)
{
    AUTO_FREE struct roster *r = calloc(1, sizeof *r);
    struct buf b = BUF_OF(m->roster);
    uint8_t address[SEATS][16];

    MUST(r != NULL);
    r->epoch = m->c.m.epoch;
    r->n_entries = (uint32_t)p->n;
    memcpy(r->circle, m->c.m.circle, ID_BYTES);
    for (size_t i = 0; i < p->n; i++) {
        struct roster_entry *e = &r->entries[i];
        const struct seat *s = &p->seats[i];
        struct buf at = BUF_OF(address[i]);

        address_put(&p->w.houses[s->house].n.env.addresses[0], &at);
        e->n_addresses = 1;
        e->addresses[0].at = buf_bytes(&at);
        e->name = bytes_text(seat_name(i));
        memcpy(e->node_key, p->w.houses[s->house].n.env.id->node_pub, PUB_BYTES);
        memcpy(e->seat, s->g.seat, ID_BYTES);
        memcpy(e->sign_pub, s->g.sign_pub, PUB_BYTES);
        memcpy(e->seal_pub, s->g.seal_pub, PUB_BYTES);
    }
    MUST(roster_seal(r, &m->roster_key, m->c.hash, &p->w.rng, &b) == OK);
    m->roster_n = b.n;
}

struct made *people_make(struct people *p, bool thief, uint32_t hold, uint32_t stop_hold)
{
    /* A thief's circle has as many people again, whom he made up. */
    size_t n = thief ? 2 * p->n : p->n;
    const struct manifest_group group = { .t = (uint8_t)p->k, .n = (uint8_t)n };
    struct made *m = &p->made[p->n_made];
    struct buf b = BUF_OF(m->manifest);

    if (p->n_made == EPOCHS_MADE)
        return NULL;
    m->thief = thief;
    m->c.move = thief ? NULL : p->move;
    m->c.rng = &p->w.rng; /* a history depends on its seed alone */
    m->made = p->w.now;
    m->hold = hold;
    m->stop_hold = stop_hold;
    m->c.hold = hold;
    m->c.stop_hold = stop_hold;
    for (size_t i = 0; i < n; i++)
        m->c.approvals[i] = i < p->n ? p->seats[i].o.approval : p->thief_people[i - p->n];
    p->n_made++;
    circle_make(&m->c, thief ? &p->robbed_root : &p->root, (uint32_t)p->n_made, &group, 1,
                1);
    rng_fill(&p->w.rng, m->manifest_key.b, KEY_BYTES);
    rng_fill(&p->w.rng, m->roster_key.b, KEY_BYTES);
    manifest_seal(&m->manifest_key, m->c.hash, bytes_of(m->c.raw, m->c.raw_n), &p->w.rng,
                  &b);
    m->manifest_n = b.n;
    seal_roster(p, m);
    return m;
}

/* Whose account brings it. */
static const struct sim_owner *owner_at(const struct people *p, const struct made *m,
                                        size_t seat)
{
    return m->thief ? &p->seats[seat].robbed : &p->seats[seat].o;
}

/* What the owner's key signs about this seat and the others. */
static void describe(const struct people *p, const struct made *m, size_t seat,
                     const uint8_t ack[PUB_BYTES], struct buf *out)
{
    struct descriptor d;

    descriptor_of(&m->c.m, m->c.hash, &d);
    manifest_body(bytes_of(m->c.raw, m->c.raw_n), d.body);
    for (size_t i = 0; i < d.n_pieces; i++) {
        bool given = m->all_next && i < p->n;
        const uint8_t *others = given ? m->acks[i] : m->c.m.pieces[i].piece_key;

        /* Other seats' acknowledgement keys matter to certificates only. */
        memcpy(d.pieces[i].ack, i == seat ? ack : others, PUB_BYTES);
    }
    descriptor_make(&d, &owner_at(p, m, seat)->account, out);
}

static void put_boxes(struct people *p, const struct made *m, size_t seat,
                      struct buf *piece, struct buf *roster)
{
    const struct seat *s = &p->seats[seat];
    const struct sign_seed *by = m->thief ? &p->robbed_owner : &p->owner;
    struct box_about about = { .epoch = m->c.m.epoch,
                               .group = m->c.m.pieces[seat].group,
                               .index = m->c.m.pieces[seat].index };
    struct box_content in = { .name = bytes_text("Ana") };

    memcpy(about.manifest_hash, m->c.hash, HASH_BYTES);
    memcpy(about.seat, s->g.seat, ID_BYTES);
    memcpy(about.seal_pub, s->g.seal_pub, PUB_BYTES);
    memcpy(in.circle, m->c.m.circle, ID_BYTES);
    crypt_sign_public(by, in.owner);
    memcpy(in.key, m->manifest_key.b, KEY_BYTES);
    memcpy(in.piece, m->c.pieces[seat], PIECE_BYTES);
    in.piece[PIECE_BYTES - 1] ^= m->garbage;
    MUST(box_seal(BOX_OF_PIECE, &about, &in, by, &p->w.rng, piece) == OK);
    memcpy(in.key, m->roster_key.b, KEY_BYTES);
    memset(in.piece, 0, PIECE_BYTES);
    MUST(box_seal(BOX_OF_ROSTER, &about, &in, by, &p->w.rng, roster) == OK);
}

void people_prepare_req(struct people *p, const struct made *m, size_t seat,
                        const uint8_t ack[PUB_BYTES], struct req_epoch_prepare *out)
{
    static uint8_t raw[3][DESCRIPTOR_MAX];
    struct buf piece = BUF_OF(raw[0]);
    struct buf roster = BUF_OF(raw[1]);
    struct buf described = BUF_OF(raw[2]);

    *out = (struct req_epoch_prepare){ .epoch = m->c.m.epoch,
                                       .group = m->c.m.pieces[seat].group,
                                       .index = m->c.m.pieces[seat].index,
                                       .manifest = bytes_of(m->manifest, m->manifest_n),
                                       .roster = bytes_of(m->roster, m->roster_n),
                                       .hold = m->hold,
                                       .stop_hold = m->stop_hold };
    put_boxes(p, m, seat, &piece, &roster);
    describe(p, m, seat, ack, &described);
    out->box_piece = buf_bytes(&piece);
    out->box_roster = buf_bytes(&roster);
    out->descriptor = buf_bytes(&described);
    rng_fill(&p->w.rng, out->op, ID_BYTES);
    memcpy(out->manifest_hash, m->c.hash, HASH_BYTES);
}

static void keep_sent(struct sent *out, const struct req_epoch_prepare *req)
{
    const struct bytes parts[] = { req->box_piece, req->box_roster, req->descriptor };

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        MUST(parts[i].n <= SENT_MAX);
        memcpy(out->b[i], parts[i].p, parts[i].n);
        out->n[i] = parts[i].n;
    }
}

enum err people_commit(struct people *p, const struct made *m, size_t seat)
{
    struct req_epoch_commit commit = { .epoch = m->c.m.epoch };

    rng_fill(&p->w.rng, commit.op, ID_BYTES);
    memcpy(commit.manifest_hash, m->c.hash, HASH_BYTES);
    return world_ask(&p->w, p->seats[seat].house, &owner_at(p, m, seat)->login,
                     MSG_EPOCH_COMMIT, &commit, NULL);
}

enum err people_seal(struct people *p, const struct made *m, size_t seat,
                     enum how_far far)
{
    const struct sim_login *by = &owner_at(p, m, seat)->login;
    size_t h = p->seats[seat].house;
    struct req_epoch_next next = { .epoch = m->c.m.epoch };
    struct rep_epoch_next rep = { 0 };
    struct req_epoch_prepare prepare;

    rng_fill(&p->w.rng, next.op, ID_BYTES);
    TRY(world_ask(&p->w, h, by, MSG_EPOCH_NEXT, &next, &rep));
    memcpy(p->made[m - p->made].acks[seat], rep.ack, PUB_BYTES);
    if (far == SEAL_NEXT)
        return OK;
    people_prepare_req(p, m, seat, rep.ack, &prepare);
    TRY(world_ask(&p->w, h, by, MSG_EPOCH_PREPARE, &prepare, NULL));
    keep_sent(&p->made[m - p->made].sent[seat], &prepare);
    return far == SEAL_PREPARE ? OK : people_commit(p, m, seat);
}

/* ---- the beginning ---- */

/* The guardian confirmed: what a confirm request does, written where it writes. */
static enum err confirm(struct call *c, void *arg)
{
    struct record_ward ward = { 0 };

    TRY(ward_get(c, arg, &ward));
    return ward_confirm(c, &ward);
}

static void first_epoch(struct people *p)
{
    struct made *m = people_make(p, false, p->hold, p->stop_hold);

    for (size_t i = 0; i < p->n; i++)
        MUST(people_seal(p, m, i, SEAL_NEXT) == OK);
    m->all_next = true;
    for (size_t i = 0; i < p->n; i++) {
        struct seat *s = &p->seats[i];

        MUST(node_sim_write(&p->w.houses[s->house].n, &s->g.who, confirm, s->o.ward) ==
             OK);
        MUST(people_seal(p, m, i, SEAL_COMMIT) == OK);
        p->wards[i].active = 1;
    }
}

static void keys(struct people *p)
{
    rng_fill(&p->w.rng, p->root.b, sizeof p->root.b);
    MUST(ident_owner(&p->root, &p->owner) == OK);
    crypt_sign_public(&p->owner, p->owner_pub);
    p->robbed_root = p->root;
    p->robbed_owner = p->owner;
    rng_fill(&p->w.rng, (uint8_t *)p->thief_people, sizeof p->thief_people);
}

static void enrol_all(struct people *p, const struct layout *l)
{
    keys(p);
    for (size_t i = 0; i < p->n; i++) {
        p->seats[i].house = l->house[i];
        enrol(p, i);
    }
    first_epoch(p);
    world_tell(&p->w, "%zu guardians at %zu nodes, %u needed, hold %u s, stop hold %u s",
               p->n, l->houses, p->k, p->hold, p->stop_hold);
}

static const struct layout *begin(struct people *p, uint64_t seed)
{
    const struct layout *l = &layouts[seed % (sizeof layouts / sizeof layouts[0])];

    memset((uint8_t *)p + sizeof p->w, 0, sizeof *p - sizeof p->w);
    world_open(&p->w, seed, l->houses);
    p->w.calm = true; /* until the story begins */
    p->n = l->seats;
    p->k = l->k;
    return l;
}

/* The shipped default: 7 days, or three holds. */
static uint32_t stop_hold_of(uint32_t hold)
{
    return 3 * hold > 7 * 86400 ? 3 * hold : 7 * 86400;
}

void people_open_with(struct people *p, uint64_t seed, uint32_t hold)
{
    const struct layout *l = begin(p, seed);

    p->hold = hold;
    p->stop_hold = stop_hold_of(hold);
    enrol_all(p, l);
}

void people_open(struct people *p, uint64_t seed)
{
    const struct layout *l = begin(p, seed);

    p->hold = holds[world_draw(&p->w, sizeof holds / sizeof holds[0])];
    p->stop_hold = world_chance(&p->w, 1, 4) ? 3600 : stop_hold_of(p->hold);
    for (uint32_t fooled = world_draw(&p->w, p->k); fooled > 0; fooled--)
        p->seats[world_draw(&p->w, (uint32_t)p->n)].fooled = true;
    enrol_all(p, l);
}

void people_close(struct people *p)
{
    for (size_t i = 0; i < p->n; i++)
        desk_watch_end(p->watches[i]);
    world_close(&p->w);
}
