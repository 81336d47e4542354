/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of cmd_alert share. Records problems as handlers do. */
#ifndef KITH_CLIENT_CMD_ALERT_PART_H
#define KITH_CLIENT_CMD_ALERT_PART_H

#include "client/alert.h"

/* Home and day together. */
struct alert_home {
    struct home home;
    struct day *day;
};

void alert_home_end(struct alert_home *h);
#define AUTO_ALERT_HOME __attribute__((cleanup(alert_home_end)))

/* ERR_UNKNOWN (5): neither guardians nor a seat, so no alerts. */
enum err alert_home_open(struct ctx *ctx, struct alert_home *out);
/* Says who is away or was caught at something; sets the exit code. */
void alert_say_places(struct ctx *ctx, const struct alerts *a);
/* ERR_UNREACHABLE (13) where nobody answered. */
enum err alert_all_away(struct ctx *ctx, const struct alerts *a);

/* Handlers of the other parts. */
enum err alert_cmd_watch(struct ctx *ctx);
enum err alert_cmd_timer(struct ctx *ctx);

#endif
