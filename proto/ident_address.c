/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/ident.h"

/* The C library's own converters live beside sockets, which this room does without. */

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool char_take(struct bytes *in, char c)
{
    struct bytes one = { 0 };

    return in->n > 0 && in->p[0] == (uint8_t)c && bytes_take(in, 1, &one) == OK;
}

/* A decimal number of at most max, without leading zeros. */
static enum err decimal_take(struct bytes *in, uint32_t max, uint32_t *out)
{
    struct bytes digits = { 0 };
    uint32_t v = 0;
    size_t n = 0;

    while (n < in->n && n < 6 && is_digit(in->p[n]))
        v = v * 10 + (uint32_t)(in->p[n++] - '0');
    if (n == 0 || v > max || (n > 1 && in->p[0] == '0'))
        return ERR_FORMAT;
    *out = v;
    return bytes_take(in, n, &digits);
}

static enum err ip4_parse(struct bytes text, struct address *a)
{
    for (size_t i = 0; i < 4; i++) {
        uint32_t v = 0;

        if (i > 0 && !char_take(&text, '.'))
            return ERR_FORMAT;
        TRY(decimal_take(&text, 255, &v));
        a->host[i] = (uint8_t)v;
    }
    a->kind = ADDRESS_IP4;
    a->host_n = 4;
    return text.n == 0 ? OK : ERR_FORMAT;
}

/* One to four hex digits. */
static enum err group_take(struct bytes *in, uint16_t *out)
{
    struct bytes digits = { 0 };
    uint32_t v = 0;
    size_t n = 0;

    for (; n < in->n && n < 4; n++) {
        uint8_t c = in->p[n];

        if (!is_digit(c) && !(c >= 'a' && c <= 'f'))
            break;
        v = v << 4 | (uint32_t)(is_digit(c) ? c - '0' : c - 'a' + 10);
    }
    if (n == 0)
        return ERR_FORMAT;
    *out = (uint16_t)v;
    return bytes_take(in, n, &digits);
}

static bool ip6_is_mapped(const uint8_t ip[16])
{
    static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

    return bytes_equal(bytes_of(ip, sizeof(prefix)), BYTES_OF(prefix));
}

enum { GROUPS = 8, NO_GAP = GROUPS + 1 };

/* The groups of a lower-case IPv6 address (RFC 4291) and where "::" stands. */
static enum err groups_take(struct bytes text, uint16_t out[GROUPS], size_t *out_n,
                            size_t *out_gap)
{
    size_t gap = NO_GAP;
    size_t n = 0;

    if (char_take(&text, ':')) {
        if (!char_take(&text, ':'))
            return ERR_FORMAT;
        gap = 0;
    }
    while (text.n > 0) {
        if (n == GROUPS)
            return ERR_FORMAT;
        TRY(group_take(&text, &out[n++]));
        if (text.n == 0)
            break;
        if (!char_take(&text, ':') || text.n == 0)
            return ERR_FORMAT;
        if (!char_take(&text, ':'))
            continue;
        if (gap != NO_GAP)
            return ERR_FORMAT;
        gap = n;
    }
    *out_n = n;
    *out_gap = gap;
    return OK;
}

static enum err ip6_parse(struct bytes text, struct address *a)
{
    uint16_t group[GROUPS] = { 0 };
    size_t n = 0;
    size_t gap = 0;

    TRY(groups_take(text, group, &n, &gap));
    if (gap == NO_GAP ? n != GROUPS : n == GROUPS)
        return ERR_FORMAT;
    for (size_t i = 0; i < n; i++)
        store_u16(a->host + 2 * (i < gap ? i : i + GROUPS - n), group[i]);
    if (ip6_is_mapped(a->host))
        return ERR_FORMAT;
    a->kind = ADDRESS_IP6;
    a->host_n = 16;
    return OK;
}

/* One label of a host name (RFC 1123): lower-case letters, digits, inner hyphens. */
static bool label_good(struct bytes label)
{
    if (label.n == 0 || label.n > 63 || label.p[0] == '-' || label.p[label.n - 1] == '-')
        return false;
    for (size_t i = 0; i < label.n; i++) {
        uint8_t c = label.p[i];

        if (!is_digit(c) && !(c >= 'a' && c <= 'z') && c != '-')
            return false;
    }
    return true;
}

static bool ends_with(struct bytes text, const char *tail)
{
    struct bytes t = bytes_text(tail);

    return text.n >= t.n && bytes_equal(bytes_of(text.p + text.n - t.n, t.n), t);
}

static enum err name_check(struct bytes name)
{
    size_t from = 0;

    if (name.n == 0 || name.n > HOST_MAX)
        return ERR_FORMAT;
    if (ends_with(name, ".onion"))
        return ERR_ARG;
    for (size_t i = 0; i <= name.n; i++) {
        if (i < name.n && name.p[i] != '.')
            continue;
        if (!label_good(bytes_of(name.p + from, i - from)))
            return ERR_FORMAT;
        if (i < name.n)
            from = i + 1;
    }
    /* No top-level domain begins with a digit: this is a mistyped IPv4 address. */
    return is_digit(name.p[from]) ? ERR_FORMAT : OK;
}

static enum err name_set(struct bytes name, struct address *a)
{
    TRY(name_check(name));
    a->kind = ADDRESS_NAME;
    a->host_n = (uint8_t)name.n;
    memcpy(a->host, name.p, name.n);
    return OK;
}

/* host is lower-case. */
static enum err host_parse(struct bytes host, struct address *a)
{
    struct address ip4 = *a;

    if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        return ip6_parse(bytes_of(host.p + 1, host.n - 2), a);
    if (ip4_parse(host, &ip4) != OK)
        return name_set(host, a);
    *a = ip4;
    return OK;
}

enum err address_parse(struct bytes text, struct address *out)
{
    struct address a = { 0 };
    uint8_t host[HOST_MAX];
    uint32_t port = 0;
    size_t n = text.n;

    while (n > 0 && text.p[n - 1] != ':')
        n--;
    if (n < 2 || n - 1 > sizeof(host))
        return ERR_FORMAT;
    for (size_t i = 0; i < n - 1; i++) {
        uint8_t c = text.p[i];

        host[i] = c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
    }
    struct bytes tail = bytes_of(text.p + n, text.n - n);
    TRY(decimal_take(&tail, UINT16_MAX, &port));
    if (tail.n > 0)
        return ERR_FORMAT;
    a.port = (uint16_t)port;
    TRY(host_parse(bytes_of(host, n - 1), &a));
    *out = a;
    return OK;
}

static void decimal_put(uint32_t v, struct buf *out)
{
    uint32_t unit = 1;

    while (v / unit >= 10)
        unit *= 10;
    for (; unit > 0; unit /= 10)
        buf_put_u8(out, (uint8_t)('0' + v / unit % 10));
}

static void ip4_put(const uint8_t ip[4], struct buf *out)
{
    for (size_t i = 0; i < 4; i++) {
        if (i > 0)
            buf_put_u8(out, '.');
        decimal_put(ip[i], out);
    }
}

static size_t zeros_at(const uint8_t ip[16], size_t from)
{
    size_t n = 0;

    while (from + n < GROUPS && load_u16(ip + 2 * (from + n)) == 0)
        n++;
    return n;
}

static void group_put(uint16_t v, struct buf *out)
{
    static const char digits[] = "0123456789abcdef";
    unsigned shift = v > 0xfff ? 12 : v > 0xff ? 8 : v > 0xf ? 4 : 0;

    for (;; shift -= 4) {
        buf_put_u8(out, (uint8_t)digits[v >> shift & 15]);
        if (shift == 0)
            return;
    }
}

/* RFC 5952: the first longest run of two or more zero groups is "::". */
static void ip6_put(const uint8_t ip[16], struct buf *out)
{
    size_t gap = GROUPS;
    size_t run = 1;

    for (size_t i = 0; i < GROUPS; i++) {
        if (zeros_at(ip, i) <= run)
            continue;
        gap = i;
        run = zeros_at(ip, i);
    }
    for (size_t i = 0; i < GROUPS; i++) {
        if (i == gap) {
            buf_put(out, bytes_text("::"));
            i += run - 1;
            continue;
        }
        if (i > 0 && i != gap + run)
            buf_put_u8(out, ':');
        group_put(load_u16(ip + 2 * i), out);
    }
}

void address_format(const struct address *a, char *out, size_t cap)
{
    struct buf b = { .p = (uint8_t *)out, .cap = cap };

    MUST(cap >= ADDRESS_TEXT);
    if (a->kind == ADDRESS_NAME) {
        buf_put(&b, bytes_of(a->host, a->host_n));
    } else if (a->kind == ADDRESS_IP4) {
        ip4_put(a->host, &b);
    } else {
        MUST(a->kind == ADDRESS_IP6);
        buf_put_u8(&b, '[');
        ip6_put(a->host, &b);
        buf_put_u8(&b, ']');
    }
    buf_put_u8(&b, ':');
    decimal_put(a->port, &b);
    buf_put_u8(&b, '\0');
    MUST(!b.over);
}

void address_put(const struct address *a, struct buf *out)
{
    MUST(a->port != 0);
    buf_put_u8(out, (uint8_t)a->kind);
    if (a->kind == ADDRESS_NAME) {
        buf_put_u16(out, a->port);
        buf_put(out, bytes_of(a->host, a->host_n));
        return;
    }
    MUST(a->kind == ADDRESS_IP4 || a->kind == ADDRESS_IP6);
    buf_put(out, bytes_of(a->host, a->kind == ADDRESS_IP4 ? 4 : 16));
    buf_put_u16(out, a->port);
}

static enum err ip_get(struct bytes in, uint8_t n, struct address *a)
{
    if (in.n != (size_t)n + 2)
        return ERR_FORMAT;
    memcpy(a->host, in.p, n);
    a->host_n = n;
    a->port = load_u16(in.p + n);
    return n == 16 && ip6_is_mapped(a->host) ? ERR_FORMAT : OK;
}

static enum err name_get(struct bytes in, struct address *a)
{
    struct bytes port = { 0 };

    TRY(bytes_take(&in, 2, &port));
    a->port = load_u16(port.p);
    return name_set(in, a) == OK ? OK : ERR_FORMAT;
}

enum err address_get(struct bytes in, struct address *out)
{
    struct address a = { 0 };
    struct bytes kind = { 0 };

    TRY(bytes_take(&in, 1, &kind));
    a.kind = (enum address_kind)kind.p[0];
    switch (kind.p[0]) {
    case ADDRESS_IP4:
        TRY(ip_get(in, 4, &a));
        break;
    case ADDRESS_IP6:
        TRY(ip_get(in, 16, &a));
        break;
    case ADDRESS_NAME:
        TRY(name_get(in, &a));
        break;
    default:
        return ERR_VERSION;
    }
    if (a.port == 0)
        return ERR_FORMAT;
    *out = a;
    return OK;
}

bool address_same_host(const struct address *a, const struct address *b)
{
    return a->kind == b->kind &&
           bytes_equal(bytes_of(a->host, a->host_n), bytes_of(b->host, b->host_n));
}

bool address_is_loopback(const struct address *a)
{
    static const uint8_t one[16] = { [15] = 1 };
    struct bytes host = bytes_of(a->host, a->host_n);

    if (a->kind == ADDRESS_IP4)
        return a->host[0] == 127;
    if (a->kind == ADDRESS_IP6)
        return bytes_equal(host, BYTES_OF(one));
    return bytes_equal(host, bytes_text("localhost")) || ends_with(host, ".localhost");
}

bool address_is_private(const struct address *a)
{
    const uint8_t *h = a->host;

    if (address_is_loopback(a))
        return true;
    if (a->kind == ADDRESS_IP6)
        return (h[0] & 0xfe) == 0xfc || (h[0] == 0xfe && (h[1] & 0xc0) == 0x80);
    if (a->kind != ADDRESS_IP4)
        return false;
    return h[0] == 10 || (h[0] == 172 && (h[1] & 0xf0) == 16) ||
           (h[0] == 192 && h[1] == 168) || (h[0] == 169 && h[1] == 254);
}
