/* SPDX-License-Identifier: Apache-2.0 */
/* The vault at nodes: hostile ones first, then what honest ones give back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "vault_nodes.h"

static uint64_t the_time(void)
{
    return NOW;
}

static const struct params params = { .now = the_time,
                                      .rng = &crypt_random,
                                      .round_ms = 10000 };

/* One device and what it knows of the nodes. */
struct side {
    struct device device;
    struct vault_held *held;
    struct vault_how how;
    struct vault_round *round;
};

static struct side ana;
static struct side pad; /* another device of Ana's */

static void side_up(struct side *s, unsigned number, uint8_t threshold)
{
    device_new(&s->device, number);
    nodes_guard(&s->device, threshold);
    assert_int_equal(device_open(&s->device, VAULT_WHOLE), OK);
    assert_int_equal(vault_held_load(&s->device.home, &s->held), OK);
    s->round = NULL;
}

static void side_down(struct side *s)
{
    vault_round_free(s->round);
    vault_held_free(s->held);
    device_end(&s->device);
}

static int up(void **state)
{
    (void)state;
    nodes_up();
    side_up(&ana, 0, 3);
    side_up(&pad, 1, 3);
    return 0;
}

static int down(void **state)
{
    (void)state;
    side_down(&ana);
    side_down(&pad);
    nodes_down();
    return 0;
}

static struct vault_round *fresh(struct side *s)
{
    vault_round_free(s->round);
    s->how = (struct vault_how){ .params = &params,
                                 .home = &s->device.home,
                                 .me = s->device.day,
                                 .among = s->device.day,
                                 .vault = s->device.vault,
                                 .held = s->held };
    assert_int_equal(vault_round_new(&s->how, &s->round), OK);
    return s->round;
}

static unsigned push(struct side *s)
{
    struct vault_standing out;
    assert_int_equal(vault_round_push(fresh(s)), OK);
    vault_stand(s->held, s->device.day, s->device.vault, &out);
    return out.saved;
}

static void look(struct side *s)
{
    assert_int_equal(vault_round_look(fresh(s)), OK);
}

static void pull(struct side *s)
{
    look(s);
    assert_int_equal(vault_round_join(s->round), OK);
}

static bool reads(struct side *s, const char *name, const char *content)
{
    const struct vault_item *item = vault_find(s->device.vault, bytes_text(name));
    return item != NULL && device_reads(&s->device, item, 0, content);
}

static enum vault_fault fault_at(const struct side *s, size_t i)
{
    return s->round->places[i].fault;
}

/* What is here, for being compared afterwards. */
static void now_of(const struct side *s, uint8_t out[HASH_BYTES])
{
    vault_state_hash(vault_now(s->device.vault), out);
}

/* A content of n bytes that no other seed gives. */
static struct bytes big(uint8_t seed, size_t n)
{
    static uint8_t mem[400000];
    assert_true(n <= sizeof mem);
    for (size_t i = 0; i < n; i++)
        mem[i] = (uint8_t)(i * 31 + i / 251 + seed * 7 + (i >> 13) * seed);
    return bytes_of(mem, n);
}

/* ---- heads that are no heads ---- */

static void a_bad_head_is_named_and_harms_nothing(void **state)
{
    static const struct {
        enum manner manner;
        enum vault_fault fault;
    } cases[] = {
        { OTHER_WARD, VAULT_OTHER_WARD }, { BAD_SIGN, VAULT_FORGED },
        { CUT_HEAD, VAULT_FORGED },       { HUGE_HEAD, VAULT_BAD_VERSION },
        { NEAR_END, VAULT_BAD_VERSION },  { OTHER_SAYS, VAULT_BAD_VERSION },
        { STRANGER, VAULT_STRANGER },     { OTHER_KEY, VAULT_SHUT },
    };

    uint8_t before[HASH_BYTES];
    uint8_t after[HASH_BYTES];
    (void)state;
    device_add(&ana.device, "gate", "4711");
    assert_int_equal(push(&ana), 5);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nodes[1]->manner = cases[i].manner;
        now_of(&ana, before);
        look(&ana);
        assert_int_equal(fault_at(&ana, 1), cases[i].fault);
        assert_int_equal(ana.round->places[1].state, PLACE_FAILED);
        assert_non_null(strstr(ana.round->places[1].why, "Cy"));
        assert_int_equal(vault_round_join(ana.round), OK);
        now_of(&ana, after);
        assert_memory_equal(before, after, HASH_BYTES);
        assert_true(reads(&ana, "gate", "4711"));
        /* And to a device that knows nothing yet. */
        pull(&pad);
        assert_int_equal(fault_at(&pad, 1), cases[i].fault);
        assert_true(reads(&pad, "gate", "4711"));
    }
    /* The others are saved at, all the same. */
    device_edit(&ana.device, "gate", "4712");
    vault_held_seat(ana.held, ana.device.day->guardians[1].seat, true)->list = 0;
    assert_int_equal(push(&ana), 4);
    assert_int_equal(fault_at(&ana, 1), VAULT_SHUT);
}

static void all_of_them_bad_is_nothing_new(void **state)
{
    static const enum manner bad[] = { OTHER_WARD, BAD_SIGN,  CUT_HEAD, HUGE_HEAD,
                                       OTHER_SAYS, OTHER_KEY, STRANGER };

    uint8_t before[HASH_BYTES];
    uint8_t after[HASH_BYTES];
    (void)state;
    device_add(&ana.device, "gate", "4711");
    assert_int_equal(push(&ana), 5);
    device_add(&pad.device, "own", "of the pad");
    now_of(&pad, before);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        nodes_manner(bad[i]);
        pull(&pad);
        assert_int_equal(push(&pad), 0);
        now_of(&pad, after);
        assert_memory_equal(before, after, HASH_BYTES);
    }
    assert_true(reads(&pad, "own", "of the pad"));
    nodes_manner(HONEST);
    assert_int_equal(push(&pad), 5);
    assert_true(reads(&pad, "gate", "4711"));
}

/* Taken out at Cy's node when its newest head was of that version. */
static void removed_at(struct side *s, const struct side *gone, uint64_t until)
{
    const struct day_guardian *g = &gone->device.day->guardians[1];
    struct day_device *e = &s->device.day->devices[0];
    struct sign_seed sign;
    *e = (struct day_device){ .removed = NOW, .n_at = 1 };
    e->at[0] = (struct day_device_at){ .state = DEVICE_OUT, .until = until };
    memcpy(sign.b, g->dev_sign, KEY_BYTES);
    crypt_sign_public(&sign, e->at[0].sign);
    memcpy(e->at[0].seat, g->seat, SEAT_BYTES);
    s->device.day->n_devices = 1;
}

static void what_a_removed_device_set_before_stays(void **state)
{
    (void)state;
    device_add(&pad.device, "gate", "4711");
    assert_int_equal(push(&pad), 5);
    removed_at(&ana, &pad, 0);
    pull(&ana);
    assert_int_equal(fault_at(&ana, 1), VAULT_REMOVED);
    assert_int_equal(fault_at(&ana, 0), VAULT_FINE); /* there it is not known to be out */
    assert_non_null(strstr(ana.round->places[1].why, "Cy"));
    assert_true(reads(&ana, "gate", "4711"));
    removed_at(&ana, &pad, 1);
    look(&ana);
    assert_int_equal(fault_at(&ana, 1), VAULT_FINE);
    /* The node helps it later: a head after that one. */
    device_edit(&pad.device, "gate", "wrong");
    assert_int_equal(push(&pad), 5);
    for (size_t i = 0; i < NODES; i++)
        nodes[i]->manner = i == 1 ? HONEST : AWAY;
    pull(&ana);
    assert_int_equal(fault_at(&ana, 1), VAULT_REMOVED);
    assert_true(reads(&ana, "gate", "4711"));
    /* In the list of earlier heads, too, only that one is missing. */
    device_edit(&ana.device, "gate", "4712");
    nodes[1]->n_heads--;
    nodes_manner(HONEST);
    look(&ana);
    assert_int_equal(fault_at(&ana, 1), VAULT_FINE);
    assert_int_equal(vault_round_log(ana.round), OK);
    assert_int_equal(ana.round->places[1].n_log, 1);
}

/* A restore has the root, and nothing of what the home knew. */
static void restored(struct side *s, const struct root_key *root)
{
    for (size_t i = 0; i < NODES; i++) {
        struct day_guardian *g = &s->device.day->guardians[i];
        memset(g->account, 0, PUB_BYTES);
        memset(g->dev_let_in, 0, SIG_BYTES);
        memset(g->ward, 0, ID_BYTES);
    }
    (void)fresh(s);
    vault_round_free(s->round);
    s->how.root = root;
    assert_int_equal(vault_round_new(&s->how, &s->round), OK);
    assert_int_equal(vault_round_look(s->round), OK);
    assert_int_equal(vault_round_join(s->round), OK);
}

static void a_restore_knows_its_devices_by_the_root(void **state)
{
    struct side back;
    struct root_key *root = NULL;
    (void)state;
    device_root(&root);
    device_add(&ana.device, "gate", "4711");
    assert_int_equal(push(&ana), 5);
    pull(&pad);
    device_edit(&pad.device, "gate", "4712");
    assert_int_equal(push(&pad), 5);
    nodes[1]->manner = STRANGER;
    side_up(&back, 8, 3);
    restored(&back, root);
    assert_int_equal(fault_at(&back, 1), VAULT_STRANGER);
    assert_int_equal(fault_at(&back, 2), VAULT_FINE);
    assert_true(reads(&back, "gate", "4712"));
    /* What it sets itself, as root account, every device takes. */
    nodes[1]->manner = HONEST;
    device_edit(&back.device, "gate", "4713");
    assert_int_equal(vault_round_push(back.round), OK);
    assert_int_equal(nodes[0]->n_heads, 3);
    pull(&ana);
    for (size_t i = 0; i < NODES; i++)
        assert_int_equal(fault_at(&ana, i), VAULT_FINE);
    assert_true(reads(&ana, "gate", "4713"));
    side_down(&back);
    secret_free(root);
}

/* By another root's account they are strangers, also where the vault's key is known. */
static void a_new_root_knows_no_old_device(void **state)
{
    struct root_key *other = NULL;
    (void)state;
    device_root(&other);
    other->b[0] ^= 1;
    device_add(&ana.device, "gate", "4711");
    assert_int_equal(push(&ana), 5);
    for (size_t i = 0; i < NODES; i++)
        assert_int_equal(guardian_let_in(&pad.device.day->guardians[i], other), OK);
    pull(&pad);
    for (size_t i = 0; i < NODES; i++)
        assert_int_equal(fault_at(&pad, i), VAULT_STRANGER);
    assert_null(device_find(&pad.device, "gate"));
    secret_free(other);
}

/* ---- objects that are no objects ---- */

static void one_good_copy_is_enough(void **state)
{
    static const enum manner bad[] = { FLIPPED,    TRUNCATED, SWAPPED,  TOO_MANY,
                                       GIVES_NONE, LOST_ALL,  LIES_HAVE };

    (void)state;
    device_add(&ana.device, "gate", "4711");
    assert_int_equal(device_try_add(&ana.device, "deed", big(3, 250000)), OK);
    device_save(&ana.device);
    assert_int_equal(push(&ana), 5);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct side other;
        struct home_blob got = { 0 };
        nodes_manner(bad[i]);
        nodes[3]->manner = HONEST;
        side_up(&other, 7, 3);
        pull(&other);
        assert_int_equal(other.round->missing, 0);
        assert_true(reads(&other, "gate", "4711"));
        const struct vault_item *deed = device_find(&other.device, "deed");
        assert_int_equal(vault_content(other.device.vault, deed, 0, &got), OK);
        assert_int_equal(got.n, 250000);
        assert_memory_equal(got.p, big(3, 250000).p, got.n);
        assert_int_equal(fault_at(&other, 3), VAULT_FINE);
        bool named = bad[i] != LOST_ALL && bad[i] != LIES_HAVE;
        size_t n = 0;
        for (size_t k = 0; k < NODES; k++)
            n += fault_at(&other, k) == VAULT_BAD_OBJECT;
        assert_true(named ? n > 0 : n == 0);
        home_blob_free(&got);
        side_down(&other);
    }
}

static void what_nobody_gives_is_said(void **state)
{
    static const enum manner bad[] = { FLIPPED, TRUNCATED, GIVES_NONE, LOST_ALL };

    uint8_t before[HASH_BYTES];
    uint8_t after[HASH_BYTES];
    (void)state;
    device_add(&ana.device, "gate", "4711");
    assert_int_equal(push(&ana), 5);
    device_add(&pad.device, "own", "of the pad");
    now_of(&pad, before);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        nodes_manner(bad[i]);
        pull(&pad);
        now_of(&pad, after);
        assert_memory_equal(before, after, HASH_BYTES);
        for (size_t k = 0; k < NODES; k++)
            assert_int_not_equal(fault_at(&pad, k), VAULT_FINE);
        /* Nothing is written over what could not be read. */
        assert_int_equal(push(&pad), 0);
        assert_int_equal(nodes[0]->n_heads, 1);
    }
    /* Unless a person says so. */
    nodes_manner(LOST_ALL);
    (void)fresh(&pad);
    pad.how.over = true;
    assert_int_equal(vault_round_push(pad.round), OK);
    assert_int_equal(nodes[0]->n_heads, 2);
}

static void verify_sees_who_lies(void **state)
{
    static const struct {
        enum manner manner;
        enum vault_fault fault;
    } cases[] = { { LOST_ALL, VAULT_LOST },         { LIES_HAVE, VAULT_LOST },
                  { FLIPPED, VAULT_BAD_OBJECT },    { TRUNCATED, VAULT_BAD_OBJECT },
                  { SWAPPED, VAULT_BAD_OBJECT },    { TOO_MANY, VAULT_BAD_OBJECT },
                  { GIVES_NONE, VAULT_BAD_OBJECT }, { SHORT_BITS, VAULT_BAD_OBJECT } };

    (void)state;
    device_add(&ana.device, "gate", "4711");
    assert_int_equal(device_try_add(&ana.device, "deed", big(5, 150000)), OK);
    device_save(&ana.device);
    assert_int_equal(push(&ana), 5);
    look(&ana);
    assert_int_equal(vault_round_verify(ana.round, true), OK);
    for (size_t i = 0; i < NODES; i++) {
        assert_int_equal(fault_at(&ana, i), VAULT_FINE);
        assert_int_equal(ana.round->places[i].fetched, ana.round->needs.n / VAULT_ID);
    }
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nodes[2]->manner = cases[i].manner;
        look(&ana);
        assert_int_equal(vault_round_verify(ana.round, true), OK);
        assert_int_equal(fault_at(&ana, 2), cases[i].fault);
        assert_int_equal(fault_at(&ana, 1), VAULT_FINE);
    }
}

/* What is missing at a node is found, and given to it again. */
static void verify_and_push_repair(void **state)
{
    struct vault_standing s;
    (void)state;
    device_add(&ana.device, "gate", "4711");
    assert_int_equal(push(&ana), 5);
    struct vault_node *n = nodes[4];
    size_t had = n->n_objects;
    for (size_t i = 0; i < n->n_objects; i++)
        free(n->objects[i].p);
    n->n_objects = 0;
    look(&ana);
    assert_int_equal(vault_round_verify(ana.round, false), OK);
    assert_int_equal(fault_at(&ana, 4), VAULT_LOST);
    vault_stand(ana.held, ana.device.day, ana.device.vault, &s);
    assert_int_equal(s.saved, 4);
    assert_int_equal(push(&ana), 5);
    assert_int_equal(n->n_objects, had);
    look(&ana);
    assert_int_equal(vault_round_verify(ana.round, true), OK);
    assert_int_equal(fault_at(&ana, 4), VAULT_FINE);
}

/* ---- nodes that keep one waiting ---- */

static void no_answer_is_endless(void **state)
{
    (void)state;
    device_add(&ana.device, "gate", "4711");
    for (int i = 0; i < 3; i++) {
        device_edit(&ana.device, "gate", i % 2 == 0 ? "1" : "2");
        assert_int_equal(push(&ana), 5);
    }
    nodes[0]->manner = ENDLESS;
    look(&ana);
    nodes_count();
    assert_int_equal(vault_round_log(ana.round), OK);
    assert_int_equal(fault_at(&ana, 0), VAULT_BAD_VERSION);
    assert_true(nodes[0]->messages <= 2);
    assert_int_equal(ana.round->places[1].n_log, 3);

    static const enum manner slow[] = { ALWAYS_BUSY, ALWAYS_NEWER, FULL_UP, AWAY };

    for (size_t i = 0; i < sizeof slow / sizeof slow[0]; i++) {
        nodes_manner(HONEST);
        nodes[2]->manner = slow[i];
        device_edit(&ana.device, "gate", i % 2 == 0 ? "3" : "4");
        nodes_count();
        assert_int_equal(push(&ana), 4);
        assert_true(nodes[2]->messages < 400);
        assert_int_equal(ana.round->places[2].state, PLACE_FAILED);
        assert_non_null(strstr(ana.round->places[2].why, "Dora"));
    }
    nodes_manner(HONEST);
    assert_int_equal(push(&ana), 5);
}

static void busy_is_waited_for(void **state)
{
    (void)state;
    device_add(&ana.device, "gate", "4711");
    for (size_t i = 0; i < NODES; i++)
        nodes[i]->busy = 20;
    assert_int_equal(push(&ana), 5);
}

/* ---- nodes that turn back ---- */

static void who_shows_less_than_it_acknowledged_is_named(void **state)
{
    (void)state;
    device_add(&ana.device, "gate", "4711");
    assert_int_equal(push(&ana), 5);
    pull(&pad);
    device_add(&ana.device, "cellar", "under the stone");
    assert_int_equal(push(&ana), 5);
    nodes[1]->manner = OLD_HEAD;
    look(&ana); /* by what it acknowledged to this device */
    assert_int_equal(fault_at(&ana, 1), VAULT_WENT_BACK);
    assert_int_equal(fault_at(&ana, 0), VAULT_FINE);
    nodes[1]->incarnation[0] ^= 1; /* out of a backup: that is named elsewhere */
    device_edit(&ana.device, "gate", "4712");
    nodes[1]->manner = HONEST;
    nodes[1]->incarnation[0] ^= 1;
    assert_int_equal(push(&ana), 5);
    /* By what it acknowledged to another device, whose witness lies at the others. */
    for (int i = 0; i < 3; i++) {
        device_edit(&ana.device, "gate", i == 1 ? "4713" : "4714");
        assert_int_equal(push(&ana), 5);
    }
    nodes[3]->n_heads -= 3;
    pull(&pad);
    assert_int_equal(fault_at(&pad, 3), VAULT_WENT_BACK);
    assert_int_equal(fault_at(&pad, 2), VAULT_FINE);
    assert_true(reads(&pad, "cellar", "under the stone"));
    assert_true(reads(&pad, "gate", "4714"));
}

/* A device that helps a node can put any state into a head of a greater number. */
static void a_new_head_around_an_old_state_is_named(void **state)
{
    (void)state;
    node_helped(nodes[1], &pad.device.day->guardians[1]);
    device_add(&ana.device, "gate", "4711");
    assert_int_equal(push(&ana), 5);
    pull(&pad);
    device_edit(&ana.device, "gate", "4712");
    assert_int_equal(push(&ana), 5);
    nodes[1]->manner = SAYS_NEW;
    look(&ana); /* by what it acknowledged to this device */
    assert_int_equal(fault_at(&ana, 1), VAULT_WENT_BACK);
    assert_int_equal(fault_at(&ana, 0), VAULT_FINE);
    /* By what it acknowledged to another device, whose witness lies at the others. */
    nodes[1]->manner = HONEST;
    for (int i = 0; i < 2; i++) {
        device_edit(&ana.device, "gate", i == 0 ? "4714" : "4713");
        assert_int_equal(push(&ana), 5);
    }
    nodes[1]->n_heads--; /* its witness may be one push late */
    nodes[1]->manner = SAYS_NEW;
    pull(&pad);
    assert_int_equal(fault_at(&pad, 1), VAULT_WENT_BACK);
    assert_int_equal(fault_at(&pad, 2), VAULT_FINE);
    assert_true(reads(&pad, "gate", "4713"));
}

/* ---- much that would go ---- */

static void fill(struct side *s, unsigned items)
{
    for (unsigned i = 0; i < items; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "item %u", i);
        device_add(&s->device, name, name);
    }
}

static void a_thief_removes_nothing_by_himself(void **state)
{
    (void)state;
    fill(&ana, 9);
    assert_int_equal(push(&ana), 5);
    pull(&pad);
    for (unsigned i = 0; i < 6; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "item %u", i);
        device_remove(&pad.device, name);
    }
    assert_int_equal(push(&pad), 5);
    look(&ana);
    assert_int_equal(vault_round_join(ana.round), OK);
    assert_true(ana.round->shrinks);
    assert_int_equal(ana.round->shrunk.state.items, 3);
    assert_int_equal(vault_count(ana.device.vault), 9);
    device_add(&ana.device, "more", "more");
    assert_int_equal(vault_round_push(fresh(&ana)), ERR_STATE);
    assert_true(ana.round->shrinks);
    assert_int_equal(vault_count(ana.device.vault), 10);
    /* A new device is asked too: the larger head is still kept. */
    struct side other;
    side_up(&other, 5, 3);
    pull(&other);
    assert_true(other.round->shrinks);
    assert_int_equal(vault_count(other.device.vault), 9);
    side_down(&other);
    /* With a person's word it goes. */
    (void)fresh(&ana);
    ana.how.shrink_ok = true;
    assert_int_equal(vault_round_push(ana.round), OK);
    assert_int_equal(vault_count(ana.device.vault), 4);
    side_up(&other, 6, 3);
    (void)fresh(&other);
    other.how.shrink_ok = true;
    assert_int_equal(vault_round_look(other.round), OK);
    assert_int_equal(vault_round_join(other.round), OK);
    assert_int_equal(vault_count(other.device.vault), 4);
    side_down(&other);
}

/* ---- cuts ---- */

/* Sealed with our key, and of a generation that key does not belong to. */
static void a_state_of_another_generation_stops_no_round(void **state)
{
    (void)state;
    device_add(&ana.device, "gate", "4711");
    assert_int_equal(push(&ana), 5);
    pull(&pad);
    device_edit(&pad.device, "gate", "4712");
    ((struct vault_state *)(uintptr_t)vault_now(pad.device.vault))->generation++;
    for (size_t i = 1; i < NODES; i++)
        nodes[i]->manner = i == 1 ? HONEST : AWAY;
    assert_int_equal(push(&pad), 2);
    nodes_manner(HONEST);
    device_edit(&ana.device, "gate", "4713");
    pull(&ana);
    assert_int_equal(fault_at(&ana, 1), VAULT_SHUT);
    assert_int_equal(fault_at(&ana, 2), VAULT_FINE);
    assert_int_equal(push(&ana), 3);
    assert_true(reads(&ana, "gate", "4713"));
}

/* So many items that ours beside them are more than a vault has. */
static void a_flood_of_items_stops_no_round(void **state)
{
    (void)state;
    device_add(&ana.device, "gate", "4711");
    const struct bytes content = bytes_text("x");
    for (unsigned i = 0; i < VAULT_ITEMS_MAX; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%u", i);
        const struct vault_change change = { .name = bytes_text(name),
                                             .type = VAULT_NOTE,
                                             .content = &content };
        assert_int_equal(vault_add(pad.device.vault, &change, NOW, &crypt_random), OK);
    }
    device_save(&pad.device);
    for (size_t i = 2; i < NODES; i++)
        nodes[i]->manner = AWAY;
    assert_int_equal(push(&pad), 2);
    nodes_manner(HONEST);
    pull(&ana);
    assert_int_equal(push(&ana), 3);
    assert_true(reads(&ana, "gate", "4711"));
}

static void a_cut_loses_nothing_and_moves_little_twice(void **state)
{
    (void)state;
    fill(&ana, 40);
    assert_int_equal(device_try_add(&ana.device, "deed", big(9, 390000)), OK);
    device_save(&ana.device);
    look(&ana);
    size_t needs = ana.round->needs.n / VAULT_ID;
    for (size_t i = 0; i < NODES; i++)
        nodes[i]->cut_after = (unsigned)i + 1;
    nodes_count();
    /* One message and then a cut can never get further than it did. */
    assert_true(push(&ana) >= 4);
    for (size_t i = 1; i < NODES; i++) {
        assert_true(nodes[i]->conversations > 1);
        /* Each object once, and once more what was under way at each cut. */
        assert_int_equal(nodes[i]->n_objects, needs);
        assert_true(nodes[i]->puts <= needs * 2);
    }
    nodes[0]->cut_after = 0;
    assert_int_equal(push(&ana), 5);
    for (size_t i = 0; i < NODES; i++)
        nodes[i]->cut_after = 1;
    pull(&pad);
    assert_int_equal(pad.round->missing, 0);
    assert_true(reads(&pad, "item 7", "item 7"));
}

/* The process ends after any message: the next run goes on. */
static void a_run_that_ended_anywhere_goes_on(void **state)
{
    (void)state;
    fill(&ana, 30);
    assert_int_equal(device_try_add(&ana.device, "deed", big(2, 300000)), OK);
    device_save(&ana.device);
    for (unsigned at = 1; at < 8; at++) {
        for (size_t i = 0; i < NODES; i++)
            nodes[i]->busy = 0;
        nodes_manner(HONEST);
        (void)fresh(&ana);
        nodes[0]->cut_after = nodes[1]->cut_after = at;
        nodes[2]->manner = nodes[3]->manner = nodes[4]->manner = AWAY;
        assert_int_equal(vault_round_push(ana.round), OK);
        vault_held_free(ana.held);
        assert_int_equal(vault_held_load(&ana.device.home, &ana.held), OK);
    }
    nodes[0]->cut_after = nodes[1]->cut_after = 0;
    nodes_manner(HONEST);
    assert_int_equal(push(&ana), 5);
    pull(&pad);
    assert_true(reads(&pad, "item 29", "item 29"));
}

/* ---- little is sent for little ---- */

static void one_small_change_is_one_message_a_node(void **state)
{
    size_t all = 0;
    (void)state;
    fill(&ana, 200);
    assert_int_equal(push(&ana), 5);
    device_edit(&ana.device, "item 77", "changed");
    nodes_count();
    assert_int_equal(push(&ana), 5);
    for (size_t i = 0; i < NODES; i++) {
        assert_int_equal(nodes[i]->messages, 1);
        assert_int_equal(nodes[i]->sets, 1);
        all += nodes[i]->bytes;
    }
    assert_true(all < 100 * 1024);
    /* And nothing is written where nothing changed. */
    nodes_count();
    assert_int_equal(push(&ana), 5);
    for (size_t i = 0; i < NODES; i++)
        assert_int_equal(nodes[i]->sets + nodes[i]->puts, 0);
}

/* What is not needed any more is named as dropped, and nothing else. */
static void what_is_dropped_is_not_needed(void **state)
{
    (void)state;
    fill(&ana, 50);
    assert_int_equal(push(&ana), 5);
    for (unsigned i = 0; i < 30; i++) {
        device_edit(&ana.device, "item 3", i % 2 == 0 ? "even" : "odd");
        assert_int_equal(push(&ana), 5);
    }
    size_t dropped = 0;
    for (size_t i = 0; i < nodes[0]->n_objects; i++)
        dropped += nodes[0]->objects[i].dropped;
    assert_true(dropped >= 60); /* an index and a page each time */
    struct home_blob needs = device_needs(&ana.device);
    for (size_t at = 0; at < needs.n; at += VAULT_ID) {
        const struct node_object *o = node_find(nodes[0], needs.p + at);
        assert_true(o != NULL && !o->dropped);
    }
    home_blob_free(&needs);
}

/* ---- what nobody needs ---- */

static size_t wanted_at(const struct vault_node *n)
{
    size_t wanted = 0;
    for (size_t i = 0; i < n->n_objects; i++)
        wanted += !n->objects[i].dropped;
    return wanted;
}

static void what_nobody_needs_is_dropped(void **state)
{
    (void)state;
    fill(&ana, 50);
    assert_int_equal(push(&ana), 5);
    size_t before = wanted_at(nodes[0]);
    nodes_junk(2500);
    nodes[1]->cut_after = 28; /* with each list but one head, at most */
    nodes[2]->manner = AWAY;
    assert_int_equal(vault_round_clean(fresh(&ana)), OK);
    assert_in_range(ana.round->cleaned, 3 * 2500 + 1, 4 * 2500);
    for (size_t i = 0; i < NODES; i++)
        assert_int_equal(wanted_at(nodes[i]), before + (i == 2 ? 2500 : 0));
    /* Heads of a thief are not among the last three any more. */
    assert_true(nodes[0]->n_heads >= 4);
    nodes_manner(HONEST);
    nodes[1]->cut_after = 0;
    /* Where there is nothing to drop nothing is said. */
    nodes_count();
    assert_int_equal(vault_round_clean(fresh(&ana)), OK);
    assert_int_equal(ana.round->cleaned, 2500);
    assert_int_equal(nodes[0]->sets, 0);
    assert_int_equal(nodes[2]->sets, 3);
    /* The other device loses nothing by it. */
    pull(&pad);
    assert_true(reads(&pad, "item 3", "item 3"));
    device_edit(&ana.device, "item 3", "later");
    assert_int_equal(push(&ana), 5);
    assert_int_equal(push(&pad), 5);
    assert_true(reads(&pad, "item 3", "later"));
}

/* What ours does not contain is another device's, and stays. */
static void of_an_unknown_state_nothing_is_dropped(void **state)
{
    (void)state;
    fill(&ana, 20);
    assert_int_equal(push(&ana), 5);
    pull(&pad);
    device_add(&pad.device, "pads", "own");
    assert_int_equal(push(&pad), 5);
    size_t before = wanted_at(nodes[0]);
    assert_int_equal(vault_round_clean(fresh(&ana)), OK);
    assert_int_equal(ana.round->cleaned, 0);
    assert_int_equal(wanted_at(nodes[0]), before);
    /* Nor of a state behind ours, before it is pushed. */
    pull(&ana);
    device_edit(&ana.device, "pads", "changed");
    assert_int_equal(vault_round_clean(fresh(&ana)), OK);
    assert_int_equal(ana.round->cleaned, 0);
    nodes_manner(ENDLESS);
    assert_int_equal(vault_round_clean(fresh(&ana)), OK);
    assert_int_equal(ana.round->cleaned, 0);
}

/* ---- several devices ---- */

static void two_devices_lose_nothing(void **state)
{
    (void)state;
    device_add(&ana.device, "gate", "4711");
    assert_int_equal(push(&ana), 5);
    for (unsigned i = 0; i < 5; i++) {
        char a[8];
        char p[8];
        (void)snprintf(a, sizeof a, "a%u", i);
        (void)snprintf(p, sizeof p, "p%u", i);
        device_add(&ana.device, a, a);
        device_add(&pad.device, p, p);
        /* Each is first at some nodes. */
        for (size_t k = 0; k < NODES; k++)
            nodes[k]->manner = k < 2 ? AWAY : HONEST;
        (void)push(&ana);
        for (size_t k = 0; k < NODES; k++)
            nodes[k]->manner = k < 2 ? HONEST : AWAY;
        (void)push(&pad);
        nodes_manner(HONEST);
        assert_int_equal(push(i % 2 == 0 ? &ana : &pad), 5);
        assert_int_equal(push(i % 2 == 0 ? &pad : &ana), 5);
    }
    pull(&ana);
    pull(&pad);
    for (unsigned i = 0; i < 5; i++) {
        char a[8];
        char p[8];
        (void)snprintf(a, sizeof a, "a%u", i);
        (void)snprintf(p, sizeof p, "p%u", i);
        assert_true(reads(&ana, a, a) && reads(&ana, p, p));
        assert_true(reads(&pad, a, a) && reads(&pad, p, p));
    }
    assert_true(reads(&pad, "gate", "4711"));
}

/* ---- what is kept of the nodes ---- */

static void held_is_kept(void **state)
{
    struct vault_held *again = NULL;
    (void)state;
    fill(&ana, 3);
    assert_int_equal(push(&ana), 5);
    assert_int_equal(vault_held_load(&ana.device.home, &again), OK);
    assert_int_equal(again->n, 5);
    assert_int_equal(again->n_lists, 1);
    assert_memory_equal(again->seats, ana.held->seats, sizeof again->seats);
    assert_int_equal(again->n_known, ana.held->n_known);
    vault_held_free(again);
    char path[256];
    static uint8_t raw[65536];
    (void)snprintf(path, sizeof path, "%s/held", ana.device.path);
    size_t n = file_read_all(path, raw, sizeof raw);
    for (size_t at = 0; at < n; at += 37) {
        raw[at] ^= 0x10;
        file_write_all(path, bytes_of(raw, n));
        assert_int_not_equal(vault_held_load(&ana.device.home, &again), OK);
        raw[at] ^= 0x10;
    }
    file_write_all(path, bytes_of(raw, n / 2));
    assert_int_not_equal(vault_held_load(&ana.device.home, &again), OK);
}

/* Another ward at the same seat, after a restore, has nothing yet. */
static void another_ward_is_not_saved(void **state)
{
    struct vault_standing s;
    (void)state;
    fill(&ana, 1);
    assert_int_equal(push(&ana), 5);
    ana.device.day->guardians[0].ward[3] ^= 1;
    vault_stand(ana.held, ana.device.day, ana.device.vault, &s);
    assert_int_equal(s.saved, 4);
}

/* ---- how many are enough ---- */

static unsigned saved_at(uint8_t need, const char *groups, const char *kinds)
{
    struct day *d = calloc(1, sizeof *d);
    assert_non_null(d);
    d->me.epoch = 1;
    d->me.group_threshold = need;
    for (; *groups != 0; groups += 2)
        d->me.groups[d->me.n_groups++] =
            (struct manifest_group){ .t = (uint8_t)(groups[0] - '0'),
                                     .n = (uint8_t)(groups[1] - '0') };
    for (; *kinds != 0; kinds++)
        d->guardians[d->n_guardians++] = (struct day_guardian){
            .kind = *kinds == 'c' ? PIECE_CARD : PIECE_NODE,
            .progress = GUARDIAN_READY,
        };
    unsigned n = circle_saved_at(d);
    free(d);
    return n;
}

static void saved_means_every_quorum_meets_one(void **state)
{
    (void)state;
    assert_int_equal(saved_at(1, "35", "nnnnn"), 3);
    assert_int_equal(saved_at(1, "23", "nnn"), 2);
    assert_int_equal(saved_at(1, "55", "nnnnn"), 1);
    assert_int_equal(saved_at(1, "47", "nnnnnnn"), 4);
    assert_int_equal(saved_at(1, "35", "nnncc"), 3);     /* one node and two cards do */
    assert_int_equal(saved_at(1, "35", "nnccc"), 2);     /* cards alone do: all nodes */
    assert_int_equal(saved_at(1, "35", "nnnnc"), 3);     /* two nodes and a card */
    assert_int_equal(saved_at(2, "2324", "nnnnnnn"), 4); /* 2 of 3 and 2 of 4 */
    assert_int_equal(saved_at(1, "2324", "nnnnnnn"), 6); /* either group */
    assert_int_equal(saved_at(2, "2324", "nccnnnn"),
                     4); /* family by cards: 2 of 5 nodes */
    assert_int_equal(saved_at(2, "113323", "nnnnnnn"), 5);
}

static void before_a_seal_all_are_needed(void **state)
{
    struct vault_standing s;
    (void)state;
    ana.device.day->me.epoch = 0;
    fill(&ana, 1);
    nodes[0]->manner = AWAY;
    assert_int_equal(push(&ana), 4);
    vault_stand(ana.held, ana.device.day, ana.device.vault, &s);
    assert_int_equal(s.need, 5);
    assert_false(s.enough);
    nodes[0]->manner = HONEST;
    assert_int_equal(push(&ana), 5);
    vault_stand(ana.held, ana.device.day, ana.device.vault, &s);
    assert_true(s.enough && s.since == NOW);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, up, down)
    const struct CMUnitTest tests[] = {
        CASE(a_bad_head_is_named_and_harms_nothing),
        CASE(all_of_them_bad_is_nothing_new),
        CASE(what_a_removed_device_set_before_stays),
        CASE(a_restore_knows_its_devices_by_the_root),
        CASE(a_new_root_knows_no_old_device),
        CASE(one_good_copy_is_enough),
        CASE(what_nobody_gives_is_said),
        CASE(verify_sees_who_lies),
        CASE(verify_and_push_repair),
        CASE(no_answer_is_endless),
        CASE(busy_is_waited_for),
        CASE(who_shows_less_than_it_acknowledged_is_named),
        CASE(a_new_head_around_an_old_state_is_named),
        CASE(a_thief_removes_nothing_by_himself),
        CASE(a_flood_of_items_stops_no_round),
        CASE(a_state_of_another_generation_stops_no_round),
        CASE(a_cut_loses_nothing_and_moves_little_twice),
        CASE(a_run_that_ended_anywhere_goes_on),
        CASE(one_small_change_is_one_message_a_node),
        CASE(what_is_dropped_is_not_needed),
        CASE(what_nobody_needs_is_dropped),
        CASE(of_an_unknown_state_nothing_is_dropped),
        CASE(two_devices_lose_nothing),
        CASE(held_is_kept),
        CASE(another_ward_is_not_saved),
        CASE(saved_means_every_quorum_meets_one),
        CASE(before_a_seal_all_are_needed),
    };

    if (secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
