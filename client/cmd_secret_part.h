/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of kith secret, and of the programs that ask for its items, share. */
#ifndef KITH_CLIENT_CMD_SECRET_PART_H
#define KITH_CLIENT_CMD_SECRET_PART_H

#include "client/cmd.h"
#include "client/vault.h"

enum {
    ITEM_USER_MAX = 200, /* bytes, as proto/vault has them */
    ITEM_TEXT_MAX = 500, /* of a hint, of an address */
    MADE_LENGTH = 24     /* letters of a made-up password: 140 bits */
};

/* ---- the vault for one command (cmd_secret.c) ---- */

/* Home, day box and vault, opened together; { .home = { -1, -1 } } is empty. */
struct shelf {
    struct home home;
    struct day *day;
    struct vault *vault;
};

#define SHELF_EMPTY                                                                      \
    {                                                                                    \
        .home = {.dir = -1, .lock = -1 }                                                 \
    }
#define AUTO_SHELF __attribute__((cleanup(shelf_close)))

/*
 * Opens it where it stands: it must not move. Problems are recorded. The home is locked
 * until shelf_close: ask people before.
 */
enum err shelf_open(const struct ctx *ctx, struct shelf *io);
void shelf_close(struct shelf *s);
/* The item of that name, or of an id's beginning. ERR_UNKNOWN (5), with the closest. */
enum err shelf_find(const struct ctx *ctx, const struct shelf *s, const char *name,
                    const struct vault_item **out);
/* The same, of removed ones too, when none is there; the present one comes first. */
enum err shelf_find_ever(const struct ctx *ctx, const struct shelf *s, const char *name,
                         const struct vault_item **out);
/* A content as vault_content gives it, its problem recorded. */
enum err shelf_content(const struct ctx *ctx, const struct shelf *s,
                       const struct vault_item *item, unsigned back,
                       struct home_blob *out);
/* Records what vault_add, _edit, _remove, _revert or _save said of an item. */
enum err shelf_failed(const struct ctx *ctx, const struct shelf *s, enum err e,
                      const char *name);
/* One new state of what was changed. Problems are recorded. */
enum err shelf_save(struct ctx *ctx, struct shelf *s);
/*
 * The last step of a change: closes the shelf and brings what was saved to the guardians,
 * unless --no-push. Whether they have it is said to the person, and is no error.
 */
void shelf_push(struct ctx *ctx, struct shelf *s);
/* The item as kith.secret/1 has it; never the content. */
json_t *item_json(const struct vault_item *item);

/* "kith secret get 'my item' --show": a line to copy, quoted for a shell. */
enum { NEXT_TEXT = 512 };

void next_of(const char *command, const char *name, const char *tail,
             char out[NEXT_TEXT]);
/* A slice as a C string on the heap, for printing; caller frees. */
char *item_text(struct bytes text);

/* ---- bytes (cmd_secret_input.c) ---- */

/* All of a descriptor, at most max bytes. ERR_TOO_BIG, ERR_IO, ERR_NOMEM. */
enum err read_whole(int fd, size_t max, struct home_blob *out);
/* All of a file, or of standard input for "-"; its problem recorded. */
enum err read_named(const struct ctx *ctx, const char *path, size_t max,
                    struct home_blob *out);
/* Writes all of it, past the buffers of the C library. ERR_IO. */
enum err write_whole(int fd, struct bytes what);
/* Refuses to put a secret on a screen without --show. */
enum err shown_on_purpose(const struct ctx *ctx);
/* A secret to standard output, as it is. The answer's own error shows at exit. */
enum err answer_bytes(const struct ctx *ctx, struct bytes what);

/* What a new content is, and where it came from. */
struct input {
    struct home_blob bytes;
    bool typed; /* at the terminal */
    bool made;
};

/* Whether the command line says where a content comes from. */
bool input_given(const struct ctx *ctx);
/*
 * The content: --file F, "-" or "@FILE" behind the name, --make, or typed, hidden. type
 * 0: any. ERR_ARG (2) for two sources, or a secret on the command line.
 */
enum err input_read(const struct ctx *ctx, unsigned type, struct input *out);
void input_free(struct input *in);
#define AUTO_INPUT __attribute__((cleanup(input_free)))
/* What a content looks like. */
enum vault_type input_type(const struct input *in);
/* Whether it can be of that type; takes the line end off a password. ERR_ARG. */
enum err input_fits(const struct ctx *ctx, enum vault_type type, struct input *io);
/* Letters and digits, each uniform, none that looks like another. */
void make_password(const struct rng *rng, struct span out);

/* ---- commands ---- */

enum err cmd_secret_add(struct ctx *ctx);
enum err cmd_secret_edit(struct ctx *ctx);
enum err cmd_secret_get(struct ctx *ctx);
enum err cmd_secret_otp(struct ctx *ctx);
enum err cmd_secret_list(struct ctx *ctx);
enum err cmd_secret_show(struct ctx *ctx);
enum err cmd_secret_history(struct ctx *ctx);
enum err cmd_secret_remove(struct ctx *ctx);
enum err cmd_secret_export(struct ctx *ctx);
enum err cmd_secret_import(struct ctx *ctx);
enum err cmd_secret_exec(struct ctx *ctx);

#endif
