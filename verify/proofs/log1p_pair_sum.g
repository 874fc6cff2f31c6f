# The f of log1p_pair where e is not 0: 1 + x = sum + lost exactly (Knuth's TwoSum), sum = 2^e m, and f is m - 1 plus
# lost and the low part of x, both times 2^-e, which is exact. The last two lines are fast_two_sum: exact where m - 1 is
# the larger one, or 0 (Dekker 1971), else see fast_two_sum_small.g.

m = rnd(m_);
lost = rnd(lost_);
x_low = rnd(x_low_);
a rnd= m - 1;
b rnd= lost + x_low;
f rnd= a + b;
f_low rnd= b - (f - a);

F = (m - 1) + lost + x_low;

{ m in [0.70710678, 1.41421357] /\ lost in [-1b-53, 1b-53] /\ x_low in [-1b-47, 1b-47]
  /\ (f + f_low) - (a + b) in +-fast_two_sum_small
  -> (f + f_low) - F in +-log1p_pair_sum /\ b in [-1b-33, 1b-33] }

(f + f_low) - F -> ((f + f_low) - (a + b)) + (a - (m - 1)) + (b - (lost + x_low));
