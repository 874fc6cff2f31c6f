# The sum of two pairs, a + a_low and b + b_low, of either sign, in units of M = |a| + |b|. high + lost is a + b exactly
# (TwoSum, Knuth: The Art of Computer Programming 2, 4.2.2). A sum that is 0 here, where Gappa can't divide by it, is
# exact.

a = rnd(a_);
b = rnd(b_);
a_low = rnd(a_low_);
b_low = rnd(b_low_);
high rnd= a + b;
b_part rnd= high - a;
a_part rnd= high - b_part;
lost rnd= (a - a_part) + (b - b_part);
lows rnd= a_low + b_low;
low rnd= lost + lows;

V = (a + a_low) + (b + b_low);

{ (high + lost) - (a + b) in [0, 0] /\ (a + b) / M in [-1, 1] /\ |M| in [1b-1074, 1b1023]
  /\ a_low / M in [-1b-49, 1b-49] /\ b_low / M in [-1b-49, 1b-49]
  /\ |a + b| in [1b-1074, 1b1023] /\ |a_low + b_low| in [1b-1074, 1b1023] /\ |lost + lows| in [1b-1074, 1b1023]
  -> ((high + low) - V) / M in +-pair_sum_terms }

lost / M -> ((high + lost) - (a + b)) / M - ((high - (a + b)) / (a + b)) * ((a + b) / M) { M <> 0, a + b <> 0 };
lows / M -> (a_low / M + b_low / M) * (1 + (lows - (a_low + b_low)) / (a_low + b_low)) { M <> 0, a_low + b_low <> 0 };
((high + low) - V) / M -> ((high + lost) - (a + b)) / M
  + ((low - (lost + lows)) / (lost + lows)) * (lost / M + lows / M)
  + ((lows - (a_low + b_low)) / (a_low + b_low)) * (a_low / M + b_low / M)
  { M <> 0, lost + lows <> 0, a_low + b_low <> 0 };
