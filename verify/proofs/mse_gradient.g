# 2 (x - y) of f32.

x = float<ieee_32, ne>(x_);
y = float<ieee_32, ne>(y_);
v rnd= 2 * (x - y);

V = 2 * (x - y);

{ x in [-1b128, 1b128] /\ y in [-1b128, 1b128]
  -> v -/ V in +-mse_gradient }
