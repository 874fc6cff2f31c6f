# a * b = high + low (Dekker 1971, with a split by bits) for a and b from 1 to 2: a1 and b1 are the first 26 bits of
# each, a2 and b2 the other 27. Only the product of these two rounds. Other numbers are these times a power of two.

@first_bits = float<26, -1000, zr>;
a = rnd(a_);
b = rnd(b_);
high rnd= a * b;
a1 = first_bits(a);
b1 = first_bits(b);
a2 rnd= a - a1;
b2 rnd= b - b1;
one rnd= (a1 * b1 - high) + a1 * b2;
two rnd= one + a2 * b1;
low rnd= two + a2 * b2;

{ a in [1, 9007199254740991b-52] /\ b in [1, 9007199254740991b-52]
  /\ a2 in [0, 134217727b-52] /\ b2 in [0, 134217727b-52] /\ a - a1 in [0, 134217727b-52]
  -> low - (a * b - high) in +-two_product }

a1 * b1 - high -> -(high - a * b) - (a - a1) * b - a1 * (b - b1);
(a1 * b1 - high) + a1 * b2 -> -(high - a * b) - (a - a1) * b + a1 * (b2 - (b - b1));
one + a2 * b1 -> -(high - a * b) - (a - a1) * (b - b1) + (one - ((a1 * b1 - high) + a1 * b2))
  + (a2 - (a - a1)) * b1 + a1 * (b2 - (b - b1));
low - (a * b - high) -> (low - (two + a2 * b2)) + (two - (one + a2 * b1)) + (one - ((a1 * b1 - high) + a1 * b2))
  + (a2 - (a - a1)) * (b1 + b2) + a * (b2 - (b - b1));
