#include "sql/vfs.h"

#include <string.h>
#include <sys/random.h>

#include "base/check.h"
#include "base/clock.h"
#include "store/limits.h"

#define UNIX_EPOCH_JULIAN_MS 210866760000000ll // 1970-01-01 in Julian days, times a day's ms.

static struct od_storage *next; // Whose database xOpen is about to open.

// --- Pages ---------------------------------------------------------------------------------------

static uint32_t read_u32(const char *at)
{
    const unsigned char *bytes = (const unsigned char *)at;
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

// The first page says how pages look. In a database of ours nothing else can stand there.
static bool has_our_form(const char *page)
{
    static const char head[] = "SQLite format 3";
    return memcmp(page, head, sizeof head) == 0 && page[16] == OD_SQL_PAGE_BYTES >> 8 &&
           page[17] == 0 && page[20] == OD_SQL_RESERVED_BYTES;
}

bool od_sql_vfs_get_page(struct od_storage *storage, uint32_t number, char *page)
{
    OD_ASSERT(number > 0); // They count from 1.
    memset(page + OD_STORE_PAGE_BYTES, 0, OD_SQL_RESERVED_BYTES);
    if (!od_storage_get_page(storage, number, page))
        return false;
    return number != 1 || has_our_form(page) || !od_storage_has_page(storage, 1);
}

uint32_t od_sql_vfs_count_pages(struct od_storage *storage)
{
    char page[OD_SQL_PAGE_BYTES];
    return od_sql_vfs_get_page(storage, 1, page) ? read_u32(page + 28) : 0;
}

bool od_sql_vfs_is_plain(const char *page)
{
    return page[18] == 1 && page[19] == 1 && read_u32(page + 52) == 0;
}

// --- The file ------------------------------------------------------------------------------------

static struct od_sql_file *of(sqlite3_file *file)
{
    return (struct od_sql_file *)file;
}

static int close_file(sqlite3_file *file)
{
    (void)file;
    return SQLITE_OK;
}

// By what stands there whoever locks a file sees whether others have written it: the counter of its
// changes and what comes behind.
static bool is_version(int size, sqlite3_int64 offset)
{
    return offset == 24 && size == (int)sizeof((struct od_sql_file *)0)->version;
}

// Whole pages, or the head of the first. Rows of free pages are not there: they read as zeros.
static int read_file(sqlite3_file *file, void *out, int size, sqlite3_int64 offset)
{
    OD_ASSERT(size > 0);
    OD_ASSERT(offset >= 0);
    char page[OD_SQL_PAGE_BYTES];
    if (is_version(size, offset)) {
        memcpy(out, of(file)->version, (size_t)size);
        return SQLITE_OK;
    }
    if (of(file)->storage == NULL)
        return SQLITE_IOERR_READ;
    size_t skip = (size_t)(offset % OD_SQL_PAGE_BYTES);
    uint32_t number = (uint32_t)(offset / OD_SQL_PAGE_BYTES) + 1;
    if (skip + (size_t)size > OD_SQL_PAGE_BYTES ||
        !od_sql_vfs_get_page(of(file)->storage, number, page))
        return SQLITE_CORRUPT;
    memcpy(out, page + skip, (size_t)size);
    return SQLITE_OK;
}

// The first commit of a connection counts itself in the first page, for others, whom there are
// none.
static bool only_counts(struct od_storage *storage, const char *page)
{
    char old[OD_SQL_PAGE_BYTES];
    return od_sql_vfs_get_page(storage, 1, old) && memcmp(old, page, 24) == 0 &&
           memcmp(old + 28, page + 28, 64) == 0 &&
           memcmp(old + 100, page + 100, OD_SQL_PAGE_BYTES - 100) == 0;
}

static int write_file(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 offset)
{
    OD_ASSERT(size == OD_SQL_PAGE_BYTES);
    OD_ASSERT(offset % OD_SQL_PAGE_BYTES == 0);
    OD_ASSERT(of(file)->storage != NULL); // Only who has it writes.
    if (offset == 0 && only_counts(of(file)->storage, bytes))
        return SQLITE_OK;
    od_storage_put_page(of(file)->storage, (uint32_t)(offset / OD_SQL_PAGE_BYTES) + 1, bytes);
    return SQLITE_OK;
}

static int truncate_file(sqlite3_file *file, sqlite3_int64 size)
{
    (void)file;
    (void)size; // How long it is stands in the first page.
    return SQLITE_OK;
}

static int sync_file(sqlite3_file *file, int flags)
{
    (void)file;
    (void)flags;
    return SQLITE_OK;
}

static int size_of_file(sqlite3_file *file, sqlite3_int64 *size)
{
    OD_ASSERT(of(file)->storage != NULL);
    *size = (sqlite3_int64)od_sql_vfs_count_pages(of(file)->storage) * OD_SQL_PAGE_BYTES;
    return SQLITE_OK;
}

static int lock_file(sqlite3_file *file, int level)
{
    (void)file;
    (void)level; // Nobody else has it.
    return SQLITE_OK;
}

static int is_reserved(sqlite3_file *file, int *is)
{
    (void)file;
    *is = 0;
    return SQLITE_OK;
}

static int control_file(sqlite3_file *file, int operation, void *argument)
{
    (void)file;
    (void)operation;
    (void)argument;
    return SQLITE_NOTFOUND;
}

static int sector_size(sqlite3_file *file)
{
    (void)file;
    return OD_SQL_PAGE_BYTES;
}

static int characteristics(sqlite3_file *file)
{
    (void)file;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE | SQLITE_IOCAP_UNDELETABLE_WHEN_OPEN;
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = close_file,
    .xRead = read_file,
    .xWrite = write_file,
    .xTruncate = truncate_file,
    .xSync = sync_file,
    .xFileSize = size_of_file,
    .xLock = lock_file,
    .xUnlock = lock_file,
    .xCheckReservedLock = is_reserved,
    .xFileControl = control_file,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = characteristics,
};

// --- The system ----------------------------------------------------------------------------------

static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    (void)vfs;
    (void)name;
    file->pMethods = NULL;
    if ((flags & SQLITE_OPEN_MAIN_DB) == 0 || next == NULL)
        return SQLITE_CANTOPEN;
    *of(file) = (struct od_sql_file){.base = {&methods}, .storage = next};
    next = NULL;
    if (out != NULL)
        *out = flags;
    return SQLITE_OK;
}

static int delete_file(sqlite3_vfs *vfs, const char *name, int sync)
{
    (void)vfs;
    (void)name;
    (void)sync;
    return SQLITE_OK;
}

static int access_file(sqlite3_vfs *vfs, const char *name, int flags, int *result)
{
    (void)vfs;
    (void)name;
    (void)flags;
    *result = 0;
    return SQLITE_OK;
}

static int full_name(sqlite3_vfs *vfs, const char *name, int size, char *full)
{
    (void)vfs;
    sqlite3_snprintf(size, full, "%s", name);
    return SQLITE_OK;
}

static int randomness(sqlite3_vfs *vfs, int size, char *bytes)
{
    (void)vfs;
    ssize_t got = getrandom(bytes, (size_t)size, 0);
    return got < 0 ? 0 : (int)got;
}

static int sleep_for(sqlite3_vfs *vfs, int us)
{
    (void)vfs;
    return us; // There is nobody to wait for.
}

static int now(sqlite3_vfs *vfs, sqlite3_int64 *julian_ms)
{
    (void)vfs;
    *julian_ms = od_clock_wall_ms() + UNIX_EPOCH_JULIAN_MS;
    return SQLITE_OK;
}

static int now_in_days(sqlite3_vfs *vfs, double *days)
{
    sqlite3_int64 julian_ms;
    int code = now(vfs, &julian_ms);
    *days = (double)julian_ms / 86400000.0;
    return code;
}

static sqlite3_vfs system_of_ours = {
    .iVersion = 2,
    .szOsFile = sizeof(struct od_sql_file),
    .mxPathname = 64,
    .zName = "open-do",
    .xOpen = open_file,
    .xDelete = delete_file,
    .xAccess = access_file,
    .xFullPathname = full_name,
    .xRandomness = randomness,
    .xSleep = sleep_for,
    .xCurrentTime = now_in_days,
    .xCurrentTimeInt64 = now,
};

int od_sql_vfs_register(void)
{
    int code = sqlite3_vfs_register(&system_of_ours, 1);
    static const char *const others[] = {"unix-excl", "unix-dotfile", "unix-none", "unix", "memdb"};
    for (size_t i = 0; code == SQLITE_OK && i < sizeof others / sizeof *others; i++) {
        sqlite3_vfs *other = sqlite3_vfs_find(others[i]);
        if (other != NULL)
            code = sqlite3_vfs_unregister(other);
    }
    return code;
}

void od_sql_vfs_open_next(struct od_storage *storage)
{
    next = storage;
}

void od_sql_vfs_set_storage(struct od_sql_file *file, struct od_storage *storage)
{
    file->storage = storage;
    sqlite3_randomness(sizeof file->version, file->version);
}

struct od_sql_file *od_sql_vfs_file(sqlite3 *db)
{
    struct od_sql_file *file = NULL;
    int code = sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    OD_ASSERT(code == SQLITE_OK);
    return file;
}
