/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON schema (draft 7) of a configuration file, made from the table of commands. */
#ifndef OCKAM_CONFIG_SCHEMA_H
#define OCKAM_CONFIG_SCHEMA_H

#include <jansson.h>

/* A new reference; NULL: no memory. */
json_t *config_schema(void);

#endif
