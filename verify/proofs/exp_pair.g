# The e^x of exp_pair before the power of two, for the r and r_low of exp_pair_reduced.g, as the sum of high and low,
# which is what the kernel's last fast_two_sum returns. NEAR is e^(r + r_low). TAIL is r^2 Q'(r), MOVED is the same of
# r + r_low. `high` is exact, as the product of `leading` with itself is a multiple of 2^-51.

GRID = 0x1.8p27;
r = rnd(r_);
r_low = rnd(r_low_);
shifted rnd= r + GRID;
leading rnd= shifted - GRID;
rest rnd= (r - leading) + r_low;
high rnd= 1 + (leading + leading * (0.5 * leading));
q rnd= r * r;
p4 rnd= ((EXP_9 * r + EXP_8) * q + (EXP_7 * r + EXP_6)) * q + (EXP_5 * r + EXP_4);
p rnd= (p4 * q + (EXP_3 * r + EXP_2)) * q + (EXP_1 * r + (EXP_0 - 0.5));
tail rnd= q * p;
main rnd= rest + rest * (leading + 0.5 * rest);
low rnd= main + tail;

Q = r * r;
P4 = ((EXP_9 * r + EXP_8) * Q + (EXP_7 * r + EXP_6)) * Q + (EXP_5 * r + EXP_4);
P = (P4 * Q + (EXP_3 * r + EXP_2)) * Q + (EXP_1 * r + (EXP_0 - 0.5));
TAIL = Q * P;
REST = (r - leading) + r_low;
MAIN = REST + REST * (leading + 0.5 * REST);
HIGH = 1 + (leading + leading * (0.5 * leading));
W = r + r_low;
S = 1 + W + 0.5 * W * W + MOVED;

{ r in [-0.34658, 0.34658] /\ r_low in [-0x1.02p-55, 0x1.02p-55]
  /\ S -/ NEAR in +-exp_polynomial /\ MOVED - TAIL in +-exp_tail_moved
  -> (high + low) -/ NEAR in +-exp_pair_sum }

leading - r -> (leading - (shifted - GRID)) + (shifted - (r + GRID));
r - leading -> -(leading - r);
(high + low) - S -> (high - HIGH) + (low - (main + tail)) + (main - MAIN) + (tail - TAIL) - (MOVED - TAIL);
S -> (1 + r + 0.5 * Q + TAIL) + r_low * (1 + r + 0.5 * r_low) + (MOVED - TAIL);

$ r in 64;
