/* SPDX-License-Identifier: Apache-2.0 */
/* kith secret export: a plain directory, its files named safely, with an index. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/cmd_secret_part.h"

enum { FILE_NAME = 128, STEM_MAX = 90 };

static const char index_name[] = "index.json";

/* A file of the export. */
struct exported {
    const struct vault_item *item;
    char file[FILE_NAME];
};

/* ---- names ---- */

static size_t rune_bytes(uint8_t lead)
{
    if (lead >= 0xf0)
        return 4;
    if (lead >= 0xe0)
        return 3;
    return lead >= 0xc0 ? 2 : 1;
}

/* What no file system of a memory stick takes, and what leads out of the directory. */
static bool is_bad(uint8_t c)
{
    return c < ' ' || c == 127 || strchr("/\\:*?\"<>|", c) != NULL;
}

/* The name as a file: no path, not hidden, no dot or blank at its end, not too long. */
static void safe_name(struct bytes name, char out[FILE_NAME])
{
    size_t n = 0;

    for (size_t i = 0; i < name.n;) {
        size_t len = rune_bytes(name.p[i]);
        if (len > name.n - i || n + len > STEM_MAX)
            break;
        memcpy(out + n, name.p + i, len);
        if (is_bad(name.p[i]))
            out[n] = '_';
        n += len;
        i += len;
    }
    while (n > 0 && (out[n - 1] == '.' || out[n - 1] == ' '))
        n--;
    out[n] = 0;
    if (out[0] == '.' || out[0] == '-')
        out[0] = '_';
    if (n == 0)
        (void)snprintf(out, FILE_NAME, "unnamed");
}

/* As a memory stick compares: without capitals. */
static int by_file(const void *a, const void *b)
{
    return strcasecmp(((const struct exported *)a)->file,
                      ((const struct exported *)b)->file);
}

/* "name" and "Name" get their ids behind, as does what is called like the index. */
static void part_names(struct exported *list, size_t n)
{
    for (size_t i = 0, same = 0; i < n; i += same) {
        same = 1;
        while (i + same < n && strcasecmp(list[i].file, list[i + same].file) == 0)
            same++;
        bool alone = same == 1 && strcasecmp(list[i].file, index_name) != 0;
        for (size_t k = i; !alone && k < i + same; k++) {
            size_t at = strlen(list[k].file);
            list[k].file[at++] = '-';
            hex_encode(BYTES_OF(list[k].item->id), list[k].file + at, FILE_NAME - at);
        }
    }
}

static struct exported *all_named(const struct shelf *s, size_t n)
{
    struct exported *list = calloc(n + 1, sizeof *list);

    MUST(list != NULL);
    for (size_t i = 0; i < n; i++) {
        list[i].item = vault_at(s->vault, i);
        safe_name(list[i].item->name, list[i].file);
    }
    qsort(list, n, sizeof *list, by_file);
    part_names(list, n);
    return list;
}

/* ---- the directory ---- */

static enum err not_a_place(const struct ctx *ctx, const char *path, const char *what)
{
    return term_fail_as(ctx->term, ERR_EXISTS, EXIT_USAGE, "export-place",
                        "Nothing is overwritten, and nobody else may read it.",
                        "Name a directory that is not there yet.", "%s %s.", path, what);
}

static bool is_empty(int dir)
{
    /* Its own descriptor: closedir takes it. */
    int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = again < 0 ? NULL : fdopendir(again);
    size_t n = 0;

    if (d == NULL)
        return false;
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    (void)closedir(d);
    return n == 0;
}

static enum err place_open(const struct ctx *ctx, const char *path, int *out_dir)
{
    struct stat st;
    bool made = mkdir(path, 0700) == 0;

    if (!made && errno != EEXIST)
        return term_fail(ctx->term, ERR_IO, NULL, "%s cannot be made: %s.", path,
                         strerror(errno));
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0)
        return not_a_place(ctx, path, "is no directory");
    const char *fault = NULL;
    if (fstat(dir, &st) != 0 || st.st_uid != geteuid())
        fault = "is not yours";
    else if (!is_empty(dir))
        fault = "is not empty";
    else if (fchmod(dir, 0700) != 0)
        fault = "cannot be closed to others";
    if (fault == NULL) {
        *out_dir = dir;
        return OK;
    }
    (void)close(dir); /* only looked at */
    return not_a_place(ctx, path, fault);
}

static enum err file_write(const struct ctx *ctx, int dir, const char *name,
                           struct bytes what)
{
    int fd =
        openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool good = fd >= 0 && write_whole(fd, what) == OK;

    if (fd >= 0)
        good = close(fd) == 0 && good;
    if (good)
        return OK;
    return term_fail(ctx->term, errno == ENOSPC ? ERR_DISK_FULL : ERR_IO, NULL,
                     "The file %s could not be written: %s. What is in the directory is "
                     "not all.",
                     name, strerror(errno));
}

/* ---- everything ---- */

static enum err export_one(const struct ctx *ctx, const struct shelf *s, int dir,
                           const struct exported *x, json_t *index)
{
    AUTO_BLOB struct home_blob b = { 0 };

    TRY(shelf_content(ctx, s, x->item, 0, &b));
    TRY(file_write(ctx, dir, x->file, bytes_of(b.p, b.n)));
    json_t *row = item_json(x->item);
    (void)json_object_del(row, "removed");
    (void)json_object_del(row, "versions");
    (void)json_object_set_new(row, "file", json_string(x->file));
    (void)json_object_set_new(row, "size", json_integer((json_int_t)b.n));
    (void)json_array_append_new(index, row);
    return OK;
}

static enum err export_index(const struct ctx *ctx, int dir, json_t *index)
{
    json_t *doc = json_pack("{s:s, s:O}", "schema", "kith.export/1", "items", index);
    char *text = json_dumps(doc, JSON_INDENT(2));

    MUST(text != NULL);
    enum err e = file_write(ctx, dir, index_name, bytes_text(text));
    if (e == OK && fsync(dir) != 0)
        e = ERR_IO;
    free(text);
    json_decref(doc);
    return e;
}

static enum err export_all(const struct ctx *ctx, const struct shelf *s, int dir,
                           size_t *out_n)
{
    size_t n = vault_count(s->vault);
    struct exported *list = all_named(s, n);
    json_t *index = json_array();
    enum err e = OK;

    for (size_t i = 0; e == OK && i < n; i++)
        e = export_one(ctx, s, dir, &list[i], index);
    if (e == OK)
        e = export_index(ctx, dir, index);
    json_decref(index);
    free(list);
    *out_n = n;
    return e;
}

enum err cmd_secret_export(struct ctx *ctx)
{
    AUTO_SHELF struct shelf s = SHELF_EMPTY;
    const char *path = ctx->args[0];
    size_t n = 0;
    int dir = -1;

    TRY(term_word(ctx->term, "export",
                  "Every secret will lie open in that directory, for whoever reads the "
                  "disk, a copy of it, or what was deleted there."));
    TRY(shelf_open(ctx, &s));
    TRY(place_open(ctx, path, &dir));
    enum err e = export_all(ctx, &s, dir, &n);
    (void)close(dir); /* synced before */
    TRY(e);
    if (ctx->term->json)
        term_json(ctx->term, "export",
                  json_pack("{s:s, s:I}", "directory", path, "items", (json_int_t)n));
    else
        term_say(ctx->term, "%zu items lie open in %s; %s says which is which.", n, path,
                 index_name);
    return OK;
}
