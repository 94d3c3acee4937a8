// A link that writes down what happens to it, for a spec that asks afterwards.

#pragma once

#include <stdbool.h>
#include <stddef.h>

struct recorder;
typedef struct uv_loop_s uv_loop_t;

struct recorder *recorder_new(uv_loop_t *loop, int fd);
void recorder_free(struct recorder *recorder);
void recorder_send(struct recorder *recorder, int kind, const char *body, size_t size, int fd);
void recorder_lend(struct recorder *recorder, int kind, int fd);
bool recorder_lends(struct recorder *recorder, int fd);
void recorder_send_strange(struct recorder *recorder, const char *bytes, size_t size, int fd,
                           size_t count);
void recorder_flush(struct recorder *recorder);
void recorder_close(struct recorder *recorder);
size_t recorder_waiting(struct recorder *recorder);
void recorder_turns(uv_loop_t *loop, int count);
const char *recorder_story(struct recorder *recorder);
size_t recorder_body_bytes(struct recorder *recorder);
int recorder_last_fd(struct recorder *recorder);
void recorder_close_at_message(struct recorder *recorder);
