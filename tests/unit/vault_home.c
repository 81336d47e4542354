/* SPDX-License-Identifier: Apache-2.0 */
#include "vault_home.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- a disk that fails ---- */

static enum fault_kind fault;
static unsigned fault_left;
static int fault_code;

void fault_set(enum fault_kind kind, unsigned n, int code)
{
    fault = kind;
    fault_left = n;
    fault_code = code;
}

bool fault_end(void)
{
    bool came = fault != FAULT_NONE && fault_left == 0;
    fault = FAULT_NONE;
    return came;
}

/* Whether this writing call fails. */
static bool fails(void)
{
    if (fault == FAULT_NONE)
        return false;
    if (fault_left > 1) {
        fault_left--;
        return false;
    }
    bool now = fault_left == 1 || fault == FAULT_CUT;
    fault_left = 0;
    errno = fault_code;
    return now;
}

ssize_t real_write(int fd, const void *p, size_t n) __asm__("__real_write");
ssize_t wrap_write(int fd, const void *p, size_t n) __asm__("__wrap_write");
int real_renameat(int a, const char *x, int b, const char *y) __asm__("__real_renameat");
int wrap_renameat(int a, const char *x, int b, const char *y) __asm__("__wrap_renameat");
int wrap_fsync(int fd) __asm__("__wrap_fsync");
int wrap_syncfs(int fd) __asm__("__wrap_syncfs");
int real_mkdirat(int fd, const char *name, mode_t mode) __asm__("__real_mkdirat");
int wrap_mkdirat(int fd, const char *name, mode_t mode) __asm__("__wrap_mkdirat");
int real_unlinkat(int fd, const char *name, int flags) __asm__("__real_unlinkat");
int wrap_unlinkat(int fd, const char *name, int flags) __asm__("__wrap_unlinkat");

ssize_t wrap_write(int fd, const void *p, size_t n)
{
    if (!fails())
        return real_write(fd, p, n);
    /* Half of it may have come to the disk. */
    (void)!real_write(fd, p, n / 2);
    errno = fault_code;
    return -1;
}

int wrap_renameat(int a, const char *x, int b, const char *y)
{
    return fails() ? -1 : real_renameat(a, x, b, y);
}

/* Syncing is left out: no power is cut here, and the tests would wait for the disk. */
int wrap_fsync(int fd)
{
    (void)fd;
    return fails() ? -1 : 0;
}

int wrap_syncfs(int fd)
{
    (void)fd;
    return fails() ? -1 : 0;
}

int wrap_mkdirat(int fd, const char *name, mode_t mode)
{
    return fails() ? -1 : real_mkdirat(fd, name, mode);
}

/* Removing never fails by itself, but not after the power went. */
int wrap_unlinkat(int fd, const char *name, int flags)
{
    if (fault == FAULT_CUT && fault_left == 0)
        return -1;
    return real_unlinkat(fd, name, flags);
}

/* ---- devices ---- */

void device_root(struct root_key **out)
{
    assert_int_equal(secret_new(out), OK);
    memset((*out)->b, 0x42, KEY_BYTES);
}

void device_new(struct device *d, unsigned number)
{
    char dir[] = "/tmp/kith-vault-XXXXXX";
    struct root_key *root = NULL;
    *d = (struct device){ .home = { .dir = -1, .lock = -1 } };
    assert_non_null(mkdtemp(dir));
    (void)snprintf(d->path, sizeof d->path, "%s/home", dir);
    assert_int_equal(home_open(d->path, HOME_MAKE, &d->home), OK);
    assert_int_equal(home_day_load(&d->home, &d->day), OK);
    device_root(&root);
    assert_int_equal(home_vault_keys(d->day, root, &crypt_random), OK);
    secret_free(root);
    memset(d->day->me.circle, 0xcc, ID_BYTES);
    memset(d->day->me.device, 0, ID_BYTES);
    d->day->me.device[0] = (uint8_t)(number + 1);
}

enum err device_open(struct device *d, enum vault_opening how)
{
    return vault_open(&d->home, d->day, how, d->what, &d->vault);
}

void device_reopen(struct device *d)
{
    device_close(d);
    assert_int_equal(device_open(d, VAULT_WHOLE), OK);
}

void device_close(struct device *d)
{
    vault_free(d->vault);
    d->vault = NULL;
}

static void dir_remove(const char *path)
{
    DIR *dir = opendir(path);
    if (dir == NULL)
        return;
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        char sub[600];
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        (void)snprintf(sub, sizeof sub, "%s/%s", path, e->d_name);
        if (unlink(sub) != 0)
            dir_remove(sub);
    }
    (void)closedir(dir);
    (void)rmdir(path);
}

void device_end(struct device *d)
{
    device_close(d);
    day_free(d->day);
    home_close(&d->home);
    dir_remove(d->path);
    *strrchr(d->path, '/') = 0;
    (void)rmdir(d->path);
}

const struct vault_item *device_find(struct device *d, const char *name)
{
    return vault_find(d->vault, bytes_text(name));
}

enum err device_try_add(struct device *d, const char *name, struct bytes content)
{
    const struct vault_change c = { .name = bytes_text(name),
                                    .type = VAULT_PASSWORD,
                                    .hint = bytes_text("type it"),
                                    .content = &content };
    return vault_add(d->vault, &c, NOW, &crypt_random);
}

void device_add(struct device *d, const char *name, const char *content)
{
    assert_int_equal(device_try_add(d, name, bytes_text(content)), OK);
    device_save(d);
}

enum err device_try_edit(struct device *d, const char *name, const char *content)
{
    const struct vault_item *i = device_find(d, name);
    struct bytes text = bytes_text(content);
    assert_non_null(i);
    const struct vault_change c = { i->name, (enum vault_type)i->type,
                                    i->hint, i->user,
                                    i->url,  &text };
    return vault_edit(d->vault, i, &c, NOW);
}

void device_edit(struct device *d, const char *name, const char *content)
{
    assert_int_equal(device_try_edit(d, name, content), OK);
    device_save(d);
}

void device_remove(struct device *d, const char *name)
{
    assert_int_equal(vault_remove(d->vault, device_find(d, name), NOW), OK);
    device_save(d);
}

void device_save(struct device *d)
{
    assert_int_equal(vault_save(d->vault, NOW, &crypt_random), OK);
}

bool device_reads(struct device *d, const struct vault_item *item, unsigned back,
                  const char *content)
{
    AUTO_BLOB struct home_blob b = { 0 };
    return vault_content(d->vault, item, back, &b) == OK &&
           bytes_equal(bytes_of(b.p, b.n), bytes_text(content));
}

struct home_blob device_needs(struct device *d)
{
    struct home_blob ids = { 0 };
    assert_int_equal(vault_needs(d->vault, &ids), OK);
    return ids;
}

static size_t pull_some(struct device *to, struct device *from)
{
    AUTO_BLOB struct home_blob ids = { 0 };
    assert_int_equal(vault_lacks(to->vault, vault_now(from->vault), &ids), OK);
    for (size_t at = 0; at < ids.n; at += VAULT_ID) {
        AUTO_BLOB struct home_blob o = { 0 };
        assert_int_equal(vault_object(from->vault, ids.p + at, &o), OK);
        assert_int_equal(vault_keep(to->vault, ids.p + at, bytes_of(o.p, o.n)), OK);
    }
    return ids.n;
}

enum err device_pull(struct device *to, struct device *from, struct vault_merge *out)
{
    unsigned rounds = 0;
    while (pull_some(to, from) > 0)
        assert_true(++rounds < 8);
    return vault_join(to->vault, vault_now(from->vault), true, out);
}

/* ---- files ---- */

size_t device_files(const struct device *d)
{
    char path[300];
    size_t n = 0;
    (void)snprintf(path, sizeof path, "%s/vault/objects", d->path);
    DIR *dir = opendir(path);
    if (dir == NULL)
        return 0;
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir))
        n += e->d_name[0] != '.';
    (void)closedir(dir);
    return n;
}

void device_file(const struct device *d, const uint8_t *id, char out[300])
{
    char hex[2 * VAULT_ID + 1];
    if (id == NULL) {
        (void)snprintf(out, 300, "%s/vault/state", d->path);
        return;
    }
    hex_encode(bytes_of(id, VAULT_ID), hex, sizeof hex);
    (void)snprintf(out, 300, "%s/vault/objects/%s", d->path, hex);
}

size_t file_read_all(const char *path, uint8_t *out, size_t cap)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(out, 1, cap, f);
    (void)fclose(f);
    return n;
}

void file_write_all(const char *path, struct bytes all)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(all.p, 1, all.n, f), all.n);
    assert_int_equal(fclose(f), 0);
}

uint32_t dice(uint64_t *seed, uint32_t below)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33) % below;
}
