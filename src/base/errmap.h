/* SPDX-License-Identifier: Apache-2.0 */
/* base/errmap: between our error numbers and those of the operating system, as the interface documents them. */
#ifndef BASE_ERRMAP_H
#define BASE_ERRMAP_H

/** 0 or -DER_* for an errno (0, or positive); a negative one is -DER_UNKNOWN. */
int err_from_errno(int error);
/** The positive errno (0 for 0) that file system calls return for -DER_*; a positive number is EINVAL. */
int err_to_errno(int rc);

#endif
