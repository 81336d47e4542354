/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thief with an unlocked device, without and with the passphrase of the root, against
 * real nodes: what he ends with, and what the owner has back in his hands.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/sim/steps.h"
#include "tests/sim/thief.h"

enum {
    FOUR_SEATS = 2, /* a seed: four guardians, each at home, three are needed */
    DAY = 86400,
    HOLD = 3 * DAY,
    STOP_HOLD = 9 * DAY, /* that goes with it */
    THINGS = 12,         /* the owner's in the vault */
    LAST = 3             /* a guardian who is away while the owner comes back */
};

static struct people all;
static struct thief thief;

/* A circle, something in the vault; the thief has everything the owner had. */
static struct people *robbed(void)
{
    struct people *p = &all;

    people_open_with(p, FOUR_SEATS, HOLD);
    assert_int_equal(p->n, LAST + 1);
    assert_int_equal(p->k, LAST);
    for (size_t i = 0; i < p->n; i++)
        assert_int_equal(
            vault_head_push(p, i, &p->seats[i].device, &p->seats[i].device_sign, THINGS),
            OK);
    thief = (struct thief){ .p = p };
    return p;
}

/* Nothing that was promised to anybody was broken. */
static void well(struct people *p)
{
    oracle_look(p);
    if (p->w.broken != NULL)
        print_message("%s\nbroken: %s\n", p->w.told, p->w.broken);
    assert_null(p->w.broken);
}

static void pass(struct people *p, unsigned days)
{
    for (unsigned i = 0; i < days; i++)
        world_wait(&p->w, DAY);
    well(p);
}

static bool has(const struct people *p, size_t seat, const struct made *m)
{
    return (p->wards[seat].held >> (m - p->made) & 1) != 0;
}

/* The circle people confirmed: boxes and all, at every seat. */
static void first_is_everywhere(struct people *p)
{
    well(p);
    for (size_t i = 0; i < p->n; i++)
        assert_true(has(p, i, &p->made[0]));
}

/* ---- what a thief does ---- */

/* The next epoch he deals opens nothing; machines and people of it are his. */
static struct made *garbage(struct people *p)
{
    struct made *m = people_make(p, true, 0, 3600);

    assert_non_null(m);
    m->garbage = true;
    thief.garbage = m;
    return m;
}

/* At every seat; then, with its full certificate of machines, all before it is to go. */
static void deals_garbage(struct people *p)
{
    const struct made *m = garbage(p);

    for (size_t i = 0; i < p->n; i++)
        assert_int_equal(people_seal(p, m, i, SEAL_COMMIT), OK);
    well(p);
    for (size_t i = 0; i < p->n; i++) {
        assert_true(has(p, i, m));
        assert_int_equal(people_retire(p, m, i, true), ERR_CERT);
    }
    thief.dealt = m;
}

/* Requests of his own, as many as the node takes. */
static void floods(size_t seat)
{
    unsigned n = 0;
    enum err e = OK;

    for (; e == OK && n < 100; n++)
        e = thief_says(&thief, seat, ROLE_OWNER, MSG_OPEN);
    assert_int_not_equal(e, OK);
    assert_true(n > 1);
}

/* ---- what the owner does ---- */

/* A request at each seat, by a link that its guardian gave. */
static size_t asks_all(struct people *p)
{
    size_t r = restore_begin(p, false);

    for (size_t i = 0; i < p->n; i++)
        assert_non_null(ask_at(p, r, i, WAY_LINK, 0));
    return r;
}

static struct ask *ask_of(struct people *p, size_t restore, size_t seat)
{
    for (size_t i = 0; i < p->n_asks; i++)
        if (p->asks[i].restore == restore && p->asks[i].seat == seat)
            return &p->asks[i];
    fail_msg("nobody asked there");
    return NULL;
}

/* All but the last, who is away. */
static void say_yes(struct people *p, size_t restore)
{
    for (size_t i = 0; i < LAST; i++) {
        struct ask *a = ask_of(p, restore, i);

        if (a->m.state != STATE_APPROVED)
            sit_down(p, a, a->words, true);
        assert_int_equal(a->m.state, STATE_APPROVED);
    }
}

/* Everything at every seat, about the owner's request there. */
static void says_all(struct people *p, size_t restore, enum role role,
                     enum thief_when when)
{
    for (size_t i = 0; i < p->n; i++) {
        thief.theirs = ask_of(p, restore, i);
        assert_int_equal(thief_says_all(&thief, i, role, when), 0);
    }
}

enum thief_stops { THIEF_GONE, THIEF_STOPS_AS_DEVICE, THIEF_STOPS_AS_ACCOUNT };

/* Guardians say yes; a second before it is due, the thief stops it once more. */
static void stopped_once_more(struct people *p, size_t restore, enum thief_stops how)
{
    say_yes(p, restore);
    uint64_t due = model_due(p, ask_of(p, restore, 0));

    if (due > p->w.now + 1)
        world_wait(&p->w, due - p->w.now - 1);
    for (size_t i = 0; i < LAST && how != THIEF_GONE; i++)
        stop_it(p, ask_of(p, restore, i), how == THIEF_STOPS_AS_ACCOUNT);
    well(p);
}

/* However often he stops, it goes. */
static void comes_back(struct people *p, size_t restore, enum thief_stops how)
{
    uint64_t began = ask_of(p, restore, 0)->m.opened;

    for (unsigned turn = 0; turn < 4; turn++)
        stopped_once_more(p, restore, how);
    say_yes(p, restore);
    world_wait(&p->w, 3600);
    assert_true(p->w.now <= began + HOLD + 2 * STOP_HOLD + 2 * 3600);
    for (size_t i = 0; i < LAST; i++) {
        struct ask *a = ask_of(p, restore, i);

        fetch_it(p, a);
        assert_int_equal(a->m.state, STATE_RELEASED);
    }
    well(p);
}

/* What the owner asked for and does not need any more: it would hold changes up. */
static void takes_back(struct people *p)
{
    for (size_t i = 0; i < p->n_asks; i++) {
        struct ask *a = &p->asks[i];
        uint8_t state = 0;

        if (model_is_over(&a->m))
            continue;
        enum err e = ask_cancel(p, a, &state);

        assert_int_equal(e, OK);
        saw_cancel(p, a, e);
    }
}

/* What was let go opens the owner's root. */
static void opens(struct people *p, size_t restore)
{
    struct recover_result result;
    bool right = false;

    assert_int_equal(restore_judge(p, restore, &result, &right), RECOVER_FOUND);
    assert_true(right);
}

/* Whatever a thief put behind it, the owner's last state is there, whole; and goes on. */
static void vault_is_back(struct people *p)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct seat *s = &p->seats[i];

        assert_true(vault_gives(p, i, &s->o.login, 1, THINGS));
        assert_int_equal(vault_head_push(p, i, &s->o.login, &s->o.account, THINGS), OK);
    }
}

/* ---- the day box ---- */

/* Every machine that is let in at a seat is shut out. */
static void shuts_machines_out(struct people *p, size_t seat)
{
    const struct seat *s = &p->seats[seat];
    struct req_cred_list list = { 0 };
    AUTO_FREE struct rep_cred_list *rep = calloc(1, sizeof *rep);
    size_t n = 0;

    assert_non_null(rep);
    assert_int_equal(world_ask(&p->w, s->house, &s->o.login, MSG_CRED_LIST, &list, rep),
                     OK);
    for (uint32_t i = 0; i < rep->n_creds; i++) {
        struct req_cred_drop drop = { 0 };

        if (rep->creds[i].type != CRED_DEVICE)
            continue;
        rng_fill(&p->w.rng, drop.op, ID_BYTES);
        memcpy(drop.id, rep->creds[i].id, ID_BYTES);
        assert_int_equal(
            world_ask(&p->w, s->house, &s->o.login, MSG_CRED_DROP, &drop, NULL), OK);
        n++;
    }
    assert_int_equal(n, 1);
}

static void with_the_day_box_nothing_is_lost_for_good(void **state)
{
    struct people *p = robbed();

    (void)state;
    (void)garbage(p);
    size_t r = asks_all(p);

    says_all(p, r, ROLE_DEVICE, THIEF_FIRST);
    first_is_everywhere(p);
    comes_back(p, r, THIEF_STOPS_AS_DEVICE);
    opens(p, r);
    first_is_everywhere(p);
    for (size_t i = 0; i < p->n; i++)
        shuts_machines_out(p, i);
    vault_is_back(p);
    says_all(p, r, ROLE_DEVICE, THIEF_OVER);
    assert_int_equal(thief.done[THIEF_OVER], 0);
    print_message("day box: %zu done, %zu refused; then %zu refused\n",
                  thief.done[THIEF_FIRST], thief.refused[THIEF_FIRST],
                  thief.refused[THIEF_OVER]);
    people_close(p);
}

/* ---- the root ---- */

/* He was there first, and tries for weeks. */
static void a_thief_rules(struct people *p)
{
    deals_garbage(p);
    pass(p, 40);
    for (size_t i = 0; i < p->n; i++)
        assert_int_equal(people_retire(p, thief.garbage, i, true), ERR_CERT);
    first_is_everywhere(p);
}

/* Its people are those who typed the words of the restore; where it waits, he tries. */
static void people_speak(struct people *p, size_t restore, struct new_root *out)
{
    root_new(p, restore, &p->made[0], out);
    p->spoken = true;
    for (size_t i = 0; i < p->n; i++) {
        uint8_t plan = 0;
        enum err e = root_move(p, out, restore, i, &plan);

        assert_int_equal(e, OK);
        assert_int_equal(plan, i < LAST ? PLAN_DONE : PLAN_WAITS);
        saw_move(p, i, e);
        if (plan == PLAN_DONE) /* it let that restore's piece go: there is no hold */
            p->wards[i].move_due = p->w.now;
    }
    thief.heard = out;
    (void)garbage(p);
    for (size_t i = 0; i < p->n; i++) {
        enum thief_when when = i < LAST ? THIEF_OVER : THIEF_LATE;

        thief.theirs = ask_of(p, restore, i);
        assert_int_equal(thief_says_all(&thief, i, ROLE_OWNER, when), 0);
        assert_int_equal(thief_says_all(&thief, i, ROLE_DEVICE, when), 0);
    }
    world_wait(&p->w, HOLD);
    says_all(p, restore, ROLE_OWNER, THIEF_OVER);
    says_all(p, restore, ROLE_DEVICE, THIEF_OVER);
    first_is_everywhere(p);
}

/* The new root's circle, confirmed; what was before it goes after the dual time. */
static void new_circle(struct people *p)
{
    struct made *m = people_make(p, false, HOLD, STOP_HOLD);

    assert_non_null(m);
    for (size_t i = 0; i < p->n; i++)
        assert_int_equal(people_seal(p, m, i, SEAL_COMMIT), OK);
    m->said = (1U << p->n) - 1;
    takes_back(p);
    well(p);
    for (size_t i = 0; i < p->n; i++)
        assert_int_equal(people_retire(p, m, i, false), OK);
    pass(p, 15);
    for (size_t i = 0; i < p->n; i++)
        for (const struct made *x = p->made; x <= m; x++)
            assert_int_equal(has(p, i, x), x == m);
}

static void with_the_root_he_ends_with_what_he_had_read(void **state)
{
    struct people *p = robbed();

    (void)state;
    a_thief_rules(p);
    size_t r = asks_all(p);

    (void)garbage(p);
    says_all(p, r, ROLE_OWNER, THIEF_FIRST);
    says_all(p, r, ROLE_DEVICE, THIEF_FIRST);
    deals_garbage(p);
    for (size_t i = 0; i < p->n; i++)
        floods(i);
    r = asks_all(p); /* links have room */
    first_is_everywhere(p);
    comes_back(p, r, THIEF_STOPS_AS_ACCOUNT);
    opens(p, r);
    people_speak(p, r, &p->fresh);
    root_follow(p, &p->fresh);
    for (size_t i = 0; i < p->n; i++)
        assert_int_equal(root_follow_at(p, &p->fresh, i), OK);
    vault_is_back(p);
    new_circle(p);
    says_all(p, r, ROLE_OWNER, THIEF_OVER);
    says_all(p, r, ROLE_DEVICE, THIEF_OVER);
    assert_int_equal(thief.done[THIEF_OVER], 0);
    print_message("root: %zu done, %zu refused; then %zu done, %zu refused; then %zu\n",
                  thief.done[THIEF_FIRST], thief.refused[THIEF_FIRST],
                  thief.done[THIEF_LATE], thief.refused[THIEF_LATE],
                  thief.refused[THIEF_OVER]);
    r = asks_all(p);
    comes_back(p, r, THIEF_GONE);
    opens(p, r);
    people_close(p);
}

/* ---- what people said of something else ---- */

/* Everything that a certificate of people could do, with one for another change. */
static void uses_words(struct people *p, size_t seat, struct bytes people)
{
    const struct made *m = thief.garbage;
    const struct seat *s = &p->seats[seat];
    struct req_retire retire;
    struct req_cert_put cert = { .epoch = m->c.m.epoch, .people = people };
    struct req_ward_end end = { .people = people };

    assert_int_equal(people_retire_req(p, m, seat, true, &retire), OK);
    retire.people = people;
    assert_int_equal(
        world_ask(&p->w, s->house, &s->robbed.login, MSG_RETIRE, &retire, NULL),
        ERR_CERT);
    rng_fill(&p->w.rng, cert.op, ID_BYTES);
    memcpy(cert.manifest_hash, m->c.hash, HASH_BYTES);
    assert_int_equal(
        world_ask(&p->w, s->house, &s->robbed.login, MSG_CERT_PUT, &cert, NULL),
        ERR_CERT);
    rng_fill(&p->w.rng, end.op, ID_BYTES);
    memcpy(end.ward, s->o.ward, ID_BYTES);
    assert_int_equal(
        world_ask(&p->w, s->house, &s->robbed.login, MSG_WARD_END, &end, NULL), ERR_CERT);
}

/* All guardians typed the owner's words for a change: for that one, and none of his. */
static void words_for_one_change_serve_no_other(void **state)
{
    static uint8_t typed[CERT_PEOPLE_MAX];
    struct people *p = robbed();
    struct made *his = NULL;

    (void)state;
    deals_garbage(p);
    his = &p->made[p->n_made - 1];
    struct made *owners = people_make(p, false, HOLD, STOP_HOLD);

    assert_non_null(owners);
    owners->said = (1U << p->n) - 1;
    struct bytes people = people_of(p, owners, false);

    memcpy(typed, people.p, people.n);
    people.p = typed;
    for (size_t i = 0; i < p->n; i++)
        uses_words(p, i, people);
    pass(p, 40);
    first_is_everywhere(p);
    /* His machines were not what it failed for: had people typed them for his, it goes.
     */
    his->said = (1U << p->n) - 1;
    for (size_t i = 0; i < p->n; i++)
        assert_int_equal(people_retire(p, his, i, true), OK);
    people_close(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_the_day_box_nothing_is_lost_for_good),
        cmocka_unit_test(with_the_root_he_ends_with_what_he_had_read),
        cmocka_unit_test(words_for_one_change_serve_no_other),
    };

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
