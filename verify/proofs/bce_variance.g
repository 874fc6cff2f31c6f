# x (1 - x) for an f32 x in [0, 1].

x = float<ieee_32, ne>(x_);
v rnd= x * (1 - x);

V = x * (1 - x);

{ x in [0, 1]
  -> v -/ V in +-bce_variance }
