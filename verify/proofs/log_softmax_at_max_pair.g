# The numerator of the gradient of log_softmax at the first class with the largest logit, S g_m - R, in units of the
# sum of its terms' magnitudes: R is the sum of the other g_k, and MAG that of their magnitudes. g_m is not negative:
# else all signs change. `rest` is the computed R, of either sign.
# case: minus = - rest; both = product + rest; sign = +; rests = [0, 1b1000]
# case: minus = + (-rest); both = product + (-rest); sign = -; rests = [-1b1000, 0]

g = rnd(g_);
product pair= others * g;
numerator pair= product %minus;

M = OTHERS * g + MAG;
N = OTHERS * g - REST;

{ others -/ OTHERS in +-row_others_pair /\ OTHERS in [1b-960, 1b45] /\ g in [1b-960, 1b1000]
  /\ (rest - REST) / MAG in +-compensated /\ REST / MAG in [-1, 1] /\ MAG in [1b-960, 1b1000]
  /\ (OTHERS * g) / M in [0, 1] /\ MAG / M in [0, 1] /\ rest in %rests /\ %both in [1b-1000, 1b1050]
  -> (numerator - N) / M in +-log_softmax_numerator_pair }

(numerator - N) / M -> ((numerator - (product %minus)) / (%both))
    * ((product / (OTHERS * g)) * ((OTHERS * g) / M) %sign (REST / MAG + (rest - REST) / MAG) * (MAG / M))
  + ((product - OTHERS * g) / (OTHERS * g)) * ((OTHERS * g) / M) - ((rest - REST) / MAG) * (MAG / M)
  { %both <> 0, M <> 0, MAG <> 0, OTHERS * g <> 0 };
product / (OTHERS * g) -> 1 + (product - OTHERS * g) / (OTHERS * g) { OTHERS * g <> 0 };
(product - OTHERS * g) / (OTHERS * g) -> ((product - others * g) / (others * g)) * (1 + (others - OTHERS) / OTHERS)
  + (others - OTHERS) / OTHERS { OTHERS * g <> 0, others * g <> 0, OTHERS <> 0 };
