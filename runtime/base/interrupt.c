// A signal handler can only set a flag, which is the one piece of global state here.
#include "runtime/base/interrupt.h"

#include <signal.h>
#include <unistd.h>

enum { EXIT_INTERRUPTED = 130 };

static volatile sig_atomic_t interrupts;

static void on_signal(int signal) {
    (void)signal;
    if (interrupts) _exit(EXIT_INTERRUPTED);
    interrupts = 1;
}

static void on_patient_signal(int signal) {
    (void)signal;
    interrupts = 1;
}

void dn_interrupt_install(void) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

void dn_interrupt_install_patient(void) {
    struct sigaction action = {.sa_handler = on_patient_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
}

bool dn_interrupt_requested(void) { return interrupts != 0; }

void dn_interrupt_clear(void) { interrupts = 0; }
