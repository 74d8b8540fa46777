/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pure/prop: entries and lists: values, text, checks.
 *
 * Invariants
 *  I1  What an entry carries beside a number is its own: one block of memory, copied in and freed with it.
 *  I2  An entry whose property has a name reads the same again after printing.
 *  I3  A function that fails leaves its entry as it was or empty, and no memory behind.
 */
#include "pure/prop/prop.h"
#include "own.h"

/* ---- values ------------------------------------------------------------------------------------------------------- */

static const struct prop_word *
word_of(const struct prop_desc *desc, uint64_t value)
{
	for (const struct prop_word *word = desc->words; word != NULL && word->word != NULL; word++)
		if (word->value == value)
			return word;
	return NULL;
}

static bool
number_fits(const struct prop_desc *desc, uint64_t value)
{
	struct daos_co_status status;

	switch (desc->kind) {
	case PROP_CHOICE:
		return word_of(desc, value) != NULL;
	case PROP_STATUS:
		daos_prop_val_2_co_status(value, &status);
		return status.dcs_status <= DAOS_PROP_CO_UNCLEAN && (status.dcs_flags & ~DAOS_PROP_CO_CLEAR) == 0;
	case PROP_BYTES:
		/* Cells are cut into blocks. */
		if (desc->least >= 4096 && value % 4096 != 0)
			return false;
		break;
	default:
		break;
	}
	return (value >= desc->least && value <= desc->most) || (value == 0 && desc->zero_too);
}

static bool
string_fits(enum prop_kind kind, const char *text)
{
	return kind == PROP_LABEL ? text_label_is_valid(text) : ace_principal_is_valid(text);
}

static bool
pointer_fits(const struct prop_desc *desc, const void *value)
{
	const struct daos_acl *acl = value;
	const d_rank_list_t *ranks = value;

	if (value == NULL)
		return false;
	switch (desc->kind) {
	case PROP_ACL:
		return acl_check(acl, acl_size(acl)) == 0 &&
		       (prop_class_of(desc->id) == PROP_POOL ? acl_check_pool(acl) : acl_check_cont(acl)) == 0;
	case PROP_RANKS:
		return ranks->rl_nr <= PROP_RANKS_MAX && (ranks->rl_nr == 0 || ranks->rl_ranks != NULL);
	default:
		return true;
	}
}

int
prop_check(const struct daos_prop_entry *entry)
{
	const struct prop_desc *desc = prop_find(entry->dpe_type);
	bool fits;

	if (desc == NULL || entry->dpe_reserv != 0 || (entry->dpe_flags & ~DAOS_PROP_ENTRY_NOT_SET) != 0)
		return -DER_INVAL;
	if (entry->dpe_flags & DAOS_PROP_ENTRY_NOT_SET)
		return 0;
	if (prop_is_string(desc->kind))
		fits = string_fits(desc->kind, entry->dpe_str);
	else if (prop_is_pointer(desc->kind))
		fits = pointer_fits(desc, entry->dpe_val_ptr);
	else
		fits = number_fits(desc, entry->dpe_val);
	return fits ? 0 : -DER_INVAL;
}

int
prop_check_when(const struct daos_prop_entry *entry, unsigned int when)
{
	const struct prop_desc *desc = prop_find(entry->dpe_type);
	struct daos_co_status status;
	int rc;

	if (desc == NULL || (entry->dpe_flags & DAOS_PROP_ENTRY_NOT_SET) != 0)
		return -DER_INVAL;
	if ((desc->when & when) != when)
		return when == PROP_AT_SET ? desc->refusal : -DER_INVAL;
	rc = prop_check(entry);
	if (rc == 0 && desc->kind == PROP_STATUS) {
		daos_prop_val_2_co_status(entry->dpe_val, &status);
		rc = status.dcs_status == DAOS_PROP_CO_HEALTHY ? 0 : -DER_INVAL;
	}
	return rc;
}

/* ---- changing entries ---------------------------------------------------------------------------------------------- */

void
prop_clear(struct mem *mem, struct daos_prop_entry *entry)
{
	const struct prop_desc *desc = prop_find(entry->dpe_type);

	if (desc != NULL && prop_is_string(desc->kind))
		mem_free(mem, entry->dpe_str);
	else if (desc != NULL && prop_is_pointer(desc->kind))
		mem_free(mem, entry->dpe_val_ptr);
	*entry = (struct daos_prop_entry){0};
}

void
prop__replace(struct mem *mem, struct daos_prop_entry *entry, void *value)
{
	uint32_t type = entry->dpe_type;

	prop_clear(mem, entry);
	entry->dpe_type = type;
	entry->dpe_val_ptr = value;
}

static bool
is_kind(const struct daos_prop_entry *entry, enum prop_kind kind)
{
	const struct prop_desc *desc = prop_find(entry->dpe_type);

	return desc != NULL && desc->kind == kind;
}

int
prop_set_text(struct mem *mem, struct daos_prop_entry *entry, struct text_span text)
{
	const struct prop_desc *desc = prop_find(entry->dpe_type);
	char *copy;

	if (desc == NULL || !prop_is_string(desc->kind))
		return -DER_INVAL;
	copy = mem_alloc(mem, text.len + 1);
	if (copy == NULL)
		return -DER_NOMEM;
	if (text_copy(text, copy, text.len + 1) != 0 || !string_fits(desc->kind, copy)) {
		mem_free(mem, copy);
		return -DER_INVAL;
	}
	prop__replace(mem, entry, copy);
	return 0;
}

int
prop_set_acl(struct mem *mem, struct daos_prop_entry *entry, const struct daos_acl *acl)
{
	struct daos_acl *copy;
	int rc;

	if (!is_kind(entry, PROP_ACL) || acl_check(acl, acl_size(acl)) != 0)
		return -DER_INVAL;
	rc = acl_copy(mem, acl, &copy);
	if (rc == 0)
		prop__replace(mem, entry, copy);
	return rc;
}

int
prop_set_ranks(struct mem *mem, struct daos_prop_entry *entry, const d_rank_t *ranks, uint32_t nr)
{
	d_rank_list_t *copy;

	if (!is_kind(entry, PROP_RANKS) || nr > PROP_RANKS_MAX)
		return -DER_INVAL;
	copy = mem_alloc(mem, sizeof(*copy) + sizeof(*ranks) * nr);
	if (copy == NULL)
		return -DER_NOMEM;
	copy->rl_ranks = (d_rank_t *)(copy + 1);
	copy->rl_nr = nr;
	if (nr > 0)
		memcpy(copy->rl_ranks, ranks, sizeof(*ranks) * nr);
	prop__replace(mem, entry, copy);
	return 0;
}

int
prop_set_roots(struct mem *mem, struct daos_prop_entry *entry, const struct daos_prop_co_roots *roots)
{
	struct daos_prop_co_roots *copy;

	if (!is_kind(entry, PROP_ROOTS))
		return -DER_INVAL;
	copy = MEM_NEW(mem, struct daos_prop_co_roots);
	if (copy == NULL)
		return -DER_NOMEM;
	*copy = *roots;
	prop__replace(mem, entry, copy);
	return 0;
}

int
prop_copy(struct mem *mem, struct daos_prop_entry *to, const struct daos_prop_entry *from)
{
	const struct prop_desc *desc = prop_find(from->dpe_type);
	const d_rank_list_t *ranks;

	*to = (struct daos_prop_entry){.dpe_type = from->dpe_type};
	if (desc == NULL || (from->dpe_flags & DAOS_PROP_ENTRY_NOT_SET) != 0 ||
	    (prop_is_pointer(desc->kind) && from->dpe_val_ptr == NULL) ||
	    (prop_is_string(desc->kind) && from->dpe_str == NULL)) {
		to->dpe_flags = from->dpe_flags;
		return 0;
	}
	switch (desc->kind) {
	case PROP_LABEL:
	case PROP_PRINCIPAL:
		to->dpe_str = mem_strdup(mem, from->dpe_str);
		return to->dpe_str != NULL ? 0 : -DER_NOMEM;
	case PROP_ACL:
		return prop_set_acl(mem, to, from->dpe_val_ptr);
	case PROP_RANKS:
		ranks = from->dpe_val_ptr;
		return prop_set_ranks(mem, to, ranks->rl_ranks, ranks->rl_nr);
	case PROP_ROOTS:
		return prop_set_roots(mem, to, from->dpe_val_ptr);
	default:
		to->dpe_val = from->dpe_val;
		return 0;
	}
}

static bool
same_value(enum prop_kind kind, const struct daos_prop_entry *a, const struct daos_prop_entry *b)
{
	const d_rank_list_t *x = a->dpe_val_ptr, *y = b->dpe_val_ptr;

	if (!prop_is_string(kind) && !prop_is_pointer(kind))
		return a->dpe_val == b->dpe_val;
	if (a->dpe_val_ptr == NULL || b->dpe_val_ptr == NULL)
		return a->dpe_val_ptr == b->dpe_val_ptr;
	switch (kind) {
	case PROP_ACL:
		return acl_equal(a->dpe_val_ptr, b->dpe_val_ptr);
	case PROP_RANKS:
		return x->rl_nr == y->rl_nr &&
		       (x->rl_nr == 0 || memcmp(x->rl_ranks, y->rl_ranks, sizeof(d_rank_t) * x->rl_nr) == 0);
	case PROP_ROOTS:
		return memcmp(a->dpe_val_ptr, b->dpe_val_ptr, sizeof(struct daos_prop_co_roots)) == 0;
	default:
		return strcmp(a->dpe_str, b->dpe_str) == 0;
	}
}

bool
prop_equal(const struct daos_prop_entry *a, const struct daos_prop_entry *b)
{
	const struct prop_desc *desc = prop_find(a->dpe_type);

	if (a->dpe_type != b->dpe_type || a->dpe_flags != b->dpe_flags)
		return false;
	return desc == NULL || (a->dpe_flags & DAOS_PROP_ENTRY_NOT_SET) != 0 || same_value(desc->kind, a, b);
}

int
prop_set_default(struct mem *mem, uint32_t id, struct daos_prop_entry *entry)
{
	static const struct daos_prop_co_roots no_roots;
	const struct prop_desc *desc = prop_find(id);
	struct daos_acl *acl;
	int rc;

	*entry = (struct daos_prop_entry){.dpe_type = id};
	if (desc == NULL)
		return -DER_INVAL;
	switch (desc->kind) {
	case PROP_LABEL:
	case PROP_PRINCIPAL:
		return prop_set_text(mem, entry, text_span_of(desc->text));
	case PROP_RANKS:
		return prop_set_ranks(mem, entry, NULL, 0);
	case PROP_ROOTS:
		return prop_set_roots(mem, entry, &no_roots);
	case PROP_ACL:
		rc = prop_class_of(id) == PROP_POOL ? acl_default_pool(mem, &acl) : acl_default_cont(mem, &acl);
		if (rc == 0)
			prop__replace(mem, entry, acl);
		return rc;
	default:
		entry->dpe_val = desc->fallback;
		return 0;
	}
}

/* ---- text --------------------------------------------------------------------------------------------------------- */

static bool
parse_word(const struct prop_desc *desc, struct text_span text, uint64_t *value)
{
	for (const struct prop_word *word = desc->words; word != NULL && word->word != NULL; word++) {
		if (text_equal_nocase(text, word->word)) {
			*value = word->value;
			return true;
		}
	}
	return false;
}

static int
parse_bits(const struct prop_desc *desc, struct text_span text, uint64_t *value)
{
	struct text_span piece;
	bool none = false;
	uint64_t bit;

	*value = 0;
	while (text_split(&text, ';', &piece)) {
		if (!parse_word(desc, text_trim(piece), &bit))
			return -DER_INVAL;
		none |= bit == 0;
		*value |= bit;
	}
	return none && *value != 0 ? -DER_INVAL : 0;
}

static int
parse_number(const struct prop_desc *desc, struct text_span text, uint64_t *value)
{
	char copy[64];
	uint32_t percent;
	uint64_t ns;
	int rc;

	if (desc->kind == PROP_BITS)
		return parse_bits(desc, text, value);
	if (desc->kind == PROP_STATUS) {
		/* Said by who has repaired it: the flag clears what was found. */
		*value = DAOS_PROP_CO_STATUS_VAL(DAOS_PROP_CO_HEALTHY, DAOS_PROP_CO_CLEAR, 0);
		return text_equal_nocase(text, "healthy") ? 0 : -DER_INVAL;
	}
	if (parse_word(desc, text, value))
		return 0;
	if (desc->kind == PROP_CHOICE || text_copy(text, copy, sizeof(copy)) != 0)
		return -DER_INVAL;
	switch (desc->kind) {
	case PROP_BYTES:
		rc = text_parse_u64(copy, value);
		return rc == 0 ? 0 : text_parse_size(copy, value);
	case PROP_PERCENT:
		rc = text_parse_percent(copy, &percent);
		*value = rc == 0 ? percent : 0;
		return rc;
	case PROP_SECONDS:
		rc = text_parse_duration(copy, &ns);
		*value = rc == 0 ? ns / NS_PER_S : 0;
		return rc == 0 && ns % NS_PER_S != 0 ? -DER_INVAL : rc;
	default:
		return text_parse_u64(copy, value);
	}
}

int
prop_parse(struct mem *mem, enum prop_class whose, struct text_span name, struct text_span value,
	   struct daos_prop_entry *entry)
{
	const struct prop_desc *desc = prop_find_name(whose, text_trim(name));
	int rc;

	*entry = (struct daos_prop_entry){0};
	if (desc == NULL)
		return -DER_NONEXIST;
	entry->dpe_type = desc->id;
	value = text_trim(value);
	if (prop_is_string(desc->kind))
		rc = prop_set_text(mem, entry, value);
	else if (prop_is_pointer(desc->kind))
		rc = -DER_INVAL;
	else if (parse_number(desc, value, &entry->dpe_val) != 0)
		rc = -DER_INVAL;
	else
		rc = prop_check(entry);
	if (rc != 0)
		*entry = (struct daos_prop_entry){0};
	return rc;
}

static void
print_bits(const struct prop_desc *desc, uint64_t value, struct strbuf *out)
{
	const struct prop_word *word = desc->words;
	const char *between = "";

	for (; word->word != NULL; word++) {
		if (value == 0 ? word->value != 0 : (value & word->value) == 0)
			continue;
		strbuf_addf(out, "%s%s", between, word->word);
		between = ";";
	}
}

static void
print_number(const struct prop_desc *desc, uint64_t value, struct strbuf *out)
{
	const struct prop_word *word = word_of(desc, value);
	struct daos_co_status status;
	char size[TEXT_SIZE_MAX];
	uint64_t again;

	switch (desc->kind) {
	case PROP_BITS:
		print_bits(desc, value, out);
		break;
	case PROP_STATUS:
		daos_prop_val_2_co_status(value, &status);
		strbuf_add(out, status.dcs_status == DAOS_PROP_CO_HEALTHY ? "HEALTHY" : "UNCLEAN");
		break;
	case PROP_PERCENT:
		strbuf_addf(out, "%llu%%", (unsigned long long)value);
		break;
	case PROP_BYTES:
		/* In units where that loses nothing. */
		if (text_parse_size(text_print_size(size, value), &again) == 0 && again == value)
			strbuf_add(out, size);
		else
			strbuf_addf(out, "%llu", (unsigned long long)value);
		break;
	default:
		if (word != NULL)
			strbuf_add(out, word->word);
		else
			strbuf_addf(out, "%llu", (unsigned long long)value);
	}
}

static void
print_pointer(enum prop_kind kind, const void *value, struct strbuf *out)
{
	const struct daos_prop_co_roots *roots = value;
	const d_rank_list_t *ranks = value;

	if (kind == PROP_ACL) {
		acl_print(value, NULL, NULL, false, out);
	} else if (kind == PROP_RANKS) {
		strbuf_add_char(out, '[');
		text_print_ranks(out, ranks->rl_ranks, ranks->rl_nr);
		strbuf_add_char(out, ']');
	} else {
		for (size_t i = 0; i < ARRAY_SIZE(roots->cr_oids); i++)
			strbuf_addf(out, "%s%llu.%llu", i > 0 ? " " : "", (unsigned long long)roots->cr_oids[i].hi,
				    (unsigned long long)roots->cr_oids[i].lo);
	}
}

void
prop_print(const struct daos_prop_entry *entry, struct strbuf *out)
{
	const struct prop_desc *desc = prop_find(entry->dpe_type);
	bool by_pointer = desc != NULL && (prop_is_string(desc->kind) || prop_is_pointer(desc->kind));

	if (desc == NULL || (entry->dpe_flags & DAOS_PROP_ENTRY_NOT_SET) != 0 || (by_pointer && entry->dpe_val_ptr == NULL))
		strbuf_add_char(out, '-');
	else if (prop_is_string(desc->kind))
		strbuf_add(out, entry->dpe_str);
	else if (by_pointer)
		print_pointer(desc->kind, entry->dpe_val_ptr, out);
	else
		print_number(desc, entry->dpe_val, out);
}
