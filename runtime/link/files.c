#include "link/files.h"

#include <sys/stat.h>

// The time of the change of the inode, not of its content: it also tells of a new name and of other
// permissions, and cannot be set back.
struct od_file_mark od_file_mark_at(int folder, const char *path)
{
    struct stat facts;
    if (fstatat(folder, path, &facts, 0) != 0)
        return (struct od_file_mark){0, 0, 0};
    return (struct od_file_mark){
        .inode = (uint64_t)facts.st_ino,
        .size = (uint64_t)facts.st_size,
        .changed = (uint64_t)facts.st_ctim.tv_sec * 1000000000u + (uint64_t)facts.st_ctim.tv_nsec,
    };
}

bool od_file_mark_equal(struct od_file_mark a, struct od_file_mark b)
{
    return a.inode == b.inode && a.size == b.size && a.changed == b.changed;
}

void od_files_put(struct od_bytes *bytes, const struct od_file *file)
{
    OD_ASSERT(file->state <= OD_FILE_UNREADABLE);
    od_bytes_put_u8(bytes, (uint8_t)file->state);
    od_bytes_put_string(bytes, file->path);
    od_bytes_put_u64(bytes, file->mark.inode);
    od_bytes_put_u64(bytes, file->mark.size);
    od_bytes_put_u64(bytes, file->mark.changed);
    od_bytes_put_string(bytes, file->text);
}

bool od_files_next(struct od_cursor *cursor, struct od_file *file)
{
    if (od_cursor_at_end(cursor))
        return false;
    uint8_t state = od_cursor_u8(cursor);
    cursor->failed = cursor->failed || state > OD_FILE_UNREADABLE; // A worker may have made it up.
    file->state = (enum od_file_state)state;
    file->path = od_cursor_string(cursor);
    file->mark.inode = od_cursor_u64(cursor);
    file->mark.size = od_cursor_u64(cursor);
    file->mark.changed = od_cursor_u64(cursor);
    file->text = od_cursor_string(cursor);
    return !cursor->failed;
}

bool od_files_find(od_slice files, od_slice path, struct od_file *file)
{
    struct od_cursor cursor = od_cursor_of(files);
    while (od_files_next(&cursor, file)) {
        if (od_slice_equal(file->path, path))
            return true;
    }
    return false;
}

void od_files_describe(od_slice files, struct od_bytes *text)
{
    struct od_cursor cursor = od_cursor_of(files);
    struct od_file file;
    size_t before = text->size;
    while (od_files_next(&cursor, &file)) {
        if (file.state == OD_FILE_ABSENT)
            continue;
        if (text->size > before)
            od_bytes_put_slice(text, OD_SLICE(", "));
        od_bytes_put_slice(text, file.path);
    }
}

bool od_files_same(od_slice a, od_slice b)
{
    struct od_cursor cursor_a = od_cursor_of(a), cursor_b = od_cursor_of(b);
    struct od_file file_a, file_b;
    for (;;) {
        bool more_a = od_files_next(&cursor_a, &file_a);
        bool more_b = od_files_next(&cursor_b, &file_b);
        if (!more_a || !more_b)
            return more_a == more_b;
        if (file_a.state != file_b.state || !od_slice_equal(file_a.path, file_b.path) ||
            !od_slice_equal(file_a.text, file_b.text))
            return false;
    }
}
