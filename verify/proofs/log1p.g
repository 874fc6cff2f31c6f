# ln(1 + x) where e is not 0: as log.g has it, but the logarithm is that of 1 + f instead of 1 + F: by the mean value
# theorem log1p_moved away, the derivative being at most 1/(1 - 0.2929). EXACT is ln(1 + F), NEAR is ln(1 + f).
# case: e = [1, 1100]
# case: e = [-1100, -1]

low = rnd(low_);
h rnd= e * LN2_HI;
i rnd= e * LN2_LO;
inner rnd= low + i;
v rnd= h + inner;

V = e * LN2 + EXACT;

{ e in %e /\ @FIX(e, 0) /\ LN2 - (LN2_HI + LN2_LO) in +-ln2 /\ low -/ NEAR in +-log_near_1
  /\ NEAR - EXACT in +-log1p_moved
  /\ EXACT in [-0.346574, 0.346574]
  -> v -/ V in +-log1p }

LN2 -> (LN2_HI + LN2_LO) + (LN2 - (LN2_HI + LN2_LO));
(h + inner) - V -> (h - e * LN2_HI) + (inner - (low + i)) + (low - NEAR) + (NEAR - EXACT)
  + (i - e * LN2_LO) - e * (LN2 - (LN2_HI + LN2_LO));
low -> EXACT + (low - NEAR) + (NEAR - EXACT);
NEAR -> EXACT + (NEAR - EXACT);

$ e in 8;
