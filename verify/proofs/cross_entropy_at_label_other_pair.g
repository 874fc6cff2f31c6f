# The gradient at another label, (e - (1 + S)) / (1 + S), where S is E and REST: the numerator is -(1 + REST), and 1 + S
# at most twice that. An E below 2^-960 is nothing beside them.

denominator pair= others + 1;
numerator pair= e - denominator;
v pair= over_one_plus(numerator, others);

OTHERS = E + REST;
LEFT = 1 + REST;
N = E - (OTHERS + 1);
V = N / (1 + OTHERS);

{ e -/ E in +-exp_pair /\ E in [1b-960, 1] /\ others -/ OTHERS in +-row_others_pair /\ REST in [0, 1b45]
  -> numerator -/ N in +-cross_entropy_numerator_pair /\ v -/ V in +-cross_entropy_at_label_pair }

N -> -LEFT;
OTHERS / LEFT -> 1 - (1 - E) / LEFT { LEFT <> 0 };
(denominator - (OTHERS + 1)) / LEFT -> ((denominator - (others + 1)) / (others + 1)) * ((others + 1) / LEFT)
  + ((others - OTHERS) / OTHERS) * (OTHERS / LEFT) { LEFT <> 0, OTHERS <> 0, others + 1 <> 0 };
(others + 1) / LEFT -> 1 + E / LEFT + ((others - OTHERS) / OTHERS) * (OTHERS / LEFT) { LEFT <> 0, OTHERS <> 0 };
(e + denominator) / LEFT -> (1 + (e - E) / E) * (E / LEFT) + (denominator - (OTHERS + 1)) / LEFT + 1 + E / LEFT
  { LEFT <> 0, E <> 0 };
(numerator - N) / N -> -((numerator - (e - denominator)) / (e + denominator)) * ((e + denominator) / LEFT)
  - ((e - E) / E) * (E / LEFT) + (denominator - (OTHERS + 1)) / LEFT
  { N <> 0, LEFT <> 0, E <> 0, e + denominator <> 0 };
