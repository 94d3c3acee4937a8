// The files a script was made of, as bytes: what a dry run has read, and what workers load.
//
// A script is read from the disk once for each version, by one process; everybody else gets these
// bytes. So all workers run the same code whatever an editor does meanwhile, and a worker that is
// replaced gets the version that is served, also while the file on the disk is broken.
//
// Names that were looked for and not found are there too: the same look-ups must fail again, and a
// file that appears there later changes the script. A mark says how a file looked when it was
// read: one that looks otherwise has changed since.
//
// Encoded: (u8 state, str path, u64 inode, u64 size, u64 changed, str text)*; the path is relative
// to the script's folder, the text of an unreadable file is empty.

#ifndef OD_LINK_FILES_H
#define OD_LINK_FILES_H

#include "base/bytes.h"
#include "base/cursor.h"

#define OD_FILES_BYTES_MAX (32u << 20) // Of all files of a script.

enum od_file_state {
    OD_FILE_ABSENT,
    OD_FILE_THERE,
    OD_FILE_UNREADABLE,
};

struct od_file_mark { // All zero when there is nothing of that name.
    uint64_t inode;
    uint64_t size;
    uint64_t changed; // Nanoseconds.
};

struct od_file {
    enum od_file_state state;
    od_slice path;
    struct od_file_mark mark;
    od_slice text;
};

// How [path] looks now, relative to the open [folder]. Links are followed.
struct od_file_mark od_file_mark_at(int folder, const char *path);
bool od_file_mark_equal(struct od_file_mark a, struct od_file_mark b);

void od_files_put(struct od_bytes *bytes, const struct od_file *file);
bool od_files_next(struct od_cursor *cursor, struct od_file *file); // False at the end.
bool od_files_find(od_slice files, od_slice path, struct od_file *file);

// "chat.lua, lib/names.lua": those that are there.
void od_files_describe(od_slice files, struct od_bytes *text);

// Whether both name the same files with the same texts; how these look does not matter.
bool od_files_same(od_slice a, od_slice b);

#endif
