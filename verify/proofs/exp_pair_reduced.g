# The argument reduction of exp_pair: x + low = k ln 2 + R. r + r_low is within +-exp_pair_reduced of R, and both are in
# the intervals of exp_pair.g. `low` is what was lost where x was rounded.
#
# The last two lines are fast_two_sum(a, -b): exact where |a| >= |b| or a is 0 (Dekker 1971), else see
# fast_two_sum_small.g. Where x > -0.34, k is 0 (exp_unreduced.g) and all of it is exact.

MAGIC = 0x1.8p52;
x = rnd(x_);
low = rnd(low_);
shifted rnd= x * LOG2_E + MAGIC;
k rnd= shifted - MAGIC;
a rnd= x - k * LN2_HI;
b rnd= k * LN2_LO - low;
r rnd= a - b;
r_low rnd= -b - (r - a);

c = rnd(x * LOG2_E);
h = rnd(k * LN2_HI);
l = rnd(k * LN2_LO);
R = x + low - k * LN2;

{ x in [-746, -0.34] /\ low in [-1b-43, 1b-43] /\ LN2 - (LN2_HI + LN2_LO) in +-ln2
  /\ (r + r_low) - (a - b) in +-fast_two_sum_small
  -> (r + r_low) - R in +-exp_pair_reduced /\ r in [-0.34658, 0.34658] /\ r_low in [-0x1.02p-55, 0x1.02p-55]
  /\ b in [-1b-33, 1b-33] }

k - c -> (k - (shifted - MAGIC)) + (shifted - (c + MAGIC));
R -> x * (1 - LOG2_E * LN2) - LN2 * ((k - c) + (c - x * LOG2_E)) + low;
x - h -> R - low + k * (LN2 - LN2_HI) - (h - k * LN2_HI);
(r + r_low) - R -> ((r + r_low) - (a - b)) + (a - (x - h)) - (b - (l - low)) - (h - k * LN2_HI) - (l - k * LN2_LO)
  + k * (LN2 - (LN2_HI + LN2_LO));
r - R -> (r - (a - b)) + (a - (x - h)) - (b - (l - low)) - (h - k * LN2_HI) - (l - k * LN2_LO)
  + k * (LN2 - (LN2_HI + LN2_LO));
r -> R + (r - R);
r_low -> ((r + r_low) - (a - b)) - (r - (a - b));
