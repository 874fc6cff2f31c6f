# The same for S < 2^-699, all of which may be lost. For m = x the loss is 0 in an f32.

m = float<ieee_32, ne>(m_);
x = float<ieee_32, ne>(x_);
w = float<ieee_32, ne>(w_);
l = rnd(l_);
d rnd= m - x;
v rnd= w * (d + l);

D = m - x;
V = w * (D + EXACT);

{ D in [1b-149, 1b129] /\ |w| in [1b-149, 1b128] /\ l in [0, 1b-690] /\ EXACT in [0, 1b-690]
  -> v -/ V in +-cross_entropy }

((d + l) - (D + EXACT)) / (D + EXACT) -> ((d - D) / D) * (1 - EXACT / (D + EXACT)) + (l - EXACT) / (D + EXACT)
  { D <> 0, D + EXACT <> 0 };
