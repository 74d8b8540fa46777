/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A writer through a mount for tests/kills.sh, and the checker of what it wrote.
 *
 *	kills_fs write DIR LOG WRITER                    until LOG's directory has a file "stop"
 *	kills_fs check DIR LOG WRITER [EVERY [WHICH]]    every directory, or each EVERY-th from WHICH on
 *	kills_fs resolve DIR LOG WRITER                  all, and notes in the log what became of the operation in flight
 *
 * The writer has DIR/w<WRITER> with directories d0..d3, in each of which names n0..n7 come and go, and names e0..e3 of empty directories. A file is
 * made of records; each is written by one call, and says which operation wrote it. One operation at a time, so that the log tells
 * the whole tree: as acknowledged, and with the one in flight. A write that was in flight when its mount was killed may also be there up to the
 * end of the page it begins in, since the kernel cuts a write there into two requests. Every call must succeed: EEXIST of an O_EXCL or ENOENT of an
 * unlink that was repeated over a kill would be an error that an application sees.
 */
#include <dirent.h>
#include <sys/stat.h>
#include "kills.h"

#define DIRS 4
#define NAMES 8
#define SLOTS (DIRS * NAMES)
#define EMPTY 4
#define RECORDS 24
#define RECORD_MAX 3000
#define FDS 6

struct file {
	uint32_t links, nr;
	uint64_t records[RECORDS]; /* the ops that wrote them */
};

struct tree {
	struct file *files; /* by the op that created it */
	uint64_t room;
	uint64_t slots[SLOTS]; /* file; 0: none */
	bool empty[EMPTY];
};

/* What an operation was. */
struct deed {
	uint64_t number;
	char verb;
	uint32_t a, b;
};

static struct writer {
	uint32_t id;
	uint64_t rand, op_nr;
	char root[PATH_MAX - 64];
	struct kills_log log;
	struct tree tree;
	struct deed pending; /* verb 0: none */
	uint64_t old;        /* the record that it overwrites */
	uint32_t cut;        /* so much of its record is there, when not 0 */
	struct {
		uint64_t file;
		int fd;
	} fds[FDS];
} w;

/* ---- the model -------------------------------------------------------------------------------------------------------------------- */
static uint32_t
record_len(uint64_t file, uint32_t index)
{
	return 64 + (uint32_t)(mix(file * 31 + index) % (RECORD_MAX - 64));
}

static uint64_t
file_len(uint64_t file, uint32_t nr)
{
	uint64_t len = 0;

	for (uint32_t i = 0; i < nr; i++)
		len += record_len(file, i);
	return len;
}

static void
apply(struct tree *tree, const struct deed *deed)
{
	uint64_t *a = deed->a < SLOTS ? &tree->slots[deed->a] : NULL, *b = deed->b < SLOTS ? &tree->slots[deed->b] : NULL;
	struct file *file;

	if (deed->number >= tree->room) {
		uint64_t room = deed->number * 2 + 1024;

		tree->files = realloc(tree->files, room * sizeof(*tree->files));
		memset(&tree->files[tree->room], 0, (room - tree->room) * sizeof(*tree->files));
		tree->room = room;
	}
	file = a != NULL ? &tree->files[*a] : NULL;
	switch (deed->verb) {
	case 'c': /* create */
		*a = deed->number;
		tree->files[*a].links = 1;
		break;
	case 'a': /* append */
	case 'f': /* append, fsync */
		file->records[file->nr++] = deed->number;
		break;
	case 'w': /* overwrite record b */
		file->records[deed->b] = deed->number;
		break;
	case 't': /* truncate to b records */
		file->nr = deed->b;
		break;
	case 'u': /* unlink */
		file->links--;
		*a = 0;
		break;
	case 'l': /* link a as b */
		file->links++;
		*b = *a;
		break;
	case 'r': /* rename a to b, which may be there */
		if (*b == *a)
			break; /* two names of one file: nothing happens */
		if (*b != 0)
			tree->files[*b].links--;
		*b = *a;
		*a = 0;
		break;
	case 'm': tree->empty[deed->a] = true; break;
	case 'd': tree->empty[deed->a] = false; break;
	case 'e': /* rename an empty directory */
		tree->empty[deed->a] = false;
		tree->empty[deed->b] = true;
		break;
	case 'i': break; /* the first: directories are made */
	default: die("no such deed: %c", deed->verb);
	}
}

static void
load(const char *path)
{
	struct deed deed = {0};
	FILE *file = fopen(path, "r");
	char line[256];
	uint64_t op;

	if (file == NULL)
		return;
	while (fgets(line, sizeof(line), file) != NULL) {
		if (sscanf(line, "B %lu %c %u %u", &deed.number, &deed.verb, &deed.a, &deed.b) == 4) {
			w.pending = deed;
			w.op_nr = deed.number;
		} else if (sscanf(line, "A %lu", &op) == 1 && op == w.pending.number) {
			apply(&w.tree, &w.pending);
			w.pending.verb = 0;
		} else if (sscanf(line, "N %lu", &op) == 1 && op == w.pending.number) {
			w.pending.verb = 0;
		} else {
			die("%s: a line that makes no sense: %s", path, line);
		}
	}
	fclose(file);
}

/* ---- doing ------------------------------------------------------------------------------------------------------------------------------ */
static const char *
slot_path(uint32_t slot, int which)
{
	static char paths[2][PATH_MAX];

	snprintf(paths[which], PATH_MAX, "%s/d%u/n%u", w.root, slot / NAMES, slot % NAMES);
	return paths[which];
}

static const char *
empty_path(uint32_t nr, int which)
{
	static char paths[2][PATH_MAX];

	snprintf(paths[which], PATH_MAX, "%s/e%u", w.root, nr);
	return paths[which];
}

static void
must(bool good, const struct deed *deed, const char *what)
{
	if (!good)
		die("writer %u: op %lu (%c %u %u): %s: %s", w.id, deed->number, deed->verb, deed->a, deed->b, what, strerror(errno));
}

/* A descriptor that is kept open, over kills too. */
static int
fd_of(uint64_t file, const struct deed *deed)
{
	uint32_t at = (uint32_t)(file % FDS);

	if (w.fds[at].file == file)
		return w.fds[at].fd;
	if (w.fds[at].file != 0)
		must(close(w.fds[at].fd) == 0, deed, "close");
	w.fds[at].fd = open(slot_path(deed->a, 0), O_RDWR);
	must(w.fds[at].fd >= 0, deed, "open");
	w.fds[at].file = file;
	return w.fds[at].fd;
}

static void
write_record(const struct deed *deed, uint64_t file, uint32_t index)
{
	uint32_t len = record_len(file, index);
	int fd = fd_of(file, deed);
	char buf[RECORD_MAX];

	pattern(buf, len, w.id, (uint32_t)file, deed->number);
	if (deed->verb != 'w')
		must(lseek(fd, 0, SEEK_END) == (off_t)file_len(file, index), deed, "the end of the file is elsewhere");
	must(pwrite(fd, buf, len, (off_t)file_len(file, index)) == (ssize_t)len, deed, "write");
	if (deed->verb == 'f')
		must(fsync(fd) == 0, deed, "fsync");
}

static void
perform(const struct deed *deed)
{
	uint64_t file = deed->a < SLOTS ? w.tree.slots[deed->a] : 0;
	char path[PATH_MAX];
	int fd;

	switch (deed->verb) {
	case 'i':
		must(mkdir(w.root, 0700) == 0, deed, "mkdir");
		for (uint32_t d = 0; d < DIRS; d++) {
			snprintf(path, sizeof(path), "%s/d%u", w.root, d);
			must(mkdir(path, 0700) == 0, deed, "mkdir");
		}
		break;
	case 'c':
		fd = open(slot_path(deed->a, 0), O_CREAT | O_EXCL | O_WRONLY, 0600);
		must(fd >= 0, deed, "create");
		must(close(fd) == 0, deed, "close");
		break;
	case 'a':
	case 'f': write_record(deed, file, w.tree.files[file].nr); break;
	case 'w': write_record(deed, file, deed->b); break;
	case 't': must(truncate(slot_path(deed->a, 0), (off_t)file_len(file, deed->b)) == 0, deed, "truncate"); break;
	case 'u': must(unlink(slot_path(deed->a, 0)) == 0, deed, "unlink"); break;
	case 'l': must(link(slot_path(deed->a, 0), slot_path(deed->b, 1)) == 0, deed, "link"); break;
	case 'r': must(rename(slot_path(deed->a, 0), slot_path(deed->b, 1)) == 0, deed, "rename"); break;
	case 'm': must(mkdir(empty_path(deed->a, 0), 0700) == 0, deed, "mkdir"); break;
	case 'd': must(rmdir(empty_path(deed->a, 0)) == 0, deed, "rmdir"); break;
	case 'e': must(rename(empty_path(deed->a, 0), empty_path(deed->b, 1)) == 0, deed, "rename of a directory"); break;
	default: die("no such deed: %c", deed->verb);
	}
}

/* Something that can be done now. */
static bool
choose(struct deed *deed)
{
	static const char verbs[] = "ccaaaaaafffwwtuullrrrmde";
	const struct file *file;

	deed->verb = verbs[draw(&w.rand, sizeof(verbs) - 1)];
	if (strchr("mde", deed->verb) != NULL) {
		deed->a = (uint32_t)draw(&w.rand, EMPTY);
		deed->b = (uint32_t)draw(&w.rand, EMPTY);
		return w.tree.empty[deed->a] == (deed->verb != 'm') && (deed->verb != 'e' || !w.tree.empty[deed->b]);
	}
	deed->a = (uint32_t)draw(&w.rand, SLOTS);
	deed->b = (uint32_t)draw(&w.rand, SLOTS);
	if (deed->verb == 'c')
		return w.tree.slots[deed->a] == 0;
	if (w.tree.slots[deed->a] == 0)
		return false;
	file = &w.tree.files[w.tree.slots[deed->a]];
	switch (deed->verb) {
	case 'a':
	case 'f': return file->nr < RECORDS;
	case 'w': return deed->b < file->nr;
	case 't': return deed->b < file->nr || file->nr == RECORDS ? (deed->b %= RECORDS / 2, deed->b < file->nr) : false;
	case 'l': return w.tree.slots[deed->b] == 0;
	case 'r': return deed->a != deed->b;
	default: return true;
	}
}

static void
act(void)
{
	struct deed deed = {.number = w.op_nr + 1, .verb = 'i'};

	if (!log_may_begin(&w.log)) {
		usleep(1000);
		return;
	}
	if (w.op_nr > 0)
		while (!choose(&deed))
			;
	w.op_nr = deed.number;
	log_line(&w.log, "B %lu %c %u %u\n", deed.number, deed.verb, deed.a, deed.b);
	log_strike(&w.log);
	perform(&deed);
	log_line(&w.log, "A %lu\n", deed.number);
	apply(&w.tree, &deed);
}

static void
write_on(void)
{
	uint64_t hold;

	if (w.pending.verb != 0)
		die("writer %u: an operation is unresolved", w.id);
	while (access(w.log.stop, F_OK) != 0) {
		hold = log_hold(&w.log);
		if (hold != 0)
			log_wait(&w.log, hold);
		else
			act();
	}
	for (uint32_t i = 0; i < FDS; i++)
		if (w.fds[i].file != 0 && close(w.fds[i].fd) != 0)
			die("writer %u: close: %s", w.id, strerror(errno));
}

/* ---- the checker: what is wrong is collected, since another tree may be right ------------------------------------------------------------- */
static char complaints[4000];
static uint32_t wrong;

__attribute__((format(printf, 1, 2))) static void
complain(const char *fmt, ...)
{
	size_t at = strlen(complaints);
	va_list args;

	va_start(args, fmt);
	vsnprintf(complaints + at, sizeof(complaints) - at, fmt, args);
	va_end(args);
	wrong++;
}

/* A record as it should be; its length. */
static uint32_t
expect(char *buf, uint64_t id, const struct file *file, uint32_t index)
{
	uint32_t len = record_len(id, index);
	static char new[RECORD_MAX];

	pattern(buf, len, w.id, (uint32_t)id, file->records[index]);
	if (w.cut == 0 || file->records[index] != w.pending.number)
		return len;
	if (w.pending.verb != 'w')
		return w.cut;
	memcpy(new, buf, w.cut);
	pattern(buf, len, w.id, (uint32_t)id, w.old);
	memcpy(buf, new, w.cut);
	return len;
}

static void
check_content(const char *path, uint64_t id, const struct file *file)
{
	static char buf[RECORDS * RECORD_MAX + 1], expected[RECORD_MAX];
	uint64_t at = 0, size = 0;
	uint32_t head[4];
	struct stat st;
	ssize_t len;
	int fd = open(path, O_RDONLY);

	for (uint32_t i = 0; i < file->nr; i++)
		size += expect(expected, id, file, i);
	if (fd < 0 || fstat(fd, &st) != 0) {
		complain("%s: lost: %s\n", path, strerror(errno));
		return;
	}
	len = pread(fd, buf, sizeof(buf), 0);
	close(fd);
	if ((uint64_t)st.st_size != size || len != (ssize_t)size)
		complain("%s: %lu bytes by stat, %zd by read, %lu acknowledged\n", path, (uint64_t)st.st_size, len, size);
	if (st.st_nlink != file->links)
		complain("%s: %lu names instead of %u\n", path, (uint64_t)st.st_nlink, file->links);
	for (uint32_t i = 0; i < file->nr && (ssize_t)at < len; i++) {
		uint32_t part = expect(expected, id, file, i);

		memcpy(head, buf + at, sizeof(head));
		if (memcmp(expected, buf + at, part) != 0)
			complain("%s: record %u at %lu: op %lu was acknowledged, found: writer %u, file %u, op %u, %u bytes\n", path, i, at,
				 file->records[i], head[0], head[1], head[2], head[3]);
		at += part;
	}
}

static void
check_dir(const struct tree *tree, uint32_t d)
{
	bool seen[NAMES] = {false};
	char path[PATH_MAX];
	struct dirent *entry;
	unsigned int n;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/d%u", w.root, d);
	dir = opendir(path);
	if (dir == NULL) {
		complain("%s: lost: %s\n", path, strerror(errno));
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		if (sscanf(entry->d_name, "n%u", &n) != 1 || n >= NAMES || tree->slots[d * NAMES + n] == 0)
			complain("%s/%s: resurrected or made up\n", path, entry->d_name);
		else if (seen[n])
			complain("%s/%s: listed twice\n", path, entry->d_name);
		else
			seen[n] = true;
	}
	closedir(dir);
	for (n = 0; n < NAMES; n++) {
		uint64_t id = tree->slots[d * NAMES + n];

		if (id != 0 && !seen[n])
			complain("%s/n%u: not listed\n", path, n);
		if (id != 0)
			check_content(slot_path(d * NAMES + n, 0), id, &tree->files[id]);
		else if (access(slot_path(d * NAMES + n, 0), F_OK) == 0)
			complain("%s/n%u: resurrected\n", path, n);
	}
}

static void
check_tree(const struct tree *tree, uint32_t every, uint32_t which)
{
	struct stat st;

	complaints[0] = '\0';
	wrong = 0;
	for (uint32_t d = which % every; d < DIRS; d += every)
		check_dir(tree, d);
	for (uint32_t e = 0; e < EMPTY; e++)
		if ((stat(empty_path(e, 0), &st) == 0) != tree->empty[e])
			complain("%s: %s\n", empty_path(e, 0), tree->empty[e] ? "lost" : "resurrected");
}

/* How much of the record in flight comes before the end of its first page; 0: all. */
static uint32_t
first_page(void)
{
	uint64_t id, at;
	uint32_t index, part;

	if (strchr("afw", w.pending.verb) == NULL)
		return 0;
	id = w.tree.slots[w.pending.a];
	index = w.pending.verb == 'w' ? w.pending.b : w.tree.files[id].nr - 1;
	at = file_len(id, index) % 4096;
	part = (uint32_t)(4096 - at);
	return at == 0 || part >= record_len(id, index) ? 0 : part;
}

/* The rest of a write that was cut. */
static void
complete(void)
{
	struct deed deed = w.pending;
	uint64_t id = w.tree.slots[deed.a];
	uint32_t index = deed.verb == 'w' ? deed.b : w.tree.files[id].nr - 1;

	deed.verb = 'w';
	write_record(&deed, id, index);
	printf("writer %u: op %lu was there up to the end of its first page\n", w.id, deed.number);
}

static bool
check(uint32_t every, uint32_t which)
{
	char first[sizeof(complaints)];

	if (w.op_nr == 0 || (w.pending.verb == 'i')) {
		printf("writer %u: nothing was acknowledged yet\n", w.id);
		return false;
	}
	check_tree(&w.tree, every, which);
	if (wrong == 0)
		return false;
	memcpy(first, complaints, sizeof(first));
	if (w.pending.verb != 0) {
		if (w.pending.verb == 'w')
			w.old = w.tree.files[w.tree.slots[w.pending.a]].records[w.pending.b];
		apply(&w.tree, &w.pending);
		check_tree(&w.tree, every, which);
		w.cut = wrong > 0 ? first_page() : 0;
		if (w.cut > 0) {
			check_tree(&w.tree, every, which);
			if (wrong == 0)
				complete();
		}
		if (wrong == 0)
			return true;
		fprintf(stderr, "if op %lu (%c %u %u), in flight, had happened:\n%s\nand if not:\n", w.pending.number, w.pending.verb, w.pending.a,
			w.pending.b, complaints);
	}
	die("%swriter %u: wrong after op %lu", first, w.id, w.op_nr);
	return false;
}

int
main(int argc, char **argv)
{
	bool there;

	if (argc < 5)
		die("kills_fs write|check|resolve DIR LOG WRITER [EVERY [WHICH]]");
	w.id = (uint32_t)atoi(argv[4]);
	snprintf(w.root, sizeof(w.root), "%s/w%u", argv[2], w.id);
	load(argv[3]);
	w.rand = w.id * 1000003 + w.op_nr;
	if (strcmp(argv[1], "write") == 0) {
		log_open(&w.log, argv[3], w.id);
		log_hand(&w.log);
		write_on();
		return 0;
	}
	there = check(argc > 5 ? (uint32_t)atoi(argv[5]) : 1, argc > 6 ? (uint32_t)atoi(argv[6]) : 0);
	if (w.pending.verb != 0)
		printf("writer %u: op %lu (%c), in flight, had %shappened\n", w.id, w.pending.number, w.pending.verb, there ? "" : "not ");
	if (w.pending.verb != 0 && strcmp(argv[1], "resolve") == 0) {
		log_open(&w.log, argv[3], w.id);
		log_line(&w.log, "%c %lu\n", there ? 'A' : 'N', w.pending.number);
	}
	return 0;
}
