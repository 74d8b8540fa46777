/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open files and their bytes. Byte i of a file is record i % chunk of akey "0" below dkey i / chunk + 1. What crosses chunks
 * is one call a chunk, all under way at once. The size is what the highest dkey holds.
 *
 *   append    size and write are one transaction: two appenders never overlap
 *   truncate  longer: a zero at the new end; shorter: what lies behind is punched, and the last byte written again, for a hole
 *             could be there. Both with the record in one transaction; but of a file of many chunks those far behind the new
 *             end go before it, batch by batch.
 *
 *	file I1  A write is durable when it returns. A write of several chunks that fails may have changed some of them.
 *	file I2  An inode's `opens` counts before its record is looked at, and not while its end is being decided (orphan I3): what was
 *	         opened is not reaped.
 *
 * All of it yields. A crash in a truncate of many chunks leaves a file that is as long as before, with holes, or shorter.
 */
#include "internal.h"

#include "base/sg.h"

enum { PARALLEL_MAX = 16, PUNCH_IN_TX = 256, PUNCH_BATCH = 64, MAP_MAX = 8, OPEN_TRIES = 3 };
#define FILE_SIZE_MAX ((uint64_t)INT64_MAX)

/* ---- pieces --------------------------------------------------------------------------------------------------------------------------- */
struct piece {
	struct fs_inode *inode;
	struct tx *tx;
	bool write;
	uint64_t dkey, off; /* off: from the first byte of the whole */
	daos_recx_t recx;
	struct iovec *iov;  /* its part of the caller's memory */
	int iov_nr;
	d_iov_t *iovs;
	uint64_t end;       /* read: bytes up to the end of the last data, from its start */
	struct ult *ult;
	int rc;
};

static void
piece_keys(struct piece *piece, daos_key_t *dkey, daos_iod_t *iod, d_sg_list_t *sgl)
{
	d_iov_set(dkey, &piece->dkey, sizeof(piece->dkey));
	*iod = (daos_iod_t){.iod_type = DAOS_IOD_ARRAY, .iod_size = 1, .iod_nr = 1, .iod_recxs = &piece->recx};
	d_iov_set(&iod->iod_name, (void *)DFS_DATA_AKEY, strlen(DFS_DATA_AKEY));
	for (int i = 0; i < piece->iov_nr; i++)
		d_iov_set(&piece->iovs[i], piece->iov[i].iov_base, piece->iov[i].iov_len);
	*sgl = (d_sg_list_t){.sg_nr = (uint32_t)piece->iov_nr, .sg_iovs = piece->iovs};
}

static uint64_t
valid_bytes(const d_sg_list_t *sgl)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < sgl->sg_nr_out; i++)
		sum += sgl->sg_iovs[i].iov_len;
	return sum;
}

/* Zeroes what the map says is no data. false: it does not say it all. */
static bool
zero_holes(struct piece *piece, const daos_iom_t *iom)
{
	uint64_t at = piece->recx.rx_idx, end = at + piece->recx.rx_nr;

	if (iom->iom_nr_out > MAP_MAX)
		return false;
	for (uint32_t i = 0; i < iom->iom_nr_out; i++) {
		const daos_recx_t *recx = &iom->iom_recxs[i];

		if (recx->rx_idx < at || recx->rx_nr > end - recx->rx_idx)
			return false;
		(void)iov_fill(piece->iov, piece->iov_nr, at - piece->recx.rx_idx, 0, recx->rx_idx - at);
		at = recx->rx_idx + recx->rx_nr;
	}
	(void)iov_fill(piece->iov, piece->iov_nr, at - piece->recx.rx_idx, 0, end - at);
	return true;
}

static int
piece_read(struct piece *piece)
{
	daos_recx_t map[MAP_MAX];
	daos_iom_t iom = {.iom_nr = MAP_MAX, .iom_recxs = map, .iom_flags = DAOS_IOMF_DETAIL};
	daos_key_t dkey;
	daos_iod_t iod;
	d_sg_list_t sgl;
	int rc;

	piece_keys(piece, &dkey, &iod, &sgl);
	rc = object_fetch(piece->inode->object, piece->tx, 0, &dkey, 1, &iod, &sgl, &iom);
	if (rc == 0 && !zero_holes(piece, &iom)) {
		(void)iov_fill(piece->iov, piece->iov_nr, 0, 0, piece->recx.rx_nr);
		piece_keys(piece, &dkey, &iod, &sgl);
		rc = object_fetch(piece->inode->object, piece->tx, 0, &dkey, 1, &iod, &sgl, NULL);
	}
	if (rc == -DER_NONEXIST) {
		(void)iov_fill(piece->iov, piece->iov_nr, 0, 0, piece->recx.rx_nr);
		return 0;
	}
	if (rc == 0)
		piece->end = valid_bytes(&sgl);
	return rc;
}

static void
piece_run(void *arg)
{
	struct piece *piece = arg;
	daos_key_t dkey;
	daos_iod_t iod;
	d_sg_list_t sgl;

	if (!piece->write) {
		piece->rc = piece_read(piece);
		return;
	}
	piece_keys(piece, &dkey, &iod, &sgl);
	piece->rc = object_update(piece->inode->object, piece->tx, 0, &dkey, 1, &iod, &sgl);
}

/* All at once; in a transaction one after another. */
static int
pieces_run(struct piece *pieces, uint32_t nr)
{
	bool alone = nr == 1 || pieces[0].tx != NULL;
	int rc = 0;

	for (uint32_t i = alone ? 0 : 1; i < nr; i++)
		if (alone || ult_spawn(xs_self(), ULT_IO, "dfs_piece", piece_run, &pieces[i], &pieces[i].ult) != 0) {
			pieces[i].ult = NULL;
			piece_run(&pieces[i]);
		}
	if (!alone)
		piece_run(&pieces[0]);
	for (uint32_t i = 0; i < nr; i++)
		if (pieces[i].ult != NULL)
			ult_join(pieces[i].ult);
	for (uint32_t i = 0; i < nr && rc == 0; i++)
		rc = pieces[i].rc;
	return rc;
}

struct span {
	struct fs_inode *inode;
	struct tx *tx;
	bool write;
	const struct iovec *iov;
	int iov_nr;
	uint64_t off, len;
	uint64_t data_end; /* read: bytes up to the end of the last data, from off */
};

static int
span_piece(const struct span *span, uint64_t done, struct piece *piece, struct arena *arena)
{
	uint64_t chunk = span->inode->last.chunk_size, at = span->off + done;

	*piece = (struct piece){.inode = span->inode, .tx = span->tx, .write = span->write, .dkey = at / chunk + 1, .off = done};
	piece->recx.rx_idx = at % chunk;
	piece->recx.rx_nr = MIN(chunk - piece->recx.rx_idx, span->len - done);
	piece->iov = ARENA_NEW_ARRAY(arena, struct iovec, span->iov_nr);
	piece->iovs = ARENA_NEW_ARRAY(arena, d_iov_t, span->iov_nr);
	if (piece->iov == NULL || piece->iovs == NULL)
		return -DER_NOMEM;
	piece->iov_nr = iov_slice(span->iov, span->iov_nr, done, piece->recx.rx_nr, piece->iov, span->iov_nr);
	return piece->iov_nr < 0 ? piece->iov_nr : 0;
}

static int
span_move(struct span *span)
{
	struct piece *pieces;
	struct arena arena;
	uint64_t done = 0;
	int rc = 0;

	span->data_end = 0;
	while (rc == 0 && done < span->len) {
		uint32_t nr = 0;

		arena_init(&arena, span->inode->fs->mem);
		pieces = ARENA_NEW_ARRAY(&arena, struct piece, PARALLEL_MAX);
		if (pieces == NULL)
			rc = -DER_NOMEM;
		for (; rc == 0 && nr < PARALLEL_MAX && done < span->len; nr++) {
			rc = span_piece(span, done, &pieces[nr], &arena);
			done += pieces[nr].recx.rx_nr;
		}
		if (rc == 0)
			rc = pieces_run(pieces, nr);
		for (uint32_t i = 0; rc == 0 && i < nr; i++)
			if (pieces[i].end > 0)
				span->data_end = pieces[i].off + pieces[i].end;
		arena_fini(&arena);
	}
	return rc;
}

/* ---- size ------------------------------------------------------------------------------------------------------------------------------- */
static int
know_chunk(struct fs_inode *inode)
{
	struct fs_record record;

	return inode->seen ? 0 : fs__record_load(inode, NULL, &record);
}

int
fs__end_of(uint64_t chunk_size, uint64_t last, const daos_recx_t *recx, uint64_t *size)
{
	uint64_t end;

	*size = 0;
	if (last == 0)
		return 0;
	if (__builtin_add_overflow(recx->rx_idx, recx->rx_nr, &end) || __builtin_mul_overflow(last - 1, chunk_size, size) ||
	    __builtin_add_overflow(*size, end, size))
		return EIO;
	return 0;
}

int
fs__size(struct fs_inode *inode, struct tx *tx, uint64_t *size)
{
	uint64_t dkey_value = 0;
	daos_key_t dkey, akey;
	daos_recx_t recx = {0};
	int rc = know_chunk(inode);

	*size = 0;
	if (rc != 0)
		return rc;
	d_iov_set(&dkey, &dkey_value, sizeof(dkey_value));
	d_iov_set(&akey, (void *)DFS_DATA_AKEY, strlen(DFS_DATA_AKEY));
	rc = object_query_key(inode->object, tx, DAOS_GET_DKEY | DAOS_GET_RECX | DAOS_GET_MAX, &dkey, &akey, &recx);
	if (rc == -DER_NONEXIST || (rc == 0 && dkey_value == 0))
		return 0;
	return rc != 0 ? rc : fs__end_of(inode->last.chunk_size, dkey_value, &recx, size);
}

/* The next dkeys of data from first on; *nr may be 0 before the end. */
static int
list_data(struct fs_inode *inode, struct tx *tx, uint64_t first, daos_anchor_t *anchor, uint64_t *found, uint32_t *nr)
{
	uint64_t values[PUNCH_BATCH];
	daos_key_desc_t kds[PUNCH_BATCH];
	uint32_t listed = PUNCH_BATCH;
	d_iov_t iov;
	d_sg_list_t sgl = {.sg_nr = 1, .sg_iovs = &iov};
	int rc;

	d_iov_set(&iov, values, sizeof(values));
	*nr = 0;
	rc = object_list(inode->object, tx, NULL, &listed, kds, &sgl, anchor);
	for (uint32_t i = 0; rc == 0 && i < listed; i++) {
		if (kds[i].kd_key_len != sizeof(uint64_t))
			return EIO;
		if (values[i] >= first && values[i] > 0)
			found[(*nr)++] = values[i];
	}
	return rc;
}

static int
punch_data(struct fs_inode *inode, struct tx *tx, uint64_t *values, uint32_t nr)
{
	daos_key_t keys[PUNCH_BATCH];

	for (uint32_t i = 0; i < nr; i++)
		d_iov_set(&keys[i], &values[i], sizeof(values[i]));
	return nr > 0 ? object_punch_dkeys(inode->object, tx, 0, nr, keys) : 0;
}

/* Of a file of many chunks those behind size, before the transaction, which could not hold them. */
static int
thin_out(struct fs_inode *inode, uint64_t size)
{
	uint64_t chunk = inode->last.chunk_size, now, values[PUNCH_BATCH];
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	uint32_t nr;
	int rc;

	rc = fs__size(inode, NULL, &now);
	if (rc != 0 || now <= size || (now - size) / chunk < PUNCH_IN_TX)
		return rc;
	while (rc == 0 && anchor.da_type != DAOS_ANCHOR_TYPE_EOF) {
		rc = list_data(inode, NULL, DIV_UP(size, chunk) + 1, &anchor, values, &nr);
		if (rc == 0)
			rc = punch_data(inode, NULL, values, nr);
	}
	return rc;
}

static int
write_byte(struct fs_inode *inode, struct tx *tx, uint64_t off, char byte)
{
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct span span = {.inode = inode, .tx = tx, .write = true, .iov = &iov, .iov_nr = 1, .off = off, .len = 1};

	return span_move(&span);
}

/* Everything is read before the first write, for lists do not see a transaction's own writes. */
static int
shrink(struct fs_inode *inode, struct tx *tx, uint64_t size)
{
	uint64_t chunk = inode->last.chunk_size, in_chunk = size % chunk, value = size / chunk + 1;
	daos_recx_t rest = {.rx_idx = in_chunk, .rx_nr = chunk - in_chunk};
	daos_iod_t iod = {.iod_type = DAOS_IOD_ARRAY, .iod_size = 0, .iod_nr = 1, .iod_recxs = &rest};
	char last = 0;
	struct iovec iov = {.iov_base = &last, .iov_len = 1};
	struct span span = {.inode = inode, .tx = tx, .iov = &iov, .iov_nr = 1, .off = size - 1, .len = 1};
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	uint64_t *values = MEM_NEW_ARRAY(inode->fs->mem, uint64_t, 2 * PUNCH_IN_TX);
	uint32_t nr = 0, more;
	daos_key_t dkey;
	int rc = values != NULL ? 0 : -DER_NOMEM;

	while (rc == 0 && anchor.da_type != DAOS_ANCHOR_TYPE_EOF && nr + PUNCH_BATCH <= 2 * PUNCH_IN_TX) {
		rc = list_data(inode, tx, DIV_UP(size, chunk) + 1, &anchor, values + nr, &more);
		nr += more;
	}
	if (rc == 0 && size > 0)
		rc = span_move(&span);
	for (uint32_t at = 0; rc == 0 && at < nr; at += PUNCH_BATCH)
		rc = punch_data(inode, tx, values + at, MIN(nr - at, (uint32_t)PUNCH_BATCH));
	mem_free(inode->fs->mem, values);
	if (rc == 0 && in_chunk > 0) {
		d_iov_set(&dkey, &value, sizeof(value));
		d_iov_set(&iod.iod_name, (void *)DFS_DATA_AKEY, strlen(DFS_DATA_AKEY));
		rc = object_update(inode->object, tx, 0, &dkey, 1, &iod, NULL);
	}
	if (rc == 0 && anchor.da_type != DAOS_ANCHOR_TYPE_EOF)
		rc = -DER_TX_RESTART; /* it grew by many chunks behind our back */
	return rc == 0 && size > 0 ? write_byte(inode, tx, size - 1, last) : rc;
}

int
fs__resize_prepare(struct fs_inode *inode, uint64_t size)
{
	int rc;

	if (size > FILE_SIZE_MAX)
		return EFBIG;
	rc = know_chunk(inode);
	return rc == 0 ? thin_out(inode, size) : rc;
}

int
fs__resize(struct fs_inode *inode, struct tx *tx, uint64_t size)
{
	uint64_t now;
	int rc = fs__size(inode, tx, &now);

	if (rc != 0 || size == now)
		return rc;
	return size > now ? write_byte(inode, tx, size - 1, 0) : shrink(inode, tx, size);
}

/* ---- set-id bits ------------------------------------------------------------------------------------------------------------------------- */
static int
suid_body(struct tx *tx, void *arg)
{
	struct fs_inode *inode = arg;
	struct fs_record record;
	int rc = fs__record_load(inode, tx, &record);

	if (rc != 0)
		return rc;
	fs__kill_suid(&record);
	(void)fs__now(inode->fs, &record.ctime);
	rc = fs__record_store(inode, tx, 0, &record);
	inode->last.mode = record.mode;
	return rc;
}

/* ---- holes ------------------------------------------------------------------------------------------------------------------------------ */
struct hole {
	struct fs_inode *inode;
	uint64_t off, end;
};

static int
punch_records(struct fs_inode *inode, struct tx *tx, uint64_t chunk_nr, uint64_t first, uint64_t nr)
{
	daos_recx_t recx = {.rx_idx = first, .rx_nr = nr};
	daos_iod_t iod = {.iod_type = DAOS_IOD_ARRAY, .iod_size = 0, .iod_nr = 1, .iod_recxs = &recx};
	uint64_t value = chunk_nr + 1;
	daos_key_t dkey;

	d_iov_set(&dkey, &value, sizeof(value));
	d_iov_set(&iod.iod_name, (void *)DFS_DATA_AKEY, strlen(DFS_DATA_AKEY));
	return object_update(inode->object, tx, 0, &dkey, 1, &iod, NULL);
}

/* At most PUNCH_IN_TX chunks. The size stays: a zero takes the place of the last byte. */
static int
hole_body(struct tx *tx, void *arg)
{
	struct hole *hole = arg;
	struct fs_inode *inode = hole->inode;
	uint64_t chunk = inode->last.chunk_size, size, end, next;
	int rc = fs__size(inode, tx, &size);

	end = MIN(hole->end, size);
	for (uint64_t at = hole->off; rc == 0 && at < end; at = next) {
		next = MIN((at / chunk + 1) * chunk, end);
		rc = punch_records(inode, tx, at / chunk, at % chunk, next - at);
	}
	return rc == 0 && hole->off < end && end == size ? write_byte(inode, tx, size - 1, 0) : rc;
}

/* Step by step: what is no data already costs a call all the same, but never more than the file is long. */
int
fs_punch(struct fs_file *file, uint64_t off, uint64_t len)
{
	struct fs_inode *inode = file->inode;
	struct hole hole = {.inode = inode};
	uint64_t end = len > FILE_SIZE_MAX - MIN(off, FILE_SIZE_MAX) ? FILE_SIZE_MAX : off + len, size;
	int rc;

	if ((file->flags & O_ACCMODE) == O_RDONLY)
		return EBADF;
	rc = fs__size(inode, NULL, &size);
	for (end = MIN(end, size); rc == 0 && off < end; off = hole.end) {
		hole.off = off;
		hole.end = MIN((off / inode->last.chunk_size + PUNCH_IN_TX) * inode->last.chunk_size, end);
		rc = fs__transact(inode->fs, hole_body, &hole);
	}
	if (rc == 0 && (inode->last.mode & (S_ISUID | S_ISGID)) != 0)
		rc = fs__transact(inode->fs, suid_body, inode);
	return fs__errno(rc);
}

/* lock I3 */
static bool
is_lost(const struct fs_file *file)
{
	return file->session_nr <= file->inode->lost_nr;
}

/* ---- open, close --------------------------------------------------------------------------------------------------------------------------- */
int
fs__open_new(struct fs_inode *inode, int flags, struct fs_file **result)
{
	struct fs_file *file = MEM_NEW(inode->fs->mem, struct fs_file);

	if (file == NULL)
		return ENOMEM;
	file->inode = fs_inode_get(inode);
	file->flags = flags;
	file->session_nr = inode->fs->session_nr;
	inode->opens++;
	*result = file;
	return 0;
}

int
fs_open(struct fs_inode *inode, int flags, struct fs_file **result)
{
	struct fs *fs = inode->fs;
	struct stat attr = {.st_size = 0};
	struct fs_record record;
	struct fs_file *file;
	int tries = 0, rc;

	if (inode->type != S_IFREG)
		return inode->type == S_IFDIR ? EISDIR : inode->type == S_IFLNK ? ELOOP : ENXIO;
	if (fs->readonly && ((flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0))
		return EROFS;
	rc = fs__open_new(inode, flags, &file);
	if (rc != 0)
		return rc;
	fs__leaving_wait(inode);
	do { /* again when locks on it were lost meanwhile: those of others who have it open, not of this one */
		file->session_nr = fs->session_nr;
		rc = inode->disclaimed ? ENOENT : fs__errno(fs__record_load(inode, NULL, &record));
	} while (is_lost(file) && ++tries < OPEN_TRIES);
	if (rc == 0 && (flags & O_TRUNC) != 0)
		rc = fs_setattr(inode, &attr, FS_SET_SIZE, NULL);
	if (rc != 0) {
		(void)fs_close(file);
		return rc;
	}
	*result = file;
	return 0;
}

int
fs_close(struct fs_file *file)
{
	struct fs_inode *inode = file->inode;

	ASSERT(inode->opens > 0);
	if (--inode->opens == 0)
		inode->fs->lingering |= inode->orphan;
	mem_free(inode->fs->mem, file);
	fs_inode_put(inode);
	return 0;
}

struct fs_inode *
fs_file_inode(const struct fs_file *file)
{
	return file->inode;
}

/* ---- read ------------------------------------------------------------------------------------------------------------------------------------ */
static int
atime_body(struct tx *tx, void *arg)
{
	struct fs_inode *inode = arg;
	struct fs_record record;
	int rc = fs__record_load(inode, tx, &record);

	(void)fs__now(inode->fs, &record.atime);
	return rc == 0 ? fs__record_store(inode, tx, 0, &record) : rc;
}

/* As mounts with relatime do: once after a change, and once a day. A failure is no reader's business. */
static void
touch_atime(struct fs_inode *inode)
{
	enum { DAY_S = 86400 };
	const struct fs_record *last = &inode->last;
	struct timespec now;

	if ((inode->fs->flags & FS_SYNC_ATIME) == 0 || inode->fs->readonly)
		return;
	(void)fs__now(inode->fs, &now);
	if (last->atime.tv_sec > last->mtime.tv_sec && last->atime.tv_sec > last->ctime.tv_sec && now.tv_sec - last->atime.tv_sec < DAY_S)
		return;
	(void)fs__transact(inode->fs, atime_body, inode);
}

int
fs_read(struct fs_file *file, const struct iovec *iov, int iov_nr, uint64_t off, size_t *done)
{
	struct span span = {.inode = file->inode, .iov = iov, .iov_nr = iov_nr, .off = off, .len = iov_total(iov, iov_nr)};
	uint64_t size;
	int rc;

	*done = 0;
	if ((file->flags & O_ACCMODE) == O_WRONLY)
		return EBADF;
	if (is_lost(file))
		return EIO;
	if (span.len == 0 || off >= FILE_SIZE_MAX)
		return 0;
	span.len = MIN(span.len, FILE_SIZE_MAX - off);
	rc = span_move(&span);
	if (rc == 0 && span.data_end < span.len) {
		rc = fs__size(file->inode, NULL, &size);
		if (rc == 0)
			span.len = size > off ? MIN(span.len, size - off) : 0;
	}
	if (rc != 0)
		return fs__errno(rc);
	*done = span.len;
	touch_atime(file->inode);
	return 0;
}

/* ---- write ------------------------------------------------------------------------------------------------------------------------------------ */
static int
append_body(struct tx *tx, void *arg)
{
	struct span *span = arg;
	int rc = fs__size(span->inode, tx, &span->off);

	if (rc != 0)
		return rc;
	if (span->off > FILE_SIZE_MAX - span->len)
		return EFBIG;
	span->tx = tx;
	return span_move(span);
}

static int
write_file(struct fs_file *file, bool append, const struct iovec *iov, int iov_nr, uint64_t off, size_t *done, uint64_t *end)
{
	struct fs_inode *inode = file->inode;
	struct span span = {.inode = inode, .write = true, .iov = iov, .iov_nr = iov_nr, .off = off, .len = iov_total(iov, iov_nr)};
	int rc;

	*done = 0;
	if (end != NULL)
		*end = off;
	if ((file->flags & O_ACCMODE) == O_RDONLY)
		return EBADF;
	if (is_lost(file))
		return EIO;
	if (span.len == 0)
		return 0;
	if (span.len > FILE_SIZE_MAX || off > FILE_SIZE_MAX - span.len)
		return EFBIG;
	if (append) {
		ult_mutex_lock(&inode->append);
		rc = fs__transact(inode->fs, append_body, &span);
		ult_mutex_unlock(&inode->append);
	} else {
		rc = span_move(&span);
	}
	if (rc == 0 && (inode->last.mode & (S_ISUID | S_ISGID)) != 0)
		rc = fs__transact(inode->fs, suid_body, inode);
	if (rc != 0)
		return fs__errno(rc);
	*done = span.len;
	if (end != NULL)
		*end = span.off + span.len;
	return 0;
}

int
fs_write(struct fs_file *file, const struct iovec *iov, int iov_nr, uint64_t off, size_t *done, uint64_t *end)
{
	return write_file(file, (file->flags & O_APPEND) != 0, iov, iov_nr, off, done, end);
}

int
fs_write_at(struct fs_file *file, const struct iovec *iov, int iov_nr, uint64_t off, size_t *done)
{
	return write_file(file, false, iov, iov_nr, off, done, NULL);
}

/* Every write was durable when it returned. */
int
fs_fsync(struct fs_file *file)
{
	return file != NULL ? 0 : EBADF;
}
