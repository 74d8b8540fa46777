/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration: YAML as daos_server.yml has it, read by libcyaml after a schema, then turned into what the server needs. Keys
 * that mean nothing here but stand in files that people have (huge pages, VFIO) are accepted and left alone; keys that would change
 * what is done, and cannot be obeyed, are refused: nobody shall believe in an option that does nothing.
 *
 *	config I1  An unknown key or a value that does not fit is an error that names it, with its line where the parser knows it.
 *	config I2  Memory comes from the arena, at most some dozens of bytes for each byte of the input: every list has a limit.
 *
 * Nothing here yields or touches the machine.
 */
#include "internal.h"

#include <cyaml/cyaml.h>

enum { TEXT_MAX = 4096, LIST_MAX = 128, TIERS_MAX = 4 };

/* ---- what the file says ---------------------------------------------------------------------------------------------------- */
struct yaml_tier {
	const char *class, *scm_mount;
	uint32_t scm_size;
	const char **bdev_list;
	uint32_t bdev_list_count, bdev_number, bdev_size;
	const char **scm_list;
	uint32_t scm_list_count;
};

struct yaml_engine {
	uint32_t *targets, *nr_xs_helpers, *first_core, *pinned_numa_node;
	const char *modules, *log_mask, *log_file, *fabric_iface, *provider;
	uint32_t fabric_iface_port;
	const char **env_vars, **env_pass_through;
	uint32_t env_vars_count, env_pass_through_count;
	struct yaml_tier *storage;
	uint32_t storage_count;
};

struct yaml_metadata {
	const char *path, *device;
};

struct yaml_transport {
	bool allow_insecure;
};

struct yaml_server {
	const char *name, *provider, *socket_dir, *control_log_mask, *control_log_file;
	const char **access_points, **mgmt_svc_replicas, **client_env_vars;
	uint32_t access_points_count, mgmt_svc_replicas_count, client_env_vars_count;
	uint32_t port, telemetry_port;
	struct yaml_metadata *control_metadata;
	struct yaml_transport *transport_config;
	struct yaml_engine *engines;
	uint32_t engines_count;
};

#define OPT CYAML_FLAG_OPTIONAL
#define TEXT(type, field) CYAML_FIELD_STRING_PTR(#field, CYAML_FLAG_POINTER | OPT, struct type, field, 0, TEXT_MAX)
#define TEXTS(type, field) CYAML_FIELD_SEQUENCE(#field, CYAML_FLAG_POINTER | OPT, struct type, field, &text_value, 0, LIST_MAX)
#define UINT(type, field) CYAML_FIELD_UINT(#field, OPT, struct type, field)
#define UINT_PTR(type, field) CYAML_FIELD_UINT_PTR(#field, CYAML_FLAG_POINTER | OPT, struct type, field)
#define LEAVE(name) CYAML_FIELD_IGNORE(name, OPT)

static const cyaml_schema_value_t text_value = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, TEXT_MAX)};

static const cyaml_schema_field_t tier_fields[] = {
	TEXT(yaml_tier, class),
	TEXT(yaml_tier, scm_mount),
	UINT(yaml_tier, scm_size),
	TEXTS(yaml_tier, scm_list),
	TEXTS(yaml_tier, bdev_list),
	UINT(yaml_tier, bdev_number),
	UINT(yaml_tier, bdev_size),
	LEAVE("scm_hugepages_disabled"),
	LEAVE("bdev_busid_range"),
	LEAVE("bdev_roles"),
	LEAVE("acceleration"),
	LEAVE("spdk_rpc_server"),
	LEAVE("bdev_auto_faulty"),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t tier_value = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct yaml_tier, tier_fields)};

static const cyaml_schema_field_t engine_fields[] = {
	UINT_PTR(yaml_engine, targets),
	UINT_PTR(yaml_engine, nr_xs_helpers),
	UINT_PTR(yaml_engine, first_core),
	UINT_PTR(yaml_engine, pinned_numa_node),
	TEXT(yaml_engine, modules),
	TEXT(yaml_engine, log_mask),
	TEXT(yaml_engine, log_file),
	TEXTS(yaml_engine, env_vars),
	TEXTS(yaml_engine, env_pass_through),
	TEXT(yaml_engine, fabric_iface),
	UINT(yaml_engine, fabric_iface_port),
	TEXT(yaml_engine, provider),
	LEAVE("bypass_health_chk"),
	CYAML_FIELD_SEQUENCE("storage", CYAML_FLAG_POINTER | OPT, struct yaml_engine, storage, &tier_value, 0, TIERS_MAX),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t engine_value = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct yaml_engine, engine_fields)};

static const cyaml_schema_field_t metadata_fields[] = {
	TEXT(yaml_metadata, path),
	TEXT(yaml_metadata, device),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t transport_fields[] = {
	CYAML_FIELD_BOOL("allow_insecure", OPT, struct yaml_transport, allow_insecure),
	LEAVE("client_cert_dir"),
	LEAVE("ca_cert"),
	LEAVE("cert"),
	LEAVE("key"),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t server_fields[] = {
	TEXT(yaml_server, name),
	TEXTS(yaml_server, access_points),
	TEXTS(yaml_server, mgmt_svc_replicas),
	UINT(yaml_server, port),
	CYAML_FIELD_MAPPING_PTR("transport_config", CYAML_FLAG_POINTER | OPT, struct yaml_server, transport_config, transport_fields),
	TEXT(yaml_server, provider),
	TEXT(yaml_server, socket_dir),
	TEXT(yaml_server, control_log_mask),
	TEXT(yaml_server, control_log_file),
	UINT(yaml_server, telemetry_port),
	TEXTS(yaml_server, client_env_vars),
	CYAML_FIELD_MAPPING_PTR("control_metadata", CYAML_FLAG_POINTER | OPT, struct yaml_server, control_metadata, metadata_fields),
	CYAML_FIELD_SEQUENCE("engines", CYAML_FLAG_POINTER | OPT, struct yaml_server, engines, &engine_value, 0, CONTROL_ENGINES_MAX),
	LEAVE("crt_timeout"),
	LEAVE("disable_srx"),
	LEAVE("fault_path"),
	LEAVE("fault_cb"),
	LEAVE("core_dump_filter"),
	LEAVE("bdev_exclude"),
	LEAVE("disable_vfio"),
	LEAVE("disable_vmd"),
	LEAVE("enable_hotplug"),
	LEAVE("hyperthreads"),
	LEAVE("nr_hugepages"),
	LEAVE("disable_hugepages"),
	LEAVE("allow_thp"),
	LEAVE("system_ram_reserved"),
	LEAVE("control_log_json"),
	LEAVE("helper_log_file"),
	LEAVE("firmware_helper_log_file"),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t server_schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct yaml_server, server_fields)};

/* daos_control.yml */
struct yaml_tool {
	const char *name, **hostlist;
	uint32_t hostlist_count, port;
	struct yaml_transport *transport_config;
};

static const cyaml_schema_field_t tool_fields[] = {
	TEXT(yaml_tool, name),
	TEXTS(yaml_tool, hostlist),
	UINT(yaml_tool, port),
	CYAML_FIELD_MAPPING_PTR("transport_config", CYAML_FLAG_POINTER | OPT, struct yaml_tool, transport_config, transport_fields),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t tool_schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct yaml_tool, tool_fields)};

/* ---- libcyaml's memory and words ---------------------------------------------------------------------------------------------- */
/* A block in the arena knows its size, since libcyaml asks for more of it without saying how much there was. */
struct block {
	size_t size;
	size_t unused; /* keeps what follows aligned to 16 */
};

static void *
yaml_memory(void *ctx, void *ptr, size_t size)
{
	struct arena *arena = ctx;
	struct block *old = ptr != NULL ? (struct block *)ptr - 1 : NULL, *new;

	if (size == 0)
		return NULL;
	if (old != NULL && size <= old->size)
		return ptr;
	/* Half as much again, so that what grows by and by costs no more than thrice its size. */
	if (old != NULL)
		size = MAX(size, old->size + old->size / 2);
	new = arena_alloc(arena, sizeof(*new) + size);
	if (new == NULL)
		return NULL;
	new->size = size;
	if (old != NULL)
		memcpy(new + 1, old + 1, old->size);
	return new + 1;
}

/* Each line of libcyaml's backtrace, without its "Load: " in front, joined by "; ". */
static void
yaml_words(cyaml_log_t level, void *ctx, const char *fmt, va_list args)
{
	struct strbuf *error = ctx;
	char line[512];
	size_t len;

	vsnprintf(line, sizeof(line), fmt, args);
	len = strlen(line);
	while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == ' '))
		line[--len] = '\0';
	if (strstr(line, "Backtrace") != NULL || error->len > 1024)
		return;
	for (char *at = line; *at != '\0'; at++)
		if (*at == '\n')
			*at = ' ';
	strbuf_addf(error, "%s%s", error->len > 0 ? "; " : "", strncmp(line, "Load: ", 6) == 0 ? line + 6 : line + strspn(line, " "));
}

/* ---- from the file's words to ours ------------------------------------------------------------------------------------------------ */
struct reading {
	struct arena *arena;
	struct strbuf *error;
	const char *dir;
	const struct yaml_server *yaml;
	struct control_config *config;
	uint32_t engine; /* the one that is looked at */
};

__attribute__((format(printf, 3, 4))) static int
refuse(struct reading *reading, int rc, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	strbuf_vaddf(reading->error, fmt, args);
	va_end(args);
	return rc;
}

const char *
control__path(struct arena *arena, const char *fmt, ...)
{
	char path[TEXT_MAX];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(path, sizeof(path), fmt, args);
	va_end(args);
	if (len < 0 || (size_t)len >= sizeof(path))
		return NULL;
	return arena_dup(arena, path, (size_t)len + 1);
}

static bool
is_local(const char *address)
{
	static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
	size_t len;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		len = strlen(names[i]);
		if (strncmp(address, names[i], len) == 0 && (address[len] == '\0' || address[len] == ':'))
			return true;
	}
	return false;
}

static int
check_places(struct reading *reading, const char *key, const char *const *names, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++)
		if (names[i] == NULL || !is_local(names[i]))
			return refuse(reading, -DER_NOTSUPPORTED,
				      "%s names '%s': servers on several machines come later; name localhost, or leave the key out", key,
				      names[i] != NULL ? names[i] : "");
	return 0;
}

static int
check_provider(struct reading *reading, const char *provider)
{
	if (provider == NULL || strcmp(provider, "tcp") == 0 || strncmp(provider, "ofi+tcp", 7) == 0)
		return 0;
	return refuse(reading, -DER_NOTSUPPORTED, "provider '%s' is not there: use ofi+tcp", provider);
}

static int
check_env(struct reading *reading, const char *key, const char *const *vars, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++)
		if (vars[i] == NULL || vars[i][0] == '=' || strchr(vars[i], '=') == NULL)
			return refuse(reading, -DER_INVAL, "%s has '%s': NAME=value is wanted", key, vars[i] != NULL ? vars[i] : "");
	return 0;
}

static int
read_tier(struct reading *reading, const struct yaml_tier *tier, struct control_engine_config *engine, bool *file)
{
	const char *class = tier->class;
	uint32_t i = reading->engine;

	if (class == NULL)
		return refuse(reading, -DER_INVAL, "engine %u: a storage tier has no class: write class: file or class: ram", i);
	if (strcmp(class, "file") != 0 && strcmp(class, "ram") != 0)
		return refuse(reading,
			      strcmp(class, "nvme") == 0 || strcmp(class, "dcpm") == 0 || strcmp(class, "kdev") == 0 ? -DER_NOTSUPPORTED :
														   -DER_INVAL,
			      "engine %u: storage class '%s' %s: use file (survives a restart) or ram (does not)", i, class,
			      strcmp(class, "nvme") == 0 || strcmp(class, "dcpm") == 0 || strcmp(class, "kdev") == 0 ? "comes later" :
														   "is unknown");
	if (tier->bdev_list_count > 0 || tier->scm_list_count > 0)
		return refuse(reading, -DER_NOTSUPPORTED,
			      "engine %u: lists of devices come later; leave %s out: files are made below scm_mount", i,
			      tier->bdev_list_count > 0 ? "bdev_list" : "scm_list");
	if (tier->scm_mount != NULL && tier->scm_mount[0] != '/')
		return refuse(reading, -DER_INVAL, "engine %u: scm_mount '%s' is not an absolute path", i, tier->scm_mount);
	if (tier->scm_mount != NULL)
		engine->storage = tier->scm_mount;
	*file = *file || strcmp(class, "file") == 0;
	return 0;
}

static int
read_engine(struct reading *reading, const struct yaml_engine *yaml, struct control_engine_config *engine)
{
	bool file = yaml->storage_count == 0;
	uint32_t i = reading->engine;
	int rc = 0;

	if (yaml->targets != NULL)
		engine->targets = *yaml->targets;
	engine->targets_given = yaml->targets != NULL;
	if (yaml->nr_xs_helpers != NULL)
		engine->helpers = *yaml->nr_xs_helpers;
	if (yaml->first_core != NULL)
		engine->first_core = *yaml->first_core;
	if (yaml->pinned_numa_node != NULL && *yaml->pinned_numa_node > 1024)
		return refuse(reading, -DER_INVAL, "engine %u: pinned_numa_node %u: no machine has so many", i, *yaml->pinned_numa_node);
	if (yaml->pinned_numa_node != NULL)
		engine->numa = (int)*yaml->pinned_numa_node;
	if (yaml->fabric_iface_port > 65535)
		return refuse(reading, -DER_INVAL, "engine %u: fabric_iface_port %u: ports end at 65535", i, yaml->fabric_iface_port);
	if (yaml->fabric_iface != NULL && strcmp(yaml->fabric_iface, "lo") != 0)
		return refuse(reading, -DER_NOTSUPPORTED,
			      "engine %u: fabric_iface '%s': engines listen at 127.0.0.1 only until connections are authenticated; use lo", i,
			      yaml->fabric_iface);
	for (uint32_t t = 0; rc == 0 && t < yaml->storage_count; t++)
		rc = read_tier(reading, &yaml->storage[t], engine, &file);
	if (rc == 0)
		rc = check_provider(reading, yaml->provider);
	if (rc == 0)
		rc = check_env(reading, "env_vars", yaml->env_vars, yaml->env_vars_count);
	engine->ram = !file;
	engine->port = yaml->fabric_iface_port;
	engine->modules = yaml->modules;
	engine->env = yaml->env_vars;
	engine->env_nr = yaml->env_vars_count;
	engine->env_pass = yaml->env_pass_through;
	engine->env_pass_nr = yaml->env_pass_through_count;
	if (yaml->log_file != NULL)
		engine->log_file = yaml->log_file;
	if (yaml->log_mask != NULL)
		engine->log_mask = yaml->log_mask;
	return rc;
}

/* ---- defaults ---------------------------------------------------------------------------------------------------------------------- */
static const struct control_pace pace_default = {
	.backoff_first_ns = 100 * NS_PER_MS,
	.backoff_most_ns = 5 * NS_PER_S,
	.calm_ns = 60 * NS_PER_S,
	.deaths_most = 10,
	.served_ns = 100 * NS_PER_MS,
	.kills_most = 100,
	.stop_within_ns = 30 * NS_PER_S,
	.forward_within_ns = 30 * NS_PER_S,
	.attach_within_ns = 5 * NS_PER_S,
};

static int
config_new(const char *dir, struct arena *arena, uint32_t engine_nr, struct control_config **result)
{
	struct control_config *config = ARENA_NEW(arena, struct control_config);

	if (config == NULL)
		return -DER_NOMEM;
	config->system = CONTROL_SYSTEM_DEFAULT;
	config->pace = pace_default;
	config->log_mask = "INFO";
	config->identify = control_identify_system;
	config->engine_path = "daos_engine";
	config->engine_nr = engine_nr;
	config->engines = ARENA_NEW_ARRAY(arena, struct control_engine_config, engine_nr + 1);
	if (config->engines == NULL)
		return -DER_NOMEM;
	if (dir != NULL) {
		config->dir = dir = control__path(arena, "%s", dir);
		if (dir == NULL)
			return -DER_NOMEM;
		config->socket_dir = config->agent_dir = control__path(arena, "%s/run", dir);
		config->log_dir = control__path(arena, "%s/log", dir);
		config->meta_dir = control__path(arena, "%s/storage", dir);
		config->state_file = control__path(arena, "%s/daos_server.state", dir);
		config->auto_format = true;
	} else {
		config->socket_dir = CONTROL_SOCKET_DIR_DEFAULT;
		config->agent_dir = CONTROL_AGENT_DIR_DEFAULT;
		config->log_dir = "/tmp";
	}
	if (config->socket_dir == NULL || config->log_dir == NULL || (dir != NULL && (config->meta_dir == NULL || config->state_file == NULL)))
		return -DER_NOMEM;
	config->log_file = control__path(arena, "%s/daos_server.log", config->log_dir);
	for (uint32_t i = 0; i < engine_nr; i++) {
		struct control_engine_config *engine = &config->engines[i];

		engine->targets = 2;
		engine->numa = -1;
		engine->log_mask = "INFO";
		engine->log_file = control__path(arena, "%s/daos_engine.%u.log", config->log_dir, i);
		if (dir != NULL)
			engine->storage = engine_nr == 1 ? config->meta_dir : control__path(arena, "%s/engine%u", config->meta_dir, i);
		if (engine->log_file == NULL || (dir != NULL && engine->storage == NULL))
			return -DER_NOMEM;
	}
	*result = config;
	return config->log_file == NULL ? -DER_NOMEM : 0;
}

int
control_config_default(const char *dir, struct arena *arena, struct control_config **config)
{
	return config_new(dir, arena, 1, config);
}

static int
read_server(struct reading *reading)
{
	const struct yaml_server *yaml = reading->yaml;
	struct control_config *config = reading->config;
	int rc;

	if (yaml->name != NULL)
		config->system = yaml->name;
	rc = check_places(reading, "access_points", yaml->access_points, yaml->access_points_count);
	if (rc == 0)
		rc = check_places(reading, "mgmt_svc_replicas", yaml->mgmt_svc_replicas, yaml->mgmt_svc_replicas_count);
	if (rc == 0)
		rc = check_provider(reading, yaml->provider);
	if (rc == 0)
		rc = check_env(reading, "client_env_vars", yaml->client_env_vars, yaml->client_env_vars_count);
	if (rc != 0)
		return rc;
	config->client_env = yaml->client_env_vars;
	config->client_env_nr = yaml->client_env_vars_count;
	if (yaml->port > 65535 || yaml->telemetry_port > 65535)
		return refuse(reading, -DER_INVAL, "port %u: ports end at 65535", MAX(yaml->port, yaml->telemetry_port));
	if (yaml->socket_dir != NULL)
		config->socket_dir = config->agent_dir = yaml->socket_dir;
	if (yaml->control_log_file != NULL)
		config->log_file = yaml->control_log_file;
	/* The control plane's words for levels, in the log's. */
	if (yaml->control_log_mask != NULL)
		config->log_mask = strcmp(yaml->control_log_mask, "NOTICE") == 0   ? "NOTE" :
				   strcmp(yaml->control_log_mask, "ERROR") == 0    ? "ERR" :
				   strcmp(yaml->control_log_mask, "TRACE") == 0    ? "DEBUG" :
				   strcmp(yaml->control_log_mask, "DISABLED") == 0 ? "CRIT" :
										     yaml->control_log_mask;
	if (yaml->control_metadata != NULL && yaml->control_metadata->device != NULL)
		return refuse(reading, -DER_NOTSUPPORTED, "control_metadata: mounting a device comes later: mount it, and give its path only");
	if (yaml->control_metadata != NULL && yaml->control_metadata->path != NULL)
		config->meta_dir = yaml->control_metadata->path;
	for (uint32_t i = 0; rc == 0 && i < yaml->engines_count; i++) {
		reading->engine = i;
		rc = read_engine(reading, &yaml->engines[i], &config->engines[i]);
	}
	if (rc != 0)
		return rc;
	if (config->meta_dir == NULL)
		config->meta_dir = config->engines[0].storage;
	if (config->meta_dir == NULL)
		return refuse(reading, -DER_INVAL, "engine 0 has no storage: give it a tier with scm_mount, or start with --dir");
	if (config->state_file == NULL)
		config->state_file = control__path(reading->arena, "%s/daos_server.state", config->meta_dir);
	return config->state_file == NULL ? -DER_NOMEM : 0;
}

static int
load(const char *text, size_t len, const cyaml_schema_value_t *schema, struct arena *arena, struct strbuf *error, void **yaml)
{
	struct strbuf words;
	char buf[1400];
	const cyaml_config_t how = {
		.log_fn = yaml_words,
		.log_ctx = &words,
		.mem_fn = yaml_memory,
		.mem_ctx = arena,
		.log_level = CYAML_LOG_ERROR,
		.flags = CYAML_CFG_NO_ALIAS,
	};
	cyaml_err_t err;

	*yaml = NULL;
	if (len > CONTROL_CONFIG_MAX) {
		strbuf_addf(error, "the configuration is longer than %llu KiB", CONTROL_CONFIG_MAX / KIB);
		return -DER_INVAL;
	}
	buf[0] = '\0';
	strbuf_init_fixed(&words, buf, sizeof(buf));
	err = len > 0 ? cyaml_load_data((const uint8_t *)text, len, &how, schema, yaml, NULL) : CYAML_OK;
	if (err == CYAML_ERR_OOM)
		return -DER_NOMEM;
	if (err == CYAML_OK && *yaml != NULL)
		return 0;
	if (err == CYAML_OK)
		strbuf_add(error, "the configuration is empty");
	else
		strbuf_addf(error, "%s%s%s", cyaml_strerror(err), words.len > 0 ? ": " : "", buf);
	return -DER_INVAL;
}

int
control_config_parse(const char *text, size_t len, const char *dir, struct arena *arena, struct strbuf *error, struct control_config **config)
{
	struct reading reading = {.arena = arena, .error = error, .dir = dir};
	void *yaml;
	int rc;

	rc = load(text, len, &server_schema, arena, error, &yaml);
	if (rc != 0)
		return rc;
	reading.yaml = yaml;
	rc = config_new(dir, arena, MAX(reading.yaml->engines_count, 1U), &reading.config);
	if (rc == 0)
		rc = read_server(&reading);
	if (rc == 0)
		*config = reading.config;
	return rc;
}

int
control_tool_config_check(const char *text, size_t len, struct arena *arena, struct strbuf *error)
{
	struct reading reading = {.arena = arena, .error = error};
	const struct yaml_tool *tool;
	void *yaml;
	int rc;

	rc = load(text, len, &tool_schema, arena, error, &yaml);
	if (rc != 0)
		return rc;
	tool = yaml;
	return check_places(&reading, "hostlist", tool->hostlist, tool->hostlist_count);
}

/* ---- can it be run? ---------------------------------------------------------------------------------------------------------------------- */
static int
check_engine(const struct control_engine_config *engine, uint32_t i, struct strbuf *error)
{
	if (engine->storage == NULL) {
		strbuf_addf(error, "engine %u has no storage: give it a tier with scm_mount, or start with --dir", i);
		return -DER_INVAL;
	}
	if (engine->targets == 0 || engine->targets > CONTROL_TARGETS_MAX) {
		strbuf_addf(error, "engine %u: %u targets: 1 to %u are possible", i, engine->targets, CONTROL_TARGETS_MAX);
		return -DER_INVAL;
	}
	if (engine->helpers > CONTROL_TARGETS_MAX) {
		strbuf_addf(error, "engine %u: %u helpers: at most %u are possible", i, engine->helpers, CONTROL_TARGETS_MAX);
		return -DER_INVAL;
	}
	return 0;
}

int
control_config_check(const struct control_config *config, struct strbuf *error)
{
	const char *dirs[] = {config->socket_dir, config->agent_dir};
	size_t len = strlen(config->system);
	int rc = 0;

	if (len == 0 || len > DAOS_SYS_NAME_MAX || strspn(config->system, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") != len) {
		strbuf_addf(error, "'%s' cannot name a system: 1 to %d of letters, digits, _ . and - are possible", config->system, DAOS_SYS_NAME_MAX);
		return -DER_INVAL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		if (dirs[i][0] == '/' && strlen(dirs[i]) <= CONTROL_SOCKET_DIR_MAX)
			continue;
		strbuf_addf(error,
			    "the directory of sockets, %s, %s: name a short one with --socket_dir, such as /tmp/daos-%u, and set "
			    "DAOS_AGENT_DRPC_DIR to it",
			    dirs[i], dirs[i][0] != '/' ? "is not an absolute path" : "is too deep, since paths of sockets end at 107 bytes",
			    config->uid);
		return dirs[i][0] != '/' ? -DER_INVAL : -DER_EXCEEDS_PATH_LEN;
	}
	if (config->engine_nr == 0 || config->engine_nr > CONTROL_ENGINES_MAX) {
		strbuf_addf(error, "%u engines: 1 to %u are possible", config->engine_nr, CONTROL_ENGINES_MAX);
		return -DER_INVAL;
	}
	for (uint32_t i = 0; rc == 0 && i < config->engine_nr; i++)
		rc = check_engine(&config->engines[i], i, error);
	for (uint32_t i = 0; rc == 0 && i < config->engine_nr; i++)
		for (uint32_t j = 0; rc == 0 && j < i; j++)
			if (strcmp(config->engines[i].storage, config->engines[j].storage) == 0) {
				strbuf_addf(error, "engines %u and %u have the same storage %s", j, i, config->engines[i].storage);
				rc = -DER_INVAL;
			}
	return rc;
}
