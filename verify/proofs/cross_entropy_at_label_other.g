# The gradient at another label, (e - (1 + S)) / (1 + S), where S is E and REST: the numerator is -(1 + REST), and 1 + S
# at most twice that. An E that underflows is nothing beside them.

e = rnd(e_);
others = rnd(others_);
denominator rnd= 1 + others;
v rnd= (e - denominator) / denominator;

OTHERS = E + REST;
N = E - (1 + OTHERS);
V = N / (1 + OTHERS);

{ e -/ E in +-exp_of_rounded /\ E in [1b-700, 1] /\ others -/ OTHERS in +-row_others /\ REST in [0, 1b45]
  -> v -/ V in +-cross_entropy_at_label }

(denominator - (1 + OTHERS)) / N ->
  -((denominator - (1 + others)) / (1 + others)) * (1 + (others - OTHERS) / (1 + OTHERS)) * (1 + E / (1 + REST))
  - ((others - OTHERS) / OTHERS) * (OTHERS / (1 + REST))
  { N <> 0, 1 + others <> 0, OTHERS <> 0, 1 + OTHERS <> 0, 1 + REST <> 0 };
((e - denominator) - N) / N -> -((e - E) / E) * (E / (1 + REST)) - (denominator - (1 + OTHERS)) / N
  { N <> 0, E <> 0, 1 + REST <> 0 };
N -> -(1 + REST);
