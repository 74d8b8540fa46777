/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libgurt: memory of client programs, strings that grow, arrays of pointers. The C library's allocator, with a hook
 * for a thread that wants to know what it takes and gives back.
 */
#include <gurt/common.h>
#include <malloc.h>

/** Bytes of the first buffer of a growing string. */
#define STRING_BUFFER_MIN 64
#define VEC_POINTERS_MIN 8

static __thread struct {
	d_alloc_track_cb_t alloc_cb, free_cb;
	void *arg;
} track;

/* ---- allocation ----------------------------------------------------------------------------------------------- */

void
d_set_alloc_track_cb(d_alloc_track_cb_t alloc_cb, d_alloc_track_cb_t free_cb, void *arg)
{
	track.alloc_cb = alloc_cb;
	track.free_cb = free_cb;
	track.arg = arg;
}

static void *
allocated(void *ptr)
{
	if (ptr != NULL && track.alloc_cb != NULL)
		track.alloc_cb(track.arg, malloc_usable_size(ptr));
	return ptr;
}

static void
freeing(void *ptr)
{
	if (ptr != NULL && track.free_cb != NULL)
		track.free_cb(track.arg, malloc_usable_size(ptr));
}

void
d_free(void *ptr)
{
	freeing(ptr);
	free(ptr);
}

void *
d_calloc(size_t nmemb, size_t size)
{
	return allocated(calloc(nmemb, size));
}

void *
d_malloc(size_t size)
{
	return allocated(malloc(size));
}

void *
d_realloc(void *ptr, size_t size)
{
	size_t old_size = ptr == NULL ? 0 : malloc_usable_size(ptr);
	void *new_ptr = realloc(ptr, size);

	if ((new_ptr != NULL || size == 0) && ptr != NULL && track.free_cb != NULL)
		track.free_cb(track.arg, old_size);
	return allocated(new_ptr);
}

char *
d_strndup(const char *s, size_t n)
{
	return allocated(strndup(s, n));
}

int
d_asprintf(char **strp, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vasprintf(strp, fmt, ap);
	va_end(ap);
	if (len < 0)
		*strp = NULL;
	allocated(*strp);
	return len;
}

char *
d_asprintf2(int *rc, const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	*rc = vasprintf(&text, fmt, ap);
	va_end(ap);
	return *rc < 0 ? NULL : allocated(text);
}

void *
d_aligned_alloc(size_t alignment, size_t size, bool zero)
{
	void *ptr = aligned_alloc(alignment, size);

	if (ptr != NULL && zero)
		memset(ptr, 0, size);
	return allocated(ptr);
}

char *
d_realpath(const char *path, char *resolved_path)
{
	char *real = realpath(path, resolved_path);

	return resolved_path == NULL ? allocated(real) : real;
}

/* ---- strings that grow ---------------------------------------------------------------------------------------- */

int
d_write_string_buffer(struct d_string_buffer_t *buf, const char *fmt, ...)
{
	va_list ap;
	size_t room;
	char *str;
	int len;

	if (buf == NULL)
		return -DER_INVAL;
	if (buf->status != 0)
		return buf->status;
	if (buf->str == NULL) {
		buf->str = d_calloc(1, STRING_BUFFER_MIN);
		if (buf->str == NULL)
			return buf->status = -DER_NOMEM;
		buf->buf_size = STRING_BUFFER_MIN;
		buf->str_size = 0;
	}
	for (;;) {
		room = buf->buf_size - buf->str_size;
		va_start(ap, fmt);
		len = vsnprintf(buf->str + buf->str_size, room, fmt, ap);
		va_end(ap);
		if (len < 0)
			return buf->status = -DER_TRUNC;
		if ((size_t)len < room) {
			buf->str_size += len;
			return 0;
		}
		while (buf->buf_size - buf->str_size <= (size_t)len)
			buf->buf_size *= 2;
		str = d_realloc(buf->str, buf->buf_size);
		if (str == NULL) {
			d_free_string(buf);
			return buf->status = -DER_NOMEM;
		}
		buf->str = str;
	}
}

void
d_free_string(struct d_string_buffer_t *buf)
{
	d_free(buf->str);
	memset(buf, 0, sizeof(*buf));
}

/* ---- arrays of pointers --------------------------------------------------------------------------------------- */

int
d_vec_pointers_init(struct d_vec_pointers *pointers, uint32_t cap)
{
	memset(pointers, 0, sizeof(*pointers));
	if (cap == 0)
		return 0;
	pointers->p_buf = d_calloc(cap, sizeof(*pointers->p_buf));
	if (pointers->p_buf == NULL)
		return -DER_NOMEM;
	pointers->p_cap = cap;
	return 0;
}

void
d_vec_pointers_fini(struct d_vec_pointers *pointers)
{
	d_free(pointers->p_buf);
	memset(pointers, 0, sizeof(*pointers));
}

int
d_vec_pointers_append(struct d_vec_pointers *pointers, void *pointer)
{
	if (pointers->p_len == pointers->p_cap) {
		uint32_t cap = pointers->p_cap == 0 ? VEC_POINTERS_MIN : pointers->p_cap * 2;
		void **buf;

		if (cap <= pointers->p_cap)
			return -DER_OVERFLOW;
		buf = d_realloc(pointers->p_buf, (size_t)cap * sizeof(*buf));
		if (buf == NULL)
			return -DER_NOMEM;
		pointers->p_buf = buf;
		pointers->p_cap = cap;
	}
	pointers->p_buf[pointers->p_len++] = pointer;
	return 0;
}
