/* SPDX-License-Identifier: Apache-2.0 */
/* The vault in a person's words, and as a document. */
#include "client/cmd_vault_part.h"

#define TEXT(b) (int)(b).n, (const char *)(b).p

void vault_size_text(uint64_t bytes, char out[SIZE_TEXT])
{
    static const char *const units[] = { "KiB", "MiB", "GiB" };
    size_t unit = 0;
    uint64_t tenths = bytes * 10 / 1024;
    if (bytes < 1024) {
        (void)snprintf(out, SIZE_TEXT, "%u bytes", (unsigned)bytes);
        return;
    }
    for (; tenths >= 10240 && unit < 2; unit++)
        tenths /= 1024;
    (void)snprintf(out, SIZE_TEXT, "%u.%u %s", (unsigned)(tenths / 10),
                   (unsigned)(tenths % 10), units[unit]);
}

void vault_items_text(const struct vault_state *s, char out[64])
{
    char size[SIZE_TEXT];
    vault_size_text(s->bytes, size);
    (void)snprintf(out, 64, "%u item%s, %s", (unsigned)s->items, s->items == 1 ? "" : "s",
                   size);
}

bool vault_say_places(struct term *t, const struct vault_round *r)
{
    bool named = false;
    for (size_t i = 0; i < r->n; i++) {
        const struct vault_place *p = &r->places[i];
        named = named || p->fault != VAULT_FINE;
        if (p->why[0] == 0)
            continue;
        if (p->fault != VAULT_FINE)
            term_warn(t,
                      "%s Ask %.*s what happened to it. Nothing here was changed by it.",
                      p->why, TEXT(p->g->name));
        else
            term_say(t, "%s", p->why);
    }
    return named;
}

void vault_say_forks(struct term *t, const struct vault_round *r)
{
    char when[TIME_TEXT];
    char items[64];
    for (size_t i = 0; i < r->n_forks; i++) {
        const struct vault_state *s = &r->forks[i].state;
        time_text(s->made, when);
        vault_items_text(s, items);
        term_say(t, "Joined with what \"%.*s\" saved on %s: %s. Nothing of it is lost.",
                 TEXT(s->device_name), when, items);
    }
}

void vault_say_merge(struct term *t, const struct vault_round *r)
{
    const struct vault_merge *m = &r->merge;
    vault_say_forks(t, r);
    if (!m->took && !m->merged)
        return;
    term_say(t,
             "Another of your devices saved changes, and they are here now: %u new, %u "
             "changed, %u removed.",
             m->added, m->changed, m->removed);
    if (m->both > 0)
        term_say(t,
                 "Items changed on both sides: %u. The newer content is the present one; "
                 "the other is kept: kith secret history NAME",
                 m->both);
    if (m->renamed > 0)
        term_say(t, "Names taken twice: %u; each second one got a number.", m->renamed);
}

void vault_say_shrunk(struct term *t, const struct vault_shown *s,
                      const struct vault_state *ours)
{
    char when[TIME_TEXT];
    char theirs[64];
    char mine[64];
    time_text(s->state.made, when);
    vault_items_text(&s->state, theirs);
    vault_items_text(ours, mine);
    term_warn(
        t,
        "on %s the device \"%.*s\" saved a vault with much less in it: %s, and here "
        "are %s. What is here stays. If you removed so much yourself, take it with: "
        "kith vault pull --yes shrink",
        when, TEXT(s->state.device_name), theirs, mine);
}

void vault_say_standing(struct term *t, const struct vault_desk *k, bool answer)
{
    struct vault_standing s;
    char items[64];
    char when[TIME_TEXT];
    vault_stand(k->held, k->day, k->vault, &s);
    vault_items_text(vault_now(k->vault), items);
    if (s.empty) {
        term_answer(t, "Your vault is empty.");
        term_say(t, "To put something in: kith secret add NAME");
        return;
    }
    time_text(s.since, when);
    bool back = home_has(&k->home, HOME_RESTORE);
    if (circle_over(k->day)) {
        term_answer(t, "%s; on this machine alone: your circle ended.", items);
        return;
    }
    if (s.of == 0)
        term_answer(t, back ? "%s; on this machine." : "%s; on this machine alone.",
                    items);
    else if (s.enough && answer)
        term_answer(t, "%s; saved at %u of %u nodes since %s.", items, s.saved, s.of,
                    when);
    else
        term_answer(t, "%s; saved at %u of %u nodes, %u are needed.", items, s.saved,
                    s.of, s.need);
    if (s.of == 0 && back)
        term_say(t, "The nodes of your old circle keep it as it came back. What you "
                    "change is on this machine alone until new guardians have it: kith "
                    "guardian add NAME LINK");
    else if (s.of == 0)
        term_say(t, "No guardian's node keeps it yet: kith guardian add NAME LINK");
    else if (!s.enough)
        term_say(t, "To save it: kith vault push");
}

/* ---- documents ---- */

static const struct vault_place *place_of(const struct vault_desk *k, const uint8_t *seat)
{
    for (size_t i = 0; k->round != NULL && i < k->round->n; i++)
        if (bytes_equal(BYTES_OF(k->round->places[i].g->seat),
                        bytes_of(seat, SEAT_BYTES)))
            return &k->round->places[i];
    return NULL;
}

static const char *state_of(const struct vault_place *p, const struct held_seat *s,
                            bool saved)
{
    if (p != NULL && p->fault != VAULT_FINE)
        return "fault";
    if (p != NULL && !p->talked)
        return "away";
    if (p != NULL && p->state == PLACE_FAILED)
        return "failed";
    if (saved)
        return "saved";
    return s == NULL || s->version == 0 ? "empty" : "behind";
}

static json_t *node_doc(const struct vault_desk *k, const struct day_guardian *g)
{
    char node[ADDRESS_TEXT];
    uint8_t now[HASH_BYTES];
    const struct vault_place *p = place_of(k, g->seat);
    const struct held_seat *s = vault_held_of(k->held, g);
    vault_state_hash(vault_now(k->vault), now);
    bool saved =
        s != NULL && s->saved != 0 && bytes_equal(BYTES_OF(s->state), BYTES_OF(now));
    guardian_node(g, node);
    return json_pack("{s:o, s:s, s:s, s:I, s:o, s:o, s:s?, s:o}", "name",
                     json_slice(g->name), "node", node, "state", state_of(p, s, saved),
                     "version", (json_int_t)(s != NULL ? s->version : 0), "saved_at",
                     json_time(saved ? s->saved : 0), "seen_at",
                     json_time(s != NULL ? s->seen : 0), "fault",
                     p != NULL ? vault_fault_name(p->fault) : NULL, "why",
                     json_slice(bytes_text(p != NULL ? p->why : "")));
}

json_t *vault_doc(const struct vault_desk *k)
{
    const struct vault_state *now = vault_now(k->vault);
    struct vault_standing s;
    uint8_t hash[HASH_BYTES];
    json_t *nodes = json_array();
    const struct vault_round *r = k->round;
    vault_stand(k->held, k->day, k->vault, &s);
    vault_state_hash(now, hash);
    for (size_t i = 0; i < k->day->n_guardians; i++)
        if (k->day->guardians[i].kind == PIECE_NODE && k->day->guardians[i].n_node == 1)
            (void)json_array_append_new(nodes, node_doc(k, &k->day->guardians[i]));
    return json_pack(
        "{s:I, s:I, s:I, s:o, s:o, s:i, s:i, s:i, s:b, s:o, s:o, s:I, s:I, "
        "s:i, s:b, s:I}",
        "items", (json_int_t)now->items, "bytes", (json_int_t)now->bytes, "version",
        (json_int_t)now->version, "state",
        s.empty ? json_null() : json_hex(hash, HASH_BYTES), "made_at",
        json_time(now->made), "saved", (int)s.saved, "need", (int)s.need, "of", (int)s.of,
        "enough", (int)(s.enough || s.empty), "saved_at", json_time(s.since), "nodes",
        nodes, "added", (json_int_t)(r != NULL ? r->merge.added : 0), "changed",
        (json_int_t)(r != NULL ? r->merge.changed : 0), "commits",
        (int)(r != NULL ? r->commits : 0), "shrinks", (int)(r != NULL && r->shrinks),
        "missing", (json_int_t)(r != NULL ? r->missing : 0));
}
