# softplus.g and softplus_beta.g for x > 0 where the logarithm's part, q, is below 2^-270: whatever is lost of it.

x = float<ieee_32, ne>(x_);
q = rnd(q_);
v rnd= x + q;

V = x + Q;

{ x in [1b-149, 1b128] /\ q in [0, 1b-270] /\ Q in [0, 1b-270]
  -> v -/ V in +-softplus /\ v -/ V in +-softplus_beta }
