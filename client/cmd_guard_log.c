/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cmd_guard_part.h"
#include "client/cmd_log.h"

enum err guard_cmd_log(struct ctx *ctx)
{
    AUTO_DESK struct desk d = { .home = { .dir = -1, .lock = -1 } };
    AUTO_ALERTS struct alerts *a = NULL;
    const struct alert_look how = { .params = ctx->params,
                                    .which = DROP_ALERTS,
                                    .seats_only = true };

    TRY(desk_open(ctx, &d));
    term_progress(d.t, "Asking your node …");
    TRY(alerts_look(&how, d.day, &a));
    TRY(ctx_day_save(ctx, &d.home, d.day));
    return log_show(ctx, a, ALERT_GUARDIAN);
}
