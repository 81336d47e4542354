/* SPDX-License-Identifier: Apache-2.0 */
#include "node/conf.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ini.h>

#include "proto/wire.h"

enum need { CONF_MAY, CONF_MUST };

struct key {
    const char *section;
    const char *name;
    const char *allowed;
    enum need need;
};

#define CONF_KEY(s, k, a, n, m)                                                          \
    { .section = (s), .name = (k), .allowed = (a), .need = (n) },
static const struct key keys[] = { CONF_KEYS(CONF_KEY) };

enum { KEYS = sizeof(keys) / sizeof(keys[0]) };

/* One reading: inih tells line by line, the first error stays. */
struct reading {
    struct bytes rest; /* what inih has not got yet */
    unsigned line;     /* of what it got last */
    struct conf conf;
    bool seen[KEYS];
    bool *seen_limits;
    enum err err;
    struct conf_error *error;
};

__attribute__((format(printf, 3, 4))) static enum err fail(struct reading *r, enum err e,
                                                           const char *format, ...)
{
    va_list args;

    r->err = e;
    r->error->line = r->line;
    va_start(args, format);
    /* Cut at the end of text where a value is long; the beginning says enough. */
    (void)vsnprintf(r->error->text, sizeof(r->error->text), format, args);
    va_end(args);
    return e;
}

/* ---- values ---- */

static enum err set_text(const char *value, char *out, size_t cap)
{
    size_t n = strlen(value);

    if (n == 0 || n >= cap || !wire_printable(bytes_text(value)))
        return ERR_ARG;
    memcpy(out, value, n + 1);
    return OK;
}

static enum err set_path(const char *value, char out[CONF_PATH + 1])
{
    if (value[0] != '/')
        return ERR_ARG;
    return set_text(value, out, CONF_PATH + 1);
}

/* A program that cannot be run is noticed now, not with the first alert. */
static enum err set_program(const char *value, char out[CONF_PATH + 1])
{
    char program[CONF_PATH + 1];
    struct stat is = { 0 };
    size_t n = strcspn(value, " \t");

    if (n >= sizeof program)
        return ERR_ARG;
    memcpy(program, value, n);
    program[n] = '\0';
    if (stat(program, &is) != 0 || !S_ISREG(is.st_mode) || access(program, X_OK) != 0)
        return ERR_ARG;
    return set_path(value, out);
}

static enum err set_switch(const char *value, bool *out)
{
    if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
        return ERR_ARG;
    *out = value[0] == 'y';
    return OK;
}

static enum err set_listen(const char *value, struct address *out)
{
    struct address a = { 0 };

    TRY(address_parse(bytes_text(value), &a));
    if (a.kind != ADDRESS_IP4 && a.kind != ADDRESS_IP6)
        return ERR_ARG;
    *out = a;
    return OK;
}

static struct bytes trimmed(struct bytes b)
{
    while (b.n > 0 && (b.p[0] == ' ' || b.p[0] == '\t'))
        b = bytes_of(b.p + 1, b.n - 1);
    while (b.n > 0 && (b.p[b.n - 1] == ' ' || b.p[b.n - 1] == '\t'))
        b.n--;
    return b;
}

static enum err set_advertise(const char *value, struct conf *out)
{
    struct bytes rest = bytes_text(value);

    for (out->n_advertise = 0; out->n_advertise < CONF_ADVERTISE;) {
        const uint8_t *comma = memchr(rest.p, ',', rest.n);
        size_t n = comma != NULL ? (size_t)(comma - rest.p) : rest.n;
        struct address *a = &out->advertise[out->n_advertise];
        TRY(address_parse(trimmed(bytes_of(rest.p, n)), a));
        if (a->port == 0)
            return ERR_ARG;
        out->n_advertise++;
        if (comma == NULL)
            return OK;
        rest = bytes_of(comma + 1, rest.n - n - 1);
    }
    return ERR_ARG;
}

static enum err set_key(struct conf *c, const char *name, const char *value)
{
    if (strcmp(name, "Name") == 0)
        return set_text(value, c->name, sizeof(c->name));
    if (strcmp(name, "Listen") == 0)
        return set_listen(value, &c->listen);
    if (strcmp(name, "State") == 0)
        return set_path(value, c->state);
    if (strcmp(name, "Advertise") == 0)
        return set_advertise(value, c);
    if (strcmp(name, "TrustClock") == 0)
        return set_switch(value, &c->trust_clock);
    if (strcmp(name, "LockMemory") == 0)
        return set_switch(value, &c->lock_memory);
    MUST(strcmp(name, "Exec") == 0);
    return set_program(value, c->alert_exec);
}

/* Decimal digits only: no sign, no white space, no wrap. */
static enum err number_of(const char *text, uint64_t *out)
{
    uint64_t v = 0;

    if (*text == '\0')
        return ERR_ARG;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || v > (UINT64_MAX - 9) / 10)
            return ERR_ARG;
        v = v * 10 + (uint64_t)(*text - '0');
    }
    *out = v;
    return OK;
}

/* ---- lines ---- */

static enum err on_limit(struct reading *r, const char *name, const char *value)
{
    const struct limit_row *row = limit_find(name);
    uint64_t number = 0;

    if (row == NULL)
        return fail(r, ERR_ARG,
                    "There is no limit \"%.40s\"; kithd --print-limits shows all.", name);
    bool *seen = &r->seen_limits[row - limit_row(0)];
    if (*seen)
        return fail(r, ERR_ARG, "%s was already given.", row->key);
    *seen = true;
    if (number_of(value, &number) != OK || limit_set(&r->conf.limits, row, number) != OK)
        return fail(r, ERR_ARG,
                    "%s must be a whole number from %" PRIu64 " to %" PRIu64 " (%s).",
                    row->key, row->least, row->most, row->unit);
    return OK;
}

static bool is_section(const char *name)
{
    for (size_t i = 0; i < KEYS; i++)
        if (strcmp(keys[i].section, name) == 0)
            return true;
    return strcmp(name, "Limits") == 0;
}

static enum err on_key(struct reading *r, const char *section, const char *name,
                       const char *value)
{
    for (size_t i = 0; i < KEYS; i++) {
        if (strcmp(keys[i].section, section) != 0 || strcmp(keys[i].name, name) != 0)
            continue;
        if (r->seen[i])
            return fail(r, ERR_ARG, "%s was already given.", name);
        r->seen[i] = true;
        if (set_key(&r->conf, name, value) != OK)
            return fail(r, ERR_ARG, "%s must be %s.", name, keys[i].allowed);
        return OK;
    }
    return fail(r, ERR_ARG, "There is no key \"%.40s\" in section [%.20s].", name,
                section);
}

/* inih's handler: 1 goes on, 0 is an error. */
static int on_line(void *ctx, const char *section, const char *name, const char *value)
{
    struct reading *r = ctx;

    if (r->err != OK)
        return 0;
    if (section[0] == '\0')
        return fail(r, ERR_ARG,
                    "\"%.40s\" stands before the first section, such as [Node].",
                    name) == OK;
    if (strcmp(section, "Limits") == 0)
        return on_limit(r, name, value) == OK;
    return on_key(r, section, name, value) == OK;
}

/* inih does not tell of sections without keys: a mistyped one would pass. */
static enum err check_section(struct reading *r, struct bytes line)
{
    char name[20] = "";

    line = trimmed(line);
    if (line.n == 0 || line.p[0] != '[')
        return OK;
    const uint8_t *end = memchr(line.p, ']', line.n);
    size_t n = end != NULL ? (size_t)(end - line.p) - 1 : 0;
    memcpy(name, line.p + 1, n < sizeof(name) ? n : 0);
    if (!is_section(name))
        return fail(r, ERR_ARG,
                    "There is no such section; there are [Node], [Limits] and "
                    "[Alerts].");
    return OK;
}

/* inih's reader: hands out one line, as fgets would. */
static char *next_line(char *out, int cap, void *ctx)
{
    struct reading *r = ctx;

    if (r->rest.n == 0 || r->err != OK)
        return NULL;
    const uint8_t *end = memchr(r->rest.p, '\n', r->rest.n);
    size_t n = end != NULL ? (size_t)(end - r->rest.p) + 1 : r->rest.n;
    struct bytes line = bytes_of(r->rest.p, n);
    r->line++;
    if (n > CONF_LINE || n + 1 > (size_t)cap) {
        (void)fail(r, ERR_TOO_BIG, "The line is longer than %d characters.", CONF_LINE);
        return NULL;
    }
    if (check_section(r, line) != OK)
        return NULL;
    memcpy(out, line.p, n);
    out[n] = '\0';
    r->rest = bytes_of(r->rest.p + n, r->rest.n - n);
    return out;
}

/* ---- files ---- */

static enum err check_needed(struct reading *r)
{
    for (size_t i = 0; i < KEYS; i++)
        if (keys[i].need == CONF_MUST && !r->seen[i])
            return fail(r, ERR_ARG, "[%s] %s is missing: %s.", keys[i].section,
                        keys[i].name, keys[i].allowed);
    return OK;
}

static enum err read_all(struct reading *r, struct bytes text)
{
    if (text.n > CONF_FILE)
        return fail(r, ERR_TOO_BIG, "The file is larger than %d bytes.", CONF_FILE);
    if (memchr(text.p, 0, text.n) != NULL)
        return fail(r, ERR_FORMAT, "The file holds a zero byte: it is not a text.");

    r->rest = text;
    /* Debian's inih has these as variables; a continued line would hide a repeated key.
     */
    ini_max_line = CONF_LINE + 3;
    ini_allow_multiline = false;
    int bad = ini_parse_stream(next_line, r, on_line, r);
    if (bad < 0)
        return fail(r, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
    if (bad > 0 && (r->err == OK || (unsigned)bad < r->error->line)) {
        r->line = (unsigned)bad;
        return fail(r, ERR_FORMAT,
                    "The line is neither [Section], nor Key = value, nor a "
                    "comment that begins with # or ;.");
    }
    r->line = 0;
    return r->err != OK ? r->err : check_needed(r);
}

enum err conf_parse(struct bytes text, struct conf *out, struct conf_error *out_error)
{
    bool seen_limits[sizeof(struct limits) / sizeof(uint64_t)] = { false };
    struct conf_error error = { 0 };
    struct reading r = { .seen_limits = seen_limits, .error = &error };

    r.conf.lock_memory = true;
    limits_default(&r.conf.limits);
    enum err e = text.n > 0 ? read_all(&r, text) : check_needed(&r);
    if (e != OK) {
        *out_error = error;
        return e;
    }
    *out = r.conf;
    return OK;
}

static enum err fail_file(struct conf_error *out_error, enum err e)
{
    out_error->line = 0;
    (void)snprintf(out_error->text, sizeof(out_error->text), "%s",
                   e == ERR_IO ? "The file cannot be read." : err_text(e)); /* fits */
    return e;
}

enum err conf_load(const char *path, struct conf *out, struct conf_error *out_error)
{
    /* One byte more than allowed, so that conf_parse sees what is too long. */
    AUTO_FREE uint8_t *text = calloc(1, CONF_FILE + 1);
    size_t n = 0;

    if (text == NULL)
        return fail_file(out_error, ERR_NOMEM);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_file(out_error, ERR_IO);
    ssize_t got = 1;
    while (got > 0 && n < CONF_FILE + 1) {
        got = read(fd, text + n, CONF_FILE + 1 - n);
        n += got > 0 ? (size_t)got : 0;
    }
    (void)close(fd); /* only read from */
    if (got < 0)
        return fail_file(out_error, ERR_IO);
    return conf_parse(bytes_of(text, n), out, out_error);
}
