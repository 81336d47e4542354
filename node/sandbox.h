/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a serving node can still do when somebody has taken it over: read and write its
 * State directory, and talk on connections that came to it. No new program, no new
 * socket, no file elsewhere. Landlock bounds files, seccomp bounds system calls; a call
 * outside its list ends the process. Never undone while the process lives.
 */
#ifndef KITH_NODE_SANDBOX_H
#define KITH_NODE_SANDBOX_H

#include "proto/err.h"

/*
 * Confines files to dir, for this thread and those it starts from now on: before the
 * store thread. ERR_STATE: the kernel does not offer it, nothing has changed.
 */
enum err sandbox_files(const char *dir);
/* Confines system calls, for all threads: when all that is needed is open. ERR_STATE. */
enum err sandbox_calls(void);

#endif
