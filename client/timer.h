/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The systemd user timer that lets a machine look for alerts by itself: two files under
 * $XDG_CONFIG_HOME/systemd/user (or ~/.config), one pair for each home, and systemctl
 * where there is one. Needs no passphrase and keeps no secret.
 */
#ifndef KITH_CLIENT_TIMER_H
#define KITH_CLIENT_TIMER_H

#include "client/alert.h"

/*
 * Writes the files and starts the timer; it runs "kith check --due" and "kith alert watch
 * --once" for this home every so many seconds. *out_runs is false where the files are
 * there but systemctl is not, or refused. Records its problem.
 */
enum err timer_on(const struct ctx *ctx, uint32_t every, bool *out_runs);
/* Stops it and removes the files; fine if there are none. */
enum err timer_off(const struct ctx *ctx);
/* One question after the first setup; a yes is timer_on, noted in the day (not saved). */
enum err timer_offer(struct ctx *ctx, struct day *d);
/* Says what timer_on came to. */
void timer_say(const struct ctx *ctx, uint32_t every, bool runs);

#endif
