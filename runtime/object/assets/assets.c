#include "object/assets/assets.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/hex.h"
#include "codec/http_answer.h"
#include "codec/http_conditions.h"
#include "codec/mime.h"
#include "link/response.h"
#include "object/assets/assets_changes.h"

struct od_assets {
    int top;  // The script's folder, as it was when the script was loaded.
    int root; // The folder of assets; it may be another one since.
    char *directory;
    dev_t device;
    ino_t inode;
    enum od_assets_not_found not_found;
    struct od_bytes patterns; // (str pattern)*
};

struct found {
    int fd;
    struct stat about;
    const char *type;
    const char *coding; // Of a neighbour that is compressed already; NULL: none.
    uint16_t status;
    char etag[64], modified[40];
};

// Opens what has the folder's name now. False: there is none.
static bool open_root(struct od_assets *assets)
{
    struct stat about;
    int root = openat(assets->top, assets->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0 || fstat(root, &about) != 0) {
        if (root >= 0)
            close(root);
        return false;
    }
    if (assets->root >= 0)
        close(assets->root);
    assets->root = root;
    assets->device = about.st_dev;
    assets->inode = about.st_ino;
    return true;
}

bool od_assets_new(struct od_assets **assets, const char *folder, const char *directory,
                   enum od_assets_not_found not_found, struct od_error *err)
{
    struct od_assets *made = od_allocate_zeroed(sizeof *made);
    made->top = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    made->root = -1;
    made->directory = od_text_copy(od_slice_of(directory));
    made->not_found = not_found;
    if (made->top >= 0 && open_root(made)) {
        *assets = made;
        return true;
    }
    od_error_errno(err, "cannot open the folder of assets \"%s\" beside the script", directory);
    od_assets_free(made);
    return false;
}

void od_assets_free(struct od_assets *assets)
{
    if (assets == NULL)
        return;
    if (assets->top >= 0)
        close(assets->top);
    if (assets->root >= 0)
        close(assets->root);
    free(assets->directory);
    od_bytes_deinit(&assets->patterns);
    free(assets);
}

const char *od_assets_directory(const struct od_assets *assets)
{
    return assets == NULL ? NULL : assets->directory;
}

// A build often removes the folder and makes it anew, or puts another one in its place.
static void follow(struct od_assets *assets)
{
    struct stat about;
    OD_ASSERT(assets->root >= 0);
    if (fstatat(assets->top, assets->directory, &about, 0) == 0 &&
        (about.st_ino != assets->inode || about.st_dev != assets->device))
        (void)open_root(assets); // It has gone again: the next request looks anew.
}

void od_assets_add_script_first(struct od_assets *assets, od_slice pattern)
{
    od_bytes_put_string(&assets->patterns, pattern);
}

// --- Which file ----------------------------------------------------------------------------------

static od_slice path_of(const struct od_request *request)
{
    od_slice path = od_request_target(request->url);
    const char *query = memchr(path.at, '?', path.size);
    return (od_slice){path.at, query == NULL ? path.size : (size_t)(query - path.at)};
}

static bool matches(od_slice path, od_slice pattern)
{
    bool is_open = pattern.size > 0 && pattern.at[pattern.size - 1] == '*';
    if (!is_open)
        return od_slice_equal(path, pattern);
    return od_slice_starts_with(path, (od_slice){pattern.at, pattern.size - 1});
}

static bool is_for_script(const struct od_assets *assets, od_slice path)
{
    struct od_cursor cursor = od_cursor_of(od_bytes_slice(&assets->patterns));
    while (cursor.at != cursor.end) {
        if (matches(path, od_cursor_string(&cursor)))
            return true;
    }
    return false;
}

// A slash that is written as %2F is part of a name, and there is none with it.
static bool decode(od_slice path, struct od_bytes *out)
{
    for (size_t i = 0; i < path.size; i++) {
        int high = i + 2 < path.size ? od_hex_value(path.at[i + 1]) : -1;
        int low = i + 2 < path.size ? od_hex_value(path.at[i + 2]) : -1;
        if (path.at[i] != '%') {
            od_bytes_put_u8(out, (uint8_t)path.at[i]);
            continue;
        }
        int byte = high * 16 + low;
        if (high < 0 || low < 0 || byte == '/' || byte == '\\' || byte == 0)
            return false;
        od_bytes_put_u8(out, (uint8_t)byte);
        i += 2;
    }
    return true;
}

static enum od_beneath look(const struct od_assets *assets, od_slice path, const char *more,
                            struct found *found)
{
    struct od_bytes whole = {0};
    od_bytes_put_slice(&whole, path);
    od_bytes_put_slice(&whole, od_slice_of(more));
    enum od_beneath kind =
        od_beneath_open(assets->root, od_bytes_slice(&whole), &found->fd, &found->about);
    if (kind == OD_BENEATH_FILE)
        found->type = od_mime_type(od_bytes_slice(&whole));
    od_bytes_deinit(&whole);
    return kind;
}

// A neighbour that is compressed already is sent in its place.
static void prefer_compressed(const struct od_assets *assets, od_slice path, const char *more,
                              const struct od_request *request, struct found *found)
{
    static const struct {
        const char *coding, *ending;
    } rows[] = {{"br", ".br"}, {"gzip", ".gz"}};
    char ending[32];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct found other = *found;
        snprintf(ending, sizeof ending, "%s%s", more, rows[i].ending);
        if (!od_http_accepts_coding(request->headers, od_slice_of(rows[i].coding)) ||
            look(assets, path, ending, &other) != OD_BENEATH_FILE)
            continue;
        close(found->fd);
        other.type = found->type;
        other.coding = rows[i].coding;
        *found = other;
        return;
    }
}

static bool find_as(const struct od_assets *assets, od_slice path, const char *more,
                    const struct od_request *request, struct found *found)
{
    enum od_beneath kind = look(assets, path, more, found);
    if (kind == OD_BENEATH_FILE)
        prefer_compressed(assets, path, more, request, found);
    return kind == OD_BENEATH_FILE;
}

// --- The answer ----------------------------------------------------------------------------------

static void describe(struct found *found)
{
    const struct stat *about = &found->about;
    snprintf(found->etag, sizeof found->etag, "\"%llx-%llx-%llx\"",
             (unsigned long long)about->st_ino, (unsigned long long)about->st_size,
             (unsigned long long)about->st_mtim.tv_sec * 1000000000 +
                 (unsigned long long)about->st_mtim.tv_nsec);
    od_http_put_date(found->modified, sizeof found->modified,
                     (od_time_ms)about->st_mtim.tv_sec * 1000);
}

static uint32_t put_field(struct od_bytes *out, const char *name, const char *value)
{
    od_headers_put(out, od_slice_of(name), od_slice_of(value));
    return 1;
}

// A part, or that there is none.
static uint32_t put_range(struct od_bytes *out, const struct found *found, uint64_t first,
                          uint64_t size)
{
    char text[80];
    unsigned long long all = (unsigned long long)found->about.st_size;
    if (size == 0)
        snprintf(text, sizeof text, "bytes */%llu", all);
    else
        snprintf(text, sizeof text, "bytes %llu-%llu/%llu", (unsigned long long)first,
                 (unsigned long long)(first + size - 1), all);
    return put_field(out, "content-range", text);
}

// [body]: of who gets it at once; else it follows.
static void put_response(struct od_bytes *out, const struct found *found, uint64_t first,
                         uint64_t size, od_slice body)
{
    char length[24];
    size_t mark = od_response_begin(out, found->status);
    uint32_t count = put_field(out, "etag", found->etag);
    count += put_field(out, "last-modified", found->modified);
    count += put_field(out, "accept-ranges", "bytes");
    count += put_field(out, "cache-control", "public, max-age=0, must-revalidate");
    count += put_field(out, "vary", "Accept-Encoding");
    count += put_field(out, "x-content-type-options", "nosniff");
    if (found->status == 206 || found->status == 416)
        count += put_range(out, found, first, size);
    if (found->coding != NULL)
        count += put_field(out, "content-encoding", found->coding);
    if (found->status != 304 && found->status != 416)
        count += put_field(out, "content-type", found->type);
    if (found->status != 304 && body.at == NULL) {
        snprintf(length, sizeof length, "%llu", (unsigned long long)size);
        count += put_field(out, "content-length", length);
    }
    od_response_end(out, mark, count, body);
}

static uint16_t status_for(enum od_http_wish wish)
{
    static const uint16_t statuses[] = {[OD_HTTP_ALL] = 200,
                                        [OD_HTTP_PART] = 206,
                                        [OD_HTTP_NOT_MODIFIED] = 304,
                                        [OD_HTTP_NOT_THERE] = 416,
                                        [OD_HTTP_PRECONDITION] = 412};
    return statuses[wish];
}

// Which part of it the client wants.
static void weigh(const struct od_request *request, struct found *found, uint64_t *first,
                  uint64_t *size)
{
    describe(found);
    struct od_http_thing thing = {od_slice_of(found->etag), od_slice_of(found->modified),
                                  (uint64_t)found->about.st_size};
    if (found->status == 200) {
        enum od_http_wish wish = od_http_wish_of(request->headers, &thing, first, size);
        found->status = status_for(wish);
    }
    bool is_whole = found->status == 200 || found->status == 404;
    *first = found->status == 206 ? *first : 0;
    *size = is_whole ? thing.size : found->status == 206 ? *size : 0;
}

// Takes what was found: [answer] has its head, and the file.
static void answer_file(struct od_assets_answer *answer, const struct od_request *request,
                        struct found *found)
{
    weigh(request, found, &answer->first, &answer->size);
    put_response(&answer->response, found, answer->first, answer->size, (od_slice){NULL, 0});
    answer->status = found->status;
    answer->fd = found->fd;
}

static void put_redirect(struct od_bytes *response, const struct od_request *request, od_slice path)
{
    struct od_bytes location = {0};
    od_slice target = od_request_target(request->url);
    od_bytes_put_slice(&location, path);
    od_bytes_put_u8(&location, '/');
    od_bytes_put_slice(&location, od_slice_from(target, path.size));
    size_t mark = od_response_begin(response, 307);
    od_headers_put(response, OD_SLICE("location"), od_bytes_slice(&location));
    od_response_end(response, mark, 1, (od_slice){0});
    od_bytes_deinit(&location);
}

static bool is_folder_with_index(const struct od_assets *assets, od_slice name)
{
    struct found found = {.fd = -1};
    if (look(assets, name, "", &found) != OD_BENEATH_FOLDER ||
        look(assets, name, "/index.html", &found) != OD_BENEATH_FILE)
        return false;
    close(found.fd);
    return true;
}

static bool is_of_folder(od_slice name)
{
    return name.size == 0 || name.at[name.size - 1] == '/';
}

static bool find(const struct od_assets *assets, const struct od_request *request, od_slice name,
                 struct found *found)
{
    if (is_of_folder(name))
        return find_as(assets, name, "index.html", request, found);
    return find_as(assets, name, "", request, found) ||
           find_as(assets, name, ".html", request, found);
}

// Not "//host": that would lead elsewhere.
static bool leads_to_folder(const struct od_assets *assets, od_slice name)
{
    return !is_of_folder(name) && name.at[0] != '/' && is_folder_with_index(assets, name);
}

static bool answer_path(const struct od_assets *assets, const struct od_request *request,
                        od_slice path, od_slice name, struct od_assets_answer *answer)
{
    struct found found = {.fd = -1, .status = 200};
    if (find(assets, request, name, &found)) {
        answer_file(answer, request, &found);
        return true;
    }
    if (!leads_to_folder(assets, name))
        return false;
    put_redirect(&answer->response, request, path);
    answer->status = 307;
    return true;
}

static bool is_read(const struct od_request *request)
{
    return od_slice_equal(request->method, OD_SLICE("GET")) ||
           od_slice_equal(request->method, OD_SLICE("HEAD"));
}

bool od_assets_answer(struct od_assets *assets, const struct od_request *request,
                      bool tells_changes, struct od_assets_answer *answer)
{
    struct od_bytes name = {0};
    od_slice path = path_of(request);
    *answer = (struct od_assets_answer){.status = 200, .fd = -1};
    if (!is_read(request))
        return false;
    follow(assets);
    answer->is_poll =
        tells_changes && od_assets_changes_answer(assets->root, path, &answer->response);
    if (answer->is_poll)
        return true;
    if (is_for_script(assets, path))
        return false;
    bool done = decode(od_slice_from(path, 1), &name) &&
                answer_path(assets, request, path, od_bytes_slice(&name), answer);
    od_bytes_deinit(&name);
    return done;
}

// --- What is not there ---------------------------------------------------------------------------

// The nearest, from the folder of the path upward.
static bool find_404(const struct od_assets *assets, const struct od_request *request,
                     od_slice name, struct found *found)
{
    for (;;) {
        const char *slash = name.size == 0 ? NULL : memrchr(name.at, '/', name.size);
        name.size = slash == NULL ? 0 : (size_t)(slash + 1 - name.at);
        if (find_as(assets, name, "404.html", request, found))
            return true;
        if (name.size == 0)
            return false;
        name.size--;
    }
}

static bool wants_page(const struct od_request *request)
{
    od_slice accept;
    return od_headers_find(request->headers, OD_SLICE("accept"), &accept) &&
           memmem(accept.at, accept.size, "text/html", 9) != NULL;
}

static bool find_at_last(const struct od_assets *assets, const struct od_request *request,
                         struct found *found)
{
    struct od_bytes name = {0};
    if (!is_read(request) || assets->not_found == OD_ASSETS_NO_ANSWER)
        return false;
    if (assets->not_found == OD_ASSETS_SINGLE_PAGE) {
        found->status = 200;
        return wants_page(request) &&
               find_as(assets, (od_slice){NULL, 0}, "index.html", request, found);
    }
    found->status = 404;
    if (!decode(od_slice_from(path_of(request), 1), &name))
        od_bytes_clear(&name);
    bool is_there = find_404(assets, request, od_bytes_slice(&name), found);
    od_bytes_deinit(&name);
    return is_there;
}

bool od_assets_answer_at_last(const struct od_assets *assets, const struct od_request *request,
                              struct od_assets_answer *answer)
{
    struct found found = {.fd = -1};
    *answer = (struct od_assets_answer){.fd = -1};
    if (!find_at_last(assets, request, &found))
        return false;
    answer_file(answer, request, &found);
    return true;
}

// --- For a script --------------------------------------------------------------------------------

enum {
    body_bytes_max = 32 << 20, // As of any message between objects.
};

// Takes what was found.
static void put_whole(struct od_bytes *response, const struct od_request *request,
                      struct found *found)
{
    uint64_t first = 0, size = 0;
    struct od_bytes body = {0};
    weigh(request, found, &first, &size);
    char *at = od_bytes_reserve(&body, (size_t)size + 1);
    ssize_t got = size > body_bytes_max ? -1 : pread(found->fd, at, (size_t)size, (off_t)first);
    close(found->fd);
    if (got == (ssize_t)size)
        put_response(response, found, first, size, (od_slice){at, (size_t)size});
    else
        od_response_put_plain(response, 500, "The file is too large, or has become shorter\n");
    od_bytes_deinit(&body);
}

void od_assets_fetch(struct od_assets *assets, const struct od_request *request,
                     struct od_bytes *response)
{
    struct found found = {.fd = -1, .status = 200};
    struct od_bytes name = {0};
    od_slice path = path_of(request);
    follow(assets);
    bool is_name = is_read(request) && decode(od_slice_from(path, 1), &name);
    if ((is_name && find(assets, request, od_bytes_slice(&name), &found)) ||
        (!(is_name && leads_to_folder(assets, od_bytes_slice(&name))) &&
         find_at_last(assets, request, &found)))
        put_whole(response, request, &found);
    else if (is_name && leads_to_folder(assets, od_bytes_slice(&name)))
        put_redirect(response, request, path);
    else
        od_response_put_plain(response, 404, "Not Found\n");
    od_bytes_deinit(&name);
}
