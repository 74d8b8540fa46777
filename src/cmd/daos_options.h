/* SPDX-License-Identifier: Apache-2.0 */
/* daos: the tables of its commands and their options; part of daos.c. */
#define PATH {'p', "path", CLI_TEXT, "PATH", "a file or directory that stands for the container", 0}
#define CHUNK {'z', "chunk-size", CLI_SIZE, "SIZE", "files are cut into chunks of this size (default 1MiB)", 0}
#define OCLASS {'o', "oclass", CLI_TEXT, "CLASS", "object class, as S1, SX, RP_2GX, EC_4P2GX", 0}
#define HINTS {'H', "hints", CLI_TEXT, "HINTS", "instead of classes: file:single|max,dir:single|max", 0}
#define EPOCH {'e', "epc", CLI_NUMBER, "EPOCH", "the snapshot of this epoch", 0}
#define VERBOSE(what) {'V', "verbose", CLI_FLAG, NULL, what, 0}
#define DFS_PATH {'H', "dfs-path", CLI_TEXT, "PATH", "path in the container", 0}
#define DFS_PREFIX {'I', "dfs-prefix", CLI_TEXT, "PREFIX", "what of the path stands for the container", 0}
#define END {0}

static const struct cli_option globals[] = {
	{0, "debug", CLI_FLAG, NULL, "log everything", 0},
	{0, "verbose", CLI_FLAG, NULL, "log what happens", 0},
	{'G', "sys-name", CLI_TEXT, "NAME", "name of the system (default the agent's)", 0},
	END,
};

static const struct cli_option path_options[] = {PATH, END};
static const struct cli_option create_options[] = {
	{'t', "type", CLI_TEXT, "TYPE", "what it is for: POSIX (a file system), HDF5, PYTHON, SPARK, ...; default unknown", 0},
	PATH, CHUNK, OCLASS,
	{'d', "dir-oclass", CLI_TEXT, "CLASS", "object class of directories", 0},
	{'f', "file-oclass", CLI_TEXT, "CLASS", "object class of files", 0},
	HINTS,
	{0, "properties", CLI_TEXT, "NAME:VALUE,...", "properties: cksum, cksum_size, srv_cksum, rd_fac, rd_lvl, ec_cell_sz, ...", 0},
	{'M', "mode", CLI_TEXT, "MODE", "consistency of a file system: relaxed or balanced", 0},
	{'A', "acl-file", CLI_TEXT, "FILE", "access control list: an entry a line", 0},
	{'g', "group", CLI_TEXT, "GROUP", "group that owns the container (default the caller's)", 0},
	{0, "attrs", CLI_TEXT, "NAME:VALUE,...", "attributes", 0},
	END,
};
static const struct cli_option destroy_options[] = {PATH, {'f', "force", CLI_FLAG, NULL, "also when it is open somewhere", 0}, END};
static const struct cli_option epoch_options[] = {PATH, EPOCH, END};
static const struct cli_option clone_options[] = {
	{'S', "src", CLI_TEXT, "CONT", "container to copy: daos://<pool>/<container>", CLI_REQUIRED},
	{'D', "dst", CLI_TEXT, "CONT", "where to: daos://<pool>[/<container>]", CLI_REQUIRED},
	END,
};
static const struct cli_option evict_options[] = {PATH, {'a', "all", CLI_FLAG, NULL, "handles of all users", 0}, END};
static const struct cli_option cont_list_options[] = {{'v', "verbose", CLI_FLAG, NULL, "snapshots, handles, times", 0}, END};
static const struct cli_option attr_list_options[] = {PATH, VERBOSE("values too"), END};
static const struct cli_option attr_options[] = {PATH, {'a', "attr", CLI_TEXT, "NAME", "the same as the argument", 0}, END};
/* Those of a pool have no path; names by option are accepted as with containers. */
static const struct cli_option pool_attr_list_options[] = {VERBOSE("values too"), END};
static const struct cli_option pool_attr_options[] = {{'a', "attr", CLI_TEXT, "NAME", "the same as the argument", CLI_HIDDEN}, END};
static const struct cli_option pool_attr_set_options[] = {
	{'a', "attr", CLI_TEXT, "NAME", "name, with --value", CLI_HIDDEN},
	{'v', "value", CLI_TEXT, "VALUE", "value, with --attr", CLI_HIDDEN},
	END,
};
static const struct cli_option attr_set_options[] = {
	PATH,
	{'a', "attr", CLI_TEXT, "NAME", "name, with --value", 0},
	{'v', "value", CLI_TEXT, "VALUE", "value, with --attr", 0},
	END,
};
static const struct cli_option prop_options[] = {PATH, {0, "properties", CLI_TEXT, "NAMES", "the same as the argument", 0}, END};
static const struct cli_option acl_get_options[] = {
	PATH,
	{'O', "outfile", CLI_TEXT, "FILE", "write it there", 0},
	{'f', "force", CLI_FLAG, NULL, "replace FILE", 0},
	VERBOSE("a comment in words before each entry"),
	END,
};
static const struct cli_option acl_replace_options[] = {
	PATH, {'f', "acl-file", CLI_TEXT, "FILE", "the new list: an entry a line", CLI_REQUIRED}, END};
static const struct cli_option acl_update_options[] = {
	PATH,
	{'e', "entry", CLI_TEXT, "ENTRY", "an entry, as A::alice@:rw", 0},
	{'f', "acl-file", CLI_TEXT, "FILE", "entries, one a line", 0},
	END,
};
static const struct cli_option acl_delete_options[] = {
	PATH, {'P', "principal", CLI_TEXT, "WHO", "whose entry goes: u:alice@, g:staff@, OWNER@, GROUP@, EVERYONE@", CLI_REQUIRED}, END};
static const struct cli_option owner_options[] = {
	PATH,
	{'u', "user", CLI_TEXT, "USER", "the new owner", 0},
	{0, "uid", CLI_NUMBER, "UID", "of the root directory", 0},
	{'g', "group", CLI_TEXT, "GROUP", "the new group", 0},
	{0, "gid", CLI_NUMBER, "GID", "of the root directory", 0},
	{0, "no-check", CLI_FLAG, NULL, "do not ask whether this machine knows the names", 0},
	END,
};
static const struct cli_option snap_options[] = {PATH, {'s', "snap", CLI_TEXT, "NAME", "name of the snapshot", 0}, END};
static const struct cli_option snap_destroy_options[] = {
	PATH,
	EPOCH,
	{'r', "epcrange", CLI_TEXT, "FROM-TO", "all snapshots between these epochs, both included", 0},
	{'s', "snap", CLI_TEXT, "NAME", "the snapshot of this name", 0},
	END,
};
static const struct cli_option rollback_options[] = {PATH, EPOCH, {'s', "snap", CLI_TEXT, "NAME", "the snapshot of this name", 0}, END};
static const struct cli_option pool_list_options[] = {
	{'v', "verbose", CLI_FLAG, NULL, "more of each pool", 0},
	{'n', "no-query", CLI_FLAG, NULL, "names only: connect to none", 0},
	END,
};
static const struct cli_option pool_query_options[] = {
	{'e', "show-enabled", CLI_FLAG, NULL, "ranks that serve", 0},
	{'b', "show-disabled", CLI_FLAG, NULL, "ranks that do not", 0},
	{'t', "health-only", CLI_FLAG, NULL, "without space", 0},
	END,
};
static const struct cli_option target_options[] = {
	{0, "rank", CLI_NUMBER, "RANK", "rank of the engine", CLI_REQUIRED},
	{0, "target-idx", CLI_TEXT, "TARGETS", "targets of it, as 0-3,5 (default all)", 0},
	END,
};
static const struct cli_option autotest_options[] = {
	{'S', "skip-big", CLI_TEXT, "WHAT", "no large tests", 0},
	{'D', "deadline-limit", CLI_NUMBER, "SECONDS", "stop then", 0},
	END,
};
static const struct cli_option fs_check_options[] = {
	PATH,
	{'f', "flags", CLI_TEXT, "FLAGS", "print, remove, relink, verify", 0},
	{'n', "dir-name", CLI_TEXT, "NAME", "where lost files go", 0},
	END,
};
static const struct cli_option fs_fix_options[] = {
	PATH, {'M', "mode", CLI_TEXT, "MODE", "relaxed or balanced", 0}, CHUNK, OCLASS,
	{'D', "dir-oclass", CLI_TEXT, "CLASS", "object class of directories", 0},
	{'F', "file-oclass", CLI_TEXT, "CLASS", "object class of files", 0},
	HINTS, END,
};
static const struct cli_option fs_entry_options[] = {PATH, DFS_PATH, DFS_PREFIX, CHUNK, {'t', "type", CLI_FLAG, NULL, "the type too", 0}, END};
static const struct cli_option fs_copy_options[] = {
	{'s', "src", CLI_TEXT, "PATH", "what to copy: a path or daos://<pool>/<container>[/path]", CLI_REQUIRED},
	{'d', "dst", CLI_TEXT, "PATH", "where to", CLI_REQUIRED},
	{'m', "preserve-props", CLI_TEXT, "FILE", "keeps properties there", 0},
	{0, "ignore-unsupported", CLI_FLAG, NULL, "skip what cannot be copied", 0},
	END,
};
static const struct cli_option fs_set_options[] = {PATH, DFS_PATH, DFS_PREFIX, CHUNK, OCLASS, END};
static const struct cli_option fs_path_options[] = {PATH, DFS_PATH, DFS_PREFIX, END};
static const struct cli_option fs_query_options[] = {{0, "inode", CLI_NUMBER, "INODE", "this inode", 0}, END};
static const struct cli_option fs_scan_options[] = {PATH, {'n', "dir-name", CLI_TEXT, "NAME", "from there", 0}, END};
static const struct cli_option object_options[] = {PATH, {'i', "oid", CLI_TEXT, "HI.LO", "the same as the argument", 0}, END};
static const struct cli_option health_options[] = {{'v', "verbose", CLI_FLAG, NULL, "more", 0}, END};

#undef PATH
#undef END

#define POOL "<pool label or UUID>"
#define CONT POOL " <container label or UUID>"
#define CMD(path, args, min, max, options, help, example, run) {path, args, min, max, options, help, example, run, 0}
#define ABSENT(path, args, max, options, help, example) {path, args, 0, max, options, help " (not supported yet)", example, run_absent, 0}
static const struct cli_command commands[] = {
	CMD("pool list|ls", "", 0, 0, pool_list_options, "lists the pools that you may see", "daos pool list -v", run_pool_list),
	CMD("pool query", POOL, 1, 1, pool_query_options, "space and state of a pool", "daos pool query tank", run_pool_query),
	CMD("pool query-targets", POOL, 1, 1, target_options, "space and state of targets", "daos pool query-targets tank --rank=0", run_pool_query_targets),
	CMD("pool list-containers|list-cont", POOL, 1, 1, cont_list_options, "lists the containers of a pool", "daos pool list-cont tank", run_pool_list_cont),
	CMD("pool list-attr|list-attrs|lsattr", POOL, 1, 1, pool_attr_list_options, "attributes of a pool", "daos pool list-attr tank -V", run_attr_list),
	CMD("pool get-attr|getattr", POOL " <name[,name...]>", 1, 2, pool_attr_options, "values of attributes of a pool", "daos pool get-attr tank owner", run_attr_get),
	CMD("pool set-attr|setattr", POOL " <name:value[,name:value...]>", 1, 2, pool_attr_set_options, "sets attributes of a pool",
	    "daos pool set-attr tank owner:alice,project:x", run_attr_set),
	CMD("pool del-attr|delattr", POOL " <name[,name...]>", 1, 2, pool_attr_options, "removes attributes of a pool", "daos pool del-attr tank owner", run_attr_del),
	ABSENT("pool autotest", POOL, 1, autotest_options, "tries a pool", "daos pool autotest tank"),

	CMD("container|cont create", POOL " [label]", 1, 2, create_options, "makes a container",
	    "daos container create --type=POSIX tank home\ndaos container create -t POSIX --chunk-size=4MiB --file-oclass=SX --properties=cksum:crc32 tank data",
	    run_cont_create),
	CMD("container|cont list|ls", POOL, 1, 1, cont_list_options, "lists the containers of a pool", "daos container list tank", run_cont_list),
	CMD("container|cont query", CONT, 0, 2, path_options, "what a container is", "daos container query tank home", run_cont_query),
	CMD("container|cont stat", CONT, 0, 2, path_options, "open handles and times of a container", "daos container stat tank home", run_cont_stat),
	CMD("container|cont destroy", CONT, 0, 2, destroy_options, "destroys a container and what is in it", "daos container destroy tank home",
	    run_cont_destroy),
	CMD("container|cont get-prop|getprop", CONT " [name[,name...]]", 0, 3, prop_options, "properties of a container",
	    "daos container get-prop tank home cksum,rd_fac", run_cont_get_prop),
	CMD("container|cont set-prop|setprop", CONT " <name:value[,name:value...]>", 0, 3, prop_options, "changes properties of a container",
	    "daos container set-prop tank home label:house", run_cont_set_prop),
	CMD("container|cont list-attr|list-attrs|lsattr", CONT, 0, 2, attr_list_options, "attributes of a container", "daos container list-attr tank home",
	    run_attr_list),
	CMD("container|cont get-attr|getattr", CONT " <name[,name...]>", 0, 3, attr_options, "values of attributes of a container",
	    "daos container get-attr tank home owner", run_attr_get),
	CMD("container|cont set-attr|setattr", CONT " <name:value[,name:value...]>", 0, 3, attr_set_options, "sets attributes of a container",
	    "daos container set-attr tank home owner:alice,project:x", run_attr_set),
	CMD("container|cont del-attr|delattr", CONT " <name[,name...]>", 0, 3, attr_options, "removes attributes of a container",
	    "daos container del-attr tank home owner", run_attr_del),
	CMD("container|cont get-acl", CONT, 0, 2, acl_get_options, "access control list of a container", "daos container get-acl tank home -O acl.txt", run_cont_get_acl),
	CMD("container|cont overwrite-acl|replace", CONT, 0, 2, acl_replace_options, "replaces the access control list", "daos container overwrite-acl tank home -f acl.txt",
	    run_cont_overwrite_acl),
	CMD("container|cont update-acl", CONT, 0, 2, acl_update_options, "adds and replaces entries of the access control list",
	    "daos container update-acl tank home --entry=A::alice@:rw", run_cont_update_acl),
	CMD("container|cont delete-acl", CONT, 0, 2, acl_delete_options, "removes an entry of the access control list",
	    "daos container delete-acl tank home --principal=u:alice@", run_cont_delete_acl),
	CMD("container|cont set-owner|chown", CONT, 0, 2, owner_options, "changes owner and group", "daos container set-owner tank home --user=alice", run_cont_set_owner),
	CMD("container|cont create-snap|snap", CONT, 0, 2, snap_options, "makes a snapshot", "daos container create-snap tank home --snap=monday", run_snap_create),
	CMD("container|cont list-snap|list-snaps", CONT, 0, 2, path_options, "lists the snapshots", "daos container list-snap tank home", run_snap_list),
	CMD("container|cont destroy-snap", CONT, 0, 2, snap_destroy_options, "destroys snapshots", "daos container destroy-snap tank home --snap=monday", run_snap_destroy),
	ABSENT("container|cont rollback", CONT, 2, rollback_options, "goes back to a snapshot", "daos container rollback tank home --snap=monday"),
	ABSENT("container|cont link", CONT, 2, path_options, "lets a path stand for a container", "daos container link tank home --path=/mnt/x"),
	ABSENT("container|cont list-objects|list-obj", CONT, 2, epoch_options, "lists the objects of a snapshot", "daos container list-objects tank home --epc=1"),
	ABSENT("container|cont clone", "", 0, clone_options, "copies a container", "daos container clone --src=daos://tank/home --dst=daos://tank/copy"),
	ABSENT("container|cont check", CONT, 2, epoch_options, "compares replicas", "daos container check tank home"),
	ABSENT("container|cont evict", CONT, 2, evict_options, "closes handles of others", "daos container evict tank home"),

	CMD("object|obj query", CONT " <HI.LO>", 0, 3, object_options, "where an object lies", "daos object query tank home 1125899906842624.1", run_object_query),
	CMD("system|sys query", "", 0, 0, NULL, "the system and its ranks", "daos system query", run_system_query),
	CMD("health check", "", 0, 0, health_options, "whether this client can work: agent, system, pools", "daos health check", run_health),

	ABSENT("filesystem|fs check", CONT, 2, fs_check_options, "looks for lost files", "daos filesystem check tank home --flags=print"),
	ABSENT("filesystem|fs fix-sb", CONT, 2, fs_fix_options, "writes the superblock anew", "daos filesystem fix-sb tank home"),
	ABSENT("filesystem|fs fix-root", CONT, 2, path_options, "writes the root directory anew", "daos filesystem fix-root tank home"),
	ABSENT("filesystem|fs fix-entry", CONT, 2, fs_entry_options, "corrects an entry", "daos filesystem fix-entry tank home --dfs-path=/a"),
	ABSENT("filesystem|fs copy", "", 0, fs_copy_options, "copies files", "daos filesystem copy --src=/tmp/a --dst=daos://tank/home/a"),
	ABSENT("filesystem|fs set-attr", CONT, 2, fs_set_options, "chunk size and class of new files", "daos filesystem set-attr tank home --dfs-path=/a --chunk-size=4MiB"),
	ABSENT("filesystem|fs get-attr", CONT, 2, fs_path_options, "chunk size and class of a path", "daos filesystem get-attr tank home --dfs-path=/a"),
	ABSENT("filesystem|fs reset-attr", CONT, 2, fs_path_options, "takes chunk size and class back to the defaults", "daos filesystem reset-attr tank home --dfs-path=/a"),
	ABSENT("filesystem|fs reset-chunk-size", CONT, 2, fs_path_options, "takes the chunk size back to the default", "daos filesystem reset-chunk-size tank home --dfs-path=/a"),
	ABSENT("filesystem|fs reset-oclass", CONT, 2, fs_path_options, "takes the class back to the default", "daos filesystem reset-oclass tank home --dfs-path=/a"),
	ABSENT("filesystem|fs query", "<path>", 1, fs_query_options, "what a mount does", "daos filesystem query /mnt/x"),
	ABSENT("filesystem|fs evict", "<path>", 1, NULL, "drops a path from a mount's cache", "daos filesystem evict /mnt/x/a"),
	ABSENT("filesystem|fs scan", CONT, 2, fs_scan_options, "counts files", "daos filesystem scan tank home"),
	ABSENT("server-version", "", 0, NULL, "version of the server", "daos server-version"),
	CMD("version", "", 0, 0, NULL, "says the version", "daos version", say_version),
	{0},
};
