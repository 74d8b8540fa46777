/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pure/prop: properties of pools and containers: one table with the name, the kind of value, the default and the limits of
 * each, and what follows from it: text, checks, lists, bytes. Structures and numbers are those of <daos_prop.h>.
 *
 * Lists, strings and blobs that a function makes are memory of the mem that was given, freed with prop_list_free.
 */
#ifndef PURE_PROP_H
#define PURE_PROP_H

#include <daos_prop.h>
#include "base/base.h"
#include "base/codec.h"
#include "base/text.h"
#include "pure/acl/acl.h"

/* ---- the table ---------------------------------------------------------------------------------------------------- */

/** Whose property it is. */
enum prop_class { PROP_POOL, PROP_CONT };

/** What kind of value an entry carries: dpe_val, unless said otherwise. */
enum prop_kind {
	PROP_NUMBER,    /* within limits */
	PROP_BYTES,     /* a size */
	PROP_SECONDS,
	PROP_PERCENT,
	PROP_CHOICE,    /* one of some words */
	PROP_BITS,      /* any of some words, joined by ";" */
	PROP_STATUS,    /* struct daos_co_status as a number */
	PROP_LABEL,     /* dpe_str: a label */
	PROP_PRINCIPAL, /* dpe_str: "name@" */
	PROP_ACL,       /* dpe_val_ptr: struct daos_acl */
	PROP_RANKS,     /* dpe_val_ptr: d_rank_list_t with the ranks behind it in the same block */
	PROP_ROOTS,     /* dpe_val_ptr: struct daos_prop_co_roots */
};

/** When a property may be given. */
enum {
	PROP_AT_CREATE = 1, /* by who creates the pool or container */
	PROP_AT_SET = 2,    /* changed later */
	PROP_IN_STRING = 4, /* named in the text of daos_prop_from_str */
};

struct prop_word {
	const char *word;
	uint64_t value;
};

struct prop_desc {
	uint32_t id;
	enum prop_kind kind;
	unsigned int when;
	int refusal;           /* what setting it answers when PROP_AT_SET is missing: -DER_NO_PERM or -DER_INVAL */
	const char *name;      /* NULL: not named in texts */
	const char *old_name;  /* another accepted spelling, or NULL */
	uint64_t least, most;  /* limits of a number */
	bool zero_too;         /* 0, "inherited", is allowed besides */
	uint64_t fallback;     /* default of a number */
	const char *text;      /* default of a string */
	const struct prop_word *words; /* of choices and bits: the first spelling of a value is printed; ends with a NULL word */
};

/** NULL when there is no such property. */
const struct prop_desc *prop_find(uint32_t id);
const struct prop_desc *prop_find_name(enum prop_class whose, struct text_span name);
/** The i-th property of a class in the order of numbers, from 0 on; NULL at the end. */
const struct prop_desc *prop_at(enum prop_class whose, unsigned int i);
enum prop_class prop_class_of(uint32_t id);
/** Whether dpe_str, dpe_val_ptr counts. */
bool prop_is_string(enum prop_kind kind);
bool prop_is_pointer(enum prop_kind kind);

/* ---- entries ------------------------------------------------------------------------------------------------------- */

/**
 * Whether the entry's value is one that its property can have: 0; -DER_INVAL. An entry that says it has none is fine.
 * Strings and blobs come from programs: they are checked here too.
 */
int prop_check(const struct daos_prop_entry *entry);
/** The same, and whether it may be given at this time (PROP_AT_CREATE or PROP_AT_SET): -DER_INVAL or -DER_NO_PERM. */
int prop_check_when(const struct daos_prop_entry *entry, unsigned int when);

/** Makes entry that property with its default. -DER_INVAL for an unknown id; -DER_NOMEM. */
int prop_set_default(struct mem *mem, uint32_t id, struct daos_prop_entry *entry);
/** Replaces the value of an entry, whose dpe_type says what it is, by a copy. -DER_INVAL when it is of another kind; -DER_NOMEM. */
int prop_set_text(struct mem *mem, struct daos_prop_entry *entry, struct text_span text);
int prop_set_acl(struct mem *mem, struct daos_prop_entry *entry, const struct daos_acl *acl);
int prop_set_ranks(struct mem *mem, struct daos_prop_entry *entry, const d_rank_t *ranks, uint32_t nr);
int prop_set_roots(struct mem *mem, struct daos_prop_entry *entry, const struct daos_prop_co_roots *roots);
/** Makes `to` a copy of `from`. -DER_NOMEM. */
int prop_copy(struct mem *mem, struct daos_prop_entry *to, const struct daos_prop_entry *from);
/** Frees what an entry carries; it has type 0 then. */
void prop_clear(struct mem *mem, struct daos_prop_entry *entry);
bool prop_equal(const struct daos_prop_entry *a, const struct daos_prop_entry *b);

/** Makes entry from a name and a value as people write them. -DER_NONEXIST for an unknown name; -DER_INVAL; -DER_NOMEM. */
int prop_parse(struct mem *mem, enum prop_class whose, struct text_span name, struct text_span value,
	       struct daos_prop_entry *entry);
/** Adds the value as text: what prop_parse reads, where the property has a name. "-" for an entry without a value. */
void prop_print(const struct daos_prop_entry *entry, struct strbuf *out);

/* ---- lists --------------------------------------------------------------------------------------------------------- */

/** A list of nr zeroed entries (at most DAOS_PROP_ENTRIES_MAX_NR: -DER_INVAL). -DER_NOMEM. */
int prop_list_create(struct mem *mem, uint32_t nr, daos_prop_t **list);
/** Frees a list with all that it carries; NULL is allowed. */
void prop_list_free(struct mem *mem, daos_prop_t *list);
/** The first entry of that property; NULL. */
struct daos_prop_entry *prop_list_find(const daos_prop_t *list, uint32_t id);
/** Every property of a class with its default. -DER_NOMEM. */
int prop_list_default(struct mem *mem, enum prop_class whose, daos_prop_t **list);
int prop_list_copy(struct mem *mem, const daos_prop_t *list, daos_prop_t **copy);
/** All entries of base, replaced and extended by those of over; either may be NULL. -DER_INVAL when too many; -DER_NOMEM. */
int prop_list_merge(struct mem *mem, const daos_prop_t *base, const daos_prop_t *over, daos_prop_t **merged);
/** Every entry as prop_check_when, of this class, none twice: the first error. when 0: values only. */
int prop_list_check(const daos_prop_t *list, enum prop_class whose, unsigned int when);
/**
 * Reads "name:value", joined by sep (";" in programs, "," for administrators). Only properties with all bits of `when`
 * may be named. -DER_INVAL for anything wrong; -DER_NOMEM.
 */
int prop_list_parse(struct mem *mem, enum prop_class whose, unsigned int when, struct text_span text, char sep,
		    daos_prop_t **list);

/* ---- bytes --------------------------------------------------------------------------------------------------------- */

/** An entry and a list as bytes; what they carry is checked by prop_check before, or follows its kind at least. */
void prop_pack(struct packer *packer, const struct daos_prop_entry *entry);
void prop_list_pack(struct packer *packer, const daos_prop_t *list);
/**
 * Reads hostile bytes. The unpacker keeps the error (-DER_PROTO for unknown properties and bad values, -DER_NOMEM); the
 * entry is empty, the list NULL then.
 */
void prop_unpack(struct mem *mem, struct unpacker *unpacker, struct daos_prop_entry *entry);
daos_prop_t *prop_list_unpack(struct mem *mem, struct unpacker *unpacker);
/** The blob of a pointer-valued property alone, for messages that carry type, number and text in fields of their own. */
void prop_blob_pack(struct packer *packer, const struct daos_prop_entry *entry);
/** Replaces the blob of an entry whose dpe_type is set. */
void prop_blob_unpack(struct mem *mem, struct unpacker *unpacker, struct daos_prop_entry *entry);

#endif
