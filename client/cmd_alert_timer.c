/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cmd_alert_part.h"
#include "client/timer.h"

static enum err save(struct ctx *ctx, struct alert_home *h, uint32_t every, bool runs)
{
    h->day->me.timer = every;
    TRY(ctx_day_save(ctx, &h->home, h->day));
    if (ctx->term->json)
        term_json(ctx->term, "alert-timer",
                  json_pack("{s:b, s:o}", "runs", (int)runs, "every",
                            every > 0 ? json_integer(every) : json_null()));
    return OK;
}

enum err alert_cmd_timer(struct ctx *ctx)
{
    AUTO_ALERT_HOME struct alert_home h = { .home = { .dir = -1, .lock = -1 } };
    bool on = strcmp(ctx->args[0], "on") == 0;
    bool runs = false;
    if (!on && strcmp(ctx->args[0], "off") != 0)
        return term_fail(ctx->term, ERR_ARG, "kith alert timer on",
                         "\"%s\" is neither on nor off.", ctx->args[0]);
    TRY(alert_home_open(ctx, &h));
    uint32_t every = alert_every(h.day->me.hold);
    if (!on) {
        TRY(timer_off(ctx));
        TRY(save(ctx, &h, 0, false));
        term_say(ctx->term, "This machine no longer looks for alerts by itself.");
        return OK;
    }
    TRY(timer_on(ctx, every, &runs));
    TRY(save(ctx, &h, runs ? every : 0, runs));
    timer_say(ctx, every, runs);
    ctx->exit = runs ? EXIT_FINE : EXIT_DEGRADED;
    return OK;
}
