/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a restore knows: for what is asked with the root account once the root is back. */
#include "client/ceremony_restore.h"
#include "client/guardian.h"

static struct day_guardian *room_for(struct day *d, const uint8_t seat[SEAT_BYTES])
{
    for (size_t i = 0; i < d->n_guardians; i++)
        if (bytes_equal(BYTES_OF(d->guardians[i].seat), bytes_of(seat, SEAT_BYTES)))
            return NULL;
    if (d->n_guardians == DAY_GUARDIANS)
        return NULL;
    struct day_guardian *g = &d->guardians[d->n_guardians++];
    *g = (struct day_guardian){ .kind = PIECE_NODE,
                                .progress = GUARDIAN_READY,
                                .n_node = 1 };
    memcpy(g->seat, seat, SEAT_BYTES);
    return g;
}

static void take_addresses(struct day *d, struct day_node *n,
                           const struct roster_address *addresses, uint32_t count)
{
    for (uint32_t i = 0; i < count && i < ADDRESSES_MAX; i++)
        n->addresses[n->n_addresses++].at = day_keep(d, addresses[i].at);
}

static enum err take_roster(struct day *d, const struct restore *r, struct bytes raw)
{
    AUTO_FREE struct roster *roster = calloc(1, sizeof *roster);
    if (roster == NULL)
        return ERR_NOMEM;
    if (wire_get(&roster_schema, raw, roster) != OK)
        return OK;
    for (uint32_t i = 0; i < roster->n_entries; i++) {
        const struct roster_entry *e = &roster->entries[i];
        struct day_guardian *g = room_for(d, e->seat);
        if (g == NULL)
            continue;
        g->name = day_keep(d, e->name);
        g->generation = e->generation;
        memcpy(g->node[0].node_key, e->node_key, PUB_BYTES);
        /* Where the node was looked for: a newer list may have told. */
        const struct restore_entry *at = restore_told(r, e);
        if (at != NULL)
            take_addresses(d, &g->node[0], at->addresses, at->n_addresses);
        else
            take_addresses(d, &g->node[0], e->addresses, e->n_addresses);
    }
    return OK;
}

/* A guardian whom only a link named is called by its node. */
static void take_entry(struct day *d, const struct restore_entry *e)
{
    struct day_guardian *g = room_for(d, e->seat);
    char node[ADDRESS_TEXT];
    if (g == NULL)
        return;
    memcpy(g->node[0].node_key, e->node_key, PUB_BYTES);
    take_addresses(d, &g->node[0], e->addresses, e->n_addresses);
    guardian_node(g, node);
    g->name = day_keep(d, bytes_text(node));
}

/* Rosters of good pieces are believed first; a seat is taken once. */
enum err restore_people(const struct restore *r, struct day *d)
{
    static const uint8_t none[ID_BYTES];
    for (int good = 1; good >= 0; good--)
        for (size_t i = 0; i < r->n; i++)
            if ((r->entries[i].verdict == VERDICT_GOOD) == (good == 1) &&
                r->entries[i].roster.n > 0)
                TRY(take_roster(d, r, r->entries[i].roster));
    for (size_t i = 0; i < r->n; i++)
        if (!bytes_equal(BYTES_OF(r->entries[i].seat), BYTES_OF(none)))
            take_entry(d, &r->entries[i]);
    return OK;
}
