#include "driver/prompt/editor.h"

#include <errno.h>
#include <histedit.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#include "driver/prompt/complete.h"
#include "driver/prompt/paint.h"

enum { HISTORY_KEPT = 2000, BLINK_MS = 200, LISTED = 100, PROMPT_COLUMNS = 6 };

struct dn_editor {
    dn_session *session;
    EditLine *el;
    History *history;
    char *history_path;  // NULL: there is no place for it
    char *prompts[2];    // of the first line, and of those that continue it
    const char *before;  // the lines that this one continues
    bool cancelled;
};

static dn_editor *editor_of(EditLine *el) {
    dn_editor *e;
    el_get(el, EL_CLIENTDATA, &e);
    return e;
}

// ---- the prompt ------------------------------------------------------------------------------

// Escape sequences stand between two of these, so that libedit does not count them as columns.
enum { ESCAPE = '\1' };

static const char *prompt_of(const dn_editor *e) { return e->prompts[*e->before != 0]; }

static char *prompt(EditLine *el) { return (char *)prompt_of(editor_of(el)); }

static char *coloured(const dn_style *style, const char *text) {
    if (!style->colour) return dn_printf("%s ", text);
    // The last character has to be a visible one: libedit keeps back escapes that end a prompt.
    return dn_printf("%c\033[1;32m%c%s%c\033[0m%c ", ESCAPE, ESCAPE, text, ESCAPE, ESCAPE);
}

static char *without_marks(const char *prompt_text) {
    dn_str out = {0};
    for (; *prompt_text; prompt_text++)
        if (*prompt_text != ESCAPE) dn_str_append(&out, prompt_text, 1);
    return dn_str_take(&out);
}

// ---- history ---------------------------------------------------------------------------------

// $XDG_STATE_HOME/dnet/history, or ~/.local/state/dnet/history; folders are made.
static char *make_history_path(void) {
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (!(state && *state == '/') && !(home && *home)) return NULL;
    char *folder = state && *state == '/' ? dn_printf("%s/dnet", state)
                                          : dn_printf("%s/.local/state/dnet", home);
    for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(folder, 0700);
        *slash = '/';
    }
    mkdir(folder, 0700);
    char *path = dn_printf("%s/history", folder);
    free(folder);
    return path;
}

static void begin_history(dn_editor *e) {
    HistEvent event;
    e->history = history_init();
    history(e->history, &event, H_SETSIZE, HISTORY_KEPT);
    history(e->history, &event, H_SETUNIQUE, 1);
    e->history_path = make_history_path();
    if (e->history_path) history(e->history, &event, H_LOAD, e->history_path);
    el_set(e->el, EL_HIST, history, e->history);
}

void dn_editor_remember(dn_editor *e, const char *text) {
    HistEvent event;
    if (!text[strspn(text, " \t\n")]) return;
    history(e->history, &event, H_ENTER, text);
    if (!e->history_path) return;
    // Beside it and renamed, so that two sessions do not mix their lines.
    char *beside = dn_printf("%s.%d", e->history_path, (int)getpid());
    if (history(e->history, &event, H_SAVE, beside) >= 0) rename(beside, e->history_path);
    free(beside);
}

// ---- keys ------------------------------------------------------------------------------------

// Ctrl-C is a macro: to the end of the line, so that what follows is written below it, and this.
#define CANCEL "\\e[9999~"

static unsigned char cancel(EditLine *el, int key) {
    (void)key;
    editor_of(el)->cancelled = true;
    fputs("^C", stdout);
    fflush(stdout);
    return CC_NEWLINE;
}

static unsigned char suspend(EditLine *el, int key) {
    (void)key;
    el_set(el, EL_PREP_TERM, 0);
    raise(SIGTSTP);
    el_set(el, EL_PREP_TERM, 1);
    return CC_REDISPLAY;
}

static char *text_before_cursor(EditLine *el) {
    const LineInfo *line = el_line(el);
    return dn_strndup(line->buffer, (size_t)(line->cursor - line->buffer));
}

static void list_candidates(dn_editor *e, const dn_candidates *c) {
    dn_table table = {.n_columns = 2};
    dn_str out = {0};
    for (int i = 0; i < c->n && i < LISTED; i++) {
        dn_table_add(&table, c->items[i].text);
        dn_table_printf(&table, "%s%s%s", dn_style_begin(&e->session->style, DN_COLOUR_FAINT),
                        c->items[i].detail, dn_style_end(&e->session->style));
    }
    dn_str_puts(&out, "\n");
    dn_table_print(&table, &e->session->style, false, &out);
    if (c->n > LISTED) dn_str_printf(&out, "  ... %d more\n", c->n - LISTED);
    dn_session_print(&out);
}

static unsigned char complete(EditLine *el, int key) {
    (void)key;
    dn_editor *e = editor_of(el);
    char *before = text_before_cursor(el);
    if (!before[strspn(before, " \t")]) {  // indentation
        free(before);
        return el_insertstr(el, "    ") == 0 ? CC_REFRESH : CC_ERROR;
    }
    dn_style_update(&e->session->style, stdout);
    dn_candidates c = dn_complete(e->session, before);
    size_t common = dn_candidates_common(&c);
    unsigned char result = CC_ERROR;
    if (common > c.word) {
        char *rest = dn_strndup(c.items[0].text + c.word, common - c.word);
        result = el_insertstr(el, rest) == 0 ? CC_REFRESH : CC_ERROR;
        free(rest);
    } else if (c.n > 1 || (c.n == 1 && *c.items[0].detail)) {  // what it is called with
        list_candidates(e, &c);
        result = CC_REDISPLAY;
    }
    dn_candidates_free(&c);
    free(before);
    return result;
}

// How many characters before the closing bracket at the end its partner is; 0: it has none.
static int distance_to_partner(const char *before, char close) {
    char open = close == ')' ? '(' : close == ']' ? '[' : '{';
    int depth = 0, distance = 0;
    for (size_t i = strlen(before); i-- > 0;) {
        distance += ((unsigned char)before[i] & 0xC0) != 0x80;
        if (before[i] == close) depth++;
        if (before[i] == open && depth-- == 0) return distance;
    }
    return 0;
}

// Moves the terminal's cursor to the partner and back, with the bracket already there. Ends where
// libedit believes it to be, before the bracket, which it then draws itself.
static void visit(int distance, char bracket) {
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    printf("%c\033[%dD", bracket, distance + 1);
    fflush(stdout);
    poll(&input, 1, BLINK_MS);
    printf("\033[%dC", distance);
    fflush(stdout);
}

// The partner is shown for a moment, unless another key comes or the line is not all in one row.
static unsigned char close_bracket(EditLine *el, int key) {
    dn_editor *e = editor_of(el);
    char text[] = {(char)key, 0};
    char *before = text_before_cursor(el);
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    int distance = distance_to_partner(before, (char)key);
    dn_style_update(&e->session->style, stdout);
    bool one_row = !strchr(before, '\n') &&
                   PROMPT_COLUMNS + dn_text_columns(before) + 1 < e->session->style.width;
    free(before);
    bool pasted = poll(&input, 1, 0) != 0;
    bool marked = e->session->style.colour;  // by colours, as long as the cursor is there
    if (distance && one_row && !pasted && !marked) visit(distance, (char)key);
    return el_insertstr(el, text) == 0 ? CC_REFRESH : CC_ERROR;
}

static void bind_keys(EditLine *el) {
    static const char *const keys[][2] = {
        {"^I", "dnet-complete"},       {CANCEL, "dnet-cancel"},
        {"^Z", "dnet-suspend"},        {")", "dnet-close"},
        {"]", "dnet-close"},           {"}", "dnet-close"},
        {"^R", "em-inc-search-prev"},  {"^S", "em-inc-search-next"},
        {"^W", "ed-delete-prev-word"}, {"\\e[1;5C", "em-next-word"},
        {"\\e[1;5D", "ed-prev-word"},  {"\\e[3~", "ed-delete-next-char"}};
    el_set(el, EL_EDITOR, "emacs");
    el_set(el, EL_ADDFN, "dnet-complete", "completes", complete);
    el_set(el, EL_ADDFN, "dnet-cancel", "drops the input", cancel);
    el_set(el, EL_ADDFN, "dnet-suspend", "stops the process", suspend);
    el_set(el, EL_ADDFN, "dnet-close", "shows a bracket's partner", close_bracket);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        el_set(el, EL_BIND, keys[i][0], keys[i][1], NULL);
    el_set(el, EL_BIND, "-s", "^C", "^E" CANCEL, NULL);
    el_set(el, EL_SETTY, "-d", "-isig", NULL);  // Ctrl-C is a key while a line is edited
}

// ---- colours ---------------------------------------------------------------------------------

// Whether the terminal has the size for which libedit has drawn the line.
static bool has_size(int columns, int rows) {
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col == columns &&
           size.ws_row == rows;
}

static void paint(dn_editor *e, bool mark_brackets) {
    int columns = 0, rows = 0;
    el_get(e->el, EL_GETTC, "co", &columns, NULL);
    el_get(e->el, EL_GETTC, "li", &rows, NULL);
    if (!e->session->style.capable || !has_size(columns, rows)) return;
    const LineInfo *info = el_line(e->el);
    char *text = dn_strndup(info->buffer, (size_t)(info->lastchar - info->buffer));
    char *shown_prompt = without_marks(prompt_of(e));
    dn_painted_line line = {.before = e->before,
                            .text = text,
                            .prompt = shown_prompt,
                            .cursor = (size_t)(info->cursor - info->buffer),
                            .first_column = PROMPT_COLUMNS,
                            .columns = columns,
                            .rows = rows,
                            .mark_brackets = mark_brackets};
    dn_str out = {0};
    dn_paint_line(e->session, &line, &out);
    dn_session_print(&out);
    free(shown_prompt);
    free(text);
}

// ---- reading ---------------------------------------------------------------------------------

// A character of the locale from stdin; bytes that begin none are dropped. As read: 1, 0 or -1.
static int read_character(wchar_t *out) {
    char bytes[MB_LEN_MAX];
    for (size_t n = 0;;) {
        ssize_t count = read(STDIN_FILENO, bytes + n, 1);
        if (count <= 0) return (int)count;
        mbstate_t state = {0};
        size_t length = mbrtowc(out, bytes, ++n, &state);
        bool complete = length != (size_t)-2;
        if (complete && length != (size_t)-1) return 1;
        if (complete || n == sizeof bytes) n = 0;
    }
}

// What libedit reads keys by, once what was typed before is on the screen. While more keys are
// there already there is no need to paint; a line that is done loses its marks.
static int read_key(EditLine *el, wchar_t *key) {
    dn_editor *e = editor_of(el);
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    if (poll(&input, 1, 0) == 0) paint(e, true);
    int result = read_character(key);
    if (result == 1 && (*key == L'\r' || *key == L'\n')) paint(e, false);
    return result;
}

dn_editor *dn_editor_new(dn_session *session) {
    dn_editor *e = dn_xcalloc(1, sizeof *e);
    e->session = session;
    e->el = el_init("dnet", stdin, stdout, stderr);
    e->before = "";
    e->prompts[0] = coloured(&session->style, "dnet>");
    e->prompts[1] = coloured(&session->style, "  ...");
    el_set(e->el, EL_CLIENTDATA, e);
    el_set(e->el, EL_PROMPT_ESC, prompt, ESCAPE);
    el_set(e->el, EL_GETCFN, read_key);
    bind_keys(e->el);
    begin_history(e);
    return e;
}

void dn_editor_free(dn_editor *e) {
    history_end(e->history);
    el_end(e->el);
    free(e->history_path);
    free(e->prompts[0]);
    free(e->prompts[1]);
    free(e);
}

dn_line dn_editor_read(dn_editor *e, const char *before, char **line) {
    int count;
    e->before = before;
    e->cancelled = false;
    errno = 0;
    el_resize(e->el);
    el_set(e->el, EL_PREP_TERM, 1);  // before the prompt is seen: libedit does it after
    const char *text = el_gets(e->el, &count);
    if (e->cancelled) {
        putchar('\n');
        return DN_LINE_CANCELLED;
    }
    if (!text || count <= 0) {
        if (errno == EINTR) return DN_LINE_CANCELLED;
        putchar('\n');
        return DN_LINE_END;
    }
    *line = dn_strdup(text);
    return DN_LINE_READ;
}
