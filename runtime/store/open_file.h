// Opening a file to read of which only its name is known.
//
// Somebody may have put anything in its place; a named pipe would keep whoever opens it waiting for
// a writer, without a bound.
//
// Process: any.

#ifndef OD_STORE_OPEN_FILE_H
#define OD_STORE_OPEN_FILE_H

// As openat, which does not wait. Below 0 with errno; what is no file is EINVAL.
int od_open_file(int directory_fd, const char *path);

#endif
