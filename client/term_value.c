/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "client/term.h"

static enum err read_all(int fd, struct span out, size_t *out_n)
{
    size_t n = 0;
    for (;;) {
        uint8_t one = 0;
        bool full = n == out.n;
        ssize_t got = full ? read(fd, &one, 1) : read(fd, out.p + n, out.n - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ERR_IO;
        if (got == 0)
            break;
        if (full)
            return ERR_TOO_BIG;
        n += (size_t)got;
    }
    *out_n = n;
    return OK;
}

enum err term_read(struct term *t, const char *path, struct span out, size_t *out_n)
{
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? t->in : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return term_fail(t, errno == ENOENT ? ERR_UNKNOWN : ERR_IO, NULL,
                         "The file %s cannot be read: %s.", path, strerror(errno));
    enum err e = read_all(fd, out, out_n);
    if (!standard)
        (void)close(fd); /* only read from */
    if (e == OK)
        return OK;
    const char *name = standard ? "Standard input" : path;
    if (e == ERR_TOO_BIG)
        return term_fail(t, e, NULL, "%s is longer than the %zu bytes allowed here.",
                         name, out.n);
    return term_fail(t, e, NULL, "%s cannot be read.", name);
}

static size_t trimmed(uint8_t *p, size_t n)
{
    while (n > 0 && isspace(p[n - 1]))
        n--;
    size_t head = 0;
    while (head < n && isspace(p[head]))
        head++;
    memmove(p, p + head, n - head);
    return n - head;
}

enum err term_value(struct term *t, const char *given, struct span out, size_t *out_n)
{
    if (given[0] == '@' || strcmp(given, "-") == 0) {
        size_t n = 0;
        TRY(term_read(t, given[0] == '@' ? given + 1 : given, out, &n));
        *out_n = trimmed(out.p, n);
        return OK;
    }
    size_t n = strlen(given);
    if (n > out.n)
        return term_fail(t, ERR_TOO_BIG, NULL,
                         "A value is longer than the %zu bytes allowed here.", out.n);
    memcpy(out.p, given, n);
    *out_n = trimmed(out.p, n);
    return OK;
}

enum err number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;
    size_t n = strlen(text);
    if (n == 0 || n > 19)
        return ERR_FORMAT;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return ERR_FORMAT;
        v = v * 10 + (uint64_t)(text[i] - '0');
    }
    if (v < min || v > max)
        return ERR_ARG;
    *out = v;
    return OK;
}

static uint64_t unit_of(char c)
{
    switch (c) {
    case 's':
        return 1;
    case 'm':
        return 60;
    case 'h':
        return 3600;
    case 'd':
        return 86400;
    default:
        return 0;
    }
}

enum err duration_parse(const char *text, uint64_t max_s, uint64_t *out_s)
{
    if (strcmp(text, "0") == 0) {
        *out_s = 0;
        return OK;
    }
    size_t n = strlen(text);
    char digits[20];
    if (n < 2 || n > sizeof digits)
        return ERR_FORMAT;
    uint64_t unit = unit_of(text[n - 1]);
    if (unit == 0)
        return ERR_FORMAT;
    memcpy(digits, text, n - 1);
    digits[n - 1] = 0;
    uint64_t v = 0;
    enum err e = number_parse(digits, 0, max_s / unit, &v);
    if (e != OK)
        return e == ERR_ARG ? ERR_TOO_BIG : e;
    *out_s = v * unit;
    return OK;
}

struct unit {
    uint64_t s;
    const char *one, *many;
};

static const struct unit units[] = {
    { 86400, "day", "days" },
    { 3600, "hour", "hours" },
    { 60, "minute", "minutes" },
    { 1, "second", "seconds" },
};

void duration_text(uint64_t s, char out[DURATION_TEXT])
{
    if (s == 0) {
        (void)snprintf(out, DURATION_TEXT, "none");
        return;
    }
    size_t i = 0;
    while (s % units[i].s != 0)
        i++;
    uint64_t v = s / units[i].s;
    (void)snprintf(out, DURATION_TEXT, "%llu %s", (unsigned long long)v,
                   v == 1 ? units[i].one : units[i].many);
}

void when_text(uint64_t now, uint64_t then, char out[DURATION_TEXT])
{
    uint64_t d = then > now ? then - now : now - then;
    size_t i = 0;
    /* Two of a unit before it is used: "36 hours" says more than "1 day". */
    while (i < 3 && d < 2 * units[i].s)
        i++;
    uint64_t v = (d + units[i].s / 2) / units[i].s;
    if (v == 0) {
        (void)snprintf(out, DURATION_TEXT, "now");
        return;
    }
    const char *name = v == 1 ? units[i].one : units[i].many;
    (void)snprintf(out, DURATION_TEXT, then > now ? "in %llu %s" : "%llu %s ago",
                   (unsigned long long)v, name);
}

void time_text(uint64_t unix_s, char out[TIME_TEXT])
{
    struct tm tm = { 0 };
    time_t when = (time_t)unix_s;
    if (unix_s == 0 || unix_s > UINT32_MAX * 64ULL || localtime_r(&when, &tm) == NULL) {
        (void)snprintf(out, TIME_TEXT, "never");
        return;
    }
    if (strftime(out, TIME_TEXT, "%a %e %b %Y, %H:%M", &tm) == 0)
        (void)snprintf(out, TIME_TEXT, "%llu", (unsigned long long)unix_s);
    char *two = strstr(out, "  "); /* a day of one digit */
    if (two != NULL)
        memmove(two, two + 1, strlen(two));
}

/* ---- suggestions ---- */

enum { SUGGEST_MAX = 40, SUGGEST_FAR = 3 };

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;
    return m < c ? m : c;
}

/* Edit distance with exchanged neighbours as one edit (optimal string alignment). */
static unsigned distance(const char *a, const char *b)
{
    size_t n = strlen(a);
    size_t m = strlen(b);
    if (n > SUGGEST_MAX || m > SUGGEST_MAX)
        return SUGGEST_FAR;
    unsigned d[SUGGEST_MAX + 1][SUGGEST_MAX + 1];
    for (size_t i = 0; i <= n; i++)
        d[i][0] = (unsigned)i;
    for (size_t j = 0; j <= m; j++)
        d[0][j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        for (size_t j = 1; j <= m; j++) {
            d[i][j] = least(d[i - 1][j] + 1, d[i][j - 1] + 1,
                            d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && d[i - 2][j - 2] + 1 < d[i][j])
                d[i][j] = d[i - 2][j - 2] + 1;
        }
    }
    return d[n][m];
}

const char *suggest(const char *typed, const char *const *names, size_t n)
{
    const char *best = NULL;
    unsigned best_d = SUGGEST_FAR;
    for (size_t i = 0; i < n; i++) {
        unsigned d = distance(typed, names[i]);
        /* A name that is all edits resembles nothing. */
        if (d >= best_d || d >= strlen(names[i]))
            continue;
        best = names[i];
        best_d = d;
    }
    return best;
}
