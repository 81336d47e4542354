/* SPDX-License-Identifier: Apache-2.0 */
/* What owner and guardians do, from the first command of a change to its last. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/home.h"
#include "tests/sim/changes.h"

enum { ROUNDS = 16, DAY_S = 86400, TRIES_MAX = 12 };

static const struct plan three_of_five = {
    .name = "3 of 5", .nodes = 5, .k = 3, .share = 3
};
static const struct plan with_card = {
    .name = "2 of 3 with a card", .nodes = 2, .cards = 1, .k = 2, .share = 6
};
static const struct plan with_cards = {
    .name = "3 nodes and 2 cards", .nodes = 3, .cards = 2, .k = 3, .share = 3
};
static const struct plan with_hold = {
    .name = "3 of 5, 72 h", .nodes = 5, .hold = "72h", .k = 3, .share = 1
};
static const struct plan two_groups = { .name = "two groups",
                                        .nodes = 7,
                                        .groups = { "family:2/3", "friends:2/4" },
                                        .more = "friends:2/5",
                                        .share = 1 };

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
    bool moving;    /* a new root is not everywhere yet */
    bool certified; /* enough people confirmed it */
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
    s.certified = d->me.cert_epoch == d->me.epoch;
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
    /* What a person typed is said, also where the answer to it is lost. */
    look_said(i, stand().hash);
    if (!THEY(who, "guard", "confirm", "Ana", "--words-file", play_file(line),
              "--verified", "called"))
        return true;
    if (strlen(play_out()) > 4) {
        play_line(line, sizeof line);
        (void)OWNER("guardian", "confirm", who, "--answer-file", play_file(line));
    } else {
        (void)OWNER("guardian", "confirm", who);
    }
    return true;
}

/* ---- a new root ---- */

static bool approve(const char *who, const char *request, const char *words)
{
    return THEY(who, "guard", "approve", request, "--words-file", play_file(words),
                "--verified", "called");
}

/* Whose answers were lost as often as there are tries has to unlock it, as anybody. */
static void says_yes(const char *who, const char *request, const char *words)
{
    if (approve(who, request, words) || strstr(play_said(), "is locked") == NULL)
        return;
    (void)THEY(who, "guard", "unlock", request, "--yes", "I have spoken with them");
    (void)approve(who, request, words);
}

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
            says_yes(who, request, words);
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
static void begin(const struct journey *j, struct progress *p)
{
    for (int i = 0; i < TRIES_MAX && !run_over(); i++) {
        (void)j->verb();
        p->begun = stand().journal || stand().epoch > p->from;
        if (run_over() || p->begun)
            return;
        run_wait(run_plan()->hold != NULL ? DAY_S : 3600);
        if (i == TRIES_MAX / 2)
            run_heal(); /* a new root needs all whom the cards leave: nobody stays away */
    }
    run_broken("it_begins", "not after %d tries", TRIES_MAX);
}

static void go_on(void)
{
    if (stand().moving)
        (void)replace_root();
    (void)OWNER("circle", "seal", "--resume");
}

/* Time passes; whether all is as it should be, or has to be by now. */
static void wait_and_see(const struct journey *j, struct progress *p)
{
    const char *why = "it is not done";

    run_wait(p->round == 0 ? DAY_S : 15 * DAY_S);
    p->at = 0;
    p->round++;
    if (p->round == ROUNDS / 3)
        run_heal();
    if (!run_over() && !stand().journal && !stand().moving && stand().epoch > p->from)
        why = look_exact(j->keeps_old);
    p->done = why == NULL && (!j->silent || p->round > ROUNDS / 3);
    if (p->round == ROUNDS && why != NULL)
        run_broken("exactly_the_new_one", "%s", why);
}

void journey_begin(struct progress *p)
{
    *p = (struct progress){ .from = stand().epoch };
}

void journey_step(const struct journey *j, struct progress *p)
{
    enum { RESUME, CARDS, CALLS };

    size_t i = p->at - CALLS;

    if (j->stopped) {
        (void)j->verb();
        p->done = true;
        return;
    }
    if (!p->begun) {
        begin(j, p);
        return;
    }
    if (p->at == CALLS + others()) {
        wait_and_see(j, p);
        return;
    }
    if (p->at == RESUME)
        go_on();
    else if (p->at == CARDS)
        read_cards_back();
    else if (!j->silent && !p->said[i] && stand().epoch > p->from &&
             !(run_calls_few() && stand().certified))
        p->said[i] = !call(i) && !stand().journal;
    p->at++;
}

static int rotate(void)
{
    return OWNER("circle", "rotate", "--yes", "one-person");
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

/* The plan with one more: for groups, in the last of them. */
static int plan_more(void)
{
    const struct plan *p = run_plan();
    char k[12];

    (void)snprintf(k, sizeof k, "%u", p->k); /* fits */
    if (p->k > 0)
        return OWNER("circle", "plan", "-k", k, "--hold", "0", "--yes", "one-person");
    return OWNER("circle", "plan", "--group", p->groups[0], "--group", p->more, "--hold",
                 "0");
}

/* What was not done is not sealed: they read what it said, and begin again. */
static int add(void)
{
    static char link[400];
    const char *fresh = play_names[run_plan()->nodes];
    int code = 0;

    if (!THEY(fresh, "guard", "invite"))
        return DIED;
    play_line(link, sizeof link);
    code = OWNER("guardian", "add", fresh, link, "--reach", "the bakery");
    if (code != 0 && code != EXIT_USAGE) /* 2: added before */
        return code;
    code = plan_more();
    if (code != 0)
        return code;
    return OWNER("circle", "seal", "--yes", "one-person");
}

static int take_out(void)
{
    const struct plan *p = run_plan();

    /* Of two groups one of the bigger: the rest has one to spare. */
    return OWNER("guardian", "remove", play_names[p->k > 0 ? 1 : p->nodes - 1], "--yes",
                 "one-person");
}

/* Everybody says yes to a new root, and the owner's device stops it. */
static int root_stopped(void)
{
    (void)replace_root();
    (void)OWNER("stop", "all");
    for (int i = 0; i < 3 && !run_over(); i++) {
        run_wait(4 * DAY_S);
        if (OWNER("root", "replace", "--resume") == 0 || !stand().moving)
            run_broken("no_move_against_stop", "there is a new root");
    }
    return 0;
}

const struct journey journeys[] = {
    { "rotate", &three_of_five, rotate, false, false, false },
    { "replace", &three_of_five, replace, false, false, false },
    { "add", &three_of_five, add, false, false, false },
    { "remove", &three_of_five, take_out, false, false, false },
    { "root", &three_of_five, replace_root, false, false, false },
    { "rotate-silent", &three_of_five, rotate, true, true, false },
    { "rotate-card", &with_card, rotate, false, false, false },
    { "replace-card", &with_card, replace, true, false, false },
    { "add-card", &with_card, add, false, false, false },
    { "remove-card", &with_card, take_out, true, false, false },
    { "root-card", &with_card, replace_root, false, false, false },
    { "rotate-cards", &with_cards, rotate, false, false, false },
    { "replace-cards", &with_cards, replace, false, false, false },
    { "add-cards", &with_cards, add, false, false, false },
    { "remove-cards", &with_cards, take_out, false, false, false },
    { "root-cards", &with_cards, replace_root, false, false, false },
    { "rotate-groups", &two_groups, rotate, false, false, false },
    { "replace-groups", &two_groups, replace, false, false, false },
    { "add-groups", &two_groups, add, false, false, false },
    { "remove-groups", &two_groups, take_out, false, false, false },
    { "root-groups", &two_groups, replace_root, false, false, false },
    { "root-hold", &with_hold, replace_root, false, false, false },
    { "root-stopped", &with_hold, root_stopped, false, false, true },
};
const size_t journey_count = sizeof journeys / sizeof journeys[0];

/* ---- where they begin ---- */

static void plan_it(const struct plan *p)
{
    const char *words[20] = { "circle", "plan",
                              "--hold", p->hold != NULL ? p->hold : "0",
                              "--yes",  "one-person" };
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
    play_save(0);
}

void changes_end(void)
{
    changes_forget();
    look_end();
    play_close();
}
