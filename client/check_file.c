/* SPDX-License-Identifier: Apache-2.0 */
/* The home's file "check": what each node acknowledged to hold of the circle. */
#include "client/check_part.h"

enum { RECORD_SEAT = 1 };

static const struct wire_field seat_fields[] = {
    W_FIX(check_seat, seat, 1, WIRE_MUST),
    W_UINT(check_seat, epoch, 2, WIRE_MUST, UINT32_MAX),
    W_BYTES(check_seat, box_piece, 3, WIRE_MUST, 0, BOX_MAX),
    W_BYTES(check_seat, box_roster, 4, WIRE_MUST, 0, BOX_MAX),
    W_BYTES(check_seat, manifest, 5, WIRE_MUST, 0, MANIFEST_MAX + SEAL_OVERHEAD),
    W_BYTES(check_seat, roster, 6, WIRE_MUST, 0, ROSTER_MAX + SEAL_OVERHEAD),
    W_BYTES(check_seat, descriptor, 7, WIRE_MUST, 0, DESCRIPTOR_MAX),
};
static const struct wire_schema seat_schema = W_SCHEMA(check_seat, seat_fields);

void check_file_free(struct check_file *f)
{
    if (f != NULL)
        home_blob_free(&f->blob);
    free(f);
}

static enum err decode(struct check_file *f)
{
    struct bytes in = bytes_of(f->blob.p, f->blob.n);
    while (in.n > 0) {
        uint8_t kind = 0;
        struct bytes body = { 0 };
        TRY(blob_next(&in, &kind, &body));
        if (kind != RECORD_SEAT || f->n == DAY_GUARDIANS)
            return ERR_CORRUPT;
        TRY(wire_get(&seat_schema, body, &f->seats[f->n]));
        f->n++;
    }
    return OK;
}

enum err check_file_load(struct home *h, struct check_file **out)
{
    AUTO_CHECK_FILE struct check_file *f = calloc(1, sizeof *f);
    if (f == NULL)
        return ERR_NOMEM;
    if (h->dir >= 0 && home_has(h, HOME_CHECK))
        TRY(home_read_open(h, HOME_CHECK, &f->blob));
    if (decode(f) != OK)
        return ERR_CORRUPT;
    *out = f;
    f = NULL; /* the caller's now */
    return OK;
}

const struct check_seat *check_file_seat(const struct check_file *f,
                                         const uint8_t seat[SEAT_BYTES])
{
    for (size_t i = 0; i < f->n; i++) {
        if (bytes_equal(BYTES_OF(f->seats[i].seat), bytes_of(seat, SEAT_BYTES)))
            return &f->seats[i];
    }
    return NULL;
}

enum err check_kept(struct home *h, const uint8_t seat[SEAT_BYTES],
                    struct home_blob *out_mem, struct check_seat *out)
{
    AUTO_CHECK_FILE struct check_file *f = NULL;
    TRY(check_file_load(h, &f));
    const struct check_seat *s = check_file_seat(f, seat);
    if (s == NULL)
        return ERR_UNKNOWN;
    *out = *s;
    *out_mem = f->blob;
    f->blob = (struct home_blob){ 0 }; /* the caller's now */
    return OK;
}

struct day_guardian *check_guardian(struct day *d, const uint8_t seat[SEAT_BYTES])
{
    for (size_t i = 0; i < d->n_guardians; i++) {
        if (bytes_equal(BYTES_OF(d->guardians[i].seat), bytes_of(seat, SEAT_BYTES)))
            return &d->guardians[i];
    }
    return NULL;
}

static const struct check_seat *find(const struct check_seat *seats, size_t n,
                                     const uint8_t seat[SEAT_BYTES])
{
    for (size_t i = 0; i < n; i++) {
        if (bytes_equal(BYTES_OF(seats[i].seat), bytes_of(seat, SEAT_BYTES)))
            return &seats[i];
    }
    return NULL;
}

static bool is_kept(const struct check_file *f, const struct check_seat *seats, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct check_seat *k = check_file_seat(f, seats[i].seat);
        if (k == NULL || k->epoch != seats[i].epoch ||
            !bytes_equal(k->box_piece, seats[i].box_piece) ||
            !bytes_equal(k->descriptor, seats[i].descriptor))
            return false;
    }
    return true;
}

enum err check_keep(struct home *h, const struct day *d, const struct check_seat *seats,
                    size_t n, const struct rng *rng)
{
    AUTO_CHECK_FILE struct check_file *old = NULL;
    AUTO_BLOB struct home_blob all = { 0 };
    enum err e = n > 0 ? check_file_load(h, &old) : OK;
    if (n == 0 || e == ERR_NOMEM)
        return e;
    if (old != NULL && is_kept(old, seats, n))
        return OK;
    for (size_t i = 0; i < d->n_guardians; i++) {
        const uint8_t *seat = d->guardians[i].seat;
        const struct check_seat *s = find(seats, n, seat);
        if (s == NULL && old != NULL)
            s = check_file_seat(old, seat);
        if (s != NULL)
            TRY(blob_put(&all, RECORD_SEAT, &seat_schema, s));
    }
    return home_write(h, HOME_CHECK, NULL, bytes_of(all.p, all.n), (struct bytes){ 0 },
                      rng);
}
