/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disks. What a disk is made of:
 *
 *	durable   the image that survives a loss of power
 *	now       the image that reads see
 *	pieces    by page: what completed writes put into now and not yet into durable, in order of completion
 *	in flight submitted and not completed; not in now yet
 *
 * A write goes from in flight to pieces when it completes (with DSYNC straight into durable); a flush moves the pieces of all
 * writes that completed before it was submitted. At a loss of power each write among pieces and in flight is kept, lost, or
 * torn at sectors of 512 bytes, with garbage between.
 *
 * disk I1: a page of now differs from durable only where a piece covers it.
 * disk I2: of two pieces on one sector, or a piece and durable, the one that completed later prevails: a DSYNC write takes its
 * sectors away from older pieces.
 * disk I3: a write whose durability was reported failed may be doomed: reads see it, no later flush makes it durable.
 */
#include <stdio.h>
#include "world.h"

enum { BUCKETS = 256, STRAY_PAGES = 64 };

struct piece {
	struct list in_disk;   /* in order of completion */
	struct list in_bucket; /* the same among those of its bucket */
	uint64_t write, done_seq, page;
	uint8_t sectors; /* which of data are meant */
	bool doomed;
	struct sim_page *data;
};

struct sim_disk {
	struct sim_host *host;
	uint32_t number;
	uint64_t size;
	struct sim_image now, durable;
	struct list pieces, buckets[BUCKETS];
	struct list flights;
	uint64_t done_seq;
	uint32_t opener_nr;
	bool open_rw;
	struct rand rand;
	struct sim_disk_stats stats;
	/* faults asked for by tests */
	uint32_t fail_ops;
	uint64_t fail_nth;
	bool fail_persistent, dead, stalled;
	uint32_t slow;
	uint64_t garble_nth;
	uint64_t crash_nth;
	enum sim_crash crash_how;
};

struct env_disk {
	struct list link; /* in life->disks */
	struct sim_life *life;
	struct sim_disk *disk;
	bool rdonly;
	uint64_t in_flight;
};

/** An operation from submit until its callback. */
struct flight {
	struct sim_event event;
	struct sim_due due;
	struct list link; /* in disk->flights until it completes */
	struct env_disk *handle;
	struct sim_life *life;
	struct sim_disk *disk;
	struct env_loop *loop;
	struct env_io *io;
	enum env_io_op op;
	bool dsync;
	uint64_t off, len;
	uint8_t *data; /* WRITE: the bytes as they were submitted */
	uint64_t write, began_seq;
	size_t record_began;
	uint64_t latency_ns;
	int rc;
};

/* ---- pieces ----------------------------------------------------------------------------------------------------------- */

static struct list *
bucket_of(struct sim_disk *disk, uint64_t page)
{
	return &disk->buckets[page % BUCKETS];
}

static void
piece_free(struct sim_disk *disk, struct piece *piece)
{
	list_remove(&piece->in_disk);
	list_remove(&piece->in_bucket);
	if (--piece->data->refs == 0)
		machine_free(piece->data);
	machine_free(piece);
	disk->stats.pending_writes--;
}

static void
merge_sectors(struct sim_image *image, uint64_t page, const struct sim_page *data, uint8_t sectors)
{
	uint8_t *to;

	if (sectors == 0)
		return;
	to = sim__image_own(image, page);
	for (int i = 0; i < SIM_SECTORS; i++)
		if (sectors & (1 << i))
			memcpy(to + i * SIM_SECTOR, data->data + i * SIM_SECTOR, SIM_SECTOR);
}

/** Puts a page as a whole into an image, shared. */
static void
put_page(struct sim_image *image, uint64_t page, struct sim_page *data)
{
	struct sim_image from = {.pages = &data, .page_nr = 1};
	struct sim_image to = {.pages = &image->pages[page], .page_nr = 1};

	sim__image_share(&to, &from, 0);
}

static void
put_sectors(struct sim_image *image, uint64_t page, struct sim_page *data, uint8_t sectors)
{
	if (sectors == 0xFF)
		put_page(image, page, data);
	else
		merge_sectors(image, page, data, sectors);
}

static uint8_t
sectors_of(uint64_t off, uint64_t len, uint64_t page)
{
	uint64_t from = MAX(off, page * SIM_PAGE), to = MIN(off + len, (page + 1) * SIM_PAGE);
	uint8_t mask = 0;

	for (uint64_t at = from; at < to; at += SIM_SECTOR)
		mask |= (uint8_t)(1 << (at % SIM_PAGE / SIM_SECTOR));
	return mask;
}

/** disk I2 */
static void
supersede(struct sim_disk *disk, uint64_t page, uint8_t sectors)
{
	struct piece *piece, *next;

	list_each_safe(piece, next, bucket_of(disk, page), in_bucket) {
		if (piece->page != page)
			continue;
		piece->sectors &= (uint8_t)~sectors;
		if (piece->sectors == 0)
			piece_free(disk, piece);
	}
}

/** A completed write reaches the medium, or its cache. data: len bytes. */
static void
land(struct sim_disk *disk, uint64_t write, uint64_t off, const uint8_t *data, uint64_t len, bool durable)
{
	uint64_t seq = ++disk->done_seq;

	for (uint64_t page = off / SIM_PAGE; page * SIM_PAGE < off + len; page++) {
		uint64_t from = MAX(off, page * SIM_PAGE), to = MIN(off + len, (page + 1) * SIM_PAGE);
		uint8_t sectors = sectors_of(off, len, page);
		struct sim_page *content = machine_alloc(sizeof(*content));
		struct piece *piece;

		content->refs = 1;
		memcpy(content->data + from % SIM_PAGE, data + (from - off), to - from);
		put_sectors(&disk->now, page, content, sectors);
		if (durable) {
			put_sectors(&disk->durable, page, content, sectors);
			supersede(disk, page, sectors);
			if (--content->refs == 0)
				machine_free(content);
			continue;
		}
		piece = machine_alloc(sizeof(*piece));
		*piece = (struct piece){.write = write, .done_seq = seq, .page = page, .sectors = sectors, .data = content};
		list_append(&disk->pieces, &piece->in_disk);
		list_append(bucket_of(disk, page), &piece->in_bucket);
		disk->stats.pending_writes++;
	}
}

/** A flush: everything that completed up to seq is durable, but for what is doomed. */
static void
settle(struct sim_disk *disk, uint64_t seq)
{
	struct piece *piece, *next;

	list_each_safe(piece, next, &disk->pieces, in_disk) {
		if (piece->done_seq > seq)
			break;
		if (piece->doomed)
			continue;
		put_sectors(&disk->durable, piece->page, piece->data, piece->sectors);
		piece_free(disk, piece);
	}
}

/** A failed flush: each write that was not durable may now be lost for good. */
static void
doom(struct sim_disk *disk)
{
	struct piece *piece;

	list_each(piece, &disk->pieces, in_disk)
		if (rand_below(&disk->rand, 2) == 0)
			piece->doomed = true;
}

/* ---- loss of power ---------------------------------------------------------------------------------------------------- */

enum crash_mode { ALL_LOST, ALL_KEPT, PREFIX, SUBSET };

struct crash {
	enum crash_mode mode;
	uint64_t prefix; /* how many writes are kept whole */
	uint64_t seen;
	uint64_t write; /* the one that fate is about */
	bool begun;
	enum { LOST, KEPT, TORN } fate;
};

/* Counts what a death did to a write. */
static void
count_fate(struct sim_disk *disk, struct crash *crash)
{
	struct sim *sim = disk->host->sim;

	if (crash->fate != KEPT)
		sim__struck(sim, crash->fate == LOST ? SIM_WRITE_LOST : SIM_WRITE_TORN);
	if (crash->fate != LOST && crash->write > disk->host->oldest_lost)
		sim__struck(sim, SIM_WRITE_REORDERED);
	if (crash->fate == LOST)
		disk->host->oldest_lost = MIN(disk->host->oldest_lost, crash->write);
}

static void
next_write(struct sim_disk *disk, struct crash *crash, uint64_t write)
{
	if (crash->begun && crash->write == write)
		return;
	crash->begun = true;
	crash->write = write;
	if (crash->mode == PREFIX)
		crash->fate = crash->seen < crash->prefix ? KEPT : crash->seen == crash->prefix ? TORN : LOST;
	else if (crash->mode == SUBSET)
		crash->fate = (int[]){LOST, KEPT, TORN}[rand_below(&disk->rand, 3)];
	else
		crash->fate = crash->mode == ALL_KEPT ? KEPT : LOST;
	crash->seen++;
	count_fate(disk, crash);
}

/** What of one page of a write reaches the medium. */
static void
lose_power_page(struct sim_disk *disk, struct crash *crash, uint64_t page, const uint8_t *data, uint8_t sectors)
{
	uint8_t *to;

	if (crash->fate == LOST)
		return;
	to = sim__image_own(&disk->durable, page);
	for (int i = 0; i < SIM_SECTORS; i++) {
		uint64_t draw = crash->fate == KEPT ? 0 : rand_below(&disk->rand, 4);
		uint64_t split = rand_below(&disk->rand, SIM_SECTOR);

		if (!(sectors & (1 << i)) || draw == 3)
			continue;
		if (draw == 2) { /* garbage */
			rand_fill(&disk->rand, to + i * SIM_SECTOR, SIM_SECTOR);
			continue;
		}
		/* Whole, or its first bytes only. */
		memcpy(to + i * SIM_SECTOR, data + i * SIM_SECTOR, draw == 0 ? SIM_SECTOR : split);
	}
}

static void
lose_power_flight(struct sim_disk *disk, struct crash *crash, struct flight *flight)
{
	uint8_t page_data[SIM_PAGE];

	next_write(disk, crash, flight->write);
	for (uint64_t page = flight->off / SIM_PAGE; page * SIM_PAGE < flight->off + flight->len; page++) {
		uint64_t from = MAX(flight->off, page * SIM_PAGE);
		uint64_t to = MIN(flight->off + flight->len, (page + 1) * SIM_PAGE);

		memcpy(page_data + from % SIM_PAGE, flight->data + (from - flight->off), to - from);
		lose_power_page(disk, crash, page, page_data, sectors_of(flight->off, flight->len, page));
	}
	/* What of it did reach the medium is seen from now on. */
	for (uint64_t page = flight->off / SIM_PAGE; page * SIM_PAGE < flight->off + flight->len; page++)
		sim__image_share(&disk->now, &disk->durable, page);
}

static void
flight_free(struct flight *flight)
{
	list_remove(&flight->link);
	sim__event_cancel(flight->life->sim, &flight->event);
	machine_free(flight->data);
	machine_free(flight);
}

static struct crash
draw_crash(struct sim_disk *disk)
{
	uint64_t draw = rand_below(&disk->rand, 10), writes = 0, last = UINT64_MAX;
	struct crash crash = {.mode = draw < 2 ? ALL_LOST : draw < 3 ? ALL_KEPT : draw < 5 ? PREFIX : SUBSET};
	struct flight *flight;
	struct piece *piece;

	list_each(piece, &disk->pieces, in_disk) {
		writes += piece->write != last;
		last = piece->write;
	}
	list_each(flight, &disk->flights, link)
		writes += flight->op == ENV_IO_WRITE;
	crash.prefix = rand_below(&disk->rand, writes + 1);
	return crash;
}

static void
lose_power(struct sim_disk *disk)
{
	struct crash crash = draw_crash(disk);
	struct piece *piece, *next;
	struct flight *flight;

	list_each(piece, &disk->pieces, in_disk) {
		if (piece->doomed)
			continue;
		next_write(disk, &crash, piece->write);
		lose_power_page(disk, &crash, piece->page, piece->data->data, piece->sectors);
	}
	list_each_safe(piece, next, &disk->pieces, in_disk) {
		sim__image_share(&disk->now, &disk->durable, piece->page);
		piece_free(disk, piece);
	}
	while (!list_empty(&disk->flights)) {
		flight = list_first(&disk->flights, struct flight, link);
		if (flight->op == ENV_IO_WRITE)
			lose_power_flight(disk, &crash, flight);
		flight_free(flight);
	}
	disk->stats.in_flight = 0;
	sim__trace(disk->host->sim, "disk: power lost", disk->number, crash.mode, crash.seen);
}

void
sim__disks_power_lost(struct sim_host *host)
{
	struct sim_file *file;

	host->oldest_lost = UINT64_MAX;
	list_each(file, &host->files, link)
		if (file->kind == SIM_DISK)
			lose_power(file->disk);
}

/** A process died: what it had in flight is completed by the kernel, mostly. */
void
sim__disks_killed(struct sim_host *host, struct sim_life *life)
{
	struct sim_file *file;

	host->oldest_lost = UINT64_MAX;
	list_each(file, &host->files, link) {
		struct sim_disk *disk = file->disk;
		struct flight *flight, *next;
		struct crash crash = {0};

		if (file->kind != SIM_DISK)
			continue;
		list_each_safe(flight, next, &disk->flights, link) {
			uint64_t draw = rand_below(&disk->rand, 10);
			uint64_t len = draw < 7 ? flight->len : draw < 9 ? 0 :
				       rand_below(&disk->rand, flight->len / SIM_SECTOR + 1) * SIM_SECTOR;

			if (flight->life != life)
				continue;
			if (flight->op == ENV_IO_WRITE) {
				crash.write = flight->write;
				crash.fate = len == 0 ? LOST : len < flight->len ? TORN : KEPT;
				count_fate(disk, &crash);
			}
			if (flight->op == ENV_IO_WRITE && len > 0)
				land(disk, flight->write, flight->off, flight->data, len, false);
			disk->stats.in_flight--;
			flight_free(flight);
		}
	}
}

/* ---- operations ---------------------------------------------------------------------------------------------------------- */

static void
called_back(struct sim_due *due, bool dropped)
{
	struct flight *flight = container_of(due, struct flight, due);
	struct env_io *io = flight->io;
	int rc = flight->rc;

	if (!dropped)
		flight->handle->in_flight--;
	machine_free(flight->data);
	machine_free(flight);
	if (!dropped)
		io->done(io, rc);
}

static bool
asked_to_fail(struct sim_disk *disk, enum env_io_op op)
{
	static const enum sim_fault faults[] = {SIM_READ_FAILED, SIM_WRITE_FAILED, SIM_FLUSH_FAILED, SIM_WRITE_FAILED};

	if (disk->dead) {
		sim__struck(disk->host->sim, faults[op]);
		return true;
	}
	if (disk->fail_nth == 0 || !(disk->fail_ops & (1U << op)))
		return false;
	if (disk->fail_nth > 1) {
		disk->fail_nth--;
		return false;
	}
	if (!disk->fail_persistent)
		disk->fail_nth = 0;
	sim__struck(disk->host->sim, faults[op]);
	return true;
}

static void
gather(uint8_t *to, const struct iovec *iov, int iov_nr)
{
	for (int i = 0; i < iov_nr; i++) {
		memcpy(to, iov[i].iov_base, iov[i].iov_len);
		to += iov[i].iov_len;
	}
}

static void
garble(struct sim_disk *disk, const struct env_io *io)
{
	uint64_t byte = rand_below(&disk->rand, io->len);

	for (int i = 0; i < io->iov_nr; i++) {
		if (byte < io->iov[i].iov_len) {
			((uint8_t *)io->iov[i].iov_base)[byte] ^= (uint8_t)(1 << rand_below(&disk->rand, 8));
			break;
		}
		byte -= io->iov[i].iov_len;
	}
	sim__struck(disk->host->sim, SIM_BIT_GARBLED);
}

static void
do_read(struct sim_disk *disk, struct flight *flight)
{
	struct sim *sim = disk->host->sim;
	const struct sim_options *options = &sim->options;
	const struct sim_image *image = &disk->now;
	uint64_t off = flight->off;

	if (asked_to_fail(disk, flight->op) || sim__fault(sim, &disk->rand, options->read_error_ppm, SIM_READ_FAILED)) {
		flight->rc = -DER_IO;
		return;
	}
	if (sim__fault(sim, &disk->rand, options->bit_rot_ppm, SIM_BIT_ROTTEN))
		sim_disk_flip_bit(disk, flight->off * 8 + rand_below(&disk->rand, flight->len * 8));
	if (sim__fault(sim, &disk->rand, options->stale_read_ppm, SIM_READ_STALE))
		image = &disk->durable;
	for (int i = 0; i < flight->io->iov_nr; i++) {
		const struct iovec *iov = &flight->io->iov[i];

		sim__image_read(image, off, iov->iov_base, iov->iov_len);
		sim__digest(sim, iov->iov_base, iov->iov_len);
		off += iov->iov_len;
	}
	if (disk->garble_nth > 0 && --disk->garble_nth == 0)
		garble(disk, flight->io);
	disk->stats.reads++;
	disk->stats.bytes_read += flight->len;
}

static void
check_buffer(struct sim_disk *disk, struct flight *flight)
{
	const uint8_t *at = flight->data;

	if (disk->host->sim->options.check_buffers == 0)
		return;
	for (int i = 0; i < flight->io->iov_nr; i++) {
		const struct iovec *iov = &flight->io->iov[i];

		if (memcmp(at, iov->iov_base, iov->iov_len) != 0)
			sim__fail(disk->host->sim, "a buffer changed while it was written to a disk");
		at += iov->iov_len;
	}
}

static void
do_write(struct sim_disk *disk, struct flight *flight)
{
	struct sim *sim = disk->host->sim;
	const struct sim_options *options = &sim->options;
	uint64_t off = flight->off, len = flight->len;
	bool durable = flight->dsync;

	check_buffer(disk, flight);
	sim__digest(sim, flight->data, flight->len);
	if (asked_to_fail(disk, flight->op) || sim__fault(sim, &disk->rand, options->write_error_ppm, SIM_WRITE_FAILED) ||
	    (durable && sim__fault(sim, &disk->rand, options->flush_error_ppm, SIM_FLUSH_FAILED))) {
		flight->rc = -DER_IO;
		len = rand_below(&disk->rand, len / SIM_SECTOR + 1) * SIM_SECTOR;
		if (len > 0 && !disk->dead)
			land(disk, flight->write, off, flight->data, len, false);
		if (durable)
			doom(disk);
		return;
	}
	disk->stats.writes++;
	disk->stats.bytes_written += len;
	sim__record_done(disk->host, flight->write, durable);
	if (sim__fault(sim, &disk->rand, options->lost_write_ppm, SIM_WRITE_DROPPED))
		return;
	if (sim__fault(sim, &disk->rand, options->misdirect_ppm, SIM_WRITE_MISDIRECTED)) {
		uint64_t pages = disk->size / SIM_PAGE, page = off / SIM_PAGE + 1 + rand_below(&disk->rand, STRAY_PAGES);

		off = page % pages * SIM_PAGE;
		len = MIN(len, disk->size - off);
	}
	land(disk, flight->write, off, flight->data, len, durable);
}

static void
do_flush(struct sim_disk *disk, struct flight *flight)
{
	struct sim *sim = disk->host->sim;

	if (asked_to_fail(disk, flight->op) ||
	    sim__fault(sim, &disk->rand, sim->options.flush_error_ppm, SIM_FLUSH_FAILED)) {
		flight->rc = -DER_IO;
		doom(disk);
		return;
	}
	settle(disk, flight->began_seq);
	sim__record_durable(disk->host, disk, flight->record_began);
	disk->stats.flushes++;
}

/** Trimmed space reads as zeros; like a write, it is not durable at once. */
static void
do_trim(struct sim_disk *disk, struct flight *flight)
{
	static const uint8_t zeros[SIM_PAGE];

	if (asked_to_fail(disk, flight->op)) {
		flight->rc = -DER_IO;
		return;
	}
	for (uint64_t at = flight->off; at < flight->off + flight->len; at = (at / SIM_PAGE + 1) * SIM_PAGE) {
		uint64_t len = MIN(flight->off + flight->len, (at / SIM_PAGE + 1) * SIM_PAGE) - at;

		if (sim__image_page(&disk->now, at / SIM_PAGE) == NULL)
			continue;
		if (disk->host->record != NULL) {
			uint64_t write = sim__record_write(disk->host, disk, at, zeros, len);

			sim__record_done(disk->host, write, false);
		}
		land(disk, flight->write, at, zeros, len, false);
	}
	disk->stats.trims++;
}

static void
completed(struct sim_event *event)
{
	struct flight *flight = container_of(event, struct flight, event);
	struct sim_disk *disk = flight->disk;

	sim__trace(disk->host->sim, (const char *[]){"read", "write", "flush", "trim"}[flight->op], disk->number,
		   flight->off, flight->len);
	list_remove(&flight->link);
	disk->stats.in_flight--;
	switch (flight->op) {
	case ENV_IO_READ:
		do_read(disk, flight);
		break;
	case ENV_IO_WRITE:
		do_write(disk, flight);
		break;
	case ENV_IO_FLUSH:
		do_flush(disk, flight);
		break;
	case ENV_IO_TRIM:
		do_trim(disk, flight);
		break;
	}
	sim__loop_add(flight->loop, &flight->due);
}

static uint64_t
latency(struct sim_disk *disk, const struct flight *flight)
{
	struct sim *sim = disk->host->sim;
	const struct sim_options *options = &sim->options;
	uint64_t mean = flight->op == ENV_IO_READ ? options->disk_read_ns :
			flight->op == ENV_IO_WRITE && !flight->dsync ? options->disk_write_ns : options->disk_flush_ns;
	uint64_t ns = sim__delay(&disk->rand, mean / 10, mean) +
		      (flight->op == ENV_IO_TRIM ? 0 : flight->len * NS_PER_US / MAX(options->disk_bytes_us, 1ULL));

	if (sim__fault(sim, &disk->rand, options->stall_ppm, SIM_DISK_SLOW))
		ns *= 100;
	return ns * disk->slow;
}

static void
check_io(const struct sim_disk *disk, const struct env_io *io)
{
	uint64_t block = disk->host->sim->options.block_size, sum = 0;

	if (io->op == ENV_IO_FLUSH)
		return;
	ASSERTF(io->off % block == 0 && io->len % block == 0, "a disk operation that is not aligned");
	ASSERTF(io->len > 0 && io->off < disk->size && io->len <= disk->size - io->off, "a disk operation beyond the end");
	if (io->op == ENV_IO_TRIM)
		return;
	for (int i = 0; i < io->iov_nr; i++) {
		ASSERTF((uintptr_t)io->iov[i].iov_base % block == 0 && io->iov[i].iov_len % block == 0,
			"a buffer of a disk operation that is not aligned");
		sum += io->iov[i].iov_len;
	}
	ASSERTF(sum == io->len, "a disk operation whose buffers do not add up");
}

/** A read's buffer holds nothing of use until it is done. */
static void
spoil(struct sim *sim, const struct env_io *io)
{
	for (int i = 0; i < io->iov_nr; i++)
		memset(io->iov[i].iov_base, (int)sim->options.fill, io->iov[i].iov_len);
}

static void
disk_submit(struct env_loop *loop, struct env_io *io)
{
	struct env_disk *handle = io->disk;
	struct sim_disk *disk = handle->disk;
	struct sim *sim = disk->host->sim;
	struct flight *flight;

	check_io(disk, io);
	ASSERTF(!handle->rdonly || io->op == ENV_IO_READ, "a write to a disk that was opened to be read");
	if (loop->life->dying)
		return;
	flight = machine_alloc_zeroed(sizeof(*flight));
	*flight = (struct flight){
		.event = {.node = loop->life->node->id, .what = "disk", .fire = completed}, .due.run = called_back,
		.handle = handle, .life = loop->life, .disk = disk, .loop = loop, .io = io, .op = io->op,
		.dsync = io->op == ENV_IO_WRITE && (io->flags & ENV_IO_DSYNC),
		.off = io->off, .len = io->op == ENV_IO_FLUSH ? 0 : io->len, .began_seq = disk->done_seq,
	};
	if (io->op == ENV_IO_WRITE) {
		flight->data = machine_alloc(flight->len);
		gather(flight->data, io->iov, io->iov_nr);
		flight->write = sim__record_write(disk->host, disk, flight->off, flight->data, flight->len);
	} else if (io->op == ENV_IO_READ) {
		spoil(sim, io);
	} else if (io->op == ENV_IO_FLUSH) {
		flight->record_began = sim__record_flush_begin(disk->host);
	}
	list_append(&disk->flights, &flight->link);
	disk->stats.in_flight++;
	handle->in_flight++;
	flight->latency_ns = latency(disk, flight);
	if (!disk->stalled)
		sim__event_at(sim, &flight->event, sim->now + flight->latency_ns);
	if (io->op == ENV_IO_WRITE && disk->crash_nth > 0 && --disk->crash_nth == 0)
		sim_node_crash(sim, loop->life->node->id, disk->crash_how);
	sim__point(loop->life);
}

/* ---- opening ------------------------------------------------------------------------------------------------------------ */

struct sim_disk *
sim__disk_new(struct sim_host *host, uint64_t size)
{
	struct sim_disk *disk = machine_alloc_zeroed(sizeof(*disk));

	disk->host = host;
	disk->number = host->disk_nr++;
	disk->size = size;
	disk->slow = 1;
	sim__image_init(&disk->now, DIV_UP(size, SIM_PAGE));
	sim__image_init(&disk->durable, DIV_UP(size, SIM_PAGE));
	list_init(&disk->pieces);
	list_init(&disk->flights);
	for (int i = 0; i < BUCKETS; i++)
		list_init(&disk->buckets[i]);
	rand_init(&disk->rand, host->sim->seed, RAND_DISK + host->id * 1000ULL + disk->number);
	return disk;
}

void
sim__disk_free(struct sim_disk *disk)
{
	struct piece *piece, *next;

	while (!list_empty(&disk->flights))
		flight_free(list_first(&disk->flights, struct flight, link));
	list_each_safe(piece, next, &disk->pieces, in_disk)
		piece_free(disk, piece);
	sim__image_fini(&disk->now);
	sim__image_fini(&disk->durable);
	machine_free(disk);
}

static int
find_or_make(struct sim_life *life, const char *path, int flags, uint64_t size, struct sim_disk **disk)
{
	struct sim_host *host = life->node->host;
	struct sim_file *file = sim__file_find(host, path);
	int rc;

	if (!(flags & ENV_DISK_CREATE)) {
		if (file == NULL)
			return -DER_NONEXIST;
		if (file->kind != SIM_DISK)
			return -DER_INVAL;
		*disk = file->disk;
		return 0;
	}
	size = ALIGN_UP(size, host->sim->options.block_size);
	if (size == 0)
		return -DER_INVAL;
	if ((host->full_nth > 0 && --host->full_nth == 0) ||
	    size > host->sim->options.capacity - MIN(host->used, host->sim->options.capacity)) {
		sim__struck(host->sim, SIM_DISK_FULL);
		return -DER_NOSPACE;
	}
	rc = sim__file_make(host, path, SIM_DISK, &file);
	if (rc != 0)
		return rc;
	file->disk = *disk = sim__disk_new(host, size);
	host->used += size;
	sim__record_disk(host, file);
	return 0;
}

static int
disk_open(struct env *env, const char *path, int flags, uint64_t size, struct env_disk **out)
{
	struct sim_life *life = sim__life(env);
	bool rdonly = flags & ENV_DISK_RDONLY;
	struct sim_disk *disk;
	struct env_disk *handle;
	int rc;

	if (sim__file_strikes(life))
		return -DER_IO;
	if (sim__mem_strikes(&life->mem, __builtin_return_address(0)))
		return -DER_NOMEM;
	rc = find_or_make(life, path, flags, size, &disk);
	if (rc != 0)
		return rc;
	if (disk->dead)
		return -DER_IO;
	if (disk->opener_nr > 0 && (disk->open_rw || !rdonly))
		return -DER_BUSY;
	handle = machine_alloc_zeroed(sizeof(*handle));
	*handle = (struct env_disk){.life = life, .disk = disk, .rdonly = rdonly};
	disk->opener_nr++;
	disk->open_rw = !rdonly;
	list_append(&life->disks, &handle->link);
	life->mem.stats.handles++;
	*out = handle;
	return 0;
}

static void
disk_close(struct env_disk *handle)
{
	struct sim_disk *disk = handle->disk;

	ASSERTF(handle->in_flight == 0, "a disk closed with operations under way");
	disk->opener_nr--;
	disk->open_rw = false;
	list_remove(&handle->link);
	handle->life->mem.stats.handles--;
	machine_free(handle);
}

void
sim__disks_drop(struct sim_life *life)
{
	struct env_disk *handle;

	while ((handle = list_pop(&life->disks, struct env_disk, link)) != NULL) {
		handle->disk->opener_nr--;
		handle->disk->open_rw = false;
		machine_free(handle);
	}
}

static void
disk_info(struct env_disk *handle, struct env_disk_info *info)
{
	const struct sim_options *options = &handle->life->sim->options;

	*info = (struct env_disk_info){.size = handle->disk->size, .block_size = (uint32_t)options->block_size,
				       .direct = options->direct != 0};
	snprintf(info->id, sizeof(info->id), "sim-%s-disk%u", handle->disk->host->name, handle->disk->number);
}

const struct env_disk_ops sim__disk_ops = {
	.open = disk_open,
	.close = disk_close,
	.info = disk_info,
	.submit = disk_submit,
};

bool
sim__disk_is_open(const struct sim_disk *disk)
{
	return disk->opener_nr > 0;
}

uint32_t
sim__disk_number(const struct sim_disk *disk)
{
	return disk->number;
}

const struct sim_image *
sim__disk_durable(const struct sim_disk *disk)
{
	return &disk->durable;
}

struct sim_image *
sim__disk_images(struct sim_disk *disk, int which)
{
	return which == 0 ? &disk->now : &disk->durable;
}

/** Each piece as a write of its own. */
void
sim__disk_record_pending(struct sim_disk *disk)
{
	struct piece *piece;

	ASSERTF(list_empty(&disk->flights), "a record begins with operations under way");
	list_each(piece, &disk->pieces, in_disk)
		for (int i = 0; i < SIM_SECTORS; i++) {
			if (!(piece->sectors & (1 << i)))
				continue;
			piece->write = sim__record_write(disk->host, disk,
							 piece->page * SIM_PAGE + (uint64_t)i * SIM_SECTOR,
							 piece->data->data + i * SIM_SECTOR, SIM_SECTOR);
			sim__record_done(disk->host, piece->write, false);
		}
}

/* ---- for tests ------------------------------------------------------------------------------------------------------------ */

struct sim_disk *
sim_disk(struct sim *sim, uint32_t node, const char *path)
{
	struct sim_file *file = sim__file_find(sim->nodes[node].host, path);

	return file != NULL && file->kind == SIM_DISK ? file->disk : NULL;
}

void
sim_disk_stats(struct sim_disk *disk, struct sim_disk_stats *stats)
{
	*stats = disk->stats;
}

void
sim_disk_fail(struct sim_disk *disk, uint32_t ops, uint64_t nth, bool persistent)
{
	disk->fail_ops = ops;
	disk->fail_nth = nth;
	disk->fail_persistent = persistent;
}

void
sim_disk_full(struct sim *sim, uint32_t node, uint64_t nth)
{
	sim->nodes[node].host->full_nth = nth;
}

void
sim_disk_garble(struct sim_disk *disk, uint64_t nth)
{
	disk->garble_nth = nth;
}

void
sim_disk_each(struct sim *sim, uint32_t node, void (*visit)(void *arg, const char *path, struct sim_disk *disk), void *arg)
{
	struct sim_host *host = sim->nodes[node].host;
	struct sim_file *file;

	for (uint32_t number = 0; number < host->disk_nr; number++)
		list_each(file, &host->files, link)
			if (file->kind == SIM_DISK && file->disk->number == number)
				visit(arg, file->path, file->disk);
}

void
sim_disk_kill(struct sim_disk *disk, bool dead)
{
	disk->dead = dead;
}

void
sim_disk_stall(struct sim_disk *disk, bool stalled)
{
	struct sim *sim = disk->host->sim;
	struct flight *flight;

	disk->stalled = stalled;
	list_each(flight, &disk->flights, link) {
		if (stalled)
			sim__event_cancel(sim, &flight->event);
		else if (!sim__event_pending(&flight->event))
			sim__event_at(sim, &flight->event, sim->now + flight->latency_ns);
	}
}

void
sim_disk_slow(struct sim_disk *disk, uint32_t factor)
{
	disk->slow = factor;
}

void
sim_disk_crash_at(struct sim_disk *disk, uint64_t nth, enum sim_crash how)
{
	disk->crash_nth = nth;
	disk->crash_how = how;
}

void
sim_disk_peek(struct sim_disk *disk, uint64_t off, void *buf, size_t len, bool durable)
{
	ASSERT(off <= disk->size && len <= disk->size - off);
	sim__image_read(durable ? &disk->durable : &disk->now, off, buf, len);
}

void
sim_disk_poke(struct sim_disk *disk, uint64_t off, const void *buf, size_t len)
{
	ASSERT(off <= disk->size && len <= disk->size - off);
	sim__image_write(&disk->now, off, buf, len);
	sim__image_write(&disk->durable, off, buf, len);
}

void
sim_disk_flip_bit(struct sim_disk *disk, uint64_t bit)
{
	uint8_t byte;

	sim_disk_peek(disk, bit / 8, &byte, 1, false);
	byte ^= (uint8_t)(1 << bit % 8);
	sim_disk_poke(disk, bit / 8, &byte, 1);
}

uint64_t
sim_disk_size(const struct sim_disk *disk)
{
	return disk->size;
}
