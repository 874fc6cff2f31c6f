# fast_two_sum(a, b) of small numbers where |a| < |b|: what it loses.

a = rnd(a_);
b = rnd(b_);
high rnd= a + b;
low rnd= b - (high - a);

{ a in [-1b-33, 1b-33] /\ b in [-1b-33, 1b-33]
  -> (high + low) - (a + b) in +-fast_two_sum_small }

(high + low) - (a + b) -> (low - (b - rnd(high - a))) - (rnd(high - a) - (high - a));
