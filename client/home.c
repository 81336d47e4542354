/* SPDX-License-Identifier: Apache-2.0 */
#include "client/home.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    FILE_VERSION = 1,
    AT_WHICH = 4,
    AT_VERSION = 5,
    AT_LOCK = 6,
    AT_PASSES = 8,
    AT_MEM = 12,
    AT_SALT = 20,
    AT_KEY = 36, /* LOCK_NONE: the key itself */
    AT_OPEN = 68,
    AT_SEALED = 72,
    FILE_HEAD = 76,
    FILE_CHECK = HASH_BYTES,
    COST_PASSES_MAX = 16,
    LOCK_WAIT_MS = 2000,
    LOCK_STEP_MS = 50,
    ROOT_PLAIN = 1024
};

static const size_t cost_mem_max = (size_t)1 << 30;

static const struct file_row {
    const char *name;
    const char *temp;
    char letter;
    enum label label;
} file_rows[HOME_FILES] = {
    [HOME_DAY] = { "day", "day.new", 'd', LABEL_HOME_DAY },
    [HOME_ROOT] = { "root", "root.new", 'r', LABEL_HOME_ROOT },
    [HOME_JOURNAL] = { "journal", "journal.new", 'j', LABEL_HOME_JOURNAL },
    [HOME_RESTORE] = { "restore", "restore.new", 's', LABEL_HOME_RESTORE },
    [HOME_HELD] = { "held", "held.new", 'h', LABEL_HOME_DAY }, /* no sealed part */
    [HOME_CARDS] = { "cards", "cards.new", 'c', LABEL_HOME_CARDS },
    [HOME_MOVE] = { "move", "move.new", 'm', LABEL_HOME_MOVE },
    [HOME_CHECK] = { "check", "check.new", 'k', LABEL_HOME_DAY }, /* no sealed part */
    [HOME_DEVICE] = { "device", "device.new", 'v', LABEL_HOME_DEVICE },
};

static const uint8_t magic[4] = { 'K', 'I', 'T', 'H' };

/* ---- the directory ---- */

static enum err io_error(int code)
{
    return code == ENOSPC || code == EDQUOT ? ERR_DISK_FULL : ERR_IO;
}

static enum err take_lock(struct home *h)
{
    h->lock = openat(h->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (h->lock < 0)
        return io_error(errno);
    const struct timespec step = { .tv_nsec = LOCK_STEP_MS * 1000000L };
    for (int waited = 0; flock(h->lock, LOCK_EX | LOCK_NB) != 0; waited += LOCK_STEP_MS) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return ERR_IO;
        if (waited >= LOCK_WAIT_MS)
            return ERR_BUSY;
        (void)nanosleep(&step, NULL); /* cut short is fine */
    }
    return OK;
}

static enum err open_dir(struct home *h, enum home_mode mode)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    h->dir = open(h->path, flags);
    if (h->dir >= 0)
        return OK;
    if (errno != ENOENT)
        return ERR_IO;
    if (mode == HOME_READ)
        return OK;
    if (mkdir(h->path, 0700) != 0)
        return errno == ENOENT ? ERR_UNKNOWN : io_error(errno);
    h->dir = open(h->path, flags);
    return h->dir < 0 ? ERR_IO : OK;
}

static enum err check_dir(const struct home *h)
{
    struct stat st = { 0 };
    if (fstat(h->dir, &st) != 0)
        return ERR_IO;
    if (st.st_uid != geteuid() || (st.st_mode & 077) != 0)
        return ERR_STATE;
    return OK;
}

static enum err open_all(struct home *h, enum home_mode mode)
{
    TRY(open_dir(h, mode));
    if (h->dir < 0)
        return OK;
    TRY(check_dir(h));
    return take_lock(h);
}

enum err home_open(const char *path, enum home_mode mode, struct home *out)
{
    struct home h = { .dir = -1, .lock = -1 };
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof h.path)
        return ERR_TOO_BIG;
    memcpy(h.path, path, n + 1);
    enum err e = open_all(&h, mode);
    if (e != OK) {
        home_close(&h);
        return e;
    }
    *out = h;
    return OK;
}

void home_close(struct home *h)
{
    if (h->lock >= 0)
        (void)close(h->lock); /* gives the lock back */
    if (h->dir >= 0)
        (void)close(h->dir); /* only a directory */
    h->lock = -1;
    h->dir = -1;
}

bool home_has(const struct home *h, enum home_file which)
{
    struct stat st = { 0 };
    return h->dir >= 0 &&
           fstatat(h->dir, file_rows[which].name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

enum err home_drop(struct home *h, enum home_file which)
{
    MUST(which != HOME_ROOT);
    if (h->dir < 0)
        return OK;
    if (unlinkat(h->dir, file_rows[which].name, 0) != 0 && errno != ENOENT)
        return ERR_IO;
    return fsync(h->dir) == 0 ? OK : ERR_IO;
}

/* ---- blobs and records ---- */

void home_blob_free(struct home_blob *b)
{
    if (b->p != NULL)
        secret_wipe(b->p, b->cap);
    free(b->p);
    *b = (struct home_blob){ 0 };
}

static enum err blob_room(struct home_blob *b, size_t more)
{
    size_t need = 0;
    TRY(size_add(b->n, more, &need));
    if (need > HOME_FILE_MAX)
        return ERR_TOO_BIG;
    if (need <= b->cap)
        return OK;
    size_t cap = need < 4096 ? 4096 : need * 2;
    uint8_t *p = calloc(1, cap);
    if (p == NULL)
        return ERR_NOMEM;
    if (b->n > 0)
        memcpy(p, b->p, b->n);
    size_t n = b->n;
    home_blob_free(b); /* wiped: realloc would leave a copy behind */
    *b = (struct home_blob){ .p = p, .n = n, .cap = cap };
    return OK;
}

enum err blob_put(struct home_blob *b, uint8_t kind, const struct wire_schema *s,
                  const void *value)
{
    TRY(blob_room(b, 5 + WIRE_MAX));
    struct buf out = { .p = b->p + b->n + 5, .cap = WIRE_MAX };
    wire_put(s, value, &out);
    if (out.over)
        return ERR_TOO_BIG;
    b->p[b->n] = kind;
    store_u32(b->p + b->n + 1, (uint32_t)out.n);
    b->n += 5 + out.n;
    return OK;
}

enum err blob_next(struct bytes *in, uint8_t *out_kind, struct bytes *out_body)
{
    struct bytes rest = *in;
    struct bytes head = { 0 };
    struct bytes body = { 0 };
    TRY(bytes_take(&rest, 5, &head));
    TRY(bytes_take(&rest, load_u32(head.p + 1), &body));
    *out_kind = head.p[0];
    *out_body = body;
    *in = rest;
    return OK;
}

/* ---- one file, read ---- */

static enum err read_fd(int fd, struct home_blob *out)
{
    struct stat st = { 0 };
    if (fstat(fd, &st) != 0)
        return ERR_IO;
    if (!S_ISREG(st.st_mode) || st.st_size < FILE_HEAD + FILE_CHECK ||
        st.st_size > HOME_FILE_MAX)
        return ERR_CORRUPT;
    TRY(blob_room(out, (size_t)st.st_size));
    while (out->n < (size_t)st.st_size) {
        ssize_t got = read(fd, out->p + out->n, (size_t)st.st_size - out->n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ERR_IO;
        if (got == 0)
            return ERR_CORRUPT;
        out->n += (size_t)got;
    }
    return OK;
}

/* Shape and checksum; what a later version wrote is not called damaged. */
static enum err check_file(struct bytes raw, enum home_file which)
{
    const uint8_t *p = raw.p;
    MUST(raw.n >= FILE_HEAD + FILE_CHECK && p != NULL); /* as it was read */
    if (!bytes_equal(bytes_of(p, 4), BYTES_OF(magic)) ||
        p[AT_WHICH] != (uint8_t)file_rows[which].letter)
        return ERR_CORRUPT;
    if (p[AT_VERSION] != FILE_VERSION)
        return ERR_VERSION;
    uint64_t sum = (uint64_t)FILE_HEAD + load_u32(p + AT_OPEN) + load_u32(p + AT_SEALED) +
                   FILE_CHECK;
    if (sum != raw.n)
        return ERR_CORRUPT;
    uint8_t check[FILE_CHECK];
    crypt_hash(LABEL_HOME_CHECK, PARTS(bytes_of(p, raw.n - FILE_CHECK)), SPAN_OF(check));
    if (!bytes_equal(BYTES_OF(check), bytes_of(p + raw.n - FILE_CHECK, FILE_CHECK)))
        return ERR_CORRUPT;
    return OK;
}

static enum err file_get(const struct home *h, enum home_file which,
                         struct home_blob *out)
{
    AUTO_BLOB struct home_blob raw = { 0 };
    if (h->dir < 0)
        return ERR_UNKNOWN;
    int fd = openat(h->dir, file_rows[which].name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? ERR_UNKNOWN : ERR_IO;
    enum err e = read_fd(fd, &raw);
    (void)close(fd); /* only read from */
    TRY(e);
    TRY(check_file(bytes_of(raw.p, raw.n), which));
    *out = raw;
    raw = (struct home_blob){ 0 }; /* the caller's now */
    return OK;
}

enum err home_read_open(struct home *h, enum home_file which, struct home_blob *out)
{
    AUTO_BLOB struct home_blob raw = { 0 };
    TRY(file_get(h, which, &raw));
    size_t n = load_u32(raw.p + AT_OPEN);
    memmove(raw.p, raw.p + FILE_HEAD, n);
    raw.n = n;
    *out = raw;
    raw = (struct home_blob){ 0 }; /* the caller's now */
    return OK;
}

static enum err open_sealed(const struct home_blob *raw, enum home_file which,
                            const struct home_key *key, struct span out, size_t *out_n)
{
    size_t open_n = load_u32(raw->p + AT_OPEN);
    struct bytes ad = bytes_of(raw->p, FILE_HEAD + open_n);
    struct bytes sealed =
        bytes_of(raw->p + FILE_HEAD + open_n, load_u32(raw->p + AT_SEALED));
    return crypt_open(&key->key, file_rows[which].label, ad, sealed, out, out_n);
}

enum err home_read_sealed(struct home *h, enum home_file which,
                          const struct home_key *key, struct span out, size_t *out_n)
{
    AUTO_BLOB struct home_blob raw = { 0 };
    TRY(file_get(h, which, &raw));
    return open_sealed(&raw, which, key, out, out_n);
}

/* ---- one file, written ---- */

static enum err write_fd(int fd, struct bytes all)
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
    return fsync(fd) == 0 ? OK : io_error(errno);
}

enum replace { REPLACE_NEVER, REPLACE_OLD };

static enum err put_name(const struct home *h, const struct file_row *row,
                         enum replace how)
{
    unsigned flags = how == REPLACE_NEVER ? RENAME_NOREPLACE : 0;
    if (renameat2(h->dir, row->temp, h->dir, row->name, flags) == 0)
        return fsync(h->dir) == 0 ? OK : io_error(errno);
    if (errno == EEXIST)
        return ERR_EXISTS;
    /* Not every file system knows the flag; our lock keeps other kiths away. */
    if (errno != EINVAL || faccessat(h->dir, row->name, F_OK, 0) == 0)
        return io_error(errno);
    if (renameat(h->dir, row->temp, h->dir, row->name) != 0)
        return io_error(errno);
    return fsync(h->dir) == 0 ? OK : io_error(errno);
}

static enum err file_put(const struct home *h, enum home_file which, struct bytes all,
                         enum replace how)
{
    if (h->dir < 0)
        return ERR_STATE;
    const struct file_row *row = &file_rows[which];
    /* A temporary file that a power cut left behind is nobody's. */
    if (unlinkat(h->dir, row->temp, 0) != 0 && errno != ENOENT)
        return ERR_IO;
    int fd = openat(h->dir, row->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return io_error(errno);
    enum err e = write_fd(fd, all);
    if (close(fd) != 0 && e == OK)
        e = io_error(errno);
    if (e == OK)
        e = put_name(h, row, how);
    if (e != OK)
        (void)unlinkat(h->dir, row->temp, 0); /* gone after a rename, or of no use */
    return e;
}

static void put_head(enum home_file which, const struct home_key *key, size_t open_n,
                     size_t sealed_n, uint8_t head[FILE_HEAD])
{
    memcpy(head, magic, sizeof magic);
    head[AT_WHICH] = (uint8_t)file_rows[which].letter;
    head[AT_VERSION] = FILE_VERSION;
    store_u32(head + AT_OPEN, (uint32_t)open_n);
    store_u32(head + AT_SEALED, (uint32_t)sealed_n);
    if (key == NULL)
        return;
    head[AT_LOCK] = (uint8_t)key->lock;
    if (key->lock == LOCK_NONE)
        memcpy(head + AT_KEY, key->key.b, KEY_BYTES);
    if (key->lock != LOCK_PASSPHRASE)
        return;
    store_u32(head + AT_PASSES, key->cost.passes);
    store_u64(head + AT_MEM, key->cost.mem);
    memcpy(head + AT_SALT, key->salt, SALT_BYTES);
}

static enum err build(enum home_file which, const struct home_key *key, struct bytes open,
                      struct bytes secret, const struct rng *rng, struct home_blob *out)
{
    size_t sealed_n = key != NULL ? secret.n + SEAL_OVERHEAD : 0;
    MUST(key != NULL || secret.n == 0);
    if (open.n > HOME_FILE_MAX / 4 || secret.n > HOME_FILE_MAX / 2)
        return ERR_TOO_BIG;
    size_t all = FILE_HEAD + open.n + sealed_n + FILE_CHECK;
    TRY(blob_room(out, all));
    struct buf b = { .p = out->p, .cap = all };
    buf_put_zeros(&b, FILE_HEAD);
    put_head(which, key, open.n, sealed_n, b.p);
    buf_put(&b, open);
    if (key != NULL)
        crypt_seal(&key->key, file_rows[which].label, buf_bytes(&b), secret, rng, &b);
    uint8_t check[FILE_CHECK];
    crypt_hash(LABEL_HOME_CHECK, PARTS(buf_bytes(&b)), SPAN_OF(check));
    buf_put(&b, BYTES_OF(check));
    MUST(!b.over && b.n == all);
    out->n = b.n;
    return OK;
}

static enum err write_as(struct home *h, enum home_file which, const struct home_key *key,
                         struct bytes open, struct bytes secret, const struct rng *rng,
                         enum replace how)
{
    AUTO_BLOB struct home_blob all = { 0 };
    TRY(build(which, key, open, secret, rng, &all));
    return file_put(h, which, bytes_of(all.p, all.n), how);
}

enum err home_write(struct home *h, enum home_file which, const struct home_key *key,
                    struct bytes open, struct bytes secret, const struct rng *rng)
{
    MUST(which != HOME_ROOT);
    return write_as(h, which, key, open, secret, rng, REPLACE_OLD);
}

/* ---- keys ---- */

static enum err derive(struct home_key *key, const struct passphrase *pass)
{
    return crypt_argon2id(bytes_of(pass->b, pass->n), key->salt, key->cost,
                          (struct span){ key->key.b, KEY_BYTES });
}

enum err home_key_new(const struct passphrase *pass, struct cost cost,
                      const struct rng *rng, struct home_key **out)
{
    AUTO_SECRET struct home_key *key = NULL;
    TRY(secret_new(&key));
    key->lock = pass != NULL ? LOCK_PASSPHRASE : LOCK_NONE;
    key->cost = cost;
    rng_fill(rng, key->salt, sizeof key->salt);
    if (pass != NULL)
        TRY(derive(key, pass));
    else
        rng_fill(rng, key->key.b, KEY_BYTES);
    *out = key;
    key = NULL; /* the caller's now */
    return OK;
}

/* A file may ask for no more than this machine should give. */
static enum err cost_get(const uint8_t *head, struct cost *out)
{
    uint32_t passes = load_u32(head + AT_PASSES);
    uint64_t mem = load_u64(head + AT_MEM);
    if (passes == 0 || passes > COST_PASSES_MAX || mem < cost_minimum.mem ||
        mem > cost_mem_max)
        return ERR_CORRUPT;
    *out = (struct cost){ .mem = (size_t)mem, .passes = passes };
    return OK;
}

static enum err key_of(const struct home_blob *raw, const struct passphrase *pass,
                       struct home_key *key)
{
    key->lock = raw->p[AT_LOCK];
    if (load_u32(raw->p + AT_SEALED) < SEAL_OVERHEAD)
        return ERR_CORRUPT;
    if (key->lock == LOCK_NONE) {
        memcpy(key->key.b, raw->p + AT_KEY, KEY_BYTES);
        return OK;
    }
    if (key->lock != LOCK_PASSPHRASE)
        return ERR_CORRUPT;
    TRY(cost_get(raw->p, &key->cost));
    if (pass == NULL)
        return ERR_LOCKED;
    memcpy(key->salt, raw->p + AT_SALT, SALT_BYTES);
    return derive(key, pass);
}

/* Opens the file to see whether the key is right, and forgets what is inside. */
static enum err try_key(const struct home_blob *raw, enum home_file which,
                        const struct home_key *key)
{
    AUTO_SECRET void *held = NULL;
    AUTO_FREE void *heap = NULL;
    size_t cap = load_u32(raw->p + AT_SEALED);
    size_t n = 0;
    /* A restore may be greater than all secret memory; its loader has it on the heap. */
    if (which == HOME_ROOT)
        TRY(secret_alloc(cap, &held));
    else if ((heap = calloc(1, cap)) == NULL)
        return ERR_NOMEM;
    void *plain = held != NULL ? held : heap;
    enum err e = open_sealed(raw, which, key, (struct span){ plain, cap }, &n);
    secret_wipe(plain, cap);
    return e;
}

enum err home_key_open(struct home *h, enum home_file which,
                       const struct passphrase *pass, struct home_key **out)
{
    AUTO_BLOB struct home_blob raw = { 0 };
    AUTO_SECRET struct home_key *key = NULL;
    TRY(file_get(h, which, &raw));
    TRY(secret_new(&key));
    TRY(key_of(&raw, pass, key));
    enum err e = try_key(&raw, which, key);
    if (e == ERR_AUTH)
        return key->lock == LOCK_PASSPHRASE ? ERR_PASSPHRASE : ERR_CORRUPT;
    TRY(e);
    *out = key;
    key = NULL; /* the caller's now */
    return OK;
}

enum err home_image_make(const struct home_key *key, struct bytes open,
                         struct bytes secret, const struct rng *rng,
                         struct home_blob *out)
{
    return build(HOME_DEVICE, key, open, secret, rng, out);
}

/* A copy of in; nothing gives an empty one. */
static enum err blob_copy(struct bytes in, struct home_blob *out)
{
    TRY(blob_room(out, in.n));
    if (out->p == NULL)
        return OK;
    memcpy(out->p, in.p, in.n);
    out->n = in.n;
    return OK;
}

static enum err image_parts(const struct home_blob *raw, const struct home_key *key,
                            struct home_blob *out_open, struct home_blob *out_secret)
{
    AUTO_BLOB struct home_blob open = { 0 };
    AUTO_BLOB struct home_blob secret = { 0 };
    TRY(blob_copy(bytes_of(raw->p + FILE_HEAD, load_u32(raw->p + AT_OPEN)), &open));
    TRY(blob_room(&secret, load_u32(raw->p + AT_SEALED)));
    struct span room = { secret.p, secret.cap };
    TRY(open_sealed(raw, HOME_DEVICE, key, room, &secret.n));
    *out_open = open;
    *out_secret = secret;
    open = (struct home_blob){ 0 }; /* the caller's now */
    secret = (struct home_blob){ 0 };
    return OK;
}

enum err home_image_open(struct bytes image, const struct passphrase *pass,
                         struct home_key **out_key, struct home_blob *out_open,
                         struct home_blob *out_secret)
{
    AUTO_BLOB struct home_blob raw = { 0 };
    AUTO_SECRET struct home_key *key = NULL;
    if (image.n < FILE_HEAD + FILE_CHECK)
        return ERR_CORRUPT;
    TRY(check_file(image, HOME_DEVICE));
    TRY(blob_copy(image, &raw));
    MUST(raw.p != NULL); /* it is longer than its head */
    TRY(secret_new(&key));
    TRY(key_of(&raw, pass, key));
    enum err e = image_parts(&raw, key, out_open, out_secret);
    if (e != OK)
        return e == ERR_AUTH ? ERR_PASSPHRASE : e;
    *out_key = key;
    key = NULL; /* the caller's now */
    return OK;
}

enum home_lock home_lock_of(struct home *h, enum home_file which)
{
    AUTO_BLOB struct home_blob raw = { 0 };
    if (file_get(h, which, &raw) != OK || raw.p[AT_LOCK] > LOCK_ROOT)
        return LOCK_NONE;
    return raw.p[AT_LOCK];
}

/* ---- the root box ---- */

static const struct wire_field epoch_keys_fields[] = {
    W_UINT(epoch_keys, epoch, 1, WIRE_MUST, UINT32_MAX),
    W_FIX(epoch_keys, manifest_hash, 2, WIRE_MUST),
    W_FIX(epoch_keys, manifest_key, 3, WIRE_MUST),
    W_FIX(epoch_keys, roster_key, 4, WIRE_MUST),
};
static const struct wire_schema epoch_keys_schema =
    W_SCHEMA(epoch_keys, epoch_keys_fields);
static const struct wire_field root_box_fields[] = {
    W_FIX(root_box, root, 1, WIRE_MUST),
    W_LIST(root_box, epochs, 2, WIRE_MAY, 0, &epoch_keys_schema),
};
const struct wire_schema root_box_schema = W_SCHEMA(root_box, root_box_fields);

static enum err root_write(struct home *h, const struct root_box *box,
                           const struct home_key *key, const struct rng *rng,
                           enum replace how)
{
    AUTO_SECRET void *plain = NULL;
    TRY(secret_alloc(ROOT_PLAIN, &plain));
    struct buf b = { .p = plain, .cap = ROOT_PLAIN };
    wire_put(&root_box_schema, box, &b);
    MUST(!b.over);
    return write_as(h, HOME_ROOT, key, (struct bytes){ 0 }, buf_bytes(&b), rng, how);
}

static enum err root_read(struct home *h, const struct home_key *key,
                          struct root_box *out)
{
    AUTO_SECRET void *plain = NULL;
    TRY(secret_alloc(ROOT_PLAIN, &plain));
    size_t n = 0;
    TRY(home_read_sealed(h, HOME_ROOT, key, (struct span){ plain, ROOT_PLAIN }, &n));
    enum err e = wire_get(&root_box_schema, bytes_of(plain, n), out);
    return e == ERR_FORMAT || e == ERR_TOO_BIG ? ERR_CORRUPT : e;
}

enum err home_root_create(struct home *h, const struct root_key *root,
                          const struct home_key *key, const struct rng *rng)
{
    if (home_has(h, HOME_ROOT))
        return ERR_EXISTS;
    AUTO_SECRET struct root_box *box = NULL;
    TRY(secret_new(&box));
    memcpy(box->root, root->b, KEY_BYTES);
    return root_write(h, box, key, rng, REPLACE_NEVER);
}

enum err home_root_unlock(struct home *h, const struct passphrase *pass,
                          struct unlocked **out)
{
    AUTO_SECRET struct home_key *key = NULL;
    TRY(home_key_open(h, HOME_ROOT, pass, &key));
    return home_root_open(h, key, out);
}

enum err home_root_open(struct home *h, const struct home_key *key, struct unlocked **out)
{
    AUTO_SECRET struct unlocked *u = NULL;
    TRY(secret_new(&u));
    u->key = *key;
    TRY(root_read(h, key, &u->box));
    memcpy(u->root.b, u->box.root, KEY_BYTES);
    *out = u;
    u = NULL; /* the caller's now */
    return OK;
}

/* Only the box of that very root is written again. */
static enum err root_same(struct home *h, const struct unlocked *u)
{
    AUTO_SECRET struct root_box *old = NULL;
    TRY(secret_new(&old));
    TRY(root_read(h, &u->key, old));
    return secret_equal(old->root, u->root.b, KEY_BYTES) &&
                   secret_equal(old->root, u->box.root, KEY_BYTES)
               ? OK
               : ERR_CORRUPT;
}

enum err home_root_save(struct home *h, const struct unlocked *u, const struct rng *rng)
{
    TRY(root_same(h, u));
    return root_write(h, &u->box, &u->key, rng, REPLACE_OLD);
}

enum err home_root_lock(struct home *h, struct unlocked *u, const struct home_key *key,
                        const struct rng *rng)
{
    TRY(root_same(h, u));
    TRY(root_write(h, &u->box, key, rng, REPLACE_OLD));
    u->key = *key;
    return OK;
}

enum err home_journal_key(const struct root_key *root, struct home_key **out)
{
    AUTO_SECRET struct home_key *key = NULL;
    AUTO_SECRET struct level_key *level = NULL;
    TRY(secret_new(&key));
    TRY(secret_new(&level));
    crypt_level(root, LEVEL_OWNER, level);
    key->lock = LOCK_ROOT;
    crypt_keyed(level->b, LABEL_HOME_JOURNAL_KEY, PARTS({ 0 }),
                (struct span){ key->key.b, KEY_BYTES });
    *out = key;
    key = NULL; /* the caller's now */
    return OK;
}
