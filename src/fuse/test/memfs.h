/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memfs: the door of dfs answered by memory alone. The reference that a mount is compared with: what the kernel, libfuse and the room fuse
 * cost without a store behind. Beside the fs_* of dfs/dfs.h it has these.
 */
#ifndef FUSE_TEST_MEMFS_H
#define FUSE_TEST_MEMFS_H

#include "dfs/dfs.h"

/** An empty file system. Everything runs on the stream that uses it. */
struct fs *memfs_make(struct env *env);
/** Frees everything. Returns how many references and handles its user forgot. */
int memfs_free(struct fs *fs);
/** Every read and write sleeps that long. */
void memfs_set_delay(struct fs *fs, uint64_t ns);
/** The most reads and writes that were under way at once. */
uint32_t memfs_busiest(const struct fs *fs);
/** Another mount appears: it overwrites the first bytes of name in the root, then recalls. YIELDS */
void memfs_intrude(struct fs *fs, const char *name, const char *text);

#endif
