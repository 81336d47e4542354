/* SPDX-License-Identifier: Apache-2.0 */
#include "client/rescue.h"

#include <stdlib.h>

#include <jansson.h>

#include "proto/crypt.h"

/* Where the page is filled in: behind these, once each. */
static const char facts_mark[] = "<script type=\"application/json\" id=\"bundle\">";
static const char vault_mark[] = "<script type=\"text/plain\" id=\"bundle-vault\">";

enum { LINE = 57, LINE_TEXT = 76 }; /* bytes of a line of Base64, and its characters */

static enum err put(const struct rescue *r, struct bytes b)
{
    return fwrite(b.p, 1, b.n, r->out) == b.n ? OK : ERR_IO;
}

/* Writes the page through the end of mark. */
static enum err put_through(struct rescue *r, const char *mark)
{
    const uint8_t *at = memmem(r->rest.p, r->rest.n, mark, strlen(mark));

    MUST(at != NULL);
    size_t n = (size_t)(at - r->rest.p) + strlen(mark);
    struct bytes part = bytes_of(r->rest.p, n);
    r->rest = bytes_of(r->rest.p + n, r->rest.n - n);
    return put(r, part);
}

static json_t *text(struct bytes b)
{
    return json_stringn((const char *)b.p, b.n);
}

/* JSON inside a page: no text may look like the end of its element. */
static enum err put_json(const struct rescue *r, const json_t *doc)
{
    char *json = json_dumps(doc, JSON_COMPACT | JSON_ENSURE_ASCII);
    bool fine = true;

    if (json == NULL)
        return ERR_NOMEM;
    for (const char *c = json; *c != '\0' && fine; c++)
        fine = *c == '<' ? fputs("\\u003c", r->out) >= 0 : fputc(*c, r->out) != EOF;
    free(json);
    return fine ? OK : ERR_IO;
}

static enum err put_facts(const struct rescue *r, const struct rescue_facts *f)
{
    json_t *doc = json_pack("{s:o, s:o, s:I, s:I, s:I, s:I}", "name", text(f->name),
                            "fingerprint", text(f->fingerprint), "epoch",
                            (json_int_t)f->epoch, "need", (json_int_t)f->need, "of",
                            (json_int_t)f->of, "made", (json_int_t)f->made);
    enum err e = ERR_NOMEM;

    if (doc != NULL && f->wrapped != NULL)
        (void)json_object_set_new(doc, "wrapped", json_string(f->wrapped));
    if (doc != NULL)
        e = put_json(r, doc);
    json_decref(doc);
    return e;
}

enum err rescue_begin(struct rescue *r, const struct rescue_facts *f, FILE *out)
{
    static const char none[] = "{}";

    *r = (struct rescue){ .out = out, .rest = rescue_page() };
    TRY(put_through(r, facts_mark));
    TRY(put_facts(r, f));
    MUST(r->rest.n > strlen(none) &&
         bytes_equal(bytes_of(r->rest.p, strlen(none)), bytes_text(none)));
    r->rest = bytes_of(r->rest.p + strlen(none), r->rest.n - strlen(none));
    return put_through(r, vault_mark);
}

/* Whole groups of three bytes, or the last ones. */
static enum err put_base64(const struct rescue *r, struct bytes b)
{
    while (b.n > 0) {
        uint8_t line[LINE_TEXT + 2];
        struct buf to = BUF_OF(line);
        size_t n = b.n < LINE ? b.n : LINE;

        crypt_base64(bytes_of(b.p, n), &to);
        MUST(!to.over);
        TRY(put(r, buf_bytes(&to)));
        b = bytes_of(b.p + n, b.n - n);
    }
    return OK;
}

enum err rescue_vault(struct rescue *r, struct bytes part)
{
    while (r->n_left > 0 && r->n_left < sizeof r->left && part.n > 0) {
        r->left[r->n_left++] = part.p[0];
        part = bytes_of(part.p + 1, part.n - 1);
    }
    if (r->n_left == sizeof r->left) {
        TRY(put_base64(r, BYTES_OF(r->left)));
        r->n_left = 0;
    }
    size_t whole = part.n - part.n % sizeof r->left;
    TRY(put_base64(r, bytes_of(part.p, whole)));
    for (size_t i = whole; i < part.n; i++)
        r->left[r->n_left++] = part.p[i];
    return OK;
}

enum err rescue_end(struct rescue *r)
{
    TRY(put_base64(r, bytes_of(r->left, r->n_left)));
    r->n_left = 0;
    TRY(put(r, r->rest));
    return fflush(r->out) == 0 && ferror(r->out) == 0 ? OK : ERR_IO;
}
