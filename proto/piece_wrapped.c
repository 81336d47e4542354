/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/piece_part.h"

/* W_e outside a manifest: what a sheet and a card carry for whoever has enough pieces. */

static const char line_head[] = "KITH-WRAPPED:";

enum {
    LINE_HEAD = sizeof line_head - 1,
    LINE_VERSION = 1,
    LINE_CHECK = 4,
    LINE_RAW = 1 + ID_BYTES + 4 + HASH_BYTES + WRAPPED_BYTES + LINE_CHECK
};

_Static_assert(WRAPPED_TEXT == LINE_HEAD + (LINE_RAW * 8 + 4) / 5 + 1, "its text");

static void line_check(struct bytes body, uint8_t out[LINE_CHECK])
{
    uint8_t hash[ID_BYTES];

    crypt_hash(LABEL_WRAPPED_LINE, &body, 1, SPAN_OF(hash));
    memcpy(out, hash, LINE_CHECK);
}

void wrapped_format(const struct wrapped *w, char out[WRAPPED_TEXT])
{
    uint8_t raw[LINE_RAW];
    uint8_t check[LINE_CHECK];
    struct buf b = BUF_OF(raw);
    struct buf text = { .p = (uint8_t *)out, .cap = WRAPPED_TEXT };

    buf_put_u8(&b, LINE_VERSION);
    buf_put(&b, BYTES_OF(w->circle));
    buf_put_u32(&b, w->epoch);
    buf_put(&b, BYTES_OF(w->ad));
    buf_put(&b, BYTES_OF(w->sealed));
    line_check(buf_bytes(&b), check);
    buf_put(&b, BYTES_OF(check));
    MUST(!b.over && b.n == LINE_RAW);
    buf_put(&text, bytes_text(line_head));
    base32_put(buf_bytes(&b), &text);
    buf_put_u8(&text, '\0');
    MUST(!text.over);
}

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The head in any case, white space before and in it. */
static enum err head_take(struct bytes *text)
{
    size_t n = 0;

    while (n < LINE_HEAD && text->n > 0) {
        uint8_t c = text->p[0];

        *text = bytes_of(text->p + 1, text->n - 1);
        if (is_space(c))
            continue;
        c = c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c;
        if (c != (uint8_t)line_head[n++])
            return ERR_FORMAT;
    }
    return n == LINE_HEAD ? OK : ERR_FORMAT;
}

enum err wrapped_parse(struct bytes text, struct wrapped *out)
{
    uint8_t raw[LINE_RAW];
    uint8_t check[LINE_CHECK];
    struct buf b = BUF_OF(raw);

    TRY(head_take(&text));
    TRY(base32_take(text, &b));
    if (b.n != LINE_RAW)
        return ERR_CHECKSUM;
    line_check(bytes_of(raw, LINE_RAW - LINE_CHECK), check);
    if (!bytes_equal(BYTES_OF(check), bytes_of(raw + LINE_RAW - LINE_CHECK, LINE_CHECK)))
        return ERR_CHECKSUM;
    if (raw[0] != LINE_VERSION)
        return ERR_VERSION;
    const uint8_t *p = raw + 1;
    memcpy(out->circle, p, ID_BYTES);
    out->epoch = load_u32(p + ID_BYTES);
    memcpy(out->ad, p + ID_BYTES + 4, HASH_BYTES);
    memcpy(out->sealed, p + ID_BYTES + 4 + HASH_BYTES, WRAPPED_BYTES);
    return OK;
}

enum err wrapped_of(struct bytes manifest, struct wrapped *out)
{
    AUTO_FREE struct manifest *m = calloc(1, sizeof *m);

    if (m == NULL)
        return ERR_NOMEM;
    TRY(manifest_open(manifest, m));
    memcpy(out->circle, m->circle, ID_BYTES);
    out->epoch = m->epoch;
    manifest_before(manifest, out->ad);
    memcpy(out->sealed, m->wrapped, WRAPPED_BYTES);
    return OK;
}

enum err wrapped_open(const struct wrapped *w, const struct escrow_key *escrow,
                      struct root_key *out)
{
    AUTO_SECRET struct seal_key *kek = NULL;
    AUTO_SECRET struct root_key *root = NULL;
    size_t n = 0;

    TRY(secret_new(&kek));
    TRY(secret_new(&root));
    kek_of(escrow, w->circle, w->epoch, kek);
    TRY(crypt_open(kek, LABEL_KEK, BYTES_OF(w->ad), BYTES_OF(w->sealed), SPAN_OF(root->b),
                   &n));
    *out = *root;
    return OK;
}
