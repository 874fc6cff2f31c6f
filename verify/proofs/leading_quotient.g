# leading_quotient of pairs a + a_low and b + b_low, with a and b from 1 to 2: other numbers are these times a power of
# two. `quotient` and b1 have 26 bits and b2 has 27, so that the products with `quotient` are exact.

@first_bits = float<26, -1000, zr>;
a = rnd(a_);
b = rnd(b_);
a_low = rnd(a_low_);
b_low = rnd(b_low_);
reciprocal rnd= 1 / b;
product rnd= a * reciprocal;
quotient = first_bits(product);
b1 = first_bits(b);
b2 rnd= b - b1;
difference rnd= (a - quotient * b1) - quotient * b2;
inner rnd= difference + (a_low - quotient * b_low);
rest rnd= inner * reciprocal;

R = 1 / b;
Y = a * R;
N = a - quotient * b + (a_low - quotient * b_low);
V = (a + a_low) / (b + b_low);

{ a in [1, 2] /\ b in [1, 2] /\ a_low in [-1b-47, 1b-47] /\ b_low in [-1b-47, 1b-47]
  /\ b2 in [0, 1b-25] /\ @FLT(b2, 27)
  -> (quotient + rest) -/ V in +-leading_quotient /\ rest / quotient in [-0x1.1p-23, 0x1.1p-23] }

product - Y -> (product - a * reciprocal) + a * (reciprocal - R);
a - quotient * b -> -b * (quotient - Y);
quotient - Y -> (quotient - product) + (product - Y);
a - quotient * b1 -> (a - quotient * b) + quotient * b2 - quotient * (b2 - (b - b1));
(a - quotient * b1) - quotient * b2 -> (a - quotient * b) - quotient * (b2 - (b - b1));
difference - (a - quotient * b) -> (difference - ((a - quotient * b1) - quotient * b2)) - quotient * (b2 - (b - b1));
difference -> (a - quotient * b) + (difference - (a - quotient * b));
N -> -b * (quotient - Y) + (a_low - quotient * b_low);
inner - N -> (inner - (difference + (a_low - quotient * b_low))) + (difference - (a - quotient * b));
(quotient + rest) - V -> (rest - inner * reciprocal) + inner * (reciprocal - R) + (inner - N) * R
  + N * R * (b_low / (b + b_low))
  { b <> 0, b + b_low <> 0 };
