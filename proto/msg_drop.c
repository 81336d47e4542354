/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/msg_part.h"

/* ---- bodies of the messages about drops ---- */

static const struct wire_field drop_key_fields[] = {
    W_FIX(drop_key, key, 1, WIRE_MUST),
};
static const struct wire_schema drop_key_schema = W_SCHEMA(drop_key, drop_key_fields);

static const struct wire_field drop_line_fields[] = {
    W_UINT(drop_line, seq, 1, WIRE_MUST, UINT64_MAX),
    W_UINT(drop_line, received, 2, WIRE_MUST, UINT64_MAX),
    W_UINT(drop_line, size, 3, WIRE_MUST, DROP_BLOB_MAX),
    W_FIX(drop_line, hash, 4, WIRE_MUST),
    W_BYTES(drop_line, blob, 5, WIRE_MAY, 0, DROP_INLINE),
};
static const struct wire_schema drop_line_schema = W_SCHEMA(drop_line, drop_line_fields);

static const struct wire_field drop_reader_fields[] = {
    W_FIX(drop_reader, key, 1, WIRE_MUST),
    W_UINT(drop_reader, seq, 2, WIRE_MUST, UINT64_MAX),
    W_FIX(drop_reader, head, 3, WIRE_MUST),
    W_FIX(drop_reader, sig, 4, WIRE_MUST),
};
static const struct wire_schema drop_reader_schema =
    W_SCHEMA(drop_reader, drop_reader_fields);

static const struct wire_field req_drop_create_fields[] = {
    W_FIX(req_drop_create, op, 1, WIRE_MUST),
    W_UINT(req_drop_create, rule, 2, WIRE_MUST, DROP_RULE_KEYS),
    W_LIST(req_drop_create, keys, 3, WIRE_MAY, 0, &drop_key_schema),
    W_FIX(req_drop_create, id, 4, WIRE_MAY),
    W_FIX(req_drop_create, psk, 5, WIRE_MAY),
    W_UINT(req_drop_create, keep, 6, WIRE_MAY, UINT32_MAX),
    W_UINT(req_drop_create, blobs, 7, WIRE_MAY, UINT32_MAX),
};
const struct wire_schema req_drop_create_schema =
    W_SCHEMA(req_drop_create, req_drop_create_fields);

static const struct wire_field rep_drop_create_fields[] = {
    W_FIX(rep_drop_create, drop, 1, WIRE_MUST),
    W_BYTES(rep_drop_create, receipt, 2, WIRE_MUST, 64, DROP_RECEIPT_MAX),
};
const struct wire_schema rep_drop_create_schema =
    W_SCHEMA(rep_drop_create, rep_drop_create_fields);

static const struct wire_field req_drop_put_fields[] = {
    W_FIX(req_drop_put, op, 1, WIRE_MUST),
    W_FIX(req_drop_put, drop, 2, WIRE_MUST),
    W_BYTES(req_drop_put, blob, 3, WIRE_MUST, 1, DROP_BLOB_MAX),
    W_FIX(req_drop_put, key, 4, WIRE_MAY),
    W_FIX(req_drop_put, sig, 5, WIRE_MAY),
};
const struct wire_schema req_drop_put_schema =
    W_SCHEMA(req_drop_put, req_drop_put_fields);

static const struct wire_field rep_drop_put_fields[] = {
    W_BYTES(rep_drop_put, receipt, 1, WIRE_MUST, 64, DROP_RECEIPT_MAX),
};
const struct wire_schema rep_drop_put_schema =
    W_SCHEMA(rep_drop_put, rep_drop_put_fields);

static const struct wire_field req_drop_list_fields[] = {
    W_UINT(req_drop_list, which, 1, WIRE_MAY, DROP_WHICH_MAX),
    W_FIX(req_drop_list, drop, 2, WIRE_MAY),
    W_UINT(req_drop_list, after, 3, WIRE_MAY, UINT64_MAX),
};
const struct wire_schema req_drop_list_schema =
    W_SCHEMA(req_drop_list, req_drop_list_fields);

static const struct wire_field rep_drop_list_fields[] = {
    W_FIX(rep_drop_list, drop, 1, WIRE_MUST),
    W_UINT(rep_drop_list, first, 2, WIRE_MAY, UINT64_MAX),
    W_FIX(rep_drop_list, head, 3, WIRE_MAY),
    W_BYTES(rep_drop_list, receipt, 4, WIRE_MUST, 64, DROP_RECEIPT_MAX),
    W_LIST(rep_drop_list, lines, 5, WIRE_MAY, 0, &drop_line_schema),
    W_LIST(rep_drop_list, readers, 6, WIRE_MAY, 0, &drop_reader_schema),
    W_UINT(rep_drop_list, more, 7, WIRE_MAY, 1),
};
const struct wire_schema rep_drop_list_schema =
    W_SCHEMA(rep_drop_list, rep_drop_list_fields);

static const struct wire_field req_drop_get_fields[] = {
    W_UINT(req_drop_get, which, 1, WIRE_MAY, DROP_WHICH_MAX),
    W_FIX(req_drop_get, drop, 2, WIRE_MAY),
    W_UINT(req_drop_get, seq, 3, WIRE_MUST, UINT64_MAX),
};
const struct wire_schema req_drop_get_schema =
    W_SCHEMA(req_drop_get, req_drop_get_fields);

static const struct wire_field rep_drop_get_fields[] = {
    W_UINT(rep_drop_get, received, 1, WIRE_MUST, UINT64_MAX),
    W_BYTES(rep_drop_get, blob, 2, WIRE_MUST, 1, DROP_BLOB_MAX),
};
const struct wire_schema rep_drop_get_schema =
    W_SCHEMA(rep_drop_get, rep_drop_get_fields);

static const struct wire_field req_drop_ack_fields[] = {
    W_FIX(req_drop_ack, op, 1, WIRE_MUST),
    W_UINT(req_drop_ack, which, 2, WIRE_MAY, DROP_WHICH_MAX),
    W_FIX(req_drop_ack, drop, 3, WIRE_MAY),
    W_UINT(req_drop_ack, seq, 4, WIRE_MAY, UINT64_MAX),
    W_FIX(req_drop_ack, head, 5, WIRE_MUST),
    W_FIX(req_drop_ack, key, 6, WIRE_MAY),
    W_FIX(req_drop_ack, sig, 7, WIRE_MAY),
};
const struct wire_schema req_drop_ack_schema =
    W_SCHEMA(req_drop_ack, req_drop_ack_fields);

static const struct wire_field rep_drop_ack_fields[] = {
    W_UINT(rep_drop_ack, reserved, 1, WIRE_MAY, 255),
};
const struct wire_schema rep_drop_ack_schema =
    W_SCHEMA(rep_drop_ack, rep_drop_ack_fields);

static const struct wire_field req_drop_watch_fields[] = {
    W_UINT(req_drop_watch, which, 1, WIRE_MAY, DROP_WHICH_MAX),
    W_FIX(req_drop_watch, drop, 2, WIRE_MAY),
    W_UINT(req_drop_watch, after, 3, WIRE_MAY, UINT64_MAX),
    W_UINT(req_drop_watch, wait, 4, WIRE_MAY, DROP_WATCH_S),
};
const struct wire_schema req_drop_watch_schema =
    W_SCHEMA(req_drop_watch, req_drop_watch_fields);

static const struct wire_field rep_drop_watch_fields[] = {
    W_UINT(rep_drop_watch, seq, 1, WIRE_MAY, UINT64_MAX),
    W_FIX(rep_drop_watch, head, 2, WIRE_MAY),
};
const struct wire_schema rep_drop_watch_schema =
    W_SCHEMA(rep_drop_watch, rep_drop_watch_fields);

static const struct wire_field req_drop_close_fields[] = {
    W_FIX(req_drop_close, op, 1, WIRE_MUST),
    W_FIX(req_drop_close, drop, 2, WIRE_MUST),
};
const struct wire_schema req_drop_close_schema =
    W_SCHEMA(req_drop_close, req_drop_close_fields);

static const struct wire_field rep_drop_close_fields[] = {
    W_UINT(rep_drop_close, reserved, 1, WIRE_MAY, 255),
};
const struct wire_schema rep_drop_close_schema =
    W_SCHEMA(rep_drop_close, rep_drop_close_fields);
