/* How the program starts, prints and ends on a Cortex-M4F, without a C library. */

#include "machine.h"

#include <stdint.h>

int main(void);

extern uint32_t bss_start[], bss_end[], data_start[], data_end[], data_in_flash[], stack_top[];

/* Asks the debugger or the emulator for a service. */
static int32_t semihosting(int32_t service, const void *argument) {
  register int32_t r0 __asm__("r0") = service;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

void print(const char *text) {
  const int32_t write0 = 0x04;
  semihosting(write0, text);
}

static void leave(int32_t status) {
  const int32_t exit_extended = 0x20;
  const uint32_t application_exit = 0x20026;
  const uint32_t argument[2] = {application_exit, (uint32_t)status};
  for (;;)
    semihosting(exit_extended, argument);
}

static void reset(void) {
  for (uint32_t *to = data_start, *from = data_in_flash; to < data_end;)
    *to++ = *from++;
  for (uint32_t *to = bss_start; to < bss_end;)
    *to++ = 0;
  /* The coprocessor access control register: full access to the FPU. */
  *(volatile uint32_t *)0xe000ed88 |= 0xfu << 20;
  __asm__ volatile("dsb\n\tisb");
  leave(main());
}

static void fault(void) {
  print("fault\n");
  leave(2);
}

__attribute__((section(".vectors"), used)) static const struct {
  uint32_t *stack;
  void (*handlers[15])(void);
} vectors = {stack_top, {reset, fault, fault, fault, fault, fault}};
