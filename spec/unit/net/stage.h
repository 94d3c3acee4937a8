// A worker's net on a stage: what is told to its owner is written down, and a spec reads it.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stage;
struct od_net;
struct od_net_limits;
struct od_websocket;

struct stage *stage_new(void);
void stage_free(struct stage *stage);
struct od_net *stage_net(struct stage *stage);
struct od_net_limits *stage_limits(struct stage *stage);
bool stage_connect(struct stage *stage, int fd, const char *read, size_t size);
void stage_turn(struct stage *stage);
const char *stage_story(struct stage *stage);
const char *stage_error(struct stage *stage);
size_t stage_inflating_bytes(struct stage *stage);
bool stage_answer(struct stage *stage, uint64_t exchange, int status, const char *body,
                  const char *header, const char *value);
bool stage_upgrade(struct stage *stage, struct stage *other, uint64_t exchange, uint64_t socket,
                   const char *protocol);
struct od_websocket *stage_websocket(struct stage *stage, uint64_t number); // NULL: none.
struct od_websocket *stage_websocket_new(struct stage *stage, uint64_t number);
void stage_websocket_free(struct stage *stage, uint64_t number);
int64_t *stage_clock(void);
