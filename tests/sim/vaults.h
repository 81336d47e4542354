/* SPDX-License-Identifier: Apache-2.0 */
/* Vaults for tests of a node: devices, objects that look sealed, heads that are signed.
 */
#ifndef KITH_TESTS_SIM_VAULTS_H
#define KITH_TESTS_SIM_VAULTS_H

#include "tests/sim/cast.h"

/* Who pushes: an owner's device, or the root account. */
struct sim_pusher {
    const struct sim_owner *owner;
    struct sim_login login;
    struct sign_seed sign;
    uint8_t sign_pub[PUB_BYTES];
    uint8_t cred[ID_BYTES];
    struct session who;
};

/* A device the owner enrols now. */
void sim_device(struct node_sim *n, const struct sim_owner *o, struct sim_pusher *out);
/* The root account itself. */
void sim_account(const struct sim_owner *o, struct sim_pusher *out);

/* Appends one framed object of size bytes that follow from mark. */
void sim_object_put(uint32_t mark, size_t size, struct buf *out);
/* The id of that object, appended. */
void sim_object_id(uint32_t mark, size_t size, struct buf *out);

/* A head that follows what the node has as the newest, in req with a new op id. */
struct sim_head {
    uint8_t raw[VAULT_HEAD_MAX];
    uint8_t body[SEAL_OVERHEAD + 100];
    uint8_t witness[300];
    struct vault_head head;
    struct req_head_set req;
};

void sim_head_new(struct node_sim *n, const struct sim_pusher *p, struct sim_head *h);
/* Signs h->head again after a test changed it. */
void sim_head_sign(const struct sim_pusher *p, struct sim_head *h);
/* Such a head with these objects and dropped ids, asked for. */
enum err sim_push(struct node_sim *n, const struct sim_pusher *p, struct bytes objects,
                  struct bytes dropped, struct rep_head_set *out);
/* VAULT_PUT of framed objects. out may be NULL. */
enum err sim_vault_put(struct node_sim *n, const struct sim_pusher *p,
                       struct bytes objects, struct rep_vault_put *out);
/* HEAD_GET; version 0: the newest. */
enum err sim_head_get(struct node_sim *n, const struct sim_pusher *p, uint64_t version,
                      struct rep_head_get *out);
/* True if the node says that it has the one object; and if GET gives it whole. */
bool sim_has(struct node_sim *n, const struct sim_pusher *p, uint32_t mark, size_t size);
bool sim_gives(struct node_sim *n, const struct sim_pusher *p, uint32_t mark,
               size_t size);
/* Sweeps until there is nothing more to do; returns how many jobs that took. */
size_t sim_vault_tick(struct node_sim *n);

#endif
