/* SPDX-License-Identifier: Apache-2.0 */
/* The vault in the home: nothing is lost, whatever the files hold and whenever power
 * goes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "vault_home.h"

static struct device a;

static int one_device(void **state)
{
    (void)state;
    device_new(&a, 0);
    assert_int_equal(device_open(&a, VAULT_WHOLE), OK);
    return 0;
}

static int no_device(void **state)
{
    (void)state;
    device_end(&a);
    return 0;
}

static struct bytes big(size_t n)
{
    static uint8_t mem[6 * 1024 * 1024];
    assert_true(n <= sizeof mem);
    for (size_t i = 0; i < n; i++)
        mem[i] = (uint8_t)(i * 31 + i / 4099);
    return bytes_of(mem, n);
}

/* ---- what is refused ---- */

static enum err add_with(const struct vault_change *c)
{
    return vault_add(a.vault, c, NOW, &crypt_random);
}

static void what_is_no_item_is_refused(void **state)
{
    (void)state;
    struct bytes content = bytes_text("x");
    static char long_text[600];
    memset(long_text, 'x', sizeof long_text - 1);
    const struct vault_change good = { .name = bytes_text("n"),
                                       .type = VAULT_NOTE,
                                       .content = &content };
    struct vault_change c = good;
    c.name = (struct bytes){ 0 };
    assert_int_equal(add_with(&c), ERR_ARG);
    c.name = bytes_of(long_text, VAULT_NAME_MAX + 1);
    assert_int_equal(add_with(&c), ERR_ARG);
    c.name = bytes_text("two\nlines");
    assert_int_equal(add_with(&c), ERR_ARG);
    c = good;
    c.hint = bytes_of(long_text, 501);
    assert_int_equal(add_with(&c), ERR_ARG);
    c = good;
    c.user = bytes_of(long_text, 201);
    assert_int_equal(add_with(&c), ERR_ARG);
    c = good;
    c.url = bytes_text("\x1b[2J");
    assert_int_equal(add_with(&c), ERR_ARG);
    c = good;
    c.type = (enum vault_type)0;
    assert_int_equal(add_with(&c), ERR_ARG);
    c = good;
    c.content = NULL;
    assert_int_equal(add_with(&c), ERR_ARG);
    struct bytes huge = bytes_of(long_text, (size_t)VAULT_CONTENT_MAX + 1);
    c.content = &huge; /* refused by its length, never read */
    assert_int_equal(add_with(&c), ERR_TOO_BIG);
    assert_int_equal(vault_count(a.vault), 0);
    assert_int_equal(device_files(&a), 0);
}

static void a_name_is_of_one_item(void **state)
{
    (void)state;
    device_add(&a, "bank", "1");
    device_add(&a, "mail", "2");
    assert_int_equal(device_try_add(&a, "bank", bytes_text("3")), ERR_EXISTS);
    struct vault_change c = { .name = bytes_text("mail"), .type = VAULT_NOTE };
    assert_int_equal(vault_edit(a.vault, device_find(&a, "bank"), &c, NOW), ERR_EXISTS);
    c.name = bytes_text("Bank");
    assert_int_equal(vault_edit(a.vault, device_find(&a, "bank"), &c, NOW), OK);
    assert_null(device_find(&a, "bank"));
    assert_true(device_reads(&a, device_find(&a, "Bank"), 0, "1"));
}

static void a_home_without_key_has_no_vault(void **state)
{
    (void)state;
    struct vault *v = NULL;
    a.day->me.vault_generation = 0;
    assert_int_equal(vault_open(&a.home, a.day, VAULT_WHOLE, a.what, &v), ERR_UNKNOWN);
    assert_null(v);
    a.day->me.vault_generation = 1;
}

static void another_key_opens_nothing(void **state)
{
    (void)state;
    device_add(&a, "bank", "1");
    device_close(&a);
    a.day->me.vault_key[5] ^= 1;
    assert_int_equal(device_open(&a, VAULT_WHOLE), ERR_CORRUPT);
    a.day->me.vault_key[5] ^= 1;
    device_reopen(&a);
    assert_int_equal(vault_count(a.vault), 1);
}

/* ---- damage is named ---- */

static void a_damaged_state_is_named(void **state)
{
    (void)state;
    char path[300];
    static uint8_t file[4096];
    device_add(&a, "bank", "1");
    device_close(&a);
    device_file(&a, NULL, path);
    size_t n = file_read_all(path, file, sizeof file);
    for (size_t i = 0; i < n; i++) {
        file[i] ^= 0x10;
        file_write_all(path, bytes_of(file, n));
        assert_int_equal(device_open(&a, VAULT_WHOLE),
                         i == 5 ? ERR_VERSION : ERR_CORRUPT);
        assert_non_null(strstr(i == 5 ? "vault/state" : a.what, "vault/state"));
        file[i] ^= 0x10;
    }
    for (size_t i = 0; i < n; i += 7) {
        file_write_all(path, bytes_of(file, i));
        assert_int_equal(device_open(&a, VAULT_BARE), ERR_CORRUPT);
    }
    /* It was left as it is, and is so until somebody saves. */
    static uint8_t again[4096];
    file_write_all(path, bytes_of(file, n - 1));
    assert_int_equal(device_open(&a, VAULT_AFRESH), OK);
    assert_int_equal(vault_count(a.vault), 0);
    device_close(&a);
    assert_int_equal(file_read_all(path, again, sizeof again), n - 1);
    file_write_all(path, bytes_of(file, n));
    device_reopen(&a);
    assert_int_equal(vault_count(a.vault), 1);
}

/* What is done to a file. */
enum harm { HARM_FLIP, HARM_CUT, HARM_LONGER, HARM_EMPTY, HARM_GONE, HARM_SWAP, HARMS };

static void do_harm(const char *path, struct bytes good, struct bytes other,
                    enum harm harm)
{
    static uint8_t mem[VAULT_OBJECT_MAX + 1];
    memcpy(mem, good.p, good.n);
    mem[good.n] = 0;
    mem[good.n / 2] ^= harm == HARM_FLIP ? 1 : 0;
    if (harm == HARM_GONE)
        assert_int_equal(unlink(path), 0);
    else if (harm == HARM_SWAP)
        file_write_all(path, other);
    else if (harm == HARM_CUT)
        file_write_all(path, bytes_of(mem, good.n - 1));
    else if (harm == HARM_LONGER)
        file_write_all(path, bytes_of(mem, good.n + 1));
    else if (harm == HARM_EMPTY)
        file_write_all(path, bytes_of(mem, 0));
    else
        file_write_all(path, bytes_of(mem, good.n));
}

/* One object was harmed: it is named, lacked, and can be mended. */
static void see_harm(const uint8_t *id, struct bytes good)
{
    AUTO_BLOB struct home_blob lacks = { 0 };
    char hex[2 * VAULT_ID + 1];
    size_t n = 0;
    hex_encode(bytes_of(id, VAULT_ID), hex, sizeof hex);
    enum err e = device_open(&a, VAULT_WHOLE);
    if (e == OK) {
        assert_int_equal(vault_check(a.vault, &n, a.what), ERR_CORRUPT);
        assert_non_null(strstr(a.what, "part of \"")); /* the item */
    } else {
        assert_int_equal(e, ERR_CORRUPT);
        assert_int_equal(device_open(&a, VAULT_BARE), OK);
        assert_int_equal(vault_load(a.vault), ERR_CORRUPT);
        assert_non_null(strstr(vault_what(a.vault), hex));
    }
    assert_non_null(strstr(a.what, hex));
    assert_false(vault_has(a.vault, id));
    assert_int_equal(vault_lacks(a.vault, vault_now(a.vault), &lacks), OK);
    assert_int_equal(lacks.n, VAULT_ID);
    assert_memory_equal(lacks.p, id, VAULT_ID);
    assert_int_equal(vault_keep(a.vault, id, good), OK);
    device_reopen(&a);
    assert_int_equal(vault_check(a.vault, &n, a.what), OK);
    device_close(&a);
}

static void a_harmed_object_is_named_and_mended(void **state)
{
    (void)state;
    device_add(&a, "bank", "1");
    device_edit(&a, "bank", "2");
    assert_int_equal(device_try_add(&a, "scan", big(150000)), OK);
    device_save(&a);
    AUTO_BLOB struct home_blob ids = device_needs(&a);
    device_close(&a);
    assert_int_equal(ids.n / VAULT_ID, device_files(&a));
    assert_true(ids.n / VAULT_ID >= 8); /* index, page, two, list, four chunks */
    static uint8_t good[VAULT_OBJECT_MAX + 1];
    static uint8_t other[VAULT_OBJECT_MAX + 1];
    for (size_t at = 0; at < ids.n; at += VAULT_ID) {
        char path[300];
        device_file(&a, ids.p + (at + VAULT_ID) % ids.n, path);
        size_t n_other = file_read_all(path, other, sizeof other);
        device_file(&a, ids.p + at, path);
        size_t n = file_read_all(path, good, sizeof good);
        for (enum harm harm = HARM_FLIP; harm < HARMS; harm++) {
            do_harm(path, bytes_of(good, n), bytes_of(other, n_other), harm);
            see_harm(ids.p + at, bytes_of(good, n));
        }
    }
}

static void what_comes_must_be_what_was_asked_for(void **state)
{
    (void)state;
    device_add(&a, "bank", "1");
    AUTO_BLOB struct home_blob ids = device_needs(&a);
    AUTO_BLOB struct home_blob o = { 0 };
    assert_int_equal(vault_object(a.vault, ids.p, &o), OK);
    assert_int_equal(vault_keep(a.vault, ids.p + VAULT_ID, bytes_of(o.p, o.n)), ERR_AUTH);
    assert_int_equal(vault_keep(a.vault, ids.p, bytes_of(o.p, o.n - 1)), ERR_AUTH);
    assert_int_equal(vault_keep(a.vault, ids.p, bytes_of(o.p, 20)), ERR_FORMAT);
    static uint8_t long_one[VAULT_OBJECT_MAX + 1];
    assert_int_equal(vault_keep(a.vault, ids.p, BYTES_OF(long_one)), ERR_FORMAT);
    size_t n = 0;
    assert_int_equal(vault_check(a.vault, &n, a.what), OK);
    const uint8_t none[VAULT_ID] = { 1 };
    AUTO_BLOB struct home_blob nothing = { 0 };
    assert_int_equal(vault_object(a.vault, none, &nothing), ERR_UNKNOWN);
}

/* ---- a disk that fails ---- */

enum { OLD_ITEMS = 3, FAULTS_MAX = 400 };

static void old_vault(void)
{
    device_add(&a, "one", "1");
    device_add(&a, "two", "2");
    device_add(&a, "three", "3");
}

/* The change that is cut: an edit, a new item of several chunks, a removal. */
static enum err change_all(void)
{
    TRY(device_try_edit(&a, "one", "new"));
    TRY(device_try_add(&a, "scan", big(700000)));
    TRY(vault_remove(a.vault, device_find(&a, "two"), NOW));
    return vault_save(a.vault, NOW, &crypt_random);
}

static bool is_old(void)
{
    return vault_count(a.vault) == OLD_ITEMS &&
           device_reads(&a, device_find(&a, "one"), 0, "1") &&
           device_reads(&a, device_find(&a, "two"), 0, "2") &&
           device_find(&a, "scan") == NULL;
}

static bool is_new(void)
{
    return vault_count(a.vault) == OLD_ITEMS && device_find(&a, "two") == NULL &&
           device_reads(&a, device_find(&a, "one"), 0, "new") &&
           device_find(&a, "scan") != NULL;
}

/* Fails at every writing call in turn; returns how many there were. */
static unsigned fail_everywhere(enum fault_kind kind, int code)
{
    unsigned n = 1;
    for (; n < FAULTS_MAX; n++) {
        size_t objects = 0;
        fault_set(kind, n, code);
        enum err e = change_all();
        if (kind == FAULT_ONCE)
            device_close(&a); /* it may tidy up */
        bool came = fault_end();
        device_reopen(&a);
        assert_int_equal(vault_check(a.vault, &objects, a.what), OK);
        if (!came)
            break;
        assert_true(is_old() || is_new());
        if (is_new()) { /* the state was in place: only its directory was not synced */
            assert_true(e != OK || kind == FAULT_CUT);
            break;
        }
        assert_int_not_equal(e, OK);
        assert_true(code != ENOSPC || e == ERR_DISK_FULL);
    }
    assert_true(is_new());
    return n;
}

static void a_write_that_fails_leaves_the_old_vault(void **state)
{
    (void)state;
    old_vault();
    size_t files = device_files(&a);
    assert_true(fail_everywhere(FAULT_ONCE, EIO) > 40);
    /* Nothing is left behind by all that after the next change. */
    device_edit(&a, "one", "newer");
    AUTO_BLOB struct home_blob ids = device_needs(&a);
    assert_int_equal(device_files(&a), ids.n / VAULT_ID);
    assert_true(ids.n / VAULT_ID > files);
}

static void a_full_disk_is_called_so(void **state)
{
    (void)state;
    old_vault();
    assert_true(fail_everywhere(FAULT_ONCE, ENOSPC) > 40);
}

static void a_cut_leaves_the_old_vault(void **state)
{
    (void)state;
    old_vault();
    assert_true(fail_everywhere(FAULT_CUT, EIO) > 40);
}

static void the_first_save_may_fail_anywhere(void **state)
{
    (void)state;
    for (unsigned n = 1; n < FAULTS_MAX; n++) {
        fault_set(FAULT_ONCE, n, EIO);
        enum err e = device_try_add(&a, "one", bytes_text("1"));
        if (e == OK)
            e = vault_save(a.vault, NOW, &crypt_random);
        bool came = fault_end();
        device_reopen(&a);
        if (vault_count(a.vault) == 1)
            return;
        assert_true(came && e != OK);
        assert_int_equal(vault_now(a.vault)->version, 0);
    }
    fail();
}

static void what_is_not_saved_leaves_no_files(void **state)
{
    (void)state;
    old_vault();
    size_t files = device_files(&a);
    assert_int_equal(device_try_add(&a, "scan", big(300000)), OK);
    assert_true(device_files(&a) > files);
    device_reopen(&a);
    assert_int_equal(device_files(&a), files);
    assert_true(is_old());
    /* Nor does what another save made of no use. */
    assert_int_equal(device_try_edit(&a, "one", "x"), OK);
    for (unsigned i = 0; i < 20; i++) {
        char text[8];
        (void)snprintf(text, sizeof text, "y%u", i);
        assert_int_equal(device_try_edit(&a, "one", text), OK);
    }
    device_save(&a);
    AUTO_BLOB struct home_blob ids = device_needs(&a);
    assert_int_equal(device_files(&a), ids.n / VAULT_ID);
}

static void a_torn_file_is_written_again(void **state)
{
    (void)state;
    char path[300];
    old_vault();
    device_add(&a, "four", "4");
    uint8_t id[VAULT_ID];
    memcpy(id, device_find(&a, "four")->now[0].root, VAULT_ID);
    device_file(&a, id, path);
    file_write_all(path, bytes_of("torn", 4));
    /* The same content, as of another item. */
    device_add(&a, "five", "4");
    assert_memory_equal(device_find(&a, "five")->now[0].root, id, VAULT_ID);
    assert_true(device_reads(&a, device_find(&a, "four"), 0, "4"));
}

/* ---- items ---- */

static void an_empty_vault_needs_nothing(void **state)
{
    (void)state;
    AUTO_BLOB struct home_blob ids = device_needs(&a);
    assert_int_equal(ids.n, 0);
    assert_int_equal(vault_now(a.vault)->version, 0);
    device_save(&a);
    device_reopen(&a);
    assert_int_equal(vault_now(a.vault)->version, 0);
}

static void items_come_back_as_they_were(void **state)
{
    (void)state;
    struct bytes content = bytes_text("correct horse");
    const struct vault_change c = { bytes_text("Bänk"),       VAULT_TOTP,
                                    bytes_text("a hint"),     bytes_text("zoë"),
                                    bytes_text("https://x/"), &content };
    assert_int_equal(add_with(&c), OK);
    device_save(&a);
    device_add(&a, "another", "");
    device_reopen(&a);
    assert_int_equal(vault_count(a.vault), 2);
    const struct vault_item *i = vault_at(a.vault, 0);
    assert_true(bytes_equal(i->name, c.name) && i->type == VAULT_TOTP);
    assert_true(bytes_equal(i->hint, c.hint) && bytes_equal(i->user, c.user) &&
                bytes_equal(i->url, c.url));
    assert_true(i->made == NOW && i->changed == NOW && i->device[0] == 1);
    assert_true(device_reads(&a, i, 0, "correct horse"));
    assert_true(device_reads(&a, device_find(&a, "another"), 0, ""));
    AUTO_BLOB struct home_blob none = { 0 };
    assert_int_equal(vault_content(a.vault, i, 1, &none), ERR_UNKNOWN);
    const struct vault_state *s = vault_now(a.vault);
    assert_true(s->version == 2 && s->items == 2 && s->bytes == 13 && s->n_parents == 1);
    /* By a prefix of the id that no other has. */
    char hex[2 * ID_BYTES + 1];
    hex_encode(BYTES_OF(i->id), hex, sizeof hex);
    assert_ptr_equal(vault_find(a.vault, bytes_of(hex, 12)), i);
    assert_null(vault_find(a.vault, bytes_of(hex, 3)));
}

static void the_past_is_kept_to_sixteen(void **state)
{
    (void)state;
    char text[8];
    device_add(&a, "bank", "0");
    for (unsigned n = 1; n <= 20; n++) {
        (void)snprintf(text, sizeof text, "%u", n);
        device_edit(&a, "bank", text);
    }
    device_reopen(&a);
    const struct vault_item *i = device_find(&a, "bank");
    assert_int_equal(i->n_past, VAULT_PAST);
    for (unsigned back = 0; back <= VAULT_PAST; back++) {
        (void)snprintf(text, sizeof text, "%u", 20 - back);
        assert_true(device_reads(&a, i, back, text));
    }
    /* The clock stood still; each change is later all the same. */
    for (unsigned k = 1; k < i->n_past; k++)
        assert_true(i->past[k - 1].changed > i->past[k].changed);
    assert_true(i->changed > i->past[0].changed);
    /* What fell out is on the list for the nodes, and gone from here. */
    AUTO_BLOB struct home_blob gone = { 0 };
    AUTO_BLOB struct home_blob ids = device_needs(&a);
    assert_int_equal(vault_unneeded(a.vault, &gone), OK);
    assert_int_equal(gone.n / VAULT_ID, 4 + 2 * 20); /* contents; pages, indexes */
    assert_int_equal(device_files(&a), ids.n / VAULT_ID);
    for (size_t at = 0; at < gone.n; at += VAULT_ID)
        assert_false(vault_has(a.vault, gone.p + at));
    /* Until every seat was told. */
    assert_int_equal(vault_told(a.vault, bytes_of(gone.p, 5 * VAULT_ID)), OK);
    uint64_t version = vault_now(a.vault)->version;
    device_save(&a);
    device_reopen(&a);
    AUTO_BLOB struct home_blob left = { 0 };
    assert_int_equal(vault_unneeded(a.vault, &left), OK);
    assert_int_equal(left.n, gone.n - (size_t)5 * VAULT_ID);
    assert_memory_equal(left.p, gone.p + (size_t)5 * VAULT_ID, left.n);
    assert_int_equal(vault_now(a.vault)->version, version);
}

static void texts_change_without_a_new_content(void **state)
{
    (void)state;
    device_add(&a, "bank", "1");
    const struct vault_item *i = device_find(&a, "bank");
    struct vault_change c = { i->name, VAULT_PASSWORD, bytes_text("new hint"),
                              i->user, i->url,         NULL };
    assert_int_equal(vault_edit(a.vault, i, &c, NOW - 500), OK);
    assert_true(i->n_past == 0 && i->changed == NOW + 1);
    /* The same content again is no new one either. */
    assert_int_equal(device_try_edit(&a, "bank", "1"), OK);
    assert_int_equal(i->n_past, 0);
    device_save(&a);
    device_reopen(&a);
    i = device_find(&a, "bank");
    assert_true(bytes_equal(i->hint, bytes_text("new hint")));
    assert_true(device_reads(&a, i, 0, "1"));
}

static void what_is_removed_can_be_had_again(void **state)
{
    (void)state;
    device_add(&a, "bank", "1");
    device_edit(&a, "bank", "2");
    device_remove(&a, "bank");
    device_reopen(&a);
    assert_int_equal(vault_count(a.vault), 0);
    assert_int_equal(vault_now(a.vault)->items, 0);
    assert_null(device_find(&a, "bank"));
    const struct vault_item *i = vault_gone_find(a.vault, bytes_text("bank"));
    assert_non_null(i);
    assert_true(vault_gone_count(a.vault) == 1 && vault_gone_at(a.vault, 0) == i);
    assert_true(i->removed > 0 && i->n_now == 0 && i->n_past == 2);
    assert_true(device_reads(&a, i, 1, "2") && device_reads(&a, i, 2, "1"));
    AUTO_BLOB struct home_blob none = { 0 };
    assert_int_equal(vault_content(a.vault, i, 0, &none), ERR_UNKNOWN);
    assert_int_equal(vault_edit(a.vault, i, &(struct vault_change){ 0 }, NOW), ERR_ARG);
    /* Not while another one has its name. */
    device_add(&a, "bank", "3");
    i = vault_gone_find(a.vault, bytes_text("bank"));
    assert_int_equal(vault_revert(a.vault, i, 1, NOW), ERR_EXISTS);
    device_remove(&a, "bank");
    i = vault_gone_find(a.vault, bytes_text("bank"));
    assert_int_equal(vault_revert(a.vault, i, 3, NOW), ERR_UNKNOWN);
    assert_int_equal(vault_revert(a.vault, i, 0, NOW), ERR_UNKNOWN);
    assert_int_equal(vault_revert(a.vault, i, 2, NOW), OK);
    device_save(&a);
    device_reopen(&a);
    i = device_find(&a, "bank");
    assert_true(i->removed == 0 && i->n_past == 1);
    assert_true(device_reads(&a, i, 0, "1") && device_reads(&a, i, 1, "2"));
}

static void an_earlier_content_comes_back(void **state)
{
    (void)state;
    device_add(&a, "bank", "1");
    device_edit(&a, "bank", "2");
    device_edit(&a, "bank", "3");
    const struct vault_item *i = device_find(&a, "bank");
    assert_int_equal(vault_revert(a.vault, i, 2, NOW), OK);
    device_save(&a);
    device_reopen(&a);
    i = device_find(&a, "bank");
    assert_int_equal(i->n_past, 2);
    assert_true(device_reads(&a, i, 0, "1") && device_reads(&a, i, 1, "3") &&
                device_reads(&a, i, 2, "2"));
}

/* ---- another root ---- */

static void new_root(uint8_t first)
{
    struct root_key *root = NULL;
    assert_int_equal(secret_new(&root), OK);
    memset(root->b, first, KEY_BYTES);
    assert_int_equal(home_vault_keys(a.day, root, &crypt_random), OK);
    secret_free(root);
}

static void the_vault_goes_with_a_new_root(void **state)
{
    (void)state;
    uint8_t old_key[KEY_BYTES];
    uint8_t new_key[KEY_BYTES];
    device_add(&a, "bank", "1");
    device_edit(&a, "bank", "2");
    device_add(&a, "gone", "g");
    device_remove(&a, "gone");
    assert_int_equal(device_try_add(&a, "scan", big(200000)), OK);
    device_save(&a);
    AUTO_BLOB struct home_blob before = device_needs(&a);
    uint64_t version = vault_now(a.vault)->version;
    device_close(&a);
    memcpy(old_key, a.day->me.vault_key, KEY_BYTES);
    new_root(0x43);
    memcpy(new_key, a.day->me.vault_key, KEY_BYTES);
    assert_memory_equal(a.day->me.vault_before, old_key, KEY_BYTES);
    /* A second new root: the vault is under the first one's key all the same. */
    new_root(0x44);
    assert_memory_equal(a.day->me.vault_before, old_key, KEY_BYTES);
    new_root(0x43);
    assert_memory_equal(a.day->me.vault_key, new_key, KEY_BYTES);
    unsigned n = 1;
    for (;; n++) {
        fault_set(FAULT_ONCE, n, EIO);
        enum err e = vault_rekey(&a.home, a.day, NOW, &crypt_random, a.what);
        if (!fault_end()) {
            assert_int_equal(e, OK);
            break;
        }
        assert_true(n < 200 && e == ERR_IO);
        a.day->me.generation_before = 1; /* the day box on the disk says so */
        memcpy(a.day->me.vault_before, old_key, KEY_BYTES);
    }
    assert_true(n > 20 && a.day->me.generation_before == 0);
    device_reopen(&a);
    assert_int_equal(vault_now(a.vault)->version, version + 1);
    assert_int_equal(vault_now(a.vault)->generation, 1);
    assert_true(device_reads(&a, device_find(&a, "bank"), 0, "2"));
    assert_true(device_reads(&a, device_find(&a, "bank"), 1, "1"));
    assert_true(device_reads(&a, vault_gone_find(a.vault, bytes_text("gone")), 1, "g"));
    size_t objects = 0;
    assert_int_equal(vault_check(a.vault, &objects, a.what), OK);
    for (size_t at = 0; at < before.n; at += VAULT_ID)
        assert_false(vault_has(a.vault, before.p + at));
    assert_int_equal(vault_rekey(&a.home, a.day, NOW, &crypt_random, a.what), OK);
}

static void edit_at(const char *name, const char *content, uint64_t now)
{
    const struct vault_item *i = device_find(&a, name);
    const struct bytes text = bytes_text(content);
    const struct vault_change c = { .name = i->name,
                                    .type = (enum vault_type)i->type,
                                    .content = &text };
    assert_int_equal(vault_edit(a.vault, i, &c, now), OK);
    device_save(&a);
}

static bool marked(const char *name)
{
    return vault_was_read(a.day, device_find(&a, name));
}

/* What was there before a new root is marked, whatever its clock said, until it changes.
 */
static void a_clock_ahead_hides_no_mark(void **state)
{
    (void)state;
    device_add(&a, "bank", "1");
    device_add(&a, "late", "1");
    edit_at("late", "2", NOW + 900);
    edit_at("late", "3", NOW + 1000);
    device_close(&a);
    new_root(0x43);
    a.day->me.moved = NOW;
    assert_int_equal(vault_rekey(&a.home, a.day, NOW + 1, &crypt_random, a.what), OK);
    device_reopen(&a);
    assert_true(marked("bank")); /* of the same second */
    assert_true(marked("late"));
    /* Each content in its place, also once another one is the present. */
    edit_at("late", "4", NOW + 2);
    assert_false(marked("late"));
    assert_true(marked("bank"));
    const struct vault_item *i = device_find(&a, "late");
    assert_int_equal(i->n_past, 3);
    assert_true(device_reads(&a, i, 1, "3") && device_reads(&a, i, 2, "2") &&
                device_reads(&a, i, 3, "1"));
}

/* New keys of a guardian who forgot the passphrase: what an older mark said stays so. */
static void a_reset_marks_nothing(void **state)
{
    (void)state;
    device_add(&a, "bank", "1");
    device_close(&a);
    new_root(0x43);
    a.day->me.moved = NOW - 10;
    a.day->me.reset = NOW;
    assert_int_equal(vault_rekey(&a.home, a.day, NOW, &crypt_random, a.what), OK);
    device_reopen(&a);
    assert_false(marked("bank"));
}

static void a_damaged_vault_keeps_its_old_key(void **state)
{
    (void)state;
    char path[300];
    device_add(&a, "bank", "1");
    uint8_t id[VAULT_ID];
    memcpy(id, device_find(&a, "bank")->now[0].root, VAULT_ID);
    device_close(&a);
    device_file(&a, id, path);
    assert_int_equal(unlink(path), 0);
    new_root(0x43);
    assert_int_equal(vault_rekey(&a.home, a.day, NOW, &crypt_random, a.what),
                     ERR_CORRUPT);
    assert_non_null(strstr(a.what, "part of \"bank\""));
    assert_int_equal(a.day->me.generation_before, 1);
}

/* ---- many, and large ones ---- */

static size_t bytes_of_new(const struct home_blob *before, const struct home_blob *after,
                           size_t *out_n)
{
    size_t bytes = 0;
    *out_n = 0;
    for (size_t i = 0; i < after->n; i += VAULT_ID) {
        bool known = false;
        for (size_t k = 0; k < before->n && !known; k += VAULT_ID)
            known = memcmp(before->p + k, after->p + i, VAULT_ID) == 0;
        if (known)
            continue;
        AUTO_BLOB struct home_blob o = { 0 };
        assert_int_equal(vault_object(a.vault, after->p + i, &o), OK);
        bytes += o.n;
        (*out_n)++;
    }
    return bytes;
}

static void a_thousand_items_and_one_changes(void **state)
{
    (void)state;
    char name[32];
    char text[32];
    for (unsigned n = 0; n < 1000; n++) {
        (void)snprintf(name, sizeof name, "https://site%u.example", n * 7919 % 1000);
        (void)snprintf(text, sizeof text, "password %u", n * 7919 % 1000);
        assert_int_equal(device_try_add(&a, name, bytes_text(text)), OK);
    }
    device_save(&a);
    device_reopen(&a);
    assert_int_equal(vault_count(a.vault), 1000);
    for (unsigned n = 0; n < 1000; n++) {
        (void)snprintf(name, sizeof name, "https://site%u.example", n);
        (void)snprintf(text, sizeof text, "password %u", n);
        assert_true(device_reads(&a, device_find(&a, name), 0, text));
        if (n > 0)
            assert_true(bytes_order(vault_at(a.vault, n - 1)->name,
                                    vault_at(a.vault, n)->name) < 0);
    }
    AUTO_BLOB struct home_blob before = device_needs(&a);
    assert_int_equal(before.n / VAULT_ID, 1000 + 64 + 1);
    device_edit(&a, "https://site500.example", "another password");
    AUTO_BLOB struct home_blob after = device_needs(&a);
    size_t n = 0;
    size_t bytes = bytes_of_new(&before, &after, &n);
    /* Its content, its page, the index: a tenth of 100 KiB for five nodes. */
    assert_int_equal(n, 3);
    print_message("one of 1,000 items changed: %zu bytes in 3 objects\n", bytes);
    assert_true(5 * bytes < (size_t)50 * 1024);
    device_remove(&a, "https://site7.example");
    assert_int_equal(vault_count(a.vault), 999);
}

static void a_large_file_comes_back(void **state)
{
    (void)state;
    struct bytes file = big(5 * 1024 * 1024);
    assert_int_equal(device_try_add(&a, "passport.pdf", file), OK);
    device_save(&a);
    device_reopen(&a);
    AUTO_BLOB struct home_blob got = { 0 };
    const struct vault_item *i = device_find(&a, "passport.pdf");
    assert_int_equal(vault_content(a.vault, i, 0, &got), OK);
    assert_true(bytes_equal(bytes_of(got.p, got.n), big(5 * 1024 * 1024)));
    /* One byte at its end changed: one chunk, the list, page and index. */
    AUTO_BLOB struct home_blob before = device_needs(&a);
    got.p[got.n - 1] ^= 1;
    struct bytes next = bytes_of(got.p, got.n);
    struct vault_change c = { i->name, VAULT_FILE, i->hint, i->user, i->url, &next };
    assert_int_equal(vault_edit(a.vault, i, &c, NOW), OK);
    device_save(&a);
    AUTO_BLOB struct home_blob after = device_needs(&a);
    size_t n = 0;
    (void)bytes_of_new(&before, &after, &n);
    assert_int_equal(n, 4);
}

static void the_largest_content_comes_back(void **state)
{
    (void)state;
    const size_t n = VAULT_CONTENT_MAX;
    uint8_t *file = malloc(n);
    assert_non_null(file);
    for (size_t i = 0; i < n; i++)
        file[i] = (uint8_t)(i ^ i >> 8 ^ i >> 16);
    assert_int_equal(device_try_add(&a, "disk", bytes_of(file, n)), OK);
    device_save(&a);
    device_reopen(&a);
    AUTO_BLOB struct home_blob got = { 0 };
    assert_int_equal(vault_content(a.vault, device_find(&a, "disk"), 0, &got), OK);
    assert_true(bytes_equal(bytes_of(got.p, got.n), bytes_of(file, n)));
    free(file);
    assert_int_equal(device_files(&a), vault_chunks(n) + 3);
    assert_int_equal(vault_now(a.vault)->bytes, n);
}

/* ---- what others could see ---- */

static bool holds(struct bytes file, const char *text)
{
    for (size_t i = 0; i + strlen(text) <= file.n; i++) {
        if (bytes_equal(bytes_of(file.p + i, strlen(text)), bytes_text(text)))
            return true;
    }
    return false;
}

static void files_are_private_and_say_nothing(void **state)
{
    (void)state;
    static uint8_t file[VAULT_OBJECT_MAX];
    struct stat st = { 0 };
    char path[300];
    device_add(&a, "Sparkasse login", "hunter2hunter2");
    AUTO_BLOB struct home_blob ids = device_needs(&a);
    for (size_t at = 0; at <= ids.n; at += VAULT_ID) {
        device_file(&a, at < ids.n ? ids.p + at : NULL, path);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        struct bytes all = bytes_of(file, file_read_all(path, file, sizeof file));
        assert_false(holds(all, "Sparkasse") || holds(all, "hunter2") ||
                     holds(all, "type it"));
        *strrchr(path, '/') = 0;
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0700);
    }
}

int main(void)
{
    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
#define CASE(f) cmocka_unit_test_setup_teardown(f, one_device, no_device)
    const struct CMUnitTest tests[] = {
        CASE(what_is_no_item_is_refused),
        CASE(a_name_is_of_one_item),
        CASE(a_home_without_key_has_no_vault),
        CASE(another_key_opens_nothing),
        CASE(a_damaged_state_is_named),
        CASE(a_harmed_object_is_named_and_mended),
        CASE(what_comes_must_be_what_was_asked_for),
        CASE(a_write_that_fails_leaves_the_old_vault),
        CASE(a_full_disk_is_called_so),
        CASE(a_cut_leaves_the_old_vault),
        CASE(the_first_save_may_fail_anywhere),
        CASE(what_is_not_saved_leaves_no_files),
        CASE(a_torn_file_is_written_again),
        CASE(an_empty_vault_needs_nothing),
        CASE(items_come_back_as_they_were),
        CASE(the_past_is_kept_to_sixteen),
        CASE(texts_change_without_a_new_content),
        CASE(what_is_removed_can_be_had_again),
        CASE(an_earlier_content_comes_back),
        CASE(the_vault_goes_with_a_new_root),
        CASE(a_clock_ahead_hides_no_mark),
        CASE(a_reset_marks_nothing),
        CASE(a_damaged_vault_keeps_its_old_key),
        CASE(a_thousand_items_and_one_changes),
        CASE(a_large_file_comes_back),
        CASE(the_largest_content_comes_back),
        CASE(files_are_private_and_say_nothing),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    secret_end();
    return failed;
}
