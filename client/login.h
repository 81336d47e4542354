/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which item answers a program that asks for a password: by the address kept with it, or
 * by the exact words of a prompt. Never the nearest one: what fits no rule, or two items
 * equally well, has no answer. Pure; texts of the asking side may be hostile.
 */
#ifndef KITH_CLIENT_LOGIN_H
#define KITH_CLIENT_LOGIN_H

#include "client/vault.h"

/* An address in its parts, slices of the text: protocol://user@host:port/path. */
struct login_url {
    struct bytes protocol;
    struct bytes user;
    struct bytes host; /* with the port */
    struct bytes path; /* without slashes at its ends */
};

/* Without a protocol it is https. False: there is no host in it. */
bool login_url_read(struct bytes text, struct login_url *out);

/*
 * The item of type password whose address has that protocol and host, and is nearest to
 * path and user where they are given. ERR_UNKNOWN: none; ERR_EXISTS: several fit equally,
 * *out is one of them.
 */
enum err login_find(const struct vault *v, const struct login_url *wanted,
                    const struct vault_item **out);
/* The user that goes with an item: its own, or the one in its address. */
struct bytes login_user(const struct vault_item *item);

/* What a prompt asks for. */
enum login_part { LOGIN_PASSWORD, LOGIN_USER };

/*
 * The item that a prompt of git, ssh, ssh-add or sudo asks for, or else the one whose
 * address is "prompt:" and its words. ERR_UNKNOWN, ERR_EXISTS.
 */
enum err login_prompt(const struct vault *v, struct bytes prompt,
                      const struct vault_item **out, enum login_part *out_part);

#endif
