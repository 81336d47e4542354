/* SPDX-License-Identifier: Apache-2.0 */
/* Guardians and owners for tests of a node: enrolled, with epochs that are stored. */
#ifndef KITH_TESTS_SIM_CAST_H
#define KITH_TESTS_SIM_CAST_H

#include "tests/sim/node_sim.h"

struct sim_guardian {
    struct sign_seed sign;
    uint8_t sign_pub[PUB_BYTES];
    struct dh_key seal;
    uint8_t seal_pub[PUB_BYTES];
    struct sim_login link;  /* as it came */
    struct sim_login login; /* as it comes from then on: the same static key */
    uint8_t seat[ID_BYTES];
    struct session who; /* of login, when enrolled */
};

struct sim_owner {
    const struct sim_guardian *guardian;
    struct sign_seed account;
    uint8_t account_pub[PUB_BYTES];
    struct sign_seed approval; /* the guardian's key for this ward */
    uint8_t approval_pub[PUB_BYTES];
    struct sim_login link;
    struct sim_login login;
    uint8_t invite[ID_BYTES];
    uint8_t ward[ID_BYTES];
    struct session who;
};

/* An op id nobody used. */
void sim_op(struct node_sim *n, uint8_t op[ID_BYTES]);

/* Fresh keys, and a link to come with: an operator link deposited as kithd does. */
void sim_guardian_new(struct node_sim *n, struct sim_guardian *g);
/* SEAT_ENROL as a session of the link asks for it. */
void sim_seat_req(struct node_sim *n, const struct sim_guardian *g,
                  const uint8_t handshake[64], struct req_seat_enrol *out);
/* The whole of it: new, link, SEAT_ENROL, logged in again. */
void sim_seat(struct node_sim *n, struct sim_guardian *g);

/* Fresh keys, and CRED_NEW for an invite, not yet asked for. */
void sim_owner_new(struct node_sim *n, const struct sim_guardian *g, struct sim_owner *o,
                   struct req_cred_new *out_invite);
void sim_ward_req(struct node_sim *n, const struct sim_owner *o,
                  struct req_ward_enrol *out);
/* The whole of it: new, invite, WARD_ENROL, logged in again. */
void sim_ward(struct node_sim *n, const struct sim_guardian *g, struct sim_owner *o);

/* What an epoch is made of here: bytes that look sealed, and a true descriptor. */
struct sim_epoch {
    uint8_t hash[HASH_BYTES]; /* of the manifest */
    uint8_t ack[PUB_BYTES];
    uint8_t boxes[4][200];
    struct descriptor d;
    uint8_t raw[DESCRIPTOR_MAX]; /* signed descriptor */
    struct req_epoch_prepare req;
};

/* A good PREPARE in e->req for the acknowledgement key NEXT gave, not yet asked for. */
void sim_epoch_fill(struct node_sim *n, const struct sim_owner *o, uint32_t epoch,
                    const uint8_t ack[PUB_BYTES], struct sim_epoch *e);
/* NEXT, then the same. */
void sim_epoch_new(struct node_sim *n, const struct sim_owner *o, uint32_t epoch,
                   struct sim_epoch *e);
/* Signs e->d again after a test changed it. */
void sim_epoch_sign(const struct sim_owner *o, struct sim_epoch *e);
/* The same, under the name that what it says now has. */
void sim_epoch_name(const struct sim_owner *o, struct sim_epoch *e);
/* NEXT, PREPARE, COMMIT. */
void sim_epoch(struct node_sim *n, const struct sim_owner *o, uint32_t epoch,
               struct sim_epoch *e);

/* Who asks for a restore by a link of the guardian. */
struct sim_asker {
    struct sim_login link;
    struct sim_login login; /* as a requester, when opened */
    struct sign_seed sign;
    uint8_t sign_pub[PUB_BYTES];
    struct dh_key seal;
    uint8_t seal_pub[PUB_BYTES];
    uint8_t nonce[32];
    struct session who; /* of the link */
    uint8_t request[ID_BYTES];
};

/* Fresh keys, CRED_NEW for a guardian's link and OPEN, neither asked for. */
void sim_asker_fill(struct node_sim *n, const struct sim_owner *o, struct sim_asker *a,
                    struct req_cred_new *out_link, struct req_open *out_req);
/* The same with the link deposited, logged in; OPEN in *out_req. */
void sim_asker_new(struct node_sim *n, const struct sim_owner *o, struct sim_asker *a,
                   struct req_open *out_req);
/* The whole of it: new, OPEN, REVEAL. */
void sim_ask(struct node_sim *n, const struct sim_owner *o, struct sim_asker *a);

#endif
