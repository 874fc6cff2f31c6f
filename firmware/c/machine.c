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
  const int32_t sys_open = 0x01, sys_write = 0x05;
  static int32_t console = -1;
  if (console < 0) {
    /* Opened for writing (mode 4), this name is the standard output. */
    const struct {
      const char *name;
      uint32_t mode, length;
    } open = {":tt", 4, 3};
    console = semihosting(sys_open, &open);
  }
  uint32_t length = 0;
  while (text[length] != '\0')
    length++;
  const struct {
    int32_t file;
    const char *text;
    uint32_t length;
  } write = {console, text, length};
  semihosting(sys_write, &write);
}

void print_number(uint32_t number, int width, char fill) {
  char text[12];
  int at = sizeof text - 1;
  text[at] = '\0';
  do {
    text[--at] = (char)('0' + number % 10);
    number /= 10;
    width--;
  } while (number > 0);
  while (width-- > 0 && at > 0)
    text[--at] = fill;
  print(text + at);
}

static void leave(int32_t status) {
  const int32_t exit_extended = 0x20;
  const uint32_t application_exit = 0x20026;
  const uint32_t argument[2] = {application_exit, (uint32_t)status};
  for (;;)
    semihosting(exit_extended, argument);
}

enum { PAINTED = 0x4000 };
static const uint32_t pattern = 0xa5c396e7;

/* Runs main on a stack that is painted below this function's frame, and says how far down the paint is gone. */
__attribute__((noinline)) static int32_t run_painted(void) {
  uint32_t *top = (uint32_t *)__builtin_frame_address(0) - 32, *bottom = top - PAINTED / 4;
  for (volatile uint32_t *word = bottom; word < top; word++)
    *word = pattern;
  int32_t status = main();
  volatile uint32_t *word = bottom;
  while (word < top && *word == pattern)
    word++;
  print("stack: ");
  print_number((uint32_t)(top - word) * 4 + 128, 1, ' ');
  print(" bytes\n");
  return status;
}

static void reset(void) {
  for (uint32_t *to = data_start, *from = data_in_flash; to < data_end;)
    *to++ = *from++;
  for (uint32_t *to = bss_start; to < bss_end;)
    *to++ = 0;
  /* The coprocessor access control register: full access to the FPU. */
  *(volatile uint32_t *)0xe000ed88 |= 0xfu << 20;
  __asm__ volatile("dsb\n\tisb");
  leave(run_painted());
}

static void fault(void) {
  print("fault\n");
  leave(2);
}

__attribute__((section(".vectors"), used)) const struct {
  uint32_t *stack;
  void (*handlers[15])(void);
} vectors = {stack_top, {reset, fault, fault, fault, fault, fault}};
