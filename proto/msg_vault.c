/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/msg_part.h"

/* ---- bodies of the messages about the vault ---- */

enum { IDS_MAX = VAULT_HAVE_MAX * VAULT_ID, BITS_MAX = (VAULT_HAVE_MAX + 7) / 8 };

static const struct wire_field req_vault_have_fields[] = {
    W_BYTES(req_vault_have, ids, 1, WIRE_MAY, 0, IDS_MAX),
    W_UINT(req_vault_have, list, 2, WIRE_MAY, 1),
    W_FIX(req_vault_have, after, 3, WIRE_MAY),
};
const struct wire_schema req_vault_have_schema =
    W_SCHEMA(req_vault_have, req_vault_have_fields);

static const struct wire_field rep_vault_have_fields[] = {
    W_BYTES(rep_vault_have, bits, 1, WIRE_MAY, 0, BITS_MAX),
    W_BYTES(rep_vault_have, ids, 3, WIRE_MAY, 0, IDS_MAX),
    W_BYTES(rep_vault_have, next, 5, WIRE_MAY, 0, VAULT_ID),
};
const struct wire_schema rep_vault_have_schema =
    W_SCHEMA(rep_vault_have, rep_vault_have_fields);

static const struct wire_field req_vault_put_fields[] = {
    W_FIX(req_vault_put, op, 1, WIRE_MUST),
    W_BYTES(req_vault_put, objects, 2, WIRE_MUST, 4, VAULT_BATCH_MAX),
};
const struct wire_schema req_vault_put_schema =
    W_SCHEMA(req_vault_put, req_vault_put_fields);

static const struct wire_field rep_vault_put_fields[] = {
    W_UINT(rep_vault_put, stored, 1, WIRE_MUST, UINT32_MAX),
    W_UINT(rep_vault_put, used, 2, WIRE_MUST, UINT64_MAX),
};
const struct wire_schema rep_vault_put_schema =
    W_SCHEMA(rep_vault_put, rep_vault_put_fields);

static const struct wire_field req_vault_get_fields[] = {
    W_BYTES(req_vault_get, ids, 1, WIRE_MUST, VAULT_ID, VAULT_GET_MAX *VAULT_ID),
};
const struct wire_schema req_vault_get_schema =
    W_SCHEMA(req_vault_get, req_vault_get_fields);

static const struct wire_field rep_vault_get_fields[] = {
    W_BYTES(rep_vault_get, objects, 1, WIRE_MUST, 4, VAULT_BATCH_MAX),
};
const struct wire_schema rep_vault_get_schema =
    W_SCHEMA(rep_vault_get, rep_vault_get_fields);

static const struct wire_field req_head_get_fields[] = {
    W_UINT(req_head_get, version, 1, WIRE_MAY, UINT64_MAX),
};
const struct wire_schema req_head_get_schema =
    W_SCHEMA(req_head_get, req_head_get_fields);

static const struct wire_field rep_head_get_fields[] = {
    W_BYTES(rep_head_get, head, 1, WIRE_MAY, 0, VAULT_HEAD_MAX),
    W_BYTES(rep_head_get, witness, 2, WIRE_MAY, 0, VAULT_WITNESS_MAX),
    W_UINT(rep_head_get, received, 3, WIRE_MAY, UINT64_MAX),
    W_UINT(rep_head_get, version, 4, WIRE_MAY, UINT64_MAX),
    W_UINT(rep_head_get, oldest, 5, WIRE_MAY, UINT64_MAX),
    W_UINT(rep_head_get, used, 6, WIRE_MAY, UINT64_MAX),
    W_UINT(rep_head_get, quota, 7, WIRE_MAY, UINT64_MAX),
};
const struct wire_schema rep_head_get_schema =
    W_SCHEMA(rep_head_get, rep_head_get_fields);

static const struct wire_field req_head_set_fields[] = {
    W_FIX(req_head_set, op, 1, WIRE_MUST),
    W_BYTES(req_head_set, head, 2, WIRE_MUST, 1, VAULT_HEAD_MAX),
    W_BYTES(req_head_set, witness, 3, WIRE_MUST, 1, VAULT_WITNESS_MAX),
    W_BYTES(req_head_set, objects, 4, WIRE_MAY, 0, VAULT_HEAD_OBJECTS),
    W_BYTES(req_head_set, dropped, 5, WIRE_MAY, 0, VAULT_DROP_MAX *VAULT_ID),
};
const struct wire_schema req_head_set_schema =
    W_SCHEMA(req_head_set, req_head_set_fields);

static const struct wire_field rep_head_set_fields[] = {
    W_UINT(rep_head_set, version, 1, WIRE_MUST, UINT64_MAX),
    W_UINT(rep_head_set, used, 2, WIRE_MUST, UINT64_MAX),
};
const struct wire_schema rep_head_set_schema =
    W_SCHEMA(rep_head_set, rep_head_set_fields);
