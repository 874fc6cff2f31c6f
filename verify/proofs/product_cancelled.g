# The product of two pairs, a + a_low and b + b_low, where a is what is left of a difference, and both are in units of
# the sum of its terms' magnitudes; b is from 1 to 2. As pair_product.g.

a = rnd(a_);
b = rnd(b_);
a_low = rnd(a_low_);
b_low = rnd(b_low_);
lost = rnd(lost_);
high rnd= a * b;
cross rnd= a * b_low + a_low * b;
low rnd= lost + cross;

V = (a + a_low) * (b + b_low);

{ a in [-1, 1] /\ b in [1, 2] /\ a_low in [-1b-47, 1b-47] /\ b_low in [-1b-48, 1b-48]
  /\ lost - (a * b - high) in +-two_product
  -> (high + low) - V in +-product_cancelled }

lost -> (lost - (a * b - high)) - (high - a * b);
(high + low) - V -> (low - (lost + cross)) + (cross - (a * b_low + a_low * b)) + (lost - (a * b - high)) - a_low * b_low;
