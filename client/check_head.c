/* SPDX-License-Identifier: Apache-2.0 */
/* A vault head that this home does not know yet: whether a device of ours made it. */
#include "client/check_part.h"
#include "client/vault.h"

static enum err open_state(const struct day *d, const uint8_t ward[ID_BYTES],
                           struct bytes body, struct span mem, struct vault_state *out)
{
    AUTO_SECRET struct vault_keys *keys = NULL;
    AUTO_SECRET struct vault_key *key = NULL;
    TRY(secret_new(&key));
    TRY(secret_new(&keys));
    memcpy(key->b, d->me.vault_key, KEY_BYTES);
    vault_keys_of(key, keys);
    return vault_state_open(keys, body, ward, mem, out);
}

enum check_head check_head_judge(const struct day *d, const struct day_guardian *g,
                                 uint64_t version, struct bytes raw, uint64_t known)
{
    uint8_t mem[VAULT_STATE_MAX];
    struct vault_head h = { 0 };
    struct vault_state s = { 0 };
    if (d->me.generation_before != 0)
        return HEAD_NEWER; /* the vault is under two keys: nothing can be said */
    if (vault_head_open(raw, &h) != OK || h.version != version ||
        !bytes_equal(BYTES_OF(h.ward), BYTES_OF(g->ward)) ||
        open_state(d, g->ward, h.body, SPAN_OF(mem), &s) != OK ||
        vault_head_signer(&h, g->account) != OK || guardian_was_out(d, g->seat, &h))
        return HEAD_STRANGE;
    return s.version > known ? HEAD_NEWER : HEAD_SAME;
}
