# e^R as 1 + (r + r^2 Q(r)), for the R and r of exp_reduced.g; the power of two is exact for x >= -708. EXACT is e^R,
# NEAR is e^r.

r = rnd(r_);
q rnd= r * r;
p4 rnd= ((EXP_9 * r + EXP_8) * q + (EXP_7 * r + EXP_6)) * q + (EXP_5 * r + EXP_4);
p rnd= (p4 * q + (EXP_3 * r + EXP_2)) * q + (EXP_1 * r + EXP_0);
s rnd= 1 + (r + q * p);

Q = r * r;
P4 = ((EXP_9 * r + EXP_8) * Q + (EXP_7 * r + EXP_6)) * Q + (EXP_5 * r + EXP_4);
P = (P4 * Q + (EXP_3 * r + EXP_2)) * Q + (EXP_1 * r + EXP_0);
S = 1 + (r + Q * P);

{ r in [-0.34658, 0.34658] /\ S -/ NEAR in +-exp_polynomial /\ NEAR -/ EXACT in +-exp_moved
  -> s -/ EXACT in +-exp }

$ r in 64;
