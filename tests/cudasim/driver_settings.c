// What the environment asks of the simulated driver.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/cudasim/driver_state.h"

static _Noreturn void bad_setting(const char *name, const char *value, const char *wanted) {
    fprintf(stderr, "cudasim: error: %s=%s: it is %s\n", name, value, wanted);
    _exit(2);
}

static long long number(const char *name, long long otherwise, long long least, long long most) {
    const char *text = getenv(name);
    if (!text || !*text) return otherwise;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (*end || errno || value < least || value > most) {
        char wanted[96];
        snprintf(wanted, sizeof wanted, "a number from %lld to %lld", least, most);
        bad_setting(name, text, wanted);
    }
    return value;
}

static void read_order(sim_settings *settings) {
    static const char name[] = "CUDASIM_ORDER";
    const char *text = getenv(name);
    if (!text || !*text || strcmp(text, "late") == 0) {
        settings->order = SIM_LATE;
    } else if (strcmp(text, "early") == 0) {
        settings->order = SIM_EARLY;
    } else if (strcmp(text, "overtake") == 0) {
        settings->order = SIM_OVERTAKE;
    } else {
        char *end = NULL;
        if (strncmp(text, "random:", 7) == 0) settings->seed = strtoull(text + 7, &end, 10);
        if (!end || end == text + 7 || *end) {
            bad_setting(name, text, "late, early, overtake or random:SEED");
        }
        settings->order = SIM_RANDOM;
    }
}

// The device that an entry of CUDA_VISIBLE_DEVICES means; -1: none.
static int visible_device(const char *entry, size_t length, int n_devices) {
    char text[48];
    if (length == 0 || length >= sizeof text) return -1;
    memcpy(text, entry, length);
    text[length] = 0;
    char *end;
    long value = strtol(text, &end, 10);
    return *end || value < 0 || value >= n_devices ? -1 : (int)value;
}

// As the driver reads it: devices up to the first entry that means none; none if one comes twice.
static void read_visible(sim_settings *settings) {
    int all = settings->n_devices;
    for (int i = 0; i < all; i++) settings->ordinal[i] = i;
    const char *text = getenv("CUDA_VISIBLE_DEVICES");
    if (!text) return;
    settings->n_devices = 0;
    while (*text) {
        size_t length = strcspn(text, ",");
        int device = visible_device(text, length, all);
        if (device < 0) return;
        for (int i = 0; i < settings->n_devices; i++) {
            if (settings->ordinal[i] == device) {
                settings->n_devices = 0;
                return;
            }
        }
        settings->ordinal[settings->n_devices++] = device;
        text += length;
        if (*text) text++;
    }
}

static void read_all(sim_settings *settings) {
    settings->sm = (int)number("CUDASIM_SM", 90, 0, 999);
    if (settings->sm != 80 && settings->sm != 86 && settings->sm != 89 && settings->sm != 90) {
        bad_setting("CUDASIM_SM", getenv("CUDASIM_SM"), "80, 86, 89 or 90");
    }
    settings->sms = (int)number("CUDASIM_SMS", 4, 1, 1024);
    settings->memory = (size_t)number("CUDASIM_MEMORY", 1LL << 30, 0, 1LL << 40);
    settings->n_devices = (int)number("CUDASIM_DEVICES", 1, 0, SIM_MOST_DEVICES);
    settings->explain = number("CUDASIM_EXPLAIN", 0, 0, 1) == 1;
    read_order(settings);
    read_visible(settings);
}

const sim_settings *sim_setting(void) {
    static sim_settings settings;
    static bool known;
    if (!known) read_all(&settings);
    known = true;
    return &settings;
}
