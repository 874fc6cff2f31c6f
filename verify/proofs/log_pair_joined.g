# ln x for x = 2^e m where e is not 0, from the logarithm of m that log_pair_near_1.g has as the sum of leading and
# tail: log_of_parts. The first fast_two_sum is exact, as |e LN2_HI| >= 0.69 (Dekker 1971); the value is the sum of top
# and low, which the last one returns. EXACT is ln m.
# case: e = [1, 1100]
# case: e = [-1100, -1]

leading = rnd(leading_);
tail = rnd(tail_);
h rnd= e * LN2_HI;
top rnd= h + leading;
lost rnd= leading - (top - h);
i rnd= e * LN2_LO;
inner rnd= tail + i;
low rnd= lost + inner;

V = e * LN2 + EXACT;

{ e in %e /\ @FIX(e, 0) /\ LN2 - (LN2_HI + LN2_LO) in +-ln2 /\ (leading + tail) -/ EXACT in +-log_pair_near_1
  /\ EXACT in [-0.346574, 0.346574] /\ leading in [-0.344, 0.344] /\ tail in [-0.0038, 0.0038]
  /\ (top + lost) - (h + leading) in [0, 0]
  -> (top + low) -/ V in +-log_pair_joined }

LN2 -> (LN2_HI + LN2_LO) + (LN2 - (LN2_HI + LN2_LO));
(top + low) - V -> ((top + lost) - (h + leading)) + (h - e * LN2_HI) + (low - (lost + inner)) + (inner - (tail + i))
  + (i - e * LN2_LO) + ((leading + tail) - EXACT) - e * (LN2 - (LN2_HI + LN2_LO));
lost -> ((top + lost) - (h + leading)) - (top - (h + leading));

$ e in 8;
