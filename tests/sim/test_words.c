/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Four words over the telephone: what is typed wrong approves nothing and is counted
 * before it is judged; a node in between cannot make two requests have equal words;
 * the words exist on the requester's screen and nowhere else.
 */
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/sim/play.h"

enum { N = 3 };

static int open_circle(void **state)
{
    static uint64_t seed = 100;

    (void)state;
    play_open(N, seed++);
    play_circle("Ana", N, 2, "0");
    return 0;
}

static int close_circle(void **state)
{
    (void)state;
    net_listen(NULL);
    play_close();
    return 0;
}

/* ---- a request ---- */

struct asked {
    char request[40];
    char words[WORDS_TEXT];
};

static struct asked ask(const char *who, const char *guardian)
{
    char link[LINK_TEXT];
    struct asked a;

    KITH_FINE(guardian, "guard", "link", "Ana");
    play_line(link, sizeof link);
    (void)KITH(who, "restore", "start", "--no-passphrase", link);
    assert_int_equal(
        sscanf(play_out(), "%*[^\t]\t%39[^\t]\t%65[^\n]", a.request, a.words), 2);
    return a;
}

static int approve(const char *guardian, const char *request, const char *words)
{
    return KITH(guardian, "guard", "approve", request, "--words-file", play_file(words),
                "--verified", "called", "--json");
}

static bool said(const char *what)
{
    return strstr(play_out(), what) != NULL || strstr(play_said(), what) != NULL;
}

/* The request's line at its guardian's. */
static bool stands(const char *guardian, const char *request, const char *what)
{
    KITH_FINE(guardian, "guard", "show", request, "--json");
    return said(what);
}

/* The requester gets nothing. */
static void nothing_comes(const char *who)
{
    assert_int_equal(KITH(who, "restore"), EXIT_WAITING);
    assert_false(said("good piece") || said("said yes"));
}

/* ---- typed wrong ---- */

static void test_words_of_another_request_approve_nothing(void **state)
{
    struct asked a = ask("New", "Ben");
    struct asked b = ask("Thief", "Cy");

    (void)state;
    assert_int_equal(approve("Ben", a.request, b.words), EXIT_FAILED);
    assert_true(stands("Ben", a.request, "\"live\""));
    nothing_comes("New");
    assert_int_equal(approve("Cy", b.request, a.words), EXIT_FAILED);
    nothing_comes("Thief");
    /* The words were all that was wrong. */
    assert_int_equal(approve("Ben", a.request, a.words), EXIT_FINE);
}

static void test_no_words_are_no_try(void **state)
{
    struct asked a = ask("New", "Ben");
    static const char *const typed[] = { " ", "one", "acid acid acid",
                                         "acid acid acid acid acid",
                                         "kith kith kith kith" };

    (void)state;
    for (size_t i = 0; i < sizeof typed / sizeof typed[0]; i++)
        assert_int_equal(approve("Ben", a.request, typed[i]), EXIT_USAGE);
    assert_int_equal(KITH("Ben", "guard", "approve", a.request, "--verified", "met"),
                     EXIT_USAGE);
    assert_true(stands("Ben", a.request, "\"tries_left\":5"));
    nothing_comes("New");
}

/* Four words that are not these: the list's first that differ. */
static void other_words(const char *right, char out[WORDS_TEXT], uint16_t from)
{
    uint16_t w[WORDS_CALL];
    uint16_t not_[WORDS_CALL];

    MUST(words_parse(bytes_text(right), WORDS_CALL, not_) == OK);
    for (uint16_t i = 0; i < WORDS_CALL; i++)
        w[i] = (uint16_t)((not_[i] + from + 1) % WORDS_LIST);
    words_format(w, WORDS_CALL, out, WORDS_TEXT);
}

static void test_guesses_lock_across_restarts(void **state)
{
    struct asked a = ask("New", "Ben");
    char guess[WORDS_TEXT];
    char left[24];

    (void)state;
    for (uint16_t i = 0; i < 5; i++) {
        other_words(a.words, guess, i);
        assert_int_equal(approve("Ben", a.request, guess), EXIT_FAILED);
        (void)snprintf(left, sizeof left, "\"tries_left\":%d", 4 - i);
        assert_true(said(left));
        net_restart(0);
    }
    /* The right words come too late, now and after another start. */
    assert_int_equal(approve("Ben", a.request, a.words), EXIT_STOPPED);
    net_restart(0);
    assert_int_equal(approve("Ben", a.request, a.words), EXIT_STOPPED);
    nothing_comes("New");
    assert_int_equal(KITH("Ben", "guard", "unlock", a.request), EXIT_USAGE);
    KITH_FINE("Ben", "guard", "unlock", a.request, "--yes", "I have spoken with them");
    assert_int_equal(approve("Ben", a.request, a.words), EXIT_FINE);
}

static void id_of(const struct asked *a, uint8_t out[ID_BYTES])
{
    for (size_t i = 0; i < ID_BYTES; i++) {
        unsigned v = 0;

        MUST(sscanf(a->request + 2 * i, "%2x", &v) == 1);
        out[i] = (uint8_t)v;
    }
}

static enum err count_try(struct play_guardian *g, const uint8_t request[ID_BYTES],
                          uint8_t *out_left, uint8_t out_op[ID_BYTES])
{
    struct req_try req = { 0 };
    struct rep_try rep = { 0 };
    struct call call = { 0 };

    rng_fill(net_rng(), req.op, ID_BYTES);
    memcpy(out_op, req.op, ID_BYTES);
    memcpy(req.request, request, ID_BYTES);
    TRY(guard_send(play_params(), play_seat(g), MSG_TRY, &req, &rep, sizeof rep, &call));
    *out_left = rep.tries_left;
    return OK;
}

/* A program that dies before it judges has used up its try all the same. */
static void test_a_try_counts_before_it_is_judged(void **state)
{
    struct asked a = ask("New", "Ben");
    struct play_guardian g = { 0 };
    uint8_t request[ID_BYTES];
    uint8_t op[ID_BYTES];
    uint8_t left = 0;

    (void)state;
    id_of(&a, request);
    play_sit(0, "Ana", &g);
    for (uint8_t i = 0; i < 5; i++) {
        assert_int_equal(count_try(&g, request, &left, op), OK);
        assert_int_equal(left, 4 - i);
        net_restart(0);
    }
    assert_int_equal(count_try(&g, request, &left, op), ERR_TRIES);
    play_rise(&g);
    assert_int_equal(approve("Ben", a.request, a.words), EXIT_STOPPED);
    nothing_comes("New");
}

/* A program that never asked for a try, or for an older one, approves nothing. */
static void test_no_approval_without_its_try(void **state)
{
    AUTO_FREE struct guard_case *c = calloc(1, sizeof *c);
    AUTO_FREE struct guard_approval *made = calloc(1, sizeof *made);
    struct asked a = ask("New", "Ben");
    struct play_guardian g = { 0 };
    struct rep_approve rep = { 0 };
    struct call call = { 0 };
    uint8_t request[ID_BYTES];
    uint8_t ops[3][ID_BYTES] = { { 0 } };
    uint8_t left = 0;

    (void)state;
    MUST(c != NULL && made != NULL);
    id_of(&a, request);
    play_sit(0, "Ana", &g);
    rng_fill(net_rng(), ops[0], ID_BYTES);
    assert_int_equal(count_try(&g, request, &left, ops[1]), OK);
    assert_int_equal(count_try(&g, request, &left, ops[2]), OK);
    assert_int_equal(guard_fetch(play_params(), g.day, play_seat(&g), request, c, &call),
                     OK);
    for (size_t i = 0; i < 3; i++) {
        *made = (struct guard_approval){ .t_n = 0 };
        assert_int_equal(guard_approve(c, &g.who, play_params(), HOW_MET, ops[i], made),
                         OK);
        enum err e = guard_send(play_params(), play_seat(&g), MSG_APPROVE, &made->req,
                                &rep, sizeof rep, &call);
        /* The newest try alone may be followed by a yes. */
        assert_int_equal(e == OK, i == 2);
    }
    play_rise(&g);
}

/* ---- a node in between ---- */

enum { SHORT = 2, SEARCH = 5000 }; /* words of the test node: 1.7 million ways */

/* What a node can choose on one side: its view, here the request's id. */
static uint32_t short_words(struct bytes t, size_t at, uint32_t choice,
                            const uint8_t nonce[WORDS_NONCE])
{
    uint8_t copy[SIGNED_MAX + 512];
    uint8_t out[WORDS_OUT];
    uint16_t words[SHORT];

    MUST(t.n <= sizeof copy);
    memcpy(copy, t.p, t.n);
    store_u32(copy + at, choice);
    MUST(words_call(bytes_of(copy, t.n), nonce, cost_minimum, out) == OK);
    words_from_bytes(out, SHORT, words);
    return (uint32_t)words[0] * WORDS_LIST + words[1];
}

static bool hit(const uint32_t *a, size_t n, uint32_t b)
{
    for (size_t i = 0; i < n; i++)
        if (a[i] == b)
            return true;
    return false;
}

/* T of one request, and where in it stands what the node may choose. */
struct side {
    struct bytes t;
    size_t at;
};

enum nonce_comes { WITH_OPEN, AFTER_THE_VIEW };

/*
 * The person's request and the node's own. What the person's program was shown stands
 * when the nonce comes after it: one place to hit, instead of as many as the node tries.
 */
static bool finds_equal(const struct side *person, const struct side *node,
                        const uint8_t nonce[WORDS_NONCE], enum nonce_comes when)
{
    static uint32_t shown[SEARCH];
    static const uint8_t own[WORDS_NONCE] = { 7 };
    size_t n = when == WITH_OPEN ? SEARCH : 1;
    bool found = false;

    for (uint32_t i = 0; i < n; i++)
        shown[i] = short_words(person->t, person->at, i, nonce);
    for (uint32_t i = 0; i < SEARCH && !found; i++)
        found = hit(shown, n, short_words(node->t, node->at, i, own));
    return found;
}

static size_t place_of(struct bytes in, struct bytes what)
{
    for (size_t i = 0; i + what.n <= in.n; i++)
        if (bytes_equal(bytes_of(in.p + i, what.n), what))
            return i;
    return SIZE_MAX;
}

/* T of a live request, as its guardian's program makes it. */
static void transcript_of(struct play_guardian *g, const struct asked *a,
                          struct guard_case *c, struct buf *out)
{
    struct call call = { 0 };
    uint8_t request[ID_BYTES];

    id_of(a, request);
    assert_int_equal(guard_fetch(play_params(), g->day, play_seat(g), request, c, &call),
                     OK);
    assert_int_equal(guard_transcript(c, &g->who, out), OK);
}

/*
 * One request of a person, one of the node's own at the same guardian. If the nonce
 * came with OPEN the node could try views for both until the words are equal.
 */
static void test_a_node_in_between_finds_no_equal_words(void **state)
{
    AUTO_FREE struct guard_case *c1 = calloc(1, sizeof *c1);
    AUTO_FREE struct guard_case *c2 = calloc(1, sizeof *c2);
    struct asked a = ask("New", "Ben");
    struct asked b = ask("Thief", "Ben");
    struct play_guardian g = { 0 };
    uint8_t raw1[SIGNED_MAX];
    uint8_t raw2[SIGNED_MAX];
    struct buf t1 = BUF_OF(raw1);
    struct buf t2 = BUF_OF(raw2);

    (void)state;
    MUST(c1 != NULL && c2 != NULL);
    play_sit(0, "Ana", &g);
    transcript_of(&g, &a, c1, &t1);
    transcript_of(&g, &b, c2, &t2);
    const struct side person = { buf_bytes(&t1),
                                 place_of(buf_bytes(&t1), BYTES_OF(c1->view.request)) };
    const struct side node = { buf_bytes(&t2),
                               place_of(buf_bytes(&t2), BYTES_OF(c2->view.request)) };
    assert_true(person.at != SIZE_MAX && node.at != SIZE_MAX);
    assert_true(finds_equal(&person, &node, c1->rep.nonce, WITH_OPEN));
    assert_false(finds_equal(&person, &node, c1->rep.nonce, AFTER_THE_VIEW));
    play_rise(&g);
}

/* ---- what passes, and what stays ---- */

enum { HEARD = 8 * 1024 * 1024 };

static uint8_t *heard;
static size_t heard_n;

static void listen_(struct bytes seen)
{
    MUST(seen.n <= HEARD - heard_n);
    if (seen.n > 0)
        memcpy(heard + heard_n, seen.p, seen.n);
    heard_n += seen.n;
}

static void begin_listening(void)
{
    heard = calloc(1, HEARD);
    MUST(heard != NULL);
    heard_n = 0;
    net_listen(listen_);
}

static void end_listening(void)
{
    net_listen(NULL);
    free(heard);
    heard = NULL;
}

/* That the commitment is one: the view stands before the node sees the nonce. */
static void test_the_nonce_comes_after_the_view(void **state)
{
    AUTO_FREE struct guard_case *c = calloc(1, sizeof *c);
    struct play_guardian g = { 0 };
    uint8_t raw[SIGNED_MAX];
    struct buf t = BUF_OF(raw);

    (void)state;
    MUST(c != NULL);
    begin_listening();
    struct asked a = ask("New", "Ben");
    size_t n = heard_n;
    play_sit(0, "Ana", &g);
    transcript_of(&g, &a, c, &t);
    size_t view = place_of(bytes_of(heard, n), c->rep.view);
    size_t nonce = place_of(bytes_of(heard, n), BYTES_OF(c->rep.nonce));
    size_t commitment = place_of(bytes_of(heard, n), BYTES_OF(c->rep.commitment));
    assert_true(commitment < view && view < nonce && nonce != SIZE_MAX);
    play_rise(&g);
    end_listening();
}

/* One request's words in every form they are ever held in. */
static struct {
    char text[WORDS_TEXT];
    uint8_t out[WORDS_OUT];
    uint16_t indices[WORDS_CALL];
    uint8_t big[2 * WORDS_CALL];
} forms;

static bool has_words(struct bytes in)
{
    return place_of(in, bytes_text(forms.text)) != SIZE_MAX ||
           place_of(in, bytes_of(forms.out, 8)) != SIZE_MAX ||
           place_of(in, bytes_of((const uint8_t *)forms.indices, sizeof forms.indices)) !=
               SIZE_MAX ||
           place_of(in, BYTES_OF(forms.big)) != SIZE_MAX;
}

static void learn_words(const struct asked *a, struct bytes t, const uint8_t *nonce)
{
    memcpy(forms.text, a->words, sizeof forms.text);
    MUST(words_call(t, nonce, cost_minimum, forms.out) == OK);
    words_from_bytes(forms.out, WORDS_CALL, forms.indices);
    for (size_t i = 0; i < WORDS_CALL; i++)
        store_u16(forms.big + 2 * i, forms.indices[i]);
    char text[WORDS_TEXT];
    words_format(forms.indices, WORDS_CALL, text, sizeof text);
    assert_string_equal(text, a->words); /* these are the words */
}

static size_t files_seen;
static bool found_words;

static int look_into(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)at;
    if (type != FTW_F || st->st_size == 0)
        return 0;
    size_t n = (size_t)st->st_size;
    AUTO_FREE uint8_t *all = calloc(1, n);
    FILE *f = fopen(path, "rb");

    MUST(all != NULL && f != NULL);
    n = fread(all, 1, n, f);
    (void)fclose(f);
    files_seen++;
    found_words = found_words || has_words(bytes_of(all, n));
    return 0;
}

static bool words_under(const char *dir)
{
    files_seen = 0;
    found_words = false;
    MUST(nftw(dir, look_into, 16, FTW_PHYS) == 0);
    assert_true(files_seen > 0);
    return found_words;
}

static bool words_said(void)
{
    return has_words(bytes_text(play_out())) || has_words(bytes_text(play_said()));
}

static void test_the_words_are_nowhere_but_with_who_asks(void **state)
{
    AUTO_FREE struct guard_case *c = calloc(1, sizeof *c);
    struct play_guardian g = { 0 };
    uint8_t raw[SIGNED_MAX];
    char wrong[WORDS_TEXT];
    struct buf t = BUF_OF(raw);

    (void)state;
    MUST(c != NULL);
    begin_listening();
    struct asked a = ask("New", "Ben");
    play_sit(0, "Ana", &g);
    transcript_of(&g, &a, c, &t);
    learn_words(&a, buf_bytes(&t), c->rep.nonce);
    play_rise(&g);
    other_words(a.words, wrong, 0);
    assert_int_equal(approve("Ben", a.request, wrong), EXIT_FAILED);
    assert_false(words_said());
    assert_int_equal(KITH("Ben", "guard", "show", a.request), EXIT_FINE);
    assert_false(words_said());
    assert_int_equal(approve("Ben", a.request, a.words), EXIT_FINE);
    assert_false(words_said());
    assert_int_equal(KITH("Ben", "guard", "requests", "--all"), EXIT_FINE);
    assert_false(words_said());
    assert_false(words_under(play_home("Ben")));
    assert_false(words_under(net_dir(0)));
    assert_false(has_words(bytes_of(heard, heard_n)));
    /* They were looked for in the right way: who asks has them. */
    assert_true(words_under(play_home("New")));
    assert_true(place_of(bytes_of(heard, heard_n), BYTES_OF(c->rep.nonce)) != SIZE_MAX);
    end_listening();
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_circle, close_circle)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_words_of_another_request_approve_nothing),
        CASE(test_no_words_are_no_try),
        CASE(test_guesses_lock_across_restarts),
        CASE(test_a_try_counts_before_it_is_judged),
        CASE(test_no_approval_without_its_try),
        CASE(test_a_node_in_between_finds_no_equal_words),
        CASE(test_the_nonce_comes_after_the_view),
        CASE(test_the_words_are_nowhere_but_with_who_asks),
    };
    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed == 0)
        secret_end();
    return failed;
}
