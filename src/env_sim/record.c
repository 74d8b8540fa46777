/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records: everything that reached the disks and files of a host, in order, so that the state after a loss of power at any
 * point can be made again and again without running the world.
 *
 * A write is WRITE (submitted) ... DONE (completed) ... durable: with its own DONE when it was a DSYNC, else with the first
 * DURABLE of its disk whose flush began after the DONE. At a cut, writes are applied in order of completion, then those in
 * flight in order of submission: durable ones whole, others sector by sector as fate decides; so a later durable write prevails
 * over an earlier undecided one on the same sector (disk I2).
 *
 * record I1: of a disk's writes in order of completion, the leading ones that are durable at a cut are durable at every later
 * cut; the images that they make are kept from load to load, so that going through all prefixes costs each write once.
 */
#include "world.h"

#define NEVER SIZE_MAX

struct write {
	uint32_t disk;
	uint64_t number; /* as the entries name it */
	size_t submitted, done, durable; /* indexes of entries; NEVER */
	uint64_t off, len;
	uint8_t *data;
};

struct change { /* what a FILE entry does */
	size_t entry;
	char *path;
	enum { SET, MAKE_DIR, REMOVE, MAKE_DISK } what;
	char *data;
	size_t len;
	mode_t mode;
	uint32_t disk;
	uint64_t size;
};

struct disk_record {
	uint64_t size;
	struct sim_image base, settled;
	size_t settled_nr; /* of done_order: how many writes made settled */
	size_t *done_order; /* indexes of writes */
	size_t done_nr, done_max;
};

struct sim_record {
	struct sim_record_entry *entries;
	size_t nr, max;
	struct write *writes;
	size_t write_nr, write_max;
	uint64_t first_write; /* number of writes[0] */
	struct change *changes; /* the first ones make what was there at the beginning */
	size_t change_nr, change_max;
	struct disk_record *disks; /* by number */
	size_t disk_nr, disk_max;
};

#define ROOM_FOR_ONE(array, nr, max)                                                                                      \
	do {                                                                                                             \
		if ((nr) == (max)) {                                                                                     \
			(max) = MAX((max) * 2, (size_t)64);                                                              \
			(array) = machine_realloc((array), (max) * sizeof(*(array)));                                    \
		}                                                                                                        \
	} while (0)

/* ---- recording ---------------------------------------------------------------------------------------------------------- */

static size_t
add_entry(struct sim_record *record, struct sim_record_entry entry)
{
	ROOM_FOR_ONE(record->entries, record->nr, record->max);
	record->entries[record->nr] = entry;
	return record->nr++;
}

static struct change *
add_change(struct sim_record *record, size_t entry, const char *path)
{
	struct change *change;
	size_t len = strlen(path) + 1;

	ROOM_FOR_ONE(record->changes, record->change_nr, record->change_max);
	change = &record->changes[record->change_nr++];
	*change = (struct change){.entry = entry, .path = memcpy(machine_alloc(len), path, len)};
	return change;
}

static void
add_disk(struct sim_record *record, size_t entry, const char *path, struct sim_disk *disk)
{
	struct change *change = add_change(record, entry, path);
	uint32_t number = sim__disk_number(disk);

	change->what = MAKE_DISK;
	change->disk = number;
	change->size = sim_disk_size(disk);
	while (record->disk_nr <= number) {
		ROOM_FOR_ONE(record->disks, record->disk_nr, record->disk_max);
		record->disks[record->disk_nr++] = (struct disk_record){0};
	}
	record->disks[number].size = change->size;
	sim__image_init(&record->disks[number].base, DIV_UP(change->size, SIM_PAGE));
	for (uint64_t page = 0; page < record->disks[number].base.page_nr; page++)
		sim__image_share(&record->disks[number].base, sim__disk_durable(disk), page);
}

/** Numbers every write of a host, recorded or not. */
uint64_t
sim__record_write(struct sim_host *host, struct sim_disk *disk, uint64_t off, const void *data, uint64_t len)
{
	struct sim_record *record = host->record;
	uint64_t number = host->writes++;
	struct write *write;

	if (record == NULL)
		return number;
	ROOM_FOR_ONE(record->writes, record->write_nr, record->write_max);
	write = &record->writes[record->write_nr++];
	*write = (struct write){.disk = sim__disk_number(disk), .number = number, .done = NEVER, .durable = NEVER,
				.off = off, .len = len, .data = memcpy(machine_alloc(len), data, len)};
	write->submitted = add_entry(record, (struct sim_record_entry){.kind = SIM_RECORD_WRITE, .disk = write->disk,
								       .write = number, .off = off, .len = len});
	return number;
}

void
sim__record_done(struct sim_host *host, uint64_t number, bool durable)
{
	struct sim_record *record = host->record;
	struct disk_record *disk;
	struct write *write;

	if (record == NULL || number < record->first_write)
		return;
	write = &record->writes[number - record->first_write];
	disk = &record->disks[write->disk];
	write->done = add_entry(record, (struct sim_record_entry){.kind = SIM_RECORD_DONE, .disk = write->disk,
								  .write = number, .off = write->off,
								  .len = write->len, .durable = durable});
	if (durable)
		write->durable = write->done;
	ROOM_FOR_ONE(disk->done_order, disk->done_nr, disk->done_max);
	disk->done_order[disk->done_nr++] = number - record->first_write;
}

size_t
sim__record_flush_begin(struct sim_host *host)
{
	return host->record != NULL ? host->record->nr : 0;
}

void
sim__record_durable(struct sim_host *host, struct sim_disk *disk, size_t began)
{
	struct sim_record *record = host->record;
	struct disk_record *rec;
	size_t entry;

	if (record == NULL)
		return;
	rec = &record->disks[sim__disk_number(disk)];
	entry = add_entry(record, (struct sim_record_entry){.kind = SIM_RECORD_DURABLE, .write = began,
							    .disk = sim__disk_number(disk)});
	/* Backwards: what an earlier flush covered is durable already, and all before it. */
	for (size_t i = rec->done_nr; i > 0; i--) {
		struct write *write = &record->writes[rec->done_order[i - 1]];

		if (write->done >= began)
			continue;
		if (write->durable == NEVER)
			write->durable = entry;
		else if (record->entries[write->durable].kind == SIM_RECORD_DURABLE)
			break;
	}
}

void
sim__record_disk(struct sim_host *host, struct sim_file *file)
{
	size_t entry;

	if (host->record == NULL)
		return;
	entry = add_entry(host->record, (struct sim_record_entry){.kind = SIM_RECORD_FILE,
								  .disk = sim__disk_number(file->disk)});
	add_disk(host->record, entry, file->path, file->disk);
}

static void
describe(struct change *change, const struct sim_file *file)
{
	change->what = file == NULL ? REMOVE : file->kind == SIM_DIR ? MAKE_DIR : SET;
	if (change->what != SET)
		return;
	change->mode = file->mode;
	change->len = file->len;
	change->data = machine_alloc(file->len);
	if (file->len > 0)
		memcpy(change->data, file->map != NULL ? file->map : file->data, file->len);
}

void
sim__record_file(struct sim_host *host, const char *path, const struct sim_file *file)
{
	struct sim_record *record = host->record;

	if (record == NULL)
		return;
	describe(add_change(record, add_entry(record, (struct sim_record_entry){.kind = SIM_RECORD_FILE}), path), file);
}

void
sim_record_start(struct sim *sim, uint32_t node)
{
	struct sim_host *host = sim->nodes[node].host;
	struct sim_record *record = machine_alloc_zeroed(sizeof(*record));
	struct sim_file *file;

	ASSERTF(host->record == NULL, "a host that is recorded twice");
	list_each(file, &host->files, link) {
		if (file->kind == SIM_DISK)
			add_disk(record, 0, file->path, file->disk);
		else
			describe(add_change(record, 0, file->path), file);
	}
	/* What was there is there at every prefix: entry 0 is a note. */
	add_entry(record, (struct sim_record_entry){.kind = SIM_RECORD_NOTE, .what = "start"});
	record->first_write = host->writes;
	host->record = record;
	list_each(file, &host->files, link)
		if (file->kind == SIM_DISK)
			sim__disk_record_pending(file->disk);
}

struct sim_record *
sim_record_stop(struct sim *sim, uint32_t node)
{
	struct sim_host *host = sim->nodes[node].host;
	struct sim_record *record = host->record;

	ASSERT(record != NULL);
	host->record = NULL;
	for (size_t i = 0; i < record->disk_nr; i++) {
		struct disk_record *disk = &record->disks[i];

		if (disk->size > 0)
			sim__image_init(&disk->settled, disk->base.page_nr);
		for (uint64_t page = 0; page < disk->base.page_nr; page++)
			sim__image_share(&disk->settled, &disk->base, page);
	}
	return record;
}

void
sim_record_note(struct sim *sim, uint32_t node, const char *what, uint64_t note)
{
	struct sim_record *record = sim->nodes[node].host->record;

	if (record != NULL)
		add_entry(record, (struct sim_record_entry){.kind = SIM_RECORD_NOTE, .what = what, .note = note});
}

size_t
sim_record_nr(const struct sim_record *record)
{
	return record->nr;
}

const struct sim_record_entry *
sim_record_get(const struct sim_record *record, size_t index)
{
	ASSERT(index < record->nr);
	return &record->entries[index];
}

void
sim_record_free(struct sim_record *record)
{
	for (size_t i = 0; i < record->write_nr; i++)
		machine_free(record->writes[i].data);
	for (size_t i = 0; i < record->change_nr; i++) {
		machine_free(record->changes[i].path);
		machine_free(record->changes[i].data);
	}
	for (size_t i = 0; i < record->disk_nr; i++) {
		struct disk_record *disk = &record->disks[i];

		if (disk->size > 0) {
			sim__image_fini(&disk->base);
			sim__image_fini(&disk->settled);
		}
		machine_free(disk->done_order);
	}
	machine_free(record->disks);
	machine_free(record->changes);
	machine_free(record->writes);
	machine_free(record->entries);
	machine_free(record);
}

/* ---- cutting ------------------------------------------------------------------------------------------------------------- */

/** Moves the settled image to where it may stand at prefix (record I1). */
static void
settle(struct sim_record *record, struct disk_record *disk, size_t prefix)
{
	if (disk->settled_nr > 0 && record->writes[disk->done_order[disk->settled_nr - 1]].durable >= prefix) {
		for (uint64_t page = 0; page < disk->base.page_nr; page++)
			sim__image_share(&disk->settled, &disk->base, page);
		disk->settled_nr = 0;
	}
	while (disk->settled_nr < disk->done_nr) {
		const struct write *write = &record->writes[disk->done_order[disk->settled_nr]];

		if (write->durable >= prefix)
			break;
		sim__image_write(&disk->settled, write->off, write->data, write->len);
		disk->settled_nr++;
	}
}

struct cut {
	size_t prefix;
	sim_fate_fn fate;
	void *arg;
	uint64_t sectors; /* undecided */
	struct sim_disk *disk;
	struct rand rand;
};

static void
put_undecided(struct cut *cut, const struct write *write)
{
	uint8_t garbage[SIM_SECTOR];

	for (uint64_t at = 0; at < write->len; at += SIM_SECTOR) {
		enum sim_fate fate;

		cut->sectors++;
		if (cut->disk == NULL)
			continue;
		fate = cut->fate != NULL ? cut->fate(cut->arg, write->number, at / SIM_SECTOR) : SIM_FATE_OLD;
		if (fate == SIM_FATE_GARBAGE)
			rand_fill(&cut->rand, garbage, sizeof(garbage));
		if (fate != SIM_FATE_OLD)
			sim_disk_poke(cut->disk, write->off + at, fate == SIM_FATE_NEW ? write->data + at : garbage,
				      SIM_SECTOR);
	}
}

/** All writes to one disk beyond the settled ones. */
static void
cut_disk(const struct sim_record *record, uint32_t number, struct cut *cut)
{
	const struct disk_record *disk = &record->disks[number];

	for (size_t i = disk->settled_nr; i < disk->done_nr; i++) {
		const struct write *write = &record->writes[disk->done_order[i]];

		if (write->done >= cut->prefix)
			break;
		if (write->durable >= cut->prefix)
			put_undecided(cut, write);
		else if (cut->disk != NULL)
			sim_disk_poke(cut->disk, write->off, write->data, write->len);
	}
	for (size_t i = 0; i < record->write_nr; i++) {
		const struct write *write = &record->writes[i];

		if (write->submitted >= cut->prefix)
			break;
		if (write->disk == number && write->done >= cut->prefix)
			put_undecided(cut, write);
	}
}

static void
load_disk(struct sim_record *record, struct sim_disk *to, uint32_t number, struct cut *cut)
{
	struct disk_record *disk = &record->disks[number];

	settle(record, disk, cut->prefix);
	for (int which = 0; which < 2; which++)
		for (uint64_t page = 0; page < disk->settled.page_nr; page++)
			sim__image_share(sim__disk_images(to, which), &disk->settled, page);
	cut->disk = to;
	cut_disk(record, number, cut);
}

static void
load_change(struct sim_record *record, const struct change *change, struct sim_host *host, struct cut *cut)
{
	struct sim_file *file = sim__file_find(host, change->path);

	if (change->what == REMOVE) {
		ASSERT(file != NULL);
		sim__file_remove(host, file);
		return;
	}
	if (file == NULL) {
		enum sim_file_kind kind = change->what == SET ? SIM_FILE : change->what == MAKE_DIR ? SIM_DIR : SIM_DISK;
		int rc = sim__file_make(host, change->path, kind, &file);

		ASSERT(rc == 0);
	}
	file->mode = change->mode;
	if (change->what == SET) {
		sim__file_set(host, file, change->data, change->len);
	} else if (change->what == MAKE_DISK) {
		file->disk = sim__disk_new(host, change->size);
		host->used += change->size;
		load_disk(record, file->disk, change->disk, cut);
	}
}

void
sim_record_load(const struct sim_record *const_record, size_t prefix, sim_fate_fn fate, void *arg, struct sim *sim,
		uint32_t node)
{
	struct sim_record *record = (struct sim_record *)const_record; /* its settled images move */
	struct sim_host *host = sim->nodes[node].host;
	struct cut cut = {.prefix = prefix, .fate = fate, .arg = arg};

	ASSERTF(list_empty(&host->files), "a record is loaded into a host that has files");
	ASSERT(prefix >= 1 && prefix <= record->nr);
	rand_init(&cut.rand, sim->seed, prefix);
	for (size_t i = 0; i < record->change_nr && record->changes[i].entry < prefix; i++)
		load_change(record, &record->changes[i], host, &cut);
}

size_t
sim_record_undecided(const struct sim_record *const_record, size_t prefix)
{
	struct sim_record *record = (struct sim_record *)const_record;
	struct cut cut = {.prefix = prefix};

	for (uint32_t i = 0; i < record->disk_nr; i++) {
		settle(record, &record->disks[i], prefix);
		cut_disk(record, i, &cut);
	}
	return cut.sectors;
}
