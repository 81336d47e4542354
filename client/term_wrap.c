/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>

#include "client/term.h"

/* Columns of n bytes of UTF-8: each byte that begins a character. */
static unsigned columns(const char *s, size_t n)
{
    unsigned sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += ((unsigned char)s[i] & 0xc0) != 0x80;
    return sum;
}

static void put_blanks(FILE *to, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        (void)fputc(' ', to);
}

/* ---- what stays together: a word, or a command, which is copied as a whole ---- */

static size_t word_end(const char *s, size_t i, size_t n)
{
    while (i < n && s[i] != ' ')
        i++;
    return i;
}

/* The end of the word at i, or of the quotation that begins there. */
static size_t argument_end(const char *s, size_t i, size_t n)
{
    if (s[i] == '\'' || s[i] == '"')
        for (size_t close = i + 1; close < n; close++)
            if (s[close] == s[i])
                return word_end(s, close, n);
    return word_end(s, i, n);
}

static bool begins_command(const char *s, size_t i, size_t end)
{
    i += end - i > 4 && strchr("('\"", s[i]) != NULL;
    return (end - i == 4 && strncmp(s + i, "kith", 4) == 0) ||
           (end - i == 5 && strncmp(s + i, "--yes", 5) == 0);
}

/* Whether the word at next, the nth after the first, belongs to the command: verbs,
   options and their values, names, numbers. One word too many does no harm. */
static bool goes_on(const char *s, size_t last, size_t next, unsigned nth)
{
    return nth <= 2 || s[last] == '-' || strchr("-'\"@<|", s[next]) != NULL ||
           isupper((unsigned char)s[next]) != 0 || isdigit((unsigned char)s[next]) != 0;
}

static size_t unit_end(const char *s, size_t i, size_t n)
{
    size_t end = word_end(s, i, n);
    if (!begins_command(s, i, end))
        return end;
    unsigned nth = s[i] == '-' ? 2 : 1;
    for (; end + 1 < n && strchr(".,;:)", s[end - 1]) == NULL; nth++) {
        size_t next = end + 1;
        if (s[next] == ' ' || !goes_on(s, i, next, nth))
            break;
        i = next;
        end = argument_end(s, next, n);
    }
    return end;
}

/* ---- lines ---- */

static void wrap_line(FILE *to, const char *line, size_t n, unsigned indent,
                      unsigned width)
{
    unsigned at = 0;
    size_t i = 0;
    while (i < n) {
        while (i < n && line[i] == ' ')
            i++;
        size_t from = i;
        i = from < n ? unit_end(line, from, n) : n;
        if (i == from)
            break;
        unsigned wide = columns(line + from, i - from);
        if (at > 0 && indent + at + 1 + wide > width) {
            (void)fputc('\n', to);
            at = 0;
        }
        put_blanks(to, at == 0 ? indent : 1);
        at += wide + (at > 0);
        (void)fwrite(line + from, 1, i - from, to);
    }
    (void)fputc('\n', to);
}

void term_wrap(FILE *to, const char *text, unsigned indent, unsigned width)
{
    for (;;) {
        size_t n = strcspn(text, "\n");
        unsigned more = (unsigned)strspn(text, " ");
        wrap_line(to, text, n, indent + (more < n ? more : 0), width);
        if (text[n] == 0 || text[n + 1] == 0)
            return;
        text += n + 1;
    }
}

/* How much of a row fits into width columns, at a blank; all of what stays together. */
static size_t row_fits(const char *s, unsigned width)
{
    size_t all = strlen(s);
    size_t fits = 0;
    for (size_t n = unit_end(s, 0, all); columns(s, n) <= width || fits == 0;
         n = unit_end(s, n + 1, all)) {
        fits = n;
        if (n == all || n + 1 == all)
            return all;
    }
    return fits;
}

void term_row(FILE *to, const char *row, unsigned width)
{
    size_t n = row_fits(row, width);
    (void)fprintf(to, "%.*s\n", (int)n, row);
    for (row += n; *row == ' '; row += n) {
        row++;
        n = row_fits(row, width - 2);
        (void)fprintf(to, "  %.*s\n", (int)n, row);
    }
}
