// Ctrl-C. What takes long looks whether it is asked to stop: commands between two steps, entries
// before each launch or operation, and within a long launch, as long as nothing is written.
#ifndef DN_BASE_INTERRUPT_H
#define DN_BASE_INTERRUPT_H

#include <stdbool.h>

// The first Ctrl-C asks to stop, the second ends the process at once.
void dn_interrupt_install(void);
// For the prompt: no number of Ctrl-Cs ends the process; SIGTERM does at once.
void dn_interrupt_install_patient(void);
bool dn_interrupt_requested(void);
void dn_interrupt_clear(void);

#endif
