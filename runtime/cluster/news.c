#include "cluster/news.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

struct od_news *od_news_new(enum od_news_kind kind)
{
    struct od_news *news = od_allocate_zeroed(sizeof *news);
    news->kind = kind;
    od_list_init(&news->link);
    return news;
}

struct od_news *od_news_of_version(const struct od_cluster_version *version)
{
    struct od_news *news = od_news_new(OD_NEWS_VERSION);
    size_t files_size = version->files.size, why_size = version->why.size;
    struct od_cluster_version *copy = od_allocate(sizeof *copy + files_size + why_size + 1);
    char *at = (char *)(copy + 1);
    *copy = *version;
    copy->files.at = memcpy(at, files_size > 0 ? version->files.at : "", files_size);
    copy->why.at = memcpy(at + files_size, why_size > 0 ? version->why.at : "", why_size);
    news->list = copy;
    return news;
}

void od_news_deliver(const struct od_news *news, const struct od_member_events *events, void *owner)
{
    switch (news->kind) {
    case OD_NEWS_ALIVE:
        events->alive(owner, news->run_ms, news->lease_ms);
        break;
    case OD_NEWS_AWAY:
        events->away(owner, news->why);
        break;
    case OD_NEWS_NODES:
        events->nodes(owner, news->list, news->count);
        break;
    case OD_NEWS_SLOT:
        events->slot(owner, news->slot, news->node, news->epoch);
        break;
    case OD_NEWS_CLAIMED:
        events->claimed(owner, news->list, news->count);
        break;
    case OD_NEWS_WANTED:
        events->wanted(owner, news->slot, news->node);
        break;
    case OD_NEWS_VERSION:
        events->version(owner, news->list);
        break;
    case OD_NEWS_POLLED:
        events->polled(owner);
        break;
    case OD_NEWS_LEFT:
        events->left(owner);
        break;
    case OD_NEWS_FENCED:
        events->fenced(owner, news->why);
        break;
    }
}

void od_news_free(struct od_news *news)
{
    free(news->list);
    free(news);
}
