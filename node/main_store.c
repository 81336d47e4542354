/* SPDX-License-Identifier: Apache-2.0 */
/* kithd backup, load, verify: the store of a node that does not serve here and now. */
#include <stdio.h>
#include <time.h>

#include "node/main_part.h"
#include "node/serve.h"
#include "node/store.h"
#include "node/verify.h"

static enum exit_code exit_of(enum err e)
{
    if (e == ERR_BUSY)
        return EXIT_BUSY;
    if (e == ERR_VERSION)
        return EXIT_VERSION;
    if (e == ERR_UNKNOWN)
        return EXIT_NONE;
    if (e == ERR_CORRUPT || e == ERR_ROLLBACK || e == ERR_AUTH)
        return EXIT_INTEGRITY;
    return EXIT_FAILED;
}

static unsigned long long many(uint64_t n)
{
    return (unsigned long long)n;
}

/* ---- backup ---- */

static enum exit_code backup(const struct conf *conf, const char *file)
{
    struct store_refusal why = { .text = "" };
    struct store_copied c = { 0 };
    enum err e = store_backup(conf->state, file, &crypt_random, &c, &why);

    if (e != OK)
        return complain(exit_of(e), why.text, NULL);
    printf("backup: %llu records and %llu keys%s. The file is as secret as the State "
           "directory.\n",
           many(c.records), many(c.keys), c.running ? " of the running node" : "");
    if (c.left_out == 0)
        return EXIT_FINE;
    (void)fprintf(stderr, "kithd: %llu damaged records or keys were left out.\n",
                  many(c.left_out));
    return EXIT_DEGRADED;
}

/* ---- load ---- */

struct load_job {
    struct node_env env;
    uint64_t now;
    struct txn_key at;
    bool more;
};

static enum err loaded(struct txn *t, void *arg)
{
    struct load_job *j = arg;

    return serve_loaded(t, &j->env, j->now, &j->at, &j->more);
}

static enum err finish(struct store *s, const struct conf *conf)
{
    struct load_job job = {
        .env = { .id = store_identity(s), .limits = &conf->limits, .rng = &crypt_random },
        .now = (uint64_t)time(NULL),
        .more = true
    };

    while (job.more)
        TRY(store_write(s, loaded, &job));
    return store_loaded(s);
}

static enum exit_code load(const struct conf *conf, const char *file)
{
    struct store_refusal why = { .text = "" };
    struct store *s = NULL;
    enum err e = store_load(conf->state, file, &crypt_random, &s, &why);

    if (e != OK)
        return complain(exit_of(e), why.text, NULL);
    e = finish(s, conf);
    store_close(s);
    if (e != OK)
        return complain(exit_of(e), err_text(e), "Run the same load again.");
    printf("loaded: start the node now. Its wards are told that it went back; what was "
           "stopped, revoked or changed there since the backup is not known to it.\n");
    return EXIT_FINE;
}

/* ---- verify ---- */

static void say_wrong(const struct verdict *v)
{
    struct wrong {
        uint64_t n;
        const char *what;
    } wrongs[] = {
        { v->store.damaged, "records do not open" },
        { v->store.keys_lost, "data keys are lost" },
        { v->log_broken, "entries of the log do not follow" },
        { v->drops_broken, "drops are not whole" },
        { v->owners_wrong, "seats or wards do not own what they say" },
        { v->pointers_lost, "indices lead nowhere" },
        { v->vaults.lost, "objects or heads of vaults are not what they were" },
        { v->vaults.wrong, "vaults do not hold what they count" },
    };

    const char *before = "damaged: ";

    for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
        if (wrongs[i].n == 0)
            continue;
        printf("%s%llu %s", before, many(wrongs[i].n), wrongs[i].what);
        before = ", ";
    }
    printf(", of %llu records in all.\n", many(v->store.records));
}

static enum exit_code verify_store(const struct conf *conf)
{
    struct store_refusal why = { .text = "" };
    struct store *s = NULL;
    struct verdict v = { 0 };
    enum err e = store_look(conf->state, &crypt_random, &s, &why);

    if (e == ERR_BUSY)
        return complain(EXIT_BUSY,
                        "The node is running. It checked its store when it "
                        "started; stop it to have everything read.",
                        NULL);
    if (e != OK)
        return complain(exit_of(e), why.text, NULL);
    struct node_env env = { .id = store_identity(s),
                            .limits = &conf->limits,
                            .rng = &crypt_random };
    e = verify(s, &env, &v);
    store_close(s);
    if (e != OK)
        return complain(exit_of(e), err_text(e), err_hint(e));
    if (!verdict_good(&v)) {
        say_wrong(&v);
        return EXIT_INTEGRITY;
    }
    printf("whole: %llu records, %llu seats and wards, %llu drops, %llu objects of "
           "vaults, %llu entries of the log.\n",
           many(v.store.records), many(v.owners), many(v.drops), many(v.vaults.objects),
           many(v.entries));
    return EXIT_FINE;
}

enum exit_code store_command(const struct conf *conf, const struct args *args)
{
    if (args->what == BACKUP)
        return backup(conf, args->file);
    return args->what == LOAD ? load(conf, args->file) : verify_store(conf);
}
