/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/liar.h"

#include "node/proof.h"
#include "node/vault_part.h"
#include "node/ward.h"

struct liar liar;

static uint8_t mem[1 << 16];

enum err real_ward_object(struct call *c, const uint8_t ward[ID_BYTES], uint32_t epoch,
                          enum object which,
                          struct bytes *out) __asm__("__real_ward_object");
enum err wrap_ward_object(struct call *c, const uint8_t ward[ID_BYTES], uint32_t epoch,
                          enum object which,
                          struct bytes *out) __asm__("__wrap_ward_object");
enum err real_kept_bytes(struct call *c, const uint8_t ward[ID_BYTES],
                         const uint8_t id[VAULT_ID], const struct record_object *o,
                         struct bytes *out) __asm__("__real_kept_bytes");
enum err wrap_kept_bytes(struct call *c, const uint8_t ward[ID_BYTES],
                         const uint8_t id[VAULT_ID], const struct record_object *o,
                         struct bytes *out) __asm__("__wrap_kept_bytes");

enum err
real_proof_drill_list(struct call *c, const struct req_drill_list *req,
                      struct rep_drill_list *rep) __asm__("__real_proof_drill_list");
enum err
wrap_proof_drill_list(struct call *c, const struct req_drill_list *req,
                      struct rep_drill_list *rep) __asm__("__wrap_proof_drill_list");

static bool lies_about(const uint8_t ward[ID_BYTES])
{
    return liar.lie != HONEST &&
           (liar.everybody || bytes_equal(bytes_of(ward, ID_BYTES), BYTES_OF(liar.ward)));
}

static void flip(struct bytes *io)
{
    MUST(io->n < sizeof mem);
    memcpy(mem, io->p, io->n);
    mem[io->n / 2] ^= 1;
    *io = bytes_of(mem, io->n);
}

static void hash_alone(struct bytes *io)
{
    vault_object_id(*io, mem);
    *io = bytes_of(mem, HASH_BYTES);
}

enum err wrap_ward_object(struct call *c, const uint8_t ward[ID_BYTES], uint32_t epoch,
                          enum object which, struct bytes *out)
{
    bool box = which == OBJECT_BOX_PIECE;

    if (!lies_about(ward))
        return real_ward_object(c, ward, epoch, which, out);
    if (liar.lie == NO_EPOCH)
        return ERR_UNKNOWN;
    if (liar.lie == NO_LIST && which == OBJECT_ROSTER_LATER)
        return ERR_UNKNOWN;
    if (liar.lie == ANOTHER_BLOB && box)
        return real_ward_object(c, liar.other, epoch, which, out);
    if (liar.lie == OLDER_EPOCH)
        return real_ward_object(c, ward, epoch - 1, which, out);
    TRY(real_ward_object(c, ward, epoch, which, out));
    if (liar.lie == ONLY_A_HASH)
        hash_alone(out);
    if (liar.lie == FLIPPED_BIT && box)
        flip(out);
    return OK;
}

enum err wrap_kept_bytes(struct call *c, const uint8_t ward[ID_BYTES],
                         const uint8_t id[VAULT_ID], const struct record_object *o,
                         struct bytes *out)
{
    if (!lies_about(ward))
        return real_kept_bytes(c, ward, id, o, out);
    if (liar.lie == NO_VAULT)
        return ERR_UNKNOWN;
    TRY(real_kept_bytes(c, ward, id, o, out));
    if (liar.lie == VAULT_FLIPPED)
        flip(out);
    if (liar.lie == VAULT_HASHES)
        hash_alone(out);
    return OK;
}

enum err wrap_proof_drill_list(struct call *c, const struct req_drill_list *req,
                               struct rep_drill_list *rep)
{
    TRY(real_proof_drill_list(c, req, rep));
    if (c->who->role != ROLE_DEVICE || rep->n_lines == 0 || liar.lie != FORGED_DRILL)
        return OK;
    rep->lines[0].answered = c->now;
    rep->lines[0].sig[7] ^= 1;
    return OK;
}
