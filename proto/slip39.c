/* SPDX-License-Identifier: Apache-2.0 */
/* From a master secret to shares: the Feistel network, the Shamir layer, a split. */
#include "proto/crypt.h"
#include "proto/slip39_part.h"

enum {
    DIGEST_BYTES = 4, /* of the digest share; the rest of it is the HMAC's key */
    DIGEST_X = 254,
    ROUNDS = 4,        /* of the Feistel network */
    BASE_COUNT = 10000 /* PBKDF2 iterations of all rounds at e = 0 */
};

/* ---- passphrase ---- */

enum err slip39_passphrase_check(struct bytes passphrase)
{
    if (passphrase.n > SLIP39_PASSPHRASE)
        return ERR_TOO_BIG;
    uint32_t below = 0; /* the top bit once a difference fell below zero */
    for (size_t i = 0; i < passphrase.n; i++)
        below |= (passphrase.p[i] - 32U) | (126U - passphrase.p[i]);
    secret_public(&below, sizeof below);
    return below >> 31 != 0 ? ERR_ARG : OK;
}

/* The Feistel network's working space. */
struct feistel {
    uint8_t half[2][SLIP39_SECRET_MAX / 2];
    uint8_t mix[SLIP39_SECRET_MAX / 2];
    uint8_t password[1 + SLIP39_PASSPHRASE];
    uint8_t salt[8 + SLIP39_SECRET_MAX / 2];
};

/* half[0] ^= F(round, half[1]), then the halves change places. */
static void feistel_round(struct feistel *f, uint8_t round, size_t passphrase_n,
                          const struct slip39_share *set)
{
    size_t n = set->value_n / 2;
    struct buf salt = BUF_OF(f->salt);

    if (set->ext == 0) {
        buf_put(&salt, bytes_text("shamir"));
        buf_put_u16(&salt, set->identifier);
    }
    buf_put(&salt, bytes_of(f->half[1], n));
    f->password[0] = round;
    crypt_pbkdf2_sha256(bytes_of(f->password, 1 + passphrase_n), buf_bytes(&salt),
                        (uint32_t)BASE_COUNT / ROUNDS << set->e,
                        (struct span){ f->mix, n });
    for (size_t i = 0; i < n; i++) {
        uint8_t mixed = f->half[0][i] ^ f->mix[i];
        f->half[0][i] = f->half[1][i];
        f->half[1][i] = mixed;
    }
}

enum err slip39_crypt(enum slip39_way way, const struct slip39_share *set,
                      struct bytes passphrase, uint8_t *secret)
{
    AUTO_SECRET struct feistel *f = NULL;
    size_t n = set->value_n / 2;

    TRY(secret_new(&f));
    memcpy(f->half[0], secret, n);
    memcpy(f->half[1], secret + n, n);
    if (passphrase.n > 0)
        memcpy(f->password + 1, passphrase.p, passphrase.n);
    for (unsigned i = 0; i < ROUNDS; i++)
        feistel_round(f, (uint8_t)(way == ENCRYPT ? i : ROUNDS - 1 - i), passphrase.n,
                      set);
    memcpy(secret, f->half[1], n);
    memcpy(secret + n, f->half[0], n);
    return OK;
}

/* ---- one Shamir layer ---- */

/* True if the digest share (first 4 bytes: HMAC keyed with the rest) fits the secret. */
static bool digest_holds(const uint8_t *digest, const uint8_t *secret, size_t n)
{
    uint8_t mac[32];
    struct bytes key = bytes_of(digest + DIGEST_BYTES, n - DIGEST_BYTES);

    crypt_hmac_sha256(key, PARTS(bytes_of(secret, n)), mac);
    bool same = secret_equal(mac, digest, DIGEST_BYTES);
    secret_wipe(mac, sizeof mac);
    secret_public(&same, sizeof same);
    return same;
}

enum err slip39_shamir_secret(const struct gf256_point *points, size_t t, struct span out)
{
    struct gf256_poly poly;
    uint8_t digest[SLIP39_SECRET_MAX];

    TRY(gf256_through(points, t, &poly));
    gf256_at(&poly, SLIP39_SECRET_X, out);
    if (t == 1)
        return OK;
    gf256_at(&poly, DIGEST_X, (struct span){ digest, out.n });
    bool holds = digest_holds(digest, out.p, out.n);
    secret_wipe(digest, sizeof digest);
    return holds ? OK : ERR_SHARE_DIGEST;
}

size_t slip39_shamir_draw(uint8_t t, size_t secret_n)
{
    return t < 2 ? 0 : (size_t)(t - 2) * secret_n + secret_n - DIGEST_BYTES;
}

enum err slip39_shamir_split(uint8_t t, uint8_t n, struct bytes secret, struct bytes draw,
                             uint8_t *out_values)
{
    uint8_t digest[SLIP39_SECRET_MAX];
    uint8_t mac[32];
    struct gf256_point points[SLIP39_GROUPS];
    struct gf256_poly poly;
    size_t len = secret.n;

    if (t < 1 || t > n || n > SLIP39_GROUPS || slip39_value_length(len) != OK ||
        draw.n != slip39_shamir_draw(t, len))
        return ERR_ARG;
    if (t == 1) {
        for (size_t i = 0; i < n; i++)
            memcpy(out_values + i * len, secret.p, len);
        return OK;
    }
    if (t > 2)
        memcpy(out_values, draw.p, (size_t)(t - 2) * len);
    for (uint8_t i = 0; i < t - 2; i++)
        points[i] = (struct gf256_point){ i, out_values + i * len };
    memcpy(digest + DIGEST_BYTES, draw.p + (size_t)(t - 2) * len, len - DIGEST_BYTES);
    crypt_hmac_sha256(bytes_of(digest + DIGEST_BYTES, len - DIGEST_BYTES), PARTS(secret),
                      mac);
    memcpy(digest, mac, DIGEST_BYTES);
    points[t - 2] = (struct gf256_point){ DIGEST_X, digest };
    points[t - 1] = (struct gf256_point){ SLIP39_SECRET_X, secret.p };
    MUST(gf256_through(points, t, &poly) == OK);
    for (uint8_t i = (uint8_t)(t - 2); i < n; i++)
        gf256_at(&poly, i, (struct span){ out_values + i * len, len });
    secret_wipe(digest, sizeof digest);
    secret_wipe(mac, sizeof mac);
    return OK;
}

/* ---- split ---- */

enum err slip39_plan_check(const struct slip39_plan *plan)
{
    if (plan->ext > 1 || plan->e > SLIP39_E_MAX || plan->group_threshold < 1 ||
        plan->group_threshold > plan->group_count || plan->group_count > SLIP39_GROUPS)
        return ERR_ARG;
    for (size_t i = 0; i < plan->group_count; i++) {
        uint8_t t = plan->groups[i].t;
        uint8_t n = plan->groups[i].n;

        if (t < 1 || t > n || n > SLIP39_GROUPS || (t == 1 && n > 1))
            return ERR_ARG;
    }
    return OK;
}

size_t slip39_plan_shares(const struct slip39_plan *plan)
{
    size_t n = 0;

    for (size_t i = 0; i < plan->group_count; i++)
        n += plan->groups[i].n;
    return n;
}

size_t slip39_plan_need(const struct slip39_plan *plan)
{
    size_t by_t[SLIP39_GROUPS + 1] = { 0 };
    size_t groups = plan->group_threshold;
    size_t need = 0;

    for (size_t i = 0; i < plan->group_count; i++)
        by_t[plan->groups[i].t]++;
    for (size_t t = 1; t <= SLIP39_GROUPS && groups > 0; t++) {
        size_t taken = by_t[t] < groups ? by_t[t] : groups;
        need += taken * t;
        groups -= taken;
    }
    return need;
}

/* The identifier takes two bytes of the draw. */
size_t slip39_draw_size(const struct slip39_plan *plan, size_t n)
{
    size_t sum = 2 + slip39_shamir_draw(plan->group_threshold, n);

    for (size_t i = 0; i < plan->group_count; i++)
        sum += slip39_shamir_draw(plan->groups[i].t, n);
    return sum;
}

/* A split at work. */
struct splitting {
    uint8_t ems[SLIP39_SECRET_MAX]; /* encrypted master secret */
    uint8_t groups[SLIP39_GROUPS * SLIP39_SECRET_MAX];
    uint8_t members[SLIP39_GROUPS * SLIP39_SECRET_MAX];
    uint8_t pieces[SLIP39_GROUPS][SLIP39_HEADER + SLIP39_SECRET_MAX];
    struct slip39_share decoded[SLIP39_GROUPS];
    uint8_t found[SLIP39_SECRET_MAX];
};

/* Cannot fail: the plan and the draw's size have been checked. */
static void split_layer(uint8_t t, uint8_t n, struct bytes secret, struct bytes *draw,
                        uint8_t *out_values)
{
    struct bytes part = { 0 };

    MUST(bytes_take(draw, slip39_shamir_draw(t, secret.n), &part) == OK);
    MUST(slip39_shamir_split(t, n, secret, part, out_values) == OK);
}

/* Every window of t neighbours, in a ring, gives the wanted secret. */
static bool windows_hold(const struct gf256_point *ring, uint8_t t, size_t n,
                         struct bytes want, uint8_t *scratch)
{
    struct gf256_point window[SLIP39_GROUPS];

    for (size_t first = 0; first < n; first++) {
        for (size_t i = 0; i < t; i++)
            window[i] = ring[(first + i) % n];
        if (slip39_shamir_secret(window, t, (struct span){ scratch, want.n }) != OK)
            return false;
        bool same = secret_equal(scratch, want.p, want.n);
        secret_public(&same, sizeof same);
        if (!same)
            return false;
    }
    return true;
}

/* A group's shares, encoded and decoded again, give the group's value. */
static bool group_holds(const struct slip39_share *shares, size_t n, struct bytes want,
                        struct splitting *s)
{
    struct gf256_point ring[SLIP39_GROUPS];

    for (size_t i = 0; i < n; i++) {
        struct buf piece = BUF_OF(s->pieces[i]);

        slip39_piece_encode(&shares[i], &piece);
        if (slip39_piece_decode(buf_bytes(&piece), &s->decoded[i]) != OK)
            return false;
        ring[i] = (struct gf256_point){ s->decoded[i].member_index, s->decoded[i].value };
    }
    return windows_hold(ring, shares[0].member_threshold, n, want, s->found);
}

static void split_group(const struct slip39_share *head, uint8_t n, struct splitting *s,
                        struct bytes *draw, struct slip39_share *out_shares)
{
    size_t len = head->value_n;
    struct bytes value = bytes_of(s->groups + head->group_index * len, len);

    split_layer(head->member_threshold, n, value, draw, s->members);
    for (uint8_t i = 0; i < n; i++) {
        out_shares[i] = *head;
        out_shares[i].member_index = i;
        memcpy(out_shares[i].value, s->members + i * len, len);
    }
    /* Only broken memory gets here: nothing may leave this process then. */
    MUST(group_holds(out_shares, n, value, s));
}

static void split_all(const struct slip39_plan *plan, struct slip39_share *head,
                      struct bytes draw, struct splitting *s,
                      struct slip39_share *out_shares)
{
    struct gf256_point ring[SLIP39_GROUPS];
    struct bytes ems = bytes_of(s->ems, head->value_n);

    split_layer(plan->group_threshold, plan->group_count, ems, &draw, s->groups);
    for (uint8_t i = 0; i < plan->group_count; i++) {
        head->group_index = i;
        head->member_threshold = plan->groups[i].t;
        split_group(head, plan->groups[i].n, s, &draw, out_shares);
        out_shares += plan->groups[i].n;
        ring[i] = (struct gf256_point){ i, s->groups + i * ems.n };
    }
    MUST(windows_hold(ring, plan->group_threshold, plan->group_count, ems, s->found));
}

enum err slip39_split(struct bytes secret, struct bytes passphrase,
                      const struct slip39_plan *plan, struct bytes draw,
                      struct slip39_share *out_shares)
{
    AUTO_SECRET struct splitting *s = NULL;

    TRY(slip39_plan_check(plan));
    TRY(slip39_passphrase_check(passphrase));
    if (slip39_value_length(secret.n) != OK || draw.n != slip39_draw_size(plan, secret.n))
        return ERR_ARG;
    TRY(secret_new(&s));

    struct slip39_share head = {
        .identifier = load_u16(draw.p) & 0x7fff,
        .ext = plan->ext,
        .e = plan->e,
        .group_threshold = plan->group_threshold,
        .group_count = plan->group_count,
        .value_n = (uint8_t)secret.n,
    };
    secret_public(&head.identifier, sizeof head.identifier);
    memcpy(s->ems, secret.p, secret.n);
    TRY(slip39_crypt(ENCRYPT, &head, passphrase, s->ems));
    split_all(plan, &head, bytes_of(draw.p + 2, draw.n - 2), s, out_shares);
    return OK;
}
