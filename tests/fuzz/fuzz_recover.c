/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Five guardians of a 3 of 5 circle, changed as the input says, three bytes a change:
 * who, what, how. Never another root than one a whole circle agrees on; and whoever was
 * left alone is good and enough when there are three of them.
 */
#include <sodium.h>

#include "tests/fuzz/fixed.h"
#include "tests/unit/circle.h"

enum { MEMBERS = 5, NEED = 3 };

static struct fixed f;
static struct root_key thief_root = { { 1 } };
static struct circle ours;
static struct circle theirs;
static struct answer answers[MEMBERS];
static uint8_t statements[2 * MEMBERS * 512];
static uint8_t manifests[MEMBERS][MANIFEST_MAX];
static bool changed[MEMBERS];
static bool foreign[MEMBERS];

static void change(size_t who, uint8_t what, uint8_t how, struct buf *st)
{
    struct answer *a = &answers[who];
    struct answer_piece *p = &a->pieces[0];
    uint8_t flip = (uint8_t)(how | 1);

    changed[who] = true;
    switch (what % 12) {
    case 0:
        p->piece[how % PIECE_BYTES] ^= flip;
        return;
    case 1:
        if (a->statement.n > 0)
            statements[(size_t)(a->statement.p - statements) + how % a->statement.n] ^=
                flip;
        return;
    case 2:
        manifests[who][how * 3U % ours.raw_n] ^= flip;
        return;
    case 3:
        p->manifest.n = p->manifest.n > how ? p->manifest.n - how : 0;
        return;
    case 4:
        (void)manifest_hash(p->manifest,
                            p->manifest_hash); /* else it stays what it was */
        return;
    case 5:
        a->state = (enum answer_state)(how % (ANSWER_PIECE + 1));
        return;
    case 6:
        p->epoch += how;
        return;
    case 7:
        memcpy(p->piece, ours.pieces[how % MEMBERS], PIECE_BYTES);
        return;
    case 8:
        p->broken = true;
        return;
    case 9:
        a->statement.n = a->statement.n > how ? a->statement.n - how : 0;
        return;
    case 10:
        if (a->n_pieces < EPOCHS_MAX)
            a->pieces[a->n_pieces++] = answers[how % MEMBERS].pieces[0];
        return;
    default:
        if (!foreign[who])
            *a = circle_answer(&theirs, who, st);
        foreign[who] = true;
    }
}

static void start(struct buf *st)
{
    memset(changed, 0, sizeof changed);
    memset(foreign, 0, sizeof foreign);
    for (size_t i = 0; i < MEMBERS; i++) {
        answers[i] = circle_answer(&ours, i, st);
        memcpy(manifests[i], ours.raw, ours.raw_n);
        answers[i].pieces[0].manifest = bytes_of(manifests[i], ours.raw_n);
    }
}

static void judge(void)
{
    struct recover_result r;
    struct root_key root = { { 0 } };
    static const struct root_key none;
    unsigned good = 0;
    unsigned others = 0;
    enum err e = recover(answers, MEMBERS, NULL, &r, &root);

    MUST(e == OK);
    for (size_t i = 0; i < MEMBERS; i++) {
        good += !changed[i];
        others += foreign[i];
    }
    bool is_ours = secret_equal(&root, &f.root, sizeof root);
    bool is_theirs = secret_equal(&root, &thief_root, sizeof root);
    if (r.state == RECOVER_FOUND)
        MUST(is_ours || (is_theirs && others >= NEED));
    else
        MUST(secret_equal(&root, &none, sizeof root));
    if (good < NEED)
        return;
    MUST(r.state == RECOVER_FOUND && is_ours);
    for (size_t i = 0; i < MEMBERS; i++)
        MUST(changed[i] || r.verdicts[i] == VERDICT_GOOD);
}

/* A found input plays again only if the circle is the same each time. */
static const char *fixed_name(void)
{
    return "fixed";
}

static uint32_t fixed_u32(void)
{
    uint32_t v;

    fixed_fill(&f.seed, (uint8_t *)&v, sizeof v);
    return v;
}

static void fixed_buf(void *const p, const size_t n)
{
    fixed_fill(&f.seed, p, n);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static struct randombytes_implementation same = { .implementation_name = fixed_name,
                                                      .random = fixed_u32,
                                                      .buf = fixed_buf };
    static const struct manifest_group group = { NEED, MEMBERS };

    (void)argc;
    (void)argv;
    f.seed = 1;
    MUST(randombytes_set_implementation(&same) == 0);
    enum err e = secret_start(SECRET_LOCK_WAIVED);
    MUST(e == OK);
    fixed_init(&f);
    circle_make(&ours, &f.root, 2, &group, 1, 1);
    circle_make(&theirs, &thief_root, 2, &group, 1, 1);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf st = BUF_OF(statements);

    start(&st);
    for (size_t i = 0; i + 3 <= size && i < 60; i += 3)
        change(data[i] % MEMBERS, data[i + 1], data[i + 2], &st);
    MUST(!st.over);
    judge();
    MUST(secret_in_use() == 0);
    return 0;
}
