/* The vibration monitor of ../src/train.rs in C, through trueloss.h: a microcontroller learns to tell a worn bearing
 * from a sound one. It needs no C library. The weights have the same bits as those of the Rust program, if the compiler
 * does not contract a * b + c to one operation: -ffp-contract=off. */

#include <stdint.h>

#include "machine.h"
#include "trueloss.h"

enum { INPUTS = 3, BATCH = 30, LINES = 8, EVERY = 25, SAMPLES = 64 };

/* 16 random bits: the upper half of a linear congruential generator. */
static int32_t next_random(uint32_t *state) {
  *state = *state * 1664525u + 1013904223u;
  return (int32_t)(*state >> 16);
}

static int32_t magnitude(int32_t a) { return a < 0 ? -a : a; }

/* What an accelerometer measures in a window of time, as features: the mean magnitude, the peak, and the mean step from
 * one sample to the next. Returns whether the bearing is worn. */
static int32_t measure(uint32_t *state, float features[INPUTS]) {
  int32_t worn = next_random(state) & 1;
  int32_t force = 56 + next_random(state) % 96;
  int32_t phase = next_random(state) % 16;
  int32_t magnitudes = 0, peak = 0, steps = 0, before = 0;
  for (int32_t i = 0; i < SAMPLES; i++) {
    int32_t a = -126;
    for (int k = 0; k < 4; k++)
      a += next_random(state) & 63;
    if (worn && i % 16 == phase)
      a += a < 0 ? -force : force;
    magnitudes += magnitude(a);
    if (magnitude(a) > peak)
      peak = magnitude(a);
    steps += magnitude(a - before);
    before = a;
  }
  features[0] = (float)(magnitudes - 30 * SAMPLES) * (1.0f / 512.0f);
  features[1] = (float)(peak - 112) * (1.0f / 32.0f);
  features[2] = (float)(steps - 44 * SAMPLES) * (1.0f / 512.0f);
  return worn;
}

static void print_bits(float x) {
  union {
    float number;
    uint32_t bits;
  } word = {x};
  char text[] = " 00000000";
  for (int i = 8; i > 0; i--, word.bits >>= 4)
    text[i] = "0123456789abcdef"[word.bits & 15];
  print(text);
}

static void print_line(uint32_t step, float loss, float right) {
  uint32_t millionths = (uint32_t)(loss * 1e6f + 0.5f), hundredths = (uint32_t)(right * 1e4f + 0.5f);
  print_number(step, 6, ' ');
  print("  ");
  print_number(millionths / 1000000, 1, ' ');
  print(".");
  print_number(millionths % 1000000, 6, '0');
  print("   ");
  print_number(hundredths / 100, 3, ' ');
  print(".");
  print_number(hundredths % 100, 2, '0');
  print("%\n");
}

int main(void) {
  const float rate = 0.5f;
  float weights[INPUTS] = {0.0f, 0.0f, 0.0f}, bias = 0.0f;
  float features[BATCH][INPUTS], target[BATCH], logits[BATCH], grad_logits[BATCH];
  uint32_t sensor = 1, step = 0;

  print("vibration: bce_with_logits\n  step      loss     right\n");
  for (int line = 0; line < LINES; line++) {
    float loss_of_line = 0.0f, right_of_line = 0.0f;
    for (int i = 0; i < EVERY; i++, step++) {
      for (int row = 0; row < BATCH; row++)
        target[row] = (float)measure(&sensor, features[row]);
      for (int row = 0; row < BATCH; row++) {
        logits[row] = bias;
        for (int j = 0; j < INPUTS; j++)
          logits[row] += features[row][j] * weights[j];
      }

      float loss, right;
      struct trueloss_error error = {0};
      trueloss_bce_with_logits_options_f32 options = {.error = &error};
      trueloss_status status =
          trueloss_bce_with_logits_forward_backward_f32(logits, target, BATCH, &options, &loss, grad_logits);
      if (status == TRUELOSS_OK)
        status = trueloss_binary_accuracy_f32(logits, target, BATCH, &right, &error);
      if (status != TRUELOSS_OK) {
        print(trueloss_status_message(status));
        print("\n");
        return 1;
      }
      loss_of_line += loss;
      right_of_line += right;

      float grad_weights[INPUTS] = {0.0f, 0.0f, 0.0f}, grad_bias = 0.0f;
      for (int row = 0; row < BATCH; row++) {
        for (int j = 0; j < INPUTS; j++)
          grad_weights[j] += features[row][j] * grad_logits[row];
        grad_bias += grad_logits[row];
      }
      for (int j = 0; j < INPUTS; j++)
        weights[j] -= rate * grad_weights[j];
      bias -= rate * grad_bias;
    }
    print_line(step, loss_of_line / (float)EVERY, right_of_line / (float)EVERY);
  }
  print("weights");
  for (int j = 0; j < INPUTS; j++)
    print_bits(weights[j]);
  print_bits(bias);
  print("\n\n");
  return 0;
}
