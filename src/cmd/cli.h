/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli: what the command lines of all programs have in common. A program is a table of commands, a command a table of
 * options; parsing, help, aligned tables, the JSON envelope and error messages follow from the tables.
 *
 *	static const struct cli_option create_options[] = {
 *		{'z', "size", CLI_TEXT, "SIZE", "size of the pool: bytes with a unit, or a percentage"},
 *		{0}};
 *	static const struct cli_command commands[] = {
 *		{"pool create", "<label>", 1, 1, create_options, "makes a pool", "dmg pool create --size 8GiB mypool", pool_create},
 *		{0}};
 *	int main(int argc, char **argv) { return cli_main(&program, argc, argv, owner); }
 *
 * A word of a command's path may have other spellings: "container|cont list-attr|list-attrs|lsattr". A program with one
 * command gives it the empty path. Options stand anywhere behind the program's name, as --name=value, --name value, -n value, -nvalue,
 * -n=value; flags of one letter may be joined. "--" ends them. Every command has -h, --help.
 *
 * A command runs, prints for people with cli_print and tables (silent with --json), says what a machine shall read with
 * cli_respond, and returns 0 or what cli_fail made of its error. cli_main prints the envelope or the error and gives the exit
 * status: 0, 1 when the command failed, 2 when the command line is wrong.
 */
#ifndef CMD_CLI_H
#define CMD_CLI_H

#include <json-c/json.h>
#include <stdio.h>
#include "base/base.h"

enum cli_kind { CLI_FLAG, CLI_TEXT, CLI_NUMBER, CLI_SIZE };
enum { CLI_REQUIRED = 1, CLI_HIDDEN = 2, CLI_ABSENT = 4 }; /* absent: a command that this version lacks, whatever its arguments */

struct cli_option { /* an array of them ends with one without a name */
	char letter; /* 0: none */
	const char *name;
	enum cli_kind kind;
	const char *value; /* how the help calls the value */
	const char *help;
	unsigned int flags;
};

struct cli;
struct cli_command { /* an array of them ends with one without a path */
	const char *path;
	const char *args; /* how the help shows the positional arguments */
	int arg_min, arg_max;
	const struct cli_option *options; /* NULL: none */
	const char *help;                 /* one line, lower case, no full stop */
	const char *example;              /* one or more lines */
	int (*run)(struct cli *cli);
	unsigned int flags;
};

struct cli_program {
	const char *name;
	const char *help;
	const struct cli_option *globals; /* of all commands, besides -h and, where json, -j */
	const struct cli_command *commands;
	bool json; /* has -j, --json */
};

/** Parses, runs, reports: the exit status. owner: for the commands. */
int cli_main(const struct cli_program *program, int argc, char **argv, void *owner);

/* ---- for commands ----------------------------------------------------------------------------------------------------- */
void *cli_owner(const struct cli *cli);
/** What follows is asked by the option's long name, which must be in the tables. */
bool cli_given(const struct cli *cli, const char *name);
bool cli_flag(const struct cli *cli, const char *name);
/** NULL when it was not given. */
const char *cli_text(const struct cli *cli, const char *name);
uint64_t cli_number(const struct cli *cli, const char *name, uint64_t fallback);
uint64_t cli_size(const struct cli *cli, const char *name, uint64_t fallback);
int cli_arg_nr(const struct cli *cli);
const char *cli_arg(const struct cli *cli, int i);
bool cli_json(const struct cli *cli);
/** The words of the command, first spellings: "pool create". */
const char *cli_command_name(const struct cli *cli);

/** For people; nothing with --json. */
void cli_print(const struct cli *cli, const char *fmt, ...) PRINTF_LIKE(2, 3);
/** A note to standard error, with --json too. */
void cli_note(const struct cli *cli, const char *fmt, ...) PRINTF_LIKE(2, 3);
/** The response of the envelope, which takes over the object; NULL is allowed. */
void cli_respond(struct cli *cli, struct json_object *response);
/** Sets the error: what happened, why, what to do. Returns rc (made -DER_MISC when it is 0). The first one stays. */
int cli_fail(struct cli *cli, int rc, const char *fmt, ...) PRINTF_LIKE(3, 4);
/** The same for a command line that cannot be run: exit status 2. */
int cli_misuse(struct cli *cli, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* ---- tables for people ----------------------------------------------------------------------------------------------------- */
enum { CLI_COLUMNS_MAX = 12 };
struct cli_table {
	const char *heads[CLI_COLUMNS_MAX];
	int column_nr;
	char **cells; /* row by row */
	int cell_nr, cell_room;
};
/** heads ends with NULL. */
void cli_table_init(struct cli_table *table, const char *const *heads);
/** The next cell, from left to right; column_nr of them make a row. */
void cli_table_add(struct cli_table *table, const char *fmt, ...) PRINTF_LIKE(2, 3);
/** Prints, columns aligned, and frees it. indent: blanks in front. */
void cli_table_print(const struct cli *cli, struct cli_table *table, int indent);

/* ---- JSON ---------------------------------------------------------------------------------------------------------------------- */
/** A short spelling; value is taken over. */
void cli_json_add(struct json_object *object, const char *name, struct json_object *value);
struct json_object *cli_json_uuid(const unsigned char uuid[16]);
struct json_object *cli_json_string(const char *text); /* NULL: "" */
struct json_object *cli_json_u64(uint64_t value);
struct json_object *cli_json_u32_array(const uint32_t *values, uint32_t nr);
/** "0-3,5" in brackets, as sets of ranks are given. */
struct json_object *cli_json_rank_set(const uint32_t *values, uint32_t nr);

/** "0-3,5" of ranks; "" for none. buf has size bytes; what does not fit is cut. */
char *cli_rank_set(char *buf, size_t size, const uint32_t *values, uint32_t nr);

#endif
