/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kith guardian export: what one node says that it keeps of this person, message by
 * message as it said it, and what this home knows it to have acknowledged.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/check.h"
#include "client/cmd_end_part.h"

/* ---- any message as JSON, by its table ---- */

json_t *json_bytes(struct bytes b)
{
    if (b.n == 0)
        return json_null();
    AUTO_FREE char *text = calloc(b.n + 1, 2);
    MUST(text != NULL); /* memory for one message */
    hex_encode(b, text, 2 * b.n + 1);
    return json_string(text);
}

static json_t *json_struct(const struct wire_schema *s, const uint8_t *base);

static json_t *json_uint(const uint8_t *at, size_t size)
{
    uint64_t v = 0;
    uint32_t v32 = 0;
    uint16_t v16 = 0;
    if (size == 8)
        memcpy(&v, at, size);
    memcpy(&v32, at, size == 4 ? size : 0);
    memcpy(&v16, at, size == 2 ? size : 0);
    return json_integer((json_int_t)(size == 1 ? *at : v + v32 + v16));
}

static json_t *json_list(const struct wire_field *f, const uint8_t *base)
{
    json_t *list = json_array();
    uint32_t n = 0;
    memcpy(&n, base + f->off_n, sizeof n);
    for (uint32_t i = 0; i < n; i++)
        (void)json_array_append_new(
            list, json_struct(f->sub, base + f->off + (size_t)i * f->size));
    return list;
}

static json_t *json_field(const struct wire_field *f, const uint8_t *base)
{
    struct bytes b = { 0 };
    switch (f->type) {
    case WIRE_UINT:
        return json_uint(base + f->off, f->size);
    case WIRE_FIX:
        return json_hex(base + f->off, f->size);
    case WIRE_LIST:
        return json_list(f, base);
    case WIRE_TEXT:
    case WIRE_BYTES:
        break;
    }
    memcpy(&b, base + f->off, sizeof b);
    if (f->type == WIRE_TEXT)
        return json_slice(b);
    return json_bytes(b);
}

static json_t *json_struct(const struct wire_schema *s, const uint8_t *base)
{
    json_t *doc = json_object();
    for (size_t i = 0; i < s->count; i++)
        (void)json_object_set_new(doc, s->fields[i].name,
                                  json_field(&s->fields[i], base));
    return doc;
}

/* ---- the conversation ---- */

enum { PAGES_MAX = 64 };

/* What is asked, one after the other; lists go on page by page. */
enum asked {
    ASKED_WARD,
    ASKED_EPOCHS,
    ASKED_CERT,
    ASKED_MOVE,
    ASKED_REQUESTS,
    ASKED_CREDS,
    ASKED_DRILLS,
    ASKED_ALERTS,
    ASKED_LOG,
    ASKED_HEAD,
    ASKED_ALL
};

struct taking {
    json_t *said; /* each reply, in order */
    unsigned at;  /* enum asked */
    unsigned page;
    struct req_wards wards;
    struct req_epoch_state state;
    struct req_requests requests;
    struct req_cred_list creds;
    struct req_drill_list drills;
    struct req_drop_list drop;
    struct req_head_get head;
};

static struct call_send asking(struct taking *k)
{
    k->state.want = k->at == ASKED_CERT   ? EPOCH_WANT_CERT
                    : k->at == ASKED_MOVE ? EPOCH_WANT_MOVE
                                          : 0;
    k->drop.which = k->at == ASKED_LOG ? DROP_LOG : DROP_ALERTS;
    k->requests.all = 1;
    const struct call_send sends[ASKED_ALL] = {
        [ASKED_WARD] = { MSG_WARDS, &k->wards },
        [ASKED_EPOCHS] = { MSG_EPOCH_STATE, &k->state },
        [ASKED_CERT] = { MSG_EPOCH_STATE, &k->state },
        [ASKED_MOVE] = { MSG_EPOCH_STATE, &k->state },
        [ASKED_REQUESTS] = { MSG_REQUESTS, &k->requests },
        [ASKED_CREDS] = { MSG_CRED_LIST, &k->creds },
        [ASKED_DRILLS] = { MSG_DRILL_LIST, &k->drills },
        [ASKED_ALERTS] = { MSG_DROP_LIST, &k->drop },
        [ASKED_LOG] = { MSG_DROP_LIST, &k->drop },
        [ASKED_HEAD] = { MSG_HEAD_GET, &k->head },
    };
    return sends[k->at];
}

/* Where the next page begins; false: this was the last one. */
static bool next_page(struct taking *k, uint16_t kind, const void *rep)
{
    const struct rep_requests *r = rep;
    const struct rep_cred_list *c = rep;
    const struct rep_drop_list *d = rep;
    if (kind == MSG_REQUESTS && r->more != 0 && r->n_requests > 0) {
        memcpy(k->requests.after, r->requests[r->n_requests - 1].request, ID_BYTES);
        return true;
    }
    if (kind == MSG_CRED_LIST && c->more != 0 && c->n_creds > 0) {
        memcpy(k->creds.after, c->creds[c->n_creds - 1].id, ID_BYTES);
        return true;
    }
    if (kind == MSG_DROP_LIST && d->more != 0 && d->n_lines > 0) {
        k->drop.after = d->lines[d->n_lines - 1].seq;
        return true;
    }
    return false;
}

static enum err take_step(struct call *c, const struct call_reply *reply,
                          struct call_send *out)
{
    struct taking *k = c->ctx;
    if (reply != NULL) {
        const struct msg_row *row = msg_find(reply->kind);
        bool good = reply->err == OK;
        json_t *body =
            good ? json_struct(row->rep, reply->rep) : json_string(err_id(reply->err));
        (void)json_array_append_new(k->said, json_pack("{s:s, s:o}", "message", row->name,
                                                       good ? "says" : "error", body));
        bool more =
            good && ++k->page < PAGES_MAX && next_page(k, reply->kind, reply->rep);
        if (!more) {
            k->at++;
            k->page = 0;
            k->drop.after = 0;
        }
    }
    if (k->at < ASKED_ALL)
        *out = asking(k);
    return OK;
}

static enum err take(struct end_desk *d, struct day_guardian *g, json_t **out)
{
    AUTO_FREE struct taking *k = calloc(1, sizeof *k);
    AUTO_SECRET struct account_keys *keys = NULL;
    struct guardian_talk talk = { 0 };
    struct call call = { 0 };
    if (k == NULL)
        return ERR_NOMEM;
    TRY(secret_new(&keys));
    TRY(guardian_account(&d->root->root, g, keys));
    guardian_call_owner(&call, g, keys);
    call.step = take_step;
    call.ctx = k;
    k->said = json_array();
    enum err e = guardian_round(&call, g, d->ctx->params);
    if (e == OK)
        e = guardian_talk_end(g, &call, false, &talk);
    if (e == OK) {
        *out = k->said;
        return OK;
    }
    json_decref(k->said);
    return term_fail(d->ctx->term, e, NULL, "%s", talk.why[0] != 0 ? talk.why : "");
}

/* ---- the directory ---- */

static enum err fail_write(struct ctx *ctx, const char *name)
{
    return term_fail(ctx->term, errno == ENOSPC ? ERR_DISK_FULL : ERR_IO, NULL,
                     "%s could not be written. What is in the directory is not all.",
                     name);
}

static enum err put(struct ctx *ctx, int dir, const char *name, struct bytes all)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *f = fd >= 0 ? fdopen(fd, "wb") : NULL;
    if (f == NULL && fd >= 0)
        (void)close(fd); /* nothing was written */
    if (f == NULL)
        return fail_write(ctx, name);
    bool good = fwrite(all.p, 1, all.n, f) == all.n && fflush(f) == 0 && fsync(fd) == 0;
    good = fclose(f) == 0 && good;
    return good ? OK : fail_write(ctx, name);
}

/* The ciphertexts that the node acknowledged, as this home keeps them for checks. */
static enum err put_kept(struct end_desk *k, int dir, const struct day_guardian *g)
{
    AUTO_BLOB struct home_blob mem = { 0 };
    struct check_seat s = { 0 };
    enum err e = check_kept(&k->home, g->seat, &mem, &s);
    if (e == ERR_UNKNOWN)
        return OK;
    TRY(e);
    TRY(put(k->ctx, dir, "box-piece", s.box_piece));
    TRY(put(k->ctx, dir, "box-roster", s.box_roster));
    TRY(put(k->ctx, dir, "manifest-sealed", s.manifest));
    TRY(put(k->ctx, dir, "roster-sealed", s.roster));
    return put(k->ctx, dir, "descriptor", s.descriptor);
}

static enum err put_said(struct end_desk *k, int dir, const struct day_guardian *g,
                         json_t *said)
{
    char node[ADDRESS_TEXT];
    guardian_node(g, node);
    json_t *doc = json_pack("{s:s, s:o, s:s, s:o, s:o, s:O}", "schema", "kith.holdings/1",
                            "name", json_slice(g->name), "node", node, "seat",
                            json_hex(g->seat, SEAT_BYTES), "time",
                            json_time(ctx_now(k->ctx)), "said", said);
    char *text = json_dumps(doc, JSON_INDENT(2));
    MUST(doc != NULL && text != NULL);
    enum err e = put(k->ctx, dir, "node.json", bytes_text(text));
    free(text);
    json_decref(doc);
    return e;
}

static enum err fail_exists(struct ctx *ctx, const char *path)
{
    return term_fail_as(ctx->term, ERR_EXISTS, EXIT_USAGE, NULL,
                        "Name a directory that is not there yet.", NULL,
                        "%s is there already.", path);
}

static enum err put_all(struct end_desk *k, const char *path,
                        const struct day_guardian *g, json_t *said)
{
    if (mkdir(path, 0700) != 0)
        return errno == EEXIST
                   ? fail_exists(k->ctx, path)
                   : term_fail_as(k->ctx->term, ERR_IO, EXIT_FAILED, NULL,
                                  "Its parent must be there, and yours to write.", NULL,
                                  "%s cannot be made.", path);
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return fail_write(k->ctx, path);
    enum err e = put_said(k, dir, g, said);
    if (e == OK)
        e = put_kept(k, dir, g);
    (void)close(dir); /* its files are synced */
    return e;
}

/* Before a passphrase is asked for. */
static enum err check_asked(struct ctx *ctx, const struct day_guardian *g,
                            const char *path)
{
    char command[TERM_TEXT];
    struct stat there;
    guardian_next("export", g->name, " -o DIR", command);
    if (g->kind == PIECE_CARD)
        return term_fail_as(ctx->term, ERR_ARG, EXIT_USAGE, "card",
                            "All that is kept there is on the paper.", NULL,
                            "%.*s keeps a card; there is no node.", TEXT(g->name));
    if (!end_has_node(g))
        return term_fail_as(ctx->term, ERR_STATE, EXIT_FAILED, NULL,
                            "The invite was not answered yet.", "kith guardian list",
                            "%.*s's node keeps nothing of you.", TEXT(g->name));
    if (path == NULL)
        return term_fail_as(ctx->term, ERR_ARG, EXIT_USAGE, NULL,
                            "What the node says is written to files.", command,
                            "Which directory? Give -o DIR.");
    if (lstat(path, &there) == 0)
        return fail_exists(ctx, path);
    return OK;
}

enum err cmd_end_export(struct ctx *ctx)
{
    AUTO_END_DESK struct end_desk k = END_DESK;
    const char *path = ctx_option(ctx, "-o");
    struct day_guardian *g = NULL;
    json_t *said = NULL;
    TRY(end_desk_open(ctx, &k));
    TRY(guardian_pick(ctx, k.day, ctx->args[0], &g));
    TRY(check_asked(ctx, g, path));
    TRY(ctx_unlock(ctx, &k.home, &k.root));
    TRY(take(&k, g, &said));
    enum err e = put_all(&k, path, g, said);
    size_t n = json_array_size(said);
    json_decref(said);
    TRY(e);
    TRY(ctx_day_save(ctx, &k.home, k.day));
    if (ctx->term->json)
        term_json(ctx->term, "exported",
                  json_pack("{s:o, s:s, s:I}", "name", json_slice(g->name), "dir", path,
                            "messages", (json_int_t)n));
    else
        term_say(
            ctx->term,
            "%s/node.json holds what %.*s's node said that it keeps of you; beside it "
            "lie "
            "the pieces as it acknowledged them, still sealed. All of it is as private "
            "as your circle: it tells who your guardian is.",
            path, TEXT(g->name));
    return OK;
}
