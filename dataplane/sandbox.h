/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the data plane gives up. It reads whatever comes from the network, so it keeps nothing but
 * its descriptors: no capability, no file, no new connection, no new program. Its rings are
 * restricted in ring.c. See lib/confine.h; docs/security.md "What each process may do".
 */
#ifndef OCKAM_DATAPLANE_SANDBOX_H
#define OCKAM_DATAPLANE_SANDBOX_H

/* Before the first thread, when files and libraries have been read. What is missing: enum
 * seam_missing. */
unsigned sandbox_begin(void);
/* When the workers have their rings; for all threads. From now on only what is on the list. The
 * same. */
unsigned sandbox_close(void);

#endif
