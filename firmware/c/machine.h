/* A Cortex-M with a debugger, or an emulator, that prints for it. */

#ifndef MACHINE_H
#define MACHINE_H

/* Prints text by semihosting. */
void print(const char *text);

#endif
