/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/bytes.h"

enum { PATH = 300, CHANGES = 64, DIRTY = 16 };

/* A name that now stands for something else than the disk may know. */
struct change {
    char path[PATH];
    bool was;  /* there was a file of that name */
    bool torn; /* what is there now was not synced before it got the name */
    size_t n;
    uint8_t *old; /* what was in it */
};

static struct {
    char dir[PATH];
    disk_dies dies;
    void *ctx;
    bool gone;
    bool forgets;
    size_t n;
    struct change changes[CHANGES];
    size_t n_dirty;
    ino_t dirty[DIRTY]; /* files that were made and not synced */
} disk;

/* ---- what is watched ---- */

static bool path_of(int fd, const char *name, char out[PATH])
{
    char link[32];
    char dir[PATH];

    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd); /* fits */
    ssize_t n = readlink(link, dir, sizeof dir - 1);

    if (disk.dies == NULL || n <= 0)
        return false;
    dir[n] = 0;
    size_t under = strlen(disk.dir);

    if (strncmp(dir, disk.dir, under) != 0 || (dir[under] != 0 && dir[under] != '/'))
        return false;
    MUST(snprintf(out, PATH, "%s%s%s", dir, name != NULL ? "/" : "",
                  name != NULL ? name : "") < PATH);
    return true;
}

static const char *base(const char *path)
{
    return strrchr(path, '/') + 1;
}

/* True: it is dead, and does not do it. */
static bool moment(const char *path, bool before)
{
    disk.gone = disk.gone || disk.dies(disk.ctx, base(path), before);
    if (disk.gone)
        errno = EIO;
    return disk.gone;
}

static void forget(size_t from)
{
    for (size_t i = from; i < disk.n; i++)
        free(disk.changes[i].old);
    disk.n = from < disk.n ? from : disk.n;
}

/* Its names are on the disk now. */
static void settle(const char *dir)
{
    size_t under = strlen(dir);
    size_t left = 0;

    for (size_t i = 0; i < disk.n; i++) {
        struct change *c = &disk.changes[i];

        if (!c->torn && strncmp(c->path, dir, under) == 0 &&
            strchr(c->path + under + 1, '/') == NULL)
            free(c->old);
        else
            disk.changes[left++] = *c;
    }
    disk.n = left;
}

/* What stands there before it is changed. */
static void remember(const char *path, bool torn)
{
    struct change *c = &disk.changes[disk.n];
    struct stat st = { 0 };
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    MUST(disk.n < CHANGES && strlen(path) < PATH);
    *c = (struct change){ .was = fd >= 0, .torn = torn };
    memcpy(c->path, path, strlen(path) + 1);
    disk.n++;
    if (fd < 0)
        return;
    MUST(fstat(fd, &st) == 0);
    c->n = (size_t)st.st_size;
    c->old = calloc(1, c->n + 1);
    MUST(c->old != NULL && read(fd, c->old, c->n) == st.st_size);
    (void)close(fd); /* was only read */
}

static bool is_dirty(ino_t file)
{
    for (size_t i = 0; i < disk.n_dirty; i++)
        if (disk.dirty[i] == file)
            return true;
    return false;
}

static bool is_synced(const char *path)
{
    struct stat st = { 0 };

    MUST(stat(path, &st) == 0);
    return !is_dirty(st.st_ino);
}

static void clean(ino_t file)
{
    size_t left = 0;

    for (size_t i = 0; i < disk.n_dirty; i++)
        if (disk.dirty[i] != file)
            disk.dirty[left++] = disk.dirty[i];
    disk.n_dirty = left;
}

/* ---- the linker sends these calls here first ---- */

int real_renameat(int a, const char *x, int b, const char *y) __asm__("__real_renameat");
int wrap_renameat(int a, const char *x, int b, const char *y) __asm__("__wrap_renameat");
int real_renameat2(int a, const char *x, int b, const char *y,
                   unsigned flags) __asm__("__real_renameat2");
int wrap_renameat2(int a, const char *x, int b, const char *y,
                   unsigned flags) __asm__("__wrap_renameat2");
int real_unlinkat(int fd, const char *name, int flags) __asm__("__real_unlinkat");
int wrap_unlinkat(int fd, const char *name, int flags) __asm__("__wrap_unlinkat");
int real_fsync(int fd) __asm__("__real_fsync");
int wrap_fsync(int fd) __asm__("__wrap_fsync");
int real_openat(int dir, const char *name, int flags, ...) __asm__("__real_openat");
int wrap_openat(int dir, const char *name, int flags, ...) __asm__("__wrap_openat");

static int renamed(int a, const char *x, int b, const char *y, unsigned flags)
{
    char from[PATH];
    char to[PATH];

    if (!path_of(a, x, from) || !path_of(b, y, to))
        return real_renameat2(a, x, b, y, flags);
    if (moment(to, true))
        return -1;
    size_t n = disk.n;

    remember(to, !is_synced(from));
    int done = real_renameat2(a, x, b, y, flags);

    if (done != 0) {
        forget(n);
        return done;
    }
    return moment(to, false) ? -1 : 0;
}

int wrap_renameat(int a, const char *x, int b, const char *y)
{
    return renamed(a, x, b, y, 0);
}

int wrap_renameat2(int a, const char *x, int b, const char *y, unsigned flags)
{
    return renamed(a, x, b, y, flags);
}

int wrap_unlinkat(int fd, const char *name, int flags)
{
    char path[PATH];

    if (!path_of(fd, name, path) || access(path, F_OK) != 0)
        return real_unlinkat(fd, name, flags);
    if (moment(path, true))
        return -1;
    if ((flags & AT_REMOVEDIR) == 0)
        remember(path, false);
    int done = real_unlinkat(fd, name, flags);

    return moment(path, false) ? -1 : done;
}

int wrap_fsync(int fd)
{
    char path[PATH];
    struct stat st = { 0 };

    if (!path_of(fd, NULL, path))
        return real_fsync(fd);
    if (disk.gone) {
        errno = EIO;
        return -1;
    }
    MUST(fstat(fd, &st) == 0);
    if (disk.forgets)
        return 0;
    if (S_ISDIR(st.st_mode)) {
        settle(path);
        return moment(path, false) ? -1 : 0;
    }
    clean(st.st_ino);
    return 0;
}

/* A file that is made is dirty until it is synced. */
int wrap_openat(int dir, const char *name, int flags, ...)
{
    struct stat st = { 0 };
    va_list args;

    va_start(args, flags);
    int fd = real_openat(dir, name, flags,
                         (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : (mode_t)0);
    va_end(args);
    char path[PATH];

    if (fd < 0 || (flags & O_CREAT) == 0 || !path_of(dir, name, path))
        return fd;
    MUST(fstat(fd, &st) == 0);
    clean(st.st_ino);
    if (disk.n_dirty == DIRTY)
        clean(disk.dirty[0]);
    disk.dirty[disk.n_dirty++] = st.st_ino;
    return fd;
}

/* ---- its life ---- */

void disk_watch(const char *dir, disk_dies dies, void *ctx)
{
    forget(0);
    disk.gone = false;
    disk.n_dirty = 0;
    disk.dies = dir != NULL ? dies : NULL;
    disk.ctx = ctx;
    if (dir != NULL)
        MUST(snprintf(disk.dir, PATH, "%s", dir) < PATH);
}

void disk_forgets(bool forgets)
{
    disk.forgets = forgets;
}

bool disk_gone(void)
{
    return disk.gone;
}

void disk_kill(void)
{
    disk.gone = true;
}

static bool toss(const struct rng *chance)
{
    uint8_t byte = 0;

    rng_fill(chance, &byte, 1);
    return (byte & 1) != 0;
}

static void take_back(const struct change *c, const struct rng *chance)
{
    bool back = toss(chance);

    if (!back && !c->torn)
        return;
    if (back && !c->was) {
        (void)unlink(c->path); /* gone by a later change */
        return;
    }
    int fd = open(c->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    MUST(fd >= 0);
    if (back)
        MUST(write(fd, c->old, c->n) == (ssize_t)c->n);
    MUST(close(fd) == 0);
}

void disk_again(bool power, const struct rng *chance)
{
    for (size_t i = disk.n; power && i-- > 0;)
        take_back(&disk.changes[i], chance);
    forget(0);
    disk.gone = false;
    disk.n_dirty = 0;
}

const char *disk_unsynced(void)
{
    static char name[PATH];

    if (disk.n == 0)
        return NULL;
    memcpy(name, disk.changes[0].path, PATH);

    forget(0);
    return name;
}
