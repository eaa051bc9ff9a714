#include "runtime/image/terminal_query.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { ANSWER_MS = 200, LONGEST_ANSWER = 128 };

// "ESC [ ? 62 ; 4 ; 22 c"
static bool lists_sixel(const char *answer) {
    const char *at = strstr(answer, "\033[?");
    for (at = at ? strchr(at, ';') : NULL; at; at = strchr(at + 1, ';'))
        if (at[1] == '4' && (at[2] == ';' || at[2] == 'c')) return true;
    return false;
}

static bool read_answer(char answer[LONGEST_ANSWER]) {
    int length = 0;
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    while (length + 1 < LONGEST_ANSWER && poll(&input, 1, ANSWER_MS) == 1 &&
           read(STDIN_FILENO, answer + length, 1) == 1) {
        answer[length + 1] = 0;
        if (answer[length++] == 'c' && strstr(answer, "\033[?")) return true;
    }
    return false;
}

static bool ask(FILE *out) {
    struct termios before, raw;
    char answer[LONGEST_ANSWER] = "";
    if (tcgetattr(STDIN_FILENO, &before) != 0) return false;
    raw = before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    // What was typed ahead is not the answer, and would be lost.
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) != 0) return false;
    bool answered = false;
    if (poll(&input, 1, 0) == 0) {
        fputs("\033[c", out);
        fflush(out);
        answered = read_answer(answer);
    }
    tcsetattr(STDIN_FILENO, TCSANOW, &before);
    return answered && lists_sixel(answer);
}

bool dn_terminal_has_sixel(FILE *out) {
    static int known;  // 1: yes, 2: no; the process has one terminal
    if (!known) known = isatty(STDIN_FILENO) && isatty(fileno(out)) && ask(out) ? 1 : 2;
    return known == 1;
}
