/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libgurt: the environment of the process. getenv() and setenv() may not meet in two threads: one lock guards all calls
 * here, and values are copied or read before it is let go.
 */
#include <gurt/common.h>
#include <limits.h>
#include <strings.h>

static pthread_rwlock_t env_lock = PTHREAD_RWLOCK_INITIALIZER;

/* ---- text ------------------------------------------------------------------------------------------------------- */

bool
d_isenv_def(char *name)
{
	bool defined;

	if (name == NULL)
		return false;
	pthread_rwlock_rdlock(&env_lock);
	defined = getenv(name) != NULL;
	pthread_rwlock_unlock(&env_lock);
	return defined;
}

int
d_getenv_str(char *str_val, size_t str_size, const char *name)
{
	const char *value;
	size_t len;
	int rc = 0;

	if (str_val == NULL || str_size == 0 || name == NULL)
		return -DER_INVAL;
	pthread_rwlock_rdlock(&env_lock);
	value = getenv(name);
	if (value == NULL) {
		rc = -DER_NONEXIST;
	} else {
		len = strlen(value);
		if (len >= str_size) {
			len = str_size - 1;
			rc = -DER_TRUNC;
		}
		memcpy(str_val, value, len);
		str_val[len] = '\0';
	}
	pthread_rwlock_unlock(&env_lock);
	return rc;
}

int
d_agetenv_str(char **str_val, const char *name)
{
	const char *value;
	int rc = 0;

	if (str_val == NULL || name == NULL)
		return -DER_INVAL;
	*str_val = NULL;
	pthread_rwlock_rdlock(&env_lock);
	value = getenv(name);
	if (value == NULL) {
		rc = -DER_NONEXIST;
	} else {
		*str_val = d_strndup(value, strlen(value));
		if (*str_val == NULL)
			rc = -DER_NOMEM;
	}
	pthread_rwlock_unlock(&env_lock);
	return rc;
}

void
d_freeenv_str(char **str_val)
{
	if (str_val == NULL)
		return;
	d_free(*str_val);
	*str_val = NULL;
}

/* ---- values ----------------------------------------------------------------------------------------------------- */

int
d_getenv_bool(const char *name, bool *bool_val)
{
	static const char *const no[] = {"0", "n", "no", "f", "false", "off"};
	static const char *const yes[] = {"1", "y", "yes", "t", "true", "on"};
	char text[16];
	size_t i;
	int rc;

	if (bool_val == NULL)
		return -DER_INVAL;
	rc = d_getenv_str(text, sizeof(text), name);
	if (rc != 0)
		return rc == -DER_NONEXIST ? rc : -DER_INVAL;
	for (i = 0; i < ARRAY_SIZE(no); i++) {
		if (strcasecmp(text, no[i]) == 0 || strcasecmp(text, yes[i]) == 0) {
			*bool_val = strcasecmp(text, yes[i]) == 0;
			return 0;
		}
	}
	return -DER_INVAL;
}

int
d_getenv_char(const char *name, char *char_val)
{
	char text[2];
	int rc;

	if (char_val == NULL)
		return -DER_INVAL;
	rc = d_getenv_str(text, sizeof(text), name);
	if (rc != 0)
		return rc == -DER_NONEXIST ? rc : -DER_INVAL;
	if (text[0] == '\0')
		return -DER_INVAL;
	*char_val = text[0];
	return 0;
}

/** A number of 0 .. max, in decimal, octal (0...) or hexadecimal (0x...). */
static int
getenv_number(const char *name, uint64_t max, uint64_t *number)
{
	unsigned long long value;
	char text[64], *end;
	int rc;

	rc = d_getenv_str(text, sizeof(text), name);
	if (rc != 0)
		return rc == -DER_NONEXIST ? rc : -DER_INVAL;
	if (text[0] < '0' || text[0] > '9')
		return -DER_INVAL;
	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno != 0 || *end != '\0' || value > max)
		return -DER_INVAL;
	*number = value;
	return 0;
}

int
d_getenv_uint64_t(const char *name, uint64_t *uint64_val)
{
	return uint64_val == NULL ? -DER_INVAL : getenv_number(name, UINT64_MAX, uint64_val);
}

int
d_getenv_uint32_t(const char *name, uint32_t *uint32_val)
{
	uint64_t number;
	int rc;

	if (uint32_val == NULL)
		return -DER_INVAL;
	rc = getenv_number(name, UINT32_MAX, &number);
	if (rc == 0)
		*uint32_val = (uint32_t)number;
	return rc;
}

int
d_getenv_uint(const char *name, unsigned int *uint_val)
{
	return d_getenv_uint32_t(name, uint_val);
}

int
d_getenv_int(const char *name, unsigned int *uint_val)
{
	return d_getenv_uint32_t(name, uint_val);
}

/* ---- changes ---------------------------------------------------------------------------------------------------- */

int
d_putenv(char *name)
{
	int rc;

	pthread_rwlock_wrlock(&env_lock);
	rc = putenv(name);
	pthread_rwlock_unlock(&env_lock);
	return rc;
}

int
d_setenv(const char *name, const char *value, int overwrite)
{
	int rc;

	pthread_rwlock_wrlock(&env_lock);
	rc = setenv(name, value, overwrite);
	pthread_rwlock_unlock(&env_lock);
	return rc;
}

int
d_unsetenv(const char *name)
{
	int rc;

	pthread_rwlock_wrlock(&env_lock);
	rc = unsetenv(name);
	pthread_rwlock_unlock(&env_lock);
	return rc;
}

int
d_clearenv(void)
{
	int rc;

	pthread_rwlock_wrlock(&env_lock);
	rc = clearenv();
	pthread_rwlock_unlock(&env_lock);
	return rc;
}
