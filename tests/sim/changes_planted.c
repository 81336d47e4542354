/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_changes_planted: plays schedules of the journeys with each planted fault until one
 * finds it, in at most MOST; fails if none does, or by a promise it was not planted
 * against. The faults are put into the programs' own functions by the linker (--wrap).
 */
#include "tests/sim/changes_planted.h"

#include <stdio.h>
#include <stdlib.h>

#include "node/change_part.h"
#include "node/request_part.h"
#include "proto/cert.h"

struct plant {
    const char *name;
    const char *what;
    const char *finds; /* one of these */
    const char *journey;
};

enum plant_id { RETIRE_EARLY, NO_SYNC, NO_PEOPLE, EARLY_COMMIT, STOPPED_MOVE, PLANTS };

static const struct plant plants[PLANTS] = {
    { "retire too early", "the dual time is not waited for", "dual_time", "rotate" },
    { "forgot to sync", "the owner's program syncs nothing",
      "some_epoch_opens exactly_the_new_one it_begins it_ends people_say_so home_opens",
      "rotate" },
    { "retire without people", "nobody has to confirm", "people_say_so",
      "rotate-silent" },
    { "dropped at COMMIT", "a new epoch erases the one before", "people_say_so",
      "rotate" },
    { "MOVE on a stopped approval", "a stop does not touch a new root",
      "no_move_against_stop", "root-stopped" },
};

static enum plant_id on = PLANTS;

#define WRAPPED(type, fn, ...)                                                           \
    type __real_##fn(__VA_ARGS__);                                                       \
    type __wrap_##fn(__VA_ARGS__);                                                       \
    type __wrap_##fn(__VA_ARGS__)

WRAPPED(enum err, change_may, struct call *c, const struct record_ward *ward,
        uint64_t due, bool *out)
{
    return __real_change_may(c, ward, on == RETIRE_EARLY && due != 0 ? 1 : due, out);
}

WRAPPED(enum err, cert_people, const struct descriptor *d, const struct cert_rule *rule,
        struct bytes raw, struct cert_verdict *out)
{
    enum err e = __real_cert_people(d, rule, raw, out);

    if (on != NO_PEOPLE)
        return e;
    out->enough = true;
    return OK;
}

WRAPPED(enum err, ward_commit, struct call *c, const struct req_epoch_commit *req,
        struct rep_epoch_commit *rep)
{
    struct record_ward ward = { 0 };
    struct record_epoch old = { 0 };

    TRY(__real_ward_commit(c, req, rep));
    if (on != EARLY_COMMIT || req->epoch == 1)
        return OK;
    TRY(ward_get(c, c->who->ward, &ward));
    if (ward_epoch(c, ward.ward, req->epoch - 1, &old) != OK)
        return OK;
    TRY(ward_epoch_erase(c, &ward, &old));
    return ward_put(c, &ward);
}

WRAPPED(bool, request_stop_at, struct request *r, uint64_t now, enum clock_state clock)
{
    struct request before = *r;
    bool counts = __real_request_stop_at(r, now, clock);

    if (on != STOPPED_MOVE || r->kind != REQUEST_MOVE)
        return counts;
    *r = before;
    return false;
}

static bool is_right(const struct plant *p, const char *broken)
{
    const char *at = strstr(p->finds, broken);

    return at != NULL && (at == p->finds || at[-1] == ' ') &&
           (at[strlen(broken)] == 0 || at[strlen(broken)] == ' ');
}

static bool find(enum plant_id id)
{
    const struct plant *p = &plants[id];
    struct planted_found found = { 0 };

    planted_begin(p->journey);
    on = id;
    planted_search(p->journey, id == NO_SYNC, &found);
    on = PLANTS;
    bool right = found.broken != NULL && is_right(p, found.broken);

    (void)printf("%-26s %s%s in schedule %llu%s\n", p->name,
                 found.broken != NULL ? "found by " : "not found",
                 found.broken != NULL ? found.broken : "",
                 (unsigned long long)found.number,
                 right ? "" : ", which it was not planted against");
    if (!right)
        (void)printf("%s", found.story != NULL ? found.story : "");
    return right;
}

int main(void)
{
    size_t wrong = 0;

    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    for (int i = 0; i < PLANTS; i++)
        wrong += !find((enum plant_id)i);
    planted_end();
    (void)printf("%d planted faults, %zu not found\n", (int)PLANTS, wrong);
    return wrong == 0 ? 0 : 1;
}
