/* Calls every function of trueloss.h for float and double, and prints the bits of each answer: `tests/c.rs` compares
 * them with those of the Rust interface, which makes data.h as well. What has to be refused is checked here. */
#include "trueloss.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data.h"

#ifdef __cplusplus
#define ZERO {}
#else
#define ZERO {0}
#endif

enum { ELEMENTS = 12, ROWS = 4, CLASSES = 3, MANY = TRUELOSS_BLOCK + 100 };

static const size_t SHAPE[] = {2, CLASSES, 2};
static const int64_t labels[] = {LABELS};
/* With 2 for the ignored rows. */
static const int64_t labels_2[] = {LABELS_2};

/* What outputs hold before a call that must leave them alone. */
#define UNTOUCHED 42

static int failures = 0;

static void fail(int line, const char *what, int got) {
    printf("check.c:%d: %s: %d\n", line, what, got);
    failures++;
}

/* The call succeeds. */
#define OK(call)                                            \
    do {                                                    \
        trueloss_status status_ = (call);                   \
        if (status_ != TRUELOSS_OK) fail(__LINE__, #call, status_); \
    } while (0)

#define HOLDS(condition)                                  \
    do {                                                  \
        if (!(condition)) fail(__LINE__, #condition, 0); \
    } while (0)

static void print_bits(const char *name, const char *suffix, const void *numbers, size_t size, size_t count) {
    const unsigned char *bytes = (const unsigned char *)numbers;
    size_t i;
    printf("%s_%s", name, suffix);
    for (i = 0; i < count; i++, bytes += size) {
        if (size == sizeof(uint32_t)) {
            uint32_t bits;
            memcpy(&bits, bytes, sizeof bits);
            printf(" %08lx", (unsigned long)bits);
        } else {
            uint64_t bits;
            memcpy(&bits, bytes, sizeof bits);
            printf(" %08lx%08lx", (unsigned long)(bits >> 32), (unsigned long)(bits & 0xffffffffu));
        }
    }
    printf("\n");
}

/* The functions of one type: functions.inc takes REAL and SUFFIX. */
#define PASTE_(name, suffix) name##_##suffix
#define PASTE(name, suffix) PASTE_(name, suffix)
#define STRING_(suffix) #suffix
#define STRING(suffix) STRING_(suffix)
#define F(name) PASTE(trueloss_##name, SUFFIX)
#define LOCAL(name) PASTE(name, SUFFIX)
#define SHOW(name, numbers, count) print_bits(name, STRING(SUFFIX), numbers, sizeof(REAL), count)

#define REAL float
#define SUFFIX f32
#include "functions.inc"
#undef REAL
#undef SUFFIX

#define REAL double
#define SUFFIX f64
#include "functions.inc"
#undef REAL
#undef SUFFIX

/* Each status and argument has words of its own, and other numbers have some. */
static void check_words(void) {
    static const trueloss_status statuses[] = {
        TRUELOSS_OK, TRUELOSS_ERROR_LENGTH, TRUELOSS_ERROR_BROADCAST, TRUELOSS_ERROR_SHAPE_OVERFLOW,
        TRUELOSS_ERROR_NO_CLASSES, TRUELOSS_ERROR_DIMENSION, TRUELOSS_ERROR_OUTSIDE_UNIT_INTERVAL,
        TRUELOSS_ERROR_NOT_FINITE, TRUELOSS_ERROR_NOT_POSITIVE, TRUELOSS_ERROR_CLASS_INDEX,
        TRUELOSS_ERROR_NOT_ON_BLOCK_BOUNDARY, TRUELOSS_ERROR_NOT_ADJACENT, TRUELOSS_ERROR_NOT_HARD_LABEL,
        TRUELOSS_ERROR_NOT_SIGN, TRUELOSS_ERROR_OUTSIDE_RANGE, TRUELOSS_ERROR_NULL_POINTER,
        TRUELOSS_ERROR_MISALIGNED, TRUELOSS_ERROR_TOO_LARGE, TRUELOSS_ERROR_OVERLAP, TRUELOSS_ERROR_REDUCTION,
        TRUELOSS_ERROR_NOT_A_PARTIAL, TRUELOSS_ERROR_OTHER,
    };
    const int count = (int)(sizeof statuses / sizeof *statuses);
    int i, j;
    for (i = 0; i < count; i++)
        for (j = 0; j < i; j++)
            HOLDS(strcmp(trueloss_status_message(statuses[i]), trueloss_status_message(statuses[j])) != 0);
    HOLDS(strlen(trueloss_status_message(-1)) > 0);
    for (i = TRUELOSS_ARGUMENT_NONE; i <= TRUELOSS_ARGUMENT_PARTIAL; i++)
        for (j = TRUELOSS_ARGUMENT_NONE; j < i; j++)
            HOLDS(strcmp(trueloss_argument_name(i), trueloss_argument_name(j)) != 0);
    HOLDS(strcmp(trueloss_argument_name(TRUELOSS_ARGUMENT_POS_WEIGHT), "pos_weight") == 0);
    HOLDS(strlen(trueloss_argument_name(-1)) > 0);
}

/* The bits are the same at every SIMD width. */
static void check_widths(void) {
    const uint32_t widest = trueloss_simd_width();
    uint32_t width;
    for (width = 0; width <= widest; width++) {
        HOLDS(trueloss_limit_simd_width(width) == width);
        HOLDS(trueloss_simd_width() == width);
        printf("width\n");
        show_f32();
        show_f64();
    }
    HOLDS(trueloss_limit_simd_width(UINT32_MAX) == widest);
}

int main(void) {
    printf("version %s\n", trueloss_version());
    check_widths();
    refuse_f32();
    refuse_f64();
    check_words();
    return failures != 0;
}
