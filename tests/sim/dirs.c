/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/dirs.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/err.h"

enum { PATH = 400 };

static void copy_file(const char *from, const char *to)
{
    static uint8_t block[65536];
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t n;

    MUST(in >= 0 && out >= 0);
    while ((n = read(in, block, sizeof block)) > 0)
        MUST(write(out, block, (size_t)n) == n);
    MUST(n == 0 && close(in) == 0 && close(out) == 0);
}

/* What is in a directory, one kind of thing done with each. */
static void each(const char *dir, const char *to,
                 void (*file)(const char *, const char *),
                 void (*sub)(const char *, const char *))
{
    DIR *d = opendir(dir);
    char from[PATH];
    char into[PATH];

    MUST(d != NULL);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
            (to != dir && strcmp(e->d_name, "reserve") == 0))
            continue;
        MUST(snprintf(from, sizeof from, "%s/%s", dir, e->d_name) < PATH);
        MUST(snprintf(into, sizeof into, "%s/%s", to, e->d_name) < PATH);
        (e->d_type == DT_DIR ? sub : file)(from, into);
    }
    MUST(closedir(d) == 0);
}

void dir_copy(const char *from, const char *to)
{
    MUST(mkdir(to, 0700) == 0);
    each(from, to, copy_file, dir_copy);
}

static void drop_file(const char *path, const char *unused)
{
    (void)unused;
    MUST(unlink(path) == 0);
}

static void drop_dir(const char *path, const char *unused)
{
    (void)unused;
    dir_drop(path);
}

void dir_drop(const char *path)
{
    each(path, path, drop_file, drop_dir);
    MUST(rmdir(path) == 0);
}
