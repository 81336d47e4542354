/* SPDX-License-Identifier: Apache-2.0 */
#include "client/guardian.h"

#include <ctype.h>
#include <strings.h>

/* ---- which guardian ---- */

struct day_guardian *guardian_find(struct day *d, struct bytes name)
{
    for (size_t i = 0; i < d->n_guardians; i++) {
        struct bytes n = d->guardians[i].name;
        if (n.n == name.n &&
            strncasecmp((const char *)n.p, (const char *)name.p, n.n) == 0)
            return &d->guardians[i];
    }
    return NULL;
}

enum err guardian_pick(const struct ctx *ctx, struct day *d, const char *typed,
                       struct day_guardian **out)
{
    struct named list[DAY_GUARDIANS];
    size_t i = 0;
    *out = guardian_find(d, bytes_text(typed));
    if (*out != NULL)
        return OK;
    for (; i < d->n_guardians; i++)
        list[i] = (struct named){ d->guardians[i].seat, d->guardians[i].name };
    enum err e = ctx_pick(ctx, "guardian", typed, list, d->n_guardians, &i);
    if (e == ERR_UNKNOWN)
        return term_fail_as(ctx->term, e, EXIT_NONE, NULL,
                            "A name with blanks stands in quotes.", "kith guardian list",
                            "There is no guardian \"%s\".", typed);
    TRY(e);
    *out = &d->guardians[i];
    return OK;
}

/* A command with a name in it, quoted where a shell needs it. */
static void next_with(const char *before, struct bytes name, const char *after,
                      char out[TERM_TEXT])
{
    bool plain = name.n > 0;
    for (size_t i = 0; i < name.n; i++)
        plain = plain && (name.p[i] >= 0x80 || isalnum(name.p[i]) || name.p[i] == '-' ||
                          name.p[i] == '.' || name.p[i] == '_');
    const char *quote = plain ? "" : memchr(name.p, '\'', name.n) == NULL ? "'" : "\"";
    (void)snprintf(out, TERM_TEXT, "kith %s %s%.*s%s%s", before, quote, (int)name.n,
                   (const char *)name.p, quote, after);
}

void guardian_next(const char *before, struct bytes name, const char *after,
                   char out[TERM_TEXT])
{
    char words[64];
    (void)snprintf(words, sizeof words, "guardian %s", before);
    next_with(words, name, after, out);
}

void replan_next(const struct day *d, char out[TERM_TEXT])
{
    if (d->me.n_groups == 1)
        (void)snprintf(out, TERM_TEXT, "kith circle plan -k %u", d->me.groups[0].t);
    else
        (void)snprintf(out, TERM_TEXT, "kith circle plan --group NAME:N/M …");
}

void join_next(struct bytes file, char out[TERM_TEXT])
{
    next_with("device join", file, "", out);
}

void card_next(struct bytes name, char out[TERM_TEXT])
{
    next_with("card print", name, "", out);
}

void drill_next(struct bytes name, char out[TERM_TEXT])
{
    next_with("drill", name, "", out);
}

enum err circle_over_say(const struct ctx *ctx)
{
    return term_fail_as(ctx->term, ERR_STATE, EXIT_NO_CIRCLE, "ended",
                        "Your guardians' nodes erased what they kept of you.",
                        "kith status", "Your circle ended.");
}

bool calls_shut_out(const struct call *calls, size_t n)
{
    size_t refused = 0;
    size_t reached = 0;
    for (size_t i = 0; i < n; i++) {
        bool no = calls[i].err == ERR_REFUSED || calls[i].err == ERR_MOVED;
        reached += calls[i].stage != CALL_IDLE;
        refused += calls[i].stage == CALL_KNOWN && no;
    }
    return refused > 1 && refused == reached;
}

enum err guardian_shut_out(const struct ctx *ctx)
{
    return term_fail_as(ctx->term, ERR_UNREACHABLE, EXIT_AWAY, "shut-out",
                        "It was taken out of your devices, or your root key was replaced "
                        "from another machine. If that was you, use the machine that you "
                        "have now. If not, call your guardians: they can refuse what is "
                        "asked in your name.",
                        NULL, "Your guardians' nodes let this machine in no more.");
}

void leave_next(const struct day *d, char out[TERM_TEXT])
{
    next_with("guard leave", d->me.name.n > 0 ? d->me.name : bytes_text("YOUR-NAME"), "",
              out);
}

struct bytes owner_name(const struct day *d)
{
    return d->me.name.n > 0 ? d->me.name : bytes_text("the owner");
}

void guardian_node(const struct day_guardian *g, char out[ADDRESS_TEXT])
{
    struct address a = { 0 };
    (void)snprintf(out, ADDRESS_TEXT, "?");
    if (g->n_node == 0 || g->node[0].n_addresses == 0)
        return;
    if (address_get(g->node[0].addresses[0].at, &a) == OK)
        address_format(&a, out, ADDRESS_TEXT);
}

/* ---- speaking with one guardian's node ---- */

enum err guardian_account(const struct root_key *root, const struct day_guardian *g,
                          struct account_keys *out)
{
    MUST(g->n_node == 1);
    return ident_account(root, g->node[0].node_key, g->seat, g->generation, out);
}

enum err guardian_pass(const struct root_key *root, const struct day_guardian *g,
                       enum standing_kind kind, uint32_t number,
                       struct guardian_pass *out)
{
    const struct standing which = { .kind = kind,
                                    .generation = g->generation,
                                    .number = number };

    MUST(g->n_node == 1);
    TRY(ident_restore(root, g->node[0].node_key, g->seat, &which, out->token));
    /* A link has room for 16 bytes, and 128 bits are as many as any link has. */
    out->shown =
        bytes_of(out->token, kind == STANDING_ROSTER ? TOKEN_STANDING : TOKEN_BYTES);
    ident_credential(out->shown, &out->cred);
    return OK;
}

void guardian_pass_req(const struct guardian_pass *pass, enum standing_kind kind,
                       struct req_cred_new *out)
{
    *out = (struct req_cred_new){ .type = kind == STANDING_ROSTER ? CRED_ROSTER
                                                                  : CRED_SHEET };
    memcpy(out->id, pass->cred.id, ID_BYTES);
    memcpy(out->psk, pass->cred.psk.b, KEY_BYTES);
}

static void call_node(struct call *c, const struct day_guardian *g, enum role role)
{
    MUST(g->n_node == 1);
    *c = (struct call){ .role = role, .node_key = g->node[0].node_key };
    call_addresses(c, g->node[0].addresses, g->node[0].n_addresses);
}

void guardian_call_owner(struct call *c, const struct day_guardian *g,
                         const struct account_keys *keys)
{
    call_node(c, g, ROLE_OWNER);
    c->stat = &keys->stat;
    c->psk = &keys->psk;
}

void guardian_call_device(struct call *c, const struct day_guardian *g,
                          struct seat_keys *out_keys)
{
    memcpy(out_keys->stat.b, g->dev_static, KEY_BYTES);
    memcpy(out_keys->psk.b, g->dev_psk, KEY_BYTES);
    call_node(c, g, ROLE_DEVICE);
    c->stat = &out_keys->stat;
    c->psk = &out_keys->psk;
}

void guardian_seen(struct day_guardian *g, const struct call *c, uint64_t now)
{
    seen_note(&g->node[0], c, now);
}

enum err guardian_talk_end(const struct day_guardian *g, const struct call *c, bool sent,
                           struct guardian_talk *out)
{
    char who[NAME_MAX_BYTES + 16];
    *out = (struct guardian_talk){ .err = c->err, .stage = c->stage, .unsure = sent };
    if (c->err == OK)
        return OK;
    (void)snprintf(who, sizeof who, "%.*s's node", (int)g->name.n,
                   (const char *)g->name.p);
    call_sentence(c, who, out->why, sizeof out->why);
    return c->err;
}

enum err guardian_round(struct call *c, struct day_guardian *g, const struct params *p)
{
    TRY(call_round(c, 1, p->round_ms, p->rng));
    guardian_seen(g, c, p->now());
    return OK;
}

/* ---- entering with an invite ---- */

enum err guardian_invite(struct day *d, struct day_guardian *g, const struct link *invite)
{
    uint8_t raw[ADDRESS_MAX];
    struct buf at = BUF_OF(raw);
    struct credential cred;
    if (invite->type != LINK_INVITE)
        return ERR_ARG;
    MUST(g->progress == GUARDIAN_NEW);
    ident_credential(BYTES_OF(invite->token), &cred);
    memcpy(g->token, invite->token, TOKEN_BYTES);
    memcpy(g->fp, invite->fp, FP_BYTES);
    memcpy(g->invite, cred.id, INVITE_BYTES);
    secret_wipe(&cred, sizeof cred);
    ident_seat_id(invite->node_key, invite->fp, g->seat);
    g->n_node = 1;
    g->node[0] = (struct day_node){ .n_addresses = 1 };
    memcpy(g->node[0].node_key, invite->node_key, PUB_BYTES);
    address_put(&invite->address, &at);
    g->node[0].addresses[0].at = day_keep(d, buf_bytes(&at));
    return OK;
}

void guardian_new_device(struct day_guardian *g, const struct rng *rng)
{
    rng_fill(rng, g->op_device, ID_BYTES);
    rng_fill(rng, g->dev_static, KEY_BYTES);
    rng_fill(rng, g->dev_psk, KEY_BYTES);
    rng_fill(rng, g->dev_sign, KEY_BYTES);
}

enum err guardian_new(struct day *d, struct bytes name, const struct link *invite,
                      const struct rng *rng, struct day_guardian **out)
{
    if (d->n_guardians == DAY_GUARDIANS)
        return ERR_FULL;
    struct day_guardian *g = &d->guardians[d->n_guardians];
    *g = (struct day_guardian){ .kind = PIECE_NODE, .progress = GUARDIAN_NEW };
    TRY(guardian_invite(d, g, invite));
    g->name = day_keep(d, name);
    guardian_new_device(g, rng);
    d->n_guardians++;
    *out = g;
    return OK;
}

enum err guardian_new_card(struct day *d, struct bytes name, struct bytes reach,
                           const struct params *p, struct day_guardian **out)
{
    if (d->n_guardians == DAY_GUARDIANS)
        return ERR_FULL;
    struct day_guardian *g = &d->guardians[d->n_guardians++];
    *g = (struct day_guardian){ .kind = PIECE_CARD,
                                .progress = GUARDIAN_READY,
                                .name = day_keep(d, name),
                                .reach = day_keep(d, reach),
                                .added = p->now() };
    rng_fill(p->rng, g->seat, SEAT_BYTES);
    *out = g;
    return OK;
}

bool guardian_restored(const struct day_guardian *g)
{
    static const uint8_t none[PUB_BYTES];
    return g->ack.n == 0 && bytes_equal(BYTES_OF(g->ack_key), BYTES_OF(none)) &&
           g->stored != 0;
}

void guardian_forget(struct day *d, struct day_guardian *g)
{
    size_t i = (size_t)(g - d->guardians);
    MUST(i < d->n_guardians);
    d->n_guardians--;
    memmove(g, g + 1, (d->n_guardians - i) * sizeof *g);
    secret_wipe(&d->guardians[d->n_guardians], sizeof *g);
}

/* What one enrolment works with; secret memory. */
struct enrol {
    struct day *d;
    struct day_guardian *g;
    const struct params *p;
    struct account_keys keys;
    struct psk psk; /* of the invite */
    struct req_seat_info info;
    struct req_ward_enrol enrol;
    struct req_cred_new device;
    uint8_t note[BOX_MAX];
    bool sent; /* a write that has no answer yet */
};

/*
 * Whether that approval key is another person's, which every guardian of a circle knows:
 * who shows it as their own would answer for two pieces.
 */
static bool is_anothers(const struct day_guardian *all, size_t n,
                        const struct rep_seat_info *info)
{
    for (size_t i = 0; i < n; i++)
        if (all[i].kind == PIECE_NODE && all[i].progress >= GUARDIAN_ENROLLED &&
            bytes_equal(BYTES_OF(all[i].approval), BYTES_OF(info->approval)) &&
            !bytes_equal(BYTES_OF(all[i].sign_pub), BYTES_OF(info->sign_pub)))
            return true;
    return false;
}

/*
 * The seat must be the invite's, by keys whose fingerprint the link carries, and the
 * approval key one its guardian signed for that invite: else somebody is between.
 */
static enum err check_info(const struct day *d, const struct day_guardian *g,
                           const struct rep_seat_info *info)
{
    uint8_t fp[FP_BYTES];
    if (is_anothers(d->guardians, d->n_guardians, info) ||
        is_anothers(d->formers, d->n_formers, info))
        return ERR_KEY;
    ident_fingerprint(info->sign_pub, info->seal_pub, fp);
    if (!bytes_equal(BYTES_OF(fp), BYTES_OF(g->fp)) ||
        !bytes_equal(BYTES_OF(g->seat), BYTES_OF(info->seat)))
        return ERR_KEY;
    TRY(seat_keys_verify(info->sign_pub, g->node[0].node_key, g->seat, info->seal_pub,
                         info->keys_sig));
    return approval_verify(info->sign_pub, g->seat, info->invite, info->approval,
                           info->approval_sig);
}

/* The address that worked stays first; what the node advertises follows. */
static void take_addresses(struct day *d, struct day_node *n,
                           const struct rep_seat_info *info)
{
    for (uint32_t i = 0; i < info->n_addresses; i++) {
        bool known = n->n_addresses == ADDRESSES_MAX;
        for (uint32_t k = 0; k < n->n_addresses; k++)
            known = known || bytes_equal(n->addresses[k].at, info->addresses[i].at);
        if (!known)
            n->addresses[n->n_addresses++].at = day_keep(d, info->addresses[i].at);
    }
}

static void take_info(struct enrol *e, const struct rep_seat_info *info)
{
    struct day_guardian *g = e->g;
    memcpy(g->invite, info->invite, INVITE_BYTES);
    memcpy(g->sign_pub, info->sign_pub, PUB_BYTES);
    memcpy(g->seal_pub, info->seal_pub, PUB_BYTES);
    memcpy(g->keys_sig, info->keys_sig, SIG_BYTES);
    memcpy(g->approval, info->approval, PUB_BYTES);
    memcpy(g->approval_sig, info->approval_sig, SIG_BYTES);
    g->unlocked = info->unlocked;
    take_addresses(e->d, &g->node[0], info);
}

static void take_ward(struct enrol *e, const uint8_t ward[ID_BYTES])
{
    struct day_guardian *g = e->g;
    memcpy(g->ward, ward, ID_BYTES);
    secret_wipe(g->token, sizeof g->token);
    g->progress = GUARDIAN_ENROLLED;
    g->added = e->p->now();
    e->sent = false;
}

static enum err make_enrol(struct enrol *e)
{
    const struct day_me *me = &e->d->me;
    struct req_ward_enrol *r = &e->enrol;
    struct note n = { .label = me->name, .contact = e->g->contact, .about = me->about };
    struct buf note = BUF_OF(e->note);
    memcpy(n.circle, me->circle, ID_BYTES);
    memcpy(n.owner, me->owner, PUB_BYTES);
    TRY(note_seal(&n, e->g->seal_pub, e->g->seat, e->p->rng, &note));
    /* Each attempt seals the note anew, so it is another body and another op id; the
     * node knows the account again by its key. */
    rng_fill(e->p->rng, r->op, ID_BYTES);
    memcpy(e->g->op_enrol, r->op, ID_BYTES);
    crypt_sign_public(&e->keys.sign, r->account_sign);
    crypt_dh_public(&e->keys.stat, r->stat);
    memcpy(r->psk, e->keys.psk.b, KEY_BYTES);
    r->note = buf_bytes(&note);
    return OK;
}

static enum err enrol_step(struct call *c, const struct call_reply *reply,
                           struct call_send *out)
{
    struct enrol *e = c->ctx;
    if (reply == NULL) {
        *out = (struct call_send){ MSG_SEAT_INFO, &e->info };
        return OK;
    }
    if (reply->err != OK) {
        e->sent = e->sent && reply->outcome != OUTCOME_NOT_DONE;
        return reply->err;
    }
    if (reply->kind == MSG_WARD_ENROL) {
        take_ward(e, ((const struct rep_ward_enrol *)reply->rep)->ward);
        return OK;
    }
    const struct rep_seat_info *info = reply->rep;
    TRY(check_info(e->d, e->g, info));
    if (!bytes_equal(BYTES_OF(info->invite), BYTES_OF(e->g->invite)))
        return ERR_KEY;
    take_info(e, info);
    TRY(make_enrol(e));
    e->sent = true;
    *out = (struct call_send){ MSG_WARD_ENROL, &e->enrol };
    return OK;
}

/* As owner: the ward exists, though this home was never told. */
static enum err found_step(struct call *c, const struct call_reply *reply,
                           struct call_send *out)
{
    struct enrol *e = c->ctx;
    if (reply == NULL) {
        *out = (struct call_send){ MSG_SEAT_INFO, &e->info };
        return OK;
    }
    TRY(reply->err);
    const struct rep_seat_info *info = reply->rep;
    TRY(check_info(e->d, e->g, info));
    take_info(e, info);
    take_ward(e, info->ward);
    return OK;
}

static enum err enrol_new(const struct root_key *root, struct day *d,
                          struct day_guardian *g, const struct params *p,
                          struct enrol **out)
{
    AUTO_SECRET struct enrol *e = NULL;
    TRY(secret_new(&e));
    *e = (struct enrol){ .d = d, .g = g, .p = p };
    TRY(guardian_account(root, g, &e->keys));
    *out = e;
    e = NULL; /* the caller's now */
    return OK;
}

/* Not let in, or told that the account is there already. */
static bool maybe_enrolled(const struct call *c)
{
    return (c->err == ERR_REFUSED && c->stage == CALL_KNOWN) || c->err == ERR_USED;
}

enum err guardian_enrol(struct day *d, struct day_guardian *g,
                        const struct root_key *root, const struct params *p,
                        struct guardian_talk *out)
{
    AUTO_SECRET struct enrol *e = NULL;
    struct credential cred;
    struct call c;
    struct call again;
    TRY(enrol_new(root, d, g, p, &e));
    ident_credential(BYTES_OF(g->token), &cred);
    e->psk = cred.psk;
    secret_wipe(&cred.psk, sizeof cred.psk);
    guardian_call_owner(&c, g, &e->keys);
    again = c;
    c.role = ROLE_INVITE;
    c.id = cred.id;
    c.psk = &e->psk;
    c.step = enrol_step;
    c.ctx = e;
    TRY(guardian_round(&c, g, p));
    if (!maybe_enrolled(&c))
        return guardian_talk_end(g, &c, e->sent, out);
    again.step = found_step;
    again.ctx = e;
    TRY(guardian_round(&again, g, p));
    bool worse = again.err == ERR_REFUSED;
    return guardian_talk_end(g, worse ? &c : &again, e->sent, out);
}

static enum err device_step(struct call *c, const struct call_reply *reply,
                            struct call_send *out)
{
    struct enrol *e = c->ctx;
    if (reply == NULL) {
        *out = (struct call_send){ MSG_CRED_NEW, &e->device };
        return OK;
    }
    TRY(reply->err);
    e->g->progress = GUARDIAN_READY;
    return OK;
}

enum err guardian_let_in(struct day_guardian *g, const struct root_key *root)
{
    AUTO_SECRET struct account_keys *keys = NULL;
    AUTO_SECRET struct sign_seed *sign = NULL;
    uint8_t mine[PUB_BYTES];
    TRY(secret_new(&keys));
    TRY(secret_new(&sign));
    TRY(guardian_account(root, g, keys));
    memcpy(sign->b, g->dev_sign, KEY_BYTES);
    crypt_sign_public(sign, mine);
    crypt_sign_public(&keys->sign, g->account);
    vault_signer_make(&keys->sign, mine, g->dev_let_in);
    return OK;
}

enum err guardian_device_req(const struct day_guardian *g, struct req_cred_new *r)
{
    AUTO_SECRET struct seat_keys *keys = NULL;
    AUTO_SECRET struct sign_seed *sign = NULL;
    TRY(secret_new(&keys));
    TRY(secret_new(&sign));
    *r = (struct req_cred_new){ .type = CRED_DEVICE };
    memcpy(keys->stat.b, g->dev_static, KEY_BYTES);
    memcpy(sign->b, g->dev_sign, KEY_BYTES);
    memcpy(r->op, g->op_device, ID_BYTES);
    memcpy(r->id, g->op_device, ID_BYTES); /* random, and the same when asked again */
    memcpy(r->psk, g->dev_psk, KEY_BYTES);
    crypt_dh_public(&keys->stat, r->stat);
    crypt_sign_public(sign, r->sign);
    return OK;
}

static bool is_out_at(const struct day_device_at *at, const uint8_t seat[SEAT_BYTES],
                      const struct vault_head *h)
{
    return at->state == DEVICE_OUT && h->version > at->until &&
           bytes_equal(BYTES_OF(at->seat), bytes_of(seat, SEAT_BYTES)) &&
           bytes_equal(BYTES_OF(at->sign), BYTES_OF(h->signer));
}

bool guardian_was_out(const struct day *d, const uint8_t seat[SEAT_BYTES],
                      const struct vault_head *h)
{
    for (size_t i = 0; i < d->n_devices; i++)
        for (uint32_t k = 0; k < d->devices[i].n_at; k++)
            if (is_out_at(&d->devices[i].at[k], seat, h))
                return true;
    return false;
}

enum err guardian_device(struct day_guardian *g, const struct root_key *root,
                         const struct params *p, struct guardian_talk *out)
{
    AUTO_SECRET struct enrol *e = NULL;
    struct call c;
    TRY(enrol_new(root, NULL, g, p, &e));
    TRY(guardian_let_in(g, root));
    TRY(guardian_device_req(e->g, &e->device));
    guardian_call_owner(&c, g, &e->keys);
    c.step = device_step;
    c.ctx = e;
    TRY(guardian_round(&c, g, p));
    return guardian_talk_end(g, &c, false, out);
}
