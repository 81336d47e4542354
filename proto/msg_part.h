/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies whose fields stand in other files of this module, for the table in msg.c. */
#ifndef KITH_PROTO_MSG_PART_H
#define KITH_PROTO_MSG_PART_H

#include "proto/msg.h"

extern const struct wire_schema req_drop_create_schema, rep_drop_create_schema,
    req_drop_put_schema, rep_drop_put_schema, req_drop_list_schema, rep_drop_list_schema,
    req_drop_get_schema, rep_drop_get_schema, req_drop_ack_schema, rep_drop_ack_schema,
    req_drop_watch_schema, rep_drop_watch_schema, req_drop_close_schema,
    rep_drop_close_schema;
extern const struct wire_schema req_retire_schema, rep_retire_schema,
    req_epoch_abort_schema, rep_epoch_abort_schema, req_cert_put_schema,
    rep_cert_put_schema, req_roster_put_schema, rep_roster_put_schema, req_check_schema,
    rep_check_schema, req_ward_end_schema, rep_ward_end_schema, req_move_schema,
    rep_move_schema, req_drill_ask_schema, rep_drill_ask_schema, req_drill_list_schema,
    rep_drill_list_schema, req_drill_answer_schema, rep_drill_answer_schema;
extern const struct wire_schema req_vault_have_schema, rep_vault_have_schema,
    req_vault_put_schema, rep_vault_put_schema, req_vault_get_schema,
    rep_vault_get_schema, req_head_get_schema, rep_head_get_schema, req_head_set_schema,
    rep_head_set_schema;

#endif
