/* trueloss: loss functions whose every answer is the right one.
 *
 * Made by cbindgen from the source of the package trueloss-capi; a change made here is lost.
 *
 * What holds for every function:
 *
 * - It returns TRUELOSS_OK (0), or a positive code that says what is wrong with an argument; then nothing
 *   has been written to any output. trueloss_status_message() puts a code into words. Which argument, and
 *   where in it: set `error` in the options, see trueloss_error.
 * - Arrays are the caller's, in row-major order, aligned for their type; a pointer to an array of length 0 is not
 *   looked at and may be NULL, any other may not. Outputs need not be initialised.
 * - An output may not overlap an input or another output: TRUELOSS_ERROR_OVERLAP. Inputs may overlap each other.
 *   Options are read before anything is written; the trueloss_error that they lead to lies apart from all else.
 * - Nothing is allocated, and nothing is kept after the call. Calls may be made from any number of threads at
 *   once, as long as no output of one is an argument of another.
 * - Options that are numbers are arguments, and have no default; each page says PyTorch's.
 * - Codes that any function may return: TRUELOSS_ERROR_NULL_POINTER, _MISALIGNED, _TOO_LARGE and
 *   _OVERLAP, and where there are options _REDUCTION. The functions' own pages list the others.
 *
 * Names are PyTorch's. x is an element of `input`, y of `target`, g of `grad_output`, w a weight. Bounds of error
 * and special values are those of the Rust package trueloss, and in its documentation.
 */


#ifndef TRUELOSS_H
#define TRUELOSS_H

#include <stddef.h>
#include <stdint.h>
/**
 * Initialisers of the options of the losses of classes: mean, unweighted, labels of -100 ignored. All zeros
 * (`= {0}`) would ignore the class 0. The other options' default is all zeros.
 */
#define TRUELOSS_NLL_OPTIONS_DEFAULT {NULL, 0, -100, TRUELOSS_REDUCTION_MEAN, NULL}
#define TRUELOSS_CROSS_ENTROPY_OPTIONS_DEFAULT {NULL, 0, -100, 0.0, TRUELOSS_REDUCTION_MEAN, NULL}


/**
 * The sum over the count, or over the sum of the weights: each loss says which. The mean of nothing is NaN.
 */
#define TRUELOSS_REDUCTION_MEAN 0

/**
 * The sum. That of nothing is 0.
 */
#define TRUELOSS_REDUCTION_SUM 1

/**
 * How many elements or rows a block has: a partial result begins at a multiple of it.
 */
#define TRUELOSS_BLOCK 4096

/**
 * What a function returns: TRUELOSS_OK or one of the TRUELOSS_ERROR codes.
 */
typedef int32_t trueloss_status;

/**
 * The argument that an error is about: one of the TRUELOSS_ARGUMENT numbers.
 */
typedef int32_t trueloss_argument;

/**
 * Where an error is. A function that fails fills in the one that `error` points to, in its options or among its
 * arguments, if that is not NULL; one that succeeds leaves it alone. What does not apply is 0.
 */
typedef struct trueloss_error {
  /**
   * What the function returns.
   */
  trueloss_status status;
  /**
   * The argument it is about.
   */
  trueloss_argument argument;
  /**
   * Where in the argument: the index of the number that is not legal.
   */
  size_t index;
  /**
   * The number that the other arguments call for: a length (BROADCAST: the input's, which the weight's has to divide),
   * the number of classes, the rank, where a partial has to begin.
   */
  size_t expected;
  /**
   * The number found in its place: a length, `dim`, where the partial begins. A class index is the target at `index`.
   */
  size_t actual;
} trueloss_error;

/**
 * Options of mse. All zeros, or a NULL in their place, are the default: the mean.
 */
typedef struct trueloss_mse_options {
  /**
   * TRUELOSS_REDUCTION_MEAN or TRUELOSS_REDUCTION_SUM. Where each loss is asked for, either will
   * do.
   */
  uint32_t reduction;
  /**
   * Where to say which argument is wrong; may be NULL.
   */
  struct trueloss_error *error;
} trueloss_mse_options;

/**
 * The sum over part of a batch, made by the functions named `partial`, from which the loss of the whole can be made
 * with the bits that one call over all of it gives. Partials may be copied, and kept on other threads.
 */
typedef struct trueloss_partial_f32 {
  /**
   * Of no interest to others. Zeros are no partial, and are refused.
   */
  uint64_t opaque[512];
} trueloss_partial_f32;

/**
 * Options of bce. All zeros, or a NULL in their place, are the default: the mean, unweighted.
 */
typedef struct trueloss_bce_options_f32 {
  /**
   * Factors for the elements' losses, which broadcast over trailing dimensions: their count
   * divides the input's. NULL for none.
   */
  const float *weight;
  /**
   * How many numbers `weight` has.
   */
  size_t weight_len;
  /**
   * TRUELOSS_REDUCTION_MEAN or TRUELOSS_REDUCTION_SUM. Where each loss is asked for, either will
   * do.
   */
  uint32_t reduction;
  /**
   * Where to say which argument is wrong; may be NULL.
   */
  struct trueloss_error *error;
} trueloss_bce_options_f32;

/**
 * Options of bce_with_logits. All zeros, or a NULL in their place, are the default: the mean,
 * unweighted.
 */
typedef struct trueloss_bce_with_logits_options_f32 {
  /**
   * Factors for the elements' losses, which broadcast over trailing dimensions: their count
   * divides the input's. NULL for none.
   */
  const float *weight;
  /**
   * How many numbers `weight` has.
   */
  size_t weight_len;
  /**
   * Factors for the loss of the positive class, which broadcast likewise. NULL for none.
   */
  const float *pos_weight;
  /**
   * How many numbers `pos_weight` has.
   */
  size_t pos_weight_len;
  /**
   * TRUELOSS_REDUCTION_MEAN or TRUELOSS_REDUCTION_SUM. Where each loss is asked for, either will
   * do.
   */
  uint32_t reduction;
  /**
   * Where to say which argument is wrong; may be NULL.
   */
  struct trueloss_error *error;
} trueloss_bce_with_logits_options_f32;

/**
 * Options of huber. All zeros, or a NULL in their place, are the default: the mean.
 */
typedef struct trueloss_huber_options {
  /**
   * TRUELOSS_REDUCTION_MEAN or TRUELOSS_REDUCTION_SUM. Where each loss is asked for, either will
   * do.
   */
  uint32_t reduction;
  /**
   * Where to say which argument is wrong; may be NULL.
   */
  struct trueloss_error *error;
} trueloss_huber_options;

/**
 * Options of focal_with_logits. All zeros, or a NULL in their place, are the default: the mean.
 */
typedef struct trueloss_focal_with_logits_options {
  /**
   * TRUELOSS_REDUCTION_MEAN or TRUELOSS_REDUCTION_SUM. Where each loss is asked for, either will
   * do.
   */
  uint32_t reduction;
  /**
   * Where to say which argument is wrong; may be NULL.
   */
  struct trueloss_error *error;
} trueloss_focal_with_logits_options;

/**
 * Options of soft_margin. All zeros, or a NULL in their place, are the default: the mean.
 */
typedef struct trueloss_soft_margin_options {
  /**
   * TRUELOSS_REDUCTION_MEAN or TRUELOSS_REDUCTION_SUM. Where each loss is asked for, either will
   * do.
   */
  uint32_t reduction;
  /**
   * Where to say which argument is wrong; may be NULL.
   */
  struct trueloss_error *error;
} trueloss_soft_margin_options;

/**
 * Options of nll. The default, which a NULL in their place stands for, is
 * TRUELOSS_NLL_OPTIONS_DEFAULT.
 */
typedef struct trueloss_nll_options_f32 {
  /**
   * A weight for each class; NULL for none.
   */
  const float *weight;
  /**
   * How many numbers `weight` has.
   */
  size_t weight_len;
  /**
   * The label of rows that don't count: -100 by default. It may be one of the classes.
   */
  int64_t ignore_index;
  /**
   * TRUELOSS_REDUCTION_MEAN or TRUELOSS_REDUCTION_SUM. Where each loss is asked for, either will do.
   */
  uint32_t reduction;
  /**
   * Where to say which argument is wrong; may be NULL.
   */
  struct trueloss_error *error;
} trueloss_nll_options_f32;

/**
 * Options of cross_entropy. The default, which a NULL in their place stands for, is
 * TRUELOSS_CROSS_ENTROPY_OPTIONS_DEFAULT.
 */
typedef struct trueloss_cross_entropy_options_f32 {
  /**
   * A weight for each class; NULL for none.
   */
  const float *weight;
  /**
   * How many numbers `weight` has.
   */
  size_t weight_len;
  /**
   * The label of rows that don't count: -100 by default. It may be one of the classes. Class
   * probabilities have none.
   */
  int64_t ignore_index;
  /**
   * How much of the target, from 0 to 1, is spread evenly over all classes.
   */
  double label_smoothing;
  /**
   * TRUELOSS_REDUCTION_MEAN or TRUELOSS_REDUCTION_SUM. Where each loss is asked for, either will do.
   */
  uint32_t reduction;
  /**
   * Where to say which argument is wrong; may be NULL.
   */
  struct trueloss_error *error;
} trueloss_cross_entropy_options_f32;

/**
 * The sum over part of a batch, made by the functions named `partial`, from which the loss of the whole can be made
 * with the bits that one call over all of it gives. Partials may be copied, and kept on other threads.
 */
typedef struct trueloss_partial_f64 {
  /**
   * Of no interest to others. Zeros are no partial, and are refused.
   */
  uint64_t opaque[512];
} trueloss_partial_f64;

/**
 * Options of bce. All zeros, or a NULL in their place, are the default: the mean, unweighted.
 */
typedef struct trueloss_bce_options_f64 {
  /**
   * Factors for the elements' losses, which broadcast over trailing dimensions: their count
   * divides the input's. NULL for none.
   */
  const double *weight;
  /**
   * How many numbers `weight` has.
   */
  size_t weight_len;
  /**
   * TRUELOSS_REDUCTION_MEAN or TRUELOSS_REDUCTION_SUM. Where each loss is asked for, either will
   * do.
   */
  uint32_t reduction;
  /**
   * Where to say which argument is wrong; may be NULL.
   */
  struct trueloss_error *error;
} trueloss_bce_options_f64;

/**
 * Options of bce_with_logits. All zeros, or a NULL in their place, are the default: the mean,
 * unweighted.
 */
typedef struct trueloss_bce_with_logits_options_f64 {
  /**
   * Factors for the elements' losses, which broadcast over trailing dimensions: their count
   * divides the input's. NULL for none.
   */
  const double *weight;
  /**
   * How many numbers `weight` has.
   */
  size_t weight_len;
  /**
   * Factors for the loss of the positive class, which broadcast likewise. NULL for none.
   */
  const double *pos_weight;
  /**
   * How many numbers `pos_weight` has.
   */
  size_t pos_weight_len;
  /**
   * TRUELOSS_REDUCTION_MEAN or TRUELOSS_REDUCTION_SUM. Where each loss is asked for, either will
   * do.
   */
  uint32_t reduction;
  /**
   * Where to say which argument is wrong; may be NULL.
   */
  struct trueloss_error *error;
} trueloss_bce_with_logits_options_f64;

/**
 * Options of nll. The default, which a NULL in their place stands for, is
 * TRUELOSS_NLL_OPTIONS_DEFAULT.
 */
typedef struct trueloss_nll_options_f64 {
  /**
   * A weight for each class; NULL for none.
   */
  const double *weight;
  /**
   * How many numbers `weight` has.
   */
  size_t weight_len;
  /**
   * The label of rows that don't count: -100 by default. It may be one of the classes.
   */
  int64_t ignore_index;
  /**
   * TRUELOSS_REDUCTION_MEAN or TRUELOSS_REDUCTION_SUM. Where each loss is asked for, either will do.
   */
  uint32_t reduction;
  /**
   * Where to say which argument is wrong; may be NULL.
   */
  struct trueloss_error *error;
} trueloss_nll_options_f64;

/**
 * Options of cross_entropy. The default, which a NULL in their place stands for, is
 * TRUELOSS_CROSS_ENTROPY_OPTIONS_DEFAULT.
 */
typedef struct trueloss_cross_entropy_options_f64 {
  /**
   * A weight for each class; NULL for none.
   */
  const double *weight;
  /**
   * How many numbers `weight` has.
   */
  size_t weight_len;
  /**
   * The label of rows that don't count: -100 by default. It may be one of the classes. Class
   * probabilities have none.
   */
  int64_t ignore_index;
  /**
   * How much of the target, from 0 to 1, is spread evenly over all classes.
   */
  double label_smoothing;
  /**
   * TRUELOSS_REDUCTION_MEAN or TRUELOSS_REDUCTION_SUM. Where each loss is asked for, either will do.
   */
  uint32_t reduction;
  /**
   * Where to say which argument is wrong; may be NULL.
   */
  struct trueloss_error *error;
} trueloss_cross_entropy_options_f64;

/**
 * All is well, and the outputs are written.
 */
#define TRUELOSS_OK 0

/**
 * An array has the wrong length: a weight of classes that has not one entry for each class.
 */
#define TRUELOSS_ERROR_LENGTH 1

/**
 * A weight's length does not divide the input's, so it does not broadcast over it.
 */
#define TRUELOSS_ERROR_BROADCAST 2

/**
 * A shape or batch holds more elements than a size_t can count.
 */
#define TRUELOSS_ERROR_SHAPE_OVERFLOW 3

/**
 * The class dimension has size 0.
 */
#define TRUELOSS_ERROR_NO_CLASSES 4

/**
 * A dimension that the shape does not have.
 */
#define TRUELOSS_ERROR_DIMENSION 5

/**
 * A number outside [0, 1], or NaN.
 */
#define TRUELOSS_ERROR_OUTSIDE_UNIT_INTERVAL 6

/**
 * A number that is infinite or NaN where only finite ones are legal.
 */
#define TRUELOSS_ERROR_NOT_FINITE 7

/**
 * A number that must be positive and finite and is not.
 */
#define TRUELOSS_ERROR_NOT_POSITIVE 8

/**
 * A class index below 0, or not below the number of classes, that is not the ignored one.
 */
#define TRUELOSS_ERROR_CLASS_INDEX 9

/**
 * A partial result must begin at a multiple of TRUELOSS_BLOCK elements or rows.
 */
#define TRUELOSS_ERROR_NOT_ON_BLOCK_BOUNDARY 10

/**
 * A partial result is not the one that follows, or not the whole.
 */
#define TRUELOSS_ERROR_NOT_ADJACENT 11

/**
 * A target that is neither 0 nor 1, or NaN.
 */
#define TRUELOSS_ERROR_NOT_HARD_LABEL 12

/**
 * A target that is neither -1 nor 1, or NaN.
 */
#define TRUELOSS_ERROR_NOT_SIGN 13

/**
 * An option outside its range, or NaN.
 */
#define TRUELOSS_ERROR_OUTSIDE_RANGE 14

/**
 * A pointer is NULL that may not be.
 */
#define TRUELOSS_ERROR_NULL_POINTER 32

/**
 * A pointer is not aligned for what it points to.
 */
#define TRUELOSS_ERROR_MISALIGNED 33

/**
 * An array is larger than half of the address space, or goes beyond its end.
 */
#define TRUELOSS_ERROR_TOO_LARGE 34

/**
 * An output overlaps an input or another output.
 */
#define TRUELOSS_ERROR_OVERLAP 35

/**
 * A reduction that is neither TRUELOSS_REDUCTION_MEAN nor TRUELOSS_REDUCTION_SUM.
 */
#define TRUELOSS_ERROR_REDUCTION 36

/**
 * A partial result that none of the functions has made.
 */
#define TRUELOSS_ERROR_NOT_A_PARTIAL 37

/**
 * An error that this interface has no code for.
 */
#define TRUELOSS_ERROR_OTHER 63

/**
 * None in particular.
 */
#define TRUELOSS_ARGUMENT_NONE 0

/**
 * `input`
 */
#define TRUELOSS_ARGUMENT_INPUT 1

/**
 * `target`
 */
#define TRUELOSS_ARGUMENT_TARGET 2

/**
 * `weight`
 */
#define TRUELOSS_ARGUMENT_WEIGHT 3

/**
 * `pos_weight`
 */
#define TRUELOSS_ARGUMENT_POS_WEIGHT 4

/**
 * `grad_output`
 */
#define TRUELOSS_ARGUMENT_GRAD_OUTPUT 5

/**
 * `grad_input`
 */
#define TRUELOSS_ARGUMENT_GRAD_INPUT 6

/**
 * `losses`, or `loss`
 */
#define TRUELOSS_ARGUMENT_LOSSES 7

/**
 * `output`, or `accuracy`
 */
#define TRUELOSS_ARGUMENT_OUTPUT 8

/**
 * `label_smoothing`
 */
#define TRUELOSS_ARGUMENT_LABEL_SMOOTHING 9

/**
 * `beta`. Not reported yet: the functions that have one return the code alone.
 */
#define TRUELOSS_ARGUMENT_BETA 10

/**
 * `shape` and `rank`, or `dim`
 */
#define TRUELOSS_ARGUMENT_SHAPE 11

/**
 * `options`. Not reported yet: of options that are misaligned the code alone is returned.
 */
#define TRUELOSS_ARGUMENT_OPTIONS 12

/**
 * `reduction`
 */
#define TRUELOSS_ARGUMENT_REDUCTION 13

/**
 * A partial result, or where it begins
 */
#define TRUELOSS_ARGUMENT_PARTIAL 14

/**
 * `delta`
 */
#define TRUELOSS_ARGUMENT_DELTA 16

/**
 * `alpha`
 */
#define TRUELOSS_ARGUMENT_ALPHA 17

/**
 * `gamma`
 */
#define TRUELOSS_ARGUMENT_GAMMA 18

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * What the code means, in English, without a full stop. Never NULL, and valid for ever.
 */
const char *trueloss_status_message(trueloss_status status);

/**
 * The argument's name in the signatures; "argument" for a number that is none of the TRUELOSS_ARGUMENT
 * ones. Never NULL, and valid for ever.
 */
const char *trueloss_argument_name(trueloss_argument argument);

/**
 * The version of the library, such as "0.1.0".
 */
const char *trueloss_version(void);

/**
 * The SIMD width in force: 0 for what the library was compiled for, 1 for AVX2, 2 for AVX-512. The bits of
 * every result are the same at all of them.
 */
uint32_t trueloss_simd_width(void);

/**
 * Allows SIMD widths up to this one, in the whole process, and returns the one that is then in force. For
 * measuring, and for tests.
 */
uint32_t trueloss_limit_simd_width(uint32_t widest);

/**
 * Mean squared error: the loss of an element is (x - y)^2.
 *
 * `input` and `target` have `len` numbers. `*loss` gets one number, the mean or the sum; the mean
 * divides by `len`. `options` may be NULL.
 *
 * Errors: those of every function.
 *
 * <https://pytorch.org/docs/stable/generated/torch.nn.functional.mse_loss.html>
 */
trueloss_status trueloss_mse_forward_f32(const float *input,
                                         const float *target,
                                         size_t len,
                                         const struct trueloss_mse_options *options,
                                         float *loss);

/**
 * The loss of each element, as `trueloss_mse_forward_f32` has it before the reduction: `losses`
 * gets `len` numbers.
 *
 * Errors: as for `trueloss_mse_forward_f32`.
 */
trueloss_status trueloss_mse_forward_each_f32(const float *input,
                                              const float *target,
                                              size_t len,
                                              const struct trueloss_mse_options *options,
                                              float *losses);

/**
 * The gradient of what `trueloss_mse_forward_f32` gives with respect to the input, times
 * `grad_output`: 2 (x - y) g. `grad_input` gets `len` numbers.
 *
 * Errors: as there.
 */
trueloss_status trueloss_mse_backward_f32(const float *input,
                                          const float *target,
                                          size_t len,
                                          const struct trueloss_mse_options *options,
                                          float grad_output,
                                          float *grad_input);

/**
 * The gradient of each element's loss, times that element's own `grad_output`, of which there are
 * `len`. `grad_input` gets `len` numbers.
 *
 * Errors: as for `trueloss_mse_forward_f32`.
 */
trueloss_status trueloss_mse_backward_each_f32(const float *input,
                                               const float *target,
                                               size_t len,
                                               const struct trueloss_mse_options *options,
                                               const float *grad_output,
                                               float *grad_input);

/**
 * Both `trueloss_mse_forward_f32` and `trueloss_mse_backward_f32` with a `grad_output` of 1: the
 * same bits, in one call.
 *
 * Errors: as for `trueloss_mse_forward_f32`.
 */
trueloss_status trueloss_mse_forward_backward_f32(const float *input,
                                                  const float *target,
                                                  size_t len,
                                                  const struct trueloss_mse_options *options,
                                                  float *loss,
                                                  float *grad_input);

/**
 * The part of a larger batch's loss that comes from these elements, `start` of which come before
 * them. The reduction does not matter yet.
 *
 * Errors: as for `trueloss_mse_forward_f32`; TRUELOSS_ERROR_NOT_ON_BLOCK_BOUNDARY where `start` is
 * not a multiple of TRUELOSS_BLOCK, TRUELOSS_ERROR_SHAPE_OVERFLOW where the batch has more than a
 * size_t counts.
 */
trueloss_status trueloss_mse_partial_f32(const float *input,
                                         const float *target,
                                         size_t len,
                                         const struct trueloss_mse_options *options,
                                         size_t start,
                                         struct trueloss_partial_f32 *partial);

/**
 * Binary cross-entropy of probabilities: the loss of an element is w (-y max(ln x, -100) - (1 - y)
 * max(ln(1 - x), -100)).
 *
 * `input` and `target` have `len` numbers between 0 and 1. `*loss` gets one number, the mean or
 * the sum; the mean divides by `len`. `options` may be NULL.
 *
 * Errors: TRUELOSS_ERROR_OUTSIDE_UNIT_INTERVAL for an input or target outside [0, 1] or NaN;
 * TRUELOSS_ERROR_BROADCAST and TRUELOSS_ERROR_NOT_FINITE for a weight that does not fit or is not
 * finite.
 *
 * <https://pytorch.org/docs/stable/generated/torch.nn.functional.binary_cross_entropy.html>
 */
trueloss_status trueloss_bce_forward_f32(const float *input,
                                         const float *target,
                                         size_t len,
                                         const struct trueloss_bce_options_f32 *options,
                                         float *loss);

/**
 * The loss of each element, as `trueloss_bce_forward_f32` has it before the reduction: `losses`
 * gets `len` numbers.
 *
 * Errors: as for `trueloss_bce_forward_f32`.
 */
trueloss_status trueloss_bce_forward_each_f32(const float *input,
                                              const float *target,
                                              size_t len,
                                              const struct trueloss_bce_options_f32 *options,
                                              float *losses);

/**
 * The gradient of what `trueloss_bce_forward_f32` gives with respect to the input, times
 * `grad_output`: w (x - y) / max(x (1 - x), 1e-12) g. `grad_input` gets `len` numbers.
 *
 * Errors: as there.
 */
trueloss_status trueloss_bce_backward_f32(const float *input,
                                          const float *target,
                                          size_t len,
                                          const struct trueloss_bce_options_f32 *options,
                                          float grad_output,
                                          float *grad_input);

/**
 * The gradient of each element's loss, times that element's own `grad_output`, of which there are
 * `len`. `grad_input` gets `len` numbers.
 *
 * Errors: as for `trueloss_bce_forward_f32`.
 */
trueloss_status trueloss_bce_backward_each_f32(const float *input,
                                               const float *target,
                                               size_t len,
                                               const struct trueloss_bce_options_f32 *options,
                                               const float *grad_output,
                                               float *grad_input);

/**
 * Both `trueloss_bce_forward_f32` and `trueloss_bce_backward_f32` with a `grad_output` of 1: the
 * same bits, in one call.
 *
 * Errors: as for `trueloss_bce_forward_f32`.
 */
trueloss_status trueloss_bce_forward_backward_f32(const float *input,
                                                  const float *target,
                                                  size_t len,
                                                  const struct trueloss_bce_options_f32 *options,
                                                  float *loss,
                                                  float *grad_input);

/**
 * The part of a larger batch's loss that comes from these elements, `start` of which come before
 * them. The reduction does not matter yet.
 *
 * Errors: as for `trueloss_bce_forward_f32`; TRUELOSS_ERROR_NOT_ON_BLOCK_BOUNDARY where `start` is
 * not a multiple of TRUELOSS_BLOCK, TRUELOSS_ERROR_SHAPE_OVERFLOW where the batch has more than a
 * size_t counts.
 */
trueloss_status trueloss_bce_partial_f32(const float *input,
                                         const float *target,
                                         size_t len,
                                         const struct trueloss_bce_options_f32 *options,
                                         size_t start,
                                         struct trueloss_partial_f32 *partial);

/**
 * Binary cross-entropy of logits: the loss of an element is w ((1 - y) softplus(x) + c y
 * softplus(-x)), where c is its pos_weight.
 *
 * `input` and `target` have `len` numbers, the targets between 0 and 1. `*loss` gets one number,
 * the mean or the sum; the mean divides by `len`. `options` may be NULL.
 *
 * Errors: TRUELOSS_ERROR_OUTSIDE_UNIT_INTERVAL for a target outside [0, 1] or NaN;
 * TRUELOSS_ERROR_BROADCAST and TRUELOSS_ERROR_NOT_FINITE for a weight that does not fit or is not
 * finite.
 *
 * <https://pytorch.org/docs/stable/generated/torch.nn.functional.binary_cross_entropy_with_logits.html>
 */
trueloss_status trueloss_bce_with_logits_forward_f32(const float *input,
                                                     const float *target,
                                                     size_t len,
                                                     const struct trueloss_bce_with_logits_options_f32 *options,
                                                     float *loss);

/**
 * The loss of each element, as `trueloss_bce_with_logits_forward_f32` has it before the reduction:
 * `losses` gets `len` numbers.
 *
 * Errors: as for `trueloss_bce_with_logits_forward_f32`.
 */
trueloss_status trueloss_bce_with_logits_forward_each_f32(const float *input,
                                                          const float *target,
                                                          size_t len,
                                                          const struct trueloss_bce_with_logits_options_f32 *options,
                                                          float *losses);

/**
 * The gradient of what `trueloss_bce_with_logits_forward_f32` gives with respect to the input,
 * times `grad_output`: w ((1 - y) sigma(x) - c y sigma(-x)) g. `grad_input` gets `len` numbers.
 *
 * Errors: as there.
 */
trueloss_status trueloss_bce_with_logits_backward_f32(const float *input,
                                                      const float *target,
                                                      size_t len,
                                                      const struct trueloss_bce_with_logits_options_f32 *options,
                                                      float grad_output,
                                                      float *grad_input);

/**
 * The gradient of each element's loss, times that element's own `grad_output`, of which there are
 * `len`. `grad_input` gets `len` numbers.
 *
 * Errors: as for `trueloss_bce_with_logits_forward_f32`.
 */
trueloss_status trueloss_bce_with_logits_backward_each_f32(const float *input,
                                                           const float *target,
                                                           size_t len,
                                                           const struct trueloss_bce_with_logits_options_f32 *options,
                                                           const float *grad_output,
                                                           float *grad_input);

/**
 * Both `trueloss_bce_with_logits_forward_f32` and `trueloss_bce_with_logits_backward_f32` with a
 * `grad_output` of 1: the same bits, in one call.
 *
 * Errors: as for `trueloss_bce_with_logits_forward_f32`.
 */
trueloss_status trueloss_bce_with_logits_forward_backward_f32(const float *input,
                                                              const float *target,
                                                              size_t len,
                                                              const struct trueloss_bce_with_logits_options_f32 *options,
                                                              float *loss,
                                                              float *grad_input);

/**
 * The part of a larger batch's loss that comes from these elements, `start` of which come before
 * them. The reduction does not matter yet.
 *
 * Errors: as for `trueloss_bce_with_logits_forward_f32`; TRUELOSS_ERROR_NOT_ON_BLOCK_BOUNDARY
 * where `start` is not a multiple of TRUELOSS_BLOCK, TRUELOSS_ERROR_SHAPE_OVERFLOW where the batch
 * has more than a size_t counts.
 */
trueloss_status trueloss_bce_with_logits_partial_f32(const float *input,
                                                     const float *target,
                                                     size_t len,
                                                     const struct trueloss_bce_with_logits_options_f32 *options,
                                                     size_t start,
                                                     struct trueloss_partial_f32 *partial);

/**
 * Huber's loss: the loss of an element is with r = x - y, r^2 / 2 where |r| <= delta, and delta
 * (|r| - delta / 2) beyond.
 *
 * `input` and `target` have `len` numbers. `*loss` gets one number, the mean or the sum; the mean
 * divides by `len`. `options` may be NULL.
 *
 * `delta`: how large a residual may be whose square counts: a finite number above 0. PyTorch's
 * default is 1.
 *
 * Errors: TRUELOSS_ERROR_NOT_POSITIVE for `delta` where it is not as above.
 *
 * <https://pytorch.org/docs/stable/generated/torch.nn.functional.huber_loss.html>
 */
trueloss_status trueloss_huber_forward_f32(const float *input,
                                           const float *target,
                                           size_t len,
                                           double delta,
                                           const struct trueloss_huber_options *options,
                                           float *loss);

/**
 * The loss of each element, as `trueloss_huber_forward_f32` has it before the reduction: `losses`
 * gets `len` numbers.
 *
 * Errors: as for `trueloss_huber_forward_f32`.
 */
trueloss_status trueloss_huber_forward_each_f32(const float *input,
                                                const float *target,
                                                size_t len,
                                                double delta,
                                                const struct trueloss_huber_options *options,
                                                float *losses);

/**
 * The gradient of what `trueloss_huber_forward_f32` gives with respect to the input, times
 * `grad_output`: r g where |r| <= delta, and delta g with the sign of r beyond. `grad_input` gets
 * `len` numbers.
 *
 * Errors: as there.
 */
trueloss_status trueloss_huber_backward_f32(const float *input,
                                            const float *target,
                                            size_t len,
                                            double delta,
                                            const struct trueloss_huber_options *options,
                                            float grad_output,
                                            float *grad_input);

/**
 * The gradient of each element's loss, times that element's own `grad_output`, of which there are
 * `len`. `grad_input` gets `len` numbers.
 *
 * Errors: as for `trueloss_huber_forward_f32`.
 */
trueloss_status trueloss_huber_backward_each_f32(const float *input,
                                                 const float *target,
                                                 size_t len,
                                                 double delta,
                                                 const struct trueloss_huber_options *options,
                                                 const float *grad_output,
                                                 float *grad_input);

/**
 * Both `trueloss_huber_forward_f32` and `trueloss_huber_backward_f32` with a `grad_output` of 1:
 * the same bits, in one call.
 *
 * Errors: as for `trueloss_huber_forward_f32`.
 */
trueloss_status trueloss_huber_forward_backward_f32(const float *input,
                                                    const float *target,
                                                    size_t len,
                                                    double delta,
                                                    const struct trueloss_huber_options *options,
                                                    float *loss,
                                                    float *grad_input);

/**
 * The part of a larger batch's loss that comes from these elements, `start` of which come before
 * them. The reduction does not matter yet.
 *
 * Errors: as for `trueloss_huber_forward_f32`; TRUELOSS_ERROR_NOT_ON_BLOCK_BOUNDARY where `start`
 * is not a multiple of TRUELOSS_BLOCK, TRUELOSS_ERROR_SHAPE_OVERFLOW where the batch has more than
 * a size_t counts.
 */
trueloss_status trueloss_huber_partial_f32(const float *input,
                                           const float *target,
                                           size_t len,
                                           double delta,
                                           const struct trueloss_huber_options *options,
                                           size_t start,
                                           struct trueloss_partial_f32 *partial);

/**
 * Focal loss of logits: the loss of an element is a sigma(z)^gamma softplus(z), with z = x and a =
 * 1 - alpha for y = 0, and z = -x and a = alpha for y = 1.
 *
 * `input` and `target` have `len` numbers, the targets 0 or 1. `*loss` gets one number, the mean
 * or the sum; the mean divides by `len`. `options` may be NULL.
 *
 * `alpha`: the weight of the positive class, from 0 to 1; that of the other is what it lacks to 1.
 * -1 is none: both weights are 1. PyTorch's default is 0.25.
 *
 * `gamma`: the power of the probability of the wrong class, from 0 to 1000. PyTorch's default is
 * 2.
 *
 * Errors: TRUELOSS_ERROR_NOT_HARD_LABEL for a target that is neither 0 nor 1;
 * TRUELOSS_ERROR_OUTSIDE_UNIT_INTERVAL for `alpha` where it is not as above;
 * TRUELOSS_ERROR_OUTSIDE_RANGE for `gamma` where it is not as above.
 *
 * <https://pytorch.org/vision/stable/generated/torchvision.ops.sigmoid_focal_loss.html>
 */
trueloss_status trueloss_focal_with_logits_forward_f32(const float *input,
                                                       const float *target,
                                                       size_t len,
                                                       double alpha,
                                                       double gamma,
                                                       const struct trueloss_focal_with_logits_options *options,
                                                       float *loss);

/**
 * The loss of each element, as `trueloss_focal_with_logits_forward_f32` has it before the
 * reduction: `losses` gets `len` numbers.
 *
 * Errors: as for `trueloss_focal_with_logits_forward_f32`.
 */
trueloss_status trueloss_focal_with_logits_forward_each_f32(const float *input,
                                                            const float *target,
                                                            size_t len,
                                                            double alpha,
                                                            double gamma,
                                                            const struct trueloss_focal_with_logits_options *options,
                                                            float *losses);

/**
 * The gradient of what `trueloss_focal_with_logits_forward_f32` gives with respect to the input,
 * times `grad_output`: a sigma(z)^gamma (gamma sigma(-z) softplus(z) + sigma(z)) g, with the sign
 * of x in z. `grad_input` gets `len` numbers.
 *
 * Errors: as there.
 */
trueloss_status trueloss_focal_with_logits_backward_f32(const float *input,
                                                        const float *target,
                                                        size_t len,
                                                        double alpha,
                                                        double gamma,
                                                        const struct trueloss_focal_with_logits_options *options,
                                                        float grad_output,
                                                        float *grad_input);

/**
 * The gradient of each element's loss, times that element's own `grad_output`, of which there are
 * `len`. `grad_input` gets `len` numbers.
 *
 * Errors: as for `trueloss_focal_with_logits_forward_f32`.
 */
trueloss_status trueloss_focal_with_logits_backward_each_f32(const float *input,
                                                             const float *target,
                                                             size_t len,
                                                             double alpha,
                                                             double gamma,
                                                             const struct trueloss_focal_with_logits_options *options,
                                                             const float *grad_output,
                                                             float *grad_input);

/**
 * Both `trueloss_focal_with_logits_forward_f32` and `trueloss_focal_with_logits_backward_f32` with
 * a `grad_output` of 1: the same bits, in one call.
 *
 * Errors: as for `trueloss_focal_with_logits_forward_f32`.
 */
trueloss_status trueloss_focal_with_logits_forward_backward_f32(const float *input,
                                                                const float *target,
                                                                size_t len,
                                                                double alpha,
                                                                double gamma,
                                                                const struct trueloss_focal_with_logits_options *options,
                                                                float *loss,
                                                                float *grad_input);

/**
 * The part of a larger batch's loss that comes from these elements, `start` of which come before
 * them. The reduction does not matter yet.
 *
 * Errors: as for `trueloss_focal_with_logits_forward_f32`; TRUELOSS_ERROR_NOT_ON_BLOCK_BOUNDARY
 * where `start` is not a multiple of TRUELOSS_BLOCK, TRUELOSS_ERROR_SHAPE_OVERFLOW where the batch
 * has more than a size_t counts.
 */
trueloss_status trueloss_focal_with_logits_partial_f32(const float *input,
                                                       const float *target,
                                                       size_t len,
                                                       double alpha,
                                                       double gamma,
                                                       const struct trueloss_focal_with_logits_options *options,
                                                       size_t start,
                                                       struct trueloss_partial_f32 *partial);

/**
 * Soft margin loss: the loss of an element is softplus(-y x).
 *
 * `input` and `target` have `len` numbers, the targets -1 or 1. `*loss` gets one number, the mean
 * or the sum; the mean divides by `len`. `options` may be NULL.
 *
 * Errors: TRUELOSS_ERROR_NOT_SIGN for a target that is neither -1 nor 1.
 *
 * <https://pytorch.org/docs/stable/generated/torch.nn.functional.soft_margin_loss.html>
 */
trueloss_status trueloss_soft_margin_forward_f32(const float *input,
                                                 const float *target,
                                                 size_t len,
                                                 const struct trueloss_soft_margin_options *options,
                                                 float *loss);

/**
 * The loss of each element, as `trueloss_soft_margin_forward_f32` has it before the reduction:
 * `losses` gets `len` numbers.
 *
 * Errors: as for `trueloss_soft_margin_forward_f32`.
 */
trueloss_status trueloss_soft_margin_forward_each_f32(const float *input,
                                                      const float *target,
                                                      size_t len,
                                                      const struct trueloss_soft_margin_options *options,
                                                      float *losses);

/**
 * The gradient of what `trueloss_soft_margin_forward_f32` gives with respect to the input, times
 * `grad_output`: -y sigma(-y x) g. `grad_input` gets `len` numbers.
 *
 * Errors: as there.
 */
trueloss_status trueloss_soft_margin_backward_f32(const float *input,
                                                  const float *target,
                                                  size_t len,
                                                  const struct trueloss_soft_margin_options *options,
                                                  float grad_output,
                                                  float *grad_input);

/**
 * The gradient of each element's loss, times that element's own `grad_output`, of which there are
 * `len`. `grad_input` gets `len` numbers.
 *
 * Errors: as for `trueloss_soft_margin_forward_f32`.
 */
trueloss_status trueloss_soft_margin_backward_each_f32(const float *input,
                                                       const float *target,
                                                       size_t len,
                                                       const struct trueloss_soft_margin_options *options,
                                                       const float *grad_output,
                                                       float *grad_input);

/**
 * Both `trueloss_soft_margin_forward_f32` and `trueloss_soft_margin_backward_f32` with a
 * `grad_output` of 1: the same bits, in one call.
 *
 * Errors: as for `trueloss_soft_margin_forward_f32`.
 */
trueloss_status trueloss_soft_margin_forward_backward_f32(const float *input,
                                                          const float *target,
                                                          size_t len,
                                                          const struct trueloss_soft_margin_options *options,
                                                          float *loss,
                                                          float *grad_input);

/**
 * The part of a larger batch's loss that comes from these elements, `start` of which come before
 * them. The reduction does not matter yet.
 *
 * Errors: as for `trueloss_soft_margin_forward_f32`; TRUELOSS_ERROR_NOT_ON_BLOCK_BOUNDARY where
 * `start` is not a multiple of TRUELOSS_BLOCK, TRUELOSS_ERROR_SHAPE_OVERFLOW where the batch has
 * more than a size_t counts.
 */
trueloss_status trueloss_soft_margin_partial_f32(const float *input,
                                                 const float *target,
                                                 size_t len,
                                                 const struct trueloss_soft_margin_options *options,
                                                 size_t start,
                                                 struct trueloss_partial_f32 *partial);

/**
 * The default options of nll, as TRUELOSS_NLL_OPTIONS_DEFAULT has them.
 */
struct trueloss_nll_options_f32 trueloss_nll_options_default_f32(void);

/**
 * The default options of cross_entropy, as TRUELOSS_CROSS_ENTROPY_OPTIONS_DEFAULT has them.
 */
struct trueloss_cross_entropy_options_f32 trueloss_cross_entropy_options_default_f32(void);

/**
 * Negative log-likelihood of log-probabilities: the loss of a row x with label y is -w_y x_y.
 *
 * `input` has a `shape` of `rank` sizes: (C), (N, C) or (N, C, d1..dK); `target` has a class index
 * for each row, so the same shape without C. `*loss` gets one number, the mean or the sum; the
 * mean divides by the sum of the w_y. `options` may be NULL.
 *
 * Errors: TRUELOSS_ERROR_DIMENSION for a rank of 0, TRUELOSS_ERROR_NO_CLASSES where C is 0,
 * TRUELOSS_ERROR_SHAPE_OVERFLOW; TRUELOSS_ERROR_CLASS_INDEX for a label outside 0..C;
 * TRUELOSS_ERROR_LENGTH and TRUELOSS_ERROR_NOT_FINITE for a weight that has not C entries or is
 * not finite.
 *
 * <https://pytorch.org/docs/stable/generated/torch.nn.functional.nll_loss.html>
 */
trueloss_status trueloss_nll_forward_f32(const float *input,
                                         const size_t *shape,
                                         size_t rank,
                                         const int64_t *target,
                                         const struct trueloss_nll_options_f32 *options,
                                         float *loss);

/**
 * The loss of each row, as `trueloss_nll_forward_f32` has it before the reduction: `losses` gets
 * one number for each row.
 *
 * Errors: as for `trueloss_nll_forward_f32`.
 */
trueloss_status trueloss_nll_forward_each_f32(const float *input,
                                              const size_t *shape,
                                              size_t rank,
                                              const int64_t *target,
                                              const struct trueloss_nll_options_f32 *options,
                                              float *losses);

/**
 * The gradient of what `trueloss_nll_forward_f32` gives with respect to the input, times
 * `grad_output`: -w_y g at the label, 0 elsewhere. `grad_input` gets as many numbers as `input`
 * has.
 *
 * Errors: as there.
 */
trueloss_status trueloss_nll_backward_f32(const float *input,
                                          const size_t *shape,
                                          size_t rank,
                                          const int64_t *target,
                                          const struct trueloss_nll_options_f32 *options,
                                          float grad_output,
                                          float *grad_input);

/**
 * The gradient of each row's loss, times that row's own `grad_output`, of which there is one for
 * each row. `grad_input` gets as many numbers as `input` has.
 *
 * Errors: as for `trueloss_nll_forward_f32`.
 */
trueloss_status trueloss_nll_backward_each_f32(const float *input,
                                               const size_t *shape,
                                               size_t rank,
                                               const int64_t *target,
                                               const struct trueloss_nll_options_f32 *options,
                                               const float *grad_output,
                                               float *grad_input);

/**
 * Both `trueloss_nll_forward_f32` and `trueloss_nll_backward_f32` with a `grad_output` of 1: the
 * same bits, in one call.
 *
 * Errors: as for `trueloss_nll_forward_f32`.
 */
trueloss_status trueloss_nll_forward_backward_f32(const float *input,
                                                  const size_t *shape,
                                                  size_t rank,
                                                  const int64_t *target,
                                                  const struct trueloss_nll_options_f32 *options,
                                                  float *loss,
                                                  float *grad_input);

/**
 * The part of a larger batch's loss that comes from these rows, `start` of which come before them.
 * The reduction does not matter yet.
 *
 * Errors: as for `trueloss_nll_forward_f32`; TRUELOSS_ERROR_NOT_ON_BLOCK_BOUNDARY where `start` is
 * not a multiple of TRUELOSS_BLOCK, TRUELOSS_ERROR_SHAPE_OVERFLOW where the batch has more than a
 * size_t counts.
 */
trueloss_status trueloss_nll_partial_f32(const float *input,
                                         const size_t *shape,
                                         size_t rank,
                                         const int64_t *target,
                                         const struct trueloss_nll_options_f32 *options,
                                         size_t start,
                                         struct trueloss_partial_f32 *partial);

/**
 * Cross-entropy of logits, with class indices: the loss of a row x with label y is w_y (ln sum_i
 * exp(x_i) - x_y), and with label smoothing e it is (1 - e) times that + e/C sum_j w_j (ln sum_i
 * exp(x_i) - x_j).
 *
 * `input` has a `shape` of `rank` sizes: (C), (N, C) or (N, C, d1..dK); `target` has a class index
 * for each row, so the same shape without C. `*loss` gets one number, the mean or the sum; the
 * mean divides by the sum of the w_y. `options` may be NULL.
 *
 * Errors: TRUELOSS_ERROR_DIMENSION for a rank of 0, TRUELOSS_ERROR_NO_CLASSES where C is 0,
 * TRUELOSS_ERROR_SHAPE_OVERFLOW; TRUELOSS_ERROR_CLASS_INDEX for a label outside 0..C;
 * TRUELOSS_ERROR_OUTSIDE_UNIT_INTERVAL for a label smoothing outside [0, 1]; TRUELOSS_ERROR_LENGTH
 * and TRUELOSS_ERROR_NOT_FINITE for a weight that has not C entries or is not finite.
 *
 * <https://pytorch.org/docs/stable/generated/torch.nn.functional.cross_entropy.html>
 */
trueloss_status trueloss_cross_entropy_forward_f32(const float *input,
                                                   const size_t *shape,
                                                   size_t rank,
                                                   const int64_t *target,
                                                   const struct trueloss_cross_entropy_options_f32 *options,
                                                   float *loss);

/**
 * The loss of each row, as `trueloss_cross_entropy_forward_f32` has it before the reduction:
 * `losses` gets one number for each row.
 *
 * Errors: as for `trueloss_cross_entropy_forward_f32`.
 */
trueloss_status trueloss_cross_entropy_forward_each_f32(const float *input,
                                                        const size_t *shape,
                                                        size_t rank,
                                                        const int64_t *target,
                                                        const struct trueloss_cross_entropy_options_f32 *options,
                                                        float *losses);

/**
 * The gradient of what `trueloss_cross_entropy_forward_f32` gives with respect to the input, times
 * `grad_output`: without label smoothing w_y (p_j - [j = y]) g with p = softmax(x). `grad_input`
 * gets as many numbers as `input` has.
 *
 * Errors: as there.
 */
trueloss_status trueloss_cross_entropy_backward_f32(const float *input,
                                                    const size_t *shape,
                                                    size_t rank,
                                                    const int64_t *target,
                                                    const struct trueloss_cross_entropy_options_f32 *options,
                                                    float grad_output,
                                                    float *grad_input);

/**
 * The gradient of each row's loss, times that row's own `grad_output`, of which there is one for
 * each row. `grad_input` gets as many numbers as `input` has.
 *
 * Errors: as for `trueloss_cross_entropy_forward_f32`.
 */
trueloss_status trueloss_cross_entropy_backward_each_f32(const float *input,
                                                         const size_t *shape,
                                                         size_t rank,
                                                         const int64_t *target,
                                                         const struct trueloss_cross_entropy_options_f32 *options,
                                                         const float *grad_output,
                                                         float *grad_input);

/**
 * Both `trueloss_cross_entropy_forward_f32` and `trueloss_cross_entropy_backward_f32` with a
 * `grad_output` of 1: the same bits, in one call.
 *
 * Errors: as for `trueloss_cross_entropy_forward_f32`.
 */
trueloss_status trueloss_cross_entropy_forward_backward_f32(const float *input,
                                                            const size_t *shape,
                                                            size_t rank,
                                                            const int64_t *target,
                                                            const struct trueloss_cross_entropy_options_f32 *options,
                                                            float *loss,
                                                            float *grad_input);

/**
 * The part of a larger batch's loss that comes from these rows, `start` of which come before them.
 * The reduction does not matter yet.
 *
 * Errors: as for `trueloss_cross_entropy_forward_f32`; TRUELOSS_ERROR_NOT_ON_BLOCK_BOUNDARY where
 * `start` is not a multiple of TRUELOSS_BLOCK, TRUELOSS_ERROR_SHAPE_OVERFLOW where the batch has
 * more than a size_t counts.
 */
trueloss_status trueloss_cross_entropy_partial_f32(const float *input,
                                                   const size_t *shape,
                                                   size_t rank,
                                                   const int64_t *target,
                                                   const struct trueloss_cross_entropy_options_f32 *options,
                                                   size_t start,
                                                   struct trueloss_partial_f32 *partial);

/**
 * Cross-entropy of logits, with class probabilities q: the loss of a row x is sum_j v_j (ln sum_i
 * exp(x_i) - x_j), with v_j = w_j ((1 - e) q_j + e/C) and label smoothing e.
 *
 * `input` and `target` have a `shape` of `rank` sizes: (C), (N, C) or (N, C, d1..dK). The targets
 * are finite; they are not normalised, nor checked to be. `*loss` gets one number, the mean or the
 * sum; the mean divides by the count of rows. `options` may be NULL.
 *
 * Errors: TRUELOSS_ERROR_DIMENSION for a rank of 0, TRUELOSS_ERROR_NO_CLASSES where C is 0,
 * TRUELOSS_ERROR_SHAPE_OVERFLOW; TRUELOSS_ERROR_NOT_FINITE for a target that is not finite;
 * TRUELOSS_ERROR_OUTSIDE_UNIT_INTERVAL for a label smoothing outside [0, 1]; TRUELOSS_ERROR_LENGTH
 * and TRUELOSS_ERROR_NOT_FINITE for a weight that has not C entries or is not finite.
 *
 * <https://pytorch.org/docs/stable/generated/torch.nn.functional.cross_entropy.html>
 */
trueloss_status trueloss_cross_entropy_forward_probabilities_f32(const float *input,
                                                                 const size_t *shape,
                                                                 size_t rank,
                                                                 const float *target,
                                                                 const struct trueloss_cross_entropy_options_f32 *options,
                                                                 float *loss);

/**
 * The loss of each row, as `trueloss_cross_entropy_forward_probabilities_f32` has it before the
 * reduction: `losses` gets one number for each row.
 *
 * Errors: as for `trueloss_cross_entropy_forward_probabilities_f32`.
 */
trueloss_status trueloss_cross_entropy_forward_each_probabilities_f32(const float *input,
                                                                      const size_t *shape,
                                                                      size_t rank,
                                                                      const float *target,
                                                                      const struct trueloss_cross_entropy_options_f32 *options,
                                                                      float *losses);

/**
 * The gradient of what `trueloss_cross_entropy_forward_probabilities_f32` gives with respect to
 * the input, times `grad_output`: (V p_j - v_j) g with p = softmax(x) and V the sum of the v_j.
 * `grad_input` gets as many numbers as `input` has.
 *
 * Errors: as there.
 */
trueloss_status trueloss_cross_entropy_backward_probabilities_f32(const float *input,
                                                                  const size_t *shape,
                                                                  size_t rank,
                                                                  const float *target,
                                                                  const struct trueloss_cross_entropy_options_f32 *options,
                                                                  float grad_output,
                                                                  float *grad_input);

/**
 * The gradient of each row's loss, times that row's own `grad_output`, of which there is one for
 * each row. `grad_input` gets as many numbers as `input` has.
 *
 * Errors: as for `trueloss_cross_entropy_forward_probabilities_f32`.
 */
trueloss_status trueloss_cross_entropy_backward_each_probabilities_f32(const float *input,
                                                                       const size_t *shape,
                                                                       size_t rank,
                                                                       const float *target,
                                                                       const struct trueloss_cross_entropy_options_f32 *options,
                                                                       const float *grad_output,
                                                                       float *grad_input);

/**
 * Both `trueloss_cross_entropy_forward_probabilities_f32` and
 * `trueloss_cross_entropy_backward_probabilities_f32` with a `grad_output` of 1: the same bits, in
 * one call.
 *
 * Errors: as for `trueloss_cross_entropy_forward_probabilities_f32`.
 */
trueloss_status trueloss_cross_entropy_forward_backward_probabilities_f32(const float *input,
                                                                          const size_t *shape,
                                                                          size_t rank,
                                                                          const float *target,
                                                                          const struct trueloss_cross_entropy_options_f32 *options,
                                                                          float *loss,
                                                                          float *grad_input);

/**
 * The part of a larger batch's loss that comes from these rows, `start` of which come before them.
 * The reduction does not matter yet.
 *
 * Errors: as for `trueloss_cross_entropy_forward_probabilities_f32`;
 * TRUELOSS_ERROR_NOT_ON_BLOCK_BOUNDARY where `start` is not a multiple of TRUELOSS_BLOCK,
 * TRUELOSS_ERROR_SHAPE_OVERFLOW where the batch has more than a size_t counts.
 */
trueloss_status trueloss_cross_entropy_partial_probabilities_f32(const float *input,
                                                                 const size_t *shape,
                                                                 size_t rank,
                                                                 const float *target,
                                                                 const struct trueloss_cross_entropy_options_f32 *options,
                                                                 size_t start,
                                                                 struct trueloss_partial_f32 *partial);

/**
 * Appends to `whole` the partial that follows it.
 *
 * Errors: TRUELOSS_ERROR_NOT_ON_BLOCK_BOUNDARY where `whole` does not end at a multiple of
 * TRUELOSS_BLOCK, so that nothing can follow it; TRUELOSS_ERROR_NOT_ADJACENT where `next` does not
 * begin there; TRUELOSS_ERROR_NOT_A_PARTIAL. `whole` is then as before.
 */
trueloss_status trueloss_partial_merge_f32(struct trueloss_partial_f32 *whole,
                                           const struct trueloss_partial_f32 *next);

/**
 * The loss of the whole batch: `*loss` gets the mean or sum, as `reduction` says
 * (TRUELOSS_REDUCTION_MEAN or TRUELOSS_REDUCTION_SUM).
 *
 * Errors: TRUELOSS_ERROR_NOT_ADJACENT where the partial does not begin at 0;
 * TRUELOSS_ERROR_NOT_A_PARTIAL.
 */
trueloss_status trueloss_partial_finish_f32(const struct trueloss_partial_f32 *partial,
                                            uint32_t reduction,
                                            float *loss);

/**
 * The sigmoid of each number, sigma(x) = 1 / (1 + exp(-x)). `input` and `output` have `len`
 * numbers.
 *
 * Errors: those of every function.
 *
 * <https://pytorch.org/docs/stable/generated/torch.nn.functional.sigmoid.html>
 */
trueloss_status trueloss_sigmoid_forward_f32(const float *input, size_t len, float *output);

/**
 * The derivative at each number of `input` (not of the output), times its `grad_output`: g
 * sigma(x) sigma(-x). All arrays have `len` numbers.
 *
 * Errors: as for `trueloss_sigmoid_forward_f32`.
 */
trueloss_status trueloss_sigmoid_backward_f32(const float *input,
                                              const float *grad_output,
                                              size_t len,
                                              float *grad_input);

/**
 * The logarithm of the sigmoid of each number, ln sigma(x) = -ln(1 + exp(-x)). `input` and
 * `output` have `len` numbers.
 *
 * Errors: those of every function.
 *
 * <https://pytorch.org/docs/stable/generated/torch.nn.functional.logsigmoid.html>
 */
trueloss_status trueloss_log_sigmoid_forward_f32(const float *input, size_t len, float *output);

/**
 * The derivative at each number of `input` (not of the output), times its `grad_output`: g
 * sigma(-x). All arrays have `len` numbers.
 *
 * Errors: as for `trueloss_log_sigmoid_forward_f32`.
 */
trueloss_status trueloss_log_sigmoid_backward_f32(const float *input,
                                                  const float *grad_output,
                                                  size_t len,
                                                  float *grad_input);

/**
 * The softplus of each number, ln(1 + exp(beta x)) / beta. `input` and `output` have `len`
 * numbers.
 *
 * Errors: TRUELOSS_ERROR_NOT_POSITIVE for a `beta` that is not positive and finite.
 *
 * <https://pytorch.org/docs/stable/generated/torch.nn.functional.softplus.html>
 */
trueloss_status trueloss_softplus_forward_f32(const float *input,
                                              size_t len,
                                              double beta,
                                              float *output);

/**
 * The derivative at each number of `input` (not of the output), times its `grad_output`: g
 * sigma(beta x). All arrays have `len` numbers.
 *
 * Errors: as for `trueloss_softplus_forward_f32`.
 */
trueloss_status trueloss_softplus_backward_f32(const float *input,
                                               const float *grad_output,
                                               size_t len,
                                               double beta,
                                               float *grad_input);

/**
 * The softmax of each row, p_j = exp(x_j) / sum_i exp(x_i). `input` has a `shape` of `rank` sizes,
 * of any rank; a row lies along dimension `dim`. `output` gets as many numbers.
 *
 * Errors: TRUELOSS_ERROR_DIMENSION where `dim` is not below `rank`, TRUELOSS_ERROR_NO_CLASSES
 * where its size is 0, TRUELOSS_ERROR_SHAPE_OVERFLOW.
 *
 * <https://pytorch.org/docs/stable/generated/torch.nn.functional.softmax.html>
 */
trueloss_status trueloss_softmax_forward_f32(const float *input,
                                             const size_t *shape,
                                             size_t rank,
                                             size_t dim,
                                             float *output);

/**
 * The gradient with respect to `input` (not to the output): p_j (g_j - sum_i g_i p_i).
 * `grad_output` has the input's shape, and so has what `grad_input` gets.
 *
 * Errors: as for `trueloss_softmax_forward_f32`.
 */
trueloss_status trueloss_softmax_backward_f32(const float *input,
                                              const size_t *shape,
                                              size_t rank,
                                              size_t dim,
                                              const float *grad_output,
                                              float *grad_input);

/**
 * The logarithm of the softmax of each row, x_j - ln sum_i exp(x_i). `input` has a `shape` of
 * `rank` sizes, of any rank; a row lies along dimension `dim`. `output` gets as many numbers.
 *
 * Errors: TRUELOSS_ERROR_DIMENSION where `dim` is not below `rank`, TRUELOSS_ERROR_NO_CLASSES
 * where its size is 0, TRUELOSS_ERROR_SHAPE_OVERFLOW.
 *
 * <https://pytorch.org/docs/stable/generated/torch.nn.functional.log_softmax.html>
 */
trueloss_status trueloss_log_softmax_forward_f32(const float *input,
                                                 const size_t *shape,
                                                 size_t rank,
                                                 size_t dim,
                                                 float *output);

/**
 * The gradient with respect to `input` (not to the output): g_j - p_j sum_i g_i. `grad_output` has
 * the input's shape, and so has what `grad_input` gets.
 *
 * Errors: as for `trueloss_log_softmax_forward_f32`.
 */
trueloss_status trueloss_log_softmax_backward_f32(const float *input,
                                                  const size_t *shape,
                                                  size_t rank,
                                                  size_t dim,
                                                  const float *grad_output,
                                                  float *grad_input);

/**
 * The share of rows whose largest logit is at the label; the first of equal logits is taken. A row
 * with a NaN is wrong; of no rows it is NaN. `input` has a `shape` of `rank` sizes: (C), (N, C) or
 * (N, C, d1..dK); `target` has a class index for each row, so the same shape without C.
 * `*accuracy` gets one number; `error` may be NULL.
 *
 * Errors: TRUELOSS_ERROR_DIMENSION for a rank of 0, TRUELOSS_ERROR_NO_CLASSES where C is 0,
 * TRUELOSS_ERROR_SHAPE_OVERFLOW; TRUELOSS_ERROR_CLASS_INDEX for a label outside 0..C.
 */
trueloss_status trueloss_accuracy_f32(const float *input,
                                      const size_t *shape,
                                      size_t rank,
                                      const int64_t *target,
                                      float *accuracy,
                                      struct trueloss_error *error);

/**
 * The share of elements where (x > 0) says what the target, 1 or not, says. A NaN is wrong; of no
 * elements it is NaN. `input` and `target` have `len` numbers, the targets between 0 and 1.
 * `*accuracy` gets one number; `error` may be NULL.
 *
 * Errors: TRUELOSS_ERROR_OUTSIDE_UNIT_INTERVAL for a target outside [0, 1] or NaN.
 */
trueloss_status trueloss_binary_accuracy_f32(const float *input,
                                             const float *target,
                                             size_t len,
                                             float *accuracy,
                                             struct trueloss_error *error);

/**
 * Mean squared error: the loss of an element is (x - y)^2.
 *
 * `input` and `target` have `len` numbers. `*loss` gets one number, the mean or the sum; the mean
 * divides by `len`. `options` may be NULL.
 *
 * Errors: those of every function.
 *
 * <https://pytorch.org/docs/stable/generated/torch.nn.functional.mse_loss.html>
 */
trueloss_status trueloss_mse_forward_f64(const double *input,
                                         const double *target,
                                         size_t len,
                                         const struct trueloss_mse_options *options,
                                         double *loss);

/**
 * The loss of each element, as `trueloss_mse_forward_f64` has it before the reduction: `losses`
 * gets `len` numbers.
 *
 * Errors: as for `trueloss_mse_forward_f64`.
 */
trueloss_status trueloss_mse_forward_each_f64(const double *input,
                                              const double *target,
                                              size_t len,
                                              const struct trueloss_mse_options *options,
                                              double *losses);

/**
 * The gradient of what `trueloss_mse_forward_f64` gives with respect to the input, times
 * `grad_output`: 2 (x - y) g. `grad_input` gets `len` numbers.
 *
 * Errors: as there.
 */
trueloss_status trueloss_mse_backward_f64(const double *input,
                                          const double *target,
                                          size_t len,
                                          const struct trueloss_mse_options *options,
                                          double grad_output,
                                          double *grad_input);

/**
 * The gradient of each element's loss, times that element's own `grad_output`, of which there are
 * `len`. `grad_input` gets `len` numbers.
 *
 * Errors: as for `trueloss_mse_forward_f64`.
 */
trueloss_status trueloss_mse_backward_each_f64(const double *input,
                                               const double *target,
                                               size_t len,
                                               const struct trueloss_mse_options *options,
                                               const double *grad_output,
                                               double *grad_input);

/**
 * Both `trueloss_mse_forward_f64` and `trueloss_mse_backward_f64` with a `grad_output` of 1: the
 * same bits, in one call.
 *
 * Errors: as for `trueloss_mse_forward_f64`.
 */
trueloss_status trueloss_mse_forward_backward_f64(const double *input,
                                                  const double *target,
                                                  size_t len,
                                                  const struct trueloss_mse_options *options,
                                                  double *loss,
                                                  double *grad_input);

/**
 * The part of a larger batch's loss that comes from these elements, `start` of which come before
 * them. The reduction does not matter yet.
 *
 * Errors: as for `trueloss_mse_forward_f64`; TRUELOSS_ERROR_NOT_ON_BLOCK_BOUNDARY where `start` is
 * not a multiple of TRUELOSS_BLOCK, TRUELOSS_ERROR_SHAPE_OVERFLOW where the batch has more than a
 * size_t counts.
 */
trueloss_status trueloss_mse_partial_f64(const double *input,
                                         const double *target,
                                         size_t len,
                                         const struct trueloss_mse_options *options,
                                         size_t start,
                                         struct trueloss_partial_f64 *partial);

/**
 * Binary cross-entropy of probabilities: the loss of an element is w (-y max(ln x, -100) - (1 - y)
 * max(ln(1 - x), -100)).
 *
 * `input` and `target` have `len` numbers between 0 and 1. `*loss` gets one number, the mean or
 * the sum; the mean divides by `len`. `options` may be NULL.
 *
 * Errors: TRUELOSS_ERROR_OUTSIDE_UNIT_INTERVAL for an input or target outside [0, 1] or NaN;
 * TRUELOSS_ERROR_BROADCAST and TRUELOSS_ERROR_NOT_FINITE for a weight that does not fit or is not
 * finite.
 *
 * <https://pytorch.org/docs/stable/generated/torch.nn.functional.binary_cross_entropy.html>
 */
trueloss_status trueloss_bce_forward_f64(const double *input,
                                         const double *target,
                                         size_t len,
                                         const struct trueloss_bce_options_f64 *options,
                                         double *loss);

/**
 * The loss of each element, as `trueloss_bce_forward_f64` has it before the reduction: `losses`
 * gets `len` numbers.
 *
 * Errors: as for `trueloss_bce_forward_f64`.
 */
trueloss_status trueloss_bce_forward_each_f64(const double *input,
                                              const double *target,
                                              size_t len,
                                              const struct trueloss_bce_options_f64 *options,
                                              double *losses);

/**
 * The gradient of what `trueloss_bce_forward_f64` gives with respect to the input, times
 * `grad_output`: w (x - y) / max(x (1 - x), 1e-12) g. `grad_input` gets `len` numbers.
 *
 * Errors: as there.
 */
trueloss_status trueloss_bce_backward_f64(const double *input,
                                          const double *target,
                                          size_t len,
                                          const struct trueloss_bce_options_f64 *options,
                                          double grad_output,
                                          double *grad_input);

/**
 * The gradient of each element's loss, times that element's own `grad_output`, of which there are
 * `len`. `grad_input` gets `len` numbers.
 *
 * Errors: as for `trueloss_bce_forward_f64`.
 */
trueloss_status trueloss_bce_backward_each_f64(const double *input,
                                               const double *target,
                                               size_t len,
                                               const struct trueloss_bce_options_f64 *options,
                                               const double *grad_output,
                                               double *grad_input);

/**
 * Both `trueloss_bce_forward_f64` and `trueloss_bce_backward_f64` with a `grad_output` of 1: the
 * same bits, in one call.
 *
 * Errors: as for `trueloss_bce_forward_f64`.
 */
trueloss_status trueloss_bce_forward_backward_f64(const double *input,
                                                  const double *target,
                                                  size_t len,
                                                  const struct trueloss_bce_options_f64 *options,
                                                  double *loss,
                                                  double *grad_input);

/**
 * The part of a larger batch's loss that comes from these elements, `start` of which come before
 * them. The reduction does not matter yet.
 *
 * Errors: as for `trueloss_bce_forward_f64`; TRUELOSS_ERROR_NOT_ON_BLOCK_BOUNDARY where `start` is
 * not a multiple of TRUELOSS_BLOCK, TRUELOSS_ERROR_SHAPE_OVERFLOW where the batch has more than a
 * size_t counts.
 */
trueloss_status trueloss_bce_partial_f64(const double *input,
                                         const double *target,
                                         size_t len,
                                         const struct trueloss_bce_options_f64 *options,
                                         size_t start,
                                         struct trueloss_partial_f64 *partial);

/**
 * Binary cross-entropy of logits: the loss of an element is w ((1 - y) softplus(x) + c y
 * softplus(-x)), where c is its pos_weight.
 *
 * `input` and `target` have `len` numbers, the targets between 0 and 1. `*loss` gets one number,
 * the mean or the sum; the mean divides by `len`. `options` may be NULL.
 *
 * Errors: TRUELOSS_ERROR_OUTSIDE_UNIT_INTERVAL for a target outside [0, 1] or NaN;
 * TRUELOSS_ERROR_BROADCAST and TRUELOSS_ERROR_NOT_FINITE for a weight that does not fit or is not
 * finite.
 *
 * <https://pytorch.org/docs/stable/generated/torch.nn.functional.binary_cross_entropy_with_logits.html>
 */
trueloss_status trueloss_bce_with_logits_forward_f64(const double *input,
                                                     const double *target,
                                                     size_t len,
                                                     const struct trueloss_bce_with_logits_options_f64 *options,
                                                     double *loss);

/**
 * The loss of each element, as `trueloss_bce_with_logits_forward_f64` has it before the reduction:
 * `losses` gets `len` numbers.
 *
 * Errors: as for `trueloss_bce_with_logits_forward_f64`.
 */
trueloss_status trueloss_bce_with_logits_forward_each_f64(const double *input,
                                                          const double *target,
                                                          size_t len,
                                                          const struct trueloss_bce_with_logits_options_f64 *options,
                                                          double *losses);

/**
 * The gradient of what `trueloss_bce_with_logits_forward_f64` gives with respect to the input,
 * times `grad_output`: w ((1 - y) sigma(x) - c y sigma(-x)) g. `grad_input` gets `len` numbers.
 *
 * Errors: as there.
 */
trueloss_status trueloss_bce_with_logits_backward_f64(const double *input,
                                                      const double *target,
                                                      size_t len,
                                                      const struct trueloss_bce_with_logits_options_f64 *options,
                                                      double grad_output,
                                                      double *grad_input);

/**
 * The gradient of each element's loss, times that element's own `grad_output`, of which there are
 * `len`. `grad_input` gets `len` numbers.
 *
 * Errors: as for `trueloss_bce_with_logits_forward_f64`.
 */
trueloss_status trueloss_bce_with_logits_backward_each_f64(const double *input,
                                                           const double *target,
                                                           size_t len,
                                                           const struct trueloss_bce_with_logits_options_f64 *options,
                                                           const double *grad_output,
                                                           double *grad_input);

/**
 * Both `trueloss_bce_with_logits_forward_f64` and `trueloss_bce_with_logits_backward_f64` with a
 * `grad_output` of 1: the same bits, in one call.
 *
 * Errors: as for `trueloss_bce_with_logits_forward_f64`.
 */
trueloss_status trueloss_bce_with_logits_forward_backward_f64(const double *input,
                                                              const double *target,
                                                              size_t len,
                                                              const struct trueloss_bce_with_logits_options_f64 *options,
                                                              double *loss,
                                                              double *grad_input);

/**
 * The part of a larger batch's loss that comes from these elements, `start` of which come before
 * them. The reduction does not matter yet.
 *
 * Errors: as for `trueloss_bce_with_logits_forward_f64`; TRUELOSS_ERROR_NOT_ON_BLOCK_BOUNDARY
 * where `start` is not a multiple of TRUELOSS_BLOCK, TRUELOSS_ERROR_SHAPE_OVERFLOW where the batch
 * has more than a size_t counts.
 */
trueloss_status trueloss_bce_with_logits_partial_f64(const double *input,
                                                     const double *target,
                                                     size_t len,
                                                     const struct trueloss_bce_with_logits_options_f64 *options,
                                                     size_t start,
                                                     struct trueloss_partial_f64 *partial);

/**
 * Huber's loss: the loss of an element is with r = x - y, r^2 / 2 where |r| <= delta, and delta
 * (|r| - delta / 2) beyond.
 *
 * `input` and `target` have `len` numbers. `*loss` gets one number, the mean or the sum; the mean
 * divides by `len`. `options` may be NULL.
 *
 * `delta`: how large a residual may be whose square counts: a finite number above 0. PyTorch's
 * default is 1.
 *
 * Errors: TRUELOSS_ERROR_NOT_POSITIVE for `delta` where it is not as above.
 *
 * <https://pytorch.org/docs/stable/generated/torch.nn.functional.huber_loss.html>
 */
trueloss_status trueloss_huber_forward_f64(const double *input,
                                           const double *target,
                                           size_t len,
                                           double delta,
                                           const struct trueloss_huber_options *options,
                                           double *loss);

/**
 * The loss of each element, as `trueloss_huber_forward_f64` has it before the reduction: `losses`
 * gets `len` numbers.
 *
 * Errors: as for `trueloss_huber_forward_f64`.
 */
trueloss_status trueloss_huber_forward_each_f64(const double *input,
                                                const double *target,
                                                size_t len,
                                                double delta,
                                                const struct trueloss_huber_options *options,
                                                double *losses);

/**
 * The gradient of what `trueloss_huber_forward_f64` gives with respect to the input, times
 * `grad_output`: r g where |r| <= delta, and delta g with the sign of r beyond. `grad_input` gets
 * `len` numbers.
 *
 * Errors: as there.
 */
trueloss_status trueloss_huber_backward_f64(const double *input,
                                            const double *target,
                                            size_t len,
                                            double delta,
                                            const struct trueloss_huber_options *options,
                                            double grad_output,
                                            double *grad_input);

/**
 * The gradient of each element's loss, times that element's own `grad_output`, of which there are
 * `len`. `grad_input` gets `len` numbers.
 *
 * Errors: as for `trueloss_huber_forward_f64`.
 */
trueloss_status trueloss_huber_backward_each_f64(const double *input,
                                                 const double *target,
                                                 size_t len,
                                                 double delta,
                                                 const struct trueloss_huber_options *options,
                                                 const double *grad_output,
                                                 double *grad_input);

/**
 * Both `trueloss_huber_forward_f64` and `trueloss_huber_backward_f64` with a `grad_output` of 1:
 * the same bits, in one call.
 *
 * Errors: as for `trueloss_huber_forward_f64`.
 */
trueloss_status trueloss_huber_forward_backward_f64(const double *input,
                                                    const double *target,
                                                    size_t len,
                                                    double delta,
                                                    const struct trueloss_huber_options *options,
                                                    double *loss,
                                                    double *grad_input);

/**
 * The part of a larger batch's loss that comes from these elements, `start` of which come before
 * them. The reduction does not matter yet.
 *
 * Errors: as for `trueloss_huber_forward_f64`; TRUELOSS_ERROR_NOT_ON_BLOCK_BOUNDARY where `start`
 * is not a multiple of TRUELOSS_BLOCK, TRUELOSS_ERROR_SHAPE_OVERFLOW where the batch has more than
 * a size_t counts.
 */
trueloss_status trueloss_huber_partial_f64(const double *input,
                                           const double *target,
                                           size_t len,
                                           double delta,
                                           const struct trueloss_huber_options *options,
                                           size_t start,
                                           struct trueloss_partial_f64 *partial);

/**
 * Focal loss of logits: the loss of an element is a sigma(z)^gamma softplus(z), with z = x and a =
 * 1 - alpha for y = 0, and z = -x and a = alpha for y = 1.
 *
 * `input` and `target` have `len` numbers, the targets 0 or 1. `*loss` gets one number, the mean
 * or the sum; the mean divides by `len`. `options` may be NULL.
 *
 * `alpha`: the weight of the positive class, from 0 to 1; that of the other is what it lacks to 1.
 * -1 is none: both weights are 1. PyTorch's default is 0.25.
 *
 * `gamma`: the power of the probability of the wrong class, from 0 to 1000. PyTorch's default is
 * 2.
 *
 * Errors: TRUELOSS_ERROR_NOT_HARD_LABEL for a target that is neither 0 nor 1;
 * TRUELOSS_ERROR_OUTSIDE_UNIT_INTERVAL for `alpha` where it is not as above;
 * TRUELOSS_ERROR_OUTSIDE_RANGE for `gamma` where it is not as above.
 *
 * <https://pytorch.org/vision/stable/generated/torchvision.ops.sigmoid_focal_loss.html>
 */
trueloss_status trueloss_focal_with_logits_forward_f64(const double *input,
                                                       const double *target,
                                                       size_t len,
                                                       double alpha,
                                                       double gamma,
                                                       const struct trueloss_focal_with_logits_options *options,
                                                       double *loss);

/**
 * The loss of each element, as `trueloss_focal_with_logits_forward_f64` has it before the
 * reduction: `losses` gets `len` numbers.
 *
 * Errors: as for `trueloss_focal_with_logits_forward_f64`.
 */
trueloss_status trueloss_focal_with_logits_forward_each_f64(const double *input,
                                                            const double *target,
                                                            size_t len,
                                                            double alpha,
                                                            double gamma,
                                                            const struct trueloss_focal_with_logits_options *options,
                                                            double *losses);

/**
 * The gradient of what `trueloss_focal_with_logits_forward_f64` gives with respect to the input,
 * times `grad_output`: a sigma(z)^gamma (gamma sigma(-z) softplus(z) + sigma(z)) g, with the sign
 * of x in z. `grad_input` gets `len` numbers.
 *
 * Errors: as there.
 */
trueloss_status trueloss_focal_with_logits_backward_f64(const double *input,
                                                        const double *target,
                                                        size_t len,
                                                        double alpha,
                                                        double gamma,
                                                        const struct trueloss_focal_with_logits_options *options,
                                                        double grad_output,
                                                        double *grad_input);

/**
 * The gradient of each element's loss, times that element's own `grad_output`, of which there are
 * `len`. `grad_input` gets `len` numbers.
 *
 * Errors: as for `trueloss_focal_with_logits_forward_f64`.
 */
trueloss_status trueloss_focal_with_logits_backward_each_f64(const double *input,
                                                             const double *target,
                                                             size_t len,
                                                             double alpha,
                                                             double gamma,
                                                             const struct trueloss_focal_with_logits_options *options,
                                                             const double *grad_output,
                                                             double *grad_input);

/**
 * Both `trueloss_focal_with_logits_forward_f64` and `trueloss_focal_with_logits_backward_f64` with
 * a `grad_output` of 1: the same bits, in one call.
 *
 * Errors: as for `trueloss_focal_with_logits_forward_f64`.
 */
trueloss_status trueloss_focal_with_logits_forward_backward_f64(const double *input,
                                                                const double *target,
                                                                size_t len,
                                                                double alpha,
                                                                double gamma,
                                                                const struct trueloss_focal_with_logits_options *options,
                                                                double *loss,
                                                                double *grad_input);

/**
 * The part of a larger batch's loss that comes from these elements, `start` of which come before
 * them. The reduction does not matter yet.
 *
 * Errors: as for `trueloss_focal_with_logits_forward_f64`; TRUELOSS_ERROR_NOT_ON_BLOCK_BOUNDARY
 * where `start` is not a multiple of TRUELOSS_BLOCK, TRUELOSS_ERROR_SHAPE_OVERFLOW where the batch
 * has more than a size_t counts.
 */
trueloss_status trueloss_focal_with_logits_partial_f64(const double *input,
                                                       const double *target,
                                                       size_t len,
                                                       double alpha,
                                                       double gamma,
                                                       const struct trueloss_focal_with_logits_options *options,
                                                       size_t start,
                                                       struct trueloss_partial_f64 *partial);

/**
 * Soft margin loss: the loss of an element is softplus(-y x).
 *
 * `input` and `target` have `len` numbers, the targets -1 or 1. `*loss` gets one number, the mean
 * or the sum; the mean divides by `len`. `options` may be NULL.
 *
 * Errors: TRUELOSS_ERROR_NOT_SIGN for a target that is neither -1 nor 1.
 *
 * <https://pytorch.org/docs/stable/generated/torch.nn.functional.soft_margin_loss.html>
 */
trueloss_status trueloss_soft_margin_forward_f64(const double *input,
                                                 const double *target,
                                                 size_t len,
                                                 const struct trueloss_soft_margin_options *options,
                                                 double *loss);

/**
 * The loss of each element, as `trueloss_soft_margin_forward_f64` has it before the reduction:
 * `losses` gets `len` numbers.
 *
 * Errors: as for `trueloss_soft_margin_forward_f64`.
 */
trueloss_status trueloss_soft_margin_forward_each_f64(const double *input,
                                                      const double *target,
                                                      size_t len,
                                                      const struct trueloss_soft_margin_options *options,
                                                      double *losses);

/**
 * The gradient of what `trueloss_soft_margin_forward_f64` gives with respect to the input, times
 * `grad_output`: -y sigma(-y x) g. `grad_input` gets `len` numbers.
 *
 * Errors: as there.
 */
trueloss_status trueloss_soft_margin_backward_f64(const double *input,
                                                  const double *target,
                                                  size_t len,
                                                  const struct trueloss_soft_margin_options *options,
                                                  double grad_output,
                                                  double *grad_input);

/**
 * The gradient of each element's loss, times that element's own `grad_output`, of which there are
 * `len`. `grad_input` gets `len` numbers.
 *
 * Errors: as for `trueloss_soft_margin_forward_f64`.
 */
trueloss_status trueloss_soft_margin_backward_each_f64(const double *input,
                                                       const double *target,
                                                       size_t len,
                                                       const struct trueloss_soft_margin_options *options,
                                                       const double *grad_output,
                                                       double *grad_input);

/**
 * Both `trueloss_soft_margin_forward_f64` and `trueloss_soft_margin_backward_f64` with a
 * `grad_output` of 1: the same bits, in one call.
 *
 * Errors: as for `trueloss_soft_margin_forward_f64`.
 */
trueloss_status trueloss_soft_margin_forward_backward_f64(const double *input,
                                                          const double *target,
                                                          size_t len,
                                                          const struct trueloss_soft_margin_options *options,
                                                          double *loss,
                                                          double *grad_input);

/**
 * The part of a larger batch's loss that comes from these elements, `start` of which come before
 * them. The reduction does not matter yet.
 *
 * Errors: as for `trueloss_soft_margin_forward_f64`; TRUELOSS_ERROR_NOT_ON_BLOCK_BOUNDARY where
 * `start` is not a multiple of TRUELOSS_BLOCK, TRUELOSS_ERROR_SHAPE_OVERFLOW where the batch has
 * more than a size_t counts.
 */
trueloss_status trueloss_soft_margin_partial_f64(const double *input,
                                                 const double *target,
                                                 size_t len,
                                                 const struct trueloss_soft_margin_options *options,
                                                 size_t start,
                                                 struct trueloss_partial_f64 *partial);

/**
 * The default options of nll, as TRUELOSS_NLL_OPTIONS_DEFAULT has them.
 */
struct trueloss_nll_options_f64 trueloss_nll_options_default_f64(void);

/**
 * The default options of cross_entropy, as TRUELOSS_CROSS_ENTROPY_OPTIONS_DEFAULT has them.
 */
struct trueloss_cross_entropy_options_f64 trueloss_cross_entropy_options_default_f64(void);

/**
 * Negative log-likelihood of log-probabilities: the loss of a row x with label y is -w_y x_y.
 *
 * `input` has a `shape` of `rank` sizes: (C), (N, C) or (N, C, d1..dK); `target` has a class index
 * for each row, so the same shape without C. `*loss` gets one number, the mean or the sum; the
 * mean divides by the sum of the w_y. `options` may be NULL.
 *
 * Errors: TRUELOSS_ERROR_DIMENSION for a rank of 0, TRUELOSS_ERROR_NO_CLASSES where C is 0,
 * TRUELOSS_ERROR_SHAPE_OVERFLOW; TRUELOSS_ERROR_CLASS_INDEX for a label outside 0..C;
 * TRUELOSS_ERROR_LENGTH and TRUELOSS_ERROR_NOT_FINITE for a weight that has not C entries or is
 * not finite.
 *
 * <https://pytorch.org/docs/stable/generated/torch.nn.functional.nll_loss.html>
 */
trueloss_status trueloss_nll_forward_f64(const double *input,
                                         const size_t *shape,
                                         size_t rank,
                                         const int64_t *target,
                                         const struct trueloss_nll_options_f64 *options,
                                         double *loss);

/**
 * The loss of each row, as `trueloss_nll_forward_f64` has it before the reduction: `losses` gets
 * one number for each row.
 *
 * Errors: as for `trueloss_nll_forward_f64`.
 */
trueloss_status trueloss_nll_forward_each_f64(const double *input,
                                              const size_t *shape,
                                              size_t rank,
                                              const int64_t *target,
                                              const struct trueloss_nll_options_f64 *options,
                                              double *losses);

/**
 * The gradient of what `trueloss_nll_forward_f64` gives with respect to the input, times
 * `grad_output`: -w_y g at the label, 0 elsewhere. `grad_input` gets as many numbers as `input`
 * has.
 *
 * Errors: as there.
 */
trueloss_status trueloss_nll_backward_f64(const double *input,
                                          const size_t *shape,
                                          size_t rank,
                                          const int64_t *target,
                                          const struct trueloss_nll_options_f64 *options,
                                          double grad_output,
                                          double *grad_input);

/**
 * The gradient of each row's loss, times that row's own `grad_output`, of which there is one for
 * each row. `grad_input` gets as many numbers as `input` has.
 *
 * Errors: as for `trueloss_nll_forward_f64`.
 */
trueloss_status trueloss_nll_backward_each_f64(const double *input,
                                               const size_t *shape,
                                               size_t rank,
                                               const int64_t *target,
                                               const struct trueloss_nll_options_f64 *options,
                                               const double *grad_output,
                                               double *grad_input);

/**
 * Both `trueloss_nll_forward_f64` and `trueloss_nll_backward_f64` with a `grad_output` of 1: the
 * same bits, in one call.
 *
 * Errors: as for `trueloss_nll_forward_f64`.
 */
trueloss_status trueloss_nll_forward_backward_f64(const double *input,
                                                  const size_t *shape,
                                                  size_t rank,
                                                  const int64_t *target,
                                                  const struct trueloss_nll_options_f64 *options,
                                                  double *loss,
                                                  double *grad_input);

/**
 * The part of a larger batch's loss that comes from these rows, `start` of which come before them.
 * The reduction does not matter yet.
 *
 * Errors: as for `trueloss_nll_forward_f64`; TRUELOSS_ERROR_NOT_ON_BLOCK_BOUNDARY where `start` is
 * not a multiple of TRUELOSS_BLOCK, TRUELOSS_ERROR_SHAPE_OVERFLOW where the batch has more than a
 * size_t counts.
 */
trueloss_status trueloss_nll_partial_f64(const double *input,
                                         const size_t *shape,
                                         size_t rank,
                                         const int64_t *target,
                                         const struct trueloss_nll_options_f64 *options,
                                         size_t start,
                                         struct trueloss_partial_f64 *partial);

/**
 * Cross-entropy of logits, with class indices: the loss of a row x with label y is w_y (ln sum_i
 * exp(x_i) - x_y), and with label smoothing e it is (1 - e) times that + e/C sum_j w_j (ln sum_i
 * exp(x_i) - x_j).
 *
 * `input` has a `shape` of `rank` sizes: (C), (N, C) or (N, C, d1..dK); `target` has a class index
 * for each row, so the same shape without C. `*loss` gets one number, the mean or the sum; the
 * mean divides by the sum of the w_y. `options` may be NULL.
 *
 * Errors: TRUELOSS_ERROR_DIMENSION for a rank of 0, TRUELOSS_ERROR_NO_CLASSES where C is 0,
 * TRUELOSS_ERROR_SHAPE_OVERFLOW; TRUELOSS_ERROR_CLASS_INDEX for a label outside 0..C;
 * TRUELOSS_ERROR_OUTSIDE_UNIT_INTERVAL for a label smoothing outside [0, 1]; TRUELOSS_ERROR_LENGTH
 * and TRUELOSS_ERROR_NOT_FINITE for a weight that has not C entries or is not finite.
 *
 * <https://pytorch.org/docs/stable/generated/torch.nn.functional.cross_entropy.html>
 */
trueloss_status trueloss_cross_entropy_forward_f64(const double *input,
                                                   const size_t *shape,
                                                   size_t rank,
                                                   const int64_t *target,
                                                   const struct trueloss_cross_entropy_options_f64 *options,
                                                   double *loss);

/**
 * The loss of each row, as `trueloss_cross_entropy_forward_f64` has it before the reduction:
 * `losses` gets one number for each row.
 *
 * Errors: as for `trueloss_cross_entropy_forward_f64`.
 */
trueloss_status trueloss_cross_entropy_forward_each_f64(const double *input,
                                                        const size_t *shape,
                                                        size_t rank,
                                                        const int64_t *target,
                                                        const struct trueloss_cross_entropy_options_f64 *options,
                                                        double *losses);

/**
 * The gradient of what `trueloss_cross_entropy_forward_f64` gives with respect to the input, times
 * `grad_output`: without label smoothing w_y (p_j - [j = y]) g with p = softmax(x). `grad_input`
 * gets as many numbers as `input` has.
 *
 * Errors: as there.
 */
trueloss_status trueloss_cross_entropy_backward_f64(const double *input,
                                                    const size_t *shape,
                                                    size_t rank,
                                                    const int64_t *target,
                                                    const struct trueloss_cross_entropy_options_f64 *options,
                                                    double grad_output,
                                                    double *grad_input);

/**
 * The gradient of each row's loss, times that row's own `grad_output`, of which there is one for
 * each row. `grad_input` gets as many numbers as `input` has.
 *
 * Errors: as for `trueloss_cross_entropy_forward_f64`.
 */
trueloss_status trueloss_cross_entropy_backward_each_f64(const double *input,
                                                         const size_t *shape,
                                                         size_t rank,
                                                         const int64_t *target,
                                                         const struct trueloss_cross_entropy_options_f64 *options,
                                                         const double *grad_output,
                                                         double *grad_input);

/**
 * Both `trueloss_cross_entropy_forward_f64` and `trueloss_cross_entropy_backward_f64` with a
 * `grad_output` of 1: the same bits, in one call.
 *
 * Errors: as for `trueloss_cross_entropy_forward_f64`.
 */
trueloss_status trueloss_cross_entropy_forward_backward_f64(const double *input,
                                                            const size_t *shape,
                                                            size_t rank,
                                                            const int64_t *target,
                                                            const struct trueloss_cross_entropy_options_f64 *options,
                                                            double *loss,
                                                            double *grad_input);

/**
 * The part of a larger batch's loss that comes from these rows, `start` of which come before them.
 * The reduction does not matter yet.
 *
 * Errors: as for `trueloss_cross_entropy_forward_f64`; TRUELOSS_ERROR_NOT_ON_BLOCK_BOUNDARY where
 * `start` is not a multiple of TRUELOSS_BLOCK, TRUELOSS_ERROR_SHAPE_OVERFLOW where the batch has
 * more than a size_t counts.
 */
trueloss_status trueloss_cross_entropy_partial_f64(const double *input,
                                                   const size_t *shape,
                                                   size_t rank,
                                                   const int64_t *target,
                                                   const struct trueloss_cross_entropy_options_f64 *options,
                                                   size_t start,
                                                   struct trueloss_partial_f64 *partial);

/**
 * Cross-entropy of logits, with class probabilities q: the loss of a row x is sum_j v_j (ln sum_i
 * exp(x_i) - x_j), with v_j = w_j ((1 - e) q_j + e/C) and label smoothing e.
 *
 * `input` and `target` have a `shape` of `rank` sizes: (C), (N, C) or (N, C, d1..dK). The targets
 * are finite; they are not normalised, nor checked to be. `*loss` gets one number, the mean or the
 * sum; the mean divides by the count of rows. `options` may be NULL.
 *
 * Errors: TRUELOSS_ERROR_DIMENSION for a rank of 0, TRUELOSS_ERROR_NO_CLASSES where C is 0,
 * TRUELOSS_ERROR_SHAPE_OVERFLOW; TRUELOSS_ERROR_NOT_FINITE for a target that is not finite;
 * TRUELOSS_ERROR_OUTSIDE_UNIT_INTERVAL for a label smoothing outside [0, 1]; TRUELOSS_ERROR_LENGTH
 * and TRUELOSS_ERROR_NOT_FINITE for a weight that has not C entries or is not finite.
 *
 * <https://pytorch.org/docs/stable/generated/torch.nn.functional.cross_entropy.html>
 */
trueloss_status trueloss_cross_entropy_forward_probabilities_f64(const double *input,
                                                                 const size_t *shape,
                                                                 size_t rank,
                                                                 const double *target,
                                                                 const struct trueloss_cross_entropy_options_f64 *options,
                                                                 double *loss);

/**
 * The loss of each row, as `trueloss_cross_entropy_forward_probabilities_f64` has it before the
 * reduction: `losses` gets one number for each row.
 *
 * Errors: as for `trueloss_cross_entropy_forward_probabilities_f64`.
 */
trueloss_status trueloss_cross_entropy_forward_each_probabilities_f64(const double *input,
                                                                      const size_t *shape,
                                                                      size_t rank,
                                                                      const double *target,
                                                                      const struct trueloss_cross_entropy_options_f64 *options,
                                                                      double *losses);

/**
 * The gradient of what `trueloss_cross_entropy_forward_probabilities_f64` gives with respect to
 * the input, times `grad_output`: (V p_j - v_j) g with p = softmax(x) and V the sum of the v_j.
 * `grad_input` gets as many numbers as `input` has.
 *
 * Errors: as there.
 */
trueloss_status trueloss_cross_entropy_backward_probabilities_f64(const double *input,
                                                                  const size_t *shape,
                                                                  size_t rank,
                                                                  const double *target,
                                                                  const struct trueloss_cross_entropy_options_f64 *options,
                                                                  double grad_output,
                                                                  double *grad_input);

/**
 * The gradient of each row's loss, times that row's own `grad_output`, of which there is one for
 * each row. `grad_input` gets as many numbers as `input` has.
 *
 * Errors: as for `trueloss_cross_entropy_forward_probabilities_f64`.
 */
trueloss_status trueloss_cross_entropy_backward_each_probabilities_f64(const double *input,
                                                                       const size_t *shape,
                                                                       size_t rank,
                                                                       const double *target,
                                                                       const struct trueloss_cross_entropy_options_f64 *options,
                                                                       const double *grad_output,
                                                                       double *grad_input);

/**
 * Both `trueloss_cross_entropy_forward_probabilities_f64` and
 * `trueloss_cross_entropy_backward_probabilities_f64` with a `grad_output` of 1: the same bits, in
 * one call.
 *
 * Errors: as for `trueloss_cross_entropy_forward_probabilities_f64`.
 */
trueloss_status trueloss_cross_entropy_forward_backward_probabilities_f64(const double *input,
                                                                          const size_t *shape,
                                                                          size_t rank,
                                                                          const double *target,
                                                                          const struct trueloss_cross_entropy_options_f64 *options,
                                                                          double *loss,
                                                                          double *grad_input);

/**
 * The part of a larger batch's loss that comes from these rows, `start` of which come before them.
 * The reduction does not matter yet.
 *
 * Errors: as for `trueloss_cross_entropy_forward_probabilities_f64`;
 * TRUELOSS_ERROR_NOT_ON_BLOCK_BOUNDARY where `start` is not a multiple of TRUELOSS_BLOCK,
 * TRUELOSS_ERROR_SHAPE_OVERFLOW where the batch has more than a size_t counts.
 */
trueloss_status trueloss_cross_entropy_partial_probabilities_f64(const double *input,
                                                                 const size_t *shape,
                                                                 size_t rank,
                                                                 const double *target,
                                                                 const struct trueloss_cross_entropy_options_f64 *options,
                                                                 size_t start,
                                                                 struct trueloss_partial_f64 *partial);

/**
 * Appends to `whole` the partial that follows it.
 *
 * Errors: TRUELOSS_ERROR_NOT_ON_BLOCK_BOUNDARY where `whole` does not end at a multiple of
 * TRUELOSS_BLOCK, so that nothing can follow it; TRUELOSS_ERROR_NOT_ADJACENT where `next` does not
 * begin there; TRUELOSS_ERROR_NOT_A_PARTIAL. `whole` is then as before.
 */
trueloss_status trueloss_partial_merge_f64(struct trueloss_partial_f64 *whole,
                                           const struct trueloss_partial_f64 *next);

/**
 * The loss of the whole batch: `*loss` gets the mean or sum, as `reduction` says
 * (TRUELOSS_REDUCTION_MEAN or TRUELOSS_REDUCTION_SUM).
 *
 * Errors: TRUELOSS_ERROR_NOT_ADJACENT where the partial does not begin at 0;
 * TRUELOSS_ERROR_NOT_A_PARTIAL.
 */
trueloss_status trueloss_partial_finish_f64(const struct trueloss_partial_f64 *partial,
                                            uint32_t reduction,
                                            double *loss);

/**
 * The sigmoid of each number, sigma(x) = 1 / (1 + exp(-x)). `input` and `output` have `len`
 * numbers.
 *
 * Errors: those of every function.
 *
 * <https://pytorch.org/docs/stable/generated/torch.nn.functional.sigmoid.html>
 */
trueloss_status trueloss_sigmoid_forward_f64(const double *input, size_t len, double *output);

/**
 * The derivative at each number of `input` (not of the output), times its `grad_output`: g
 * sigma(x) sigma(-x). All arrays have `len` numbers.
 *
 * Errors: as for `trueloss_sigmoid_forward_f64`.
 */
trueloss_status trueloss_sigmoid_backward_f64(const double *input,
                                              const double *grad_output,
                                              size_t len,
                                              double *grad_input);

/**
 * The logarithm of the sigmoid of each number, ln sigma(x) = -ln(1 + exp(-x)). `input` and
 * `output` have `len` numbers.
 *
 * Errors: those of every function.
 *
 * <https://pytorch.org/docs/stable/generated/torch.nn.functional.logsigmoid.html>
 */
trueloss_status trueloss_log_sigmoid_forward_f64(const double *input, size_t len, double *output);

/**
 * The derivative at each number of `input` (not of the output), times its `grad_output`: g
 * sigma(-x). All arrays have `len` numbers.
 *
 * Errors: as for `trueloss_log_sigmoid_forward_f64`.
 */
trueloss_status trueloss_log_sigmoid_backward_f64(const double *input,
                                                  const double *grad_output,
                                                  size_t len,
                                                  double *grad_input);

/**
 * The softplus of each number, ln(1 + exp(beta x)) / beta. `input` and `output` have `len`
 * numbers.
 *
 * Errors: TRUELOSS_ERROR_NOT_POSITIVE for a `beta` that is not positive and finite.
 *
 * <https://pytorch.org/docs/stable/generated/torch.nn.functional.softplus.html>
 */
trueloss_status trueloss_softplus_forward_f64(const double *input,
                                              size_t len,
                                              double beta,
                                              double *output);

/**
 * The derivative at each number of `input` (not of the output), times its `grad_output`: g
 * sigma(beta x). All arrays have `len` numbers.
 *
 * Errors: as for `trueloss_softplus_forward_f64`.
 */
trueloss_status trueloss_softplus_backward_f64(const double *input,
                                               const double *grad_output,
                                               size_t len,
                                               double beta,
                                               double *grad_input);

/**
 * The softmax of each row, p_j = exp(x_j) / sum_i exp(x_i). `input` has a `shape` of `rank` sizes,
 * of any rank; a row lies along dimension `dim`. `output` gets as many numbers.
 *
 * Errors: TRUELOSS_ERROR_DIMENSION where `dim` is not below `rank`, TRUELOSS_ERROR_NO_CLASSES
 * where its size is 0, TRUELOSS_ERROR_SHAPE_OVERFLOW.
 *
 * <https://pytorch.org/docs/stable/generated/torch.nn.functional.softmax.html>
 */
trueloss_status trueloss_softmax_forward_f64(const double *input,
                                             const size_t *shape,
                                             size_t rank,
                                             size_t dim,
                                             double *output);

/**
 * The gradient with respect to `input` (not to the output): p_j (g_j - sum_i g_i p_i).
 * `grad_output` has the input's shape, and so has what `grad_input` gets.
 *
 * Errors: as for `trueloss_softmax_forward_f64`.
 */
trueloss_status trueloss_softmax_backward_f64(const double *input,
                                              const size_t *shape,
                                              size_t rank,
                                              size_t dim,
                                              const double *grad_output,
                                              double *grad_input);

/**
 * The logarithm of the softmax of each row, x_j - ln sum_i exp(x_i). `input` has a `shape` of
 * `rank` sizes, of any rank; a row lies along dimension `dim`. `output` gets as many numbers.
 *
 * Errors: TRUELOSS_ERROR_DIMENSION where `dim` is not below `rank`, TRUELOSS_ERROR_NO_CLASSES
 * where its size is 0, TRUELOSS_ERROR_SHAPE_OVERFLOW.
 *
 * <https://pytorch.org/docs/stable/generated/torch.nn.functional.log_softmax.html>
 */
trueloss_status trueloss_log_softmax_forward_f64(const double *input,
                                                 const size_t *shape,
                                                 size_t rank,
                                                 size_t dim,
                                                 double *output);

/**
 * The gradient with respect to `input` (not to the output): g_j - p_j sum_i g_i. `grad_output` has
 * the input's shape, and so has what `grad_input` gets.
 *
 * Errors: as for `trueloss_log_softmax_forward_f64`.
 */
trueloss_status trueloss_log_softmax_backward_f64(const double *input,
                                                  const size_t *shape,
                                                  size_t rank,
                                                  size_t dim,
                                                  const double *grad_output,
                                                  double *grad_input);

/**
 * The share of rows whose largest logit is at the label; the first of equal logits is taken. A row
 * with a NaN is wrong; of no rows it is NaN. `input` has a `shape` of `rank` sizes: (C), (N, C) or
 * (N, C, d1..dK); `target` has a class index for each row, so the same shape without C.
 * `*accuracy` gets one number; `error` may be NULL.
 *
 * Errors: TRUELOSS_ERROR_DIMENSION for a rank of 0, TRUELOSS_ERROR_NO_CLASSES where C is 0,
 * TRUELOSS_ERROR_SHAPE_OVERFLOW; TRUELOSS_ERROR_CLASS_INDEX for a label outside 0..C.
 */
trueloss_status trueloss_accuracy_f64(const double *input,
                                      const size_t *shape,
                                      size_t rank,
                                      const int64_t *target,
                                      double *accuracy,
                                      struct trueloss_error *error);

/**
 * The share of elements where (x > 0) says what the target, 1 or not, says. A NaN is wrong; of no
 * elements it is NaN. `input` and `target` have `len` numbers, the targets between 0 and 1.
 * `*accuracy` gets one number; `error` may be NULL.
 *
 * Errors: TRUELOSS_ERROR_OUTSIDE_UNIT_INTERVAL for a target outside [0, 1] or NaN.
 */
trueloss_status trueloss_binary_accuracy_f64(const double *input,
                                             const double *target,
                                             size_t len,
                                             double *accuracy,
                                             struct trueloss_error *error);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* TRUELOSS_H */
