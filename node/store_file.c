/* SPDX-License-Identifier: Apache-2.0 */
#include "node/store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { FILE_NAME = 64, FULL_BELOW = 64 * 1024 };

enum err file_room(int dir, uint64_t *out)
{
    struct statvfs fs;

    if (fstatvfs(dir, &fs) != 0)
        return ERR_IO;
    *out = (uint64_t)fs.f_bavail * fs.f_frsize;
    return OK;
}

enum err file_error(int dir)
{
    int why = errno;
    uint64_t room = UINT64_MAX;

    if (why == ENOSPC || why == EDQUOT)
        return ERR_DISK_FULL;
    if (why == ENOMEM)
        return ERR_NOMEM;
    /* A full disk shows as EIO, too. */
    if (file_room(dir, &room) == OK && room < FULL_BELOW)
        return ERR_DISK_FULL;
    return ERR_IO;
}

enum err file_exists(int dir, const char *name)
{
    if (faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return OK;
    return errno == ENOENT ? ERR_UNKNOWN : ERR_IO;
}

static enum err read_fd(int fd, struct span out, size_t *out_n)
{
    size_t n = 0;
    uint8_t more = 0;

    while (n < out.n) {
        ssize_t got = read(fd, out.p + n, out.n - n);
        if (got < 0)
            return ERR_IO;
        if (got == 0)
            break;
        n += (size_t)got;
    }
    if (n == out.n && read(fd, &more, 1) != 0)
        return ERR_TOO_BIG;
    *out_n = n;
    return OK;
}

enum err file_read(int dir, const char *name, struct span out, size_t *out_n)
{
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0)
        return errno == ENOENT ? ERR_UNKNOWN : ERR_IO;
    enum err e = read_fd(fd, out, out_n);
    (void)close(fd); /* only read from */
    return e;
}

static bool write_fd(int fd, struct bytes b)
{
    while (b.n > 0) {
        ssize_t put = write(fd, b.p, b.n);
        if (put < 0)
            return false;
        b = bytes_of(b.p + put, b.n - (size_t)put);
    }
    return fsync(fd) == 0;
}

enum err file_sync_dir(int dir)
{
    return fsync(dir) == 0 ? OK : file_error(dir);
}

static void temp_name(const char *name, char out[FILE_NAME])
{
    int n = snprintf(out, FILE_NAME, "%s.new", name);
    MUST(n > 0 && n < FILE_NAME);
}

/* The whole file, synced, beside its name. */
static enum err temp_write(int dir, const char *name, struct bytes content)
{
    char temp[FILE_NAME] = "";

    temp_name(name, temp);
    int fd =
        openat(dir, temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return file_error(dir);
    bool good = write_fd(fd, content);
    enum err e = good ? OK : file_error(dir);
    if (close(fd) != 0 && e == OK)
        e = file_error(dir);
    return e;
}

/* Under its name, which is not on the disk before its folder is synced. */
static enum err temp_take(int dir, const char *name)
{
    char temp[FILE_NAME] = "";

    temp_name(name, temp);
    return renameat(dir, temp, dir, name) == 0 ? OK : file_error(dir);
}

static void temp_drop(int dir, const char *name)
{
    char temp[FILE_NAME] = "";

    temp_name(name, temp);
    (void)unlinkat(dir, temp, 0); /* the next try truncates it anyway */
}

enum err file_write(int dir, const char *name, struct bytes content)
{
    enum err e = temp_write(dir, name, content);

    if (e == OK)
        e = temp_take(dir, name);
    if (e != OK) {
        temp_drop(dir, name);
        return e;
    }
    return file_sync_dir(dir);
}

/* Zeros, synced, and no name any more, which is not on the disk yet. ERR_UNKNOWN: none.
 */
static enum err file_blank(int dir, const char *name)
{
    static const uint8_t zeros[256];
    struct stat st;

    int fd = openat(dir, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? ERR_UNKNOWN : ERR_IO;
    if (fstat(fd, &st) == 0 && (size_t)st.st_size <= sizeof(zeros))
        (void)write_fd(fd,
                       bytes_of(zeros, (size_t)st.st_size)); /* unlinked all the same */
    (void)close(fd);                                         /* synced above */
    return unlinkat(dir, name, 0) == 0 ? OK : ERR_IO;
}

enum err file_erase(int dir, const char *name)
{
    enum err e = file_blank(dir, name);

    if (e != OK)
        return e == ERR_UNKNOWN ? OK : e;
    return file_sync_dir(dir);
}

enum err file_reserve(int dir, const char *name, size_t n)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return file_error(dir);
    errno = posix_fallocate(fd, 0, (off_t)n);
    enum err e = errno == 0 ? OK : file_error(dir);
    (void)close(fd); /* nothing was written */
    if (e != OK)
        (void)unlinkat(dir, name, 0); /* half a reserve only takes room */
    return e;
}

enum err file_lock(int dir, const char *name, int *out_fd)
{
    int fd = openat(dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return file_error(dir);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        enum err e = errno == EWOULDBLOCK ? ERR_BUSY : ERR_IO;
        (void)close(fd); /* nothing was written */
        return e;
    }
    *out_fd = fd;
    return OK;
}

/* ---- identity ---- */

static const uint8_t identity_magic[8] = { 'K', 'I', 'T', 'H', 'I', 'D', '\n', 1 };

static void identity_check(struct bytes body, uint8_t out[HASH_BYTES])
{
    crypt_hash(LABEL_STORE_IDENTITY, PARTS(body), (struct span){ out, HASH_BYTES });
}

void identity_encode(const struct store_identity *id, uint8_t out[IDENTITY_FILE])
{
    struct buf b = { .p = out, .cap = IDENTITY_FILE };

    buf_put(&b, BYTES_OF(identity_magic));
    buf_put(&b, BYTES_OF(id->node.b));
    buf_put(&b, BYTES_OF(id->sign.b));
    buf_put(&b, BYTES_OF(id->store.b));
    buf_put(&b, BYTES_OF(id->incarnation));
    identity_check(buf_bytes(&b), out + b.n);
}

enum err identity_decode(struct bytes in, struct store_identity *out)
{
    uint8_t check[HASH_BYTES];
    const size_t body = IDENTITY_FILE - HASH_BYTES;

    if (in.n != IDENTITY_FILE ||
        !bytes_equal(bytes_of(in.p, 7), bytes_of(identity_magic, 7)))
        return ERR_CORRUPT;
    identity_check(bytes_of(in.p, body), check);
    if (!bytes_equal(BYTES_OF(check), bytes_of(in.p + body, HASH_BYTES)))
        return ERR_CORRUPT;
    if (in.p[7] != identity_magic[7])
        return ERR_VERSION;

    const uint8_t *p = in.p + sizeof(identity_magic);
    memcpy(out->node.b, p, KEY_BYTES);
    memcpy(out->sign.b, p + KEY_BYTES, KEY_BYTES);
    memcpy(out->store.b, p + 2 * KEY_BYTES, KEY_BYTES);
    memcpy(out->incarnation, p + 3 * KEY_BYTES, ID_BYTES);
    crypt_dh_public(&out->node, out->node_pub);
    crypt_sign_public(&out->sign, out->sign_pub);
    return OK;
}

/* ---- anchor ---- */

enum err anchor_write(int dir, const struct store_identity *id, const struct rng *rng,
                      const struct anchor *a)
{
    uint8_t plain[ANCHOR_FILE - SEAL_OVERHEAD];
    uint8_t sealed[ANCHOR_FILE];
    struct buf body = BUF_OF(plain);
    struct buf file = BUF_OF(sealed);

    buf_put_u64(&body, a->log.seq);
    buf_put(&body, BYTES_OF(a->log.hash));
    buf_put_u64(&body, a->commits);
    crypt_seal(&id->store, LABEL_STORE_ANCHOR, BYTES_OF(id->node_pub), buf_bytes(&body),
               rng, &file);
    MUST(!file.over && file.n == ANCHOR_FILE);
    return file_write(dir, "anchor", buf_bytes(&file));
}

enum err anchor_read(int dir, const struct store_identity *id, struct anchor *out)
{
    uint8_t sealed[ANCHOR_FILE];
    uint8_t plain[ANCHOR_FILE - SEAL_OVERHEAD];
    size_t n = 0;

    enum err e = file_read(dir, "anchor", SPAN_OF(sealed), &n);
    if (e == ERR_UNKNOWN || e == ERR_IO)
        return e;
    if (e != OK || n != ANCHOR_FILE)
        return ERR_CORRUPT;
    if (crypt_open(&id->store, LABEL_STORE_ANCHOR, BYTES_OF(id->node_pub),
                   BYTES_OF(sealed), SPAN_OF(plain), &n) != OK)
        return ERR_CORRUPT;
    out->log.seq = load_u64(plain);
    memcpy(out->log.hash, plain + 8, HASH_BYTES);
    out->commits = load_u64(plain + 8 + HASH_BYTES);
    return OK;
}

/* ---- data keys ---- */

enum { KEYFILE = KEY_BYTES + SEAL_OVERHEAD, KEYFILE_NAME = 2 * ID_BYTES + 3 };

static const char *const copies[] = { ".a", ".b" };

static void keyfile_name(const uint8_t name[ID_BYTES], const char *copy,
                         char out[KEYFILE_NAME])
{
    hex_encode(bytes_of(name, ID_BYTES), out, KEYFILE_NAME);
    memcpy(out + 2 * ID_BYTES, copy, 3);
}

static enum err keyfile_temp(int keys, const struct store_identity *id,
                             const struct rng *rng, const uint8_t name[ID_BYTES],
                             const struct seal_key *key, const char *path)
{
    uint8_t sealed[KEYFILE];
    struct buf file = BUF_OF(sealed);

    crypt_seal(&id->store, LABEL_STORE_DATA, bytes_of(name, ID_BYTES), BYTES_OF(key->b),
               rng, &file);
    MUST(!file.over && file.n == KEYFILE);
    return temp_write(keys, path, buf_bytes(&file));
}

/* One sync of the folder is enough for both names: nothing uses the key before it. */
enum err keyfile_write(int keys, const struct store_identity *id, const struct rng *rng,
                       const uint8_t name[ID_BYTES], const struct seal_key *key)
{
    char path[2][KEYFILE_NAME];
    enum err e = OK;

    for (size_t i = 0; e == OK && i < 2; i++) {
        keyfile_name(name, copies[i], path[i]);
        e = keyfile_temp(keys, id, rng, name, key, path[i]);
    }
    for (size_t i = 0; e == OK && i < 2; i++)
        e = temp_take(keys, path[i]);
    if (e == OK)
        return file_sync_dir(keys);
    for (size_t i = 0; i < 2; i++) {
        keyfile_name(name, copies[i], path[i]);
        temp_drop(keys, path[i]);
    }
    return e;
}

static enum err keyfile_read_copy(int keys, const struct store_identity *id,
                                  const uint8_t name[ID_BYTES], const char *copy,
                                  struct seal_key *out)
{
    uint8_t sealed[KEYFILE];
    char path[KEYFILE_NAME];
    size_t n = 0;

    keyfile_name(name, copy, path);
    enum err e = file_read(keys, path, SPAN_OF(sealed), &n);
    if (e == ERR_UNKNOWN)
        return e;
    if (e != OK || crypt_open(&id->store, LABEL_STORE_DATA, bytes_of(name, ID_BYTES),
                              bytes_of(sealed, n), SPAN_OF(out->b), &n) != OK)
        return ERR_CORRUPT;
    return n == KEY_BYTES ? OK : ERR_CORRUPT;
}

enum err keyfile_read(int keys, const struct store_identity *id,
                      const uint8_t name[ID_BYTES], struct seal_key *out)
{
    enum err a = keyfile_read_copy(keys, id, name, copies[0], out);

    if (a == OK)
        return OK;
    enum err b = keyfile_read_copy(keys, id, name, copies[1], out);
    return b == ERR_UNKNOWN ? a : b;
}

enum err keyfile_erase(int keys, const uint8_t name[ID_BYTES])
{
    char path[KEYFILE_NAME];
    enum err worst = OK;
    bool any = false;

    for (size_t i = 0; i < 2; i++) {
        keyfile_name(name, copies[i], path);
        enum err e = file_blank(keys, path);
        any = any || e == OK;
        worst = e != OK && e != ERR_UNKNOWN ? e : worst;
    }
    /* The content is gone already, whatever becomes of the names. */
    enum err synced = any ? file_sync_dir(keys) : OK;
    return worst != OK ? worst : synced;
}
