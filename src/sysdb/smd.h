/* SPDX-License-Identifier: Apache-2.0 */
/* Within sysdb: the records of SMD, hostile bytes. -DER_DF_INVAL, -DER_DF_INCOMPT. */
#ifndef SYSDB_SMD_H
#define SYSDB_SMD_H

#include "sysdb/sysdb.h"

int smd__dev_parse(const char *name, const void *value, size_t len, struct smd_dev *dev);
int smd__pool_parse(const char *name, const void *value, size_t len, void *smd_pool);

#endif
