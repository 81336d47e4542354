/* SPDX-License-Identifier: Apache-2.0 */
#include "client/otp.h"

#include "proto/crypt.h"
#include "proto/secret.h"

/* ---- base32 ---- */

/* 0 to 31, or -1. */
static int letter_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a';
    if (c >= '2' && c <= '7')
        return c - '2' + 26;
    return -1;
}

static bool is_gap(uint8_t c)
{
    return c == ' ' || c == '-' || c == '\n' || c == '\r' || c == '\t';
}

static const char *const why_letters =
    "A secret of one-time codes has the letters A to Z and the digits 2 to 7 only.";
static const char *const why_short = "The secret is too short: some of it is missing.";
static const char *const why_long = "The secret is longer than any that are in use.";

static enum err base32_read(struct bytes text, struct otp *o, const char **out_why)
{
    uint32_t bits = 0;
    unsigned have = 0;

    while (text.n > 0 && (is_gap(text.p[text.n - 1]) || text.p[text.n - 1] == '='))
        text.n--;
    for (size_t i = 0; i < text.n; i++) {
        int value = letter_value(text.p[i]);
        if (is_gap(text.p[i]))
            continue;
        *out_why = why_letters;
        if (value < 0)
            return ERR_FORMAT;
        bits = (bits << 5 | (uint32_t)value) & 0xfff;
        have += 5;
        if (have < 8)
            continue;
        *out_why = why_long;
        if (o->n == OTP_SECRET_MAX)
            return ERR_TOO_BIG;
        have -= 8;
        o->secret[o->n++] = (uint8_t)(bits >> have);
    }
    *out_why = why_short;
    return o->n < OTP_SECRET_MIN ? ERR_FORMAT : OK;
}

/* ---- otpauth://totp/LABEL?secret=…&algorithm=…&digits=…&period=… ---- */

static bool is_text(struct bytes a, const char *b)
{
    bool same = a.n == strlen(b);

    for (size_t i = 0; same && i < a.n; i++) {
        uint8_t c = a.p[i];
        if (c >= 'A' && c <= 'Z')
            c = (uint8_t)(c - 'A' + 'a');
        same = c == (uint8_t)b[i];
    }
    return same;
}

/* Takes a head in any case, given in small letters, off *io. */
static bool take_head(struct bytes *io, const char *head)
{
    size_t n = strlen(head);

    if (io->n < n || !is_text(bytes_of(io->p, n), head))
        return false;
    *io = bytes_of(io->p + n, io->n - n);
    return true;
}

/* What stands before the first c; *io goes on behind it. */
static struct bytes take_until(struct bytes *io, char c)
{
    const uint8_t *at = io->n == 0 ? NULL : memchr(io->p, c, io->n);
    size_t n = at == NULL ? io->n : (size_t)(at - io->p);
    struct bytes head = bytes_of(io->p, n);
    size_t skip = at == NULL ? n : n + 1;

    *io = bytes_of(io->p + skip, io->n - skip);
    return head;
}

static enum err small_number(struct bytes text, unsigned max, unsigned *out)
{
    unsigned v = 0;

    if (text.n == 0 || text.n > 4)
        return ERR_FORMAT;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return ERR_FORMAT;
        v = v * 10 + (unsigned)(text.p[i] - '0');
    }
    if (v == 0 || v > max)
        return ERR_FORMAT;
    *out = v;
    return OK;
}

/* "%3D" behind a secret is the padding again. */
static enum err unescape(struct bytes in, struct buf *out)
{
    while (in.n > 0) {
        uint8_t c = in.p[0];
        size_t n = 1;
        if (c == '%') {
            if (in.n < 3 ||
                hex_decode(bytes_of(in.p + 1, 2), (struct span){ &c, 1 }) != OK)
                return ERR_FORMAT;
            n = 3;
        }
        buf_put(out, bytes_of(&c, 1));
        in = bytes_of(in.p + n, in.n - n);
    }
    return out->over ? ERR_TOO_BIG : OK;
}

static enum err secret_value(struct bytes value, struct otp *o, const char **out_why)
{
    AUTO_SECRET void *memory = NULL;

    TRY(secret_alloc(OTP_TEXT_MAX, &memory));
    struct buf plain = { .p = memory, .cap = OTP_TEXT_MAX };
    *out_why = "A % in the address is not followed by two digits.";
    TRY(unescape(value, &plain));
    return base32_read(buf_bytes(&plain), o, out_why);
}

static enum err hash_value(struct bytes value, struct otp *o, const char **out_why)
{
    static const char *const names[] = { "sha1", "sha256", "sha512" };

    (void)take_head(&value, "hmac"); /* some makers write it in front */
    for (unsigned i = 0; i < 3; i++) {
        if (!is_text(value, names[i]))
            continue;
        o->hash = (enum otp_hash)i;
        return OK;
    }
    *out_why = "Its algorithm is none of SHA1, SHA256 and SHA512.";
    return ERR_FORMAT;
}

enum { SEEN_SECRET = 1, SEEN_HASH = 2, SEEN_DIGITS = 4, SEEN_PERIOD = 8 };

static unsigned seen_of(struct bytes key)
{
    static const char *const names[] = { "secret", "algorithm", "digits", "period" };

    for (unsigned i = 0; i < 4; i++) {
        if (is_text(key, names[i]))
            return 1U << i;
    }
    return 0;
}

/* One key=value; those that say nothing about the code are passed over. */
static enum err parameter(struct bytes pair, struct otp *o, unsigned *io_seen,
                          const char **out_why)
{
    struct bytes value = pair;
    unsigned which = seen_of(take_until(&value, '='));

    *out_why = "A part of the address stands in it twice.";
    if ((*io_seen & which) != 0)
        return ERR_FORMAT;
    *io_seen |= which;
    if (which == SEEN_SECRET)
        return secret_value(value, o, out_why);
    if (which == SEEN_HASH)
        return hash_value(value, o, out_why);
    *out_why = "Codes have 6, 7 or 8 digits.";
    if (which == SEEN_DIGITS)
        return small_number(value, 8, &o->digits) == OK && o->digits >= 6 ? OK
                                                                          : ERR_FORMAT;
    *out_why = "The period of a code is 1 to 3600 seconds.";
    if (which == SEEN_PERIOD)
        return small_number(value, OTP_PERIOD_MAX, &o->period);
    return OK;
}

static enum err address_read(struct bytes text, struct otp *o, const char **out_why)
{
    unsigned seen = 0;

    *out_why = "Codes that count (hotp) are not offered, only codes by time (totp).";
    bool label = take_head(&text, "totp/");
    if (!label && !take_head(&text, "totp?"))
        return ERR_FORMAT;
    if (label)
        (void)take_until(&text, '?');
    while (text.n > 0)
        TRY(parameter(take_until(&text, '&'), o, &seen, out_why));
    *out_why = "The address has no secret in it.";
    return (seen & SEEN_SECRET) != 0 ? OK : ERR_FORMAT;
}

static bool has_scheme(struct bytes text)
{
    for (size_t i = 0; i + 3 <= text.n; i++) {
        if (text.p[i] == ':' && text.p[i + 1] == '/' && text.p[i + 2] == '/')
            return true;
    }
    return false;
}

static enum err read_any(struct bytes text, struct otp *o, const char **out_why)
{
    while (text.n > 0 && is_gap(text.p[text.n - 1]))
        text.n--;
    while (text.n > 0 && is_gap(text.p[0]))
        text = bytes_of(text.p + 1, text.n - 1);
    *out_why = why_long;
    if (text.n > OTP_TEXT_MAX)
        return ERR_TOO_BIG;
    if (take_head(&text, "otpauth://"))
        return address_read(text, o, out_why);
    *out_why = "Only addresses that begin with otpauth://totp are understood.";
    if (has_scheme(text))
        return ERR_FORMAT;
    return base32_read(text, o, out_why);
}

enum err otp_parse(struct bytes text, struct otp *out, const char **out_why)
{
    AUTO_SECRET struct otp *o = NULL;

    *out_why = "There is no room for secrets.";
    TRY(secret_new(&o));
    *o = (struct otp){ .hash = OTP_SHA1, .digits = 6, .period = 30 };
    TRY(read_any(text, o, out_why));
    *out = *o;
    return OK;
}

/* ---- the code ---- */

enum { MAC_MAX = 64 };

static size_t mac_of(const struct otp *o, uint64_t counter, uint8_t out[MAC_MAX])
{
    uint8_t number[8];
    struct bytes key = bytes_of(o->secret, o->n);

    store_u64(number, counter);
    if (o->hash == OTP_SHA256) {
        crypt_hmac_sha256(key, PARTS(BYTES_OF(number)), out);
        return 32;
    }
    if (o->hash == OTP_SHA512) {
        crypt_hmac_sha512(key, PARTS(BYTES_OF(number)), out);
        return 64;
    }
    crypt_hmac_sha1(key, PARTS(BYTES_OF(number)), out);
    return 20;
}

void otp_code(const struct otp *o, uint64_t now, char out_code[OTP_CODE])
{
    uint8_t mac[MAC_MAX];

    MUST(o->period > 0 && o->digits >= 6 && o->digits <= 8);
    size_t n = mac_of(o, now / o->period, mac);
    /* Dynamic truncation, RFC 4226 section 5.3. */
    uint32_t value = load_u32(mac + (mac[n - 1] & 0xf)) & 0x7fffffff;
    for (unsigned i = o->digits; i > 0; i--) {
        out_code[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
    out_code[o->digits] = 0;
    secret_wipe(mac, sizeof mac);
}

unsigned otp_left(const struct otp *o, uint64_t now)
{
    MUST(o->period > 0);
    return o->period - (unsigned)(now % o->period);
}
