/* SPDX-License-Identifier: Apache-2.0 */
/* The vault's files: objects by their id, and one file that says which count. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/vault_part.h"

enum {
    STATE_VERSION = 1,
    STATE_HEAD = 6,           /* "KITHv", version */
    STATE_FILE_MAX = 8 << 20, /* room for the ids of a quarter of a million objects */
    SYNCED_ALONE = 8,         /* more files than that are synced together */
    OBJECT_NAME = 2 * VAULT_ID + 1
};

static const uint8_t magic[STATE_HEAD] = { 'K', 'I', 'T', 'H', 'v', STATE_VERSION };

static enum err io_error(int code)
{
    return code == ENOSPC || code == EDQUOT ? ERR_DISK_FULL : ERR_IO;
}

/* ---- directories ---- */

static enum err dir_open(int parent, const char *name, int *out)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno != ENOENT)
        return ERR_IO;
    *out = fd;
    return OK;
}

enum err vault_dirs_open(struct vault *v)
{
    if (v->home->dir < 0)
        return OK;
    if (v->dir < 0)
        TRY(dir_open(v->home->dir, "vault", &v->dir));
    if (v->dir >= 0 && v->objects < 0)
        TRY(dir_open(v->dir, "objects", &v->objects));
    return OK;
}

static enum err dir_make(int parent, const char *name)
{
    if (mkdirat(parent, name, 0700) != 0 && errno != EEXIST)
        return io_error(errno);
    return fsync(parent) == 0 ? OK : io_error(errno);
}

enum err vault_dirs_make(struct vault *v)
{
    if (v->objects >= 0)
        return OK;
    if (v->home->dir < 0)
        return ERR_STATE;
    TRY(dir_make(v->home->dir, "vault"));
    TRY(vault_dirs_open(v));
    if (v->objects < 0) {
        TRY(dir_make(v->dir, "objects"));
        TRY(vault_dirs_open(v));
    }
    return v->objects >= 0 ? OK : ERR_IO;
}

/* ---- one file ---- */

enum err vault_blob_new(struct home_blob *out, size_t n)
{
    uint8_t *p = calloc(1, n);
    if (p == NULL)
        return ERR_NOMEM;
    *out = (struct home_blob){ .p = p, .cap = n };
    return OK;
}

static enum err read_all(int fd, struct span mem, size_t *out_n)
{
    size_t n = 0;
    while (n < mem.n) {
        ssize_t got = read(fd, mem.p + n, mem.n - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ERR_IO;
        if (got == 0)
            break;
        n += (size_t)got;
    }
    *out_n = n;
    return OK;
}

/* ERR_FORMAT: it has more than mem.n bytes. */
static enum err file_read(int dir, const char *name, struct span mem, size_t *out_n)
{
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? ERR_UNKNOWN : ERR_IO;
    uint8_t more = 0;
    size_t n_more = 0;
    enum err e = read_all(fd, mem, out_n);
    if (e == OK)
        e = read_all(fd, (struct span){ &more, 1 }, &n_more);
    (void)close(fd); /* only read from */
    return e == OK && n_more > 0 ? ERR_FORMAT : e;
}

static enum err write_all(int fd, struct bytes all)
{
    while (all.n > 0) {
        ssize_t put = write(fd, all.p, all.n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return io_error(errno);
        all.p += put;
        all.n -= (size_t)put;
    }
    return OK;
}

enum syncing { SYNC_NOW, SYNC_LATER };

/* Under a temporary name in home/vault, then in its place. */
static enum err file_write(const struct vault *v, int to, const char *name,
                           struct bytes all, enum syncing how)
{
    static const char temp[] = "new";
    int fd =
        openat(v->dir, temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return io_error(errno);
    enum err e = write_all(fd, all);
    if (e == OK && how == SYNC_NOW && fsync(fd) != 0)
        e = io_error(errno);
    if (close(fd) != 0 && e == OK)
        e = io_error(errno);
    if (e == OK && renameat(v->dir, temp, to, name) != 0)
        e = io_error(errno);
    if (e != OK)
        (void)unlinkat(v->dir, temp, 0); /* of no use */
    return e;
}

/* ---- objects ---- */

static void object_name(const uint8_t id[VAULT_ID], char out[OBJECT_NAME])
{
    hex_encode(bytes_of(id, VAULT_ID), out, OBJECT_NAME);
}

enum err vault_object_get(void *ctx, const uint8_t id[VAULT_ID], struct span mem,
                          size_t *out_n)
{
    const struct vault *v = ctx;
    char name[OBJECT_NAME];
    if (v->objects < 0)
        return ERR_UNKNOWN;
    object_name(id, name);
    return file_read(v->objects, name, mem, out_n);
}

bool vault_has(struct vault *v, const uint8_t id[VAULT_ID])
{
    uint8_t *mem = v->work->object;
    uint8_t own[VAULT_ID];
    size_t n = 0;
    if (vault_object_get(v, id, (struct span){ mem, VAULT_OBJECT_MAX }, &n) != OK)
        return false;
    vault_object_id(bytes_of(mem, n), own);
    return bytes_equal(BYTES_OF(own), bytes_of(id, VAULT_ID));
}

/* Whether the file is there already with these bytes; a torn one is written again. */
static bool is_same(const struct vault *v, const char *name, struct bytes object)
{
    bool same = false;
    uint8_t *mem = calloc(1, object.n + 1);
    size_t n = 0;
    if (mem != NULL &&
        file_read(v->objects, name, (struct span){ mem, object.n + 1 }, &n) == OK)
        same = bytes_equal(bytes_of(mem, n), object);
    free(mem);
    return same;
}

enum err vault_object_put(void *ctx, const uint8_t id[VAULT_ID], struct bytes object)
{
    struct vault *v = ctx;
    char name[OBJECT_NAME];
    TRY(vault_dirs_make(v));
    object_name(id, name);
    if (is_same(v, name, object))
        return OK;
    TRY(vault_ids_add(&v->fresh, id, 1));
    bool alone = v->fresh.n <= (size_t)SYNCED_ALONE * VAULT_ID;
    TRY(file_write(v, v->objects, name, object, alone ? SYNC_NOW : SYNC_LATER));
    v->loose += alone ? 0 : 1;
    return OK;
}

enum err vault_keep(struct vault *v, const uint8_t id[VAULT_ID], struct bytes object)
{
    uint8_t own[VAULT_ID];
    char name[OBJECT_NAME];
    if (object.n < VAULT_OBJECT_MIN || object.n > VAULT_OBJECT_MAX)
        return ERR_FORMAT;
    vault_object_id(object, own);
    if (!bytes_equal(BYTES_OF(own), bytes_of(id, VAULT_ID)))
        return ERR_AUTH;
    TRY(vault_dirs_make(v));
    object_name(id, name);
    TRY(file_write(v, v->objects, name, object, SYNC_LATER));
    v->loose++;
    return OK;
}

enum err vault_object(struct vault *v, const uint8_t id[VAULT_ID], struct home_blob *out)
{
    AUTO_BLOB struct home_blob b = { 0 };
    uint8_t own[VAULT_ID];
    TRY(vault_blob_new(&b, VAULT_OBJECT_MAX));
    enum err e = vault_object_get(v, id, (struct span){ b.p, b.cap }, &b.n);
    if (e == ERR_FORMAT)
        return ERR_CORRUPT;
    TRY(e);
    vault_object_id(bytes_of(b.p, b.n), own);
    if (!bytes_equal(BYTES_OF(own), bytes_of(id, VAULT_ID)))
        return ERR_CORRUPT;
    *out = b;
    b = (struct home_blob){ 0 }; /* the caller's now */
    return OK;
}

enum err vault_barrier(struct vault *v)
{
    if (v->objects < 0)
        return OK;
    if (v->loose > 0 && syncfs(v->objects) != 0)
        return io_error(errno);
    if (fsync(v->objects) != 0)
        return io_error(errno);
    v->loose = 0;
    return OK;
}

void vault_objects_drop(const struct vault *v, struct bytes ids)
{
    char name[OBJECT_NAME];
    for (size_t at = 0; v->objects >= 0 && at < ids.n; at += VAULT_ID) {
        object_name(ids.p + at, name);
        (void)unlinkat(v->objects, name, 0); /* what stays is no harm */
    }
}

enum err vault_objects_sweep(const struct vault *v, const struct home_blob *needed)
{
    uint8_t id[VAULT_ID];
    int fd = v->objects < 0 ? -1 : openat(v->objects, ".", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return v->objects < 0 ? OK : ERR_IO;
    DIR *dir = fdopendir(fd);
    if (dir == NULL) {
        (void)close(fd); /* only read from */
        return ERR_NOMEM;
    }
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        if (hex_decode(bytes_text(e->d_name), SPAN_OF(id)) == OK &&
            !vault_ids_has(needed, id))
            (void)unlinkat(v->objects, e->d_name, 0); /* what stays is no harm */
    }
    (void)closedir(dir); /* only read from */
    return OK;
}

/* ---- the state ---- */

/* Length of the state, the state, ids. */
static enum err state_split(struct bytes plain, struct vault *v, struct vault_state *out,
                            struct home_blob *ids)
{
    struct bytes n = { 0 };
    struct bytes raw = { 0 };
    TRY(bytes_take(&plain, 4, &n));
    TRY(bytes_take(&plain, load_u32(n.p), &raw));
    if (raw.n > sizeof v->state_raw || plain.n % VAULT_ID != 0)
        return ERR_FORMAT;
    memcpy(v->state_raw, raw.p, raw.n);
    TRY(wire_get(&vault_state_schema, bytes_of(v->state_raw, raw.n), out));
    return vault_ids_add(ids, plain.p, plain.n / VAULT_ID);
}

static enum err state_open(struct vault *v, struct bytes all, struct vault_state *out,
                           struct home_blob *ids)
{
    AUTO_BLOB struct home_blob plain = { 0 };
    if (all.n < STATE_HEAD || !bytes_equal(bytes_of(all.p, 5), bytes_of(magic, 5)))
        return ERR_CORRUPT;
    if (all.p[5] != STATE_VERSION)
        return ERR_VERSION;
    struct bytes sealed = bytes_of(all.p + STATE_HEAD, all.n - STATE_HEAD);
    TRY(vault_blob_new(&plain, sealed.n + 1));
    TRY(crypt_open(&v->keys->head, LABEL_HOME_VAULT, BYTES_OF(v->circle), sealed,
                   (struct span){ plain.p, plain.cap }, &plain.n));
    return state_split(bytes_of(plain.p, plain.n), v, out, ids);
}

enum err vault_state_read(struct vault *v, struct vault_state *out, struct home_blob *ids)
{
    AUTO_BLOB struct home_blob all = { 0 };
    struct stat st = { 0 };
    if (v->dir < 0)
        return ERR_UNKNOWN;
    if (fstatat(v->dir, "state", &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? ERR_UNKNOWN : ERR_IO;
    if (!S_ISREG(st.st_mode) || st.st_size > STATE_FILE_MAX)
        return ERR_CORRUPT;
    TRY(vault_blob_new(&all, (size_t)st.st_size + 1));
    TRY(file_read(v->dir, "state", (struct span){ all.p, all.cap }, &all.n));
    return state_open(v, bytes_of(all.p, all.n), out, ids);
}

enum err vault_state_write(struct vault *v, const struct vault_state *s, struct bytes ids,
                           const struct rng *rng)
{
    AUTO_BLOB struct home_blob plain = { 0 };
    AUTO_BLOB struct home_blob all = { 0 };
    TRY(vault_blob_new(&plain, 4 + VAULT_STATE_MAX + ids.n));
    TRY(vault_blob_new(&all, STATE_HEAD + plain.cap + SEAL_OVERHEAD));
    struct buf b = { .p = plain.p, .cap = plain.cap };
    buf_put_u32(&b, 0);
    wire_put(&vault_state_schema, s, &b);
    store_u32(plain.p, (uint32_t)b.n - 4);
    buf_put(&b, ids);
    struct buf file = { .p = all.p, .cap = all.cap };
    buf_put(&file, BYTES_OF(magic));
    crypt_seal(&v->keys->head, LABEL_HOME_VAULT, BYTES_OF(v->circle), buf_bytes(&b), rng,
               &file);
    MUST(!b.over && !file.over);
    if (file.n > STATE_FILE_MAX)
        return ERR_TOO_BIG;
    TRY(file_write(v, v->dir, "state", buf_bytes(&file), SYNC_NOW));
    v->fresh.n = 0; /* the state counts on them, whatever comes after */
    return fsync(v->dir) == 0 ? OK : io_error(errno);
}
