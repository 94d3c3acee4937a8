#include "object/assets/assets_changes.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/bytes.h"
#include "base/check.h"
#include "link/response.h"

static const char script[] =
    "// Loads the page again when one of the files it may be made of has changed.\n"
    "(async () => {\n"
    "  const SETTLED_MS = 200; // Who saves may empty the file first, and write it then.\n"
    "  let known;\n"
    "  for (;;) {\n"
    "    try {\n"
    "      const answer = await fetch('/.open-do/changes', { cache: 'no-store' });\n"
    "      const [mark, ago] = answer.ok ? (await answer.text()).split(' ') : [known, 0];\n"
    "      if (ago >= SETTLED_MS) {\n"
    "        // At the first look: has it changed since this page was asked for?\n"
    "        const isOld = known === undefined ? ago < performance.now() : mark !== known;\n"
    "        if (isOld) return location.reload();\n"
    "        known = mark;\n"
    "      }\n"
    "    } catch {} // The server is away, and will be back.\n"
    "    await new Promise((go) => setTimeout(go, 500));\n"
    "  }\n"
    "})();\n";

struct mark {
    uint64_t sum;
    unsigned count;
    int64_t now;     // Nanoseconds, of the clock that files are dated with.
    int64_t changed; // When the newest change was. What is dated later than now does not count.
};

static int64_t ns_of(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void date_entry(struct mark *mark, const struct stat *about)
{
    int64_t changed = ns_of(about->st_ctim);
    if (changed > mark->changed && changed <= mark->now)
        mark->changed = changed;
}

static uint64_t mixed(uint64_t sum, uint64_t value)
{
    sum = (sum ^ value) * 0x9e3779b97f4a7c15u;
    return sum ^ (sum >> 29);
}

static void mark_folder(struct mark *mark, int folder, int depth);

// The order in which a folder tells its entries does not count. A name does: a file may be renamed.
static void mark_entry(struct mark *mark, int folder, const char *name, int depth)
{
    struct stat about;
    if (fstatat(folder, name, &about, AT_SYMLINK_NOFOLLOW) != 0)
        return;
    date_entry(mark, &about);
    uint64_t sum = mixed(about.st_ino, (uint64_t)ns_of(about.st_mtim));
    sum = mixed(mixed(sum, (uint64_t)about.st_size), about.st_mode);
    for (const char *at = name; *at != '\0'; at++)
        sum = mixed(sum, (uint8_t)*at);
    mark->sum += sum;
    mark->count++;
    if (S_ISDIR(about.st_mode) && depth < OD_BENEATH_FOLDERS_MAX)
        mark_folder(mark, openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
                    depth + 1);
}

// Takes [folder], which may be none.
static void mark_folder(struct mark *mark, int folder, int depth)
{
    DIR *entries = folder < 0 ? NULL : fdopendir(folder);
    if (entries == NULL) {
        if (folder >= 0)
            close(folder);
        return;
    }
    struct dirent *entry;
    while (mark->count < OD_ASSETS_MARKED_MAX && (entry = readdir(entries)) != NULL) {
        if (entry->d_name[0] != '.')
            mark_entry(mark, dirfd(entries), entry->d_name, depth);
    }
    closedir(entries);
}

static struct mark mark_root(int root)
{
    struct timespec now;
    struct stat about;
    struct mark mark = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    mark.now = ns_of(now);
    if (fstat(root, &about) == 0) // One that is gone leaves no other trace.
        date_entry(&mark, &about);
    mark_folder(&mark, openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), 1);
    return mark;
}

static void put_response(struct od_bytes *response, const char *type, const char *text)
{
    size_t mark = od_response_begin(response, 200);
    od_headers_put(response, OD_SLICE("content-type"), od_slice_of(type));
    od_headers_put(response, OD_SLICE("cache-control"), OD_SLICE("no-store"));
    od_response_end(response, mark, 2, od_slice_of(text));
}

bool od_assets_changes_answer(int root, od_slice path, struct od_bytes *response)
{
    OD_ASSERT(root >= 0);
    char text[60];
    if (od_slice_equal(path, OD_SLICE("/.open-do/reload.js"))) {
        put_response(response, "text/javascript; charset=utf-8", script);
        return true;
    }
    if (!od_slice_equal(path, OD_SLICE("/.open-do/changes")))
        return false;
    struct mark mark = mark_root(root);
    snprintf(text, sizeof text, "%016" PRIx64 " %" PRId64 "\n", mark.sum,
             (mark.now - mark.changed) / 1000000);
    put_response(response, "text/plain; charset=utf-8", text);
    return true;
}
