/* SPDX-License-Identifier: Apache-2.0 */
/* The vault as one file. */
#include "client/vault_part.h"

static enum err put_frame(const struct vault_sink *to, struct bytes object)
{
    uint8_t length[4];

    store_u32(length, (uint32_t)object.n);
    TRY(to->put(to->ctx, BYTES_OF(length)));
    return to->put(to->ctx, object);
}

static enum err put_state(struct vault *v, const struct rng *rng,
                          const struct vault_sink *to)
{
    static const uint8_t no_ward[ID_BYTES];
    uint8_t sealed[VAULT_BODY_MAX];
    struct buf b = BUF_OF(sealed);

    vault_state_seal(v->keys, &v->state, no_ward, rng, &b);
    MUST(!b.over);
    return put_frame(to, buf_bytes(&b));
}

enum err vault_copy(struct vault *v, const struct rng *rng, const struct vault_sink *to)
{
    AUTO_BLOB struct home_blob ids = { 0 };

    if (v->state.version == 0)
        return ERR_UNKNOWN;
    TRY(vault_needs(v, &ids));
    TRY(to->put(to->ctx, bytes_text(VAULT_COPY_MAGIC)));
    TRY(put_state(v, rng, to));
    for (size_t at = 0; at < ids.n; at += VAULT_ID) {
        AUTO_BLOB struct home_blob object = { 0 };

        TRY(vault_object(v, ids.p + at, &object));
        TRY(put_frame(to, bytes_of(object.p, object.n)));
    }
    return OK;
}
