/* SPDX-License-Identifier: Apache-2.0 */
/* The home: nothing is lost, whatever the files hold and whenever the power goes. */
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/home.h"
#include "proto/vault.h"

static char base[64];
static char place[128];

static const struct home closed = { .dir = -1, .lock = -1 };
#define RNG (&crypt_random)

static int fresh(void **state)
{
    (void)state;
    static unsigned count;
    (void)snprintf(place, sizeof place, "%s/home%u", base, count++);
    return 0;
}

static struct passphrase pass_of(const char *text)
{
    struct passphrase p = { .n = strlen(text) };
    memcpy(p.b, text, p.n);
    return p;
}

static void open_home(struct home *h)
{
    *h = closed;
    assert_int_equal(home_open(place, HOME_MAKE, h), OK);
}

static void file_path(const char *name, char out[256])
{
    (void)snprintf(out, 256, "%s/%s", place, name);
}

static size_t slurp(const char *name, uint8_t *out, size_t cap)
{
    char path[256];
    file_path(name, path);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(out, 1, cap, f);
    (void)fclose(f);
    return n;
}

static void spill(const char *name, const uint8_t *p, size_t n)
{
    char path[256];
    file_path(name, path);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

/* ---- the directory ---- */

static void test_directories_that_are_refused(void **state)
{
    (void)state;
    struct home h = closed;
    char deep[256];
    (void)snprintf(deep, sizeof deep, "%s/no/such", base);
    assert_int_equal(home_open(deep, HOME_MAKE, &h), ERR_UNKNOWN);
    assert_int_equal(h.dir, -1);
    assert_int_equal(home_open("", HOME_MAKE, &h), ERR_TOO_BIG);
    assert_int_equal(mkdir(place, 0755), 0);
    assert_int_equal(home_open(place, HOME_READ, &h), ERR_STATE);
    assert_int_equal(chmod(place, 0700), 0);
    (void)snprintf(deep, sizeof deep, "%s/file", place);
    (void)close(creat(deep, 0600));
    assert_int_equal(home_open(deep, HOME_READ, &h), ERR_IO);
    assert_int_equal(h.dir, -1);
}

static void test_absent_home_is_empty(void **state)
{
    (void)state;
    struct home h = closed;
    AUTO_DAY struct day *d = NULL;
    assert_int_equal(home_open(place, HOME_READ, &h), OK);
    assert_int_equal(h.dir, -1);
    assert_false(home_has(&h, HOME_ROOT));
    assert_int_equal(home_day_load(&h, &d), OK);
    assert_int_equal(d->n_guardians, 0);
    assert_int_equal(home_day_save(&h, d, RNG), ERR_STATE);
    assert_int_not_equal(access(place, F_OK), 0);
    home_close(&h);
}

static void test_home_is_private(void **state)
{
    (void)state;
    struct home h;
    struct stat st = { 0 };
    AUTO_DAY struct day *d = NULL;
    open_home(&h);
    assert_int_equal(stat(place, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(home_day_load(&h, &d), OK);
    assert_int_equal(home_day_save(&h, d, RNG), OK);
    assert_int_equal(fstatat(h.dir, "day", &st, 0), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    home_close(&h);
    home_close(&h);
}

static void test_second_kith_is_told_busy(void **state)
{
    (void)state;
    struct home h;
    struct home other = closed;
    open_home(&h);
    assert_int_equal(home_open(place, HOME_READ, &other), ERR_BUSY);
    home_close(&h);
    assert_int_equal(home_open(place, HOME_READ, &other), OK);
    home_close(&other);
}

/* ---- the root box ---- */

static void test_root_is_never_overwritten(void **state)
{
    (void)state;
    struct home h;
    struct root_key r = { { 1 } };
    struct root_key other = { { 2 } };
    uint8_t before[512];
    uint8_t after[512];
    AUTO_SECRET struct home_key *key = NULL;
    open_home(&h);
    assert_int_equal(home_key_new(NULL, cost_minimum, RNG, &key), OK);
    assert_int_equal(home_root_create(&h, &r, key, RNG), OK);
    size_t n = slurp("root", before, sizeof before);
    assert_int_equal(home_root_create(&h, &other, key, RNG), ERR_EXISTS);
    assert_int_equal(home_root_create(&h, &r, key, RNG), ERR_EXISTS);
    assert_int_equal(slurp("root", after, sizeof after), n);
    assert_memory_equal(before, after, n);
    home_close(&h);
}

/* Another root has room beside it, and the old one still opens where it lies. */
static void test_root_is_put_aside(void **state)
{
    (void)state;

    enum { WHEN = 1800000000 };
    struct home h;
    struct root_key r = { { 1 } };
    struct root_key other = { { 2 } };
    uint8_t before[512];
    uint8_t after[512];
    AUTO_SECRET struct home_key *key = NULL;
    open_home(&h);
    assert_int_equal(home_key_new(NULL, cost_minimum, RNG, &key), OK);
    assert_int_equal(home_root_aside(&h, WHEN), OK); /* none yet */
    assert_false(home_has_aside(h.path));
    assert_int_equal(home_root_create(&h, &r, key, RNG), OK);
    size_t n = slurp("root", before, sizeof before);
    assert_false(home_has_aside(h.path));
    assert_int_equal(home_aside_free(&h, WHEN), WHEN);
    assert_int_equal(home_root_aside(&h, WHEN), OK);
    assert_false(home_has(&h, HOME_ROOT));
    assert_int_equal(slurp("root.1800000000", after, sizeof after), n);
    assert_memory_equal(before, after, n);
    assert_int_equal(home_root_create(&h, &other, key, RNG), OK);
    assert_true(home_has_aside(h.path));
    /* Once is enough: what lies aside is not replaced. */
    assert_int_equal(home_root_aside(&h, WHEN), OK);
    assert_true(home_has(&h, HOME_ROOT));
    assert_int_equal(slurp("root.1800000000", after, sizeof after), n);
    assert_memory_equal(before, after, n);
    assert_int_equal(home_aside_free(&h, WHEN), WHEN + 1);
    home_close(&h);
}

static void test_passphrase(void **state)
{
    (void)state;
    struct home h;
    struct root_key r = { { 7, 7 } };
    struct passphrase right = pass_of("right");
    struct passphrase wrong = pass_of("righT");
    uint8_t raw[512];
    AUTO_SECRET struct home_key *key = NULL;
    AUTO_SECRET struct unlocked *u = NULL;
    open_home(&h);
    assert_int_equal(home_root_unlock(&h, NULL, &u), ERR_UNKNOWN);
    assert_int_equal(home_key_new(&right, cost_minimum, RNG, &key), OK);
    assert_int_equal(home_root_create(&h, &r, key, RNG), OK);
    assert_int_equal(home_root_unlock(&h, NULL, &u), ERR_LOCKED);
    assert_int_equal(home_root_unlock(&h, &wrong, &u), ERR_PASSPHRASE);
    assert_null(u);
    assert_int_equal(home_lock_of(&h, HOME_ROOT), LOCK_PASSPHRASE);
    assert_int_equal(home_root_unlock(&h, &right, &u), OK);
    assert_memory_equal(u->root.b, r.b, KEY_BYTES);
    size_t n = slurp("root", raw, sizeof raw);
    assert_null(memmem(raw, n, r.b, KEY_BYTES));
    home_close(&h);
}

static void test_epoch_keys_are_kept(void **state)
{
    (void)state;
    struct home h;
    struct root_key r = { { 3 } };
    AUTO_SECRET struct home_key *key = NULL;
    AUTO_SECRET struct unlocked *u = NULL;
    AUTO_SECRET struct unlocked *again = NULL;
    open_home(&h);
    assert_int_equal(home_key_new(NULL, cost_minimum, RNG, &key), OK);
    assert_int_equal(home_root_create(&h, &r, key, RNG), OK);
    assert_int_equal(home_root_unlock(&h, NULL, &u), OK);
    for (uint32_t i = 0; i < EPOCHS_MAX; i++) {
        u->box.epochs[i] = (struct epoch_keys){ .epoch = i + 1,
                                                .manifest_hash = { 9 },
                                                .manifest_key = { 8 },
                                                .roster_key = { 7 } };
        u->box.n_epochs++;
    }
    assert_int_equal(home_root_save(&h, u, RNG), OK);
    assert_int_equal(home_root_unlock(&h, NULL, &again), OK);
    assert_int_equal(again->box.n_epochs, EPOCHS_MAX);
    assert_int_equal(again->box.epochs[3].epoch, 4);
    assert_int_equal(again->box.epochs[3].roster_key[0], 7);
    /* Another root can not come in by this door. */
    u->root.b[0] ^= 1;
    u->box.root[0] ^= 1;
    assert_int_equal(home_root_save(&h, u, RNG), ERR_CORRUPT);
    home_close(&h);
}

static void test_a_root_is_locked_later(void **state)
{
    (void)state;
    struct home h;
    struct root_key r = { { 3 } };
    struct passphrase p = pass_of("p");
    AUTO_SECRET struct home_key *none = NULL;
    AUTO_SECRET struct home_key *key = NULL;
    AUTO_SECRET struct unlocked *u = NULL;
    AUTO_SECRET struct unlocked *again = NULL;
    open_home(&h);
    assert_int_equal(home_key_new(NULL, cost_minimum, RNG, &none), OK);
    assert_int_equal(home_key_new(&p, cost_minimum, RNG, &key), OK);
    assert_int_equal(home_root_create(&h, &r, none, RNG), OK);
    assert_int_equal(home_root_unlock(&h, NULL, &u), OK);
    /* Not another root, nor with a key that does not open it. */
    u->root.b[0] ^= 1;
    assert_int_equal(home_root_lock(&h, u, key, RNG), ERR_CORRUPT);
    u->root.b[0] ^= 1;
    u->key = *key;
    assert_int_equal(home_root_lock(&h, u, key, RNG), ERR_AUTH);
    u->key = *none;
    assert_int_equal(home_lock_of(&h, HOME_ROOT), LOCK_NONE);
    u->box.n_epochs = 1;
    u->box.epochs[0].epoch = 7;
    assert_int_equal(home_root_lock(&h, u, key, RNG), OK);
    assert_int_equal(home_lock_of(&h, HOME_ROOT), LOCK_PASSPHRASE);
    assert_int_equal(home_root_unlock(&h, NULL, &again), ERR_LOCKED);
    assert_int_equal(home_root_unlock(&h, &p, &again), OK);
    assert_int_equal(again->box.epochs[0].epoch, 7);
    assert_memory_equal(again->root.b, r.b, KEY_BYTES);
    assert_int_equal(home_root_save(&h, u, RNG), OK); /* under the new key */
    assert_int_equal(home_lock_of(&h, HOME_ROOT), LOCK_PASSPHRASE);
    home_close(&h);
}

/* A file may not ask for the machine's whole memory, or for hours. */
static void test_cost_is_bounded(void **state)
{
    (void)state;
    struct home h;
    struct root_key r = { { 3 } };
    struct passphrase p = pass_of("p");
    AUTO_SECRET struct unlocked *u = NULL;
    const struct cost costs[] = {
        { (size_t)1 << 40, 1 }, { 8192, 1000 }, { 8192, 0 }, { 1, 1 }
    };
    for (size_t i = 0; i < sizeof costs / sizeof costs[0]; i++) {
        AUTO_SECRET struct home_key *key = NULL;
        (void)fresh(NULL);
        open_home(&h);
        assert_int_equal(home_key_new(&p, cost_minimum, RNG, &key), OK);
        key->cost = costs[i];
        assert_int_equal(home_root_create(&h, &r, key, RNG), OK);
        assert_int_equal(home_root_unlock(&h, &p, &u), ERR_CORRUPT);
        home_close(&h);
    }
}

/* ---- damaged files ---- */

static void root_and_day(struct home *h)
{
    struct root_key r = { { 5 } };
    AUTO_SECRET struct home_key *key = NULL;
    AUTO_DAY struct day *d = NULL;
    open_home(h);
    assert_int_equal(home_key_new(NULL, cost_minimum, RNG, &key), OK);
    assert_int_equal(home_root_create(h, &r, key, RNG), OK);
    assert_int_equal(home_day_load(h, &d), OK);
    d->me.name = day_keep(d, bytes_text("Ruth"));
    assert_int_equal(home_day_save(h, d, RNG), OK);
}

static void test_every_flipped_byte_is_noticed(void **state)
{
    (void)state;
    struct home h;
    uint8_t raw[512];
    root_and_day(&h);
    const char *const names[] = { "root", "day" };
    for (size_t f = 0; f < 2; f++) {
        size_t n = slurp(names[f], raw, sizeof raw);
        for (size_t i = 0; i < n; i++) {
            struct unlocked *u = NULL;
            struct day *d = NULL;
            raw[i] ^= 0x20;
            spill(names[f], raw, n);
            enum err e = f == 0 ? home_root_unlock(&h, NULL, &u) : home_day_load(&h, &d);
            assert_int_equal(e, i == 5 ? ERR_VERSION : ERR_CORRUPT);
            raw[i] ^= 0x20;
        }
        spill(names[f], raw, n);
    }
    AUTO_DAY struct day *d = NULL;
    assert_int_equal(home_day_load(&h, &d), OK);
    home_close(&h);
}

static void test_every_shorter_file_is_noticed(void **state)
{
    (void)state;
    struct home h;
    uint8_t raw[512];
    AUTO_DAY struct day *d = NULL;
    root_and_day(&h);
    size_t n = slurp("day", raw, sizeof raw);
    for (size_t i = 0; i < n; i++) {
        spill("day", raw, i);
        assert_int_equal(home_day_load(&h, &d), ERR_CORRUPT);
    }
    raw[n] = 0;
    spill("day", raw, n + 1);
    assert_int_equal(home_day_load(&h, &d), ERR_CORRUPT);
    assert_null(d);
    home_close(&h);
}

static void test_foreign_files(void **state)
{
    (void)state;
    struct home h;
    uint8_t raw[512];
    char path[256];
    AUTO_DAY struct day *d = NULL;
    AUTO_SECRET struct unlocked *u = NULL;
    root_and_day(&h);
    /* One file of the home in the place of another. */
    size_t n = slurp("root", raw, sizeof raw);
    spill("day", raw, n);
    assert_int_equal(home_day_load(&h, &d), ERR_CORRUPT);
    memset(raw, 'x', sizeof raw);
    spill("root", raw, sizeof raw);
    assert_int_equal(home_root_unlock(&h, NULL, &u), ERR_CORRUPT);
    /* A link that leads elsewhere is not followed. */
    file_path("day", path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(home_day_load(&h, &d), ERR_IO);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(home_day_load(&h, &d), ERR_CORRUPT);
    home_close(&h);
}

/* ---- the day box ---- */

static void fill(struct day *d)
{
    struct day_me *me = &d->me;
    me->name = day_keep(d, bytes_text("Ruth Özil"));
    me->circle[0] = 1;
    me->planned = 1;
    me->group_threshold = 1;
    me->n_groups = 1;
    me->groups[0] = (struct manifest_group){ 3, 5 };
    me->hold = 72 * 3600;
    for (size_t i = 0; i < DAY_GUARDIANS; i++) {
        struct day_guardian *g = &d->guardians[d->n_guardians++];
        char name[32];
        (void)snprintf(name, sizeof name, "Guardian %zu", i);
        g->name = day_keep(d, bytes_text(name));
        g->kind = PIECE_NODE;
        g->progress = GUARDIAN_READY;
        g->reach = day_keep(d, bytes_text("+44 20 7946 0000, or ask Eva"));
        g->n_node = 1;
        g->node[0].node_key[0] = (uint8_t)i;
        g->node[0].n_addresses = 2;
        g->node[0].addresses[0].at = day_keep(d, bytes_of("\x01\x7f\0\0\x01\x1e\xa4", 7));
        g->node[0].addresses[1].at = day_keep(d, bytes_of("\x01\x7f\0\0\x02\x1e\xa4", 7));
        g->dev_static[31] = 0xee;
        g->view = day_keep(d, bytes_text("some view"));
        g->node[0].fault = 2;
        g->node[0].n_alerts = g->node[0].n_log = 1;
        g->node[0].alerts[0] = (struct day_mark){
            .seq = 7, .time = 99, .receipt = day_keep(d, bytes_text("signed"))
        };
        g->node[0].told_seq = 6;
        g->reset = 11;
        g->left = 12;
        g->ending = 13;
        g->gone = 14;
        g->moving = 15;
        g->newer = 16;
        g->frozen = 17;
        g->clock = 1;
        day_proof(g)->opened_reset = 18;
    }
    me->owner_tested = 5;
    me->owner_sent = 4;
    me->guard_sent = 6;
    me->n_handlers = 1;
    me->handlers[0].exec = day_keep(d, bytes_of("/bin/true\0-x", 13));
    d->seats[d->n_seats++] =
        (struct day_seat){ .progress = GUARDIAN_READY, .n_node = 1, .stat = { 4 } };
    d->invites[d->n_invites++] = (struct day_invite){ .seat = { 1 }, .expires = 99 };
    d->wards[d->n_wards++] =
        (struct day_ward){ .ward = { 2 }, .label = day_keep(d, bytes_text("Jo")) };
}

static void test_day_goes_and_comes(void **state)
{
    (void)state;
    struct home h;
    AUTO_DAY struct day *d = NULL;
    AUTO_DAY struct day *back = NULL;
    AUTO_BLOB struct home_blob one = { 0 };
    AUTO_BLOB struct home_blob two = { 0 };
    open_home(&h);
    assert_int_equal(home_day_load(&h, &d), OK);
    fill(d);
    assert_int_equal(home_day_save(&h, d, RNG), OK);
    assert_int_equal(home_day_load(&h, &back), OK);
    assert_int_equal(back->n_guardians, DAY_GUARDIANS);
    assert_int_equal(back->guardians[63].node[0].node_key[0], 63);
    assert_int_equal(back->guardians[63].dev_static[31], 0xee);
    assert_int_equal(back->guardians[63].node[0].alerts[0].seq, 7);
    assert_true(
        bytes_equal(back->guardians[63].node[0].alerts[0].receipt, bytes_text("signed")));
    const struct day_guardian *g = &back->guardians[63];
    assert_true(g->reset == 11 && g->left == 12 && g->ending == 13 && g->gone == 14);
    assert_true(g->moving == 15 && g->newer == 16 && g->frozen == 17 && g->clock == 1);
    assert_int_equal(day_proven(g)->opened_reset, 18);
    assert_int_equal(back->me.handlers[0].exec.n, 13);
    assert_int_equal(back->n_wards, 1);
    assert_true(bytes_equal(back->wards[0].label, bytes_text("Jo")));
    assert_int_equal(day_encode(d, &one), OK);
    assert_int_equal(day_encode(back, &two), OK);
    assert_true(bytes_equal(bytes_of(one.p, one.n), bytes_of(two.p, two.n)));
    home_close(&h);
}

static void test_vault_keys_of_the_day(void **state)
{
    (void)state;
    struct home h;
    AUTO_DAY struct day *d = NULL;
    AUTO_DAY struct day *back = NULL;
    AUTO_SECRET struct root_key *root = NULL;
    AUTO_SECRET struct vault_key *key = NULL;
    open_home(&h);
    assert_int_equal(secret_new(&root), OK);
    assert_int_equal(secret_new(&key), OK);
    root->b[0] = 7;
    assert_int_equal(home_day_load(&h, &d), OK);
    assert_int_equal(d->me.vault_generation, 0);
    assert_int_equal(home_vault_keys(d, root, RNG), OK);
    assert_int_equal(vault_key_of(root, 1, key), OK);
    assert_memory_equal(d->me.vault_key, key->b, KEY_BYTES);
    assert_int_equal(home_day_save(&h, d, RNG), OK);
    assert_int_equal(home_day_load(&h, &back), OK);
    assert_int_equal(back->me.vault_generation, 1);
    assert_memory_equal(back->me.vault_key, key->b, KEY_BYTES);
    assert_true(bytes_equal(back->me.device_name, d->me.device_name));
    /* Made again for another root, the device stays who it is. */
    root->b[0] = 8;
    assert_int_equal(home_vault_keys(back, root, RNG), OK);
    assert_memory_equal(back->me.device, d->me.device, ID_BYTES);
    assert_memory_not_equal(back->me.vault_key, key->b, KEY_BYTES);
    home_close(&h);
}

static void test_day_of_a_later_version(void **state)
{
    (void)state;
    AUTO_DAY struct day *d = calloc(1, sizeof *d);
    AUTO_DAY struct day *back = NULL;
    AUTO_BLOB struct home_blob b = { 0 };
    assert_int_equal(day_encode(d, &b), OK);
    b.p[b.n] = 77;
    store_u32(b.p + b.n + 1, 0);
    assert_int_equal(day_decode(bytes_of(b.p, b.n + 5), &back), ERR_VERSION);
    store_u32(b.p + b.n + 1, 5);
    assert_int_equal(day_decode(bytes_of(b.p, b.n + 5), &back), ERR_CORRUPT);
    assert_int_equal(day_decode(bytes_of(b.p, 0), &back), ERR_CORRUPT);
    assert_null(back);
}

static void test_too_many_records(void **state)
{
    (void)state;
    AUTO_DAY struct day *d = calloc(1, sizeof *d);
    AUTO_DAY struct day *back = NULL;
    AUTO_BLOB struct home_blob b = { 0 };
    fill(d);
    d->n_seats = d->n_invites = d->n_wards = 0;
    assert_int_equal(day_encode(d, &b), OK);
    /* The last guardian once more. */
    struct bytes in = bytes_of(b.p, b.n);
    struct bytes last = { 0 };
    uint8_t kind = 0;
    struct bytes body = { 0 };
    while (in.n > 0) {
        last = in;
        assert_int_equal(blob_next(&in, &kind, &body), OK);
    }
    MUST(last.p != NULL);
    memcpy(b.p + b.n, last.p, last.n);
    assert_int_equal(day_decode(bytes_of(b.p, b.n), &back), OK);
    day_free(back);
    back = NULL;
    assert_int_equal(day_decode(bytes_of(b.p, b.n + last.n), &back), ERR_CORRUPT);
}

/* ---- journal and restore file ---- */

static void test_journal_opens_with_its_root_only(void **state)
{
    (void)state;
    struct home h;
    uint8_t out[64];
    size_t n = 0;
    struct root_key r = { { 1 } };
    struct root_key other = { { 2 } };
    AUTO_SECRET struct home_key *key = NULL;
    AUTO_SECRET struct home_key *wrong = NULL;
    AUTO_BLOB struct home_blob open = { 0 };
    open_home(&h);
    assert_int_equal(home_journal_key(&r, &key), OK);
    assert_int_equal(home_journal_key(&other, &wrong), OK);
    assert_int_equal(home_write(&h, HOME_JOURNAL, key, bytes_text("phase 2"),
                                bytes_text("secret"), RNG),
                     OK);
    assert_int_equal(home_read_open(&h, HOME_JOURNAL, &open), OK);
    assert_true(bytes_equal(bytes_of(open.p, open.n), bytes_text("phase 2")));
    assert_int_equal(home_read_sealed(&h, HOME_JOURNAL, wrong, SPAN_OF(out), &n),
                     ERR_AUTH);
    assert_int_equal(home_read_sealed(&h, HOME_JOURNAL, key, (struct span){ out, 3 }, &n),
                     ERR_TOO_BIG);
    assert_int_equal(home_read_sealed(&h, HOME_JOURNAL, key, SPAN_OF(out), &n), OK);
    assert_true(bytes_equal(bytes_of(out, n), bytes_text("secret")));
    assert_int_equal(home_drop(&h, HOME_JOURNAL), OK);
    assert_int_equal(home_drop(&h, HOME_JOURNAL), OK);
    assert_int_equal(home_read_open(&h, HOME_JOURNAL, &open), ERR_UNKNOWN);
    home_close(&h);
}

static void test_restore_file(void **state)
{
    (void)state;
    struct home h;
    uint8_t out[64];
    size_t n = 0;
    struct passphrase p = pass_of("open sesame");
    struct passphrase q = pass_of("open barley");
    AUTO_SECRET struct home_key *key = NULL;
    AUTO_SECRET struct home_key *got = NULL;
    open_home(&h);
    assert_int_equal(home_key_new(&p, cost_minimum, RNG, &key), OK);
    assert_int_equal(
        home_write(&h, HOME_RESTORE, key, bytes_text("words"), bytes_text("keys"), RNG),
        OK);
    assert_int_equal(home_key_open(&h, HOME_RESTORE, NULL, &got), ERR_LOCKED);
    assert_int_equal(home_key_open(&h, HOME_RESTORE, &q, &got), ERR_PASSPHRASE);
    assert_int_equal(home_key_open(&h, HOME_RESTORE, &p, &got), OK);
    assert_int_equal(home_read_sealed(&h, HOME_RESTORE, got, SPAN_OF(out), &n), OK);
    assert_true(bytes_equal(bytes_of(out, n), bytes_text("keys")));
    /* Rosters and manifests of many guardians are more than the arena holds. */
    AUTO_FREE uint8_t *much = calloc(1, HOME_FILE_MAX / 2);
    secret_free(got);
    got = NULL;
    assert_non_null(much);
    assert_int_equal(home_write(&h, HOME_RESTORE, key, bytes_text("words"),
                                bytes_of(much, HOME_FILE_MAX / 2), RNG),
                     OK);
    assert_int_equal(home_key_open(&h, HOME_RESTORE, &q, &got), ERR_PASSPHRASE);
    assert_int_equal(home_key_open(&h, HOME_RESTORE, &p, &got), OK);
    /* Its key becomes the key of the root. */
    struct root_key r = { { 6 } };
    AUTO_SECRET struct unlocked *u = NULL;
    assert_int_equal(home_root_create(&h, &r, got, RNG), OK);
    assert_int_equal(home_root_unlock(&h, &p, &u), OK);
    home_close(&h);
}

/* ---- what happens when writing fails ---- */

static void test_a_failed_write_changes_nothing(void **state)
{
    (void)state;
    struct home h;
    struct rlimit old = { 0 };
    AUTO_DAY struct day *d = NULL;
    AUTO_DAY struct day *back = NULL;
    root_and_day(&h);
    assert_int_equal(home_day_load(&h, &d), OK);
    fill(d);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    const struct rlimit small = { .rlim_cur = 300, .rlim_max = old.rlim_max };
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum err e = home_day_save(&h, d, RNG);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(e, ERR_IO);
    assert_int_equal(home_day_load(&h, &back), OK);
    assert_int_equal(back->n_guardians, 0);
    assert_int_not_equal(faccessat(h.dir, "day.new", F_OK, 0), 0);
    home_close(&h);
}

/* A process that writes two states in turn is killed at any moment. */
static _Noreturn void write_for_ever(void)
{
    struct home h = closed;
    struct day *d = NULL;
    if (home_open(place, HOME_MAKE, &h) != OK || home_day_load(&h, &d) != OK)
        _exit(1);
    for (size_t i = 0;; i++) {
        d->n_guardians = i % 2 == 0 ? 0 : DAY_GUARDIANS;
        if (home_day_save(&h, d, RNG) != OK)
            _exit(1);
    }
}

static void test_killed_while_writing(void **state)
{
    (void)state;
    struct home h;
    AUTO_DAY struct day *d = NULL;
    open_home(&h);
    assert_int_equal(home_day_load(&h, &d), OK);
    fill(d);
    assert_int_equal(home_day_save(&h, d, RNG), OK);
    home_close(&h);
    unsigned seen[2] = { 0 };
    for (long i = 0; i < 40; i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            write_for_ever();
        const struct timespec wait = { .tv_nsec = 1000000L + i * 370000L };
        (void)nanosleep(&wait, NULL);
        int status = 0;
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        struct day *back = NULL;
        open_home(&h);
        assert_int_equal(home_day_load(&h, &back), OK);
        assert_true(back->n_guardians == 0 || back->n_guardians == DAY_GUARDIANS);
        seen[back->n_guardians != 0]++;
        /* The full state again, for the next round. */
        assert_int_equal(home_day_save(&h, d, RNG), OK);
        day_free(back);
        home_close(&h);
    }
    assert_int_equal(seen[0] + seen[1], 40);
}

static int sweep(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_directories_that_are_refused, fresh),
        cmocka_unit_test_setup(test_absent_home_is_empty, fresh),
        cmocka_unit_test_setup(test_home_is_private, fresh),
        cmocka_unit_test_setup(test_second_kith_is_told_busy, fresh),
        cmocka_unit_test_setup(test_root_is_never_overwritten, fresh),
        cmocka_unit_test_setup(test_root_is_put_aside, fresh),
        cmocka_unit_test_setup(test_passphrase, fresh),
        cmocka_unit_test_setup(test_epoch_keys_are_kept, fresh),
        cmocka_unit_test_setup(test_a_root_is_locked_later, fresh),
        cmocka_unit_test_setup(test_cost_is_bounded, fresh),
        cmocka_unit_test_setup(test_every_flipped_byte_is_noticed, fresh),
        cmocka_unit_test_setup(test_every_shorter_file_is_noticed, fresh),
        cmocka_unit_test_setup(test_foreign_files, fresh),
        cmocka_unit_test_setup(test_day_goes_and_comes, fresh),
        cmocka_unit_test_setup(test_vault_keys_of_the_day, fresh),
        cmocka_unit_test_setup(test_day_of_a_later_version, fresh),
        cmocka_unit_test_setup(test_too_many_records, fresh),
        cmocka_unit_test_setup(test_journal_opens_with_its_root_only, fresh),
        cmocka_unit_test_setup(test_restore_file, fresh),
        cmocka_unit_test_setup(test_a_failed_write_changes_nothing, fresh),
        cmocka_unit_test_setup(test_killed_while_writing, fresh),
    };
    (void)snprintf(base, sizeof base, "/tmp/kith-home-XXXXXX");
    if (mkdtemp(base) == NULL || secret_start(SECRET_LOCK_WAIVED) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)nftw(base, sweep, 8, FTW_DEPTH | FTW_PHYS);
    secret_end();
    return failed;
}
