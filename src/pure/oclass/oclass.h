/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pure/oclass: object classes: how an object is protected and over how many redundancy groups it is spread; their names,
 * their choice, and the object ids that carry them. Numbers are those of <daos_obj_class.h> and <daos_obj.h>.
 */
#ifndef PURE_OCLASS_H
#define PURE_OCLASS_H

#include <daos_obj.h>
#include "base/base.h"
#include "base/text.h"

/** A class taken apart. */
struct oclass {
	uint16_t ordinal;    /* enum daos_obj_redun: the shape of a group */
	bool ec;             /* erasure code, else replicas */
	uint16_t data;       /* data cells of a stripe; 1 for replicas */
	uint16_t parity;     /* parity cells, or replicas but one: failures that a group survives */
	uint16_t group_size; /* shards of a group: data + parity */
	uint32_t groups;     /* 1 to 65534, or MAX_NUM_GROUPS: as many as there is room for */
};

/** Takes a class number apart. -DER_INVAL when it is none (the automatic families have no shape). */
int oclass_get(daos_oclass_id_t id, struct oclass *oclass);
/** The class of an object, with the number of groups that it has. -DER_INVAL. */
int oclass_of(daos_obj_id_t oid, struct oclass *oclass);
/** The number of a shape and a number of groups. */
daos_oclass_id_t oclass_id(uint16_t ordinal, uint32_t groups);
/** In the words of the interface. -DER_INVAL. */
int oclass_attr(daos_oclass_id_t id, struct daos_oclass_attr *attr);

/* ---- names -------------------------------------------------------------------------------------------------------- */

/** The number of a registered name ("S1", "RP_2G1", "EC_4P2GX", "RP_XSF"): exact; OC_UNKNOWN for others. */
daos_oclass_id_t oclass_parse(const char *name);
/** The name of a class number, also of one that is not registered ("S3"). -DER_INVAL, and "UNKNOWN". */
int oclass_print(daos_oclass_id_t id, char name[MAX_OBJ_CLASS_NAME_LEN + 1]);
/** The i-th registered class, from 0 on; OC_UNKNOWN at the end. */
daos_oclass_id_t oclass_at(unsigned int i);
/** Adds all registered names, separated by ", ". */
void oclass_print_all(struct strbuf *out);

/* ---- choice -------------------------------------------------------------------------------------------------------- */

/** What an object is to be, and where. */
struct oclass_want {
	daos_oclass_id_t id;       /* OC_UNKNOWN: choose */
	enum daos_otype_t type;
	daos_oclass_hints_t hints; /* DAOS_OCH_*, for OC_UNKNOWN */
	uint32_t redun_fac;        /* of the container */
	uint32_t domain_nr;        /* fault domains of the pool at the container's redundancy level */
	uint32_t target_nr;        /* targets of the pool */
	int64_t reserve;           /* targets kept free for rebuild; negative: by the rule */
};

/**
 * The class with its final number of groups, never "as many as there is room for". -DER_INVAL when a class is none, or the
 * pool has too few fault domains or targets for it.
 */
int oclass_choose(const struct oclass_want *want, daos_oclass_id_t *id);

/* ---- object ids ---------------------------------------------------------------------------------------------------- */

/** Puts type and class into an id, whose lo and low 32 bits of hi are kept. The class number is valid. */
daos_obj_id_t oclass_oid(daos_obj_id_t user, enum daos_otype_t type, daos_oclass_id_t id);
/** Whether an id from outside makes sense: a known type and a class with a shape and a number of groups. */
bool oclass_oid_is_valid(daos_obj_id_t oid);

#endif
