# |x| W + (1 - y + c y) ln(1 + T) for f32 x, y in [0, 1] and c >= 0, where W is 1 - y for x >= 0 and c y else, and T =
# exp(-|x|). a is |x|, or at its near tie 2^-53 more, which is within u of the whole: see softplus_near_tie.g. l is
# log1p_unit(t), EXACT is ln(1 + T), NEAR is ln(1 + t).
#
# For |x| <= 485. Cases: y between 0 and 1; 0; 1, where c > 0, else all terms are 0. With y = 1 and x >= 0 the first
# term is 0 and `both` is c: the last case with an x of 0 has it, as EXACT is any number there.
# case: wrong = negative; W = (1 - y); y = [1b-149, 16777215b-24]; c = [0, 1b128]; ny = (1 - y)
# case: wrong = positive; W = (c * y); y = [1b-149, 16777215b-24]; c = [0, 1b128]; ny = (1 - y)
# case: wrong = negative; W = (1 - y); y = [0, 0]; c = [0, 1b128]; ny = (1 - y)
# case: wrong = positive; W = (c * y); y = [0, 0]; c = [0, 1b128]; ny = (1 - y)
# case: wrong = positive; W = (c * y); y = [1, 1]; c = [1b-149, 1b128]; ny = 0

x = float<ieee_32, ne>(x_);
y = float<ieee_32, ne>(y_);
c = float<ieee_32, ne>(c_);
l = rnd(l_);
negative rnd= %ny;
positive rnd= c * y;
both rnd= negative + positive;
v rnd= %wrong * x + both * l;

V = %W * x + (%ny + c * y) * EXACT;

{ x in [0, 485] /\ y in %y /\ c in %c
  /\ l -/ NEAR in +-log1p_unit /\ NEAR -/ EXACT in +-log1p_of_exp /\ EXACT in [1b-700, 1]
  -> v -/ V in +-bce_with_logits }
