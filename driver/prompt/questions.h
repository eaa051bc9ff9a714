// Questions to the system: `:type e` and the like. questions.c finds the function for a name.
#ifndef DN_PROMPT_QUESTIONS_H
#define DN_PROMPT_QUESTIONS_H

#include "driver/prompt/session.h"

// Answers on stdout. The argument is what stands behind the name, trimmed; "" if nothing does.
typedef dn_status dn_question_function(dn_session *session, const char *argument);

typedef struct dn_question {
    const char *name;
    const char *argument;  // as the help shows it
    const char *help;      // one line
    const char *topic;     // further lines of :help NAME, or ""
    dn_question_function *function;
} dn_question;

// QUESTION(name, argument, help, topic): questions.def lists them in the order of the help.
#define QUESTION(name, argument, help, topic) dn_question_function dn_ask_##name;
#include "driver/prompt/questions.def"
#undef QUESTION

extern const dn_question dn_questions[];
extern const int dn_n_questions;

// "type x @ y": what stands behind the colon.
void dn_question_ask(dn_session *session, const char *text);
// Inputs that are no code but ask for something: the name of a model, net or function alone shows
// it; `help`, `quit`, `exit` and `reload`, where nothing is called so. False for anything else.
bool dn_question_word(dn_session *session, const char *text);

// ---- what several of them need ----
// Compiles an expression to be looked at; ends with dn_prompt_forget. False after printing why not.
bool dn_try(dn_session *session, const char *text, dn_input *input);
// The entries that an input calls, directly or through commands; or those of a step or command
// that is named. The list is the caller's.
dn_status dn_entries_of(dn_session *session, const char *text, int **units, int *n) DN_MUST_USE;
// The net, model or fn whose name is the whole text, or NULL.
dn_def *dn_bare_function(dn_session *session, const char *text);
// The library's or the session's definition; NULL after saying that there is none.
dn_def *dn_find_definition(dn_session *session, const char *name);
void dn_show_signature(dn_session *session, const dn_def *def, dn_str *out);
void dn_show_doc(dn_session *session, const dn_def *def, dn_str *out);
void dn_show_model(dn_session *session, dn_def *def);

#endif
