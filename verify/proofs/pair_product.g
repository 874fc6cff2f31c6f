# The product of two pairs, a + a_low and b + b_low, for a and b from 1 to 2: other numbers are these times a power of
# two. high + lost is a b, as two_product.g has it. The product of the low parts is left out.

a = rnd(a_);
b = rnd(b_);
a_low = rnd(a_low_);
b_low = rnd(b_low_);
lost = rnd(lost_);
high rnd= a * b;
cross rnd= a * b_low + a_low * b;
low rnd= lost + cross;

V = (a + a_low) * (b + b_low);

{ a in [1, 2] /\ b in [1, 2] /\ a_low in [-1b-48, 1b-48] /\ b_low in [-1b-48, 1b-48]
  /\ lost - (a * b - high) in +-two_product
  -> (high + low) -/ V in +-pair_product }

lost -> (lost - (a * b - high)) - (high - a * b);
(high + low) - V -> (low - (lost + cross)) + (cross - (a * b_low + a_low * b)) + (lost - (a * b - high)) - a_low * b_low;
