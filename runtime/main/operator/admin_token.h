// The tokens of the admin listener: secrets in files of the data directory that only its owner may
// read. Who can read them may ask there what they can ask at the control socket.
//
// They last as long as their files. Who deletes one gets another at the next start.
//
// Process: main; blocks.

#ifndef OD_MAIN_OPERATOR_ADMIN_TOKEN_H
#define OD_MAIN_OPERATOR_ADMIN_TOKEN_H

#include "base/error.h"

#define OD_ADMIN_TOKEN_NAME "admin.token"
#define OD_ADMIN_READ_TOKEN_NAME "admin-read.token" // It may look, and change nothing.

#define OD_ADMIN_TOKEN_BYTES 64 // Hexadecimal digits.

// The token in the file [name] of [data_dir], which is there already; the file is made when there
// is none.
OD_MUST_CHECK bool od_admin_token(const char *data_dir, const char *name,
                                  char token[OD_ADMIN_TOKEN_BYTES + 1], struct od_error *err);

#endif
