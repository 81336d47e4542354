/* SPDX-License-Identifier: Apache-2.0 */
/* What the nodes acknowledged is kept, so that kith check can compare it. */
#include "client/ceremony_seal_part.h"
#include "client/check.h"

enum err seal_keep_check(const struct seal *s, const struct seal_work *w)
{
    AUTO_FREE struct check_seat *seats = calloc(s->n + 1, sizeof *seats);
    size_t n = 0;
    if (seats == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < s->n; i++) {
        const struct seal_seat *seat = &s->seats[i];
        if (seat->stage != SEAT_ACTIVE || seal_is_card(seat))
            continue;
        seats[n] = (struct check_seat){ .epoch = s->head.epoch,
                                        .box_piece = seat->box_piece,
                                        .box_roster = seat->box_roster,
                                        .manifest = s->head.manifest_sealed,
                                        .roster = s->head.roster_sealed,
                                        .descriptor = seat->descriptor };
        memcpy(seats[n++].seat, seat->seat, SEAT_BYTES);
    }
    return check_keep(w->home, w->day, seats, n, w->params->rng);
}
