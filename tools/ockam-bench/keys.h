/* SPDX-License-Identifier: Apache-2.0 */
/* What TLS and spiped prove themselves with, made for one run. Errors are negative errno. */
#ifndef OCKAM_BENCH_KEYS_H
#define OCKAM_BENCH_KEYS_H

/* In `dir`: an authority ca.pem, and near.pem, relay.pem, far.pem with certificates of it for
 * 127.0.0.1 and localhost, each followed by its key. Made by the program openssl, once. */
int keys_tls(const char *dir);
/* In `dir`: 32 random bytes, in file `key`. */
int keys_shared(const char *dir);

#endif
