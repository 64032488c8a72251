/* sign.h: Ed25519 signatures (RFC 8032) by libcrypto. Keys are PEM files, as `openssl genpkey
 * -algorithm ed25519` writes them; a signature is its 64 bytes, as `openssl pkeyutl -sign -rawin`
 * writes it. */
#ifndef LEDGER_SIGN_H
#define LEDGER_SIGN_H

#include "core/context.h"

enum { LEDGER_SIGNATURE_SIZE = 64 };

/* Makes a key: the private one in `path` (mode 0600), the public one in `path`.pub. Existing files
 * are kept: EA_ERR_STATE. Other errors: EA_ERR_IO, EA_ERR_UNSUPPORTED (libcrypto without Ed25519).
 */
ea_status ledger_key_make(ea_context *ctx, const char *path);

/* Signs bytes with a private key. Errors: EA_ERR_IO, EA_ERR_FORMAT (the file is no Ed25519 key; a
 * key with a passphrase cannot be used), EA_ERR_UNSUPPORTED. */
ea_status ledger_sign(ea_context *ctx, const char *key_path, const void *data, size_t size,
                      unsigned char signature[LEDGER_SIGNATURE_SIZE]);

/* *good says whether the signature is that of the public key's owner over these bytes. */
ea_status ledger_check_signature(ea_context *ctx, const char *key_path, const void *data,
                                 size_t size, const unsigned char signature[LEDGER_SIGNATURE_SIZE],
                                 bool *good);

#endif
