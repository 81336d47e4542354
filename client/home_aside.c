/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "client/home.h"

enum { ASIDE = 32 };

static const char root_name[] = "root";

static void aside_name(uint64_t when, char out[ASIDE])
{
    (void)snprintf(out, ASIDE, "%s.%llu", root_name, (unsigned long long)when); /* fits */
}

static bool has_aside(const struct home *h, uint64_t when)
{
    char aside[ASIDE];
    aside_name(when, aside);
    return faccessat(h->dir, aside, F_OK, 0) == 0;
}

static bool is_aside(const char *name)
{
    const size_t n = sizeof root_name - 1;
    return strncmp(name, root_name, n) == 0 && name[n] == '.' && name[n + 1] >= '0' &&
           name[n + 1] <= '9';
}

bool home_has_aside(const char *path)
{
    bool found = false;
    DIR *dir = opendir(path);
    if (dir == NULL)
        return false;
    for (const struct dirent *e = readdir(dir); e != NULL && !found; e = readdir(dir))
        found = is_aside(e->d_name);
    (void)closedir(dir); /* only read */
    return found;
}

bool home_is_moving(const char *path)
{
    char file[HOME_PATH + ASIDE];
    (void)snprintf(file, sizeof file, "%s/move", path);
    return access(file, F_OK) == 0;
}

/* Without the lock, which the caller may hold: a file is replaced whole. */
bool home_is_helper(const char *path)
{
    struct home h = { .dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), .lock = -1 };
    AUTO_DAY struct day *d = NULL;
    bool helper = h.dir >= 0 && home_day_load(&h, &d) == OK && d->me.helper != 0;
    home_close(&h);
    return helper;
}

uint64_t home_aside_free(const struct home *h, uint64_t when)
{
    while (h->dir >= 0 && has_aside(h, when))
        when++;
    return when;
}

enum err home_root_aside(struct home *h, uint64_t when)
{
    char aside[ASIDE];
    if (h->dir < 0)
        return ERR_STATE;
    if (has_aside(h, when) || !home_has(h, HOME_ROOT))
        return OK;
    aside_name(when, aside);
    if (renameat(h->dir, root_name, h->dir, aside) != 0)
        return errno == ENOSPC ? ERR_DISK_FULL : ERR_IO;
    return fsync(h->dir) == 0 ? OK : ERR_IO;
}
