#include "driver/prompt/prompt.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "driver/prompt/editor.h"
#include "driver/prompt/session.h"
#include "runtime/base/interrupt.h"

// Numbers are read and written as in C everywhere; characters are those of the user's locale, and
// UTF-8 where it has none.
static void use_locale(void) {
    setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0 && MB_CUR_MAX == 1)
        setlocale(LC_CTYPE, "C.UTF-8");
}

// ---- at a terminal ---------------------------------------------------------------------------

static void converse(dn_session *s) {
    dn_editor *editor = dn_editor_new(s);
    dn_str text = {0};
    printf("dnet %s: help explains, Ctrl-D ends\n", DN_VERSION);  // fits in 40 columns
    while (!s->ended) {
        char *line;
        dn_line what = dn_editor_read(editor, text.length ? text.text : "", &line);
        if (what == DN_LINE_END && text.length == 0) break;
        if (what != DN_LINE_READ) {
            text.length = 0;
            continue;
        }
        dn_str_puts(&text, line);
        free(line);
        if (!dn_session_evaluate(s, text.text, false)) continue;
        dn_editor_remember(editor, text.text);
        text.length = 0;
    }
    free(text.text);
    dn_editor_free(editor);
}

// ---- from a pipe -----------------------------------------------------------------------------

// Values without prompts. With `stop`, ends at the first error.
static int read_pipe(dn_session *s, FILE *in, bool stop) {
    dn_str text = {0};
    char *line = NULL;
    size_t capacity = 0;
    int number = 0, first = 1, code = DN_EXIT_OK;
    for (bool at_end = false; !at_end && !s->ended && code == DN_EXIT_OK;) {
        at_end = getline(&line, &capacity, in) < 0;
        if (!at_end) {
            if (text.length == 0) first = number + 1;
            number++;
            dn_str_puts(&text, line);
        }
        if (text.length == 0 || !dn_session_evaluate(s, text.text, at_end)) continue;
        text.length = 0;
        if (!stop || !s->failed) continue;
        fprintf(stderr, "dnet: stopped at line %d\n", first);
        code = DN_EXIT_ERRORS;
    }
    free(line);
    free(text.text);
    return code;
}

int dn_prompt_run(dn_compiler *compiler, const dn_options *options) {
    dn_session session;
    use_locale();
    dn_session_begin(&session, compiler, options);
    dn_interrupt_install_patient();
    int code = DN_EXIT_OK;
    dn_status status =
        options->backend == DN_BACKEND_CUDA ? dn_backend_use(&session.backend, NULL) : DN_SUCCESS;
    if (status) {
        dn_session_report(&session, status);
        code = DN_EXIT_ERRORS;
    } else if (options->file && !dn_session_load(&session, options->file)) {
        code = DN_EXIT_ERRORS;
    } else if (options->expression) {
        dn_session_evaluate(&session, options->expression, true);
        code = session.failed ? DN_EXIT_ERRORS : DN_EXIT_OK;
    } else if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) {
        converse(&session);
    } else {
        code = read_pipe(&session, stdin, options->stop_at_error);
    }
    dn_session_end(&session);
    return code;
}
