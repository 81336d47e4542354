/* SPDX-License-Identifier: Apache-2.0 */
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
