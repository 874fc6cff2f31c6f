# -y max(ln x, -100) - (1 - y) max(ln(1 - x), -100) for f32 x and y in %y. a and b are the clamped logarithms,
# negated: the clamp leaves a relative error what it is. A and B are 0, or at least 2^-25 and 2^-149, so that a and b
# are multiples of 2^-78 and 2^-202, as the logarithms' errors are relative.
# case: y = [1b-149, 16777215b-24]; A = [1b-25, 100]; B = [1b-149, 100]
# case: y = [1b-149, 16777215b-24]; A = [100, 100]; B = [0, 0]
# case: y = [1b-149, 16777215b-24]; A = [0, 0]; B = [100, 100]
# case: y = [0, 0]; A = [1b-25, 100]; B = [1b-149, 100]
# case: y = [1, 1]; A = [1b-25, 100]; B = [1b-149, 100]

y = float<ieee_32, ne>(y_);
a = rnd(a_);
b = rnd(b_);
v rnd= y * a + (1 - y) * b;

V = y * A + (1 - y) * B;

{ y in %y /\ a -/ A in +-log /\ b -/ B in +-log1p /\ A in %A /\ B in %B /\ @FIX(a, -78) /\ @FIX(b, -202)
  -> v -/ V in +-bce }
