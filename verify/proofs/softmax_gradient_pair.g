# H - N / (1 + S) in the gradient of softmax, which is multiplied by p_j, in units of M = H + W, the sum of its terms'
# magnitudes: N, the sum of the products e_k h_k, is at most MAG, the sum of their magnitudes, and W is MAG / (1 + S).
# h is exact, and here not negative: else all signs change. `sum` is the computed N, of either sign. A sum that is 0,
# where Gappa can't divide by it, is divided exactly.
# case: minus = - dot; both = h + dot; sign = +; dots = [0, 1b1001]
# case: minus = + (-dot); both = h + (-dot); sign = -; dots = [-1b1001, 0]

denominator pair= others + 1;
dot pair= sum / denominator;
difference pair= h %minus;

DOT = N / (1 + OTHERS);
W = MAG / (1 + OTHERS);
M = h + W;
D = h - DOT;

{ others -/ OTHERS in +-row_others_pair /\ OTHERS in [1b-960, 1b45]
  /\ (sum - N) / MAG in +-row_dot_pair /\ N / MAG in [-1, 1] /\ MAG in [1b-960, 1b1000]
  /\ h in [0, 1b1000] /\ h / M in [0, 1] /\ W / M in [0, 1] /\ dot in %dots
  /\ |sum| in [1b-1000, 1b1001] /\ %both in [1b-1000, 1b1002]
  -> (difference - D) / M in +-softmax_difference_pair }

(difference - D) / M -> ((difference - (h %minus)) / (%both)) * (h / M %sign (dot / W) * (W / M))
  - ((dot - DOT) / W) * (W / M) { %both <> 0, M <> 0, W <> 0 };
dot / W -> N / MAG + (dot - DOT) / W { W <> 0, MAG <> 0, 1 + OTHERS <> 0 };
(dot - DOT) / W -> ((dot - sum / denominator) / (sum / denominator)) * ((sum / denominator) / W)
  + (sum / denominator - DOT) / W { W <> 0, denominator <> 0, sum / denominator <> 0 };
(sum / denominator) / W -> (N / MAG + (sum - N) / MAG) / (1 + (denominator - (1 + OTHERS)) / (1 + OTHERS))
  { W <> 0, MAG <> 0, denominator <> 0, 1 + OTHERS <> 0, 1 + (denominator - (1 + OTHERS)) / (1 + OTHERS) <> 0 };
(sum / denominator - DOT) / W -> ((sum - N) / MAG - (N / MAG) * ((denominator - (1 + OTHERS)) / (1 + OTHERS)))
  / (1 + (denominator - (1 + OTHERS)) / (1 + OTHERS))
  { W <> 0, MAG <> 0, denominator <> 0, 1 + OTHERS <> 0, 1 + (denominator - (1 + OTHERS)) / (1 + OTHERS) <> 0 };
(denominator - (1 + OTHERS)) / (1 + OTHERS) ->
  ((denominator - (others + 1)) / (others + 1)) * (1 + ((others - OTHERS) / OTHERS) * (1 - 1 / (1 + OTHERS)))
  + ((others - OTHERS) / OTHERS) * (1 - 1 / (1 + OTHERS)) { others + 1 <> 0, OTHERS <> 0, 1 + OTHERS <> 0 };
