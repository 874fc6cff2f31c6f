# The quotient of two pairs, a + a_low and b + b_low, for a / b and b from 1 to 2: other numbers are these times powers
# of two. back + lost is `high` times b, as two_product.g has it.

a = rnd(a_);
b = rnd(b_);
a_low = rnd(a_low_);
b_low = rnd(b_low_);
lost = rnd(lost_);
high rnd= a / b;
back rnd= high * b;
rest rnd= ((a - back) - lost) + (a_low - high * b_low);
low rnd= rest / b;

Y = a / b;
N = (a - high * b) + (a_low - high * b_low);
V = (a + a_low) / (b + b_low);

{ Y in [1, 2] /\ a in [1, 4] /\ b in [1, 2] /\ a_low in [-1b-47, 1b-47] /\ b_low in [-1b-48, 1b-48]
  /\ lost - (high * b - back) in +-two_product
  -> (high + low) -/ V in +-pair_quotient }

high -> Y + (high - a / b) { b <> 0 };
a - high * b -> -b * (high - a / b) { b <> 0 };
a - back -> (a - high * b) - (back - high * b);
lost -> (lost - (high * b - back)) - (back - high * b);
(a - back) - lost -> (a - high * b) - (lost - (high * b - back));
rest - N -> (rest - (((a - back) - lost) + (a_low - high * b_low))) - (lost - (high * b - back));
(high + low) - V -> (low - rest / b) + (rest - N) / b + N * (b_low / (b * (b + b_low)))
  { b <> 0, b + b_low <> 0, b * (b + b_low) <> 0 };
