/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli: see the door. One pass over the words behind the program's name: words that begin with - are options, the first others name
 * the command, the rest are its arguments. Options are looked up in the command's table and in the program's when the command is
 * known; so the command's words are found first, in a pass that only has to know which options take a value.
 *
 *	cli I1  Whatever is on the command line, the program runs one command or none, and says what was wrong.
 *	cli I2  With --json standard output carries one JSON object and nothing else.
 *	cli I3  Messages, tables and JSON are whole UTF-8 without control characters, whatever names and values are like.
 */
#include "cli.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include "base/text.h"

enum { VALUES_MAX = 64, ARGS_MAX = 256, NAME_MAX_LEN = 128, MESSAGE_WORD_MAX = 400 };

struct value {
	const struct cli_option *option;
	const char *text; /* NULL: a flag */
	uint64_t number;
};

struct cli {
	const struct cli_program *program;
	const struct cli_command *command;
	void *owner;
	char name[NAME_MAX_LEN]; /* of the command */
	struct value values[VALUES_MAX];
	int value_nr;
	const char *args[ARGS_MAX];
	int arg_nr;
	bool json, help;
	int rc;
	bool misuse;
	char *error;
	struct json_object *response;
};

static const struct cli_option builtin[] = {
	{'h', "help", CLI_FLAG, NULL, "shows this", 0},
	{'j', "json", CLI_FLAG, NULL, "prints one JSON object: response, error, status", 0},
	{0},
};

/* ---- text from outside ---------------------------------------------------------------------------------------------------- */
/* The bytes of one character of UTF-8 at text that a terminal shows and does not obey; 0: it is none. */
static size_t
shown(const unsigned char *text)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = text[0] < 0x80 ? 1 : text[0] < 0xc2 ? 0 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : text[0] < 0xf5 ? 4 : 0;
	uint32_t code = len == 1 ? text[0] : text[0] & (0x7fU >> len);

	for (size_t i = 1; i < len; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text[i] & 0x3f);
	}
	if (len == 0 || code < least[len] || code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0xd800 && code < 0xe000) ||
	    code > 0x10ffff)
		return 0;
	return len;
}

/* A copy of text in which what is no such character stands as \xNN (cli I3). NULL: no memory. */
static char *
clean(const char *text)
{
	size_t len = strlen(text), out = 0;
	char *copy = malloc(len * 4 + 1);

	for (size_t i = 0, n; copy != NULL && i < len; i += MAX(n, (size_t)1)) {
		n = shown((const unsigned char *)text + i);
		if (n > 0)
			memcpy(copy + out, text + i, n);
		out += n > 0 ? n : (size_t)sprintf(copy + out, "\\x%02x", (unsigned char)text[i]);
	}
	if (copy != NULL)
		copy[out] = '\0';
	return copy;
}

/* Cuts words that are longer than any that can be meant, in place: their beginning, "[...]" and their end stay. */
static void
shorten(char *text)
{
	char *to = text;

	for (const char *at = text; *at != '\0';) {
		size_t word = strcspn(at, " "), front = word, skip = 0;

		if (word > MESSAGE_WORD_MAX) {
			for (front = MESSAGE_WORD_MAX - 40; front > 0 && (at[front] & 0xc0) == 0x80; front--)
				;
			for (skip = word - 20; skip < word && (at[skip] & 0xc0) == 0x80; skip++)
				;
		}
		memmove(to, at, front);
		to += front;
		if (skip > 0) {
			memcpy(to, "[...]", 5);
			memmove(to + 5, at + skip, word - skip);
			to += 5 + word - skip;
		}
		at += word;
		while (*at == ' ')
			*to++ = *at++;
	}
	*to = '\0';
}

/* ---- errors ------------------------------------------------------------------------------------------------------------- */
static int
set_error(struct cli *cli, int rc, bool misuse, const char *fmt, va_list args)
{
	char *text = NULL;

	if (cli->rc != 0)
		return cli->rc;
	cli->rc = rc != 0 ? rc : -DER_MISC;
	cli->misuse = misuse;
	if (vasprintf(&text, fmt, args) >= 0) {
		cli->error = clean(text);
		free(text);
		if (cli->error != NULL)
			shorten(cli->error);
	}
	return cli->rc;
}

int
cli_fail(struct cli *cli, int rc, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	rc = set_error(cli, rc, false, fmt, args);
	va_end(args);
	return rc;
}

int
cli_misuse(struct cli *cli, const char *fmt, ...)
{
	va_list args;
	int rc;

	va_start(args, fmt);
	rc = set_error(cli, -DER_INVAL, true, fmt, args);
	va_end(args);
	return rc;
}

/* ---- paths of commands ----------------------------------------------------------------------------------------------------- */
/* The len bytes at word are one of the spellings "pool|p" at *spec; *spec moves behind them. */
static bool
word_is(struct text_span spellings, const char *word)
{
	struct text_span one;

	while (text_split(&spellings, '|', &one))
		if (text_equal(one, word))
			return true;
	return false;
}

/* How many words the path has, and how many of the given ones agree with it from the front. */
static int
path_match(const char *path, const char *const *words, int nr, int *agree)
{
	struct text_span rest = text_span_of(path), word;
	int len = 0;

	*agree = 0;
	if (path[0] == '\0')
		return 0;
	while (text_split(&rest, ' ', &word)) {
		if (*agree == len && len < nr && word_is(word, words[len]))
			(*agree)++;
		len++;
	}
	return len;
}

/* First spellings. */
static void
path_print(const char *path, char *buf, size_t size)
{
	struct text_span rest = text_span_of(path), word, one;
	struct strbuf out;

	strbuf_init_fixed(&out, buf, size);
	buf[0] = '\0';
	while (path[0] != '\0' && text_split(&rest, ' ', &word)) {
		if (out.len > 0)
			strbuf_add_char(&out, ' ');
		if (text_split(&word, '|', &one))
			strbuf_add_bytes(&out, one.at, one.len);
	}
}

static int
distance(const char *a, const char *b)
{
	int row[64], before, above, n = (int)strlen(b);

	if (n >= 63)
		return 63;
	for (int j = 0; j <= n; j++)
		row[j] = j;
	for (int i = 1; a[i - 1] != '\0'; i++) {
		before = row[0];
		row[0] = i;
		for (int j = 1; j <= n; j++) {
			above = row[j];
			row[j] = MIN(MIN(row[j], row[j - 1]) + 1, before + (a[i - 1] != b[j - 1]));
			before = above;
		}
	}
	return row[n];
}

/* The nearest name among those seen; nothing farther than a third of its length. */
struct nearest {
	const char *word;
	int distance;
	char name[NAME_MAX_LEN];
};

static void
nearest_look(struct nearest *nearest, const char *name)
{
	int d = distance(nearest->word, name);

	if (d < nearest->distance && d <= (int)strlen(name) / 3 + 1) {
		nearest->distance = d;
		snprintf(nearest->name, sizeof(nearest->name), "%s", name);
	}
}

/* ---- options ------------------------------------------------------------------------------------------------------------------- */
static const struct cli_option *
find_in(const struct cli_option *options, const char *name, size_t len, char letter)
{
	for (const struct cli_option *o = options; o != NULL && o->name != NULL; o++)
		if (letter != 0 ? o->letter == letter : strlen(o->name) == len && memcmp(o->name, name, len) == 0)
			return o;
	return NULL;
}

static const struct cli_option *
find_option(const struct cli *cli, const char *name, size_t len, char letter)
{
	const struct cli_option *option = NULL;

	if (cli->command != NULL)
		option = find_in(cli->command->options, name, len, letter);
	if (option == NULL)
		option = find_in(cli->program->globals, name, len, letter);
	if (option == NULL)
		option = find_in(builtin, name, len, letter);
	return option == &builtin[1] && !cli->program->json ? NULL : option;
}

/* While the command is not known: does any option of that name take a value? */
static bool
may_take_value(const struct cli *cli, const char *name, size_t len, char letter)
{
	const struct cli_option *option = find_in(cli->program->globals, name, len, letter);

	for (const struct cli_command *c = cli->program->commands; option == NULL && c->path != NULL; c++)
		option = find_in(c->options, name, len, letter);
	return option != NULL && option->kind != CLI_FLAG;
}

static int
unknown_option(struct cli *cli, const char *word)
{
	struct nearest nearest = {.word = word, .distance = 4};
	const char *end = strchr(word, '=');
	char name[NAME_MAX_LEN];

	snprintf(name, sizeof(name), "%.*s", end != NULL ? (int)MIN(end - word, 100) : 100, word);
	nearest.word = name;
	for (int t = 0; name[1] == '-' && t < 2; t++) {
		const struct cli_option *o = t == 0 ? (cli->command != NULL ? cli->command->options : NULL) : cli->program->globals;

		for (; o != NULL && o->name != NULL; o++) {
			char with[NAME_MAX_LEN];

			snprintf(with, sizeof(with), "--%s", o->name);
			nearest_look(&nearest, with);
		}
	}
	return cli_misuse(cli, "unknown option %s%s%s; '%s%s%s --help' lists what there is", name,
			  nearest.name[0] != '\0' ? ": did you mean " : "", nearest.name, cli->program->name,
			  cli->name[0] != '\0' ? " " : "", cli->name);
}

static int
keep_value(struct cli *cli, const struct cli_option *option, const char *text)
{
	struct value value = {.option = option, .text = text};
	int rc = 0;

	if (option == &builtin[0])
		cli->help = true;
	if (option == &builtin[1])
		cli->json = true;
	if (option->kind == CLI_NUMBER)
		rc = text_parse_u64(text, &value.number);
	else if (option->kind == CLI_SIZE)
		rc = text_parse_size(text, &value.number);
	if (rc != 0)
		return cli_misuse(cli, "--%s wants %s, not '%s'", option->name,
				  option->kind == CLI_NUMBER ? "a number" : "a size such as 512MiB or 8GB", text);
	/* The last one counts. */
	for (int i = 0; i < cli->value_nr; i++)
		if (cli->values[i].option == option) {
			cli->values[i] = value;
			return 0;
		}
	ASSERT(cli->value_nr < VALUES_MAX);
	cli->values[cli->value_nr++] = value;
	return 0;
}

/* One word that begins with --; *i moves on when the next word is its value. */
static int
take_long(struct cli *cli, int argc, char **argv, int *i)
{
	const char *name = argv[*i] + 2, *equals = strchr(name, '=');
	size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
	const struct cli_option *option = find_option(cli, name, len, 0);

	if (option == NULL)
		return unknown_option(cli, argv[*i]);
	if (option->kind == CLI_FLAG)
		return equals == NULL ? keep_value(cli, option, NULL) : cli_misuse(cli, "--%s takes no value", option->name);
	if (equals != NULL)
		return keep_value(cli, option, equals + 1);
	if (*i + 1 >= argc)
		return cli_misuse(cli, "--%s wants a value: --%s=%s", option->name, option->name, option->value);
	return keep_value(cli, option, argv[++*i]);
}

/* One word that begins with one -: flags, the last of which may be an option with a value. */
static int
take_short(struct cli *cli, int argc, char **argv, int *i)
{
	const char *at = argv[*i] + 1, *rest;
	int rc = 0;

	while (rc == 0 && *at != '\0') {
		const struct cli_option *option = find_option(cli, NULL, 0, *at);

		if (option == NULL)
			return unknown_option(cli, argv[*i]);
		rest = ++at;
		if (option->kind == CLI_FLAG) {
			rc = keep_value(cli, option, NULL);
			continue;
		}
		if (*rest == '=')
			rest++;
		else if (*rest == '\0' && *i + 1 < argc)
			rest = argv[++*i];
		else if (*rest == '\0')
			return cli_misuse(cli, "-%c wants a value: -%c %s", option->letter, option->letter, option->value);
		return keep_value(cli, option, rest);
	}
	return rc;
}

/* ---- the command --------------------------------------------------------------------------------------------------------------------- */
/* The words that are no options, from the front: enough to find the command. */
static int
plain_words(const struct cli *cli, int argc, char **argv, const char **words, int max)
{
	int nr = 0;

	for (int i = 1; i < argc && nr < max; i++) {
		const char *word = argv[i];

		if (strcmp(word, "--") == 0)
			break;
		if (word[0] != '-' || word[1] == '\0') {
			words[nr++] = word;
		} else if (word[1] == '-') {
			if (strchr(word, '=') == NULL && may_take_value(cli, word + 2, strlen(word + 2), 0))
				i++;
		} else if (word[strlen(word) - 1] != '=' && strchr(word, '=') == NULL && word[2] == '\0' &&
			   may_take_value(cli, NULL, 0, word[1])) {
			i++;
		}
	}
	return nr;
}

static int
find_command(struct cli *cli, int argc, char **argv, int *depth)
{
	const char *words[4];
	int nr = plain_words(cli, argc, argv, words, 4), best = 0, agree, len;
	struct nearest nearest = {.word = nr > 0 ? words[0] : "", .distance = 4};
	char name[NAME_MAX_LEN] = "";

	for (const struct cli_command *c = cli->program->commands; c->path != NULL; c++) {
		len = path_match(c->path, words, nr, &agree);
		if (agree == len) {
			cli->command = c;
			path_print(c->path, cli->name, sizeof(cli->name));
			*depth = len;
			return 0;
		}
		if (agree > best) {
			best = agree;
			path_print(c->path, name, sizeof(name));
			for (char *at = name; *at != '\0'; at++) /* the words that agree */
				if (*at == ' ' && --agree == 0)
					*at = '\0';
		}
	}
	snprintf(cli->name, sizeof(cli->name), "%s", name);
	*depth = best;
	if (best >= nr)
		return 0;
	nearest.word = words[best];
	for (const struct cli_command *c = cli->program->commands; c->path != NULL; c++) {
		struct text_span rest = text_span_of(c->path), word = {0}, one;

		path_match(c->path, words, nr, &agree);
		for (int i = 0; agree == best && i <= best && text_split(&rest, ' ', &word); i++)
			;
		while (agree == best && !(c->flags & CLI_HIDDEN) && text_split(&word, '|', &one)) {
			text_copy(one, name, sizeof(name));
			nearest_look(&nearest, name);
		}
	}
	return cli_misuse(cli, "unknown command '%s%s%s'%s%s; '%s%s%s --help' lists what there is", cli->name, cli->name[0] != '\0' ? " " : "",
			  words[best], nearest.name[0] != '\0' ? ": did you mean " : "", nearest.name, cli->program->name,
			  cli->name[0] != '\0' ? " " : "", cli->name);
}

static int
take_words(struct cli *cli, int argc, char **argv, int depth)
{
	bool ended = false;
	int rc = 0;

	for (int i = 1; i < argc && rc == 0; i++) {
		if (!ended && strcmp(argv[i], "--") == 0)
			ended = true;
		else if (!ended && strncmp(argv[i], "--", 2) == 0)
			rc = take_long(cli, argc, argv, &i);
		else if (!ended && argv[i][0] == '-' && argv[i][1] != '\0')
			rc = take_short(cli, argc, argv, &i);
		else if (depth > 0)
			depth--;
		else if (cli->arg_nr < ARGS_MAX)
			cli->args[cli->arg_nr++] = argv[i];
		else
			rc = cli_misuse(cli, "too many arguments");
	}
	return rc;
}

static int
check_words(struct cli *cli)
{
	const struct cli_command *command = cli->command;

	if (cli->arg_nr > command->arg_max)
		return cli_misuse(cli, "'%s' is one argument too many; usage: %s %s%s%s", cli->args[command->arg_max], cli->program->name,
				  cli->name, cli->name[0] != '\0' ? " " : "", command->args);
	if (cli->arg_nr < command->arg_min)
		return cli_misuse(cli, "an argument is missing; usage: %s %s%s%s", cli->program->name, cli->name,
				  cli->name[0] != '\0' ? " " : "", command->args);
	for (const struct cli_option *o = command->options; o != NULL && o->name != NULL; o++)
		if ((o->flags & CLI_REQUIRED) && !cli_given(cli, o->name))
			return cli_misuse(cli, "--%s=%s is required", o->name, o->value);
	return 0;
}

/* ---- help ----------------------------------------------------------------------------------------------------------------------------- */
static void
help_options(const char *title, const struct cli_option *options, bool json)
{
	char left[96];
	bool titled = false;

	for (const struct cli_option *o = options; o != NULL && o->name != NULL; o++) {
		if ((o->flags & CLI_HIDDEN) || (o == &builtin[1] && !json))
			continue;
		if (!titled)
			printf("\n%s:\n", title);
		titled = true;
		snprintf(left, sizeof(left), "%c%c%s--%s%s%s", o->letter != 0 ? '-' : ' ', o->letter != 0 ? o->letter : ' ',
			 o->letter != 0 ? ", " : "  ", o->name, o->kind != CLI_FLAG ? "=" : "", o->kind != CLI_FLAG ? o->value : "");
		printf("  %-30s %s%s\n", left, o->help, (o->flags & CLI_REQUIRED) ? " (required)" : "");
	}
}

static void
help_commands(const struct cli *cli)
{
	char name[NAME_MAX_LEN], left[NAME_MAX_LEN * 2];
	size_t len = strlen(cli->name);

	printf("%s: %s\n\nUsage: %s %s%s[options]\n\nCommands:\n", cli->program->name, cli->program->help, cli->program->name,
	       len > 0 ? cli->name : "<command>", len > 0 ? " <command> " : " ");
	for (const struct cli_command *c = cli->program->commands; c->path != NULL; c++) {
		path_print(c->path, name, sizeof(name));
		if ((c->flags & CLI_HIDDEN) || (len > 0 && (strncmp(name, cli->name, len) != 0 || name[len] != ' ')))
			continue;
		snprintf(left, sizeof(left), "%s %s", name, c->args);
		printf("  %-44s %s%s\n", left, c->help, c->flags & CLI_ABSENT ? " (not supported yet)" : "");
	}
	help_options("Options of all commands", cli->program->globals, true);
	printf("\n'%s <command> --help' tells more of one.\n", cli->program->name);
}

static void
help_command(const struct cli *cli)
{
	const struct cli_command *c = cli->command;
	struct text_span rest = text_span_of(c->example != NULL ? c->example : ""), line;

	printf("%s%s%s: %s%s\n\nUsage: %s%s%s [options]%s%s\n", cli->program->name, cli->name[0] != '\0' ? " " : "", cli->name, c->help,
	       c->flags & CLI_ABSENT ? " (not supported yet)" : "",
	       cli->program->name, cli->name[0] != '\0' ? " " : "", cli->name, c->args[0] != '\0' ? " " : "", c->args);
	help_options("Options", c->options, true);
	help_options("Options of all commands", cli->program->globals, true);
	help_options("Always", builtin, cli->program->json);
	if (rest.len > 0)
		printf("\nExample:\n");
	while (rest.len > 0 && text_split(&rest, '\n', &line))
		printf("  %.*s\n", (int)line.len, line.at);
}

/* ---- running ----------------------------------------------------------------------------------------------------------------------------- */
static void
report(struct cli *cli)
{
	struct json_object *envelope;

	if (!cli->json) {
		if (cli->rc != 0)
			fprintf(stderr, "%s: %s%s%s\n", cli->program->name, cli->misuse ? "" : "error: ",
				cli->error != NULL ? cli->error : d_errstr(cli->rc), "");
		return;
	}
	envelope = json_object_new_object();
	json_object_object_add(envelope, "response", cli->response);
	json_object_object_add(envelope, "error",
			       cli->rc != 0 ? json_object_new_string(cli->error != NULL ? cli->error : d_errstr(cli->rc)) : NULL);
	json_object_object_add(envelope, "status", json_object_new_int(cli->rc));
	printf("%s\n", json_object_to_json_string_ext(envelope, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	cli->response = NULL;
	json_object_put(envelope);
}

/* An error before the options were read: was an envelope wanted? */
static bool
wants_json(const struct cli *cli, int argc, char **argv)
{
	for (int i = 1; cli->program->json && i < argc; i++)
		if (strcmp(argv[i], "-j") == 0 || strcmp(argv[i], "--json") == 0)
			return true;
	return false;
}

static bool
wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0)
			return true;
	return argc == 1;
}

static int
run(struct cli *cli, int argc, char **argv)
{
	int depth = 0, rc;

	rc = find_command(cli, argc, argv, &depth);
	cli->json = wants_json(cli, argc, argv);
	if (rc != 0)
		return rc;
	if (cli->command == NULL && wants_help(argc, argv)) {
		help_commands(cli);
		return 0;
	}
	if (cli->command == NULL)
		return cli_misuse(cli, "which command? '%s%s%s --help' lists what there is", cli->program->name, cli->name[0] != '\0' ? " " : "",
				  cli->name);
	if (cli->command->flags & CLI_ABSENT)
		cli->help = wants_help(argc, argv);
	else
		rc = take_words(cli, argc, argv, depth);
	if (rc == 0 && cli->help) {
		help_command(cli);
		cli->json = false;
		return 0;
	}
	if (cli->command->flags & CLI_ABSENT)
		return cli_fail(cli, -DER_NOSYS, "%s is not supported yet (%s)", cli->name, d_errstr(-DER_NOSYS));
	if (rc == 0)
		rc = check_words(cli);
	if (rc != 0)
		return rc;
	rc = cli->command->run(cli);
	if (rc != 0)
		cli_fail(cli, rc, "%s failed: %s: %s", cli->name[0] != '\0' ? cli->name : cli->program->name, d_errstr(rc), d_errdesc(rc));
	return rc;
}

int
cli_main(const struct cli_program *program, int argc, char **argv, void *owner)
{
	struct cli *cli = calloc(1, sizeof(*cli));
	int status;

	if (cli == NULL) {
		fprintf(stderr, "%s: out of memory\n", program->name);
		return 1;
	}
	cli->program = program;
	cli->owner = owner;
	run(cli, argc, argv);
	report(cli);
	status = cli->rc == 0 ? 0 : cli->misuse ? 2 : 1;
	if (cli->response != NULL)
		json_object_put(cli->response);
	free(cli->error);
	free(cli);
	/* A full disk or a broken pipe behind us is an error too. */
	if (fflush(stdout) != 0 && status == 0)
		status = 1;
	return status;
}

/* ---- for commands ------------------------------------------------------------------------------------------------------------------------ */
void *
cli_owner(const struct cli *cli)
{
	return cli->owner;
}

static const struct value *
find_value(const struct cli *cli, const char *name)
{
	for (int i = 0; i < cli->value_nr; i++)
		if (strcmp(cli->values[i].option->name, name) == 0)
			return &cli->values[i];
	ASSERT(find_option(cli, name, strlen(name), 0) != NULL);
	return NULL;
}

bool
cli_given(const struct cli *cli, const char *name)
{
	return find_value(cli, name) != NULL;
}

bool
cli_flag(const struct cli *cli, const char *name)
{
	return find_value(cli, name) != NULL;
}

const char *
cli_text(const struct cli *cli, const char *name)
{
	const struct value *value = find_value(cli, name);

	return value != NULL ? value->text : NULL;
}

uint64_t
cli_number(const struct cli *cli, const char *name, uint64_t fallback)
{
	const struct value *value = find_value(cli, name);

	return value != NULL ? value->number : fallback;
}

uint64_t
cli_size(const struct cli *cli, const char *name, uint64_t fallback)
{
	return cli_number(cli, name, fallback);
}

int
cli_arg_nr(const struct cli *cli)
{
	return cli->arg_nr;
}

const char *
cli_arg(const struct cli *cli, int i)
{
	return i < cli->arg_nr ? cli->args[i] : NULL;
}

bool
cli_json(const struct cli *cli)
{
	return cli->json;
}

const char *
cli_command_name(const struct cli *cli)
{
	return cli->name;
}

void
cli_print(const struct cli *cli, const char *fmt, ...)
{
	va_list args;

	if (cli->json)
		return;
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
}

void
cli_note(const struct cli *cli, const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "%s: ", cli->program->name);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
}

void
cli_respond(struct cli *cli, struct json_object *response)
{
	if (cli->response != NULL)
		json_object_put(cli->response);
	cli->response = response;
}

/* ---- tables -------------------------------------------------------------------------------------------------------------------------------- */
void
cli_table_init(struct cli_table *table, const char *const *heads)
{
	*table = (struct cli_table){0};
	while (heads[table->column_nr] != NULL && table->column_nr < CLI_COLUMNS_MAX) {
		table->heads[table->column_nr] = heads[table->column_nr];
		table->column_nr++;
	}
}

void
cli_table_add(struct cli_table *table, const char *fmt, ...)
{
	char **cells = table->cells, *cell = NULL;
	va_list args;

	if (table->cell_nr == table->cell_room) {
		cells = realloc(cells, sizeof(*cells) * (size_t)(table->cell_room * 2 + 32));
		if (cells == NULL)
			return;
		table->cells = cells;
		table->cell_room = table->cell_room * 2 + 32;
	}
	va_start(args, fmt);
	if (vasprintf(&cell, fmt, args) < 0)
		cell = NULL;
	va_end(args);
	table->cells[table->cell_nr++] = cell != NULL ? clean(cell) : NULL;
	free(cell);
}

/* Characters, not bytes. */
static int
width(const char *text)
{
	int nr = 0;

	for (; *text != '\0'; text++)
		nr += ((unsigned char)*text & 0xc0) != 0x80;
	return nr;
}

static void
print_row(const struct cli *cli, const struct cli_table *table, const int *widths, int indent, const char *const *cells)
{
	cli_print(cli, "%*s", indent, "");
	for (int c = 0; c < table->column_nr; c++)
		cli_print(cli, "%s%*s", cells[c] != NULL ? cells[c] : "",
			  c + 1 < table->column_nr ? widths[c] + 2 - width(cells[c] != NULL ? cells[c] : "") : 1, c + 1 < table->column_nr ? "" : "\n");
}

void
cli_table_print(const struct cli *cli, struct cli_table *table, int indent)
{
	const char *dashes[CLI_COLUMNS_MAX];
	int widths[CLI_COLUMNS_MAX], rows = table->cell_nr / table->column_nr;

	for (int c = 0; c < table->column_nr; c++)
		widths[c] = (int)strlen(table->heads[c]);
	for (int i = 0; i < rows * table->column_nr; i++)
		if (table->cells[i] != NULL)
			widths[i % table->column_nr] = MAX(widths[i % table->column_nr], width(table->cells[i]));
	for (int c = 0; c < table->column_nr; c++)
		dashes[c] = &"--------------------------------"[32 - MIN(32, (int)strlen(table->heads[c]))];
	print_row(cli, table, widths, indent, table->heads);
	print_row(cli, table, widths, indent, dashes);
	for (int r = 0; r < rows; r++)
		print_row(cli, table, widths, indent, (const char *const *)&table->cells[r * table->column_nr]);
	for (int i = 0; i < table->cell_nr; i++)
		free(table->cells[i]);
	free(table->cells);
	*table = (struct cli_table){0};
}

/* ---- JSON ----------------------------------------------------------------------------------------------------------------------------------- */
void
cli_json_add(struct json_object *object, const char *name, struct json_object *value)
{
	json_object_object_add(object, name, value);
}

struct json_object *
cli_json_uuid(const unsigned char uuid[16])
{
	char text[TEXT_UUID_SIZE];

	return json_object_new_string(text_print_uuid(text, uuid));
}

struct json_object *
cli_json_string(const char *text)
{
	struct json_object *object;
	char *whole = NULL;

	/* JSON has its own words for control characters; for bytes that are none it has not. */
	for (size_t i = 0, n; text != NULL && whole == NULL && text[i] != '\0'; i += n) {
		n = (unsigned char)text[i] < 0x80 ? 1 : shown((const unsigned char *)text + i);
		if (n == 0)
			whole = clean(text);
		if (n == 0)
			break;
	}
	object = json_object_new_string(whole != NULL ? whole : text != NULL ? text : "");
	free(whole);
	return object;
}

struct json_object *
cli_json_u64(uint64_t value)
{
	return json_object_new_uint64(value);
}

struct json_object *
cli_json_u32_array(const uint32_t *values, uint32_t nr)
{
	struct json_object *array = json_object_new_array();

	for (uint32_t i = 0; i < nr; i++)
		json_object_array_add(array, json_object_new_int64(values[i]));
	return array;
}

struct json_object *
cli_json_rank_set(const uint32_t *values, uint32_t nr)
{
	char text[1024], whole[1040];

	snprintf(whole, sizeof(whole), "[%s]", cli_rank_set(text, sizeof(text), values, nr));
	return json_object_new_string(whole);
}

char *
cli_rank_set(char *buf, size_t size, const uint32_t *values, uint32_t nr)
{
	struct strbuf out;

	buf[0] = '\0';
	strbuf_init_fixed(&out, buf, size);
	text_print_ranks(&out, values, nr);
	return buf;
}
