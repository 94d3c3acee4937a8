#include "codec/http_conditions.h"

#include <string.h>

static od_slice trimmed(od_slice text)
{
    return od_slice_trim(text, " \t");
}

static od_slice next_item(od_slice *list, char separator)
{
    const char *end = list->size == 0 ? NULL : memchr(list->at, separator, list->size);
    od_slice item = {list->at, end == NULL ? list->size : (size_t)(end - list->at)};
    *list = od_slice_from(*list, item.size + (end != NULL));
    return trimmed(item);
}

// Weakly: for who only reads, two that are as good as equal are equal. Tags of ours have no comma.
static bool has_etag(od_slice list, od_slice etag)
{
    if (od_slice_equal(trimmed(list), OD_SLICE("*")))
        return true;
    while (list.size > 0) {
        od_slice item = next_item(&list, ',');
        if (od_slice_starts_with(item, OD_SLICE("W/")))
            item = od_slice_from(item, 2);
        if (od_slice_equal(item, etag))
            return true;
    }
    return false;
}

// Digits at the front of [text], which they leave. False: none, or too many.
static bool take_number(od_slice *text, uint64_t *number)
{
    size_t digits = 0;
    *number = 0;
    for (; digits < text->size && text->at[digits] >= '0' && text->at[digits] <= '9'; digits++) {
        if (digits >= 18)
            return false;
        *number = *number * 10 + (uint64_t)(text->at[digits] - '0');
    }
    *text = od_slice_from(*text, digits);
    return digits > 0;
}

// "-5": the last five.
static enum od_http_wish last_part(od_slice text, uint64_t all, uint64_t *first, uint64_t *size)
{
    uint64_t count;
    if (!take_number(&text, &count) || text.size > 0)
        return OD_HTTP_ALL;
    if (count == 0 || all == 0)
        return OD_HTTP_NOT_THERE;
    *size = count < all ? count : all;
    *first = all - *size;
    OD_ASSERT(*first < all);
    return OD_HTTP_PART;
}

// "5-9", "5-". What is no range is passed over.
static enum od_http_wish part_of(od_slice text, uint64_t all, uint64_t *first, uint64_t *size)
{
    uint64_t last = UINT64_MAX;
    if (!od_slice_starts_with(text, OD_SLICE("bytes=")))
        return OD_HTTP_ALL;
    text = trimmed(od_slice_from(text, 6));
    if (od_slice_starts_with(text, OD_SLICE("-")))
        return last_part(od_slice_from(text, 1), all, first, size);
    if (!take_number(&text, first) || !od_slice_starts_with(text, OD_SLICE("-")))
        return OD_HTTP_ALL;
    text = od_slice_from(text, 1);
    if (text.size > 0 && (!take_number(&text, &last) || text.size > 0 || last < *first))
        return OD_HTTP_ALL;
    if (*first >= all)
        return OD_HTTP_NOT_THERE;
    *size = (last < all - 1 ? last : all - 1) - *first + 1;
    OD_ASSERT(*size > 0);
    OD_ASSERT(*size <= all - *first);
    return OD_HTTP_PART;
}

static bool has_it(struct od_headers request, const struct od_http_thing *thing)
{
    od_slice value;
    if (od_headers_find(request, OD_SLICE("if-none-match"), &value))
        return has_etag(value, thing->etag);
    return od_headers_find(request, OD_SLICE("if-modified-since"), &value) &&
           od_slice_equal(trimmed(value), thing->modified);
}

// A part of what it was is of no use with a part of what it is.
static bool is_of_same(struct od_headers request, const struct od_http_thing *thing)
{
    od_slice value;
    return !od_headers_find(request, OD_SLICE("if-range"), &value) ||
           od_slice_equal(trimmed(value), thing->etag) ||
           od_slice_equal(trimmed(value), thing->modified);
}

enum od_http_wish od_http_wish_of(struct od_headers request, const struct od_http_thing *thing,
                                  uint64_t *first, uint64_t *size)
{
    od_slice value;
    if (od_headers_find(request, OD_SLICE("if-match"), &value) && !has_etag(value, thing->etag))
        return OD_HTTP_PRECONDITION;
    if (has_it(request, thing))
        return OD_HTTP_NOT_MODIFIED;
    if (od_headers_find(request, OD_SLICE("range"), &value) && is_of_same(request, thing))
        return part_of(trimmed(value), thing->size, first, size);
    return OD_HTTP_ALL;
}

static bool is_zero(od_slice weight)
{
    if (!od_slice_starts_with(weight, OD_SLICE("q=0")))
        return false;
    for (size_t i = 3; i < weight.size; i++) {
        if (weight.at[i] != '0' && weight.at[i] != '.')
            return false;
    }
    return true;
}

bool od_http_accepts_coding(struct od_headers request, od_slice name)
{
    od_slice list, range;
    if (od_headers_find(request, OD_SLICE("range"), &range) ||
        !od_headers_find(request, OD_SLICE("accept-encoding"), &list))
        return false;
    while (list.size > 0) {
        od_slice item = next_item(&list, ',');
        od_slice coding = next_item(&item, ';');
        if (od_slice_equal_nocase(coding, name))
            return !is_zero(trimmed(item));
    }
    return false;
}
