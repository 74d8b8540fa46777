/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libgurt: faults on purpose. A table of attributes by number, from calls and from a file of this shape (a subset of
 * YAML, one key a line, blanks and comments ignored):
 *
 *      seed: 42
 *      fault_config:
 *       - id: 1
 *         probability_x: 1
 *         probability_y: 10
 *         interval: 0
 *         max_faults: 3
 *         err_code: 1009
 *         argument: text
 *
 *  I1  An attribute never moves nor goes until the last d_fault_inject_fini(): places keep pointers to theirs.
 *  I2  Whether a fault strikes is decided under the lock of its attribute, from random numbers of its own.
 */
#include <ctype.h>
#include <gurt/common.h>
#include <gurt/fault_inject.h>
#include <gurt/hash.h>

#define LINE_MAX_LEN 512

struct fault {
	struct d_fault_attr_t attr;
	struct fault *next;
};

static pthread_mutex_t faults_lock = PTHREAD_MUTEX_INITIALIZER;
static struct fault *faults;
static int users;
static uint32_t seed;
static _Atomic bool enabled;
static _Atomic bool thread_default = true;
/** What a thread said of itself: nothing, on, off. */
static __thread enum { SAYS_NOTHING, SAYS_ON, SAYS_OFF } thread_says;

/* ---- attributes ------------------------------------------------------------------------------------------------- */

static struct fault *
find(uint32_t id)
{
	struct fault *fault;

	for (fault = faults; fault != NULL && fault->attr.fa_id != id; fault = fault->next)
		;
	return fault;
}

static void
copy_attr(struct d_fault_attr_t *to, const struct d_fault_attr_t *from, uint32_t id, char *argument)
{
	D_SPIN_LOCK(&to->fa_lock);
	to->fa_id = id;
	to->fa_interval = from->fa_interval;
	to->fa_max_faults = from->fa_max_faults;
	to->fa_num_faults = 0;
	to->fa_num_hits = 0;
	to->fa_err_code = from->fa_err_code;
	to->fa_probability_x = from->fa_probability_x;
	to->fa_probability_y = from->fa_probability_y;
	to->fa_rand_state[0] = 0x330e;
	to->fa_rand_state[1] = (unsigned short)(seed ^ id);
	to->fa_rand_state[2] = (unsigned short)((seed ^ id) >> 16);
	d_free(to->fa_argument);
	to->fa_argument = argument;
	D_SPIN_UNLOCK(&to->fa_lock);
}

/** Under faults_lock. */
static int
set_attr(uint32_t id, const struct d_fault_attr_t *attr)
{
	struct fault *fault = find(id);
	char *argument = NULL;
	int rc;

	if (attr->fa_probability_y != 0 && attr->fa_probability_x > attr->fa_probability_y)
		return -DER_INVAL;
	if (attr->fa_argument != NULL) {
		argument = d_strndup(attr->fa_argument, strlen(attr->fa_argument));
		if (argument == NULL)
			return -DER_NOMEM;
	}
	if (fault == NULL) {
		fault = d_calloc(1, sizeof(*fault));
		rc = fault == NULL ? -DER_NOMEM :
				     d_errno2der(pthread_spin_init(&fault->attr.fa_lock, PTHREAD_PROCESS_PRIVATE));
		if (rc != 0) {
			d_free(fault);
			d_free(argument);
			return rc;
		}
		fault->next = faults;
		faults = fault;
	}
	copy_attr(&fault->attr, attr, id, argument);
	return 0;
}

int
d_fault_attr_set(uint32_t fault_id, struct d_fault_attr_t fa_in)
{
	int rc;

	D_MUTEX_LOCK(&faults_lock);
	rc = set_attr(fault_id, &fa_in);
	D_MUTEX_UNLOCK(&faults_lock);
	return rc;
}

struct d_fault_attr_t *
d_fault_attr_lookup(uint32_t fault_id)
{
	struct fault *fault;

	D_MUTEX_LOCK(&faults_lock);
	fault = find(fault_id);
	D_MUTEX_UNLOCK(&faults_lock);
	return fault == NULL ? NULL : &fault->attr;
}

int
d_fault_attr_err_code(uint32_t fault_id)
{
	struct d_fault_attr_t *attr = d_fault_attr_lookup(fault_id);

	return attr == NULL ? 0 : attr->fa_err_code;
}

/* ---- striking --------------------------------------------------------------------------------------------------- */

bool
d_should_fail(struct d_fault_attr_t *fault_attr_ptr)
{
	struct d_fault_attr_t *attr = fault_attr_ptr;
	bool fail;

	if (attr == NULL || !atomic_load_relaxed(&enabled))
		return false;
	if (thread_says == SAYS_OFF || (thread_says == SAYS_NOTHING && !atomic_load_relaxed(&thread_default)))
		return false;
	D_SPIN_LOCK(&attr->fa_lock);
	attr->fa_num_hits++;
	fail = attr->fa_probability_x != 0 && (attr->fa_max_faults == 0 || attr->fa_num_faults < attr->fa_max_faults) &&
	       (attr->fa_interval == 0 || attr->fa_num_hits % attr->fa_interval == 0);
	if (fail && attr->fa_probability_y > attr->fa_probability_x)
		fail = (uint64_t)nrand48(attr->fa_rand_state) % attr->fa_probability_y < attr->fa_probability_x;
	if (fail)
		attr->fa_num_faults++;
	D_SPIN_UNLOCK(&attr->fa_lock);
	return fail;
}

void
d_fault_inject_thread_enable(bool on)
{
	thread_says = on ? SAYS_ON : SAYS_OFF;
}

void
d_fault_inject_thread_default_enable(bool on)
{
	atomic_store_relaxed(&thread_default, on);
}

bool
d_fault_inject_is_enabled(void)
{
	return atomic_load_relaxed(&enabled);
}

static int
set_enabled(bool on)
{
	int rc = -DER_UNINIT;

	D_MUTEX_LOCK(&faults_lock);
	if (users > 0) {
		atomic_store_relaxed(&enabled, on);
		rc = 0;
	}
	D_MUTEX_UNLOCK(&faults_lock);
	return rc;
}

int
d_fault_inject_enable(void)
{
	return set_enabled(true);
}

int
d_fault_inject_disable(void)
{
	return set_enabled(false);
}

/* ---- the file --------------------------------------------------------------------------------------------------- */

/** Cuts a line into key and value, without blanks, dash and comment. Whether there is a key. */
static bool
split_line(char *line, char **key, char **value)
{
	char *end;

	end = strchr(line, '#');
	if (end != NULL)
		*end = '\0';
	while (isspace((unsigned char)*line) || *line == '-')
		line++;
	*key = line;
	line = strchr(line, ':');
	if (line == NULL)
		return false;
	*line++ = '\0';
	while (isspace((unsigned char)*line))
		line++;
	end = line + strlen(line);
	while (end > line && isspace((unsigned char)end[-1]))
		*--end = '\0';
	*value = line;
	return true;
}

/** Sets one field of an attribute; false: no such field. */
static bool
set_field(struct d_fault_attr_t *attr, const char *key, const char *value)
{
	long long number = strtoll(value, NULL, 0);

	if (strcmp(key, "probability_x") == 0)
		attr->fa_probability_x = (uint32_t)number;
	else if (strcmp(key, "probability_y") == 0)
		attr->fa_probability_y = (uint32_t)number;
	else if (strcmp(key, "interval") == 0)
		attr->fa_interval = (uint32_t)number;
	else if (strcmp(key, "max_faults") == 0)
		attr->fa_max_faults = (uint64_t)number;
	else if (strcmp(key, "err_code") == 0)
		attr->fa_err_code = (int32_t)number;
	else
		return false;
	return true;
}

/** Under faults_lock. An attribute is set anew with every line that belongs to it. */
static int
read_config(FILE *file)
{
	char line[LINE_MAX_LEN], argument[LINE_MAX_LEN] = "", *key, *value;
	struct d_fault_attr_t attr = {0};
	bool in_fault = false;
	uint32_t id = 0;
	int rc = 0;

	while (rc == 0 && fgets(line, sizeof(line), file) != NULL) {
		if (!split_line(line, &key, &value))
			continue;
		if (strcmp(key, "seed") == 0) {
			seed = (uint32_t)strtoul(value, NULL, 0);
		} else if (strcmp(key, "id") == 0) {
			id = (uint32_t)strtoul(value, NULL, 0);
			memset(&attr, 0, sizeof(attr));
			in_fault = true;
		} else if (in_fault && strcmp(key, "argument") == 0) {
			snprintf(argument, sizeof(argument), "%s", value);
			attr.fa_argument = argument;
		} else if (in_fault && !set_field(&attr, key, value)) {
			D_ERROR("fault configuration: unknown key '%s'\n", key);
			rc = -DER_INVAL;
		}
		/* x may come before y in the file. */
		if (rc == 0 && in_fault && (attr.fa_probability_y == 0 || attr.fa_probability_x <= attr.fa_probability_y))
			rc = set_attr(id, &attr);
	}
	return rc;
}

static int
read_config_of_environment(void)
{
	char *path = NULL;
	FILE *file;
	int rc;

	rc = d_agetenv_str(&path, D_FAULT_CONFIG_ENV);
	if (rc != 0)
		return rc == -DER_NONEXIST ? 0 : rc;
	file = fopen(path, "re");
	if (file == NULL) {
		rc = d_errno2der(errno);
		D_ERROR("cannot open the fault configuration %s: " DF_RC "\n", path, DP_RC(rc));
	} else {
		rc = read_config(file);
		fclose(file);
		atomic_store_relaxed(&enabled, rc == 0);
	}
	d_freeenv_str(&path);
	return rc;
}

static void
faults_free(void)
{
	while (faults != NULL) {
		struct fault *fault = faults;

		faults = fault->next;
		pthread_spin_destroy(&fault->attr.fa_lock);
		d_free(fault->attr.fa_argument);
		d_free(fault);
	}
}

int
d_fault_inject_init(void)
{
	int rc = 0;

	D_MUTEX_LOCK(&faults_lock);
	if (users == 0)
		rc = read_config_of_environment();
	if (rc == 0)
		users++;
	else
		faults_free();
	D_MUTEX_UNLOCK(&faults_lock);
	return rc;
}

int
d_fault_inject_fini(void)
{
	int rc = 0;

	D_MUTEX_LOCK(&faults_lock);
	if (users == 0) {
		rc = -DER_UNINIT;
	} else if (--users == 0) {
		atomic_store_relaxed(&enabled, false);
		faults_free();
	}
	D_MUTEX_UNLOCK(&faults_lock);
	return rc;
}
