/* SPDX-License-Identifier: Apache-2.0 */
#include "client/card_read.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

void card_keys_add(struct card_keys *keys, const uint8_t key[PUB_BYTES])
{
    if (keys->n * PUB_BYTES >= sizeof keys->key)
        return;
    memcpy(keys->key + keys->n * PUB_BYTES, key, PUB_BYTES);
    keys->n++;
}

enum err card_keys_of(struct card_keys *keys, struct bytes manifest)
{
    AUTO_FREE struct manifest *m = calloc(1, sizeof *m);

    if (m == NULL)
        return ERR_NOMEM;
    TRY(manifest_open(manifest, m));
    for (uint32_t i = 0; i < m->n_pieces; i++)
        if (m->pieces[i].kind == PIECE_CARD)
            card_keys_add(keys, m->pieces[i].piece_key);
    return OK;
}

/* ---- pictures ---- */

static bool begins(const struct card_paper *p, const char *with, size_t n)
{
    return p->text_n >= n && secret_equal(p->text, with, n);
}

static bool is_picture(const struct card_paper *p)
{
    return begins(p, "\x89PNG", 4) || begins(p, "\xff\xd8\xff", 3) ||
           begins(p, "GIF8", 4) || begins(p, "BM", 2) || begins(p, "RIFF", 4) ||
           begins(p, "II*\0", 4) || begins(p, "MM\0*", 4) || begins(p, "P4\n", 3) ||
           begins(p, "P5\n", 3) || begins(p, "P6\n", 3);
}

/* What it reads goes to fd; it gets no descriptor that a passphrase came through. */
static bool scan_ends(posix_spawn_file_actions_t *acts, int fd)
{
    return posix_spawn_file_actions_adddup2(acts, fd, STDOUT_FILENO) == 0 &&
           posix_spawn_file_actions_addopen(acts, STDERR_FILENO, "/dev/null", O_WRONLY,
                                            0) == 0 &&
           posix_spawn_file_actions_addclosefrom_np(acts, STDERR_FILENO + 1) == 0;
}

static enum err scan_start(const char *path, int *out_fd, pid_t *out_pid)
{
    /* Or it would tell the codes to everybody on D-Bus. */
    char words[6][24] = { "zbarimg", "--nodbus",  "-q",
                          "--raw",   "-Sdisable", "-Sqrcode.enable" };
    char *argv[8] = { 0 };
    char file[1024];
    posix_spawn_file_actions_t acts;
    int ends[2];

    for (size_t i = 0; i < 6; i++)
        argv[i] = words[i];
    (void)snprintf(file, sizeof file, "%s%s", path[0] == '-' ? "./" : "", path);
    argv[6] = file;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return ERR_IO;
    bool made = posix_spawn_file_actions_init(&acts) == 0;
    bool good = made && scan_ends(&acts, ends[1]) &&
                posix_spawnp(out_pid, words[0], &acts, NULL, argv, environ) == 0;
    if (made)
        (void)posix_spawn_file_actions_destroy(&acts);
    (void)close(ends[1]); /* the child has its own */
    if (!good) {
        (void)close(ends[0]);
        return ERR_UNKNOWN;
    }
    *out_fd = ends[0];
    return OK;
}

/* Until its end, or more than any card has. */
static void scan_take(int fd, struct card_paper *p)
{
    ssize_t got = 1;

    p->text_n = 0;
    while (p->text_n < sizeof p->text && got > 0) {
        got = read(fd, p->text + p->text_n, sizeof p->text - p->text_n);
        if (got < 0 && errno == EINTR)
            got = 1;
        else if (got > 0)
            p->text_n += (size_t)got;
    }
    (void)close(fd); /* only read from */
}

static enum err scan(struct term *t, const char *path, struct card_paper *p)
{
    int fd = -1;
    int status = 0;
    pid_t pid = -1;
    enum err e = scan_start(path, &fd, &pid);

    if (e == ERR_UNKNOWN)
        return term_fail_as(t, ERR_STATE, EXIT_FAILED, "no-zbarimg",
                            "Reading a picture needs the program zbarimg (Debian: "
                            "zbar-tools).",
                            "Install it, or type the words.", "%s is a picture.", path);
    if (e != OK)
        return term_fail(t, e, NULL, "zbarimg could not be started.");
    scan_take(fd, p);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (p->text_n > 0 && p->text_n < sizeof p->text)
        return OK;
    return term_fail_as(t, ERR_UNKNOWN, EXIT_NONE, "no-code",
                        "Light from the side, the whole card, sharp and straight: that "
                        "helps.",
                        "Take another picture, or type the words.",
                        "No code of a card could be read in %s.", path);
}

static enum err read_file(struct term *t, const char *path, struct card_paper *p)
{
    const struct span room = { p->text, sizeof p->text };
    enum err e = term_read(t, path, room, &p->text_n);
    bool large = e == ERR_TOO_BIG;

    /* A picture is larger than any text; what was read of it shows what it is. */
    if (e != OK && !large)
        return e;
    if (large)
        p->text_n = sizeof p->text;
    if (begins(p, "%PDF", 4))
        return term_fail_as(t, ERR_FORMAT, EXIT_USAGE, "not-a-picture",
                            "Reading the file back would not prove that the paper can "
                            "be read.",
                            "Print it, and type the words of the paper.",
                            "%s is the PDF.", path);
    if (is_picture(p) && strcmp(path, "-") == 0)
        return term_fail_as(t, ERR_FORMAT, EXIT_USAGE, "picture-needs-name", NULL,
                            "Give the picture's file name.",
                            "A picture is not read from standard input.");
    if (is_picture(p))
        return scan(t, path, p);
    return large ? e : OK;
}

/* ---- typed ---- */

static bool row_right(struct term *t, unsigned row, const char *line)
{
    AUTO_SECRET struct card_typed *typed = NULL;

    if (secret_new(&typed) != OK)
        return true; /* judged again, all together */
    enum err e = card_type_row(bytes_text(line), row, typed);
    if (e == ERR_WORD) {
        unsigned at = 0;

        while ((typed->unknown >> at & 1) == 0)
            at++;
        term_say(t, "Word %u of this row is not on the list. Once more, please:", at + 1);
    } else if (e == ERR_FORMAT) {
        term_say(t, "These are %u words; row %u has %u. Once more, please:", typed->n,
                 row + 1, card_row_words(row));
    } else if (e == ERR_CHECKSUM) {
        term_say(t, "A word of this row is wrong, or two changed places: its check does "
                    "not fit. Once more, please:");
    }
    return e == OK;
}

static enum err ask_row(struct term *t, unsigned row, struct card_paper *p)
{
    AUTO_SECRET char *line = NULL;
    char text[16];
    const struct ask ask = { text, "a file, or - for standard input", NULL };

    bool right = false;

    enum { LINE = 256, TRIES = 5 };

    TRY(secret_alloc(LINE, (void **)&line));
    (void)snprintf(text, sizeof text, "Row %u", row + 1);
    for (unsigned i = 0; i < TRIES && !right; i++) {
        TRY(term_ask(t, &ask, line, LINE));
        right = row_right(t, row, line);
    }
    if (!right)
        return term_fail_as(t, ERR_WORD, EXIT_USAGE, "row-not-read",
                            "What was typed did not fit that row, five times. Better "
                            "light helps, or a picture of the paper.",
                            "kith card read FILE",
                            "Row %u was not taken, nor the rest of the card.", row + 1);
    size_t n = strlen(line);
    MUST(p->text_n + n + 1 <= sizeof p->text);
    memcpy(p->text + p->text_n, line, n);
    p->text_n += n;
    p->text[p->text_n++] = '\n';
    return OK;
}

static enum err ask_rows(struct term *t, struct card_paper *p)
{
    if (t->ask)
        term_say(t, "Type the words as they stand on the card, row by row. The first "
                    "four letters of a word are enough; the two characters at the end "
                    "of a row find mistakes at once.");
    for (unsigned r = 0; r < CARD_ROWS; r++)
        TRY(ask_row(t, r, p));
    return OK;
}

/* ---- judging ---- */

/* "row 3, word 2" of a word's place. */
static void place_text(unsigned at, char *out, size_t cap)
{
    (void)snprintf(out, cap, "row %u, word %u", at / CARD_ROW + 1, at % CARD_ROW + 1);
}

/* "row 3, word 2; row 5, word 1" of the words not on the list. */
static void unknown_text(uint64_t unknown, char *out, size_t cap)
{
    size_t n = 0;

    out[0] = '\0';
    for (unsigned i = 0; i < CARD_WORDS && n < cap; i++) {
        char place[32];

        if ((unknown >> i & 1) == 0)
            continue;
        place_text(i, place, sizeof place);
        n += (size_t)snprintf(out + n, cap - n, "%s%s", n > 0 ? "; " : "", place);
    }
}

static json_t *bits_json(uint64_t bits, unsigned n)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < n; i++)
        if ((bits >> i & 1) != 0)
            (void)json_array_append_new(list, json_integer((json_int_t)i + 1));
    return list;
}

static enum err fail_unknown(struct term *t, const struct card_typed *typed)
{
    char where[TERM_TEXT / 2];

    unknown_text(typed->unknown, where, sizeof where);
    enum err e = term_fail_as(
        t, ERR_WORD, EXIT_USAGE, NULL,
        "Each word is one of the 1,024 of SLIP-39; its first four letters are enough.",
        "Look at the card again and type it once more.", "Not on the list: %s.", where);
    term_fail_more(t, json_pack("{s:o}", "words", bits_json(typed->unknown, CARD_WORDS)));
    return e;
}

/* "2, 5" of the rows whose bits are set. */
static void rows_text(uint8_t bits, char *out, size_t cap)
{
    size_t n = 0;

    for (unsigned r = 0; r < CARD_ROWS; r++)
        if ((bits >> r & 1) != 0)
            n += (size_t)snprintf(out + n, cap - n, "%s%u", n > 0 ? ", " : "", r + 1);
}

static enum err fail_count(struct term *t, const struct card_typed *typed)
{
    char rows[64] = "";

    if (typed->n == CARD_WORDS)
        return term_fail_as(t, ERR_FORMAT, EXIT_USAGE, "other-words",
                            "They are a share of SLIP-39, but not as Kith makes them.",
                            "Use the program that made them.",
                            "These words are no card of Kith.");
    if (typed->uneven != 0)
        rows_text(typed->uneven, rows, sizeof rows);
    enum err e = term_fail_as(
        t, ERR_FORMAT, EXIT_USAGE, "words-count",
        "One was left out, or typed twice, or joined with the next.",
        "Count them row by row: six rows of five, one of three.",
        "These are %u words; a card has 33.%s%s%s", typed->n,
        rows[0] != '\0' ? " Look at row " : "", rows, rows[0] != '\0' ? "." : "");
    term_fail_more(t, json_pack("{s:o}", "rows", bits_json(typed->uneven, CARD_ROWS)));
    return e;
}

static enum err fail_wrong(struct term *t, const struct card_typed *typed)
{
    char rows[64] = "";
    enum err e = OK;

    rows_text(typed->wrong, rows, sizeof rows);
    if (typed->wrong != 0)
        e = term_fail_as(t, ERR_CHECKSUM, EXIT_FAILED, "words-wrong",
                         "Something in these rows is not as the card says: a word, or "
                         "the order of two.",
                         "Compare these rows, letter by letter.",
                         "The words do not fit the checks of row %s.", rows);
    else
        e = term_fail_as(t, ERR_CHECKSUM, EXIT_FAILED, "words-wrong",
                         "At least one word is not the one on the card.",
                         typed->given == 0x7f
                             ? "Compare all of it; rows may have changed places."
                             : "Type the two characters behind each row as well: they "
                               "tell the row.",
                         "The words do not fit together.");
    term_fail_more(t, json_pack("{s:o}", "rows", bits_json(typed->wrong, CARD_ROWS)));
    return e;
}

/* A confirmed correction: asked about at a terminal, named otherwise. */
static enum err offer_fix(struct term *t, const struct card_fix *fix, bool *out_yes)
{
    char place[32];
    char question[160];

    place_text(fix->at, place, sizeof place);
    if (fix->kind == CARD_FIX_WORD)
        (void)snprintf(question, sizeof question, "Does the card say \"%s\" in %s?",
                       fix->word, place);
    else
        (void)snprintf(question, sizeof question,
                       "Does %s come after the word that follows it?", place);
    TRY(term_offer(t, question, out_yes));
    secret_wipe(question, sizeof question);
    if (*out_yes)
        return OK;
    enum err e = OK;
    if (fix->kind == CARD_FIX_WORD)
        e = term_fail_as(t, ERR_CHECKSUM, EXIT_FAILED, "words-slip",
                         "All other words are right. If the card says another word "
                         "there, print it anew.",
                         "Look at the card, and type it once more.",
                         "In %s the word should be \"%s\".", place, fix->word);
    else
        e = term_fail_as(t, ERR_CHECKSUM, EXIT_FAILED, "words-slip",
                         "All words are right but for the order of these two.",
                         "Look at the card, and type it once more.",
                         "%s and the word after it changed places.", place);
    term_fail_more(t, json_pack("{s:i, s:i}", "row", (int)(fix->at / CARD_ROW + 1),
                                "word", (int)(fix->at % CARD_ROW + 1)));
    return e;
}

static enum err mend(struct term *t, const struct card_keys *keys,
                     const struct card_typed *typed, enum err why, struct card_paper *out)
{
    AUTO_SECRET struct card_fix *fix = NULL;
    bool yes = false;

    TRY(secret_new(&fix));
    if (card_mend(typed, keys->key, keys->n, fix) != OK)
        return why == ERR_WORD ? fail_unknown(t, typed) : fail_wrong(t, typed);
    TRY(offer_fix(t, fix, &yes));
    memcpy(out->piece, fix->piece, PIECE_BYTES);
    out->has_piece = true;
    out->mended = true;
    return OK;
}

static enum err take_words(struct term *t, const struct card_keys *keys,
                           struct card_paper *p)
{
    AUTO_SECRET struct card_typed *typed = NULL;

    TRY(secret_new(&typed));
    enum err e = card_type(bytes_of(p->text, p->text_n), typed);
    if (typed->n == 0 && p->has_line)
        return OK;
    if (typed->n == 0)
        return term_fail_as(t, ERR_UNKNOWN, EXIT_NONE, "no-card", NULL, NULL,
                            "There are neither words nor a line of a card.");
    if (e == ERR_WORD && typed->n != CARD_WORDS)
        return fail_unknown(t, typed);
    if (e == ERR_FORMAT)
        return fail_count(t, typed);
    if (e == ERR_WORD || e == ERR_CHECKSUM)
        return mend(t, keys, typed, e, p);
    TRY(e);
    memcpy(p->piece, typed->piece, PIECE_BYTES);
    p->has_piece = true;
    return OK;
}

static enum err take_line(struct term *t, struct card_paper *p)
{
    enum err e = card_parse(bytes_of(p->text, p->text_n), &p->card);

    p->has_line = e == OK;
    if (e == OK || e == ERR_UNKNOWN)
        return OK;
    if (e == ERR_SHARE_MANY)
        return term_fail_as(t, e, EXIT_USAGE, "two-cards", NULL, "One card at a time.",
                            "There is more than one card.");
    if (e == ERR_SHARE_MIXED)
        return term_fail_as(t, e, EXIT_INTEGRITY, "other-circle",
                            "The line KITH-WRAPPED beside it belongs elsewhere.", NULL,
                            "This card holds lines of two circles.");
    return term_fail(t, e, "Type the words instead.",
                     "The line KITH-CARD cannot be read.");
}

/* A row of words of the text that kith card print writes: "  3  …". */
static bool is_row(struct bytes line)
{
    return line.n > 5 && line.p[0] == ' ' && line.p[1] == ' ' && line.p[2] >= '1' &&
           line.p[2] <= '0' + CARD_ROWS && line.p[3] == ' ' && line.p[4] == ' ';
}

static bool is_ours(struct bytes line)
{
    return line.n > 5 && memmem(line.p, 5, "KITH-", 5) != NULL;
}

/* That text as a file: what it says to people is no word of the card. */
static void drop_prose(struct card_paper *p)
{
    struct bytes rest = bytes_of(p->text, p->text_n);
    size_t n = 0;

    if (!begins(p, "KITH CARD", 9))
        return;
    while (rest.n > 0) {
        const uint8_t *end = memchr(rest.p, '\n', rest.n);
        size_t len = end == NULL ? rest.n : (size_t)(end - rest.p) + 1;
        struct bytes line = bytes_of(rest.p, len);

        rest = bytes_of(rest.p + len, rest.n - len);
        if (!is_row(line) && !is_ours(line))
            continue;
        memmove(p->text + n, line.p, len);
        n += len;
    }
    p->text_n = n;
}

enum err card_paper_read(struct term *t, const char *path, const struct card_keys *keys,
                         struct card_paper *out)
{
    AUTO_FREE struct card_keys *all = calloc(1, sizeof *all);

    if (all == NULL)
        return ERR_NOMEM;
    *all = *keys;
    TRY(path != NULL ? read_file(t, path, out) : ask_rows(t, out));
    drop_prose(out);
    TRY(take_line(t, out));
    if (out->has_line)
        card_keys_add(all, out->card.piece_key);
    TRY(take_words(t, all, out));
    out->fits = out->has_line && out->has_piece && card_fits(&out->card, out->piece);
    if (out->has_line && out->has_piece && !out->fits)
        return term_fail_as(t, ERR_SHARE_MIXED, EXIT_INTEGRITY, "other-card",
                            "The words are right in themselves, and of another card than "
                            "the line beside them.",
                            NULL, "Words and line do not belong together.");
    return OK;
}
