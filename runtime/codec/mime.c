#include "codec/mime.h"

#include <string.h>

#define TEXT(type) "text/" type "; charset=utf-8"

static const struct {
    const char *extension, *type;
} types[] = {
    {"html", TEXT("html")},
    {"js", TEXT("javascript")},
    {"css", TEXT("css")},
    {"json", "application/json"},
    {"svg", "image/svg+xml"},
    {"png", "image/png"},
    {"jpg", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"webp", "image/webp"},
    {"ico", "image/x-icon"},
    {"woff2", "font/woff2"},
    {"htm", TEXT("html")},
    {"mjs", TEXT("javascript")},
    {"txt", TEXT("plain")},
    {"md", TEXT("markdown")},
    {"csv", TEXT("csv")},
    {"ics", TEXT("calendar")},
    {"vtt", TEXT("vtt")},
    {"xml", "application/xml"},
    {"xhtml", "application/xhtml+xml"},
    {"atom", "application/atom+xml"},
    {"rss", "application/rss+xml"},
    {"map", "application/json"},
    {"jsonld", "application/ld+json"},
    {"webmanifest", "application/manifest+json"},
    {"wasm", "application/wasm"},
    {"pdf", "application/pdf"},
    {"zip", "application/zip"},
    {"gz", "application/gzip"},
    {"tar", "application/x-tar"},
    {"7z", "application/x-7z-compressed"},
    {"rtf", "application/rtf"},
    {"epub", "application/epub+zip"},
    {"doc", "application/msword"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"xls", "application/vnd.ms-excel"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"ppt", "application/vnd.ms-powerpoint"},
    {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    {"odt", "application/vnd.oasis.opendocument.text"},
    {"gif", "image/gif"},
    {"avif", "image/avif"},
    {"apng", "image/apng"},
    {"bmp", "image/bmp"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"woff", "font/woff"},
    {"ttf", "font/ttf"},
    {"otf", "font/otf"},
    {"eot", "application/vnd.ms-fontobject"},
    {"mp3", "audio/mpeg"},
    {"m4a", "audio/mp4"},
    {"aac", "audio/aac"},
    {"ogg", "audio/ogg"},
    {"oga", "audio/ogg"},
    {"opus", "audio/ogg"},
    {"flac", "audio/flac"},
    {"wav", "audio/wav"},
    {"weba", "audio/webm"},
    {"mp4", "video/mp4"},
    {"m4v", "video/mp4"},
    {"webm", "video/webm"},
    {"ogv", "video/ogg"},
    {"mov", "video/quicktime"},
    {"avi", "video/x-msvideo"},
    {"glb", "model/gltf-binary"},
    {"gltf", "model/gltf+json"},
};

const char *od_mime_type(od_slice file_name)
{
    const char *dot = memrchr(file_name.at, '.', file_name.size);
    od_slice extension = dot == NULL ? (od_slice){NULL, 0}
                                     : od_slice_from(file_name, (size_t)(dot + 1 - file_name.at));
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (od_slice_equal_nocase(extension, od_slice_of(types[i].extension)))
            return types[i].type;
    }
    return "application/octet-stream";
}
