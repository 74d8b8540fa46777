/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server keeps between starts: three kinds of small text files, each replaced as a whole (env's file.write), so that a
 * crash in the middle leaves the old or the new one.
 *
 *	<meta>/keys             "daos-keys 1", the secret and the public half of the credentials' key in hexadecimal; 0600
 *	<storage>/superblock    "daos-superblock 1", then system, class, uuid, targets, rank, a line each: the storage is formatted. The rank
 *	                        comes with the engine's first start
 *	<state>                 "daos-state 1", then pid, system, group; for each engine "engine N" and port, pid, rank, state, restarts,
 *	                        incarnation, storage, addr (several): what people and the next start want to know; may be lost
 *
 *	state I1  A rank once given to a storage stays with it: it is durable there before the engine hears of it.
 *	state I2  Lines and keys that are not known are skipped; a number that is none reads as none.
 *	state I3  Storage that is not known to be ours, and is not empty, is never written to or wiped.
 */
#include "internal.h"

enum { FILE_MAX = 256 * 1024, WIPE_DEPTH = 12 };

/* ---- words of a line --------------------------------------------------------------------------------------------------------- */
struct line {
	char key[32], value[512];
};

static bool
next_line(struct text_span *rest, struct line *line)
{
	struct text_span whole, key;

	while (text_split(rest, '\n', &whole)) {
		whole = text_trim(whole);
		if (whole.len == 0 || whole.at[0] == '#' || !text_split(&whole, ' ', &key))
			continue;
		whole = text_trim(whole);
		if (text_copy(key, line->key, sizeof(line->key)) == 0 && text_copy(whole, line->value, sizeof(line->value)) == 0)
			return true;
	}
	return false;
}

static int
to_hex(struct strbuf *out, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		strbuf_addf(out, "%02x", bytes[i]);
	strbuf_add_char(out, '\n');
	return out->rc;
}

static int
nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int
from_hex(struct text_span text, uint8_t *bytes, size_t len)
{
	text = text_trim(text);
	if (text.len != 2 * len)
		return -DER_INVAL;
	for (size_t i = 0; i < len; i++) {
		int high = nibble(text.at[2 * i]), low = nibble(text.at[2 * i + 1]);

		if (high < 0 || low < 0)
			return -DER_INVAL;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

/* ---- keys --------------------------------------------------------------------------------------------------------------------------- */
static int
keys_make(struct control *control, const char *path)
{
	char buf[256];
	struct strbuf out;
	int rc;

	rc = security_key_make(control->env, control->secret, control->pub);
	if (rc != 0)
		return rc;
	strbuf_init_fixed(&out, buf, sizeof(buf));
	strbuf_add(&out, "daos-keys 1\n");
	to_hex(&out, control->secret, SECURITY_KEY_LEN);
	rc = to_hex(&out, control->pub, SECURITY_KEY_LEN);
	if (rc == 0)
		rc = control->env->ops->file.write(control->env, path, buf, out.len, 0600);
	memset(buf, 0, sizeof(buf));
	return rc;
}

int
control__keys_load(struct control *control, struct strbuf *error)
{
	struct text_span rest, head, secret, pub;
	struct env *env = control->env;
	char *text, *path;
	size_t len;
	int rc;

	path = (char *)control__path(&control->arena, "%s/keys", control->config->meta_dir);
	if (path == NULL)
		return -DER_NOMEM;
	rc = env->ops->file.read(env, path, 4096, &text, &len);
	if (rc == -DER_NONEXIST)
		rc = keys_make(control, path);
	else if (rc == 0) {
		rest = (struct text_span){text, len};
		rc = text_split(&rest, '\n', &head) && text_equal(head, "daos-keys 1") && text_split(&rest, '\n', &secret) &&
				     text_split(&rest, '\n', &pub) && from_hex(secret, control->secret, SECURITY_KEY_LEN) == 0 &&
				     from_hex(pub, control->pub, SECURITY_KEY_LEN) == 0
			     ? 0
			     : -DER_DF_INVAL;
		memset(text, 0, len);
		mem_free(env->mem, text);
	}
	if (rc != 0)
		strbuf_addf(error, "%s cannot be %s: %s%s", path, rc == -DER_DF_INVAL ? "understood" : "read or made", d_errstr(rc),
			    rc == -DER_DF_INVAL ? ": move it away, and a new one is made" : "");
	return rc;
}

/* ---- superblock ------------------------------------------------------------------------------------------------------------------------ */
static int
superblock_path(char *path, size_t size, const struct control_engine_config *config)
{
	int len = snprintf(path, size, "%s/superblock", config->storage);

	return len > 0 && (size_t)len < size ? 0 : -DER_EXCEEDS_PATH_LEN;
}

int
control__superblock_read(struct engine *engine)
{
	struct env *env = engine->control->env;
	struct text_span rest, head;
	struct line line;
	char path[4096], *text;
	uint64_t number;
	size_t len;
	int rc;

	rc = superblock_path(path, sizeof(path), engine->config);
	if (rc == 0)
		rc = env->ops->file.read(env, path, FILE_MAX, &text, &len);
	if (rc != 0)
		return rc;
	rest = (struct text_span){text, len};
	if (!text_split(&rest, '\n', &head) || head.len < 17 || memcmp(head.at, "daos-superblock ", 16) != 0)
		rc = -DER_DF_INVAL;
	else if (!text_equal(head, "daos-superblock 1"))
		rc = -DER_DF_INCOMPT;
	while (rc == 0 && next_line(&rest, &line)) {
		if (strcmp(line.key, "rank") == 0 && text_parse_u64(line.value, &number) == 0 && number < UINT32_MAX)
			engine->rank = (uint32_t)number;
		else if (strcmp(line.key, "targets") == 0 && text_parse_u64(line.value, &number) == 0 && number > 0 &&
			 number <= CONTROL_TARGETS_MAX) {
			/* Pools have a shard on each: another number would not find them. */
			if (engine->config->targets_given && engine->config->targets != number)
				rc = -DER_MISMATCH;
			engine->targets = (uint32_t)number;
		} else if (strcmp(line.key, "uuid") == 0 && text_parse_uuid(line.value, engine->uuid) != 0)
			memset(engine->uuid, 0, sizeof(uuid_t));
		else if (strcmp(line.key, "system") == 0 && strcmp(line.value, engine->control->config->system) != 0) {
			log_error(env->log, "%s belongs to the system '%s', not to '%s'", engine->config->storage, line.value,
				  engine->control->config->system);
			rc = -DER_MISMATCH;
		} else if (strcmp(line.key, "class") == 0 && (strcmp(line.value, "ram") == 0) != engine->config->ram) {
			log_error(env->log, "%s was formatted as class %s", engine->config->storage, line.value);
			rc = -DER_MISMATCH;
		}
	}
	mem_free(env->mem, text);
	return rc;
}

int
control__superblock_write(struct engine *engine)
{
	struct env *env = engine->control->env;
	char path[4096], buf[512], uuid[TEXT_UUID_SIZE];
	struct strbuf out;
	int rc;

	strbuf_init_fixed(&out, buf, sizeof(buf));
	strbuf_addf(&out, "daos-superblock 1\nsystem %s\nclass %s\nuuid %s\ntargets %u\n", engine->control->config->system,
		    engine->config->ram ? "ram" : "file", text_print_uuid(uuid, engine->uuid), engine->targets);
	if (engine->rank != UINT32_MAX)
		strbuf_addf(&out, "rank %u\n", engine->rank);
	rc = out.rc != 0 ? out.rc : superblock_path(path, sizeof(path), engine->config);
	return rc != 0 ? rc : env->ops->file.write(env, path, buf, out.len, 0600);
}

/* Files that may stand in a storage directory before it is formatted, and stay when it is wiped. */
static bool
is_servers_own(const char *name)
{
	return strcmp(name, "keys") == 0 || strcmp(name, "daos_server.state") == 0 || strcmp(name, "lost+found") == 0;
}

/* Removes everything below the path, as deep as formats go. Of the top only what is not the server's own. */
static int
wipe(struct env *env, struct strbuf *path, int depth)
{
	struct env_dirent *entries;
	size_t len = path->len;
	int nr, rc;

	if (depth > WIPE_DEPTH)
		return -DER_OVERFLOW;
	rc = env->ops->file.list(env, strbuf_text(path), &entries, &nr);
	if (rc != 0)
		return rc;
	for (int i = 0; rc == 0 && i < nr; i++) {
		if (depth == 0 && is_servers_own(entries[i].name))
			continue;
		strbuf_addf(path, "/%s", entries[i].name);
		rc = path->rc;
		if (rc == 0 && entries[i].is_dir)
			rc = wipe(env, path, depth + 1);
		if (rc == 0)
			rc = env->ops->file.remove(env, strbuf_text(path));
		strbuf_cut(path, len);
	}
	mem_free(env->mem, entries);
	return rc;
}

int
control__storage_vacant(struct env *env, const char *path)
{
	struct env_dirent *entries;
	int nr, rc;

	rc = env->ops->file.list(env, path, &entries, &nr);
	if (rc != 0)
		return rc;
	for (int i = 0; rc == 0 && i < nr; i++)
		if (!is_servers_own(entries[i].name))
			rc = -DER_EXIST;
	mem_free(env->mem, entries);
	return rc;
}

int
control__format(struct engine *engine, bool force)
{
	const char *path = engine->config->storage;
	struct env *env = engine->control->env;
	char superblock[4096];
	struct strbuf below;
	int rc;

	rc = superblock_path(superblock, sizeof(superblock), engine->config);
	if (rc == 0)
		rc = env->ops->file.mkdir(env, path, 0700);
	if (rc != 0)
		return rc;
	rc = env->ops->file.stat(env, superblock, NULL, NULL);
	if (rc == 0 && !force)
		return -DER_EXIST;
	/* state I3 */
	if (rc == 0) {
		strbuf_init(&below, env->mem);
		strbuf_add(&below, path);
		rc = wipe(env, &below, 0);
		strbuf_fini(&below);
	} else if (rc == -DER_NONEXIST)
		rc = control__storage_vacant(env, path);
	if (rc != 0)
		return rc;
	engine->rank = UINT32_MAX;
	engine->incarnation = 0;
	engine->targets = engine->config->targets;
	rc = env->ops->rand_secure(env, engine->uuid, sizeof(uuid_t));
	if (rc != 0)
		return rc;
	engine->uuid[6] = (uint8_t)((engine->uuid[6] & 0x0f) | 0x40); /* random, version 4 */
	engine->uuid[8] = (uint8_t)((engine->uuid[8] & 0x3f) | 0x80);
	return control__superblock_write(engine);
}

/* ---- state -------------------------------------------------------------------------------------------------------------------------------- */
static void
state_engine_line(struct engine *engine, const struct line *line)
{
	uint64_t number = 0;
	bool is_number = text_parse_u64(line->value, &number) == 0;

	if (strcmp(line->key, "port") == 0 && is_number && number <= 65535)
		engine->port = (uint32_t)number;
	else if (strcmp(line->key, "incarnation") == 0 && is_number)
		engine->incarnation = number;
}

int
control__state_parse(struct control *control, const char *text, size_t len)
{
	struct text_span rest = {text, len}, head;
	struct engine *engine = NULL;
	struct line line;
	uint64_t number;

	if (!text_split(&rest, '\n', &head) || !text_equal(head, "daos-state 1"))
		return -DER_DF_INVAL;
	while (next_line(&rest, &line)) {
		if (strcmp(line.key, "engine") == 0)
			engine = text_parse_u64(line.value, &number) == 0 && number < control->engine_nr ? &control->engines[number] : NULL;
		else if (engine != NULL)
			state_engine_line(engine, &line);
		else if (strcmp(line.key, "group") == 0 && text_parse_u64(line.value, &number) == 0 && number < UINT32_MAX)
			control->group_version = (uint32_t)number;
	}
	return 0;
}

int
control__state_load(struct control *control)
{
	struct env *env = control->env;
	char *text;
	size_t len;
	int rc;

	rc = env->ops->file.read(env, control->config->state_file, FILE_MAX, &text, &len);
	if (rc == -DER_NONEXIST)
		return 0;
	if (rc == 0) {
		rc = control__state_parse(control, text, len);
		mem_free(env->mem, text);
	}
	/* Nothing in it is needed to go on. */
	if (rc != 0)
		log_warn(env->log, "%s is not used: " RCF, control->config->state_file, RCP(rc));
	return rc == -DER_NOMEM ? rc : 0;
}

int
control__state_save(struct control *control)
{
	struct env *env = control->env;
	char uuid[TEXT_UUID_SIZE];
	struct strbuf out;
	int rc;

	strbuf_init(&out, control->mem);
	strbuf_addf(&out, "daos-state 1\n");
	if (control->locked && !control->ended)
		strbuf_addf(&out, "pid %d\n", env->ops->host.getpid(env));
	strbuf_addf(&out, "system %s\ngroup %u\nsockets %s\n", control->config->system, control->group_version, control->config->agent_dir);
	for (uint32_t i = 0; i < control->engine_nr; i++) {
		const struct engine *engine = &control->engines[i];

		strbuf_addf(&out, "engine %u\n", i);
		if (engine->rank != UINT32_MAX)
			strbuf_addf(&out, "rank %u\nuuid %s\n", engine->rank, text_print_uuid(uuid, engine->uuid));
		strbuf_addf(&out, "state %s\ntargets %u\nrestarts %u\nincarnation %llu\nport %u\nstorage %s\nlog %s\n",
			    control__state_name(engine->state), engine->targets, engine->restarts, (unsigned long long)engine->incarnation,
			    engine->port, engine->config->storage, engine->config->log_file);
		if (engine->pid != 0)
			strbuf_addf(&out, "pid %d\n", engine->pid);
		for (uint32_t a = 0; engine->pid != 0 && a < engine->addr_nr; a++)
			strbuf_addf(&out, "addr %s\n", engine->addrs[a]);
	}
	rc = out.rc != 0 ? out.rc : env->ops->file.write(env, control->config->state_file, strbuf_text(&out), out.len, 0644);
	strbuf_fini(&out);
	if (rc != 0)
		log_warn(env->log, "%s cannot be written: " RCF, control->config->state_file, RCP(rc));
	return rc;
}

int32_t
control__state_pid(struct env *env, const char *path)
{
	struct text_span rest;
	uint64_t number = 0;
	struct line line;
	int32_t pid = 0;
	char *text;
	size_t len;

	if (env->ops->file.read(env, path, FILE_MAX, &text, &len) != 0)
		return 0;
	rest = (struct text_span){text, len};
	while (pid == 0 && next_line(&rest, &line) && strcmp(line.key, "engine") != 0)
		if (strcmp(line.key, "pid") == 0 && text_parse_u64(line.value, &number) == 0 && number < INT32_MAX)
			pid = (int32_t)number;
	mem_free(env->mem, text);
	return pid;
}
