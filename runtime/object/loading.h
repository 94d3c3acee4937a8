// Loading: what an object stores comes from the engine of the cluster before its first event.
//
// A slot that has come to this node is filled little by little, which takes as long as much is
// stored (SLOTS says when it is done). Objects do not wait for that: main is asked for what this
// one stores (OBJECT_WANTED), and its events wait until LMDB has it (OBJECT_LOADED). One that is
// freed and made anew while the slot is still filled asks again. When the slot goes all of it is
// forgotten.
//
// Owner: struct od_object has its state.

#ifndef OD_OBJECT_LOADING_H
#define OD_OBJECT_LOADING_H

#include <stdbool.h>
#include <stdint.h>

struct od_object;
struct od_objects;

bool od_loading_is_done(const struct od_object *object); // What it stores can be read.
void od_loading_ask(struct od_object *object);           // Somebody waits for it.
void od_loading_forget(struct od_object *object);        // Its slot has gone.

void od_loading_receive(struct od_objects *objects, const uint8_t *id); // OBJECT_LOADED

#endif
