// What the net says to a worker: each piece of news goes to the part of an object that it is about.
//
// Process: a worker; Thread: the loop's.

#ifndef OD_WORKER_NET_NEWS_H
#define OD_WORKER_NET_NEWS_H

#include "net/events.h"

extern const struct od_net_events od_net_news_events; // Owner: the worker.

#endif
