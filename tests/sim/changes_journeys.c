/* SPDX-License-Identifier: Apache-2.0 */
/* What owner and guardians do, from the first command of a change to its last. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/home.h"
#include "tests/sim/changes.h"

enum { ROUNDS = 16, DAY_S = 86400, TRIES_MAX = 12 };

static const struct plan three_of_five = { .name = "3 of 5", .nodes = 5, .k = 3 };
static const struct plan with_card = {
    .name = "2 of 3 with a card", .nodes = 2, .cards = 1, .k = 2
};
static const struct plan with_cards = {
    .name = "3 nodes and 2 cards", .nodes = 3, .cards = 2, .k = 3
};
static const struct plan two_groups = { .name = "two groups",
                                        .nodes = 7,
                                        .groups = { "family:2/3", "friends:2/4" },
                                        .more = "friends:2/5" };

static const char *const card_names[] = { "Kim's card", "Lea's card" };

/* ---- small things ---- */

/* Somebody else's command, again while nodes are dead or away. */
static bool others_run(const char *who, const char *const *words)
{
    for (int i = 0; i < TRIES_MAX; i++)
        if (play_run(who, words) == 0)
            return true;
    run_tell("%s: kith %s %s: %.*s", who, words[0], words[1],
             (int)strcspn(play_said(), "\n"), play_said());
    return false;
}

#define THEY(who, ...) others_run((who), (const char *const[]){ __VA_ARGS__, NULL })

struct stand {
    uint32_t epoch;
    uint8_t hash[HASH_BYTES];
    bool journal;
    bool moving; /* a new root is not everywhere yet */
};

/* The day box as it lies there; NULL, and that is a fault: it does not open. */
static struct day *owner_day_box(struct stand *out)
{
    struct home h = { .dir = -1, .lock = -1 };
    struct day *d = NULL;

    if (home_open(play_home("Ana"), HOME_READ, &h) != OK || home_day_load(&h, &d) != OK)
        run_broken("home_opens", "it does not");
    out->journal = home_has(&h, HOME_JOURNAL);
    out->moving = home_has(&h, HOME_MOVE);
    home_close(&h);
    return d;
}

static struct stand stand(void)
{
    struct stand s = { 0 };
    struct day *d = owner_day_box(&s);

    if (d == NULL)
        return s;
    s.epoch = d->me.epoch;
    memcpy(s.hash, d->me.manifest_hash, HASH_BYTES);
    day_free(d);
    return s;
}

static size_t others(void)
{
    return run_plan()->nodes + 1;
}

/* ---- cards ---- */

/* Those that the owner read back are at hand: the day box says which. */
static void cards_at_hand(void)
{
    struct stand s = { 0 };
    struct day *d = owner_day_box(&s);

    for (size_t i = 0; d != NULL && i < d->n_guardians; i++) {
        const struct day_guardian *g = &d->guardians[i];

        if (g->kind == PIECE_CARD && g->epoch == d->me.epoch)
            look_card(d->me.manifest_hash, g->group, g->index);
    }
    day_free(d);
}

static void read_cards_back(void)
{
    for (size_t i = 0; i < run_plan()->cards; i++) {
        char file[128];

        (void)snprintf(file, sizeof file, "%s.txt", play_home(card_names[i])); /* fits */
        (void)remove(file);
        if (OWNER("card", "print", card_names[i], "-o", file) == 0)
            (void)OWNER("card", "verify", card_names[i], file);
    }
    cards_at_hand();
}

/* ---- calls ---- */

/* The owner calls a guardian, if there is something to confirm. False: there is not. */
static bool call(size_t i)
{
    const char *who = play_names[i];
    char line[400];
    int code = OWNER("guardian", "confirm", who);

    if (code == DIED || (code != 0 && code != 5))
        return true;
    if (code != 0 || strncmp(play_said(), "Call ", 5) != 0)
        return false;
    play_line(line, sizeof line);
    if (!THEY(who, "guard", "confirm", "Ana", "--words-file", play_file(line),
              "--verified", "called"))
        return true;
    look_said(i, stand().hash);
    if (strlen(play_out()) > 4) {
        play_line(line, sizeof line);
        (void)OWNER("guardian", "confirm", who, "--answer-file", play_file(line));
    } else {
        (void)OWNER("guardian", "confirm", who);
    }
    return true;
}

/* ---- a new root ---- */

/* What the command printed: name, request and words of each guardian to be called. */
static void call_for_root(char *answer)
{
    char *rest = NULL;

    for (char *line = strtok_r(answer, "\n", &rest); line != NULL && !run_over();
         line = strtok_r(NULL, "\n", &rest)) {
        char *part = NULL;
        const char *who = strtok_r(line, "\t", &part);
        const char *request = strtok_r(NULL, "\t", &part);
        const char *words = strtok_r(NULL, "\t", &part);

        if (words != NULL)
            (void)THEY(who, "guard", "approve", request, "--words-file", play_file(words),
                       "--verified", "called");
    }
}

static int replace_root(void)
{
    static char answer[4096];
    int code = OWNER("root", "replace", "--yes", "without-vault");

    (void)snprintf(answer, sizeof answer, "%s", play_out()); /* cut: fewer are called */
    if (code != DIED)
        call_for_root(answer);
    return code;
}

/* ---- a change ---- */

/* Until its epoch is in the journal or active; a command may be run again. */
static bool begin(int (*verb)(void), uint32_t from)
{
    for (int i = 0; i < TRIES_MAX && !run_over(); i++) {
        (void)verb();
        if (run_over() || stand().journal || stand().epoch > from)
            return true;
        run_wait(3600);
    }
    run_broken("it_begins", "not after %d tries", TRIES_MAX);
    return false;
}

static void go_on(size_t round, uint32_t from, bool said[NET_NODES])
{
    if (stand().moving)
        (void)replace_root();
    (void)OWNER("circle", "seal", "--resume");
    read_cards_back();
    for (size_t i = 0;
         !run_is_silent() && i < others() && stand().epoch > from && !run_over(); i++)
        said[i] = said[i] || (!call(i) && !stand().journal);
    run_wait(round == 0 ? DAY_S : 15 * DAY_S);
}

static void change(int (*verb)(void))
{
    uint32_t from = stand().epoch;
    const char *why = "it did not begin";
    bool said[NET_NODES] = { false };

    if (!begin(verb, from))
        return;
    for (size_t r = 0; r < ROUNDS && !run_over(); r++) {
        if (why == NULL && (!run_is_silent() || r > ROUNDS / 3))
            break;
        if (r == ROUNDS / 3)
            run_heal();
        go_on(r, from, said);
        why = stand().journal || stand().moving || stand().epoch == from
                  ? "it is not done"
              : run_over() ? NULL
                           : look_exact(run_keeps_old());
    }
    if (why != NULL && !run_over())
        run_broken("exactly_the_new_one", "%s", why);
}

static int rotate(void)
{
    return OWNER("circle", "rotate", "--yes", "one-person");
}

static void go_rotate(void)
{
    change(rotate);
}

static int replace(void)
{
    static char link[400];
    const char *fresh = play_names[run_plan()->nodes];

    if (!THEY(fresh, "guard", "invite"))
        return DIED;
    play_line(link, sizeof link);
    return OWNER("guardian", "replace", play_names[1], "--with", fresh, link, "--reach",
                 "the bakery", "--yes", "one-person");
}

static void go_replace(void)
{
    change(replace);
}

/* The plan with one more: for groups, in the last of them. */
static void plan_more(void)
{
    const struct plan *p = run_plan();
    char k[12];

    (void)snprintf(k, sizeof k, "%u", p->k); /* fits */
    if (p->k > 0)
        (void)OWNER("circle", "plan", "-k", k, "--hold", "0", "--yes", "one-person");
    else
        (void)OWNER("circle", "plan", "--group", p->groups[0], "--group", p->more,
                    "--hold", "0");
}

static int add(void)
{
    static char link[400];
    const char *fresh = play_names[run_plan()->nodes];

    if (!THEY(fresh, "guard", "invite"))
        return DIED;
    play_line(link, sizeof link);
    (void)OWNER("guardian", "add", fresh, link, "--reach", "the bakery");
    plan_more();
    return OWNER("circle", "seal", "--yes", "one-person");
}

static void go_add(void)
{
    change(add);
}

static int take_out(void)
{
    const struct plan *p = run_plan();

    /* Of two groups one of the bigger: the rest has one to spare. */
    return OWNER("guardian", "remove", play_names[p->k > 0 ? 1 : p->nodes - 1], "--yes",
                 "one-person");
}

static void go_remove(void)
{
    change(take_out);
}

static void go_root(void)
{
    change(replace_root);
}

const struct journey journeys[] = {
    { "rotate", &three_of_five, go_rotate, false, false },
    { "replace", &three_of_five, go_replace, false, false },
    { "add", &three_of_five, go_add, false, false },
    { "remove", &three_of_five, go_remove, false, false },
    { "root", &three_of_five, go_root, false, false },
    { "rotate-silent", &three_of_five, go_rotate, true, true },
    { "rotate-card", &with_card, go_rotate, false, false },
    { "replace-card", &with_card, go_replace, true, false },
    { "add-card", &with_card, go_add, false, false },
    { "remove-card", &with_card, go_remove, true, false },
    { "root-card", &with_card, go_root, false, false },
    { "rotate-cards", &with_cards, go_rotate, false, false },
    { "replace-cards", &with_cards, go_replace, false, false },
    { "add-cards", &with_cards, go_add, false, false },
    { "remove-cards", &with_cards, go_remove, false, false },
    { "root-cards", &with_cards, go_root, false, false },
    { "rotate-groups", &two_groups, go_rotate, false, false },
    { "replace-groups", &two_groups, go_replace, false, false },
    { "add-groups", &two_groups, go_add, false, false },
    { "remove-groups", &two_groups, go_remove, false, false },
    { "root-groups", &two_groups, go_root, false, false },
};
const size_t journey_count = sizeof journeys / sizeof journeys[0];

/* ---- where they begin ---- */

static void plan_it(const struct plan *p)
{
    const char *words[20] = { "circle", "plan", "--hold", "0", "--yes", "one-person" };
    size_t n = p->cards > 0 ? 6 : 4;
    char k[12];

    if (p->k > 0) {
        (void)snprintf(k, sizeof k, "%u", p->k); /* fits */
        words[n++] = "-k";
        words[n++] = k;
    }
    for (size_t i = 0; i < 4 && p->groups[i] != NULL; i++) {
        words[n++] = "--group";
        words[n++] = p->groups[i];
    }
    words[n] = NULL;
    play_fine("Ana", words);
}

static void cards_of(const struct plan *p)
{
    char file[128];

    for (size_t i = 0; i < p->cards; i++) {
        (void)snprintf(file, sizeof file, "%s.txt", play_home(card_names[i])); /* fits */
        KITH_FINE("Ana", "card", "print", card_names[i], "-o", file);
        KITH_FINE("Ana", "card", "verify", card_names[i], file);
        (void)remove(file);
    }
}

void changes_begin(const struct plan *p)
{
    play_open(p->nodes + 1, 5);
    for (size_t i = 0; i <= p->nodes; i++)
        play_guardian(i);
    KITH_FINE("Ana", "init", "--name", "Ana", "--no-passphrase");
    play_ward("Ana", p->nodes);
    for (size_t i = 0; i < p->cards; i++)
        KITH_FINE("Ana", "guardian", "add", card_names[i], "--card");
    plan_it(p);
    (void)KITH("Ana", "circle", "seal"); /* 3 while cards wait */
    cards_of(p);
    KITH_FINE("Ana", "circle", "seal", "--resume");
    look_begin();
    cards_at_hand();
    look_keep();
    play_save();
}

void changes_end(void)
{
    look_end();
    play_close();
}
