/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libsodium without its strength, for fuzz targets: linked into the program, its functions are
 * found before the library's. A public key is its secret, DH is exclusive or (all zero fails as in
 * the real one), a sealed text is the text and a tag of zeros, and opens unless the tag begins with
 * 0xff; the same for signatures. So mutated inputs reach what is behind the crypto, and the
 * handshakes of two honest ends still complete. Random numbers are a sequence.
 */
#ifndef OCKAM_FUZZ_STUB_SODIUM_H
#define OCKAM_FUZZ_STUB_SODIUM_H

/* The random sequence from its beginning: at the start of every input. */
void stub_random_reset(void);

#endif
