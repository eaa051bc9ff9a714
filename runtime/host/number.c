#include "runtime/host/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reads_back(const char *text, double number, bool single) {
    if (single) return strtof(text, NULL) == (float)number;
    return strtod(text, NULL) == number;
}

// Writes d.ddde+xx with the fewest digits that read back.
static void shortest_scientific(double number, bool single, int digits, char *text) {
    int limit = single ? 9 : 17;
    if (digits > 0 && digits < limit) limit = digits;
    for (int n = 1; n <= limit; n++) {
        snprintf(text, DN_NUMBER_TEXT, "%.*e", n - 1, number);
        if (reads_back(text, number, single)) break;
    }
    // With a limit on the digits, zeros at the end say nothing.
    char *e = strchr(text, 'e'), *end = e;
    if (!strchr(text, '.')) return;
    while (end[-1] == '0') end--;
    if (end[-1] == '.') end--;
    memmove(end, e, strlen(e) + 1);
}

void dn_number_text(double number, bool single, int digits, char *text) {
    if (!isfinite(number)) {
        strcpy(text, isnan(number) ? "nan" : number < 0 ? "-inf" : "inf");
        return;
    }
    shortest_scientific(number, single, digits, text);
    const char *e = strchr(text, 'e');
    int exponent = atoi(e + 1), significant = 0;
    for (const char *c = text; c < e; c++) significant += *c >= '0' && *c <= '9';
    if (exponent < -5 || exponent > 15) return;
    int decimals = significant - 1 - exponent;
    if (decimals >= 0) {
        // The value of exactly these digits: rounding happened above, once.
        snprintf(text, DN_NUMBER_TEXT, "%.*f", decimals, strtod(text, NULL));
    } else {
        snprintf(text, DN_NUMBER_TEXT, "%.0f", strtod(text, NULL));
    }
}

double dn_number_from_single(float number) {
    char text[DN_NUMBER_TEXT];
    if (!isfinite(number)) return number;
    dn_number_text(number, true, 0, text);
    return strtod(text, NULL);
}
