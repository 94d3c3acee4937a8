// Which of some names a person may have meant who wrote another word.
//
// A message about a word that is not known is half as useful as one that says what was meant. Words
// are compared without regard to case, and letters that changed places count as one mistake; short
// words allow for none, as "set" is no misspelt "get".
//
// Order: begin with {.word = ...}, try each name, then [name] is the nearest so far; NULL: none is
// near. Names are borrowed until then. Cost: for messages, not for the way of a request.

#ifndef OD_BASE_SUGGEST_H
#define OD_BASE_SUGGEST_H

#define OD_SUGGEST_BYTES_MAX 64 // Of a word; a longer one is near to nothing.

struct od_suggest {
    const char *word;
    const char *name;
    unsigned mistakes; // Between both.
};

void od_suggest_try(struct od_suggest *suggest, const char *name);

// The nearest of [names], which ends with NULL.
const char *od_suggest_of(const char *word, const char *const *names);

#endif
