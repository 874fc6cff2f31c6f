# The one f32 whose |x| softplus takes 2^-53 larger.

x = float<ieee_32, ne>(x_);
l = rnd(l_);
v rnd= (x + 1b-53) + l;

V = x + EXACT;

{ x in [0x1.d483ap-12, 0x1.d483ap-12] /\ l -/ NEAR in +-log1p_unit /\ NEAR -/ EXACT in +-log1p_of_exp /\ EXACT in [0.69, 0.7]
  -> v -/ V in +-softplus }
