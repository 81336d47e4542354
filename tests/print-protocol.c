/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints the tables of docs/PROTOCOL.md from the code: print-protocol NAME, NAME one of
 * labels, levels, messages, objects, errors, states, drawing, events.
 * scripts/check-tables compares them.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

#include "node/request.h"
#include "proto/card.h"
#include "proto/crypt.h"
#include "proto/err.h"
#include "proto/msg.h"
#include "proto/piece.h"
#include "proto/vault.h"

static void print_labels(void)
{
    printf("| label | what it is for |\n|---|---|\n");
    for (unsigned l = 0; l < LABEL_COUNT; l++)
        printf("| `%s` | %s |\n", label_text(l), label_what(l));
}

static void print_levels(void)
{
    printf("| key | id | ctx |\n|---|--:|---|\n");
#define LEVEL_PRINT(name, id, ctx) printf("| %s | %d | `%s` |\n", #name, id, ctx);
    LEVEL_TABLE(LEVEL_PRINT)
#undef LEVEL_PRINT
}

static void print_errors(void)
{
    printf("| number | id | sentence |\n|--:|---|---|\n");
    for (unsigned e = OK + 1; e < ERR_COUNT; e++)
        if (err_from_wire(err_wire(e)) == e)
            printf("| %u | `%s` | %s |\n", (unsigned)err_wire(e), err_id(e), err_text(e));
}

static const char *need_of(const struct wire_field *f)
{
    return f->need == WIRE_MUST ? "" : "?";
}

static void print_field(const struct wire_field *f)
{
    printf("%u %s%s ", (unsigned)f->key, f->name, need_of(f));
    switch (f->type) {
    case WIRE_UINT:
        printf("uint");
        if (f->max < UINT32_MAX)
            printf(" ≤ %" PRIu64, f->max);
        return;
    case WIRE_FIX:
        printf("bin %u", (unsigned)f->size);
        return;
    case WIRE_BYTES:
        printf("bin %u..%" PRIu64, f->min, f->max);
        return;
    case WIRE_TEXT:
        printf("str %u..%" PRIu64, f->min, f->max);
        return;
    case WIRE_LIST:
        printf("list %u..%" PRIu64 " of `%s`", f->min, f->max, f->sub->name);
        return;
    }
}

static void print_schema(const struct wire_schema *s)
{
    printf("- `%s`: ", s->name);
    for (size_t i = 0; i < s->count; i++) {
        printf("%s", i > 0 ? "; " : "");
        print_field(&s->fields[i]);
    }
    printf("\n");
}

/* Schemas reached through lists, each once. */
static void print_with_parts(const struct wire_schema *s, const struct wire_schema **seen,
                             size_t *n_seen)
{
    for (size_t i = 0; i < *n_seen; i++)
        if (seen[i] == s)
            return;
    seen[(*n_seen)++] = s;
    print_schema(s);
    for (size_t i = 0; i < s->count; i++)
        if (s->fields[i].type == WIRE_LIST)
            print_with_parts(s->fields[i].sub, seen, n_seen);
}

static void print_roles(uint32_t roles)
{
    const char *comma = "";

    if (roles == MAY_ALL) {
        printf("all");
        return;
    }
    for (unsigned r = 1; r < 32; r++) {
        if ((roles & MAY(r)) == 0)
            continue;
        printf("%s%s", comma, role_name(r));
        comma = ", ";
    }
}

static void print_messages(void)
{
    const struct wire_schema *seen[128];
    size_t n_seen = 0;

    printf("| # | name | roles | rw | request ≤ | reply ≤ | what it does |\n");
    printf("|--:|---|---|---|--:|--:|---|\n");
    for (size_t i = 0; i < msg_count; i++) {
        const struct msg_row *m = &msg_rows[i];

        printf("| %u | %s | ", (unsigned)m->kind, m->name);
        print_roles(m->roles);
        printf(" | %s | %zu | %zu | %s |\n", m->access == MSG_READ ? "r" : "w",
               m->req_max, m->rep_max, m->what);
    }
    printf("\n");
    print_with_parts(&rep_error_schema, seen, &n_seen);
    for (size_t i = 0; i < msg_count; i++) {
        print_with_parts(msg_rows[i].req, seen, &n_seen);
        print_with_parts(msg_rows[i].rep, seen, &n_seen);
    }
}

static void print_objects(void)
{
    static const struct wire_schema *const all[] = {
        &manifest_schema,      &descriptor_schema,    &roster_schema,
        &box_about_schema,     &box_content_schema,   &note_schema,
        &view_schema,          &transcript_schema,    &statement_schema,
        &introduction_schema,  &ack_schema,           &release_receipt_schema,
        &drop_event_schema,    &drop_receipt_schema,  &card_line_schema,
        &vault_item_schema,    &vault_index_schema,   &vault_state_schema,
        &vault_head_schema,    &vault_witness_schema, &cert_schema,
        &cert_acks_schema,     &move_schema,          &move_proof_schema,
        &ended_receipt_schema,
    };
    const struct wire_schema *seen[64];
    size_t n_seen = 0;

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        print_with_parts(all[i], seen, &n_seen);
}

static void print_states(void)
{
    printf("| state | event | becomes |\n|---|---|---|\n");
    for (size_t i = 0; i < request_move_count; i++)
        printf("| %s | %s | %s |\n", request_state_name(request_moves[i].from),
               request_event_what(request_moves[i].event),
               request_state_name(request_moves[i].to));
}

static void print_event(unsigned event)
{
    for (const char *p = request_event_name(event); *p != 0; p++)
        putchar(*p == '_' ? ' ' : tolower((unsigned char)*p));
}

/* One arrow from state to state, with all events that take it; from its first row. */
static void print_arrow(const struct request_move *first)
{
    bool more = false;

    for (const struct request_move *m = request_moves; m < first; m++)
        if (m->from == first->from && m->to == first->to)
            return;
    printf("    %s --> %s : ", request_state_name(first->from),
           request_state_name(first->to));
    for (size_t i = 0; i < request_move_count; i++) {
        const struct request_move *m = &request_moves[i];

        if (m->from != first->from || m->to != first->to)
            continue;
        printf("%s", more ? ", " : "");
        print_event(m->event);
        more = true;
    }
    putchar('\n');
}

static void print_drawing(void)
{
    printf("```mermaid\nstateDiagram-v2\n    [*] --> opened : open\n");
    for (size_t i = 0; i < request_move_count; i++)
        print_arrow(&request_moves[i]);
    for (unsigned s = STATE_OPENED; s <= STATE_EXPIRED; s++)
        if (request_is_final(s))
            printf("    %s --> [*]\n", request_state_name(s));
    printf("```\n");
}

static void print_events(void)
{
    printf("| number | name | alert | what happened |\n|--:|---|---|---|\n");
    for (unsigned e = 0; e < 256; e++)
        if (strcmp(drop_event_name(e), "unknown") != 0)
            printf("| %u | %s | %s | %s |\n", e, drop_event_name(e),
                   drop_event_loud(e) ? "yes" : "", drop_event_what(e));
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*print)(void);
    } tables[] = {
        { "labels", print_labels },     { "levels", print_levels },
        { "messages", print_messages }, { "objects", print_objects },
        { "errors", print_errors },     { "states", print_states },
        { "drawing", print_drawing },   { "events", print_events },
    };

    for (size_t i = 0; argc == 2 && i < sizeof tables / sizeof tables[0]; i++) {
        if (strcmp(argv[1], tables[i].name) != 0)
            continue;
        tables[i].print();
        return 0;
    }
    (void)fprintf(stderr,
                  "usage: print-protocol "
                  "labels|levels|messages|objects|errors|states|drawing|events\n");
    return 2;
}
