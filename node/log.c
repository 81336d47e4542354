/* SPDX-License-Identifier: Apache-2.0 */
#include "node/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

struct row {
    const char *name;
    const char *meaning;
    enum log_level level;
};

#define LOG_ROW(n, t, l, m) [EV_##n] = { .name = (t), .meaning = (m), .level = LOG_##l },
static const struct row rows[EV_COUNT] = { LOG_EVENTS(LOG_ROW) };

const char *log_name(enum log_event e)
{
    MUST(e < EV_COUNT);
    return rows[e].name;
}

const char *log_meaning(enum log_event e)
{
    MUST(e < EV_COUNT);
    return rows[e].meaning;
}

enum log_level log_level(enum log_event e)
{
    MUST(e < EV_COUNT);
    return rows[e].level;
}

/* Long enough for the longest number and for an id's four bytes in hex. */
enum { VALUE = 24, ID_SHOWN = 4 };

static void put_text(struct buf *line, const char *text)
{
    buf_put(line, bytes_text(text));
}

static void put_value(struct buf *line, const struct log_field *f)
{
    char value[VALUE] = "";

    switch (f->kind) {
    case LOG_ID:
        hex_encode(bytes_of(f->id, ID_SHOWN), value, sizeof(value));
        break;
    case LOG_UINT:
        (void)snprintf(value, sizeof(value), "%" PRIu64, f->number); /* always fits */
        break;
    case LOG_ERR:
    case LOG_TEXT:
        put_text(line, f->text);
        return;
    case LOG_END:
        MUST(false);
    }
    put_text(line, value);
}

size_t log_format(enum log_event e, const struct log_field *fields, char out[LOG_LINE])
{
    struct buf line = { .p = (uint8_t *)out, .cap = LOG_LINE - 1 };
    char level[] = { '<', (char)('0' + log_level(e)), '>', '\0' };

    put_text(&line, level);
    put_text(&line, log_name(e));
    for (const struct log_field *f = fields; f->kind != LOG_END; f++) {
        size_t before = line.n;
        put_text(&line, " ");
        put_text(&line, f->key);
        put_text(&line, "=");
        put_value(&line, f);
        if (line.over) {
            line.n = before; /* half a field would be a lie */
            break;
        }
    }
    out[line.n] = '\n';
    return line.n + 1;
}

void log_event(enum log_event e, const struct log_field *fields)
{
    char line[LOG_LINE];
    size_t n = log_format(e, fields, line);

    /* Nobody is left to be told when standard error does not take it. */
    if (write(STDERR_FILENO, line, n) < 0)
        return;
}
