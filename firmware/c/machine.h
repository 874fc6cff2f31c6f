/* A Cortex-M with a debugger, or an emulator, that prints for it. */

#ifndef MACHINE_H
#define MACHINE_H

#include <stdint.h>

/* Prints text by semihosting. */
void print(const char *text);

/* Prints a number of at least `width` characters, filled up on the left. */
void print_number(uint32_t number, int width, char fill);

#endif
