/* SPDX-License-Identifier: Apache-2.0 */
/*
 * posix_races DIR DIR [--rounds N] [NAME...]
 * Processes that do the same to the same names over two mounts of one container (or twice over one), and a census afterwards: what they
 * were told, and what is there, must come from some order of what they did. One line for each race.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PROCESSES = 4, ROUNDS_MAX = 4096 };

struct race {
	const char *mounts[2];
	char name[64];
	int rounds;
	int me;     /* process; -1: the parent */
	int dir;    /* the race's directory at the process's mount */
	struct shared {
		int winners[ROUNDS_MAX];
		int count[PROCESSES];
		volatile int done;
	} *shared;
};

__attribute__((noreturn, format(printf, 2, 3))) static void
wrong(const struct race *race, const char *format, ...)
{
	va_list args;

	printf("FAILED: %s, process %d: ", race->name, race->me);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	_exit(1);
}

#define NEED(x) do { if (!(x)) wrong(race, "%s: %s", #x, strerror(errno)); } while (0)

static void
enter(struct race *race, int me)
{
	char path[4096];

	race->me = me;
	snprintf(path, sizeof(path), "%s/%s", race->mounts[me < 0 ? 0 : me % 2], race->name);
	if (me < 0)
		NEED(mkdir(path, 0777) == 0);
	race->dir = open(path, O_RDONLY | O_DIRECTORY);
	NEED(race->dir >= 0);
	NEED(fchdir(race->dir) == 0);
}

/* Runs body in PROCESSES processes; all of them must end well. */
static void
together(struct race *race, void (*body)(struct race *race))
{
	pid_t pids[PROCESSES];
	int status, bad = 0;

	fflush(stdout);
	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			alarm(120);
			close(race->dir);
			enter(race, i);
			body(race);
			_exit(0);
		}
	}
	for (int i = 0; i < PROCESSES; i++) {
		waitpid(pids[i], &status, 0);
		bad += status != 0;
	}
	if (bad > 0)
		wrong(race, "%d of %d processes failed", bad, PROCESSES);
}

static int
names_there(const struct race *race, const char *dir)
{
	DIR *stream = opendir(dir);
	struct dirent *entry;
	int nr = 0;

	NEED(stream != NULL);
	while ((entry = readdir(stream)) != NULL)
		nr += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(stream);
	return nr;
}

/* ---- appends: each whole, each there, those of one process in order ------------------------------------------------------------------- */
struct record {
	uint32_t process, seq, size;
	uint8_t bytes[20000];
};

static void
record_fill(struct record *record, uint32_t process, uint32_t seq)
{
	*record = (struct record){.process = process, .seq = seq, .size = 12 + (seq * 7919 + process * 104729) % (seq % 16 == 0 ? 20000 : 300)};
	for (uint32_t i = 0; i < record->size - 12; i++)
		record->bytes[i] = (uint8_t)(process * 31 + seq * 7 + i);
}

static void
append_body(struct race *race)
{
	int fd = open("log", O_WRONLY | O_APPEND);
	struct record record;

	NEED(fd >= 0);
	for (int i = 0; i < race->rounds; i++) {
		record_fill(&record, (uint32_t)race->me, (uint32_t)i);
		NEED(write(fd, &record, record.size) == (ssize_t)record.size);
	}
	close(fd);
}

static void
appends(struct race *race)
{
	uint32_t next[PROCESSES] = {0};
	struct record record, want;
	FILE *log;

	close(open("log", O_CREAT | O_WRONLY, 0666));
	together(race, append_body);
	log = fopen("log", "r");
	NEED(log != NULL);
	while (fread(&record, 12, 1, log) == 1) {
		if (record.process >= PROCESSES || record.seq != next[record.process])
			wrong(race, "a record of process %u, number %u, at %ld", record.process, record.seq, ftell(log) - 12);
		record_fill(&want, record.process, next[record.process]++);
		if (record.size != want.size || (want.size > 12 && fread(record.bytes, want.size - 12, 1, log) != 1) ||
		    memcmp(record.bytes, want.bytes, want.size - 12) != 0)
			wrong(race, "record %u of process %u is torn", record.seq, record.process);
	}
	fclose(log);
	for (int i = 0; i < PROCESSES; i++)
		if (next[i] != (uint32_t)race->rounds)
			wrong(race, "%u records of process %d instead of %d", next[i], i, race->rounds);
}

/* ---- who renames a name has it alone ---------------------------------------------------------------------------------------------------- */
static void
rename_body(struct race *race)
{
	char from[64], to[64];

	for (int i = 0; i < race->rounds; i++) {
		snprintf(from, sizeof(from), "token-%d", i);
		snprintf(to, sizeof(to), "won-%d-%d", i, race->me);
		if (rename(from, to) == 0)
			__atomic_add_fetch(&race->shared->winners[i], 1, __ATOMIC_SEQ_CST);
		else
			NEED(errno == ENOENT);
	}
}

static void
renames(struct race *race)
{
	char name[64];
	struct stat st;
	int there;

	for (int i = 0; i < race->rounds; i++) {
		snprintf(name, sizeof(name), "token-%d", i);
		close(open(name, O_CREAT | O_WRONLY, 0666));
	}
	together(race, rename_body);
	for (int i = 0; i < race->rounds; i++) {
		if (race->shared->winners[i] != 1)
			wrong(race, "name %d was renamed by %d", i, race->shared->winners[i]);
		there = 0;
		for (int p = 0; p < PROCESSES; p++) {
			snprintf(name, sizeof(name), "won-%d-%d", i, p);
			there += stat(name, &st) == 0;
		}
		if (there != 1)
			wrong(race, "name %d is there %d times", i, there);
	}
	if (names_there(race, ".") != race->rounds)
		wrong(race, "%d names instead of %d", names_there(race, "."), race->rounds);
}

/* ---- a name that is replaced all the time is never missing, and what is open under it stays whole ---------------------------------------- */
static void
replace_body(struct race *race)
{
	char mine[64], text[4096], got[8192];
	struct stat st;
	int fd;

	if (race->me >= 2) { /* two write */
		for (int i = 0; i < race->rounds; i++) {
			snprintf(mine, sizeof(mine), "new-%d", race->me);
			memset(text, 'a' + (i + race->me) % 26, sizeof(text));
			fd = open(mine, O_CREAT | O_EXCL | O_WRONLY, 0666);
			NEED(fd >= 0);
			NEED(write(fd, text, sizeof(text)) == (ssize_t)sizeof(text));
			NEED(close(fd) == 0);
			NEED(rename(mine, "target") == 0);
		}
		__atomic_add_fetch(&race->shared->done, 1, __ATOMIC_SEQ_CST);
		return;
	}
	while (__atomic_load_n(&race->shared->done, __ATOMIC_SEQ_CST) < 2) {
		NEED(stat("target", &st) == 0);
		fd = open("target", O_RDONLY);
		NEED(fd >= 0);
		race->shared->count[race->me]++;
		for (int i = 0; i < 2; i++) {
			ssize_t n = pread(fd, got, sizeof(got), 0);

			if (n != (ssize_t)sizeof(text))
				wrong(race, "read %zd bytes: %s", n, n < 0 ? strerror(errno) : "");
			for (ssize_t k = 1; k < n; k++)
				if (got[k] != got[0])
					wrong(race, "byte %zd is of another version", k);
			if (i == 1)
				break;
			NEED(fstat(fd, &st) == 0);
			NEED(st.st_nlink <= 1 && st.st_size == sizeof(text));
		}
		close(fd);
	}
}

static void
replaces(struct race *race)
{
	char text[4096];
	int fd = open("target", O_CREAT | O_WRONLY, 0666);

	memset(text, 'z', sizeof(text));
	NEED(write(fd, text, sizeof(text)) == (ssize_t)sizeof(text));
	close(fd);
	together(race, replace_body);
	if (names_there(race, ".") != 1)
		wrong(race, "%d names are left", names_there(race, "."));
	NEED(race->shared->count[0] > 0 && race->shared->count[1] > 0);
}

/* ---- one creates ------------------------------------------------------------------------------------------------------------------------------ */
static void
exclusive_body(struct race *race)
{
	char name[64];
	int fd;

	for (int i = 0; i < race->rounds; i++) {
		snprintf(name, sizeof(name), "x-%d", i);
		fd = i % 4 != 3 ? open(name, O_CREAT | O_EXCL | O_RDWR, 0666) : -1;
		if (i % 4 == 3 && symlink("anywhere", name) == 0)
			fd = open("/dev/null", O_RDONLY);
		if (fd >= 0)
			__atomic_add_fetch(&race->shared->winners[i], 1, __ATOMIC_SEQ_CST);
		else
			NEED(errno == EEXIST);
		close(fd);
		/* without O_EXCL all have the same file */
		snprintf(name, sizeof(name), "s-%d", i);
		fd = open(name, O_CREAT | O_RDWR, 0666);
		NEED(fd >= 0);
		NEED(pwrite(fd, "x", 1, race->me) == 1);
		close(fd);
	}
}

static void
exclusives(struct race *race)
{
	char name[64];
	struct stat st;

	together(race, exclusive_body);
	for (int i = 0; i < race->rounds; i++) {
		if (race->shared->winners[i] != 1)
			wrong(race, "name %d was created by %d", i, race->shared->winners[i]);
		snprintf(name, sizeof(name), "s-%d", i);
		NEED(stat(name, &st) == 0);
		if (st.st_size != PROCESSES || st.st_nlink != 1)
			wrong(race, "%s has %ld bytes and %lu names", name, (long)st.st_size, (unsigned long)st.st_nlink);
	}
}

/* ---- the count of names ------------------------------------------------------------------------------------------------------------------------ */
static void
link_body(struct race *race)
{
	char mine[64], other[64];

	for (int i = 0; i < race->rounds; i++) {
		snprintf(mine, sizeof(mine), "l-%d", (race->me + i) % 6);
		snprintf(other, sizeof(other), "l-%d", (race->me * 5 + i * 3) % 6);
		if (link("file", mine) != 0)
			NEED(errno == EEXIST);
		if (i % 3 == 0 && unlink(other) != 0)
			NEED(errno == ENOENT);
		if (i % 3 == 1 && rename(mine, other) != 0)
			NEED(errno == ENOENT);
	}
}

static void
links(struct race *race)
{
	struct stat st;
	int there;

	close(open("file", O_CREAT | O_WRONLY, 0666));
	together(race, link_body);
	there = names_there(race, ".");
	NEED(stat("file", &st) == 0);
	if ((int)st.st_nlink != there)
		wrong(race, "nlink is %lu, names are %d", (unsigned long)st.st_nlink, there);
}

/* ---- directories that come and go, with names in them -------------------------------------------------------------------------------------------- */
static bool
one_of(int error, int a, int b, int c)
{
	return error == a || error == b || error == c;
}

static void
dirs_body(struct race *race)
{
	char dir[64], name[128];
	int fd;

	for (int i = 0; i < race->rounds; i++) {
		snprintf(dir, sizeof(dir), "d-%d", i % 3);
		snprintf(name, sizeof(name), "%s/n-%d", dir, race->me % 3);
		if (mkdir(dir, 0777) != 0)
			NEED(errno == EEXIST);
		fd = open(name, O_CREAT | O_WRONLY, 0666);
		if (fd < 0)
			NEED(errno == ENOENT);
		close(fd);
		if (rmdir(dir) != 0)
			NEED(one_of(errno, ENOTEMPTY, ENOENT, ENOENT));
		if (unlink(name) != 0)
			NEED(errno == ENOENT);
		if (rmdir(dir) != 0)
			NEED(one_of(errno, ENOTEMPTY, ENOENT, ENOENT));
	}
}

static void
dirs(struct race *race)
{
	char name[128];
	struct stat st;
	int there;

	together(race, dirs_body);
	there = names_there(race, ".");
	NEED(fstat(race->dir, &st) == 0);
	if ((int)st.st_nlink != 2 + there)
		wrong(race, "nlink is %lu with %d directories", (unsigned long)st.st_nlink, there);
	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "d-%d", i);
		if (stat(name, &st) == 0) {
			if (names_there(race, name) != 0)
				wrong(race, "%s has %d names", name, names_there(race, name));
			NEED(rmdir(name) == 0);
		}
	}
	NEED(fstat(race->dir, &st) == 0);
	NEED(st.st_nlink == 2 && names_there(race, ".") == 0);
}

/* ---- directories that move among each other: no circle, none lost -------------------------------------------------------------------------------- */
enum { MOVED = 5 };

static void
moves_body(struct race *race)
{
	char from[256], to[256];
	uint32_t dice = (uint32_t)race->me * 7919 + 1;
	struct stat st;

	for (int i = 0; i < race->rounds; i++) {
		int d[4];

		for (int k = 0; k < 4; k++) {
			dice = dice * 1664525 + 1013904223;
			d[k] = (int)(dice >> 16) % MOVED;
		}
		snprintf(from, sizeof(from), d[2] % 2 ? "m-%d" : "m-%d/m-%d", d[2] % 2 ? d[0] : d[2], d[0]);
		snprintf(to, sizeof(to), d[3] % 2 ? "m-%d/m-%d" : "m-%d", d[3] % 2 ? d[1] : d[0], d[0]);
		if (strcmp(from, to) == 0)
			continue;
		if (rename(from, to) != 0 && errno != ESTALE)
			NEED(errno == ENOENT || errno == EINVAL || errno == ENOTEMPTY || errno == EEXIST);
		(void)stat(from, &st);
		(void)stat(to, &st);
	}
}

/* How many directories are below, and whether each says how many it has. */
static int
count_below(struct race *race, const char *path, int depth)
{
	DIR *stream = opendir(path);
	struct dirent *entry;
	char below[1024];
	struct stat st;
	int nr = 0, own = 0;

	NEED(stream != NULL && depth < 10);
	while ((entry = readdir(stream)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		nr += 1 + count_below(race, below, depth + 1);
		own++;
	}
	closedir(stream);
	NEED(stat(path, &st) == 0);
	if ((int)st.st_nlink != 2 + own)
		wrong(race, "%s: nlink is %lu with %d directories", path, (unsigned long)st.st_nlink, own);
	return nr;
}

static void
moves(struct race *race)
{
	char name[64];
	int nr;

	for (int i = 0; i < MOVED; i++) {
		snprintf(name, sizeof(name), "m-%d", i);
		NEED(mkdir(name, 0777) == 0);
	}
	together(race, moves_body);
	nr = count_below(race, ".", 0);
	if (nr != MOVED)
		wrong(race, "%d directories instead of %d", nr, MOVED);
}

/* ---- two that change places are both there all the time --------------------------------------------------------------------------------------------- */
static void
exchange_body(struct race *race)
{
	char got[16];
	int fd, both = 0;

	for (int i = 0; i < race->rounds; i++) {
		NEED(renameat2(AT_FDCWD, "one", AT_FDCWD, "two", RENAME_EXCHANGE) == 0);
		fd = open(i % 2 ? "one" : "two", O_RDONLY);
		NEED(fd >= 0);
		NEED(read(fd, got, sizeof(got)) == 5);
		both += got[0] == 'f';
		close(fd);
	}
	race->shared->count[race->me] = both;
}

static void
exchanges(struct race *race)
{
	char got[2][8] = {"", ""};
	int fd = open("one", O_CREAT | O_WRONLY, 0666);

	NEED(write(fd, "first", 5) == 5);
	close(fd);
	fd = open("two", O_CREAT | O_WRONLY, 0666);
	NEED(write(fd, "other", 5) == 5);
	close(fd);
	together(race, exchange_body);
	for (int i = 0; i < 2; i++) {
		fd = open(i == 0 ? "one" : "two", O_RDONLY);
		NEED(read(fd, got[i], 5) == 5);
		close(fd);
	}
	if (strcmp(got[0], got[1]) == 0)
		wrong(race, "both are '%s'", got[0]);
	/*
	 * An even number of exchanges. Not over two mounts: the kernel looks the names up one after the other, and when they changed places in
	 * between it finds the same file twice and does nothing, as POSIX has it for two names of one file.
	 */
	NEED(race->rounds * PROCESSES % 2 == 1 || strcmp(race->mounts[0], race->mounts[1]) != 0 || strcmp(got[0], "first") == 0);
}

/* ---- the list ------------------------------------------------------------------------------------------------------------------------------------------ */
static const struct { const char *name; void (*run)(struct race *race); int rounds; } races[] = {
	{"appends", appends, 150}, {"renames", renames, 150}, {"replaces", replaces, 150}, {"exclusives", exclusives, 100}, {"links", links, 150},
	{"dirs", dirs, 100}, {"moves", moves, 150}, {"exchanges", exchanges, 100},
};

static bool
wanted(int argc, char **argv, const char *name)
{
	bool any = false;

	for (int i = 3; i < argc; i++) {
		if (strcmp(argv[i], "--rounds") == 0) {
			i++;
			continue;
		}
		any = true;
		if (strcmp(argv[i], name) == 0)
			return true;
	}
	return !any;
}

int
main(int argc, char **argv)
{
	int rounds = 0, bad = 0, status;
	struct timespec from, to;

	if (argc < 3)
		return 2;
	for (int i = 3; i + 1 < argc; i++)
		if (strcmp(argv[i], "--rounds") == 0)
			rounds = atoi(argv[i + 1]);
	umask(0);
	for (size_t i = 0; i < sizeof(races) / sizeof(races[0]); i++) {
		struct race race = {.mounts = {argv[1], argv[2]}, .rounds = rounds > 0 && rounds <= ROUNDS_MAX ? rounds : races[i].rounds, .me = -1};

		if (!wanted(argc, argv, races[i].name))
			continue;
		race.shared = mmap(NULL, sizeof(*race.shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (race.shared == MAP_FAILED)
			return 2;
		snprintf(race.name, sizeof(race.name), "race-%s-%d", races[i].name, (int)getpid());
		clock_gettime(CLOCK_MONOTONIC, &from);
		fflush(stdout);
		if (fork() == 0) {
			enter(&race, -1);
			races[i].run(&race);
			_exit(0);
		}
		wait(&status);
		clock_gettime(CLOCK_MONOTONIC, &to);
		printf("%-12s %s %4d rounds %6.2f s\n", races[i].name, status == 0 ? "ok    " : "FAILED", race.rounds,
		       (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9);
		bad += status != 0;
		munmap(race.shared, sizeof(*race.shared));
	}
	return bad > 0;
}
