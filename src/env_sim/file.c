/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host's file system: one sorted list of absolute paths, each a small file, a directory, or a disk. Changes are atomic and
 * durable when the call returns, as env promises; what is mapped is shared by the nodes of the host and outlives them.
 * The root and every directory are there because somebody made them; "/" always is.
 */
#include "world.h"

struct sim_map {
	struct list link; /* in life->maps */
	struct sim_file *file;
	void *addr;
};

/* ---- the list ---------------------------------------------------------------------------------------------------------- */

struct sim_file *
sim__file_find(struct sim_host *host, const char *path)
{
	struct sim_file *file;

	list_each(file, &host->files, link)
		if (strcmp(file->path, path) == 0)
			return file;
	return NULL;
}

/** The directory of path is there. */
static bool
parent_exists(struct sim_host *host, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct sim_file *file;

	if (slash == NULL || slash == path)
		return true;
	list_each(file, &host->files, link)
		if (strlen(file->path) == (size_t)(slash - path) && memcmp(file->path, path, (size_t)(slash - path)) == 0)
			return file->kind == SIM_DIR;
	return false;
}

int
sim__file_make(struct sim_host *host, const char *path, enum sim_file_kind kind, struct sim_file **out)
{
	struct sim_file *file, *pos;
	size_t len = strlen(path) + 1;

	if (path[0] != '/' || len < 3 || path[len - 2] == '/')
		return -DER_INVAL;
	if (sim__file_find(host, path) != NULL)
		return -DER_EXIST;
	if (!parent_exists(host, path))
		return -DER_NONEXIST;
	file = machine_alloc_zeroed(sizeof(*file));
	file->path = memcpy(machine_alloc(len), path, len);
	file->kind = kind;
	list_each(pos, &host->files, link)
		if (strcmp(pos->path, path) > 0)
			break;
	list_append(&pos->link, &file->link); /* before pos, or at the end */
	*out = file;
	return 0;
}

void
sim__file_set(struct sim_host *host, struct sim_file *file, const void *data, size_t len)
{
	host->used += len;
	host->used -= file->len;
	machine_free(file->data);
	file->data = len > 0 ? memcpy(machine_alloc(len), data, len) : machine_alloc(1);
	file->len = len;
}

void
sim__file_remove(struct sim_host *host, struct sim_file *file)
{
	list_remove(&file->link);
	host->used -= file->disk != NULL ? sim_disk_size(file->disk) : file->len;
	if (file->disk != NULL)
		sim__disk_free(file->disk);
	if (file->map != NULL)
		machine_pages_free(file->map, file->len);
	machine_free(file->data);
	machine_free(file->path);
	machine_free(file);
}

void
sim__files_free(struct sim_host *host)
{
	while (!list_empty(&host->files))
		sim__file_remove(host, list_first(&host->files, struct sim_file, link));
}

/* ---- faults ------------------------------------------------------------------------------------------------------------- */

bool
sim__file_strikes(struct sim_life *life)
{
	struct sim_node *node = life->node;

	if (life->dying)
		return true;
	if (node->file_fail_nth == 1) {
		if (!node->file_fail_persistent)
			node->file_fail_nth = 0;
		sim__struck(life->sim, SIM_FILE_FAILED);
		return true;
	}
	if (node->file_fail_nth > 1)
		node->file_fail_nth--;
	return sim__fault(life->sim, &node->fault, life->sim->options.file_error_ppm, SIM_FILE_FAILED);
}

void
sim_file_fail(struct sim *sim, uint32_t node, uint64_t nth, bool persistent)
{
	sim->nodes[node].file_fail_nth = nth;
	sim->nodes[node].file_fail_persistent = persistent;
}

/* ---- env's verbs -------------------------------------------------------------------------------------------------------- */

static struct sim_host *
host_of(struct env *env)
{
	return sim__life(env)->node->host;
}

static int
file_read(struct env *env, const char *path, size_t max, char **data, size_t *len)
{
	struct sim_file *file = sim__file_find(host_of(env), path);
	const char *from;

	if (sim__file_strikes(sim__life(env)))
		return -DER_IO;
	if (file == NULL)
		return -DER_NONEXIST;
	if (file->kind != SIM_FILE)
		return -DER_INVAL;
	if (file->len > max)
		return -DER_OVERFLOW;
	*data = mem_alloc(env->mem, file->len + 1);
	if (*data == NULL)
		return -DER_NOMEM;
	from = file->map != NULL ? file->map : file->data;
	if (file->len > 0)
		memcpy(*data, from, file->len);
	*len = file->len;
	return 0;
}

static int
file_write(struct env *env, const char *path, const void *data, size_t len, mode_t mode)
{
	struct sim_life *life = sim__life(env);
	struct sim_host *host = life->node->host;
	struct sim_file *file = sim__file_find(host, path);
	int rc;

	if (sim__file_strikes(life))
		return -DER_IO;
	if (len > host->sim->options.capacity - MIN(host->used, host->sim->options.capacity))
		return -DER_NOSPACE;
	if (file == NULL) {
		rc = sim__file_make(host, path, SIM_FILE, &file);
		if (rc != 0)
			return rc;
	}
	if (file->kind != SIM_FILE)
		return -DER_INVAL;
	if (file->map != NULL)
		return -DER_BUSY;
	file->mode = mode;
	sim__file_set(host, file, data, len);
	sim__trace(host->sim, "file written", life->node->id, hash64_string(path, 0), hash64_bytes(data, len, 0));
	sim__record_file(host, path, file);
	return 0;
}

static int
make_dir(struct sim_host *host, const char *path, mode_t mode)
{
	struct sim_file *file = sim__file_find(host, path);
	int rc;

	if (file != NULL)
		return file->kind == SIM_DIR ? 0 : -DER_NOTDIR;
	rc = sim__file_make(host, path, SIM_DIR, &file);
	if (rc != 0)
		return rc;
	file->mode = mode;
	sim__record_file(host, path, file);
	return 0;
}

static int
file_mkdir(struct env *env, const char *path, mode_t mode)
{
	struct sim_life *life = sim__life(env);
	char prefix[1024];
	size_t len = strlen(path);

	if (path[0] != '/' || len >= sizeof(prefix))
		return -DER_BADPATH;
	if (sim__file_strikes(life))
		return -DER_IO;
	while (len > 1 && path[len - 1] == '/')
		len--;
	for (size_t i = 1; i <= len; i++) {
		int rc;

		if (i < len && path[i] != '/')
			continue;
		memcpy(prefix, path, i);
		prefix[i] = '\0';
		rc = i > 1 ? make_dir(life->node->host, prefix, mode) : 0;
		if (rc != 0)
			return rc;
	}
	return 0;
}

static bool
inside(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	if (strcmp(dir, "/") == 0)
		return true;
	return strncmp(path, dir, len) == 0 && path[len] == '/';
}

static bool
is_disk_open(const struct sim_file *file)
{
	return file->kind == SIM_DISK && sim__disk_is_open(file->disk);
}

static int
file_remove(struct env *env, const char *path)
{
	struct sim_life *life = sim__life(env);
	struct sim_host *host = life->node->host;
	struct sim_file *file = sim__file_find(host, path), *other;

	if (file == NULL)
		return -DER_NONEXIST;
	if (sim__file_strikes(life))
		return -DER_IO;
	if (file->kind == SIM_DIR)
		list_each(other, &host->files, link)
			if (inside(other->path, path))
				return -DER_BUSY;
	if (is_disk_open(file) || file->maps > 0)
		return -DER_BUSY;
	sim__trace(host->sim, "file removed", life->node->id, hash64_string(path, 0), 0);
	sim__record_file(host, path, NULL);
	sim__file_remove(host, file);
	return 0;
}

/** Sorted already, but for what lies deeper. */
static int
file_list(struct env *env, const char *path, struct env_dirent **entries, int *nr)
{
	struct sim_host *host = host_of(env);
	struct sim_file *dir = sim__file_find(host, path), *file;
	size_t skip = strcmp(path, "/") == 0 ? 1 : strlen(path) + 1;
	int found = 0;

	if (sim__file_strikes(sim__life(env)))
		return -DER_IO;
	if (dir == NULL && skip > 1)
		return -DER_NONEXIST;
	if (dir != NULL && dir->kind != SIM_DIR)
		return -DER_NOTDIR;
	list_each(file, &host->files, link)
		found += inside(file->path, path) && strchr(file->path + skip, '/') == NULL;
	*entries = MEM_NEW_ARRAY(env->mem, struct env_dirent, MAX(found, 1));
	if (*entries == NULL)
		return -DER_NOMEM;
	*nr = 0;
	list_each(file, &host->files, link) {
		struct env_dirent *entry = &(*entries)[*nr];

		if (!inside(file->path, path) || strchr(file->path + skip, '/') != NULL)
			continue;
		memcpy(entry->name, file->path + skip, MIN(strlen(file->path + skip) + 1, sizeof(entry->name)));
		entry->name[sizeof(entry->name) - 1] = '\0';
		entry->is_dir = file->kind == SIM_DIR;
		(*nr)++;
	}
	return 0;
}

static int
file_stat(struct env *env, const char *path, uint64_t *size, bool *is_dir)
{
	struct sim_file *file = sim__file_find(host_of(env), path);

	if (file == NULL && strcmp(path, "/") != 0)
		return -DER_NONEXIST;
	if (size != NULL)
		*size = file == NULL ? 0 : file->kind == SIM_DISK ? sim_disk_size(file->disk) : file->len;
	if (is_dir != NULL)
		*is_dir = file == NULL || file->kind == SIM_DIR;
	return 0;
}

/* Everybody may everything here. */
static int
file_chmod(struct env *env, const char *path, mode_t mode)
{
	return 0;
}

static int
file_space(struct env *env, const char *path, uint64_t *free, uint64_t *total)
{
	struct sim_host *host = host_of(env);

	if (sim__file_find(host, path) == NULL && strcmp(path, "/") != 0)
		return -DER_NONEXIST;
	*total = host->sim->options.capacity;
	*free = *total - MIN(host->used, *total);
	return 0;
}

/* ---- locks and maps -------------------------------------------------------------------------------------------------------- */

static int
file_lock(struct env *env, const char *path, int *token)
{
	struct sim_life *life = sim__life(env);
	struct sim_host *host = life->node->host;
	struct sim_file *file = sim__file_find(host, path);
	int rc;

	if (file == NULL) {
		rc = sim__file_make(host, path, SIM_FILE, &file);
		if (rc != 0)
			return rc;
		sim__record_file(host, path, file);
	}
	if (file->locker != NULL)
		return -DER_BUSY;
	file->locker = life;
	file->lock_token = (int)++life->sim->lock_tokens;
	life->mem.stats.handles++;
	*token = file->lock_token;
	return 0;
}

static void
file_unlock(struct env *env, int token)
{
	struct sim_life *life = sim__life(env);
	struct sim_file *file;

	list_each(file, &life->node->host->files, link)
		if (file->locker == life && file->lock_token == token) {
			file->locker = NULL;
			life->mem.stats.handles--;
			return;
		}
	sim__fail(life->sim, "a lock released that is not held");
}

/** The size of a mapped file is that of its first map, and does not change any more. */
static int
file_map(struct env *env, const char *path, size_t size, bool create, void **addr)
{
	struct sim_life *life = sim__life(env);
	struct sim_host *host = life->node->host;
	struct sim_file *file = sim__file_find(host, path);
	struct sim_map *map;
	int rc;

	if (sim__file_strikes(life))
		return -DER_IO;
	if (file == NULL) {
		if (!create)
			return -DER_NONEXIST;
		rc = sim__file_make(host, path, SIM_FILE, &file);
		if (rc != 0)
			return rc;
	}
	if (file->kind != SIM_FILE)
		return -DER_INVAL;
	if (file->map != NULL && create && file->maps == 0 && file->len != size) {
		machine_pages_free(file->map, file->len);
		file->map = NULL;
		host->used -= file->len;
		file->len = 0;
	}
	if (file->map == NULL) {
		size_t had = create ? 0 : file->len;

		if (size > host->sim->options.capacity - MIN(host->used, host->sim->options.capacity))
			return -DER_NOSPACE;
		if (!create && had < size)
			return -DER_INVAL;
		file->map = machine_pages(size);
		if (had > 0)
			memcpy(file->map, file->data, MIN(had, size));
		host->used += size - file->len;
		machine_free(file->data);
		file->data = NULL;
		file->len = size;
	} else if (size > file->len) {
		return -DER_INVAL;
	} else if (create) {
		memset(file->map, 0, size);
	}
	map = machine_alloc_zeroed(sizeof(*map));
	*map = (struct sim_map){.file = file, .addr = file->map};
	list_append(&life->maps, &map->link);
	file->maps++;
	life->mem.stats.handles++;
	*addr = file->map;
	return 0;
}

static void
file_unmap(struct env *env, void *addr, size_t size)
{
	struct sim_life *life = sim__life(env);
	struct sim_map *map;

	list_each(map, &life->maps, link)
		if (map->addr == addr) {
			map->file->maps--;
			list_remove(&map->link);
			machine_free(map);
			life->mem.stats.handles--;
			return;
		}
	sim__fail(life->sim, "a file unmapped that is not mapped");
}

void
sim__files_drop(struct sim_life *life)
{
	struct sim_file *file;
	struct sim_map *map;

	while ((map = list_pop(&life->maps, struct sim_map, link)) != NULL) {
		map->file->maps--;
		machine_free(map);
	}
	list_each(file, &life->node->host->files, link)
		if (file->locker == life)
			file->locker = NULL;
}

const struct env_file_ops sim__file_ops = {
	.read = file_read,
	.write = file_write,
	.mkdir = file_mkdir,
	.remove = file_remove,
	.list = file_list,
	.stat = file_stat,
	.chmod = file_chmod,
	.space = file_space,
	.lock = file_lock,
	.unlock = file_unlock,
	.map = file_map,
	.unmap = file_unmap,
};
