/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cmd.h"

/* In the order of the help text. */
const struct command_table *const command_tables[] = {
    &cmd_init_table,
    &cmd_root_table,
    &cmd_guard_table,
    &cmd_guardian_table,
    &cmd_swap_table,
    &cmd_circle_table,
    &cmd_device_table,
    &cmd_end_table,
    &cmd_status_table,
    &cmd_check_table,
    &cmd_drill_table,
    &cmd_alert_table,
    &cmd_stop_table,
    &cmd_log_table,
    &cmd_restore_table,
    &cmd_vault_table,
    &cmd_derive_table,
    &cmd_card_table,
    &cmd_card_bundle_table,
    &cmd_secret_table,
    &cmd_ask_table,
    &cmd_help_table,
    NULL,
};
