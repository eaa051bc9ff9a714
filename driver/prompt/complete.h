// What a word at the cursor can become.
#ifndef DN_PROMPT_COMPLETE_H
#define DN_PROMPT_COMPLETE_H

#include "driver/prompt/session.h"

typedef struct dn_candidate {
    char *text;    // the whole word
    char *detail;  // its type, or what it does; ""
} dn_candidate;

typedef struct dn_candidates {
    dn_candidate *items;
    int n, capacity;
    size_t word;  // bytes before the cursor that the candidates replace
} dn_candidates;

// `before`: what stands before the cursor in this line. Sorted, each once.
dn_candidates dn_complete(dn_session *session, const char *before);
void dn_candidates_free(dn_candidates *candidates);
// What all of them begin with: how many bytes.
size_t dn_candidates_common(const dn_candidates *candidates);

#endif
