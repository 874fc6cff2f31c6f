# ln x for x = 2^e m with m from sqrt(1/2) to sqrt(2), from the logarithm of m: e ln 2 + ln m. EXACT is ln m.
#
# Where e is 0, the sums are exact, and log_near_1.g is all.
# case: e = [1, 1100]
# case: e = [-1100, -1]

low = rnd(low_);
h rnd= e * LN2_HI;
i rnd= e * LN2_LO;
inner rnd= low + i;
v rnd= h + inner;

V = e * LN2 + EXACT;

{ e in %e /\ @FIX(e, 0) /\ LN2 - (LN2_HI + LN2_LO) in +-ln2 /\ low -/ EXACT in +-log_near_1
  /\ EXACT in [-0.346574, 0.346574]
  -> v -/ V in +-log }

LN2 -> (LN2_HI + LN2_LO) + (LN2 - (LN2_HI + LN2_LO));
(h + inner) - V -> (h - e * LN2_HI) + (inner - (low + i)) + (low - EXACT)
  + (i - e * LN2_LO) - e * (LN2 - (LN2_HI + LN2_LO));
low -> EXACT + (low - EXACT);

$ e in 8;
