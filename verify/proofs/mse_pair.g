# (x - y)^2 and 2 (x - y) of f64 x > y, whose difference is exact as a pair. The other way round signs change, and with
# them nothing else; at x = y all is 0.

x = rnd(x_);
y = rnd(y_);
r pair= x - y;
v pair= r * r;
g pair= r + r;

V = (x - y) * (x - y);
G = (x - y) + (x - y);

{ x - y in [1b-1074, 1b1023]
  -> v -/ V in +-mse_pair /\ g -/ G in +-mse_gradient_pair }
