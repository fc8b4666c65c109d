/* SPDX-License-Identifier: Apache-2.0 */
/* How many descriptors a process may have: each connection is one, of a link or of an application. */
#ifndef OCKAM_DESCRIPTORS_H
#define OCKAM_DESCRIPTORS_H

/* As many as this user may; what is started by this process begins with as many. */
void descriptors_raise(void);

#endif
