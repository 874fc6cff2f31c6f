# (x - y)^2 of f32: multiples of 2^-149, whose square does not underflow, and does not overflow.

x = float<ieee_32, ne>(x_);
y = float<ieee_32, ne>(y_);
r rnd= x - y;
v rnd= r * r;

V = (x - y) * (x - y);

{ x in [-1b128, 1b128] /\ y in [-1b128, 1b128]
  -> v -/ V in +-mse }
