/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request: a request's way from the loop to its ULT and back.
 *
 *	read, arguments copied -> spawned -> run: fs_* -> answered -> references put -> spare
 *	                                      |
 *	                                      +-- waits for a lock: in waits, woken when the kernel interrupts it
 *
 * fuse I2 is kept here: inflight counts what was spawned and does not wait. Everything runs on one stream.
 */
#include "internal.h"

static struct request *
spare_or_new(struct dfuse *dfuse)
{
	struct request *request = list_pop(&dfuse->spare, struct request, link);

	if (request == NULL)
		return MEM_NEW(dfuse->env->mem, struct request);
	dfuse->spare_nr--;
	*request = (struct request){0};
	return request;
}

static void
release(struct request *request)
{
	struct dfuse *dfuse = request->dfuse;

	if (request->stolen != NULL)
		dfuse__buffer_return(dfuse, request->stolen);
	else
		mem_free(dfuse->env->mem, request->data);
	if (dfuse->spare_nr < SPARES_MAX * 4) {
		list_push(&dfuse->spare, &request->link);
		dfuse->spare_nr++;
	} else {
		mem_free(dfuse->env->mem, request);
	}
}

/* Before it ran nothing else can hold the last reference: its node does, so putting does not yield. */
void
dfuse__request_fail(struct request *request, int error)
{
	fuse_reply_err(request->req, error);
	if (request->inode != NULL)
		fs_inode_put(request->inode);
	if (request->other != NULL)
		fs_inode_put(request->other);
	release(request);
}

struct request *
dfuse__request(fuse_req_t req, fuse_ino_t ino, const char *name, int (*run)(struct request *request))
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct dfuse *dfuse = fuse_req_userdata(req);
	struct node *node = dfuse__node_find(dfuse, ino);
	struct request *request = spare_or_new(dfuse);

	dfuse->request_nr++;
	if (request == NULL) {
		fuse_reply_err(req, ENOMEM);
		return NULL;
	}
	list_init(&request->link);
	request->dfuse = dfuse;
	request->req = req;
	request->run = run;
	request->who = (struct fs_who){.uid = ctx->uid, .gid = ctx->gid, .umask = ctx->umask};
	if (node == NULL || (name != NULL && strlen(name) > FS_NAME_MAX)) {
		dfuse__request_fail(request, node == NULL ? ESTALE : ENAMETOOLONG);
		return NULL;
	}
	request->inode = fs_inode_get(node->inode);
	if (name != NULL)
		strcpy(request->name, name);
	return request;
}

bool
dfuse__request_other(struct request *request, fuse_ino_t ino, const char *name)
{
	struct node *node = dfuse__node_find(request->dfuse, ino);

	if (node == NULL || strlen(name) > FS_NAME_MAX) {
		dfuse__request_fail(request, node == NULL ? ESTALE : ENAMETOOLONG);
		return false;
	}
	request->other = fs_inode_get(node->inode);
	strcpy(request->new_name, name);
	return true;
}

bool
dfuse__request_data(struct request *request, const void *data, size_t size)
{
	request->data = mem_alloc_aligned(request->dfuse->env->mem, MAX(size, (size_t)1), 16);
	if (request->data == NULL) {
		dfuse__request_fail(request, ENOMEM);
		return false;
	}
	memcpy(request->data, data, size);
	request->size = size;
	return true;
}

void
dfuse__request_file(struct request *request, const struct fuse_file_info *fi)
{
	if (fi == NULL)
		return;
	request->fi = *fi;
	request->has_fi = true;
	request->handle = handle_of(fi);
	request->owner = fi->lock_owner;
}

static void
on_interrupt(fuse_req_t req, void *arg)
{
	struct request *request = arg;

	request->interrupted = true;
	request->dfuse->interrupt_nr++;
	request->dfuse->lock_chore = true;
	dfuse__chores(request->dfuse);
}

static void
body(void *arg)
{
	struct request *request = arg;
	struct dfuse *dfuse = request->dfuse;
	bool waits = request->waits;
	int error = request->run(request);

	if (waits)
		list_remove(&request->link);
	if (error != 0)
		fuse_reply_err(request->req, error);
	fs_inode_put(request->inode);
	if (request->other != NULL)
		fs_inode_put(request->other);
	release(request);
	if (waits)
		dfuse->waiting--;
	else
		dfuse->inflight--;
	dfuse__resume(dfuse);
	if (dfuse->ended)
		ult_cond_broadcast(&dfuse->changed);
}

void
dfuse__request_go(struct request *request)
{
	struct dfuse *dfuse = request->dfuse;
	int rc = 0;

	if (request->waits && dfuse->waiting >= WAITING_MAX) {
		dfuse__request_fail(request, ENOLCK);
		return;
	}
	rc = ult_spawn(dfuse->xs, ULT_IO, "fuse_request", body, request, NULL);
	if (rc != 0) {
		dfuse__request_fail(request, rc == -DER_NOMEM ? ENOMEM : EAGAIN);
		return;
	}
	if (request->waits) {
		dfuse->waiting++;
		list_append(&dfuse->waits, &request->link);
		fuse_req_interrupt_func(request->req, on_interrupt, request);
	} else {
		dfuse->inflight++;
	}
}

void
dfuse__interrupt_all(struct dfuse *dfuse)
{
	struct request *request;

	list_each(request, &dfuse->waits, link)
		request->interrupted = true;
	dfuse->lock_chore = true;
	dfuse__chores(dfuse);
}

static void
do_chores(void *arg)
{
	struct dfuse *dfuse = arg;

	while (dfuse->lock_chore || !list_empty(&dfuse->dead)) {
		if (dfuse->lock_chore) {
			dfuse->lock_chore = false;
			fs_lock_interrupt(dfuse->fs);
		}
		dfuse__nodes_bury(dfuse);
	}
	dfuse->chores = false;
	ult_cond_broadcast(&dfuse->changed);
}

void
dfuse__chores(struct dfuse *dfuse)
{
	if (dfuse->chores || (!dfuse->lock_chore && list_empty(&dfuse->dead)))
		return;
	dfuse->chores = ult_spawn(dfuse->xs, ULT_SYSTEM, "fuse_chores", do_chores, dfuse, NULL) == 0;
	if (!dfuse->chores)
		ult_timer_arm(&dfuse->retry, env_mono(dfuse->env) + 10 * NS_PER_MS);
}

void *
dfuse__buffer_get(struct dfuse *dfuse, size_t size)
{
	struct buffer *buffer = dfuse->reads;

	if (size <= COPY_MAX || size > WRITE_MAX)
		return mem_alloc_aligned(dfuse->env->mem, MAX(size, (size_t)1), 64);
	if (buffer == NULL)
		return mem_alloc_aligned(dfuse->env->mem, WRITE_MAX, 4096);
	dfuse->reads = buffer->next;
	dfuse->read_nr--;
	return buffer;
}

void
dfuse__buffer_put(struct dfuse *dfuse, void *memory, size_t size)
{
	struct buffer *buffer = memory;

	if (memory == NULL || size <= COPY_MAX || size > WRITE_MAX || dfuse->read_nr >= SPARES_MAX) {
		mem_free(dfuse->env->mem, memory);
		return;
	}
	buffer->next = dfuse->reads;
	dfuse->reads = buffer;
	dfuse->read_nr++;
}

void
dfuse__requests_fini(struct dfuse *dfuse)
{
	struct request *request;
	struct buffer *buffer;

	while ((request = list_pop(&dfuse->spare, struct request, link)) != NULL)
		mem_free(dfuse->env->mem, request);
	while ((buffer = dfuse->reads) != NULL) {
		dfuse->reads = buffer->next;
		mem_free(dfuse->env->mem, buffer);
	}
}
